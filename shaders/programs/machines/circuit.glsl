// title: Circuit board with traces, chips and soldered parts
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: board palette
// parameter: part palette
// parameter: salt seed
// parameter: scale log_uniform 1.2 3.2
// parameter: lanes log_uniform 4.0 9.0
// parameter: turn angle
// parameter: tilt uniform 0.0 0.45
// parameter: chips uniform 0.25 0.75
// parameter: cans uniform 0.0 0.4
// parameter: copper uniform 0.25 0.85
// parameter: sun angle
// parameter: gloss uniform 0.1 0.7
// parameter: pins log_uniform 7.0 14.0
// parameter: flood uniform 0.0 0.7

vec3 colour;
vec2 light;

// A chip at the origin with pins on two or four sides.
void chip(vec2 v, vec3 h) {
    vec2 half_size = 0.14 + 0.2 * h.xy;
    if (h.z > 0.5) half_size = half_size.xx;
    vec2 a = abs(v), over = a - half_size;
    bool side = over.x < over.y;
    float pin = abs(fract((side ? v.x : v.y) * pins * 1.2) - 0.5);
    bool legs = h.z > 0.5 || side;
    float d = box(v, half_size);
    colour *= 1.0 - 0.6 * smoothstep(0.12, -0.03, box(v + 0.09 * light, half_size));
    if (legs && d > 0.0 && d < 0.1 && min(over.x, over.y) < -0.02 && pin < 0.26) colour = part(0.9) * (0.7 + 0.3 * smoothstep(0.26, 0.0, pin)) * (1.0 - 3.0 * d);
    vec3 body = mix(part(0.08), board(0.1), 0.3) * 0.75 * (1.0 + 0.6 * dot(v, light) / half_size.x);
    body += 0.3 * gloss * smoothstep(-0.03, 0.0, d) * saturate(dot(normalize(v + 1e-4), light));
    body = mix(body, part(0.85), 0.6 * inside(length(v - half_size * vec2(-0.7, 0.7)) - 0.03, 0.02));
    vec2 t = v * vec2(16.0, 11.0);
    bool text = abs(v.y) < 0.1 && abs(v.x) < half_size.x * 0.7 && fract(t.y) > 0.35 && hash1(ivec2(floor(t)), salt + 40.0 * h.x) < 0.55;
    if (text) body = mix(body, part(0.8), 0.6);
    colour = mix(colour, body, inside(d, 2.0 * PIXEL * scale));
}

void can(vec2 v, vec3 h) {
    float r = 0.14 + 0.16 * h.x, d = length(v);
    colour *= 1.0 - 0.65 * smoothstep(0.1, -0.05, segment(v, vec2(0.0), -0.3 * light) - r);
    float side = d - r;
    vec3 top = part(0.75) * (0.75 + 0.5 * dot(v, light) / r);
    top *= 1.0 - 0.35 * (inside(abs(v.x) - 0.015, 0.02) + inside(abs(v.y) - 0.015, 0.02));
    if (dot(v, unit_vector(TURN * h.y)) > 0.5 * r) top = part(0.1);
    if (d > 0.85 * r) top = board(0.3 + 0.5 * h.z) * (0.7 + 0.5 * dot(v, light) / r);
    colour = mix(colour, top, inside(side, 2.0 * PIXEL * scale));
}

void chip_resistors(vec2 v, vec3 h) {
    vec2 q = h.x < 0.5 ? v : v.yx;
    vec2 s = vec2(q.x, mod(q.y + 0.36, 0.18) - 0.09);
    if (abs(q.y) > 0.36) return;
    float d = box(s, vec2(0.12, 0.055));
    colour *= 1.0 - 0.5 * smoothstep(0.06, 0.0, d);
    vec3 body = abs(s.x) > 0.075 ? part(0.9) : mix(part(0.15 + 0.5 * h.y), vec3(0.3), 0.2);
    if (h.z > 0.6 && abs(s.x) < 0.075) body = mix(vec3(0.75, 0.65, 0.5), part(0.6), 0.5);
    colour = mix(colour, body * (0.85 + 2.0 * dot(s, light)), inside(d, 2.0 * PIXEL * scale));
}

// Distance to the traces: lanes that run straight and step aside at 45 degrees.
float traces(vec2 q, float key) {
    float shift = 0.0;
    for (int i = ZERO; i < 3; i++) {
        float x = q.x + float(i) * 1.7, at = floor(x);
        float move = floor(3.0 * hash1(int(at), key + float(i))) - 1.0;
        shift += move * (saturate((fract(x) - 0.3) * lanes / 2.0));
    }
    float y = q.y * lanes + shift;
    int lane = int(floor(y));
    float part_ = floor(q.x * 0.6 + hash1(lane, key + 12.0));
    bool there = hash1(ivec2(lane, int(part_)), key + 13.0) < copper;
    float d = abs(fract(y) - 0.5) - 0.24, end = fract(q.x * 0.6 + hash1(lane, key + 12.0));
    float via = length(vec2((min(end, 1.0 - end) - 0.03) * lanes / 0.6, fract(y) - 0.5)) - 0.42;
    return there ? min(max(d, 0.25 - min(end, 1.0 - end) * lanes), via < -0.22 ? 0.4 : via) : 0.5;
}

vec3 shade(vec2 p) {
    light = transpose(rotation(-turn)) * unit_vector(sun);
    vec2 q = scale * (rotation(turn) * (p / (1.0 - tilt * p.y))) + 5.0 + 9.0 * hash2(1, salt);
    bool upright = noise(0.5 * q, salt + 2.0) > 0.5;
    float d = traces(upright ? q.yx : q, salt + 3.0);
    float rise = traces((upright ? q.yx : q) + 0.02 * (upright ? light.yx : light), salt + 3.0) - d;
    float ground = noise(0.8 * q, salt + 4.0) < flood ? 0.12 : 0.0;
    vec3 mask = board(0.22 + ground) * (0.9 + 0.2 * noise(16.0 * q, salt + 5.0));
    colour = mix(mask, board(0.62), inside(d, 0.25));
    colour *= 1.0 + 0.6 * clamp(rise, -0.4, 0.4);
    vec2 cell = floor(q);
    vec3 h = hash3(ivec2(cell), salt + 6.0);
    float kind = hash1(ivec2(cell), salt + 7.0);
    vec2 v = fract(q) - 0.5;
    if (kind < chips) chip(v, h);
    else if (kind < chips + cans) can(v - 0.15 * (h.yz - 0.5), h);
    else chip_resistors(v, h);
    float glare = gloss * 0.25 * smoothstep(0.5, 1.2, dot(p, unit_vector(sun)) + 0.5);
    return colour * (0.9 + 0.35 * dot(p, unit_vector(sun))) + glare;
}
