// title: A lamp's glow on the wall of a dim room
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: wall palette
// parameter: shade_colours palette
// parameter: salt seed
// parameter: lamp_x uniform -0.6 0.6
// parameter: lamp_y uniform -0.3 0.5
// parameter: hanging uniform 0.0 1.0
// parameter: top_width uniform 0.08 0.3
// parameter: flare uniform 0.05 0.3
// parameter: tall uniform 0.15 0.4
// parameter: power uniform 0.6 1.2
// parameter: cone uniform 0.4 1.4
// parameter: table_line uniform -0.9 -0.35
// parameter: pattern log_uniform 2.0 7.0
// parameter: pattern_kind integer 0 3
// parameter: warmth uniform 0.2 1.0
// parameter: things integer 0 5
// parameter: pictures uniform 0.0 0.9

vec3 paper(vec2 p) {
    vec2 q = pattern * p, f = fract(q) - 0.5;
    float mark = pattern_kind < 0.5 ? 0.0 : pattern_kind < 1.5 ? step(0.5, fract(q.x)) : pattern_kind < 2.5 ? inside(flower(f, 5.0, 0.34, 0.6), 0.05) : step(0.0, f.x * f.y);
    vec3 colour = mix(wall(0.55), wall(0.85), 0.6 * mark) * (0.92 + 0.16 * noise(3.0 * p, salt + 1.0));
    ivec2 place = ivec2(floor(p * 1.4 + 0.5));
    vec3 h = hash3(place, salt + 2.0);
    vec2 c = (fract(p * 1.4 + 0.5) - 0.5) / 1.4, half_size = 0.1 + 0.16 * h.xy;
    float d = box(c, half_size);
    if (h.z < pictures && p.y > table_line + 0.4) {
        if (d < 0.0) colour = d > -0.03 ? wall(0.15) : mix(shade_colours(0.2), shade_colours(0.8), fbm(4.0 * c + 9.0 * h.xy, 4, 0.5, salt + 3.0));
        colour *= 1.0 - 0.4 * smoothstep(0.05, 0.0, d) * step(0.0, d);
    }
    return colour;
}

vec3 shade(vec2 p) {
    vec3 warm = mix(vec3(1.0, 0.95, 0.88), vec3(1.15, 0.82, 0.5), warmth);
    vec2 at = vec2(lamp_x, lamp_y), v = p - at;
    float spread = max(abs(v.x) - top_width, 0.0);
    float down = smoothstep(-0.12, 0.15, cone * (-v.y - 0.6 * tall) - spread + 0.3 * flare + 0.05), up = smoothstep(-0.12, 0.12, 0.8 * (v.y - 0.6 * tall) - spread + 0.1);
    float fall = 1.0 / (1.0 + 2.6 * dot(v, v));
    float light = power * (0.12 + 0.45 * fall * fall + 0.9 * fall * (down + 0.9 * up));
    vec3 colour = paper(p) * (vec3(0.07, 0.09, 0.12) + light * warm);
    if (p.y < table_line) {
        float deep = table_line - p.y;
        float grain = noise(vec2(1.5 * p.x, 16.0 * deep), salt + 4.0);
        float pool = exp(-2.2 * pow(length(vec2(p.x - lamp_x, 1.8 * (deep - 0.2))), 2.0));
        colour = shade_colours(0.25 + 0.35 * grain) * (0.08 + power * 1.15 * pool * warm);
        colour += 0.3 * pool * warm * smoothstep(0.12, 0.0, abs(p.x - lamp_x)) * smoothstep(0.5, 0.0, deep);
    }
    float foot = table_line - 0.12;
    for (int i = ZERO; i < int(things); i++) {
        vec3 h = hash3(i, salt + 5.0);
        vec2 base = vec2(1.8 * h.x - 0.9, foot - 0.1 * h.y), half_size = vec2(0.05 + 0.12 * h.z, 0.06 + 0.2 * h.y);
        vec2 q = p - base - vec2(0.0, half_size.y);
        float d = h.z < 0.35 ? length(q * vec2(1.0, half_size.x / half_size.y)) - half_size.x : box(q, half_size - 0.015) - 0.015;
        float away = sign(base.x - lamp_x);
        float cover = inside(box(p - base + vec2(-0.25 * away, 0.02), vec2(0.3, 0.03)), 0.08);
        colour *= 1.0 - 0.5 * cover;
        float side = 0.5 - 0.5 * away * q.x / half_size.x;
        float reach = 1.2 / (1.0 + 2.5 * dot(base - at, base - at));
        vec3 skin = mix(shade_colours(h.y), wall(h.x), 0.4) * (1.0 - 0.4 * step(0.75, fract(5.0 * q.y + h.x)));
        colour = mix(colour, skin * (0.08 + reach * power * (0.2 + 1.1 * side) * warm), inside(d, 2.0 * PIXEL));
    }
    bool hung = hanging > 0.55;
    float stem = hung ? max(abs(v.x) - 0.01, -v.y) : max(abs(v.x) - 0.022 - 0.05 * exp(-14.0 * (p.y - foot)), max(v.y, foot - p.y));
    colour = mix(colour, wall(0.1) * (0.4 + 0.5 * smoothstep(0.02, -0.02, v.x)), inside(stem, 2.0 * PIXEL));
    if (!hung) colour = mix(colour, wall(0.12) * 0.7, inside(length((p - vec2(lamp_x, foot)) * vec2(1.0, 3.0)) - 0.16, 0.02));
    float t = v.y / tall, width = top_width + flare * (0.5 - 0.5 * t);
    float hood = max(abs(v.x) - width, abs(v.y) - 0.5 * tall);
    float x = v.x / width, ribs = 0.9 + 0.1 * cos(24.0 * asin(clamp(x, -1.0, 1.0)));
    vec3 cloth = mix(mix(shade_colours(0.75), shade_colours(0.45), 0.5 * step(0.85, fract(2.5 * t))), warm, 0.35);
    vec3 glow = cloth * (0.55 + 0.75 * power * exp(-2.5 * (x * x * 0.5 + t * t))) * ribs;
    colour += 0.2 * power * warm * exp(-5.0 * max(hood, 0.0));
    return mix(colour, glow, inside(hood, 2.0 * PIXEL));
}
