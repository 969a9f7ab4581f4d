// title: Paving stones with puddles or weeds between them
// licence: Apache-2.0
// cost: light
// include: noise, cells, space
// parameter: colours palette
// parameter: joint palette
// parameter: salt seed
// parameter: scale log_uniform 1.2 4.0
// parameter: turn angle
// parameter: jitter uniform 0.2 1.0
// parameter: slant uniform -0.6 0.6
// parameter: gap uniform 0.02 0.12
// parameter: bevel uniform 0.05 0.3
// parameter: sun angle
// parameter: elevation uniform 0.4 1.1
// parameter: rough uniform 0.0 0.5
// parameter: weeds uniform 0.0 0.5
// parameter: puddles uniform 0.0 0.55
// parameter: variety uniform 0.3 1.0

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * (p / (1.0 + slant * p.y)) * scale + 30.0;
    vec3 light = vec3(cos(elevation) * unit_vector(sun), sin(elevation));
    Cell cell = cells(q + 0.06 * noise_offset(4.0 * q, salt + 1.0), jitter, salt);
    vec3 h = hash3(cell.id, salt + 2.0);
    float slope = 1.0 - smoothstep(gap, gap + bevel, cell.edge);
    float grit = fbm(3.0 * q + 20.0 * h.xy, 3, 0.6, salt + 3.0);
    vec3 normal = normalize(vec3(-normalize(cell.offset + 1e-4) * slope * 1.2 + 0.4 * (h.xy - 0.5) + rough * (grit - 0.5), 1.0));
    vec3 stone = colours(0.4 + variety * 0.8 * (h.z - 0.5) + 0.3 * (grit - 0.5));
    vec3 colour = stone * (0.35 + 0.85 * max(dot(normal, light), 0.0));
    float grown = weeds * 0.35 * smoothstep(0.35, 0.7, fbm(1.2 * q + 7.0, 3, 0.5, salt + 4.0));
    vec3 between = joint(0.25 + 0.6 * noise(9.0 * q, salt + 5.0)) * 0.8;
    colour = mix(between, colour, smoothstep(gap * 0.5, gap, cell.edge - grown * noise(7.0 * q, salt + 6.0)));
    float level = fbm(0.55 * q + 3.0, 3, 0.5, salt + 7.0) + 0.12 * slope;
    float wet = smoothstep(1.0 - puddles, 1.04 - puddles, level);
    vec3 mirror = joint(0.75 + 0.25 * p.y) * (0.85 + 0.3 * noise(1.5 * p, salt + 8.0));
    return mix(colour * (1.0 - 0.35 * smoothstep(0.9 - puddles, 1.0 - puddles, level)), mirror, 0.75 * wet);
}
