// title: Shadows of blinds, leaves or panes across a wall and a vase
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: wall palette
// parameter: things palette
// parameter: salt seed
// parameter: turn uniform -0.9 0.9
// parameter: shear uniform -0.5 0.5
// parameter: slats log_uniform 4.0 12.0
// parameter: slit uniform 0.3 0.75
// parameter: window uniform 0.5 1.2
// parameter: blur log_uniform 0.01 0.12
// parameter: plant uniform -0.4 1.0
// parameter: bars uniform -0.5 1.0
// parameter: sun_share uniform 0.6 1.1
// parameter: objects integer 0 3
// parameter: table_line uniform -1.3 -0.1
// parameter: rough uniform 0.0 0.35
// parameter: picture uniform -0.6 0.6

// Sunlight that passes the window towards q, 0..1.
float sunlight(vec2 q) {
    q = rotation(turn) * q;
    q.x += shear * q.y;
    float through = inside(box(q, vec2(window, 0.8 * window)) - 0.04, 0.5 * blur);
    if (bars > 0.0) through *= 1.0 - inside(min(abs(q.x - 0.1), abs(q.y)) - 0.05 * bars, blur);
    else through *= smoothstep(-blur * slats, blur * slats, slit - 0.05 - abs(fract(slats * q.y * 0.7) - 0.5));
    for (int i = ZERO; i < 9; i++) {
        vec3 h = hash3(i, salt + 2.0);
        vec2 l = rotation(TURN * h.x) * (q - vec2(0.9 * window * (h.y - 0.2), 1.1 * window * (h.z - 0.5)));
        if (float(i) < 9.0 * plant) through *= 1.0 - 0.92 * inside(lens(l, 0.36, 0.1 + 0.05 * h.y), 1.5 * blur);
    }
    return through;
}

// A turned vessel with its foot at the origin: half width at height y, negative outside.
float profile(float y, vec3 h) {
    float t = y / (0.5 + 0.5 * h.y);
    if (t < 0.0 || t > 1.0) return -1.0;
    return (0.12 + 0.14 * h.x) * (0.55 + 0.6 * sin(PI * pow(t, 0.5 + h.z)) + 0.25 * smoothstep(0.8, 1.0, t));
}

vec3 shade(vec2 p) {
    float plaster = fbm(2.5 * p + 4.0, 5, 0.6, salt + 5.0);
    vec3 albedo = wall(0.62 + rough * (plaster - 0.5)), warm = vec3(1.1, 0.98, 0.8);
    vec2 cast_at = p;
    float ambient = 0.42 - 0.06 * p.y;
    vec2 c = abs(p - vec2(picture, 0.45)) - vec2(0.3, 0.36);
    float frame = max(c.x, c.y);
    if (abs(picture) < 0.4 && frame < 0.0) albedo = frame > -0.04 ? things(0.15) : frame > -0.1 ? vec3(0.9) : things(fbm(2.0 * p + 9.0, 4, 0.5, salt + 6.0));
    if (abs(picture) < 0.4) ambient *= 1.0 - 0.3 * smoothstep(0.08, 0.0, frame) * step(0.0, frame);
    bool table_ = p.y < table_line;
    if (table_) {
        float deep = table_line - p.y;
        albedo = things(0.4 + 0.25 * (noise(vec2(2.0 * p.x / (1.0 + deep), 14.0 * log(0.3 + deep)), salt + 7.0) - 0.5)) * 1.05;
        cast_at = vec2(p.x + 0.4 * deep, table_line - 1.4 * deep);
        ambient *= 0.75 + 0.5 * saturate(deep);
    }
    float lit = sunlight(cast_at);
    vec3 colour = albedo * (ambient * vec3(0.9, 0.97, 1.1) + 0.75 * sun_share * lit * warm);
    for (int i = ZERO; i < int(objects); i++) {
        vec3 h = hash3(i, salt + 8.0);
        vec2 foot = vec2(1.4 * h.x - 0.7, max(table_line, -0.95) - 0.08 - 0.25 * float(i));
        vec2 v = p - foot, s = v - vec2(0.22, 0.03);
        colour *= 1.0 - 0.4 * inside(abs(s.x) - profile(s.y, h), 0.12) * step(0.0, profile(s.y, h)) - 0.4 * smoothstep(1.0, 0.5, length(v / vec2(0.4, 0.07)));
        float half_ = profile(v.y, h);
        if (abs(v.x) > half_) continue;
        float x = v.x / half_;
        vec3 glaze = mix(things(0.15 + 0.8 * h.z), wall(h.x), 0.5 * step(0.6, fract(6.0 * v.y + h.y)) * step(0.5, h.y));
        float bent = sunlight(p + vec2(0.25 * x * half_, 0.2 * x * x));
        vec3 body = glaze * (ambient * (0.9 - 0.35 * x) + 0.85 * sun_share * bent * warm * saturate(0.9 - 0.75 * (x + 0.35) * (x + 0.35)));
        body += 0.5 * bent * smoothstep(0.14, 0.0, abs(x + 0.45));
        colour = mix(colour, body, inside(abs(v.x) - half_, 2.0 * PIXEL));
    }
    return colour;
}
