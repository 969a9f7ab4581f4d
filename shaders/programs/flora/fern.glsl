// title: Fern fronds, each feathered twice, over a dark floor
// licence: Apache-2.0
// cost: heavy
// include: noise, curve
// parameter: colours palette
// parameter: ground palette
// parameter: salt seed
// parameter: fronds integer 3 9
// parameter: root_x uniform -0.9 0.9
// parameter: root_y uniform -1.15 -0.1
// parameter: fan uniform 0.7 3.0
// parameter: aim uniform -0.5 0.5
// parameter: reach uniform 1.1 2.1
// parameter: droop uniform -0.7 0.7
// parameter: leaflets log_uniform 11.0 30.0
// parameter: leaflet_length uniform 0.2 0.55
// parameter: slant uniform 0.2 1.0
// parameter: fullness uniform 0.3 0.62
// parameter: lobes uniform 0.0 0.6
// parameter: depth_shade uniform 0.2 0.8
// parameter: glow uniform 0.0 0.7
// parameter: ground_scale log_uniform 0.7 3.0
// parameter: sun angle

// One frond over the colour so far; front in (0, 1], 1 nearest.
vec3 frond(vec3 colour, vec2 p, int i, float front) {
    vec3 h = hash3(i, salt);
    float angle = atan(0.25 - root_y, -root_x) + aim + fan * (h.x - 0.5) * 2.0, l = reach * (0.7 + 0.5 * h.y);
    vec2 a = vec2(root_x + 0.5 * (h.z - 0.5), root_y), b = a + 0.55 * l * unit_vector(angle);
    vec2 c = b + 0.5 * l * unit_vector(angle + droop * 1.4 + 1.2 * (h.z - 0.5));
    vec2 near = bend(p, a, b, c);
    float side = near.x < 0.0 ? -1.0 : 1.0, away = abs(near.x), t = near.y;
    float widest = leaflet_length * l * 0.55 * smoothstep(-0.08, 0.35, t) * (1.0 - smoothstep(0.15, 1.0, t) * 0.93);
    if (away > 1.3 * widest + 0.05) return colour;
    float s = (t - slant * away / l) * leaflets + 0.35 * side;
    float id = floor(s), f = s - id - 0.5, x = away / max(widest * (0.9 + 0.2 * hash1(ivec2(int(id), i), salt + 3.0)), 1e-3);
    float lobe = 1.0 - lobes * zigzag(7.0 * x + 0.5 * f * slant) * step(x, 0.93);
    float half_width = fullness * sqrt(max(1.0 - x, 0.0)) * lobe;
    float d = (abs(f) - half_width) * l / leaflets;
    float end = t > 0.995 || t < 0.005 ? 1.0 : 0.0;
    d = max(d, (x - 1.0) * widest) + end;
    float lit = 0.88 + 0.42 * side * sin(angle - sun) + 0.35 * f * side;
    float tone = 0.42 + 0.35 * front + 0.25 * (hash1(ivec2(int(id), i), salt + 4.0) - 0.5) + 0.18 * x;
    vec3 green = colours(tone) * lit * mix(1.0 - depth_shade, 1.05, front) * (1.0 - 0.3 * smoothstep(0.12, 0.02, abs(f)));
    colour *= 1.0 - 0.4 * step(end, 0.5) * exp(-30.0 * max(d, 0.0)) * step(x, 1.1);
    colour = mix(colour, green, inside(d, 1.5 * PIXEL));
    float stalk = away - 0.014 * l * (1.2 - t);
    return mix(colour, mix(colours(0.75), ground_at(1), 0.4) * (0.6 + 0.4 * front), inside(stalk + 0.1 * step(0.999, t), 1.5 * PIXEL));
}

vec3 shade(vec2 p) {
    float soft = fbm(ground_scale * p + 5.0, 3, 0.5, salt + 60.0), fine = fbm(6.0 * p, 3, 0.6, salt + 61.0);
    vec3 colour = ground(0.15 + 0.6 * soft + 0.25 * (fine - 0.5)) * (0.5 + 0.4 * soft);
    vec2 gap = p - unit_vector(sun) * 0.8;
    colour += glow * ground_at(3) * exp(-1.6 * dot(gap, gap)) * (0.5 + 0.5 * soft);
    for (int i = ZERO; i < int(fronds); i++) colour = frond(colour, p, i, float(i + 1) / fronds);
    return colour;
}
