// title: Trees on a lawn, round, tall or pointed, and a path
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: colours palette
// parameter: ground palette
// parameter: sky palette
// parameter: salt seed
// parameter: count integer 3 12
// parameter: horizon uniform -0.25 0.45
// parameter: tall uniform 0.6 1.6
// parameter: wide uniform 0.45 1.1
// parameter: kinds integer 0 3
// parameter: mixed uniform 0.0 1.0
// parameter: leaf_scale log_uniform 9.0 20.0
// parameter: ragged uniform 0.15 0.6
// parameter: sun uniform 0.3 2.85
// parameter: path uniform -1.0 1.0
// parameter: path_bend uniform -1.2 1.2
// parameter: mowing log_uniform 1.0 5.0
// parameter: haze uniform 0.1 0.8
// parameter: cloud_cover uniform 0.1 0.8
// parameter: blossom uniform 0.0 0.6

// Outline of a crown in its own units, about 1 high and 1 wide: 0 round, 1 poplar, 2 fir, 3 umbrella.
float crown(vec2 v, int kind) {
    if (kind == 1) return length(v * vec2(2.0, 1.0)) - 1.0;
    if (kind == 2) return (abs(v.x) * 1.9 + 0.12 * zigzag(3.0 * v.y) - 0.55 * (1.0 - v.y));
    if (kind == 3) return length((v - vec2(0.0, 0.35)) * vec2(0.85, 1.6)) - 1.0;
    return length(v) - 1.0;
}

vec3 lawn(vec2 p) {
    float depth = 1.0 / (0.14 + horizon - p.y);
    vec2 q = vec2(p.x * depth, depth);
    float mown = 0.5 + 0.5 * sin(mowing * (q.x + 0.6 * q.y));
    vec3 colour = ground(0.45 + 0.16 * mown + 0.3 * (fbm(q + 20.0, 4, 0.55, salt + 40.0) - 0.5) + 0.1 * (noise(vec2(40.0, 18.0) * p, salt + 41.0) - 0.5));
    float middle = (path + path_bend * (1.0 / depth - 0.3) * 2.0) / depth * 1.6 - (path_bend * 0.1), way = abs(p.x - middle) - 0.22 / depth;
    vec3 gravel = mix(ground_at(3), vec3(0.75), 0.4) * (0.85 + 0.25 * noise(30.0 * p, salt + 42.0));
    return mix(colour, gravel, inside(way, 2.0 * PIXEL));
}

vec3 shade(vec2 p) {
    vec3 colour = mix(sky(0.85), sky(0.4), saturate(p.y - horizon));
    colour = mix(colour, sky_at(3), smoothstep(1.0 - cloud_cover, 1.25 - cloud_cover, fbm(vec2(0.9, 1.7) * p + 5.0, 4, 0.55, salt + 50.0)));
    float woods = horizon + 0.07 + 0.16 * (fbm(vec2(4.0 * p.x, 2.0), 4, 0.6, salt + 51.0) - 0.4);
    colour = mix(colour, mix(colours(0.4), sky_at(2), haze) * (0.8 + 0.3 * noise(14.0 * p, salt + 52.0)), inside(p.y - woods, 0.02));
    if (p.y < horizon) colour = mix(lawn(p), sky_at(2), 0.5 * haze * exp(-6.0 * (horizon - p.y)));
    vec2 light = unit_vector(sun);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float near = (float(i) + 0.5 * h.z) / count;
        near = 0.06 + 0.94 * near * near;
        float size = 0.28 + 0.85 * near;
        vec2 foot = vec2((2.0 * h.x - 1.0) * 1.15, horizon - near * (0.75 * horizon + 0.62));
        float high = tall * size * (0.7 + 0.5 * h.y), broad = 0.6 * wide * size * (0.8 + 0.5 * g.x);
        int kind = hash1(i, salt + 2.0) < mixed ? int(4.0 * g.y) : int(kinds);
        vec2 fall = (p - foot + vec2(light.x * broad * 1.2, 0.02)) / vec2(broad * 1.3, 0.24 * broad);
        if (p.y < horizon) colour *= 1.0 - 0.5 * smoothstep(1.25, 0.75, length(fall) + 0.35 * (noise(12.0 * p, salt + 3.0) - 0.5));
        vec2 centre = foot + vec2(0.0, 0.58 * high), v = (p - centre) / vec2(broad, 0.48 * high);
        float trunk = abs(p.x - foot.x + 0.02 * sin(9.0 * p.y + 9.0 * h.x)) - 0.03 * size * (1.0 - 0.4 * v.y) * (0.6 + g.z);
        if (p.y > foot.y && v.y < 0.2) colour = mix(colour, mix(colours_at(0), vec3(0.3), 0.3) * (0.55 - 6.0 * light.x * (foot.x - p.x)), inside(trunk, 1.5 * PIXEL));
        if (abs(v.x) > 1.5 || abs(v.y) > 1.5) continue;
        vec2 lump = leaf_scale / (0.5 + 0.5 * size) * p + 9.0 * h.xy;
        float clump = fbm(0.45 * lump, 2, 0.5, salt + 4.0), leaves = fbm(1.3 * lump, 2, 0.6, salt + 5.0);
        float d = crown(v, kind) + ragged * (1.1 - 1.1 * clump - 0.8 * leaves);
        float above = fbm(0.45 * (lump + 0.9 * light), 2, 0.5, salt + 4.0);
        float lit = saturate(0.5 + 0.42 * dot(v, light) + 1.1 * (clump - above)) + 0.45 * (leaves - 0.5);
        vec3 leaf = colours(0.2 + 0.5 * hash1(i, salt + 6.0) + 0.3 * (leaves - 0.4)) * (0.25 + 0.95 * lit);
        leaf = mix(leaf, mix(sky_at(3), vec3(0.95), 0.4) * (0.5 + 0.6 * lit), step(1.0 - blossom, g.z) * smoothstep(0.4, 0.75, leaves));
        leaf = mix(leaf, sky_at(2), 0.75 * haze * (1.0 - near) * (1.0 - near));
        colour = mix(colour, leaf, inside(d, 0.08));
    }
    return colour;
}
