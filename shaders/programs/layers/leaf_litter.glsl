// title: Fallen leaves, each over the last, with midribs and side veins
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: colours palette
// parameter: ground palette
// parameter: salt seed
// parameter: count integer 6 32
// parameter: size log_uniform 0.3 0.9
// parameter: slender uniform 0.25 0.75
// parameter: bend uniform -0.5 0.5
// parameter: teeth uniform 0.0 0.05
// parameter: veins uniform 4.0 12.0
// parameter: vein_depth uniform 0.0 0.5
// parameter: shadow uniform 0.3 0.75
// parameter: light angle
// parameter: ground_scale log_uniform 0.8 5.0
// parameter: sprawl uniform 0.8 1.3

vec3 leaf(vec2 q, float l, float tone, float number) {
    float across = abs(q.y) / (l * slender);
    float rib = smoothstep(0.05, 0.01, abs(q.y) / l);
    float side = smoothstep(0.14, 0.02, abs(fract(veins * (q.x - 0.9 * abs(q.y)) / l) - 0.5));
    float blotch = fbm(3.5 * q / l + number, 3, 0.55, salt + 40.0);
    vec3 colour = colours(saturate(0.7 * tone + 0.5 * (blotch - 0.5) + 0.25 * across));
    colour *= 0.85 + 0.3 * sign(q.y) * dot(unit_vector(light), vec2(0.3, 0.5)) - 0.25 * across * across;
    return mix(colour, colours(1.0 - tone), vein_depth * max(rib, 0.6 * side));
}

vec3 shade(vec2 p) {
    vec2 away = 0.06 * unit_vector(light);
    vec3 colour = ground(fbm(ground_scale * p, 4, 0.55, salt + 80.0)) * 0.75;
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt);
        float l = size * (0.45 + 0.75 * hash1(i, salt + 3.0));
        vec2 centred = p - sprawl * (2.0 * h.xy - 1.0);
        if (dot(centred, centred) > 1.7 * l * l) continue;
        mat2 turned = rotation(TURN * h.z);
        vec2 q = turned * centred, s = turned * (centred - away);
        q.y += bend * q.x * q.x / l;
        s.y += bend * s.x * s.x / l;
        float ragged = teeth * l * zigzag(veins * 2.0 * q.x / l);
        float d = lens(q, l, slender * l) + ragged;
        colour *= 1.0 - shadow * smoothstep(0.1, -0.08, lens(s, l, slender * l));
        float stalk = max(segment(q, vec2(-1.35 * l, 0.0), vec2(-l, 0.0)) - 0.02 * l, 0.0);
        colour = mix(colour, leaf(q, l, hash1(i, salt + 5.0), float(i)), inside(min(d, stalk), PIXEL));
    }
    return colour;
}
