// title: Mushrooms on the forest floor, caps spotted or plain, gills below
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, curve
// parameter: caps palette
// parameter: pale palette
// parameter: wood palette
// parameter: salt seed
// parameter: count integer 1 7
// parameter: size log_uniform 0.28 0.75
// parameter: high uniform 0.5 1.5
// parameter: dome uniform 0.35 0.95
// parameter: below uniform 0.06 0.3
// parameter: stem uniform 0.12 0.3
// parameter: lean uniform -0.6 0.6
// parameter: spots uniform -0.3 0.7
// parameter: spot_scale log_uniform 2.0 5.0
// parameter: gills integer 14 40
// parameter: floor_line uniform -0.8 -0.2
// parameter: sun uniform 0.4 2.7
// parameter: gloss uniform 0.0 0.5
// parameter: back_scale log_uniform 0.6 2.0
// parameter: glow uniform 0.0 0.9

vec3 backdrop(vec2 p) {
    float trunks = noise(vec2(2.2 * back_scale * p.x, 0.4 * p.y), salt + 50.0), soft = fbm(back_scale * p, 3, 0.45, salt + 51.0);
    vec3 colour = wood(0.15 + 0.55 * soft) * (0.35 + 0.75 * smoothstep(0.3, 0.65, trunks));
    vec2 gap = p - vec2(0.9 * cos(sun), 0.7);
    colour += glow * wood_at(3) * 0.7 * exp(-1.8 * dot(gap, gap));
    Cell disc = cells(back_scale * 2.2 * p, 0.9, salt + 52.0);
    return colour + 0.22 * glow * wood_at(3) * smoothstep(0.36, 0.28, disc.nearest) * step(0.7, hash1(disc.id, salt + 53.0));
}

vec3 forest_floor(vec2 p, float line) {
    float depth = line - p.y;
    vec2 q = p * vec2(5.0, 9.0) / (0.6 + depth);
    float tufts = fbm(q, 4, 0.6, salt + 54.0), blade = noise(vec2(40.0 * p.x + 6.0 * tufts, 7.0 * p.y), salt + 55.0);
    return wood(0.15 + 0.5 * tufts + 0.35 * (blade - 0.4)) * (0.35 + 0.75 * tufts) * (0.65 + 0.5 * saturate(2.0 * depth));
}

vec3 shade(vec2 p) {
    float line = floor_line + 0.22 * (fbm(vec2(1.6 * p.x, 3.0), 4, 0.55, salt + 56.0) - 0.5);
    float blades = 0.07 * noise(vec2(34.0 * p.x, 1.0), salt + 57.0);
    vec3 colour = mix(backdrop(p), forest_floor(p, line + blades), inside(p.y - line - blades, 0.02));
    vec3 light = normalize(vec3(unit_vector(sun), 0.7));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float near = (float(i) + 0.6) / count, r = size * (0.35 + 0.75 * near) * (0.6 + 0.6 * h.y);
        vec2 foot = vec2((2.0 * h.x - 1.0) * 0.85, line - 0.08 - 0.55 * near * (line + 1.0));
        float tilt = lean * (g.x - 0.5) * 2.0, tall_ = high * r * (0.8 + 0.5 * h.z);
        vec2 top = foot + tall_ * vec2(sin(tilt), cos(tilt)), knee = foot + vec2(0.25 * r * (g.y - 0.5), 0.5 * tall_);
        colour *= 1.0 - 0.55 * smoothstep(1.3, 0.4, length((p - foot) / vec2(0.75 * r, 0.2 * r)));
        vec2 near_ = bend(p, foot, knee, top);
        float thick = stem * r * (1.25 - 0.5 * near_.y + 0.5 * smoothstep(0.3, 0.0, near_.y)), across = near_.x / thick;
        float lit_stem = 0.35 + 0.75 * saturate(0.5 - 0.5 * across * cos(sun) * 1.4);
        vec3 stalk = pale(0.7 + 0.3 * (noise(vec2(6.0 * across, 5.0 * near_.y) + 9.0 * h.xy, salt + 2.0) - 0.5)) * lit_stem;
        stalk *= 1.0 - 0.55 * smoothstep(0.6, 1.0, near_.y);
        colour = mix(colour, stalk, inside(abs(near_.x) - thick, 1.5 * PIXEL));
        vec2 v = rotation(tilt) * (p - top) / r;
        float rim = length(v / vec2(1.0, below)) - 1.0, upper = length(v / vec2(1.0, dome)) - 1.0;
        if (rim < 0.1 && v.y <= 0.0) {
            vec2 under = v / vec2(1.0, below);
            float gill = 0.5 + 0.5 * cos(gills * atan(under.y + 0.4, under.x) * 2.0);
            vec3 lower = pale(0.35 + 0.4 * gill) * (0.35 + 0.35 * length(under)) * (0.7 + 0.4 * gill);
            colour = mix(colour, lower, inside(rim * below * r, 1.5 * PIXEL));
        }
        float lip = max(-v.y - 0.55 * below * sqrt(max(1.0 - v.x * v.x, 0.0)) * step(0.5, g.z), 0.0);
        float cap = lip > 0.0 || abs(v.x) > 1.0 ? 1.0 : v.y > 0.0 ? upper : -0.05;
        if (cap < 0.05) {
            vec2 s = vec2(v.x, v.y / dome);
            vec3 normal = normalize(vec3(s, sqrt(max(1.02 - dot(s, s), 0.02))));
            normal.xy = transpose(rotation(tilt)) * normal.xy;
            vec2 wrap = spot_scale * vec2(asin(clamp(s.x, -0.99, 0.99)), 1.3 * asin(clamp(s.y, -0.99, 0.99))) + 20.0 * g.xy;
            Cell wart = cells(wrap, 0.8, salt + 3.0);
            float radial = fbm(vec2(7.0 * s.x / max(1.1 - s.y, 0.2), 1.5 * s.y) + 9.0 * h.xy, 3, 0.5, salt + 4.0);
            vec3 flesh = caps(0.25 + 0.4 * h.z + 0.3 * (radial - 0.5) + 0.25 * s.y);
            flesh = mix(flesh, mix(pale_at(3), vec3(0.93), 0.4), inside(wart.nearest - 0.3 * step(hash1(wart.id, salt + 5.0), spots + 0.2), 0.08) * step(0.0, spots));
            float matte = max(dot(normal, light), 0.0);
            flesh = flesh * (0.25 + 0.85 * matte) + gloss * pow(max(reflect(-light, normal).z, 0.0), 14.0);
            colour = mix(colour, flesh, inside(cap * r * dome, 1.5 * PIXEL));
        }
    }
    return colour;
}
