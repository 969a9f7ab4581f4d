// title: Spider's web with dew, hung before a blurred morning
// licence: Apache-2.0
// cost: medium
// include: noise, cells, shape
// parameter: back palette
// parameter: thread_colours palette
// parameter: salt seed
// parameter: hub_x uniform -0.5 0.5
// parameter: hub_y uniform -0.35 0.45
// parameter: spokes integer 9 22
// parameter: spacing log_uniform 0.045 0.12
// parameter: sag uniform 0.02 0.3
// parameter: disorder uniform 0.1 0.8
// parameter: reach uniform 0.7 1.5
// parameter: thread uniform 0.002 0.006
// parameter: dew uniform 0.0 1.0
// parameter: drop_size uniform 0.2 0.42
// parameter: torn uniform -0.2 0.4
// parameter: glow angle
// parameter: bright uniform 0.5 1.0
// parameter: back_scale log_uniform 0.5 2.0
// parameter: twig uniform -0.6 1.0
// parameter: spider uniform -0.6 1.0

vec3 morning(vec2 p) {
    float tone = fbm(back_scale * p + 4.0, 3, 0.42, salt + 40.0), tall = noise(vec2(3.0 * back_scale * p.x, 0.5 * p.y), salt + 41.0);
    vec2 gap = p - 0.8 * unit_vector(glow);
    vec3 colour = back(0.1 + 0.5 * tone + 0.25 * tall + 0.35 * exp(-1.2 * dot(gap, gap))) * (0.35 + 0.35 * tall + 0.55 * exp(-1.1 * dot(gap, gap)));
    for (int k = ZERO; k < 2; k++) {
        Cell disc = cells((1.6 + 1.3 * float(k)) * back_scale * p + 7.0 * float(k), 0.95, salt + 42.0 + float(k));
        colour += 0.22 * back_at(3) * smoothstep(0.4, 0.33, disc.nearest) * step(0.7, hash1(disc.id, salt + 44.0 + float(k)));
    }
    return colour;
}

vec3 shade(vec2 p) {
    vec3 colour = morning(p);
    vec2 light = unit_vector(glow);
    if (twig > 0.0) {
        float stick = min(segment(p, vec2(-1.3, 0.75 + 0.3 * twig), vec2(1.3, 1.0 - 0.35 * twig)) - 0.06, segment(p, vec2(-1.1 * sign(hub_x + 1e-3), -1.3), vec2(-0.85 * sign(hub_x + 1e-3), 1.3)) - 0.045) + 0.025 * noise(7.0 * p, salt + 50.0);
        vec3 bark = back_at(0) * (0.5 + 0.8 * fbm(p * vec2(9.0, 22.0), 3, 0.6, salt + 51.0)) + 0.25 * back_at(3) * smoothstep(0.0, -0.05, stick) * noise(5.0 * p, salt + 52.0);
        colour = mix(colour, bark, inside(stick, 0.025));
    }
    vec2 q = p - vec2(hub_x, hub_y);
    float r = length(q), angle = atan(q.y, q.x) + PI;
    float turn_ = angle / TURN * spokes, id = floor(turn_), best = 9.0, bead = 9.0;
    for (int k = ZERO; k < 3; k++) {
        float n = mod(id + float(k), spokes), a = TURN * (n + disorder * 0.7 * (hash1(int(n), salt) - 0.5)) / spokes - PI;
        vec2 axis = unit_vector(a);
        float far = dot(q, axis), off = far > 0.0 ? abs(dot(q, vec2(-axis.y, axis.x))) : r;
        best = min(best, off);
    }
    float from = mod(id, spokes), into = mod(id + 1.0, spokes), before = mod(id - 1.0 + spokes, spokes);
    float a0 = from + disorder * 0.7 * (hash1(int(from), salt) - 0.5), a1 = id + 1.0 + disorder * 0.7 * (hash1(int(into), salt) - 0.5);
    a0 += id - from;
    if (turn_ < a0) { a1 = a0; a0 = id - 1.0 + disorder * 0.7 * (hash1(int(before), salt) - 0.5); into = from; }
    else if (turn_ > a1) { a0 = a1; a1 = id + 2.0 + disorder * 0.7 * (hash1(int(mod(id + 2.0, spokes)), salt) - 0.5); into = mod(id + 2.0, spokes); }
    float u = saturate((turn_ - a0) / max(a1 - a0, 0.05)), wide = (a1 - a0) * TURN / spokes;
    float level = r * (1.0 + (0.12 * wide * wide + sag * 0.5) * 4.0 * u * (1.0 - u)) / spacing + turn_ / spokes + 0.35 * disorder * (noise(vec2(0.5 * r / spacing, 0.7 * into), salt + 2.0) - 0.5);
    float ring = floor(level), f = abs(fract(level) - 0.5) * spacing;
    vec2 key = hash2(ivec2(int(ring), int(into)), salt + 3.0);
    float edge = reach * (0.75 + 0.4 * hash1(int(into), salt + 4.0));
    bool woven = r > 0.11 && r < edge && key.x > torn * smoothstep(0.2, 1.0, r);
    float lit = 0.5 + 0.5 * exp(-1.3 * dot(p - 0.6 * light, p - 0.6 * light));
    vec3 silk = mix(thread_colours_at(3), vec3(0.95), 0.5) * bright * lit;
    float spoke = inside(best - thread, 1.6 * PIXEL), spiral = woven ? inside(f - 0.8 * thread, 1.6 * PIXEL) : 0.0;
    colour = mix(colour, silk, 0.85 * max(spoke, 0.85 * spiral));
    if (woven && dew > 0.1) {
        float along = u * wide * r / (spacing * 0.62), slot = floor(along);
        vec2 h = hash2(ivec2(int(ring) * 64 + int(slot), int(into)), salt + 6.0);
        vec2 v = vec2(fract(along) - 0.5, (fract(level) - 0.5) / 0.62);
        float size_ = drop_size * (0.45 + 0.55 * h.y), d = length(v) - size_;
        if (h.x < dew) {
            vec3 globe = mix(colour * 0.55 + 0.25 * back(0.75 - 0.4 * v.y / size_), silk, 0.25 + 0.3 * smoothstep(0.5, 1.0, length(v) / size_));
            globe += 0.8 * bright * smoothstep(0.5, 0.15, length(v / size_ - 0.35));
            colour = mix(colour, globe, inside(d, 2.2 * PIXEL / spacing));
        }
    }
    float hub = smoothstep(0.11, 0.1, r) * stroke(fract(r * 28.0 + turn_ / spokes) - 0.5, 0.06, 0.25);
    colour = mix(colour, silk, 0.6 * hub);
    if (spider > 0.0) {
        vec2 s = rotation(spider * 6.0) * q / (0.7 + 0.5 * spider), m = vec2(abs(s.x), s.y);
        float legs = 9.0;
        for (int k = ZERO; k < 4; k++) {
            float t = float(k) - 1.5;
            vec2 knee = vec2(0.13, 0.03 - 0.075 * t), foot = vec2(0.2 + 0.02 * abs(t), 0.02 - 0.14 * t);
            legs = min(legs, min(segment(m, vec2(0.0, 0.02), knee), segment(m, knee, foot)) - 0.009);
        }
        float body = min(length(s - vec2(0.0, 0.045)) - 0.042, length((s + vec2(0.0, 0.06)) * vec2(1.15, 0.9)) - 0.075);
        vec3 coat = mix(thread_colours_at(0), thread_colours_at(1), smoothstep(0.02, 0.0, abs(m.x - 0.02)) + 0.4 * noise(60.0 * s, salt + 8.0)) * (0.7 + 4.0 * dot(q, light));
        colour = mix(colour, thread_colours_at(0) * 0.5, inside(legs, 1.6 * PIXEL));
        colour = mix(colour, coat, inside(body, 1.6 * PIXEL));
    }
    return colour;
}
