// title: Crocheted doily on a dark table
// licence: Apache-2.0
// cost: medium
// include: cloth
// parameter: thread palette
// parameter: table palette
// parameter: salt seed
// parameter: radius uniform 0.8 1.7
// parameter: centre_x uniform -0.6 0.6
// parameter: centre_y uniform -0.6 0.6
// parameter: tilt uniform 0.0 0.5
// parameter: rings integer 3 5
// parameter: repeats integer 5 9
// parameter: thick uniform 0.13 0.24
// parameter: light_thread uniform 0.6 1.0
// parameter: dark_table uniform 0.05 0.4
// parameter: sun angle
// parameter: lift uniform 0.02 0.08
// parameter: turn angle
// parameter: cloth_stripes uniform 0.0 1.0

// Height of the thread at q, 0 where there is none. Each ring has its own stitch.
float crochet(vec2 q) {
    float r = length(q), angle = atan(q.y, q.x) / TURN + 0.5;
    float ring = floor(r * rings), f = r * rings - ring;
    if (ring > rings) return 0.0;
    if (ring == rings) {  // picots around the rim
        float x = fract(angle * repeats * 3.0) - 0.5;
        float d = abs(length(vec2(1.2 * x, f * 0.7)) - 0.3) * 1.5;
        return max(1.0 - d / (1.3 * thick), 0.0);
    }
    vec3 h = hash3(int(ring), salt + 2.0);
    float n = repeats * (1.0 + floor(ring * (0.5 + h.y)));
    float x = fract(angle * n + 0.5 * h.y) - 0.5, aspect = TURN * (r + 0.02) * rings / n;
    float d = min(f, 1.0 - f) - 0.04;
    int kind = int(5.0 * h.x);
    vec2 v = vec2(x * aspect, f - 0.5);
    if (ring < 1.0) kind = 3;
    if (kind == 0) d = min(d, abs(v.x));
    if (kind == 1) d = min(d, abs(length(vec2(v.x / max(aspect, 0.3) * 0.9, f)) - 0.45 - 0.4 * f) * 0.9);
    if (kind == 2) d = min(d, min(abs(fract(2.0 * (v.x + v.y)) - 0.5), abs(fract(2.0 * (v.x - v.y)) - 0.5)) * 0.5);
    if (kind == 3) return 0.55 + 0.45 * cos(TURN * 3.0 * f) * cos(PI * x);
    if (kind == 4) { float petal = abs(x) * 2.0 - sin(PI * f); if (petal < -0.1) return 0.6 + 0.3 * cos(9.0 * v.x) * cos(20.0 * f); d = min(d, abs(petal) * 0.4); }
    return max(1.0 - d / thick, 0.0);
}

vec3 shade(vec2 p) {
    vec2 q = vec2(p.x, 1.2 * p.y) / (1.0 - tilt * p.y);
    vec2 s = rotation(turn) * q, light = unit_vector(sun);
    vec3 wood = table(dark_table + 0.35 * fbm(s * vec2(1.0, 7.0) + 8.0, 4, 0.55, salt + 9.0)) * (0.9 + 0.35 * dot(p, light));
    wood = mix(wood, table(0.9) * 0.7, 0.35 * cloth_stripes * step(0.55, fract(1.8 * s.y + 0.1 * s.x)));
    vec2 v = (q - vec2(centre_x, centre_y)) / radius;
    v += 0.04 * noise_offset(2.0 * v, salt + 5.0);
    float h = crochet(v);
    float thrown = crochet(v + lift * light / radius);
    vec3 colour = wood * (1.0 - 0.65 * smoothstep(0.0, 0.5, thrown));
    float slope = (crochet(v + 0.014 * light) - h) * 1.2;
    float strand = 0.85 + 0.3 * noise(45.0 * v, salt + 6.0);
    vec3 cotton = mix(thread(light_thread), vec3(0.97, 0.95, 0.9), 0.55) * clamp(0.62 + 0.3 * h - 0.45 * slope, 0.1, 1.15) * strand;
    return mix(colour, cotton * (0.9 + 0.3 * dot(p, light)), smoothstep(0.02, 0.25, h));
}
