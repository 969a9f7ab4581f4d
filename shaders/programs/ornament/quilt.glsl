// title: Quilt of patterned patches with stitched seams
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: scale log_uniform 0.7 2.2
// parameter: turn angle
// parameter: warp uniform 0.0 0.3
// parameter: puff uniform 0.1 0.7
// parameter: print_scale log_uniform 1.5 4.5
// parameter: print_contrast uniform 0.2 1.0
// parameter: triangles uniform 0.0 1.0
// parameter: stitches log_uniform 4.0 14.0
// parameter: sun angle
// parameter: wrinkle uniform 0.0 0.5

float print_mark(vec2 q, int kind) {
    vec2 c = fract(q) - 0.5;
    if (kind == 0) return 0.0;
    if (kind == 1) return step(0.5, fract(q.x));
    if (kind == 2) return step(length(c), 0.3);
    if (kind == 3) return 0.5 * (step(0.5, fract(q.x)) + step(0.5, fract(q.y)));
    if (kind == 4) return step(flower(c, 5.0, 0.45, 0.6), 0.0);
    return step(0.55, noise(1.5 * q, salt + 30.0));
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p * scale + warp * noise_offset(1.3 * p, salt + 20.0) + 10.0;
    ivec2 cell = ivec2(floor(q));
    vec2 f = fract(q);
    float rim = min(min(f.x, 1.0 - f.x), min(f.y, 1.0 - f.y));
    vec3 h = hash3(cell, salt);
    int half_ = 0;
    if (h.x < triangles) {
        float diagonal = h.y < 0.5 ? f.x - f.y : f.x + f.y - 1.0;
        half_ = diagonal > 0.0 ? 1 : 2;
        rim = min(rim, abs(diagonal) * 0.7071);
    }
    vec3 k = hash3(cell * 3 + half_, salt + 1.0);
    float mark = print_mark(rotation(floor(4.0 * k.z) * 0.25 * PI) * q * print_scale, int(6.0 * k.y));
    vec3 base = k.z < 0.55 ? colours(k.x) : others(k.x);
    vec3 colour = mix(base, k.z < 0.3 ? others(1.0 - k.x) : colours(1.0 - k.x), mark * print_contrast);
    float swell = smoothstep(0.0, 0.3, rim);
    float crumple = noise(5.0 * q, salt + 8.0) + noise(11.0 * q, salt + 9.0) - 1.0;
    colour *= 1.0 - puff * (1.0 - swell) + wrinkle * 0.5 * crumple * (1.2 - swell);
    colour *= 1.0 + 0.35 * puff * dot(f - 0.5, rotation(turn) * unit_vector(sun));
    float stitch = stroke(rim - 0.06, 0.012, PIXEL * scale) * step(0.4, fract(stitches * (f.x + f.y)));
    return mix(colour, others(0.95), 0.8 * stitch);
}
