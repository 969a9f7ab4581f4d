// title: Wooden boards with rings, knots and gaps
// licence: Apache-2.0
// cost: light
// include: noise, space
// parameter: colours palette
// parameter: paint palette
// parameter: salt seed
// parameter: boards log_uniform 0.6 3.5
// parameter: turn angle
// parameter: rings log_uniform 3.5 9.0
// parameter: taper uniform 0.02 0.25
// parameter: wobble uniform 0.1 0.8
// parameter: knots uniform 0.0 0.9
// parameter: gap uniform 0.02 0.08
// parameter: grain uniform 0.0 0.35
// parameter: variety uniform 0.1 0.7
// parameter: peel uniform -0.3 0.8
// parameter: peel_scale log_uniform 0.7 3.0
// parameter: slant uniform -0.5 0.5
// parameter: light uniform -0.5 0.5
// parameter: nails uniform -1.0 1.0

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * (p / (1.0 + slant * p.y));
    float lane = floor(q.y * boards), v = (fract(q.y * boards) - 0.5) / boards;
    float x = q.x + 3.0 * hash1(int(lane), salt), length_ = 1.8 + hash1(int(lane), salt + 1.0);
    ivec2 board = ivec2(int(floor(x / length_)), int(lane));
    float u = (fract(x / length_) - 0.5) * length_;
    vec3 h = hash3(board, salt + 2.0);
    vec2 s = vec2(u, v + 0.35 * (h.x - 0.5));
    s.y += 0.08 * wobble * (2.0 * noise(vec2(1.4 * x, 3.0 * q.y) + 9.0 * h.xy, salt + 3.0) - 1.0);
    vec2 knot = vec2(u - 0.5 * length_ * (h.y - 0.5) * 1.4, v - 0.5 * (h.z - 0.5) / boards);
    float near = knots > h.x ? exp(-40.0 * dot(knot * vec2(0.6, 1.0), knot * vec2(0.6, 1.0))) : 0.0;
    float radius = length(vec2(s.y, taper * u + 0.1 * h.z)) + 0.09 * near;
    float ring = fract(rings * radius * 2.0 + 1.2 * near + 0.4 * noise(vec2(2.0 * x, 9.0 * q.y), salt + 4.0));
    float late = smoothstep(0.35, 0.9, ring) * smoothstep(1.0, 0.93, ring);
    float fibre = noise(vec2(2.0 * x, 22.0 * q.y), salt + 5.0);
    vec3 colour = colours(0.6 + variety * (h.z - 0.5) - 0.35 * late - 0.35 * near + grain * 0.5 * (fibre - 0.5));
    float worn = fbm(peel_scale * vec2(0.6 * q.x, 1.4 * q.y) + 5.0, 5, 0.6, salt + 6.0) + 0.15 * (fibre - 0.5);
    vec3 coat = paint(0.6 + 0.5 * (h.y - 0.5)) * (0.92 + 0.16 * fibre);
    float flake = worn - peel;
    colour = mix(colour * (1.0 - 0.4 * smoothstep(0.05, 0.0, flake) * step(0.0, peel)), coat, smoothstep(0.005, -0.005, flake));
    float rim = min(0.5 / boards - abs(v), (0.5 * length_ - abs(u)) * 1.2);
    float nail = length(vec2(0.5 * length_ - abs(u) - 0.1, abs(v) - 0.3 / boards)) - 0.022;
    if (nails > 0.0) colour = mix(colour, paint_at(0) * 0.5, inside(nail, 2.0 * PIXEL));
    colour *= 0.35 + 0.65 * smoothstep(0.4 * gap, gap + 0.015, rim);
    return colour * (1.0 + light * dot(p, vec2(0.6, 0.5)));
}
