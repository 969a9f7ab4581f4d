// title: Cratered moon, whole or close, with long shadows
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: colours palette
// parameter: sky palette
// parameter: salt seed
// parameter: centre_x uniform -0.9 0.9
// parameter: centre_y uniform -1.0 0.6
// parameter: radius log_uniform 0.6 2.2
// parameter: craters log_uniform 1.5 4.0
// parameter: octaves integer 2 4
// parameter: depth uniform 0.3 1.0
// parameter: seas uniform 0.0 0.8
// parameter: rough uniform 0.0 0.4
// parameter: sun angle
// parameter: sun_front uniform 0.3 1.2
// parameter: sky_light uniform 0.4 1.1
// parameter: haze uniform 0.0 0.8
// parameter: rays uniform 0.0 0.6

// Bowls with raised rims around jittered points of a space lattice.
float ground(vec3 q) {
    float sum = 0.0, size = 1.0;
    for (int o = ZERO; o < int(octaves); o++) {
        vec3 base = floor(q - 0.5);
        for (int k = ZERO; k < 8; k++) {
            ivec3 id = ivec3(base) + ivec3(k & 1, (k >> 1) & 1, k >> 2);
            vec3 h = unit3(hash_cell(id, salt + float(o)));
            float r = 0.22 + 0.28 * h.z;
            float d = length(q - vec3(id) - 0.5 - 0.4 * (h - 0.5)) / r;
            float bowl = d < 1.0 ? 0.9 * d * d - 0.65 : 0.25 * exp(-5.0 * (d - 1.0));
            sum += size * r * bowl * smoothstep(1.7, 1.3, d);
        }
        q = q.zxy * 2.1 + 5.3;
        size *= 0.5;
    }
    return sum + rough * 0.12 * noise(3.0 * q, salt + 9.0);
}

vec3 shade(vec2 p) {
    vec3 light = normalize(vec3(unit_vector(sun), sun_front));
    vec2 v = (p - vec2(centre_x, centre_y)) / radius;
    float r = length(v), cloud = fbm(1.1 * p + 3.0, 4, 0.55, salt + 30.0);
    vec3 colour = mix(sky(0.2 + 0.3 * p.y), sky(0.7), smoothstep(0.35, 0.8, cloud)) * sky_light;
    colour += haze * 0.4 * sky_at(3) * exp(-4.0 * max(r - 1.0, 0.0));
    if (r >= 1.0) return colour;
    vec3 n = vec3(v, sqrt(1.0 - r * r)), q = craters * n + 9.0;
    float e = 0.02, h = ground(q);
    vec3 slope = vec3(ground(q + vec3(e, 0.0, 0.0)), ground(q + vec3(0.0, e, 0.0)), ground(q + vec3(0.0, 0.0, e))) - h;
    slope /= e;
    vec3 bent = normalize(n - depth * (slope - n * dot(slope, n)));
    float sea = seas * smoothstep(0.5, 0.65, fbm(1.3 * n + 20.0, 4, 0.55, salt + 11.0));
    vec3 stone = colours(0.75 - 0.5 * sea + 0.35 * (fbm(2.5 * q, 3, 0.6, salt + 12.0) - 0.5));
    vec2 burst = v - 0.4 * unit_vector(sun + 1.0);
    stone += rays * 0.3 * pow(noise(vec2(9.0 * atan(burst.y, burst.x), 1.0), salt + 13.0), 3.0) * exp(-2.0 * length(burst));
    float lit = max(dot(bent, light), 0.0) * smoothstep(-0.05, 0.12, dot(n, light));
    return mix(colour, stone * (0.13 + 1.2 * lit), inside(r - 1.0, 2.0 * PIXEL / radius));
}
