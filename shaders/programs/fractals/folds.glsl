// title: Plane folded on itself like paper
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: levels integer 2 4
// parameter: fold_x uniform 0.15 0.8
// parameter: fold_y uniform 0.1 0.7
// parameter: turn uniform -1.2 1.2
// parameter: growth uniform 1.1 1.6
// parameter: view angle
// parameter: zoom log_uniform 0.5 1.4
// parameter: shift_x uniform -0.6 0.6
// parameter: shift_y uniform -0.6 0.6
// parameter: kind integer 0 6
// parameter: figure uniform 0.25 0.7
// parameter: line uniform 0.01 0.06
// parameter: glow uniform 0.2 1.0

vec3 shade(vec2 p) {
    vec2 q = rotation(view) * p * zoom + vec2(shift_x, shift_y);
    vec3 colour = others(0.5 + 0.35 * p.y);
    float scale = zoom, shadow = 1.0;
    for (int i = ZERO; i < int(levels); i++) {
        q = abs(q) - vec2(fold_x, fold_y);
        q = rotation(turn) * q * growth;
        scale *= growth;
        float d = any_shape(q, int(kind), figure) / scale;
        float t = float(i) / levels;
        vec3 fill = colours(fract(t + 0.35 * noise(1.4 * q, salt + float(i))));
        colour *= 1.0 - 0.45 * smoothstep(0.08, -0.02, d + 0.02);
        fill *= 0.75 + 0.35 * glow * saturate(-3.0 * d) + 0.25 * q.y;
        colour = mix(colour, fill, inside(d, PIXEL));
        colour = mix(colour, others_at(3) * 0.9, 0.8 * stroke(d, line / sqrt(scale) * 0.3, PIXEL));
    }
    return colour * (1.05 - 0.25 * dot(p, p) * 0.5);
}
