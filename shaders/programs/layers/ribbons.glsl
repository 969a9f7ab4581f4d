// title: Ribbons that wind over one another
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: count integer 3 12
// parameter: half_width log_uniform 0.05 0.3
// parameter: wave uniform 0.0 0.5
// parameter: frequency uniform 0.8 4.0
// parameter: round_share uniform 0.0 1.0
// parameter: pattern integer 0 3
// parameter: pattern_scale log_uniform 3.0 16.0
// parameter: shadow uniform 0.3 0.8
// parameter: light angle
// parameter: disorder uniform 0.0 1.0
// parameter: gloss uniform 0.0 0.5
// parameter: ground_scale log_uniform 0.4 3.0

// Across the ribbon (-1..1 inside) and along it.
vec2 ribbon(vec2 p, int i) {
    vec3 h = hash3(i, salt);
    float turn = PI * (disorder * h.x + (i % 2 == 0 ? 0.0 : 0.5)) + light;
    vec2 q = rotation(turn) * p;
    q.y += 1.1 * (2.0 * h.y - 1.0) + wave * sin(frequency * (0.5 + h.z) * q.x + TURN * h.x);
    float slope = wave * frequency * cos(frequency * (0.5 + h.z) * q.x + TURN * h.x) * (0.5 + h.z);
    float w = half_width * (0.5 + h.z);
    return vec2(q.y / (w * sqrt(1.0 + slope * slope)), q.x);
}

vec3 shade(vec2 p) {
    vec3 colour = others(fbm(ground_scale * p, 3, 0.5, salt + 20.0)) * (0.85 + 0.25 * dot(p, unit_vector(light)));
    for (int i = ZERO; i < int(count); i++) {
        vec2 q = ribbon(p, i);
        float tone = hash1(i, salt + 7.0);
        float under = abs(ribbon(p - 0.35 * half_width * unit_vector(light), i).x);
        colour *= 1.0 - shadow * smoothstep(1.5, 0.8, under);
        float mark = pattern < 0.5 ? 0.5 : pattern < 1.5 ? step(0.5, fract(pattern_scale * q.y))
            : pattern < 2.5 ? step(0.5, fract(1.5 * q.x + 0.25)) : noise(vec2(pattern_scale * q.y, 3.0 * q.x), salt + float(i));
        vec3 cloth = mix(colours(tone), others(1.0 - tone), 0.75 * mark);
        float tilt = 0.7 * q.x * round_share + 0.3 * sin(frequency * q.y + tone * 9.0);
        cloth *= 0.75 + 0.35 * tilt - 0.3 * round_share * q.x * q.x;
        cloth += gloss * pow(saturate(1.0 - abs(q.x - 0.4)), 6.0);
        colour = mix(colour, cloth, inside(abs(q.x) - 1.0, PIXEL / half_width));
    }
    return colour;
}
