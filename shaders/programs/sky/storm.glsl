// title: Thunderheads, rain and lightning over a plain
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: sky palette
// parameter: land palette
// parameter: salt seed
// parameter: horizon uniform -0.75 -0.1
// parameter: base uniform 0.0 0.6
// parameter: scale log_uniform 0.8 2.2
// parameter: billow uniform 0.3 1.2
// parameter: bolts integer 0 3
// parameter: jag uniform 0.1 0.4
// parameter: rain uniform 0.2 1.0
// parameter: rain_x uniform -0.8 0.8
// parameter: rain_width uniform 0.2 0.8
// parameter: wind uniform -0.4 0.4
// parameter: gap uniform 0.1 1.0
// parameter: gap_x uniform -1.0 1.0
// parameter: fields log_uniform 1.0 4.0
// parameter: farm uniform -0.5 1.0
// parameter: darkness uniform 0.3 0.8

// Sideways place of a bolt at height y: three octaves of a broken line.
float zig(float y, float key) {
    float x = 0.0, amplitude = jag, n = 2.0;
    for (int i = ZERO; i < 4; i++) {
        float s = n * y + 5.0, f = fract(s);
        x += amplitude * (mix(hash1(int(floor(s)), key + float(i)), hash1(int(floor(s)) + 1, key + float(i)), f) - 0.5);
        amplitude *= 0.5;
        n *= 2.2;
    }
    return x;
}

vec3 shade(vec2 p) {
    float up = p.y - horizon;
    vec2 q = scale * vec2(p.x, 1.5 * p.y) + 7.0;
    q += 0.35 * billow * noise_offset(1.4 * q, salt);
    float h = fbm(q, 5, 0.55, salt + 1.0), toward = fbm(q + vec2(0.14 * sign(gap_x), -0.12), 5, 0.55, salt + 1.0);
    float light_gap = gap * exp(-2.5 * length((p - vec2(gap_x, horizon + 0.15)) * vec2(0.7, 1.6)));
    float body = smoothstep(-0.25, 0.45, up - base + 0.8 * (h - 0.5));
    vec3 clear = mix(mix(sky_at(3), vec3(1.0, 0.88, 0.68), 0.4), sky(0.6), saturate(1.2 * up));
    float lit = clamp(0.5 + 3.2 * billow * (h - toward), 0.0, 1.0);
    vec3 cloud = mix(sky(0.12), sky(0.75), 0.2 + 0.8 * lit * (0.35 + 0.65 * saturate(up))) * (1.25 - 0.75 * darkness * smoothstep(0.9, 0.2, up));
    vec3 colour = mix(clear * (0.75 + 0.4 * light_gap), cloud, body);
    float curtain = exp(-pow((p.x + wind * (p.y - base) - rain_x) / rain_width, 2.0));
    float streaks = 0.7 + 0.5 * noise(vec2(22.0 * (p.x + wind * p.y), 1.3 * p.y), salt + 3.0);
    float wet = rain * curtain * streaks * smoothstep(base + 0.25, base - 0.2, up);
    colour = mix(colour, sky(0.3) * (0.9 - 0.4 * darkness), saturate(0.85 * wet));
    colour += 0.4 * light_gap * clear * (1.0 - body);
    if (up < 0.0) {
        float z = 0.3 / max(-up, 0.01);
        vec2 g = fields * vec2(p.x * z, z);
        vec3 f = hash3(ivec2(floor(g * vec2(0.7, 0.5))), salt + 4.0);
        float turf = fbm(g * vec2(3.0, 1.5), 4, 0.6, salt + 5.0);
        vec3 ground = land(0.2 + 0.45 * f.x + 0.4 * (turf - 0.5)) * (0.55 + 0.5 * smoothstep(0.42, 0.6, fbm(0.5 * g + 3.0, 3, 0.5, salt + 6.0)) + 0.6 * light_gap);
        colour = mix(mix(colour, sky(0.4), 0.5), ground, exp(-0.05 * z));
        colour = mix(colour, sky(0.4), 0.6 * rain * curtain * exp(-6.0 * -up));
    }
    float trees = 0.02 + 0.05 * noise(vec2(9.0 * p.x, 1.0), salt + 7.0) + 0.03 * noise(vec2(30.0 * p.x, 2.0), salt + 8.0);
    colour = mix(colour, mix(land(0.1), sky(0.3), 0.4) * 0.7, inside(max(up - trees * step(0.45, noise(vec2(1.7 * p.x, 4.0), salt + 9.0)), -up - 0.015), 2.0 * PIXEL));
    for (int i = ZERO; i < int(bolts); i++) {
        vec3 k = hash3(i, salt + 10.0);
        float key = salt + 20.0 + 5.0 * float(i), root = 1.5 * k.x - 0.75;
        float d = abs(p.x - root - zig(up, key)), on = step(0.0, up);
        float fork = 0.25 + 0.5 * k.y;
        float side = abs(p.x - root - zig(fork, key) - (k.z - 0.5) * 2.2 * (fork - up) - 0.6 * zig(1.7 * up, key + 3.0) + 0.6 * zig(1.7 * fork, key + 3.0));
        float branch = step(up, fork) * step(0.4 * fork, up);
        float w = 0.007 + 0.006 * k.y;
        colour += on * vec3(0.92, 0.93, 1.0) * (smoothstep(2.2 * w, 0.5 * w, d) + 0.7 * branch * smoothstep(1.6 * w, 0.3 * w, side));
        colour += vec3(0.6, 0.65, 0.85) * (0.28 * exp(-9.0 * d) * on + 0.3 * exp(-4.0 * length(p - vec2(root, horizon + base + 0.4))));
    }
    if (farm > 0.0) {
        vec2 v = (p - vec2(1.4 * farm - 0.7, horizon - 0.12)) / 0.2;
        float house = max(abs(v.x) - 0.5, max(-v.y, v.y - 0.45 - max(0.45 - 0.9 * abs(v.x), 0.0))), silo = max(abs(v.x - 0.75) - 0.14, max(-v.y, length(vec2(v.x - 0.75, max(v.y - 0.85, 0.0))) - 0.14));
        vec3 wood = land(0.55) * (v.x < 0.0 ? 0.75 : 0.5);
        if (v.y > 0.45 && abs(v.x) < 0.55) wood = land_at(0) * 0.6;
        colour = mix(colour, wood, inside(min(house, silo) * 0.2, 1.5 * PIXEL));
    }
    return colour;
}
