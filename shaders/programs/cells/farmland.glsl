// title: Fields, hedges, a river and a road from the air
// licence: Apache-2.0
// cost: light
// include: noise, cells, shape
// parameter: colours palette
// parameter: water palette
// parameter: salt seed
// parameter: scale log_uniform 0.7 2.2
// parameter: turn angle
// parameter: stretch log_uniform 1.0 2.2
// parameter: jitter uniform 0.2 0.9
// parameter: furrows log_uniform 4.0 13.0
// parameter: furrow_contrast uniform 0.0 0.6
// parameter: hedge uniform 0.0 0.08
// parameter: river uniform -0.05 0.16
// parameter: meander log_uniform 0.4 1.4
// parameter: road uniform -0.02 0.05
// parameter: road_turn angle
// parameter: woods uniform 0.0 0.5
// parameter: sun angle
// parameter: variety uniform 0.4 1.2

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p * vec2(scale, scale * stretch) + 20.0;
    Cell cell = cells(q, jitter, salt);
    vec3 h = hash3(cell.id, salt + 1.0);
    float rows = sin(furrows * dot(rotation(TURN * h.y) * p, vec2(2.0, 0.0)) * (0.6 + h.z));
    float soil = fbm(2.2 * p + 8.0 * h.xy, 3, 0.55, salt + 2.0);
    vec3 colour = colours(0.5 + variety * (h.x - 0.5) + 0.25 * (soil - 0.5));
    colour *= 1.0 + furrow_contrast * 0.6 * rows * step(0.35, h.z);
    float trees = woods * smoothstep(0.5, 0.62, fbm(1.1 * p + 4.0, 4, 0.55, salt + 3.0));
    float crown = cell_distance(11.0 * p, 1.0, salt + 4.0), toward = cell_distance(11.0 * p + 0.35 * unit_vector(sun), 1.0, salt + 4.0);
    vec3 wood = colours_at(0) * (1.3 + 1.3 * clamp(crown - toward, -0.5, 0.5)) * mix(0.8, 1.4, soil);
    float edge = cell.edge / scale;
    colour = mix(colour, wood, max(smoothstep(0.2, 0.3, trees), inside(edge - hedge * (0.5 + crown), 0.02) * step(0.015, hedge)));
    vec2 r = rotation(road_turn) * p;
    float track = abs(r.y + 0.25 * sin(1.3 * r.x + 9.0 * hash1(3, salt))) - road;
    colour = mix(colour, vec3(0.75, 0.72, 0.66), 0.9 * inside(track, 1.5 * PIXEL) * step(0.0, road));
    vec2 w = rotation(road_turn + 1.9) * p;
    float bank = abs(w.y + 1.1 * (fbm(vec2(meander * w.x, 0.5 * w.y) + 3.0, 3, 0.45, salt + 5.0) - 0.5)) - river * (0.7 + 0.6 * noise(1.5 * w, salt + 6.0));
    colour = mix(colour, colours(0.85), 0.7 * inside(bank - 0.03, 0.03) * step(0.0, river));
    return mix(colour, water(saturate(0.3 - 3.0 * bank)), inside(bank, 2.0 * PIXEL) * step(0.0, river));
}
