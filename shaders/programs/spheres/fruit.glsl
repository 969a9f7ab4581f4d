// title: Fruit heaped in a bowl or on a table
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: table palette
// parameter: salt seed
// parameter: count integer 4 16
// parameter: size uniform 0.22 0.5
// parameter: heap uniform 0.3 1.0
// parameter: table_line uniform -0.2 0.6
// parameter: sun uniform 0.3 2.8
// parameter: blush uniform 0.0 0.9
// parameter: freckles uniform 0.0 0.7
// parameter: gloss uniform 0.1 0.7
// parameter: oval uniform 0.0 0.45
// parameter: dimple uniform 0.0 0.6
// parameter: wall_scale log_uniform 0.5 3.0
// parameter: cloth uniform -0.5 0.8
// parameter: stripes log_uniform 3.0 12.0
// parameter: leaf uniform -0.5 0.7

vec3 shade(vec2 p) {
    vec3 light = normalize(vec3(unit_vector(sun), 0.7));
    float edge = table_line + 0.05 * sin(1.5 * p.x + TURN * hash1(1, salt));
    vec3 colour = table(0.35 + 0.45 * fbm(wall_scale * p, 4, 0.5, salt + 40.0)) * (0.75 + 0.3 * dot(p, light.xy));
    if (p.y < edge) {
        vec2 q = vec2(p.x, 1.0) / (1.3 - p.y + edge);
        float weave = step(0.5, fract(stripes * q.x)) + step(0.5, fract(stripes * 1.3 * q.y));
        vec3 wood = table(0.65 + 0.35 * (noise(vec2(2.5 * p.x, 22.0 * p.y), salt + 41.0) - 0.5));
        colour = (cloth > 0.0 ? mix(vec3(0.88), colours(0.3), 0.4 * weave * cloth) : wood) * (0.95 - 0.25 * smoothstep(edge - 0.2, edge, p.y));
    }
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt);
        float t = float(i) / count, r = size * (0.7 + 0.5 * h.z);
        vec2 c = vec2((2.0 * h.x - 1.0) * heap * 1.05, mix(edge - 0.05, -0.75, t) + 0.25 * (h.y - 0.5));
        vec2 v = rotation(TURN * h.z) * (p - c) / r;
        v.x *= 1.0 + oval * hash1(i, salt + 2.0);
        vec2 fall = (p - c + vec2(0.5 * r * light.x, 0.65 * r)) / (r * vec2(1.15, 0.7));
        colour *= 1.0 - 0.6 * smoothstep(1.25, 0.4, length(fall));
        float r2 = dot(v, v);
        if (r2 > 1.0) continue;
        vec3 n = vec3(transpose(rotation(TURN * h.z)) * v, sqrt(1.0 - r2));
        vec2 top = v - vec2(0.0, 0.55);
        float pit = dimple * exp(-14.0 * dot(top, top));
        n = normalize(n + vec3(transpose(rotation(TURN * h.z)) * top * pit * 3.0, 0.0));
        float tone = hash1(i, salt + 3.0) * 0.7, side = saturate(0.5 + 0.5 * dot(v, unit_vector(9.0 * h.x)) + 0.4 * (fbm(2.0 * v + 9.0 * h.xy, 3, 0.5, salt + 4.0) - 0.5));
        vec3 skin = mix(colours(0.25 + tone), colours(0.95 - tone), blush * side);
        skin *= 1.0 - freckles * 0.6 * smoothstep(0.6, 0.8, noise(11.0 * v + 20.0 * h.xy, salt + 5.0));
        skin *= 1.0 - 0.8 * smoothstep(0.1, 0.04, length(top)) - 0.4 * pit;
        vec3 lit = skin * (0.28 + 0.9 * max(dot(n, light), 0.0)) + 0.1 * table_at(3) * pow(1.0 - n.z, 2.0);
        lit += gloss * smoothstep(0.9, 0.99, max(reflect(-light, n).z, 0.0));
        if (leaf > h.x) lit = mix(lit, colours_at(0) * (0.7 + v.x), inside(length(top * vec2(1.0, 2.2) - vec2(0.3, 0.25)) - 0.32, 0.05));
        colour = mix(colour, lit, inside(sqrt(r2) - 1.0, 2.0 * PIXEL / r));
    }
    return colour;
}
