// title: Climbing leaves on a brick or plaster wall, with their shadows
// licence: Apache-2.0
// cost: heavy
// include: noise, curve
// parameter: colours palette
// parameter: wall palette
// parameter: salt seed
// parameter: stems integer 2 4
// parameter: leaves log_uniform 5.0 13.0
// parameter: leaf_size uniform 0.11 0.26
// parameter: points integer 2 5
// parameter: lobes uniform 0.1 0.75
// parameter: rows log_uniform 2.0 6.0
// parameter: plaster uniform -0.2 0.9
// parameter: mortar uniform 0.04 0.12
// parameter: lean uniform -0.9 0.9
// parameter: sway uniform 0.1 0.9
// parameter: turn uniform -3.2 3.2
// parameter: sun uniform 0.5 2.6
// parameter: shadow uniform 0.25 0.7
// parameter: shadow_reach uniform 0.03 0.13
// parameter: berries uniform -0.5 0.5
// parameter: flat_light uniform 0.0 0.5

vec3 masonry(vec2 p) {
    vec2 q = p * vec2(0.45, 1.0) * rows + 20.0;
    float row = floor(q.y);
    q.x += 0.5 * mod(row, 2.0) + 0.1 * hash1(int(row), salt + 30.0);
    ivec2 id = ivec2(int(floor(q.x)), int(row));
    vec2 f = abs(fract(q) - 0.5);
    float gap = min((0.5 - f.x) / 0.45, 0.5 - f.y) - 0.03 * noise(9.0 * q, salt + 31.0);
    float grit = fbm(9.0 * p, 4, 0.6, salt + 32.0);
    vec3 brick = wall(0.25 + 0.45 * hash1(id, salt + 33.0) + 0.35 * (grit - 0.5)) * (0.8 + 0.3 * grit);
    brick *= 0.9 + 0.25 * (smoothstep(0.0, 0.5, fract(q.y)) - 0.5);
    vec3 joint = mix(wall_at(3), vec3(0.6), 0.3) * (0.55 + 0.3 * grit);
    vec3 colour = mix(joint, brick, smoothstep(0.4 * mortar, mortar, gap));
    float cover = fbm(1.1 * p + 7.0, 4, 0.55, salt + 34.0) - plaster;
    vec3 coat = wall(0.75 + 0.3 * (fbm(2.0 * p, 3, 0.5, salt + 35.0) - 0.5)) * (0.9 + 0.15 * grit);
    colour *= 1.0 - 0.4 * smoothstep(0.06, 0.0, cover) * step(0.0, cover);
    return mix(colour, coat, smoothstep(0.01, -0.01, cover)) * (1.0 - flat_light * dot(p, vec2(0.4, -0.35)));
}

float blade(vec2 v, float l) {
    float angle = atan(v.y, v.x), lobe = 0.62 + 0.38 * cos(angle * 0.5) * (1.0 - lobes + lobes * abs(cos(0.5 * points * angle)));
    return length(v) - l * lobe * (0.55 + 0.45 * smoothstep(3.1, 2.2, abs(angle)));
}

void stem_of(int i, out vec2 a, out vec2 b, out vec2 c) {
    vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
    float x = (float(i) + h.x) / stems * 2.4 - 1.2;
    a = vec2(x, -1.3);
    b = vec2(x + sway * (2.0 * h.y - 1.0) * 1.3, 0.3 * (g.x - 0.5));
    c = vec2(x + 1.4 * lean + sway * (2.0 * h.z - 1.0), 0.6 + g.y);
    a = rotation(turn) * a; b = rotation(turn) * b; c = rotation(turn) * c;
}

vec3 shade(vec2 p) {
    vec3 colour = masonry(p);
    vec2 away = -shadow_reach * unit_vector(sun), light = unit_vector(sun);
    float dark = 0.0;
    for (int pass = ZERO; pass < 2 * int(stems); pass++) {
        int i = pass % int(stems);
        bool casting = pass < int(stems);
        vec2 a, b, c, q = casting ? p - away : p;
        stem_of(i, a, b, c);
        vec2 near = bend(q, a, b, c);
        if (abs(near.x) > 3.0 * leaf_size) continue;
        if (!casting) {
            if (i == 0) colour *= 1.0 - shadow * dark;
            vec3 bark = colours(0.2) * (0.7 - 9.0 * near.x * light.x);
            colour = mix(colour, bark, inside(abs(near.x) - 0.022 * (1.3 - near.y), 1.5 * PIXEL));
        } else dark = max(dark, inside(abs(near.x) - 0.02, 0.04));
        float first = floor(near.y * leaves);
        for (int k = ZERO; k < 4; k++) {
            float id = first + float(k) - 1.0;
            if (id < 0.0 || id > leaves) continue;
            vec3 h = hash3(ivec2(int(id), i), salt + 3.0);
            float side = mod(id, 2.0) * 2.0 - 1.0, l = leaf_size * (0.6 + 0.7 * h.x);
            vec2 along = bend_along(a, b, c, id / leaves), out_ = side * vec2(-along.y, along.x);
            vec2 root = bend_point(a, b, c, id / leaves) + out_ * l * (0.8 + 0.5 * h.y);
            vec2 axis = normalize(out_ + 0.6 * along * (h.z - 0.3) + vec2(0.0, -0.5));
            vec2 v = q - root;
            v = vec2(dot(v, axis), dot(v, vec2(-axis.y, axis.x)));
            float d = blade(v, l);
            if (casting) { dark = max(dark, inside(d, 0.05)); continue; }
            float fold = sign(v.y) * dot(vec2(-axis.y, axis.x), light);
            float rib = smoothstep(0.05, 0.015, abs(v.y) / l) + 0.6 * smoothstep(0.1, 0.03, abs(abs(v.y) - 0.7 * (v.x + 0.3 * l)) / l);
            float tone = 0.3 + 0.55 * h.z + 0.2 * (noise(8.0 * q, salt + 5.0) - 0.5);
            vec3 leaf = colours(tone) * (0.78 + 0.25 * fold + 0.2 * v.x / l) + 0.1 * colours_at(3) * rib;
            colour *= 1.0 - 0.3 * smoothstep(0.05, -0.02, d);
            colour = mix(colour, leaf, inside(d, 1.5 * PIXEL));
            vec2 s = q - root + 0.9 * l * axis + 0.03 * (h.xy - 0.5);
            float berry = length(s) - 0.035 - 0.02 * h.y;
            vec3 fruit = mix(colours_at(3), wall_at(0), h.x) * (0.75 + 9.0 * dot(s, light));
            if (h.y < berries) colour = mix(colour, fruit, inside(berry, 1.5 * PIXEL));
        }
    }
    return colour;
}
