// title: Woven cloth in soft folds
// licence: Apache-2.0
// cost: medium
// include: noise, relief
// parameter: colours palette
// parameter: print palette
// parameter: salt seed
// parameter: scale log_uniform 0.5 1.8
// parameter: hang angle
// parameter: stretch log_uniform 1.0 4.0
// parameter: height uniform 0.25 0.8
// parameter: pinch uniform 0.0 1.0
// parameter: sun angle
// parameter: elevation uniform 0.4 1.0
// parameter: pattern integer 0 4
// parameter: pattern_scale log_uniform 1.5 9.0
// parameter: pattern_turn angle
// parameter: gloss uniform 0.0 0.6
// parameter: sharpness log_uniform 4.0 30.0

float relief(vec2 q) {
    vec2 r = q * vec2(1.0, 1.0 / stretch) + 0.4 * noise_offset(0.7 * q, salt);
    float wide = noise(r * vec2(1.6, 1.0), salt + 3.0);
    float crease = 1.0 - abs(2.0 * noise(r * vec2(2.3, 0.8) + 7.0, salt + 4.0) - 1.0);
    return height * (wide + pinch * 0.5 * crease * crease + 0.12 * noise(4.0 * r, salt + 5.0));
}

float print_mark(vec2 q) {
    q = pattern_scale * (rotation(pattern_turn) * q);
    vec2 c = fract(q) - 0.5;
    if (pattern < 0.5) return 0.0;
    if (pattern < 1.5) return smoothstep(-0.05, 0.05, sin(TURN * q.x) - 0.2);
    if (pattern < 2.5) return 0.5 * step(0.5, fract(q.x)) + 0.5 * step(0.5, fract(q.y));
    if (pattern < 3.5) return smoothstep(0.32, 0.28, length(c));
    return smoothstep(0.5, 0.6, noise(1.3 * q, salt + 30.0));
}

vec3 shade(vec2 p) {
    vec2 q = rotation(hang) * p * scale + 15.0;
    vec3 light = light_direction(sun, elevation);
    vec3 normal = relief_normal(q, 0.012);
    float h = relief(q);
    float lit = relief_shadow(q, light, 0.8, 0.5, 8);
    vec2 cloth = q + 0.5 * normal.xy;  // the print follows the folds
    vec3 albedo = mix(colours(0.45 + 0.25 * noise(0.6 * q, salt + 9.0)), print(0.8 * hash1(ivec2(floor(pattern_scale * cloth)), salt)), print_mark(cloth));
    vec3 colour = shine(albedo, normal, light, lit, 0.28, gloss, sharpness);
    return colour * (0.65 + 0.5 * smoothstep(0.0, height, h));
}
