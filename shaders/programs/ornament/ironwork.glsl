// title: Wrought-iron gate with scrolls and spears, a garden behind
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: iron palette
// parameter: garden palette
// parameter: sky palette
// parameter: salt seed
// parameter: panels log_uniform 0.8 2.6
// parameter: shift uniform -0.5 0.5
// parameter: top uniform 0.0 0.85
// parameter: arch uniform -0.35 0.45
// parameter: rails uniform 0.45 1.1
// parameter: thick uniform 0.022 0.05
// parameter: curl uniform 0.1 0.22
// parameter: scrolls uniform 0.5 0.95
// parameter: rosettes uniform -0.05 0.12
// parameter: slant uniform -0.25 0.25
// parameter: horizon uniform -0.3 0.5
// parameter: blur log_uniform 0.8 3.0
// parameter: sun uniform 0.4 2.7
// parameter: rust uniform 0.0 0.7

vec3 view_behind(vec2 p) {
    vec3 colour = mix(sky(0.85), sky(0.45), saturate(p.y));
    colour = mix(colour, sky_at(3), smoothstep(0.4, 0.75, fbm(vec2(0.8, 1.5) * p + 3.0, 4, 0.5, salt + 40.0)));
    float crowns = horizon + 0.2 + 0.7 * (fbm(vec2(blur * p.x, 2.0), 3, 0.5, salt + 41.0) - 0.45);
    float leafy = fbm(2.5 * blur * p, 3, 0.55, salt + 42.0);
    colour = mix(colour, garden(0.15 + 0.55 * leafy) * (0.45 + 0.6 * leafy), inside(p.y - crowns - 0.2 * leafy, 0.18));
    float way = abs(p.x - shift * 0.5) - 0.12 - 0.7 * max(horizon - p.y, 0.0);
    vec3 lawn = garden(0.55 + 0.3 * (fbm(vec2(2.0, 6.0) * p, 3, 0.5, salt + 43.0) - 0.5));
    lawn = mix(lawn, mix(garden_at(3), vec3(0.7), 0.4), inside(way, 0.08));
    return mix(colour, lawn * (0.75 + 0.35 * saturate(horizon - p.y)), inside(p.y - horizon, 0.06));
}

// Distance to a spiral that starts at the right, r from its eye, and winds inwards.
float scroll(vec2 v, float r) {
    float from = length(v), angle = atan(v.y, v.x), wound = log(r / max(from, 1e-3)) / curl;
    float phi = clamp(angle + TURN * floor((wound - angle) / TURN + 0.5), 0.0, 2.1 * TURN);
    float eye = from - 0.13 * r;
    return min(length(v - r * exp(-curl * phi) * unit_vector(phi)), max(eye, 0.0));
}

// Distance to the iron, not an exact one.
float gate(vec2 p) {
    float w = 0.5 / panels, x = (p.x - shift) * panels, side = abs(fract(x) - 0.5) / panels;  // from the middle of a panel
    float high = top + arch * cos(1.3 * (p.x - shift)), low = high - rails, y = p.y;
    float d = abs(y - high) - thick;
    d = min(d, min(abs(y - low), abs(y + 1.05)) - 0.9 * thick);
    if (y < high + 0.12) d = min(d, abs(side - w) - thick);
    vec2 spear = vec2(side - w, y - high - 0.2);
    d = min(d, lens(spear.yx, 0.13, 0.045));
    if (y < low) d = min(d, min(abs(side - 0.5 * w), side) - 0.6 * thick);
    float r = 0.42 * scrolls * min(w, 0.5 * rails), middle = 0.5 * (high + low), up = abs(y - middle);
    vec2 v = vec2(side - 0.5 * w, up - 0.27 * rails);
    d = min(d, scroll(rotation(-1.2) * v, r * 1.25) - 0.75 * thick);
    d = min(d, segment(vec2(side, up), vec2(0.0, 0.0), vec2(0.5 * w + 0.45 * r, 0.27 * rails - 1.05 * r)) - 0.7 * thick);
    d = min(d, abs(length(vec2(side, y - middle)) - 0.11 * rails) - 0.7 * thick);
    return min(d, flower(vec2(side - w, y - middle), 6.0, rosettes, 0.4) + 0.5 * step(rosettes, 0.03));
}

vec3 shade(vec2 p) {
    vec2 q = p;
    q.y /= 1.0 + slant * p.x;
    vec2 light = unit_vector(sun);
    vec3 colour = view_behind(p);
    float d = gate(q), slope = (gate(q + 0.012 * light) - d) / 0.012, depth = saturate(-d / thick);
    float pitted = fbm(22.0 * p, 3, 0.6, salt + 50.0);
    vec3 metal = iron(0.15 + 0.35 * depth + 0.2 * (pitted - 0.5)) * clamp(0.55 + 0.55 * slope * (1.0 - 0.6 * depth), 0.12, 1.2);
    metal = mix(metal, mix(iron_at(2), vec3(0.5, 0.26, 0.12), 0.6) * (0.4 + 0.6 * pitted), smoothstep(1.0 - rust, 1.2 - rust, fbm(3.0 * p, 4, 0.6, salt + 51.0) + 0.15 * pitted));
    metal += 0.3 * iron_at(3) * smoothstep(0.7, 1.0, slope) * (1.0 - depth);
    colour *= 1.0 - 0.25 * smoothstep(0.06, 0.0, d);
    return mix(colour, metal, inside(d, 1.5 * PIXEL));
}
