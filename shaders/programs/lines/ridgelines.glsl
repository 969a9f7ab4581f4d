// title: Stacked ridge lines, each hiding what lies behind
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: rows integer 5 11
// parameter: height uniform 0.2 0.8
// parameter: bump_x uniform -0.5 0.5
// parameter: bump_width uniform 0.25 1.0
// parameter: detail log_uniform 1.2 4.0
// parameter: rough uniform 0.35 0.6
// parameter: half_width uniform 0.015 0.04
// parameter: fill uniform 0.0 1.0
// parameter: turn uniform -0.5 0.5
// parameter: perspective uniform 0.0 0.8
// parameter: top uniform 0.3 1.1
// parameter: drift uniform 0.0 2.0

vec3 shade(vec2 p) {
    p = rotation(turn) * p;
    vec3 colour = others(0.75 + 0.25 * p.y - 0.4 * length(p - vec2(bump_x, top)) * 0.4);
    for (int i = ZERO; i < int(rows); i++) {
        float near = float(i) / (rows - 1.0);
        float base = mix(top, -1.35, pow(near, 1.0 + perspective));
        float x = p.x * mix(1.0 + perspective, 1.0, near);
        float swell = exp(-pow((x - bump_x - 0.3 * sin(drift * near * TURN)) / bump_width, 2.0));
        float h = height * (0.15 + swell) * fbm(vec2(detail * x, 2.3 * float(i)), 4, rough, salt + float(i));
        float d = p.y - base - h;
        float t = mix(0.15, 0.9, near);
        vec3 body = mix(others_at(0), colours(t + 0.4 * (noise(vec2(3.0 * x, 9.0 * d), salt + 50.0 + float(i)) - 0.5)), fill);
        body *= 0.65 + 0.5 * exp(4.0 * min(d, 0.0));
        colour = mix(colour, body, inside(d, PIXEL));
        colour = mix(colour, colours_at(3), stroke(d, half_width * mix(0.5, 1.0, near), PIXEL) * (1.0 - 0.6 * fill));
    }
    return colour;
}
