// title: Fallen feathers, barred or eyed, with split vanes and down
// licence: Apache-2.0
// cost: medium
// include: noise, curve
// parameter: colours palette
// parameter: ground palette
// parameter: salt seed
// parameter: count integer 1 6
// parameter: reach uniform 0.7 1.7
// parameter: width uniform 0.16 0.42
// parameter: turn angle
// parameter: spread uniform 0.1 1.5
// parameter: bow uniform -0.5 0.5
// parameter: slant uniform 0.3 1.1
// parameter: barbs log_uniform 40.0 90.0
// parameter: splits uniform 0.0 0.55
// parameter: bars log_uniform 2.0 10.0
// parameter: bar_strength uniform -0.3 0.8
// parameter: eye uniform -0.5 0.6
// parameter: down uniform 0.1 0.4
// parameter: sun angle
// parameter: ground_scale log_uniform 0.6 4.0
// parameter: ground_kind integer 0 2

vec3 backdrop(vec2 p) {
    vec2 q = ground_scale * p;
    if (ground_kind > 1.5) return ground(0.45 + 0.4 * (fbm(q * vec2(1.0, 7.0) + 2.0, 4, 0.55, salt + 40.0) - 0.5) + 0.2 * noise(q, salt + 41.0));
    if (ground_kind > 0.5) return ground(0.2 + 0.7 * fbm(1.5 * q + 3.0 * noise_offset(q, salt + 42.0), 4, 0.6, salt + 43.0)) * 0.8;
    return ground(0.65 - 0.3 * dot(p, unit_vector(sun)) + 0.25 * (fbm(0.6 * q, 2, 0.4, salt + 44.0) - 0.5));
}

vec3 shade(vec2 p) {
    vec3 colour = backdrop(p);
    vec2 light = unit_vector(sun);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float l = reach * (i == int(count) - 1 ? 1.0 : 0.5 + 0.5 * h.z), angle = turn + spread * (2.0 * g.x - 1.0);
        vec2 middle = (count < 1.5 ? 0.25 : 0.75) * (2.0 * h.xy - 1.0), axis = unit_vector(angle), off = vec2(-axis.y, axis.x);
        vec2 a = middle - 0.62 * l * axis, c = middle + 0.62 * l * axis, b = middle + bow * l * off * (0.6 + 0.8 * g.y);
        vec2 near = bend(p, a, b, c), under = bend(p + 0.05 * light, a, b, c);
        float t = near.y, side = near.x < 0.0 ? -1.0 : 1.0, away = abs(near.x);
        float wide = width * l * (side > 0.0 ? 1.0 : 0.55 + 0.4 * g.z);
        float shape_ = smoothstep(0.1, 0.38, t) * sqrt(saturate((1.0 - t) * 3.2)) * wide;
        float dropped = smoothstep(0.1, 0.38, under.y) * sqrt(saturate((1.0 - under.y) * 3.2)) * wide;
        colour *= 1.0 - 0.4 * smoothstep(0.06, -0.06, abs(under.x) - dropped) * step(under.y, 0.995) * step(0.005, under.y);
        float s = t - slant * away / l * (1.0 - 0.35 * away / wide), cut = noise(vec2(24.0 * s, side * 2.0 + float(i)), salt + 3.0);
        float gap = splits * smoothstep(0.62, 0.8, cut) * away * 1.2 + 0.008 * noise(vec2(barbs * s, 1.0), salt + 4.0);
        float d = away - shape_ + gap * 0.6;
        float fluff = smoothstep(down + 0.12, down, s) * smoothstep(0.02, 0.12, t);
        float strand = noise(vec2(barbs * s, 3.0 * away / wide), salt + 5.0), bar = smoothstep(0.4, 0.6, zigzag(bars * (s + 0.1 * noise(vec2(6.0 * s, side), salt + 6.0))));
        float tone = 0.35 + 0.35 * h.z + 0.3 * (away / wide) - bar_strength * 0.45 * bar * step(0.0, bar_strength);
        vec3 vane = colours(tone + 0.1 * (strand - 0.5)) * (0.68 + 0.45 * strand) * (0.9 + 0.25 * side * dot(light, off) - 0.15 * away / wide);
        if (eye > 0.0) {
            vec2 v = vec2((t - 0.78) * l, near.x) / (0.9 * width * l);
            float ring = length(v * vec2(1.0, 1.3));
            vec3 spot = ring < 0.3 ? colours_at(0) : ring < 0.5 ? colours_at(2) : mix(colours_at(1), colours_at(3), 0.5);
            vane = mix(vane, spot * (0.7 + 0.4 * strand), smoothstep(0.85, 0.75, ring) * saturate(3.0 * eye));
        }
        float end = t > 0.998 || t < 0.002 ? 1.0 : 0.0;
        colour = mix(colour, vane, inside(d, 1.5 * PIXEL) * (1.0 - end) * (1.0 - 0.7 * fluff));
        float wisps = smoothstep(0.45, 0.75, noise(vec2(0.5 * barbs * s, 9.0 * away / wide), salt + 7.0));
        colour = mix(colour, mix(colours_at(3), vec3(0.95), 0.5), 0.75 * fluff * wisps * inside(away - 0.8 * wide * smoothstep(0.05, 0.3, t), 0.08));
        vec3 quill = mix(colours_at(3), vec3(0.9), 0.3) * (0.75 + 12.0 * near.x * dot(light, off));
        colour = mix(colour, quill, inside(away - 0.017 * l * (1.1 - t), 1.5 * PIXEL));
    }
    return colour;
}
