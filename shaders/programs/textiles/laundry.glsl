// title: Washing on a line, in sun and wind
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: cloth palette
// parameter: back palette
// parameter: salt seed
// parameter: lines integer 1 2
// parameter: size log_uniform 0.55 1.4
// parameter: top uniform 0.2 0.9
// parameter: sag uniform 0.02 0.2
// parameter: slope uniform -0.25 0.25
// parameter: wind uniform -0.4 0.4
// parameter: flutter uniform 0.3 1.0
// parameter: sun uniform 0.3 2.8
// parameter: scenery integer 0 2
// parameter: horizon uniform -0.8 0.0
// parameter: print_scale log_uniform 3.0 10.0
// parameter: gap uniform 0.7 1.0

vec3 behind(vec2 p) {
    vec3 sky = mix(back_at(3), back(0.45), saturate(0.6 + 0.6 * p.y));
    sky = mix(sky, vec3(0.96), 0.8 * smoothstep(0.5, 0.7, fbm(p * vec2(0.9, 1.8) + 5.0, 5, 0.5, salt)));
    if (scenery > 1.5) {  // a plastered wall with windows
        vec2 w = p * vec2(1.1, 0.9) + vec2(0.3 + hash1(1, salt), 0.2), c = abs(fract(w) - 0.5);
        vec3 wall = back(0.6) * (0.75 + 0.35 * fbm(2.0 * p, 4, 0.6, salt + 1.0));
        return max(c.x - 0.2, c.y - 0.28) < 0.0 ? back(0.1 + 0.2 * p.y) * 0.8 : max(c.x - 0.24, c.y - 0.32) < 0.0 ? back_at(3) : wall;
    }
    float line = horizon + 0.2 * fbm(vec2(1.5 * p.x, 3.0), 4, 0.5, salt + 2.0);
    vec3 grass = back(0.15 + 0.35 * noise(p * vec2(12.0, 5.0), salt + 3.0)) * (0.7 + 0.5 * saturate(line - p.y));
    if (scenery > 0.5 && p.y < line + 0.35) {  // a fence
        float board = fract(5.0 * p.x);
        if (p.y < line + 0.3 - 0.3 * abs(board - 0.5) * step(0.1, board)) sky = back(0.3) * (board < 0.1 ? 0.35 : 0.7 + 0.4 * hash1(int(floor(5.0 * p.x)), salt + 4.0));
    }
    return mix(sky, grass, inside(p.y - line, 2.0 * PIXEL));
}

// Distance to a garment hung at y = 0, about one unit wide.
float garment(vec2 q, int kind, float tall) {
    if (kind == 0) return box(q + vec2(0.0, tall), vec2(0.42, tall));
    if (kind == 1) {
        float body = box(q + vec2(0.0, 0.55), vec2(0.27, 0.55));
        vec2 arm = rotation(0.7) * (vec2(abs(q.x), q.y) - vec2(0.25, -0.08));
        return max(min(body, box(arm - vec2(0.1, -0.02), vec2(0.2, 0.12))), 0.11 - length(q));
    }
    if (kind == 2) return max(box(q + vec2(0.0, tall), vec2(0.3, tall)), q.y > -0.35 ? -1.0 : 0.03 - abs(q.x) - 0.05 * smoothstep(-0.35, -1.0, q.y));
    vec2 foot = vec2(abs(q.x) - 0.2, q.y);
    return min(box(foot + vec2(0.0, 0.3), vec2(0.09, 0.3)), box(foot + vec2(-0.07, 0.6), vec2(0.15, 0.08)) - 0.02);
}

vec3 shade(vec2 p) {
    vec3 colour = behind(p);
    vec2 light = unit_vector(sun);
    for (int i = ZERO; i < int(lines); i++) {
        float s = size * (0.55 + 0.45 * float(i + 1) / lines), drop = top - 0.55 * float(i) + slope * p.x;
        float rope = drop - sag * (1.0 - p.x * p.x) - p.y;
        colour = mix(colour, back_at(0) * 0.5, inside(abs(rope) - 0.008, 2.0 * PIXEL));
        float x = p.x / s + 3.0 * hash1(i, salt + 5.0), along = x - wind * rope / s * (0.3 + 0.7 * rope / s);
        int slot = int(floor(along));
        vec3 h = hash3(ivec2(slot, i), salt + 6.0);
        vec2 q = vec2((fract(along) - 0.5) / gap, -rope / s);
        float tall = 0.35 + 0.35 * h.y;
        float wave = flutter * noise(vec2(4.0 * q.x, 1.2 * q.y) + 9.0 * h.xy, salt + 7.0);
        q.y += 0.1 * flutter * sin(7.0 * q.x + TURN * h.z) * min(-q.y, 1.0);
        float d = garment(q, int(4.0 * h.x), tall) * s * gap;
        if (h.z > 0.92) continue;
        float ripple = flutter * noise(vec2(4.0 * q.x + 0.15, 1.2 * q.y + 0.1) + 9.0 * h.xy, salt + 7.0) - wave;
        vec2 c = print_scale * (q + 0.05 * wave), f = fract(c) - 0.5;
        int print_kind = int(5.0 * hash1(ivec2(slot, i), salt + 8.0));
        float mark = print_kind == 0 ? step(0.5, fract(c.y)) : print_kind == 1 ? step(length(f), 0.25) : print_kind == 2 ? 0.5 * (step(0.0, f.x) + step(0.0, f.y)) : 0.0;
        vec3 dye = mix(cloth(h.y), cloth(fract(h.y + 0.5)), mark);
        dye = mix(dye, vec3(0.93), step(0.7, h.z) * (1.0 - mark));
        vec3 lit = dye * clamp(0.62 + 2.6 * ripple * light.x + 0.25 * wave + 0.25 * q.y + 0.2, 0.2, 1.15);
        lit *= 0.8 + 0.2 * smoothstep(0.0, -0.02, d + 0.015);
        colour *= 1.0 - 0.3 * smoothstep(0.08, 0.0, d) * step(0.0, d);
        colour = mix(colour, lit, inside(d, 2.0 * PIXEL));
        vec2 peg = vec2(abs(q.x) - 0.22, q.y - 0.02);
        if (box(peg, vec2(0.025, 0.06)) < 0.0) colour = back(0.6) * 0.8;
    }
    return colour;
}
