// title: Cut citrus fruit: segments, juice cells, pith and rind
// licence: Apache-2.0
// cost: medium
// include: noise, cells, space
// parameter: flesh palette
// parameter: rind palette
// parameter: table palette
// parameter: salt seed
// parameter: count integer 1 7
// parameter: size log_uniform 0.3 1.1
// parameter: segments integer 7 13
// parameter: pith uniform 0.03 0.16
// parameter: thick uniform 0.03 0.09
// parameter: core uniform 0.03 0.14
// parameter: juice log_uniform 2.2 5.0
// parameter: wall uniform 0.02 0.08
// parameter: thin uniform 0.0 0.8
// parameter: seeds uniform -0.3 0.6
// parameter: gloss uniform 0.2 0.9
// parameter: sun angle
// parameter: squash uniform 0.75 1.0
// parameter: halves uniform 0.0 0.6
// parameter: table_kind integer 0 2
// parameter: table_scale log_uniform 0.8 3.0

vec3 table_top(vec2 p) {
    vec2 q = rotation(0.4 + sun) * p * table_scale;
    if (table_kind < 0.5) return table(0.45 + 0.35 * (fbm(q * vec2(1.0, 9.0), 4, 0.55, salt + 40.0) - 0.5) + 0.25 * (noise(vec2(0.4, 1.2) * q, salt + 41.0) - 0.5)) * (1.0 - 0.5 * smoothstep(0.03, 0.0, abs(fract(0.8 * q.y) - 0.5)));
    if (table_kind < 1.5) return table(0.55 + 0.3 * (fbm(q + 1.5 * noise_offset(q, salt + 42.0), 4, 0.5, salt + 43.0) - 0.5)) * (0.95 - 0.2 * dot(p, unit_vector(sun)));
    vec2 tile = step(vec2(0.5), fract(1.3 * q));
    return mix(table(0.8), table(0.3), abs(tile.x - tile.y) * 0.6) * (0.9 + 0.15 * noise(30.0 * q, salt + 44.0));
}

vec3 shade(vec2 p) {
    vec3 colour = table_top(p);
    vec2 light = unit_vector(sun);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float s = size * (i == int(count) - 1 ? 1.0 : 0.6 + 0.35 * h.z), n = segments - floor(2.0 * g.z);
        vec2 c = (count < 1.5 ? 0.3 : 0.85) * (2.0 * h.xy - 1.0), q = rotation(TURN * h.z) * (p - c) / s;
        q.y /= mix(squash, 1.0, g.y);
        bool cut = g.x < halves;
        float r = length(q) * (1.0 + 0.02 * sin(3.0 * atan(q.y, q.x) + 9.0 * g.z)), drop = length(p - c + 0.1 * s * light) / s;
        colour *= 1.0 - 0.5 * smoothstep(1.15, 0.8, drop) * (cut ? step(-0.1, q.y) : 1.0);
        float outline = cut ? max(r - 1.0, -q.y) : r - 1.0;
        if (outline > 0.03) continue;
        float angle = atan(q.y, q.x) / TURN * n, id = mod(floor(angle), n), f = abs(fract(angle) - 0.5);
        float side = (0.5 - f) * TURN / n * r, limit = 1.0 - thick - pith;
        float gap = min(side, min(limit - r, r - core)) - wall * 0.5;
        gap = min(gap, 0.9 * (side - wall * 0.5) + 0.25 * (limit - r));
        vec2 ray = juice * vec2(0.9 * r + 0.5 * log(max(r, 0.05)), 0.8 * angle / n * TURN) + 9.0 * id;
        Cell drop_ = cells(ray, 0.8, salt + 3.0 + id);
        float bead = smoothstep(0.0, 0.35, drop_.edge);
        vec3 pulp = flesh(0.4 + 0.18 * hash1(drop_.id, salt + 4.0) + 0.25 * r + 0.15 * (hash1(int(id), salt + 5.0 + float(i)) - 0.5));
        pulp *= 0.72 + 0.28 * bead + 0.22 * dot(drop_.offset, -light);
        pulp += gloss * 0.3 * smoothstep(0.25, 0.05, length(drop_.offset + 0.2)) * step(0.6, hash1(drop_.id, salt + 6.0));
        vec3 white = mix(rind_at(3), vec3(0.93, 0.9, 0.8), 0.5) * (0.9 + 0.15 * noise(14.0 * q, salt + 7.0));
        vec3 skin = rind(0.4 + 0.3 * noise(25.0 * q, salt + 8.0)) * (0.75 + 0.35 * dot(q, light));
        pulp = mix(pulp, mix(pulp, colour * 1.2 + 0.15, 0.5), thin * smoothstep(0.0, 0.3, gap));
        vec3 face = mix(white, pulp, smoothstep(-0.01, 0.02, gap));
        face *= 1.0 - 0.2 * smoothstep(0.03, 0.0, abs(gap));
        face = mix(face, skin, smoothstep(1.0 - thick - 0.015, 1.0 - thick + 0.015, r));
        vec2 pip = rotation(TURN * (id + 0.5) / n) * vec2(core + 0.16, 0.0);
        vec2 v = rotation(-TURN * (id + 0.5) / n) * q - vec2(core + 0.16 + 0.05 * g.y, 0.0);
        float seed = length(v * vec2(1.0, 1.9)) - 0.075;
        if (hash1(int(id), salt + 9.0 + float(i)) < seeds) face = mix(face, mix(white, rind_at(1), 0.35) * (0.75 + 3.0 * dot(v, light)), inside(seed, 0.03));
        face *= 1.0 + 0.18 * dot(q, light);
        colour = mix(colour, face, inside(outline * s, 2.0 * PIXEL));
    }
    return colour;
}
