// title: Coral heads, grooved, starred or knobbed, on the sea floor
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, space
// parameter: colours palette
// parameter: others palette
// parameter: water palette
// parameter: salt seed
// parameter: count integer 3 7
// parameter: size log_uniform 0.35 0.9
// parameter: oval uniform 0.7 1.2
// parameter: detail log_uniform 3.0 8.0
// parameter: groove uniform 0.3 0.9
// parameter: meander uniform 0.2 1.0
// parameter: kind integer 0 3
// parameter: mixed uniform 0.0 1.0
// parameter: fans uniform -0.2 0.9
// parameter: bed uniform -0.7 0.0
// parameter: sun uniform 0.6 2.6
// parameter: ripple uniform 0.0 0.6
// parameter: murk uniform 0.2 0.9
// parameter: rays uniform 0.0 0.6

// Height of the skin of a coral, 0..1.
float skin(vec2 q, int form, float key) {
    if (form == 0) {
        q += meander * noise_offset(0.8 * q, key);
        return smoothstep(0.05, 0.95, 0.5 + 0.5 * sin(9.0 * noise(0.55 * q, key + 2.0) + 5.0 * noise(0.9 * q + 7.0, key + 4.0)));
    }
    float d = cell_distance(q, 0.8, key);
    if (form == 1) return smoothstep(0.12, 0.42, d) * smoothstep(0.95, 0.5, d);
    if (form == 2) return sqrt(max(1.0 - d * d, 0.0));
    return 0.4 * sqrt(max(1.0 - d * d, 0.0)) + 0.6 * noise(0.7 * q, key + 1.0);
}

vec3 shade(vec2 p) {
    vec3 light = normalize(vec3(unit_vector(sun), 0.6));
    vec3 deep = water(0.4 + 0.45 * p.y + 0.2 * (fbm(p, 3, 0.5, salt + 40.0) - 0.5)) * (0.75 + 0.25 * p.y);
    deep += rays * water_at(3) * smoothstep(0.4, 0.9, noise(vec2(3.5 * (p.x + 0.4 * p.y), 0.3), salt + 41.0)) * saturate(0.4 + 0.6 * p.y) * 0.6;
    float line = bed + 0.25 * (fbm(vec2(1.4 * p.x, 3.0), 4, 0.5, salt + 42.0) - 0.5);
    vec3 colour = mix(deep, mix(others(0.3), water(0.4), 0.6) * 0.8, inside(p.y - line - 0.25 * fbm(vec2(3.0 * p.x, 1.0), 4, 0.6, salt + 43.0), 0.05));
    vec2 floor_ = vec2(p.x, 1.0) / (0.35 + max(line - p.y, 0.0));
    vec3 sand = others(0.65 + 0.3 * (fbm(2.0 * floor_, 4, 0.6, salt + 44.0) - 0.5)) * (0.7 + 0.3 * noise(vec2(3.0, 14.0) * p, salt + 45.0));
    colour = mix(colour, mix(sand, water(0.5), 0.3 * murk), inside(p.y - line, 0.03));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float near = (float(i) + 1.0) / count, r = size * (0.35 + 0.65 * near) * (0.6 + 0.6 * h.z), far = murk * 0.75 * (1.0 - near);
        vec2 c = vec2(1.05 * (2.0 * h.x - 1.0), mix(bed, -0.95, near) + 0.25 * (h.y - 0.5) + 0.2 * r);
        vec2 v = (p - c) / r * vec2(1.0, oval);
        if (g.x < fans) {
            vec2 u = p - c - vec2(0.4 * r, 0.2 * r);
            float branch = noise(vec2(9.0 * atan(u.x, u.y + 0.3 * r), 5.0 * length(u) / r) + 0.8 * noise_offset(6.0 * u / r, salt + 2.0), salt + 3.0 + float(i));
            float fan = length(u * vec2(1.3, 0.85)) - 1.5 * r, stalk = smoothstep(0.16, 0.05, abs(branch - 0.5) * (0.4 + 0.6 * length(u) / r));
            colour = mix(colour, mix(others(0.75 * h.y + 0.2) * (0.5 + 0.5 * length(u) / r), water(0.45), far), inside(fan, 0.05) * stalk * step(-0.25 * r, u.y));
        }
        colour *= 1.0 - 0.45 * smoothstep(1.35, 0.8, length((p - c + vec2(0.15 * r * light.x, 0.35 * r)) / r * vec2(1.0, 1.3)));
        float reach = length(v);
        if (reach > 1.12) continue;
        float up = sqrt(max(1.0 - reach * reach, 0.02));
        int form = hash1(i, salt + 4.0) < mixed ? int(4.0 * g.z) : int(kind);
        vec2 q = detail * (0.5 + 0.5 * r) * v / (0.6 + 0.5 * up) + 20.0 * g.xy;
        float key = salt + 5.0 + 10.0 * float(i), here = skin(q, form, key);
        float slope = (here - skin(q + 0.12 * light.xy, form, key)) * 2.2;
        vec3 normal = vec3(v, up);
        float lump = reach - 1.0 - 0.07 * (here - 0.5);
        float matte = max(dot(normal, light), 0.0) * clamp(1.0 + groove * slope, 0.2, 1.6);
        vec3 flesh = mix(colours(0.2 + 0.35 * h.y + 0.45 * here), others(0.25 + 0.6 * here), step(0.6, g.y));
        float net = smoothstep(0.55, 0.8, cell_distance(3.0 * p + noise_offset(2.0 * p, salt + 6.0), 0.9, salt + 7.0));
        flesh *= (0.28 + 0.85 * matte) * mix(1.0 - 0.5 * groove, 1.0, here) * (1.0 + ripple * net * 1.5 * matte);
        colour = mix(colour, mix(flesh, water(0.45), far), inside(lump * r, 2.0 * PIXEL));
    }
    return mix(colour, water(0.5) * 0.9, 0.12 * murk);
}
