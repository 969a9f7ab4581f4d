// title: Torn sheets of paper on one another
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: count integer 4 14
// parameter: size uniform 0.25 0.8
// parameter: size_spread uniform 0.2 0.9
// parameter: roughness uniform 0.0 0.14
// parameter: tear_scale log_uniform 2.0 9.0
// parameter: shadow uniform 0.2 0.7
// parameter: blur uniform 0.03 0.18
// parameter: light angle
// parameter: grain uniform 0.0 0.35
// parameter: stripes log_uniform 3.0 20.0
// parameter: kinds integer 1 7
// parameter: sprawl uniform 0.7 1.4

vec3 paper(vec2 q, int i) {
    float pick = hash1(i, salt + 50.0), tone = hash1(i, salt + 51.0);
    vec3 base = pick < 0.6 ? colours(tone) : others(tone);
    float fibre = noise(q * vec2(4.0, 18.0), salt + 3.0 + float(i)) - 0.5;
    if (pick > 0.75) base = mix(base, colours(1.0 - tone), smoothstep(-0.15, 0.15, sin(stripes * q.y)));
    else if (pick > 0.55) base = mix(base, others(1.0 - tone), 0.8 * smoothstep(0.4, 0.65, fbm(1.5 * q, 3, 0.5, salt + float(i))));
    return base * (1.0 + grain * fibre);
}

vec3 shade(vec2 p) {
    vec2 away = blur * 0.7 * unit_vector(light);
    vec3 colour = paper(rotation(light) * p * 0.7, 99) * (0.8 + 0.2 * dot(p, unit_vector(light)));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt);
        vec2 q = rotation(TURN * h.z) * (p - sprawl * (2.0 * h.xy - 1.0));
        float r = size * (1.0 - size_spread * hash1(i, salt + 9.0));
        int kind = int(hash1(i, salt + 11.0) * kinds);
        float tear = roughness * (fbm(tear_scale * q + float(i), 3, 0.55, salt + 20.0) - 0.5) * 2.0;
        float d = any_shape(q, kind, r) + tear;
        float d_shadow = any_shape(rotation(TURN * h.z) * (p - away - sprawl * (2.0 * h.xy - 1.0)), kind, r) + tear;
        colour *= 1.0 - shadow * inside(d_shadow, blur * 2.0);
        float rim = smoothstep(-0.05, 0.0, d) * step(0.02, roughness);
        colour = mix(colour, mix(paper(q, i), vec3(0.93), 0.5 * rim), inside(d, PIXEL));
    }
    return colour;
}
