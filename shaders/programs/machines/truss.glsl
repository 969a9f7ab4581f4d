// title: Steel lattice of a bridge or crane against the sky
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: steel palette
// parameter: sky palette
// parameter: salt seed
// parameter: layers integer 2 5
// parameter: width uniform 0.16 0.45
// parameter: bar uniform 0.05 0.14
// parameter: bays log_uniform 0.8 1.8
// parameter: pattern integer 0 3
// parameter: spread uniform 0.2 3.14
// parameter: turn angle
// parameter: haze uniform 0.2 0.9
// parameter: sun angle
// parameter: rivets uniform 0.0 1.0
// parameter: rust uniform 0.0 0.8
// parameter: clouds uniform 0.3 0.75
// parameter: taper uniform -0.3 0.3
// parameter: cable uniform -0.5 1.0

// Distance to the bars of a girder along x, half width w; x of bay length 1.
float girder(vec2 q, float w, float thick) {
    float chord = abs(abs(q.y) - w) - thick * 1.2;
    float x = fract(q.x * bays / (2.0 * w)) * 2.0 * w / bays, l = 2.0 * w / bays;
    float y = clamp(q.y, -w, w);
    float post = min(x, l - x) - 0.6 * thick;
    float up = segment(vec2(x, y), vec2(0.0, -w), vec2(l, w)), down = segment(vec2(x, y), vec2(0.0, w), vec2(l, -w));
    float k = mod(floor(q.x * bays / (2.0 * w)), 2.0);
    float web = pattern < 0.5 ? min(up, down) : pattern < 1.5 ? (k < 0.5 ? up : down) : pattern < 2.5 ? up : segment(vec2(x, y), vec2(0.5 * l, w), vec2(x < 0.5 * l ? 0.0 : l, -w));
    return min(chord, max(min(post, web - 0.55 * thick), abs(q.y) - w));
}

vec3 shade(vec2 p) {
    vec2 light = unit_vector(sun);
    float cover = smoothstep(1.0 - clouds, 1.35 - clouds, fbm(p * vec2(0.9, 1.6) + 6.0, 5, 0.52, salt));
    vec3 far = mix(sky(0.7), sky_at(3), saturate(0.5 - 0.5 * p.y));
    vec3 colour = mix(mix(sky(0.5), far, 0.5 - 0.4 * p.y), vec3(0.95) * (0.8 + 0.2 * dot(p, light)), 0.8 * cover);
    colour += 0.35 * exp(-3.0 * length(p - 0.8 * light));
    for (int i = ZERO; i < int(layers); i++) {
        float near = float(i + 1) / layers;
        vec3 h = hash3(i, salt + 1.0);
        float w = width * mix(0.4, 1.3, near * near), thick = bar * w;
        vec2 q = rotation(turn + spread * (h.x - 0.5) * 2.0) * p - vec2(0.0, 1.2 * (h.y - 0.5));
        if (cable > 0.0 && h.z < cable) {
            float rope = abs(q.y - 0.5 * w + 0.25 * q.x * q.x - 0.25) - 0.25 * thick;
            colour = mix(colour, steel_at(0) * 0.5, inside(rope, 2.0 * PIXEL));
        }
        float scale_ = 1.0 + taper * q.x;
        vec2 s = vec2(q.x + 5.0 * h.z, q.y / scale_);
        float d = girder(s, w, thick);
        if (d > 0.1) continue;
        float behind = girder(s + vec2(0.35 * w, 0.12 * w), w * 0.94, thick * 0.8);
        vec3 dim = mix(steel(0.15) * 0.6, far, haze * (1.0 - near) + 0.1);
        if (behind < d) colour = mix(colour, dim, inside(behind, 2.0 * PIXEL));
        vec2 sunward = rotation(turn + spread * (h.x - 0.5) * 2.0) * light;
        float lit = 0.55 + 0.25 * sunward.y * sign(q.y) * step(w - 1.3 * thick, abs(s.y)) + 0.35 * smoothstep(-0.6 * thick, 0.0, d) * sunward.y;
        float stain = fbm(3.0 * s + 9.0 * h.xy, 4, 0.6, salt + 4.0);
        vec3 skin = mix(steel(0.35 + 0.4 * h.z), vec3(0.4, 0.22, 0.13), rust * smoothstep(0.45, 0.65, stain)) * (0.7 + 0.5 * stain);
        vec2 stud = vec2(fract(s.x / (1.1 * thick)) - 0.5, (abs(abs(s.y) - w) / thick - 0.6) * 0.9);
        float head = smoothstep(0.33, 0.2, length(stud));
        skin *= 1.0 + rivets * 0.5 * head * step(2.5 * PIXEL, 0.6 * thick) - rivets * 0.3 * smoothstep(0.45, 0.3, length(stud + 0.15));
        colour = mix(colour, mix(skin * lit * 1.25, far, haze * (1.0 - near)), inside(d, 2.0 * PIXEL));
    }
    return colour;
}
