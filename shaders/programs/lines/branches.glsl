// title: Bare tree before the sky
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: sky palette
// parameter: wood palette
// parameter: salt seed
// parameter: levels integer 5 8
// parameter: spread_a uniform 0.25 0.75
// parameter: spread_b uniform 0.2 0.7
// parameter: shrink uniform 0.66 0.8
// parameter: thickness uniform 0.05 0.13
// parameter: root_x uniform -0.6 0.6
// parameter: root_y uniform -1.3 -0.8
// parameter: lean uniform -0.25 0.25
// parameter: trunk_length uniform 0.45 0.75
// parameter: leaves uniform -0.05 0.14
// parameter: cloud_scale log_uniform 0.5 2.5
// parameter: cloud_cover uniform 0.2 0.8
// parameter: ground uniform -1.2 -0.45
// parameter: glow uniform 0.0 0.9
// parameter: far_trees uniform 0.0 0.6

// x: distance to the wood, y: distance to the nearest twig end. Folding left onto right draws 2^levels branches.
vec2 tree(vec2 q, float key, float wide) {
    float d = 9.0, scale = 1.0, ends = 9.0;
    for (int i = ZERO; i < int(levels); i++) {
        float l = trunk_length, w = wide * mix(1.0, 0.75, saturate(q.y / l));
        q.x += 0.05 * sin(4.0 * q.y + key + float(i));
        d = min(d, (segment(q, vec2(0.0), vec2(0.0, l)) - w) * scale);
        q.y -= l * (0.92 + 0.08 * sin(key * 1.7 + float(i)));
        float side = q.x > 0.0 ? 1.0 : -1.0;
        q.x = abs(q.x);
        q = rotation((side > 0.0 ? spread_a : spread_b) * (0.8 + 0.5 * hash1(i * 2 + (side > 0.0 ? 1 : 0), salt + key))) * q / shrink;
        scale *= shrink;
        if (i > 2) ends = min(ends, length(q) * scale);
    }
    return vec2(d, ends);
}

vec3 shade(vec2 p) {
    float cloud = smoothstep(1.0 - cloud_cover, 1.4 - cloud_cover, fbm(cloud_scale * p * vec2(0.7, 1.6), 4, 0.55, salt));
    vec3 colour = mix(sky(0.75 - 0.3 * p.y), sky_at(3), cloud);
    colour += glow * 0.5 * exp(-2.5 * dot(p - vec2(-root_x, 0.1), p - vec2(-root_x, 0.1)));
    float hill = ground + 0.18 * (fbm(vec2(1.3 * p.x, 3.0), 4, 0.5, salt + 5.0) - 0.5);
    float wall = hill + far_trees * (0.35 + 0.5 * (fbm(vec2(4.0 * p.x, 8.0), 5, 0.65, salt + 6.0) - 0.5));
    colour = mix(colour, mix(sky(0.45), wood(0.35), 0.5), smoothstep(0.02, -0.02, p.y - wall));
    vec2 q = rotation(-lean) * (p - vec2(root_x, root_y));
    vec2 t = tree(q, 1.0, thickness);
    vec3 earth = wood(0.3 + 0.4 * fbm(p * vec2(5.0, 14.0), 3, 0.6, salt + 7.0) + 0.2 * (hill - p.y));
    colour = mix(colour, earth, inside(p.y - hill, PIXEL));
    float side_light = 0.6 + 0.5 * saturate(0.5 - 4.0 * (q.x)) ;
    colour = mix(colour, wood(0.1 + 0.2 * noise(q * vec2(30.0, 6.0), salt + 8.0)) * side_light, inside(t.x, 1.5 * PIXEL));
    float leafy = t.y - leaves * (0.5 + noise(11.0 * p, salt + 9.0));
    vec3 leaf = mix(wood(0.55), sky(0.4), 0.3) * (0.6 + 0.9 * noise(14.0 * p + 3.0, salt + 10.0));
    return mix(colour, leaf, inside(leafy, 0.03) * step(0.0, leaves));
}
