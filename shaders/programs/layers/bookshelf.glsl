// title: Shelves of books, upright, leaning and lying, with things between
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: covers palette
// parameter: others palette
// parameter: wood palette
// parameter: salt seed
// parameter: shelves log_uniform 0.6 1.9
// parameter: books log_uniform 3.0 8.0
// parameter: shift_x uniform -2.0 2.0
// parameter: shift_y uniform 0.0 1.0
// parameter: lean uniform 0.0 0.22
// parameter: gaps uniform 0.0 0.35
// parameter: heights uniform 0.1 0.45
// parameter: bands uniform 0.0 1.0
// parameter: worn uniform 0.0 0.5
// parameter: things uniform 0.2 1.0
// parameter: board uniform 0.05 0.12
// parameter: turn uniform -0.12 0.12
// parameter: slant uniform -0.25 0.25
// parameter: light_x uniform -0.9 0.9
// parameter: dim uniform 0.1 0.7

// Spine of width `w` and height `tall`; v from its lower left corner.
vec3 spine(vec2 v, float w, float tall, vec3 h, vec3 g, float key) {
    float x = v.x / w, y = v.y / tall, round_ = sqrt(max(1.0 - pow(abs(2.0 * x - 1.0), 3.0), 0.0));
    vec3 cloth = (g.x < 0.55 ? covers(h.x * 0.95) : others(h.x * 0.9));
    cloth *= 0.9 + 0.25 * (noise(vec2(60.0, 60.0) * v + 9.0 * h.xy, key) - 0.5) - worn * 0.5 * smoothstep(0.5, 0.8, fbm(6.0 * v + 7.0 * g.xy, 3, 0.6, key + 1.0));
    vec3 ink = mix(g.y < 0.5 ? vec3(0.85, 0.72, 0.42) : covers_at(3), cloth, 0.15);
    float stripe = 0.0;
    if (g.z < bands) {
        float edge = 0.08 + 0.1 * h.y;
        stripe = max(stroke(y - edge, 0.012, 0.02), stroke(y - 1.0 + edge, 0.012, 0.02));
        if (h.y > 0.5) stripe = max(stripe, inside(abs(y - 0.68) - 0.1, 0.02) * step(abs(x - 0.5), 0.42));
    }
    float words = step(0.35, noise(vec2(1.0, 40.0 * v.y) + 11.0 * h.yz, key + 2.0)) * inside(abs(x - 0.5) - 0.16 - 0.1 * h.z, 0.1) * inside(abs(y - 0.4) - 0.1 - 0.12 * g.y, 0.02);
    vec3 colour = mix(cloth, ink, 0.85 * max(stripe, words * (1.0 - stripe)));
    if (h.z > 0.6) colour *= 1.0 - 0.3 * smoothstep(0.03, 0.0, abs(fract(5.0 * y) - 0.5));
    return colour * (0.35 + 0.7 * round_) * (0.88 + 0.25 * (0.5 - x) * sign(light_x));
}

vec3 thing(vec3 colour, vec2 v, float r, vec3 h) {
    vec2 c = v - vec2(0.0, r);
    float kind = h.x * 3.0, outline = length(c) - r;
    if (kind > 1.0) {  // a vase
        float profile = r * (0.45 + 0.45 * sin(1.2 + 3.2 * v.y / (2.6 * r)) * smoothstep(2.7 * r, 2.2 * r, v.y) + 0.15 * smoothstep(2.2 * r, 2.6 * r, v.y));
        outline = max(abs(v.x) - profile, max(-v.y, v.y - 2.6 * r));
        c = vec2(v.x / max(profile, 0.01) * r, 0.2 * (v.y - r));
    }
    vec3 normal = normalize(vec3(c / r, sqrt(max(1.02 - dot(c, c) / (r * r), 0.05))));
    float matte = max(dot(normal, normalize(vec3(light_x, 0.5, 0.8))), 0.0), pattern = noise(vec2(5.0 * asin(clamp(c.x / r, -0.99, 0.99)), 7.0 * v.y / r), salt + 70.0);
    vec3 glaze = others(0.3 + 0.5 * h.y + 0.3 * (smoothstep(0.45, 0.55, pattern) - 0.5) * step(0.4, h.z));
    glaze = glaze * (0.25 + 0.85 * matte) + 0.5 * smoothstep(0.95, 0.99, matte);
    return mix(colour, glaze, inside(outline, 2.0 * PIXEL));
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p;
    q.y /= 1.0 + slant * q.x;
    float level = q.y * shelves + shift_y, high = 1.0 / shelves;
    int row = int(floor(level));
    float y = fract(level) * high, key = salt + 10.0 * float(row), board_ = board;
    vec3 grain = wood(0.5 + 0.4 * (fbm(vec2(1.3 * q.x, 16.0 * q.y), 4, 0.6, salt + 40.0) - 0.5));
    float room_ = high - board_;
    y -= board_;
    vec2 lamp = q - vec2(light_x, 0.4);
    float lit = mix(1.0, 0.35 + 0.75 * exp(-0.8 * dot(lamp, lamp)), dim);
    if (y < 0.0) return grain * (0.8 + 0.3 * smoothstep(-board_, 0.0, y)) * (1.0 - 0.35 * smoothstep(-0.4 * board_, -board_, y)) * lit;
    vec3 colour = wood(0.2 + 0.15 * noise(vec2(9.0 * q.x, 1.5 * q.y), salt + 41.0)) * 0.5 * (1.0 - 0.5 * smoothstep(0.4 * room_, room_, y));
    float x = (q.x + shift_x + 3.0 * hash1(row, salt + 1.0)) * books;
    int group = int(floor(x / 6.0));
    vec3 s = hash3(ivec2(group, row), salt + 2.0);
    float inner = x - 6.0 * float(group);
    bool stack = s.x < 0.22, open_ = inner > 6.0 - 1.8 * things * step(s.y, things);
    if (open_) {
        float wide = 1.8 * things / books;
        vec2 v = vec2((inner - 6.0) / books + 0.5 * wide, y);
        colour *= 1.0 - 0.4 * smoothstep(0.5 * wide, 0.0, length(v * vec2(1.0, 2.0)));
        colour = thing(colour, v, min(0.42 * wide, 0.3 * room_), hash3(ivec2(group, row), salt + 3.0));
    } else if (stack && inner < 3.4) {
        float each = 0.8 / books;
        int n = int(floor(y / each));
        vec3 h = hash3(ivec2(8 * group + n, row), salt + 4.0), g = hash3(ivec2(8 * group + n, row), salt + 5.0);
        float long_side = (2.6 + 0.7 * h.x) / books, left = 0.3 * h.y / books;
        vec2 v = vec2(y - float(n) * each, inner / books - left);
        bool there = n < 2 + int(3.0 * s.z) && float(n + 1) * each < room_ * 0.85;
        if (there && v.y > 0.0 && v.y < long_side) colour = spine(v, each, long_side, h, g, key) * (0.8 + 0.2 * float(n) / 4.0);
    } else {
        float tilt = lean * (s.z < 0.4 ? 1.0 : 0.0) * (s.y - 0.2);
        float u = inner - tilt * y * books * 1.3;
        float pair = floor(u), cut = 0.5 + 0.34 * (hash1(ivec2(6 * group + int(pair), row), salt + 6.0) - 0.5) * 1.8, f = u - pair;
        int id = 2 * int(pair) + (f < cut ? 0 : 1);
        ivec2 book = ivec2(12 * group + id, row);
        vec3 h = hash3(book, salt + 7.0), g = hash3(book, salt + 8.0);
        float w = (f < cut ? cut : 1.0 - cut) / books, from = (f < cut ? f : f - cut) / books, tall = room_ * (0.93 - heights * h.y - 0.05 * g.z);
        if (hash1(book, salt + 9.0) > gaps && y < tall) colour = spine(vec2(from, y), w, tall, h, g, key);
        else colour *= 0.75 + 0.25 * smoothstep(0.0, 0.1, y - tall);
    }
    colour *= (1.0 - 0.6 * smoothstep(0.72, 1.05, y / room_)) * (0.75 + 0.25 * smoothstep(0.0, 0.06, y));
    return colour * lit;
}
