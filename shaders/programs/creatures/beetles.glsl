// title: Beetles from above, polished wing cases striped or spotted, on a leaf
// licence: Apache-2.0
// cost: medium
// include: noise, cells, shape
// parameter: colours palette
// parameter: marks palette
// parameter: leaf palette
// parameter: salt seed
// parameter: count integer 1 5
// parameter: size log_uniform 0.3 0.8
// parameter: body_length uniform 0.9 1.7
// parameter: neck uniform 0.55 0.95
// parameter: horns uniform -0.4 0.8
// parameter: leg uniform 0.6 1.1
// parameter: grooves integer 0 7
// parameter: spots uniform -0.2 0.5
// parameter: spot_scale log_uniform 1.2 3.0
// parameter: sheen uniform 0.0 0.8
// parameter: gloss uniform 0.2 0.9
// parameter: turn angle
// parameter: disorder uniform 0.0 3.1
// parameter: sun angle
// parameter: veins log_uniform 1.2 4.0
// parameter: leaf_turn angle
// parameter: holes uniform -0.3 0.4

vec3 leaf_blade(vec2 p) {
    vec2 q = rotation(leaf_turn) * p, light = unit_vector(sun);
    q.y += 0.12 * q.x * q.x;
    float side = sign(q.y), s = veins * (q.x - 0.75 * abs(q.y)), lane = abs(fract(s + 0.3 * side) - 0.5);
    float vein = max(smoothstep(0.06, 0.01, abs(q.y)), 0.75 * smoothstep(0.07, 0.01, lane));
    Cell net = cells(5.0 * veins * q + 9.0, 0.9, salt + 40.0);
    float soft = fbm(1.3 * p + 4.0, 3, 0.5, salt + 41.0), bulge = lane * 2.0;
    vec3 colour = leaf(0.4 + 0.35 * (soft - 0.3) + 0.1 * hash1(net.id, salt + 42.0)) * (0.75 + 0.2 * bulge + 0.15 * side * dot(unit_vector(leaf_turn + 1.57), light));
    colour *= 0.88 + 0.12 * smoothstep(0.0, 0.12, net.edge);
    colour = mix(colour, leaf(0.8), 0.65 * vein);
    float bite = fbm(1.5 * p + 12.0, 2, 0.5, salt + 43.0) + holes - 1.0;
    vec3 below = leaf_at(0) * (0.3 + 0.5 * fbm(2.0 * p, 3, 0.5, salt + 44.0));
    return mix(mix(colour, leaf(0.7) * 0.6, smoothstep(-0.06, 0.0, bite)), below, smoothstep(-0.01, 0.01, bite));
}

// Polished dome over v in the unit disc.
vec3 polish(vec3 albedo, vec2 v, mat2 turned, float rim) {
    float r2 = min(dot(v, v), 0.98);
    vec3 normal = vec3(transpose(turned) * v, sqrt(1.0 - r2)), light = normalize(vec3(unit_vector(sun), 0.9));
    albedo = mix(albedo, marks(0.3 + 0.6 * normal.z), sheen * smoothstep(0.2, 0.9, r2));
    float bounce = reflect(-light, normal).z;
    vec3 lit = albedo * (0.25 + 0.85 * max(dot(normal, light), 0.0));
    lit += gloss * (0.8 * smoothstep(0.93, 0.99, bounce) + 0.18 * smoothstep(0.3, 0.9, bounce));
    return lit * (1.0 - rim * smoothstep(0.75, 1.0, r2)) + 0.08 * leaf_at(2) * smoothstep(0.6, 1.0, r2);
}

vec3 shade(vec2 p) {
    vec3 colour = leaf_blade(p);
    vec2 light = unit_vector(sun);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float s = size * (count < 1.5 ? 1.2 : 0.6 + 0.5 * g.z) * 0.62;
        vec2 c = (count < 1.5 ? 0.2 : 0.78) * (2.0 * h.xy - 1.0);
        mat2 turned = rotation(turn + disorder * (2.0 * h.z - 1.0));
        vec2 q = turned * (p - c) / s, u = turned * (p - c + 0.16 * s * light) / s;
        if (length(q) > 3.6) continue;
        float soft = 2.0 * PIXEL / s;
        colour *= 1.0 - 0.55 * smoothstep(1.2, 0.75, length((u - vec2(0.0, 0.15)) / vec2(1.0, body_length + 0.5)));
        vec2 m = vec2(abs(q.x), q.y);
        float legs = 9.0, shade_legs = 9.0, l = leg;
        for (int k = ZERO; k < 3; k++) {
            float aim_ = 0.75 * float(1 - k) + 0.12 * sin(9.0 * g.x + float(k));
            vec2 hip = vec2(0.5, 0.55 * float(1 - k) * body_length + 0.15), knee = hip + l * vec2(0.8, 0.45 * aim_ + 0.25 * float(1 - k)), foot = knee + l * vec2(0.45, 0.85 * float(1 - k) - 0.25);
            legs = min(legs, min(segment(m, hip, knee) - 0.075, segment(m, knee, foot) - 0.045));
            vec2 w = vec2(abs(u.x), u.y);
            shade_legs = min(shade_legs, min(segment(w, hip, knee), segment(w, knee, foot)) - 0.06);
        }
        vec2 mouth = vec2(0.18, body_length + 0.85);
        legs = min(legs, segment(m, mouth, mouth + vec2(0.5, 0.35) * l) - 0.03);
        if (horns > 0.0) legs = min(legs, min(segment(m, mouth, mouth + vec2(0.28, 0.3 * horns)) - 0.09, segment(m, mouth + vec2(0.28, 0.3 * horns), mouth + vec2(0.06, 0.3 + 0.7 * horns)) - 0.07));
        colour *= 1.0 - 0.35 * inside(shade_legs, 0.15);
        colour = mix(colour, marks_at(0) * (0.45 + 0.5 * smoothstep(0.02, -0.06, legs)), inside(legs, soft));
        vec2 head = (q - vec2(0.0, body_length + 0.62)) / vec2(0.42, 0.36), chest = (q - vec2(0.0, body_length + 0.2)) / vec2(neck, 0.52), back = q / vec2(1.0, body_length);
        vec3 dark = mix(marks_at(0), colours_at(0), 0.3) * 0.7;
        colour = mix(colour, polish(dark, head, turned, 0.4), inside(length(head) - 1.0, 2.5 * soft));
        float face = length(m - vec2(0.3, body_length + 0.72)) - 0.1;
        colour = mix(colour, vec3(0.03) + 0.5 * smoothstep(0.06, 0.0, length(m - vec2(0.28, body_length + 0.74))), inside(face, soft));
        colour = mix(colour, polish(marks(0.15 + 0.6 * g.y), chest, turned, 0.5), inside(length(chest) - 1.0, 2.0 * soft));
        float d = length(back) - 1.0;
        if (d < 0.1) {
            vec2 cup = vec2(back.x, back.y * abs(back.y) * 0.6 + 0.4 * back.y);
            vec3 shell_ = colours(0.45 + 0.4 * (g.x - 0.5) + 0.25 * back.y);
            Cell dot_ = cells(spot_scale * vec2(abs(q.x), q.y) + 7.0 * g.xy, 0.7, salt + 3.0);
            shell_ = mix(shell_, marks_at(0) * 0.7, inside(dot_.nearest - spots * (0.5 + 0.6 * hash1(dot_.id, salt + 4.0)), 0.08) * step(0.05, spots));
            float groove = 0.5 + 0.5 * cos(TURN * grooves * asin(clamp(back.x, -1.0, 1.0)) / 1.57);
            shell_ *= 1.0 - 0.4 * step(0.5, grooves) * smoothstep(0.5, 0.0, groove);
            vec3 case_ = polish(shell_, cup, turned, 0.5);
            case_ *= 1.0 - 0.75 * smoothstep(0.06, 0.015, abs(q.x) - 0.12 * smoothstep(-0.7, -1.2, back.y));
            case_ *= 1.0 - 0.5 * smoothstep(0.35, 0.05, length(chest) - 0.98);
            colour = mix(colour, case_, inside(d, 2.0 * soft));
        }
    }
    return colour;
}
