// title: Mosaic of small stones that draws larger shapes
// licence: Apache-2.0
// cost: medium
// include: noise, cells, shape
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: stones log_uniform 3.5 7.5
// parameter: jitter uniform 0.15 0.7
// parameter: grout uniform 0.03 0.09
// parameter: grout_tone uniform 0.0 1.0
// parameter: count integer 2 6
// parameter: size uniform 0.4 0.9
// parameter: uneven uniform 0.03 0.22
// parameter: outline uniform 0.0 0.1
// parameter: ground_scale log_uniform 0.5 2.0
// parameter: sun angle
// parameter: tilt uniform 0.0 0.5
// parameter: swirl uniform -0.5 0.5

vec3 drawing(vec2 p) {
    vec3 colour = others(0.25 + 0.6 * fbm(ground_scale * p, 3, 0.5, salt + 1.0));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt);
        vec2 q = rotation(TURN * h.z) * (p - 1.1 * (2.0 * h.xy - 1.0));
        float d = any_shape(q, int(7.0 * hash1(i, salt + 2.0)), size * (0.5 + 0.8 * hash1(i, salt + 3.0)));
        if (d < outline) colour = others_at(0);
        if (d < 0.0) colour = colours(0.5 * hash1(i, salt + 4.0) + 0.5 * zigzag(2.5 * d));
    }
    return colour;
}

vec3 shade(vec2 p) {
    vec2 q = rotation(swirl * length(p)) * p * stones + 40.0;
    Cell cell = cells(q, jitter, salt + 6.0);
    vec2 centre = transpose(rotation(swirl * length(p))) * ((q + cell.offset - 40.0) / stones);
    vec3 h = hash3(cell.id, salt + 7.0);
    vec3 colour = drawing(centre) * (1.0 + 2.0 * uneven * (h.x - 0.5));
    colour *= 1.0 + tilt * dot(unit_vector(sun), unit_vector(TURN * h.y)) * 0.7;
    colour += 0.2 * tilt * smoothstep(0.25, 0.0, length(cell.offset + 0.2 * unit_vector(sun)));
    vec3 joint = mix(vec3(0.2), vec3(0.8), grout_tone) * mix(vec3(1.0), others(0.6), 0.5);
    return mix(joint, colour, smoothstep(grout - 0.04, grout + 0.06, cell.edge));
}
