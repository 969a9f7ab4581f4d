// title: Houses stepped up a hillside, roofs over roofs
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: walls palette
// parameter: roofs palette
// parameter: sky palette
// parameter: salt seed
// parameter: rows integer 2 5
// parameter: size uniform 0.22 0.6
// parameter: skyline uniform 0.0 0.8
// parameter: slope uniform -0.4 0.4
// parameter: hump uniform -0.4 0.5
// parameter: pitch uniform 0.2 0.8
// parameter: tall uniform 0.5 1.4
// parameter: crowd uniform 0.45 1.0
// parameter: greens uniform 0.0 1.0
// parameter: sun uniform -1.0 1.0
// parameter: haze uniform 0.0 0.8
// parameter: evening uniform -0.5 0.6
// parameter: steeple uniform -0.5 1.0

vec3 colour;

// A house whose ground line is at y = 0, about one unit wide.
void house(vec2 v, vec3 h, float width_px, float key, float fade, vec3 air) {
    float w = 0.36 + 0.14 * h.x, high = tall * (0.45 + 0.5 * h.y), gable = pitch * (0.6 + 0.6 * h.z) * w;
    bool side_on = h.z < 0.5;  // the long side under a slanted roof, or the gable
    float body = box(v - vec2(0.0, 0.5 * high - 0.4), vec2(w, 0.5 * high + 0.4));
    float up = v.y - high;
    float roof = side_on ? max(max(-up, up - 1.2 * gable), abs(v.x) - w * 1.12 + 0.35 * up) : max(-up - 0.06, up - gable * (1.0 - abs(v.x) / w));
    vec2 chimney = v - vec2(0.4 * w * (h.y > 0.5 ? 1.0 : -1.0), high + 0.75 * gable);
    if (min(min(body, roof), box(chimney, vec2(0.05, 0.17))) > width_px) return;
    float shade_ = clamp(0.8 - 0.35 * sun * (h.x - 0.5) * 2.0, 0.5, 1.05);
    vec3 plaster = mix(walls(0.35 + 0.6 * h.y), vec3(0.93, 0.88, 0.8), 0.25) * shade_ * (0.82 + 0.3 * fbm(3.0 * v + 9.0 * h.xy, 3, 0.6, key));
    if (!side_on) body = min(body, max(up - gable * (1.0 - abs(v.x) / w), -up));
    plaster *= 1.0 - 0.35 * smoothstep(-0.14, 0.0, up) * (side_on ? 1.0 : 0.4);
    plaster *= 0.72 + 0.28 * smoothstep(-0.2, 0.5, v.y);
    vec2 c = v / vec2(0.26, 0.3) + vec2(0.5, 0.0), f = abs(fract(c) - 0.5);
    vec3 g = hash3(ivec2(floor(c)) + int(77.0 * h.x), key + 1.0);
    if (g.x < 0.72 && v.y < high - 0.05 && v.y > 0.02 && abs(v.x) < w - 0.08) {
        float frame = max(f.x - 0.2, f.y - 0.27);
        vec3 pane = g.y < evening ? vec3(1.0, 0.8, 0.45) : mix(walls_at(0), sky(0.5), 0.35 * g.z) * 0.55;
        if (f.x < 0.42 && frame > 0.0 && f.y < 0.27 && h.x < 0.6) plaster = roofs(h.z) * 0.6;  // shutters
        plaster = mix(plaster, pane, inside(frame, 0.06));
    }
    colour = mix(colour, mix(air, plaster, fade), inside(body, width_px));
    float tile = zigzag(9.0 * up + 0.2 * noise(9.0 * v, key + 2.0)), course = hash1(ivec2(floor(v * vec2(14.0, 9.0))), key + 3.0);
    vec3 clay = roofs(0.3 + 0.45 * h.x + 0.25 * (course - 0.5)) * (0.75 + 0.25 * tile) * (1.0 - 0.3 * sun * sign(v.x) * (side_on ? 0.0 : 1.0));
    if (side_on) colour = mix(colour, mix(air, clay * (0.85 + 0.3 * sun * (h.y - 0.5)), fade), inside(roof, width_px));
    else {
        float edge = abs(up - gable * (1.0 - abs(v.x) / w)) - 0.05;
        colour = mix(colour, mix(air, clay, fade), inside(max(edge, abs(v.x) - w * 1.1), width_px));
    }
    colour = mix(colour, mix(air, walls(0.3) * (0.6 + 0.4 * step(0.0, chimney.x * sun)), fade), inside(box(chimney, vec2(0.05, 0.17)), width_px));
}

vec3 shade(vec2 p) {
    float cloud = fbm(p * vec2(0.9, 2.0) + 6.0, 5, 0.52, salt);
    colour = mix(mix(sky_at(3), sky(0.5), saturate(0.8 * (p.y - skyline) + 0.3)), vec3(0.96), 0.7 * smoothstep(0.5, 0.75, cloud));
    vec3 air = mix(sky_at(3), sky(0.55), 0.4);
    float ridge = skyline + 0.25 * (fbm(vec2(1.3 * p.x, 1.0), 5, 0.5, salt + 1.0)) + slope * p.x * 0.6;
    colour = mix(colour, mix(roofs(0.2), air, 0.6) * (0.9 + 0.2 * noise(8.0 * p, salt + 2.0)), inside(p.y - ridge, PIXEL));
    for (int i = ZERO; i < int(rows); i++) {
        float near = float(i + 1) / rows, key = salt + 13.0 * float(i), fade = 1.0 - haze * (1.0 - near);
        float s = size * mix(0.5, 1.25, near), x = p.x / s + 9.0 * hash1(i, salt + 3.0);
        for (int k = ZERO; k < 3; k++) {  // neighbours reach over the borders of their lots
            float lot = floor(x) + float(k == 0 ? -1 : k == 1 ? 1 : 0);
            vec3 h = hash3(int(lot), key + 4.0);
            float at = (lot + 0.5 + 0.3 * (h.x - 0.5) - 9.0 * hash1(i, salt + 3.0)) * s;
            float ground = mix(skyline - 0.15, -1.05, near) + slope * at * (1.3 - near) + hump * (0.5 - at * at) * (1.0 - near) + 0.12 * s * (h.y - 0.5);
            vec2 v = (p - vec2(at, ground)) / s;
            if (abs(v.x) > 0.85 || v.y > 2.2) continue;
            float tree = length((v - vec2(0.45, 0.22 + 0.2 * h.y)) * vec2(1.1, 0.8)) - 0.25;
            float soil = v.y + 0.05;
            if (k == 2 && soil < 0.0) colour = mix(air, roofs(0.25) * mix(1.0, 0.7, noise(7.0 * v, key + 6.0)) * 0.8, fade);
            if (h.z < crowd) house(v, hash3(int(lot), key + 7.0), 2.0 * PIXEL / s, key + 8.0, fade, air);
            if (tree > 0.2) continue;
            vec3 green = mix(vec3(0.25, 0.32, 0.18), sky_at(0), 0.35) * (0.45 + 0.9 * noise(8.0 * v + 5.0, key + 9.0)) * (0.9 + 0.3 * sun * v.x);
            tree += 0.3 * (fbm(5.0 * v + 7.0 * h.xy, 3, 0.6, key + 5.0) - 0.5);
            if (h.y < greens) colour = mix(colour, mix(air, green, fade), inside(tree, 3.0 * PIXEL / s));
        }
        if (steeple > 0.0 && i == int(rows) / 2) {
            vec2 v = (p - vec2(0.8 * steeple - 0.4, mix(skyline - 0.15, -1.05, near))) / s;
            float tower = box(v - vec2(0.0, 0.9), vec2(0.22, 1.0)), spire = max(abs(v.x) - 0.26 * (1.0 - (v.y - 1.9) / 1.1), 1.9 - v.y);
            vec3 stone = walls(0.7) * (0.75 + 0.3 * step(0.0, v.x * sun)) * (0.85 + 0.3 * noise(vec2(5.0, 14.0) * v, key));
            if (length(max(abs(v - vec2(0.0, 1.55)) - vec2(0.0, 0.1), 0.0)) < 0.1) stone = walls_at(0) * 0.5;
            colour = mix(colour, mix(air, stone, fade), inside(tower, 2.0 * PIXEL / s));
            colour = mix(colour, mix(air, roofs(0.25) * (0.7 + 0.3 * step(0.0, v.x * sun)), fade), inside(spire, 2.0 * PIXEL / s));
        }
    }
    return colour;
}
