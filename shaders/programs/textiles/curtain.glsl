// title: Curtains at a window, drawn or tied back
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: cloth palette
// parameter: view palette
// parameter: salt seed
// parameter: gap uniform 0.05 0.9
// parameter: gap_x uniform -0.5 0.5
// parameter: tie uniform -1.0 1.0
// parameter: tie_height uniform -0.6 0.2
// parameter: pleats log_uniform 3.0 9.0
// parameter: swing uniform 0.2 1.0
// parameter: rail uniform 0.55 1.3
// parameter: hem uniform -1.4 -0.5
// parameter: sill uniform -0.9 0.0
// parameter: sun uniform -0.9 0.9
// parameter: print_scale log_uniform 2.0 8.0
// parameter: print_kind integer 0 3
// parameter: sheer uniform 0.0 0.35
// parameter: horizon uniform -0.4 0.5

vec3 outside(vec2 p) {
    vec3 colour = mix(view_at(3), view(0.5), saturate(0.9 * (p.y - horizon)));
    colour = mix(colour, vec3(0.97), 0.7 * smoothstep(0.5, 0.75, fbm(p * vec2(1.0, 2.2) + 3.0, 4, 0.5, salt)));
    for (int i = ZERO; i < 3; i++) {
        float line = horizon - 0.2 * float(i) + 0.45 * (fbm(vec2(1.6 * p.x + 7.0 * float(i), 1.0), 4, 0.5, salt + 3.0) - 0.5);
        vec3 land = view(0.55 - 0.22 * float(i)) * (0.8 + 0.4 * noise(14.0 * p, salt + float(i)));
        colour = mix(colour, land, inside(p.y - line, PIXEL));
    }
    return colour;
}

float print_mark(vec2 q) {
    vec2 c = fract(q) - 0.5;
    if (print_kind < 0.5) return 0.0;
    if (print_kind < 1.5) return smoothstep(0.3, 0.25, length(c));
    if (print_kind < 2.5) return step(0.5, fract(0.5 * q.x)) * 0.8;
    return smoothstep(0.52, 0.58, noise(1.2 * q, salt + 20.0));
}

vec3 shade(vec2 p) {
    vec2 pane = vec2(p.x - gap_x, p.y - sill);
    vec3 wall = cloth(0.75) * (0.65 + 0.2 * noise(2.0 * p, salt + 5.0)) * (1.0 - 0.3 * p.y);
    vec3 colour = outside(p);
    vec2 bars = abs(vec2(pane.x, p.y - 0.5 * (sill + rail)));
    if (min(bars.x, bars.y) < 0.035) colour = vec3(0.86, 0.84, 0.8) * (0.75 + 6.0 * (min(bars.x, bars.y)));
    bool below = p.y < sill;
    if (below) colour = p.y > sill - 0.09 ? vec3(0.84, 0.82, 0.77) * (0.9 - 3.0 * (sill - p.y)) : wall * 0.6;
    if (abs(pane.x) > 1.05) colour = wall * 0.7;
    if (p.y > rail) colour = wall;
    float tied = step(0.0, tie), y = p.y - tie_height;
    float pinch = tied * exp(-4.0 * y * y * (y > 0.0 ? 0.8 : 2.5));
    for (int k = ZERO; k < 2; k++) {
        float hand = k == 0 ? -1.0 : 1.0, key = salt + 7.0 * float(k);
        float x = hand * (p.x - gap_x), width = 1.6 - gap;
        float inner = gap + pinch * width * 0.55 * tie - 0.05 * swing * noise(vec2(1.5 * p.y, 2.0), key + 1.0);
        float u = (x - inner) / max(1.6 - inner, 0.1);
        if (u < -0.1 || p.y > rail + 0.03 || p.y < hem + 0.04 * sin(pleats * TURN * u)) continue;
        float s = pleats * (u + 0.12 * swing * (noise(vec2(3.0 * u, 0.8 * p.y), key + 2.0) - 0.5));
        float depth = (0.25 + 0.75 * swing) * (0.5 + 0.5 * smoothstep(rail, rail - 0.5, p.y));
        float wave = cos(TURN * s) + 0.35 * cos(TURN * 2.3 * s + 2.0), slope = -sin(TURN * s) - 0.8 * sin(TURN * 2.3 * s + 2.0);
        float light = 0.62 + 0.28 * depth * wave - 0.25 * depth * slope * sun * hand;
        vec2 q = print_scale * vec2(s * 1.6 / pleats, p.y);
        vec3 dye = mix(cloth(0.3 + 0.25 * wave * depth), cloth(0.9), print_mark(q));
        vec3 lit = dye * light * (1.0 - 0.5 * pinch * smoothstep(0.12, 0.0, abs(y))) * (1.15 + 0.25 * p.y);
        lit = mix(lit, outside(p), sheer * (below ? 0.0 : 0.5 + 0.5 * wave));
        if (tied > 0.5 && abs(y - 0.15 * u) < 0.05) lit = cloth_at(0) * (0.5 + 0.8 * wave * depth);
        colour *= 1.0 - 0.5 * smoothstep(-0.08, 0.0, u);
        colour = mix(colour, lit, inside(-u * 1.6, 2.0 * PIXEL));
    }
    float rod = abs(p.y - rail) / 0.05;
    colour *= 1.0 - 0.45 * smoothstep(0.14, 0.0, abs(p.y - rail + 0.06));
    return mix(colour, view_at(0) * (0.5 + 1.3 * sqrt(max(1.0 - rod * rod, 0.0)) * saturate(0.7 + 0.6 * (p.y - rail) / 0.05)), inside((rod - 1.0) * 0.05, PIXEL));
}
