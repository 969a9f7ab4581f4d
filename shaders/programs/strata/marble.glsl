// title: Inlaid marbles, veined and polished
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: scale log_uniform 0.6 2.2
// parameter: warp uniform 0.4 2.5
// parameter: veins log_uniform 1.0 4.0
// parameter: sharp log_uniform 2.0 9.0
// parameter: flow angle
// parameter: inlay integer 0 5
// parameter: inlay_scale log_uniform 0.5 1.4
// parameter: shift_x uniform -0.6 0.6
// parameter: shift_y uniform -0.6 0.6
// parameter: turn angle
// parameter: fillet uniform 0.0 0.05
// parameter: polish uniform 0.0 0.4
// parameter: breccia uniform 0.0 1.0

vec3 stone(vec2 p, float key, bool first) {
    vec2 q = rotation(flow + key) * p * scale + 11.0 * fract(key * 0.37);
    vec2 w = q + warp * 0.6 * noise_offset(0.9 * q, salt + key);
    w += 0.25 * warp * noise_offset(2.3 * w, salt + key + 2.0);
    float line = pow(1.0 - abs(2.0 * noise(veins * w * vec2(1.0, 0.5), salt + key + 4.0) - 1.0), sharp);
    float cloud = fbm(1.2 * w, 5, 0.55, salt + key + 5.0);
    vec3 ground = first ? colours(0.3 + 0.6 * cloud) : others(0.25 + 0.65 * cloud);
    vec3 vein = first ? others(0.85) : colours(0.15);
    vec3 colour = mix(ground, vein, 0.8 * line);
    return mix(colour, first ? colours(0.15) : others(0.9), breccia * 0.5 * smoothstep(0.62, 0.7, cloud));
}

float inlay_distance(vec2 q) {
    vec2 c = fract(q * inlay_scale + 0.5) - 0.5;
    if (inlay < 0.5) return 9.0;
    if (inlay < 1.5) return length(q) - 0.7 / inlay_scale;
    if (inlay < 2.5) return (abs(c.x) + abs(c.y) - 0.36) / inlay_scale;
    if (inlay < 3.5) return any_shape(q, int(7.0 * hash1(1, salt)), 0.65 / inlay_scale);
    if (inlay < 4.5) return abs(q.y + 0.3 * sin(2.0 * q.x)) - 0.3 / inlay_scale;
    return (max(abs(c.x), abs(c.y)) - 0.3) / inlay_scale;
}

vec3 shade(vec2 p) {
    float d = inlay_distance(rotation(turn) * p - vec2(shift_x, shift_y));
    vec3 colour = mix(stone(p, 1.0, true), stone(p, 7.0, false), inside(d, PIXEL));
    colour = mix(colour, others_at(0) * 0.8, stroke(d, fillet, PIXEL) * step(0.01, fillet));
    float window = smoothstep(0.15, 0.0, abs(dot(p, unit_vector(turn + 0.8)) - 0.4) - 0.25);
    return colour * (0.95 + 0.12 * p.y) + polish * 0.5 * window;
}
