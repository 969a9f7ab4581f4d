// title: Stained-glass window in its stone arch, with lead and tracery
// licence: Apache-2.0
// cost: medium
// include: noise, cells, shape
// parameter: glass palette
// parameter: others palette
// parameter: stone palette
// parameter: salt seed
// parameter: width uniform 0.45 0.95
// parameter: shift uniform -0.35 0.35
// parameter: spring uniform -0.3 0.6
// parameter: pointed uniform 0.0 1.0
// parameter: kind integer 0 2
// parameter: lights integer 1 3
// parameter: rose uniform 0.45 0.95
// parameter: petals integer 5 12
// parameter: panes log_uniform 1.8 4.5
// parameter: lead uniform 0.01 0.035
// parameter: border uniform 0.06 0.16
// parameter: brightness uniform 0.7 1.2
// parameter: sun_x uniform -0.8 0.8
// parameter: sun_y uniform -0.2 0.9
// parameter: old uniform 0.0 0.8
// parameter: dark uniform 0.25 0.8
// parameter: blocks log_uniform 1.5 4.0

// Distance to an arch of half width w whose sides end at `spring`; round or pointed.
float arch(vec2 p, float w, float top) {
    if (p.y < top) return abs(p.x) - w;
    float off = w * pointed;
    return length(vec2(abs(p.x) + off, p.y - top)) - w - off;
}

// x: distance to the lead, yz: key of the pane, w: share of the second palette.
vec4 figure(vec2 q, float w) {
    vec2 c = q - vec2(0.0, spring - 0.25);
    float r = length(c) / w, angle = atan(c.y, c.x) / TURN * petals;
    if (kind < 0.5 && r < rose * 1.15) {  // a rose of rings and petals
        float ring = floor(3.0 * r / (rose * 1.15)), f = fract(3.0 * r / (rose * 1.15)), a = angle + 0.5 * mod(ring, 2.0), cell = fract(a) - 0.5;
        float side = (0.5 - abs(cell)) * TURN / petals * r * w, rim = min(f, 1.0 - f) * rose * 1.15 / 3.0 * w;
        float arc = abs(f - 0.55 - 0.35 * cos(TURN * cell)) * rose * 0.3 * w;
        bool inner = f < 0.55 + 0.35 * cos(TURN * cell);
        if (ring < 0.5) return vec4(rim, 0.0, 7.0, 0.0);
        return vec4(min(arc, min(side, rim)), ring, inner ? 1.0 : 2.0 + mod(floor(a), 2.0), mod(ring, 2.0));
    }
    if (kind < 1.5) {  // diamonds
        vec2 s = vec2(q.x * panes, q.y * panes * 0.7), k = vec2(s.x + s.y, s.x - s.y), f = abs(fract(k) - 0.5);
        vec2 id = floor(k);
        return vec4((0.5 - max(f.x, f.y)) / panes * 0.75, id, step(0.5, mod(id.x + id.y, 2.0)));
    }
    vec2 s = panes * 0.6 * q + 20.0;
    s += 0.25 * noise_offset(s, salt + 3.0);
    Cell pane = cells(s, 0.85, salt + 4.0);
    float hill = q.y - spring + 0.7 + 0.3 * sin(2.5 * q.x + salt), sun_ = length(c) - 0.38 * w, sheet = min(abs(hill), abs(sun_));
    return vec4(min(pane.edge / (panes * 0.6), sheet), vec2(pane.id), sun_ < 0.0 ? 1.0 : hill < 0.0 ? 0.75 : 0.1);
}

vec3 masonry(vec2 p, float d) {
    vec2 s = p * vec2(0.6, 1.0) * blocks + 20.0;
    s.x += 0.5 * mod(floor(s.y), 2.0);
    vec2 f = abs(fract(s) - 0.5);
    float rough = fbm(5.0 * p, 4, 0.6, salt + 40.0), joint = min((0.5 - f.x) / 0.6, 0.5 - f.y) / blocks;
    vec3 colour = stone(0.35 + 0.35 * hash1(ivec2(floor(s)), salt + 41.0) + 0.25 * (rough - 0.5)) * dark * (0.8 + 0.4 * rough);
    colour *= 0.5 + 0.5 * smoothstep(0.0, 0.02, joint);
    float moulding = smoothstep(0.15, 0.1, d), groove = 0.5 + 0.5 * cos(90.0 * d);
    vec3 carved = stone(0.65) * dark * (0.75 + 0.5 * groove) * (1.2 - 3.0 * d);
    return mix(colour, carved, moulding);
}

vec3 shade(vec2 p) {
    vec2 q = p - vec2(shift, 0.0);
    float d = max(arch(q, width, spring), -0.92 - q.y);
    vec2 gap = p - vec2(sun_x, sun_y);
    float behind = brightness * (0.8 + 0.65 * exp(-1.1 * dot(gap, gap)) + 0.25 * (fbm(0.9 * p + 5.0, 3, 0.5, salt + 50.0) - 0.5));
    vec3 wall = masonry(p, max(d, 0.0));
    vec2 spill = q + vec2(0.25 * sun_x, 0.15);
    wall += 0.12 * glass(0.6) * exp(-3.0 * max(d, 0.0)) * behind;
    float bars = 9.0, w = width * 2.0 / lights;
    vec2 v = q;
    if (lights > 1.5) {  // the window is divided into lancets
        float x = (q.x + width) / w;
        v.x = (fract(x) - 0.5) * w;
        bars = (0.5 - abs(fract(x) - 0.5)) * w - 0.02;
    }
    vec4 pane = figure(lights > 1.5 && kind > 0.5 ? v : q, width);
    float rim = -d - border * 0.6;
    if (rim < 0.0) {
        float along = d < 0.0 && q.y > spring ? atan(q.y - spring, q.x) * width * 1.2 : q.y;
        pane = vec4(min(-rim, abs(fract(along * 9.0) - 0.5) / 9.0), floor(along * 9.0), 91.0, step(0.5, fract(along * 4.5)));
    }
    ivec2 id = ivec2(pane.yz) + ivec2(floor(8.0 * abs(pane.w)));
    vec3 h = hash3(id, salt + 5.0);
    float swirl = fbm(5.0 * p + 9.0 * h.xy, 3, 0.55, salt + 6.0);
    vec3 tint = pane.w > 0.5 ? others(0.25 + 0.65 * h.x + 0.2 * (swirl - 0.5)) : glass(0.25 + 0.65 * h.y + 0.2 * (swirl - 0.5));
    vec3 colour = tint * behind * (0.85 + 0.4 * (swirl - 0.5) + 0.2 * h.z);
    colour *= 1.0 - old * 0.6 * smoothstep(0.5, 0.8, fbm(2.5 * p + 7.0, 4, 0.6, salt + 7.0)) - 0.25 * smoothstep(0.03, 0.0, pane.x);
    colour = mix(stone_at(0) * 0.18, colour, smoothstep(0.35 * lead, 0.35 * lead + 2.0 * PIXEL, pane.x));
    float bar_y = abs(fract(1.8 * q.y) - 0.5) / 1.8;
    colour = mix(colour, stone_at(0) * 0.2, inside(bar_y - 0.008, 1.5 * PIXEL));
    if (lights > 1.5) colour = mix(colour, stone(0.5) * dark * (0.8 + 9.0 * bars), inside(bars, 1.5 * PIXEL));
    return mix(wall, colour, inside(d, 1.5 * PIXEL));
}
