// title: Glazed star tiles with a border
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: scale log_uniform 0.8 2.2
// parameter: turn angle
// parameter: points integer 3 9
// parameter: inner uniform 0.2 0.42
// parameter: depth uniform 0.1 0.6
// parameter: petals uniform 0.06 0.2
// parameter: grout uniform 0.01 0.06
// parameter: wear uniform 0.0 0.8
// parameter: alternate uniform 0.0 1.0
// parameter: slant uniform -0.5 0.5
// parameter: border uniform -0.6 0.7
// parameter: border_turn angle
// parameter: glaze uniform 0.0 0.5

vec3 tile(vec2 q, float edge) {
    ivec2 cell = ivec2(floor(q));
    vec2 f = fract(q) - 0.5;
    float odd = mod(float(cell.x + cell.y), 2.0) * step(0.3, alternate);
    float tint = 0.18 * (hash1(cell, salt + 1.0) - 0.5);
    vec2 k = kaleidoscope(f, points);
    vec3 colour = colours(0.15 + tint + 0.25 * odd);
    colour = mix(colour, others(0.75 + tint), inside(flower(f, points, inner, depth), edge));
    colour = mix(colour, colours(0.85 - 0.5 * odd), inside(length(k - vec2(inner * 0.62, 0.0)) - petals * 0.7, edge));
    colour = mix(colour, others(0.2 + tint), inside(length(f) - petals, edge));
    colour = mix(colour, others(0.35), inside(0.68 - length(abs(f)), edge));
    float rim = 0.5 - max(abs(f.x), abs(f.y));
    colour *= 0.8 + 0.2 * smoothstep(grout, grout + 0.08, rim) + glaze * smoothstep(0.25, 0.0, length(f - 0.25));
    return mix(colour, vec3(0.62, 0.6, 0.56), inside(rim - grout, edge));
}

vec3 shade(vec2 p) {
    vec2 s = p / (1.0 + slant * p.y);
    vec2 q = rotation(turn) * s * scale + 10.0;
    vec3 colour = tile(q, PIXEL * scale);
    colour *= 1.0 - wear * smoothstep(0.55, 0.75, fbm(1.4 * s, 4, 0.6, salt + 8.0)) * 0.6;
    float side = dot(s, unit_vector(border_turn)) - border;
    if (side > 0.0) {
        vec3 plain = others(0.5 + 0.3 * fbm(1.2 * s, 4, 0.5, salt + 9.0)) * (0.7 + 0.3 * smoothstep(0.0, 0.3, side));
        plain = mix(plain, colours_at(0), stroke(side - 0.12, 0.03, PIXEL));
        colour = plain;
    }
    return colour;
}
