// licence: Apache-2.0
// include: hash
// Lattice noises over integer hashes. All return values in [0, 1], with mean near 0.5.

float noise(vec2 p, float salt) {
    ivec2 cell = ivec2(floor(p));
    vec2 f = fract(p);
    f = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    return mix(mix(hash1(cell, salt), hash1(cell + ivec2(1, 0), salt), f.x),
               mix(hash1(cell + ivec2(0, 1), salt), hash1(cell + ivec2(1, 1), salt), f.x), f.y);
}

float noise(vec3 p, float salt) {
    ivec3 cell = ivec3(floor(p));
    vec3 f = fract(p);
    f = f * f * (3.0 - 2.0 * f);
    vec4 near, far;
    for (int i = ZERO; i < 4; i++) {
        ivec3 corner = cell + ivec3(i & 1, i >> 1, 0);
        near[i] = unit(hash_cell(corner, salt));
        far[i] = unit(hash_cell(corner + ivec3(0, 0, 1), salt));
    }
    vec4 layer = mix(near, far, f.z);
    return mix(mix(layer.x, layer.y, f.x), mix(layer.z, layer.w, f.x), f.y);
}

// Sum of octaves, each turned against the last so that lattices do not line up; gain in (0, 1).
float fbm(vec2 p, int octaves, float gain, float salt) {
    float sum = 0.0, weight = 0.0, amplitude = 1.0;
    for (int i = ZERO; i < octaves; i++) {
        sum += amplitude * noise(p, salt + float(i));
        weight += amplitude;
        amplitude *= gain;
        p = mat2(1.6, 1.2, -1.2, 1.6) * p + vec2(1.7, 9.2);
    }
    return clamp(0.5 + 1.6 * (sum / weight - 0.5), 0.0, 1.0);
}

float fbm(vec3 p, int octaves, float gain, float salt) {
    float sum = 0.0, weight = 0.0, amplitude = 1.0;
    for (int i = ZERO; i < octaves; i++) {
        sum += amplitude * noise(p, salt + float(i));
        weight += amplitude;
        amplitude *= gain;
        p = p.yzx * 2.03 + vec3(1.7, 9.2, 4.1);
    }
    return clamp(0.5 + 1.6 * (sum / weight - 0.5), 0.0, 1.0);
}

// Sharp crests: mountains, creases.
float ridges(vec2 p, int octaves, float gain, float salt) {
    float sum = 0.0, weight = 0.0, amplitude = 1.0;
    for (int i = ZERO; i < octaves; i++) {
        float crest = 1.0 - abs(2.0 * noise(p, salt + float(i)) - 1.0);
        sum += amplitude * crest * crest;
        weight += amplitude;
        amplitude *= gain;
        p = mat2(1.6, 1.2, -1.2, 1.6) * p + vec2(1.7, 9.2);
    }
    return sum / weight;
}

// Two noises as a displacement in [-1, 1]^2.
vec2 noise_offset(vec2 p, float salt) { return 2.0 * vec2(noise(p, salt), noise(p, salt + 31.0)) - 1.0; }
