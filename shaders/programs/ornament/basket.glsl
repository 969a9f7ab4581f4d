// title: Basket weave, over and under
// licence: Apache-2.0
// cost: light
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: scale log_uniform 1.5 4.5
// parameter: turn angle
// parameter: span integer 1 3
// parameter: gap uniform 0.03 0.25
// parameter: fibres log_uniform 3.0 12.0
// parameter: grain uniform 0.0 0.7
// parameter: bulge uniform -0.3 0.5
// parameter: sun angle
// parameter: gloss uniform 0.0 0.4
// parameter: wave uniform 0.0 0.3
// parameter: stain uniform 0.0 0.8

vec3 strand(vec2 q, float lane, float phase, float key) {
    float across = 2.0 * (fract(q.y) - 0.5) / (1.0 - gap);
    float arch = cos(PI * phase);
    float fibre = noise(vec2(1.2 * q.x, fibres * q.y), salt + key);
    vec3 colour = key < 1.5 ? colours(0.25 + 0.6 * hash1(int(lane) * 2, salt)) : others(0.3 + 0.6 * hash1(int(lane) * 2 + 1, salt));
    colour *= (1.0 + grain * (fibre - 0.5)) * (0.55 + 0.5 * arch) * (1.0 - 0.35 * across * across);
    colour += gloss * pow(saturate(1.0 - abs(across - 0.35)), 5.0) * arch;
    return abs(across) < 1.0 ? colour : vec3(-1.0);
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p * scale * (1.0 + bulge * dot(p, p) * 0.6) + 30.0;
    q += wave * sin(0.9 * q.yx + vec2(0.0, 2.0));
    vec2 lane = floor(q);
    float period = 2.0 * span;
    float along = mod(q.x + span * mod(lane.y, 2.0), period) / span;  // 0..1 over, 1..2 under
    float down = mod(q.y + span * mod(lane.x + 1.0, 2.0), period) / span;
    vec3 weft = strand(q, lane.y, abs(fract(along) - 0.5), 1.0);
    vec3 warp = strand(q.yx, lane.x, abs(fract(down) - 0.5), 2.0);
    vec3 top = along < 1.0 ? weft : warp, low = along < 1.0 ? warp : weft;
    vec3 colour = top.x >= 0.0 ? top : low.x >= 0.0 ? 0.5 * low : colours_at(0) * 0.25;
    float shade_ = 1.0 - stain * smoothstep(0.4, 0.7, fbm(0.9 * p + 4.0, 4, 0.55, salt + 9.0));
    return colour * mix(0.45, 1.0, shade_) * (1.1 + 0.3 * dot(p, unit_vector(sun)));
}
