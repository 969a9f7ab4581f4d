// title: Candles burning before a wall, their wax and their light
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: wax palette
// parameter: room palette
// parameter: salt seed
// parameter: count integer 1 7
// parameter: thick uniform 0.07 0.2
// parameter: tall uniform 0.3 1.0
// parameter: spread uniform 0.4 0.95
// parameter: table_line uniform -0.75 -0.2
// parameter: flame uniform 0.12 0.3
// parameter: draught uniform -0.4 0.4
// parameter: warmth uniform 0.3 1.0
// parameter: power uniform 0.5 1.1
// parameter: holders integer 0 2
// parameter: wall_kind integer 0 2
// parameter: wall_scale log_uniform 1.5 5.0
// parameter: drips uniform 0.1 1.0

struct Candle { vec2 foot; float width, height; };

Candle candle(int i) {
    vec3 h = hash3(i, salt + 1.0);
    float slot = (float(i) + 0.5 + 0.4 * (h.x - 0.5)) / count, depth = hash1(i, salt + 2.0) * 0.2 + 0.25 * float(i) / count;
    float x = count < 1.5 ? 0.8 * (h.x - 0.5) : (2.0 * fract(slot + 0.382 * float(i)) - 1.0) * spread;
    return Candle(vec2(x, table_line - 0.06 - depth), thick * (0.6 + 0.7 * h.y), tall * (0.35 + 0.75 * h.z));
}

vec3 shade(vec2 p) {
    vec3 fire = mix(vec3(1.0, 0.9, 0.75), vec3(1.1, 0.72, 0.34), warmth);
    float wall_light = 0.0, table_light = 0.0;
    for (int i = ZERO; i < int(count); i++) {
        Candle c = candle(i);
        vec2 tip = c.foot + vec2(0.0, c.height + 0.6 * flame), v = p - tip;
        wall_light += 1.0 / (1.0 + 7.0 * dot(v, v)) / (0.6 + 0.4 * count);
        vec2 g = (p - c.foot) * vec2(1.0, 2.2);
        table_light += 1.0 / (1.0 + 5.0 * dot(g, g)) / (0.6 + 0.4 * count);
    }
    vec2 b = wall_scale * p;
    b.x += 0.5 * mod(floor(2.0 * b.y), 2.0);
    vec2 f = abs(fract(b * vec2(1.0, 2.0)) - 0.5);
    float plaster = fbm(1.5 * p + 3.0, 5, 0.6, salt + 3.0);
    vec3 albedo = room(0.45 + 0.5 * (plaster - 0.3));
    if (wall_kind < 0.5) albedo = room(0.35 + 0.35 * hash1(ivec2(floor(b * vec2(1.0, 2.0))), salt + 4.0) + 0.2 * plaster) * (1.0 - 0.5 * smoothstep(0.42, 0.47, max(f.x, f.y)));
    else if (wall_kind < 1.5) albedo = mix(room(0.4), room(0.7), step(0.5, fract(wall_scale * p.x))) * (0.8 + 0.3 * plaster);
    vec3 colour = albedo * (0.08 + power * 1.5 * wall_light * fire);
    if (p.y < table_line) {
        float deep = table_line - p.y;
        float grain = noise(vec2(1.4 * p.x / (0.7 + deep), 20.0 * log(0.4 + deep)), salt + 5.0);
        colour = room(0.2 + 0.4 * grain) * (0.06 + power * 1.5 * table_light * fire);
    }
    for (int k = ZERO; k < 2 * int(count); k++) {  // first the shadows and gleams on the table, then the candles
        int i = k % int(count);
        Candle c = candle(i);
        vec2 v = p - c.foot;
        if (k < int(count)) {
            if (p.y < table_line) {
                colour *= 1.0 - 0.5 * smoothstep(2.2, 0.8, length(v * vec2(1.0, 3.0)) / c.width);
                float gleam = exp(-pow(v.x / (0.6 * c.width), 2.0)) * smoothstep(0.0, -0.1, v.y) * smoothstep(-0.9, -0.1, v.y);
                colour += 0.22 * power * gleam * fire * (0.5 + noise(vec2(8.0 * p.x, 40.0 * p.y), salt + 6.0));
            }
            continue;
        }
        vec3 h = hash3(i, salt + 7.0);
        float x = v.x / c.width, top = c.height - 0.03 * x * x + 0.05 * drips * (noise(vec2(3.0 * x + 9.0 * h.x, 1.0), salt + 8.0) - 0.5);
        float runs = drips * 0.12 * (noise(vec2(6.0 * x + 5.0 * h.y, 1.6 * v.y), salt + 9.0) - 0.4) * smoothstep(0.0, 0.5, v.y / c.height);
        float d = max(abs(v.x) - c.width * (1.0 + runs), max(v.y - top, -v.y - 0.1 * c.width * (1.0 - x * x)));
        float deep = top - v.y;
        vec3 skin = mix(wax(0.35 + 0.6 * h.z), vec3(0.95, 0.9, 0.8), 0.25);
        float round_ = sqrt(max(1.0 - x * x, 0.0));
        vec3 lit = skin * (0.14 + 0.3 * power * table_light * round_ + (0.3 + 0.2 * round_) * (1.0 - 0.8 * drips * (noise(vec2(7.0 * x, 2.0 * v.y), salt + 9.0) - 0.5))) * fire;
        lit += skin * fire * power * 0.9 * exp(-4.5 * max(deep, 0.0) / (c.width + 0.1));
        colour = mix(colour, lit, inside(d, 2.0 * PIXEL));
        if (holders > 0.5) {
            float dish = holders < 1.5 ? box(v, vec2(1.8 * c.width, 0.018 + 0.04 * x * x * 0.2)) : max(abs(v.x) - c.width * (1.25 - 0.5 * v.y / 0.25), abs(v.y - 0.06) - 0.13);
            float y = v.x / (1.6 * c.width);
            vec3 brass = mix(room(0.6), vec3(0.75, 0.6, 0.35), 0.5) * (0.15 + power * (0.35 + 0.5 * exp(-20.0 * (y - 0.3) * (y - 0.3))) * fire);
            colour = mix(colour, brass, inside(dish, 2.0 * PIXEL));
        }
        vec2 w = v - vec2(0.0, c.height - 0.02);
        colour = mix(colour, vec3(0.08), inside(segment(w, vec2(0.0), vec2(0.01, 0.06)) - 0.008, PIXEL));
        float size = flame * (0.75 + 0.5 * h.x), t = (w.y - 0.03) / size;
        w.x -= draught * size * t * t * (0.6 + 0.8 * h.y);
        float body = size * 0.3 * sqrt(saturate(t)) * saturate(1.0 - t) * 1.6;
        float inner = abs(w.x) / max(body, 1e-3);
        vec3 tongue = mix(vec3(1.0, 0.97, 0.85), fire, saturate(inner * inner)) * mix(0.65, 1.1, smoothstep(0.0, 0.35, t));
        tongue = mix(tongue, vec3(0.35, 0.45, 0.75), 0.5 * smoothstep(0.2, 0.0, t));
        vec2 g = w - vec2(0.0, 0.45 * size);
        colour += power * fire * (0.4 * exp(-dot(g, g) / (size * size * 0.5)) + 0.12 * exp(-dot(g, g) / (size * size * 5.0)));
        if (t > 0.0 && t < 1.0) colour = mix(colour, tongue, smoothstep(1.05, 0.75, inner));
    }
    return colour;
}
