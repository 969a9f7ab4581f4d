// title: Polished balls on strings, a room mirrored in each
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: glaze palette
// parameter: room palette
// parameter: salt seed
// parameter: count integer 2 8
// parameter: size uniform 0.22 0.55
// parameter: mirror uniform 0.25 0.9
// parameter: window_count integer 1 3
// parameter: turn angle
// parameter: bands uniform 0.0 1.0
// parameter: band_count integer 2 7
// parameter: branch uniform -0.4 1.0
// parameter: needle_scale log_uniform 8.0 18.0
// parameter: lights uniform 0.0 1.0
// parameter: back_scale log_uniform 0.6 2.5
// parameter: back_light uniform 0.3 0.9
// parameter: dust uniform 0.0 0.4
// parameter: sway uniform 0.0 0.4

vec3 backdrop(vec2 p, float blur) {
    vec3 colour = room(back_light * (0.3 + 0.8 * fbm(back_scale * p + 5.0, 3, 0.5, salt + 1.0))) * (0.85 + 0.2 * p.y);
    vec2 q = 2.2 * p + 9.0;
    vec3 h = hash3(ivec2(floor(q)), salt + 2.0);
    float disc = length(fract(q) - 0.3 - 0.4 * h.xy) - 0.1 - 0.2 * h.z;
    return colour + lights * step(h.z, 0.6) * mix(room_at(3), vec3(1.0, 0.8, 0.55), 0.5) * 0.5 * smoothstep(blur, -blur, disc);
}

// What a polished ball sees in the direction d: floor, walls, windows, lamps.
vec3 surroundings(vec3 d) {
    float angle = atan(d.x, d.z) + turn;
    vec3 colour = mix(room(0.15), room(0.65), smoothstep(-0.6, 0.7, d.y));
    colour = mix(colour, room(0.4) * 0.7, smoothstep(-0.25, -0.3, d.y));
    float x = (fract(angle * window_count / TURN) - 0.5) * 4.0;
    vec2 w = vec2(x, (d.y - 0.25) * 3.0), a = abs(w);
    float pane = smoothstep(0.75, 0.7, max(a.x, a.y)) * smoothstep(0.04, 0.1, min(a.x, a.y));
    return mix(colour, vec3(1.0, 0.98, 0.94), pane);
}

vec3 shade(vec2 p) {
    vec3 light = normalize(vec3(sin(-turn), 0.7, 0.7 + 0.2 * cos(turn)));
    vec3 colour = backdrop(p, 0.06);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt + 3.0);
        float near = float(i + 1) / count, r = size * (0.45 + 0.4 * h.z) * mix(0.75, 1.25, near);
        vec2 c = vec2(1.5 * fract(0.618 * float(i) + h.x * 0.25) - 0.75, 1.2 * h.y - 0.75), v = (p - c) / r;
        float swing = sway * (h.x - 0.5), string_ = abs(p.x - c.x - swing * (p.y - c.y - r)) - 0.007;
        if (p.y > c.y + r) colour = mix(colour, glaze(0.8) * 0.7, inside(string_, 1.5 * PIXEL));
        vec2 cap = vec2(v.x, v.y - 1.05);
        vec3 gold = mix(glaze(0.7), vec3(0.8, 0.65, 0.4), 0.6) * (0.5 + 0.6 * smoothstep(0.2, -0.1, abs(v.x + 0.07)) + 0.15 * cos(60.0 * v.x));
        colour = mix(colour, gold, inside((box(cap, vec2(0.17, 0.12)) - 0.02) * r, 2.0 * PIXEL));
        colour = mix(colour, gold, inside((abs(length(cap - vec2(0.0, 0.2)) - 0.08) - 0.025) * r, 2.0 * PIXEL));
        float r2 = dot(v, v);
        if (r2 > 1.0) continue;
        vec3 n = vec3(v, sqrt(1.0 - r2)), back = reflect(vec3(0.0, 0.0, -1.0), n);
        float belt = floor((asin(v.y) / PI + 0.5) * band_count * 2.0), around = atan(n.x, n.z);
        float motif = step(0.0, cos(8.0 * around + belt) - 1.6 * abs(fract((asin(v.y) / PI + 0.5) * band_count * 2.0) - 0.5));
        float tone = 0.15 + 0.8 * hash1(i, salt + 4.0);
        float frost = h.y < bands ? mod(belt, 2.0) * mix(1.0, motif, step(0.5, h.x)) : 0.0;
        vec3 skin = mix(glaze(tone), glaze(fract(tone + 0.45)), frost);
        vec3 matte = skin * (0.25 + 0.85 * max(dot(n, light), 0.0));
        vec3 seen = surroundings(normalize(back)) * mix(vec3(1.0), 1.5 * skin + 0.15, 0.75);
        float fresnel = mirror * (1.0 - 0.6 * frost) + (1.0 - mirror) * pow(1.0 - n.z, 3.0);
        vec3 lit = mix(matte, seen, fresnel) + 0.8 * pow(max(dot(normalize(back), light), 0.0), 50.0);
        lit = mix(lit, vec3(dot(lit, vec3(0.33))) + 0.1, dust * smoothstep(0.4, 0.8, noise(5.0 * v + 9.0 * h.xy, salt + 5.0) + 0.4 * v.y));
        colour *= 1.0 - 0.3 * smoothstep(1.2, 1.0, length(v + vec2(0.05, 0.08)));
        colour = mix(colour, lit, inside((sqrt(r2) - 1.0) * r, 2.0 * PIXEL));
    }
    if (branch > 0.0) {
        float axis = 0.95 - 0.35 * branch + 0.2 * p.x * (hash1(5, salt) - 0.5) + 0.05 * sin(3.0 * p.x), d = p.y - axis;
        float x = p.x * needle_scale, len = 0.16 + 0.12 * branch;
        for (int k = ZERO; k < 6; k++) {
            float lean = (float(k) - 2.5) * 0.45, s = x + lean * d * needle_scale + 0.37 * float(k), id = floor(s);
            float own = hash1(ivec2(int(id), k), salt + 6.0), reach = len * (0.5 + 0.6 * own);
            float w = 0.16 * (1.0 - abs(d) / reach);
            float on = inside(abs(fract(s) - 0.5) - w, 2.0 * PIXEL * needle_scale) * step(abs(d), reach);
            vec3 green = mix(vec3(0.16, 0.27, 0.17), glaze_at(0), 0.3) * (0.4 + 0.9 * own + 0.8 * (fract(s) - 0.5));
            colour = mix(colour, green, on);
        }
        colour = mix(colour, vec3(0.3, 0.22, 0.15) * (0.7 + 8.0 * d), inside(abs(d) - 0.025, 2.0 * PIXEL));
    }
    return colour;
}
