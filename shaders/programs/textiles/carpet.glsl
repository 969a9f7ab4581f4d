// title: Knotted carpet with borders and a medallion, on boards
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: dye palette
// parameter: boards palette
// parameter: salt seed
// parameter: width uniform 0.9 2.1
// parameter: aspect uniform 0.5 1.0
// parameter: turn uniform -0.7 0.7
// parameter: tilt uniform 0.0 0.65
// parameter: centre_x uniform -0.5 0.5
// parameter: centre_y uniform -0.5 0.5
// parameter: knots log_uniform 16.0 45.0
// parameter: bands integer 1 2
// parameter: band uniform 0.18 0.34
// parameter: petals integer 2 8
// parameter: medallion uniform 0.15 0.6
// parameter: wear uniform 0.0 0.6
// parameter: lamp angle
// parameter: board_scale log_uniform 1.2 3.5

// A mirrored motif in a square of side 1 around the origin; tone 0..1.
float motif(vec2 q, float key) {
    float n = 3.0 + floor(5.0 * hash1(1, key));
    float f = flower(q, n, 0.42, 0.6), inner = polygon(q, 4.0, 0.13), ring = abs(length(q) - 0.27) - 0.04;
    if (inner < 0.0) return hash1(2, key);
    if (ring < 0.0 && hash1(3, key) < 0.6) return hash1(4, key);
    if (f < 0.0) return hash1(5, key);
    return abs(q.x) + abs(q.y) > 0.75 ? hash1(7, key) : hash1(6, key);
}

float ground(vec2 q, vec2 half_size) {
    float rim = min(half_size.x - abs(q.x), half_size.y - abs(q.y));
    float layer = floor(rim / band);
    float key = salt + 11.0 * min(layer, bands);
    if (layer < bands) {
        bool side = half_size.x - abs(q.x) < half_size.y - abs(q.y);
        float along = (side ? q.y : q.x) / band, within = fract(rim / band) - 0.5;
        if (abs(within) > 0.4) return hash1(8, key);
        return mod(layer, 2.0) < 0.5 ? step(0.5, fract(along)) : motif(vec2(fract(along) - 0.5, within), key);
    }
    vec2 a = abs(q);
    float star = flower(a * vec2(1.0, 0.8), 2.0 * petals, medallion, 0.35);
    if (star < 0.0) return motif(vec2(length(a), abs(star)) * 1.7 - vec2(0.5 * medallion, 0.12), key + 1.0);
    if (star < 0.05) return hash1(9, key);
    vec2 c = mod(a, 2.5 * band) / (2.5 * band) - 0.5;
    return motif(c, key + 3.0) * 0.7 + 0.3 * step(a.x / half_size.x + a.y / half_size.y, 1.35);
}

vec3 shade(vec2 p) {
    vec2 floor_ = rotation(turn) * (vec2(p.x, 1.25 * p.y) / (1.0 - tilt * p.y) - vec2(centre_x, centre_y));
    vec2 half_size = width * vec2(1.0, aspect);
    vec2 b = floor_ * board_scale * vec2(1.0, 0.25);
    b.y += hash1(int(floor(b.x)), salt);
    float tone = 0.25 + 0.4 * hash1(ivec2(floor(b)), salt + 1.0) + 0.35 * (noise(floor_ * vec2(14.0, 2.0), salt + 2.0) - 0.5);
    vec3 colour = boards(tone) * (1.0 - 0.6 * smoothstep(0.44, 0.49, abs(fract(b.x) - 0.5)));
    float d = box(floor_, half_size);
    colour *= 1.0 - 0.6 * smoothstep(0.12, 0.0, box(floor_ + 0.04 * unit_vector(lamp), half_size));
    float fringe = box(floor_, half_size + vec2(0.1, 0.0));
    float strand = zigzag(0.6 * knots * (floor_.y + 0.3 * noise(3.0 * floor_, salt + 3.0) * (abs(floor_.x) - half_size.x)));
    if (fringe < 0.0 && d > 0.0) colour = mix(colour, dye_at(3) * 0.9, smoothstep(0.3, 0.6, strand));
    vec2 cell = floor_ * knots, knot = floor(cell) + 0.5;
    float pile = 1.0 - 0.35 * length(fract(cell) - 0.5) * smoothstep(0.0, 0.04, 1.0 / knots - PIXEL);
    vec3 wool = dye(ground(knot / knots, half_size)) * (0.88 + 0.18 * hash1(ivec2(knot), salt + 4.0)) * pile;
    wool = mix(wool, dye(0.6), 0.7 * wear * smoothstep(0.45, 0.75, fbm(1.3 * floor_ + 4.0, 4, 0.6, salt + 5.0)));
    colour = mix(colour, wool, inside(d, 2.0 * PIXEL));
    return colour * (0.95 + 0.35 * dot(p, unit_vector(lamp)));
}
