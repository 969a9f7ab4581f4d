// title: Control panel of gauges, knobs, switches and lamps
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: paint palette
// parameter: dial palette
// parameter: salt seed
// parameter: scale log_uniform 0.75 1.7
// parameter: tilt uniform -0.35 0.5
// parameter: turn uniform -0.25 0.25
// parameter: wide uniform 0.0 0.8
// parameter: sun angle
// parameter: wear uniform 0.0 0.7
// parameter: lamps uniform 0.2 1.0
// parameter: gauges uniform 0.2 0.7
// parameter: ticks integer 5 12
// parameter: dark uniform 0.0 1.0
// parameter: dust uniform 0.0 0.4

vec3 colour;
vec2 light;

void raised(float d, vec2 v, vec3 skin, float round_) {
    colour *= 1.0 - 0.45 * smoothstep(0.12, 0.0, d + 0.08 * dot(normalize(v + 1e-4), light));
    float edge = smoothstep(-round_, 0.0, d);
    colour = mix(colour, skin * (0.85 + 0.55 * edge * dot(normalize(v + 1e-4), light)), inside(d, 2.0 * PIXEL * scale));
}

void gauge(vec2 v, vec3 h) {
    float r = length(v);
    raised(r - 0.42, v, paint(0.7) * 0.9, 0.08);
    float angle = atan(-v.x, -v.y);  // 0 at the bottom
    vec3 face = mix(dial(0.92), dial(0.1), step(0.5, dark)) * (0.85 + 0.4 * dot(v, light));
    vec3 ink = mix(dial(0.08), dial(0.95), step(0.5, dark));
    float t = (PI - angle * -1.0) / TURN, mark = abs(fract(t * ticks + 0.5) - 0.5) / ticks * TURN * r;
    bool scale_ = t > 0.12 && t < 0.88;
    if (scale_ && r > 0.26 && r < 0.33) face = mix(face, ink, inside(mark - 0.014, 0.03));
    if (scale_ && r > 0.29 && r < 0.33 && t > 0.62 + 0.2 * h.x) face = mix(face, vec3(0.75, 0.2, 0.15), 0.8);
    float at = TURN * (0.15 + 0.7 * h.y) - PI;
    vec2 needle = vec2(-sin(at), -cos(at)) * -1.0;
    face *= 1.0 - 0.35 * inside(segment(v + 0.03 * light, -0.08 * needle, 0.29 * needle) - 0.02, 0.03);
    face = mix(face, mix(ink, vec3(0.8, 0.3, 0.1), step(0.5, h.z)), inside(segment(v, -0.08 * needle, 0.29 * needle) - 0.013, 0.02));
    face = mix(face, paint(0.2), inside(r - 0.05, 0.02));
    face += 0.16 * smoothstep(0.02, -0.1, length(v - 0.25 * light) - 0.2);
    colour = mix(colour, face * (0.6 + 0.4 * smoothstep(0.0, -0.08, r - 0.36)), inside(r - 0.36, 2.0 * PIXEL * scale));
}

void knob(vec2 v, vec3 h) {
    float angle = atan(v.y, v.x), r = length(v), at = TURN * h.y;
    float mark = abs(fract(angle / TURN * 11.0) - 0.5);
    if (r < 0.4 && r > 0.33) colour = mix(colour, dial(0.9), inside(mark - 0.1, 0.1) * 0.8);
    raised(r - 0.25 - 0.012 * cos(16.0 * angle), v, dial(0.2 + 0.3 * h.x) * 0.8, 0.06);
    colour *= 1.0 + 0.4 * inside(r - 0.19, 0.02) * dot(v / 0.19, light);
    colour = mix(colour, dial_at(3), inside(segment(v, 0.06 * unit_vector(at), 0.2 * unit_vector(at)) - 0.02, 0.02));
}

void lamp(vec2 v, vec3 h, bool on) {
    float r = length(v);
    vec3 glass = h.x < 0.4 ? vec3(0.85, 0.25, 0.15) : h.x < 0.7 ? vec3(0.9, 0.65, 0.2) : vec3(0.35, 0.75, 0.4);
    raised(r - 0.2, v, paint(0.85), 0.05);
    float dome = smoothstep(0.16, 0.0, length(v - 0.05 * light));
    colour = mix(colour, glass * (on ? 0.6 + 0.7 * dome : 0.16 + 0.3 * dome * dome), inside(r - 0.15, 0.02));
    if (on) colour += glass * 0.4 * exp(-6.0 * r);
}

void toggle(vec2 v, bool up) {
    raised(box(v, vec2(0.15, 0.28)), v, paint(0.3) * 0.8, 0.04);
    float s = up ? 1.0 : -1.0;
    colour *= 1.0 - 0.5 * inside(segment(v + 0.05 * light, vec2(0.0), vec2(0.0, 0.18 * s)) - 0.06, 0.06);
    float d = segment(v, vec2(0.0), vec2(0.0, 0.2 * s)) - 0.035 - 0.025 * saturate(v.y * s * 5.0);
    colour = mix(colour, dial(0.85) * (0.65 + 4.0 * dot(v, vec2(light.x, 0.0))), inside(d, 0.02));
}

void display(vec2 v, vec2 half_size, vec3 h) {
    raised(box(v, half_size), v, paint(0.15), 0.03);
    vec2 s = v / (half_size - 0.05);
    if (max(abs(s.x), abs(s.y)) > 1.0) return;
    float wave = 0.5 * sin(5.0 * s.x * (1.0 + h.x) + TURN * h.y) * (0.5 + noise(vec2(3.0 * s.x, 1.0) + 9.0 * h.xy, salt + 8.0));
    float net = max(step(0.93, fract(3.0 * s.x + 0.5)), step(0.93, fract(2.0 * s.y + 0.5)));
    colour = mix(dial(0.12), dial(0.35), 0.5 * net) * (0.8 + 0.3 * dot(v, light));
    colour = mix(colour, dial_at(3), h.z < 0.5 ? stroke(s.y - wave, 0.06, 0.08) : step(s.y * 0.5 + 0.4, hash1(int(floor(4.0 * s.x)), salt + 10.0 * h.z)) * step(0.25, fract(4.0 * s.x)) * 0.85);
}

vec3 shade(vec2 p) {
    light = unit_vector(sun);
    vec2 q = scale * (rotation(turn) * p) / (1.0 - tilt * p.y) + 7.0 * hash2(1, salt);
    float worn = wear * smoothstep(0.55, 0.75, fbm(1.1 * q, 5, 0.6, salt + 2.0));
    ivec2 cell = ivec2(floor(q));
    float pair = hash1(ivec2(cell.x >> 1, cell.y), salt + 3.0);
    bool joined = pair < wide * 0.5;
    vec3 h = hash3(joined ? ivec2(cell.x >> 1, cell.y) : cell, salt + 4.0);
    float tone = joined ? hash1(cell.y, salt + 5.0) : hash1(ivec2(cell.x >> 1, cell.y >> 1), salt + 5.0);
    colour = mix(paint(0.35 + 0.35 * tone), paint(0.95), 0.6 * worn) * (0.85 + 0.2 * dot(p, light)) * (0.92 + 0.16 * noise(30.0 * q, salt + 6.0));
    vec2 v = fract(q) - 0.5;
    if (joined) v.x = q.x - 2.0 * float(cell.x >> 1) - 1.0;
    vec2 half_size = vec2(joined ? 1.0 : 0.5, 0.5);
    float seam = -box(v, half_size);
    colour *= 1.0 - 0.5 * smoothstep(0.03, 0.0, seam) + 0.2 * smoothstep(0.05, 0.03, seam) * smoothstep(0.01, 0.03, seam);
    vec2 screw = abs(v) - half_size + 0.09;
    colour *= 1.0 - 0.5 * inside(length(screw) - 0.035, 0.02);
    float kind = hash1(cell, salt + 7.0);
    if (joined) display(v, vec2(0.82, 0.36), h);
    else if (kind < gauges) gauge(v, h);
    else if (kind < gauges + 0.15) knob(v, h);
    else {
        vec2 quarter = floor(2.0 * fract(q)), s = fract(2.0 * fract(q)) - 0.5;
        vec3 g = hash3(cell * 2 + ivec2(quarter), salt + 9.0);
        if (h.y < 0.5) lamp(0.8 * s, vec3(g.x, h.yz), g.y < lamps);
        else toggle(vec2(0.75 * s.x, 0.75 * s.y), g.z < 0.5);
    }
    return mix(colour, paint(0.8) * 0.8, dust * fbm(2.0 * q + 9.0, 4, 0.6, salt + 11.0) * 0.6);
}
