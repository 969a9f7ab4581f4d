// title: Glass and stone marbles on a cloth
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: count integer 2 12
// parameter: size log_uniform 0.25 0.7
// parameter: size_spread uniform 0.1 0.7
// parameter: spread uniform 0.6 1.1
// parameter: pattern_scale log_uniform 0.8 3.0
// parameter: warp uniform 0.0 2.0
// parameter: glass uniform 0.0 1.0
// parameter: gloss uniform 0.2 0.9
// parameter: sun angle
// parameter: elevation uniform 0.5 1.2
// parameter: shadow uniform 0.3 0.8
// parameter: cloth_scale log_uniform 1.0 5.0
// parameter: cloth_kind integer 0 2
// parameter: cloth_turn angle

vec3 cloth(vec2 p) {
    vec2 q = rotation(cloth_turn) * p * cloth_scale;
    float fibre = 0.85 + 0.3 * noise(q * vec2(3.0, 3.0), salt + 20.0);
    if (cloth_kind < 0.5) return others(0.35 + 0.5 * fbm(0.6 * q + 3.0, 4, 0.5, salt + 21.0)) * fibre;
    if (cloth_kind < 1.5) return mix(others(0.3), others(0.75), smoothstep(-0.1, 0.1, sin(3.0 * q.x))) * fibre;
    return others(0.25 + 0.3 * step(0.5, fract(q.x * 0.6)) + 0.35 * step(0.5, fract(q.y * 0.6))) * fibre;
}

vec3 shade(vec2 p) {
    vec3 light = vec3(cos(elevation) * unit_vector(sun), sin(elevation));
    vec3 colour = cloth(p) * (0.75 + 0.3 * dot(p, unit_vector(sun)));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt);
        float r = size * (1.0 - size_spread * hash1(i, salt + 1.0));
        vec2 c = spread * sqrt((float(i) + h.x) / count) * 1.25 * unit_vector(2.4 * float(i) + h.y * 1.5 + sun);
        vec2 v = (p - c) / r, s = (p - c + r * 0.55 * light.xy / light.z) / r;
        bool clear = h.z < glass;
        colour *= 1.0 - shadow * smoothstep(1.35, 0.55, length(s));
        if (clear) colour += 0.5 * shadow * colours(0.8) * smoothstep(0.5, 0.1, length(s + 0.25 * light.xy));
        float r2 = dot(v, v);
        if (r2 > 1.0) continue;
        vec3 n = vec3(v, sqrt(1.0 - r2)), q = n;
        q.xz = rotation(TURN * h.x) * q.xz;
        q.xy = rotation(TURN * h.y) * q.xy;
        q = pattern_scale * q + 11.0 * h;
        float vein = fbm(q + warp * noise(1.5 * q, salt + 3.0), 3, 0.55, salt + 2.0);
        float tone = h.x < 0.4 ? zigzag(1.5 * q.y * 0.5 + warp * vein) : vein;
        vec3 glaze = h.y < 0.75 ? colours(0.25 * h.z + 0.75 * tone) : mix(colours(h.z), others(1.0 - h.z), tone);
        vec3 ball = glaze * (0.3 + 0.85 * max(dot(n, light), 0.0)) + 0.25 * cloth(c + v) * pow(1.0 - n.z, 2.0);
        vec3 seen = cloth(c - 0.9 * r * v * (0.4 + n.z));
        if (clear) ball = mix(seen * (0.7 + 0.5 * dot(v, -light.xy)) * mix(vec3(1.0), glaze, 0.5), ball, smoothstep(0.45, 0.6, tone));
        ball += gloss * smoothstep(0.9, 0.985, max(reflect(-light, n).z, 0.0));
        ball += 0.2 * gloss * pow(1.0 - n.z, 3.0);
        colour = mix(colour, ball, inside(sqrt(r2) - 1.0, 2.0 * PIXEL / r));
    }
    return colour;
}
