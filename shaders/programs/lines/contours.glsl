// title: Map with contour lines, tints and a grid of roads
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: ink palette
// parameter: salt seed
// parameter: scale log_uniform 0.6 1.8
// parameter: rough uniform 0.35 0.55
// parameter: levels log_uniform 5.0 12.0
// parameter: line uniform 0.006 0.02
// parameter: tints uniform 0.0 1.0
// parameter: hill_shade uniform 0.0 1.0
// parameter: sun angle
// parameter: water uniform 0.05 0.4
// parameter: road uniform -0.01 0.03
// parameter: road_turn angle
// parameter: grid uniform -0.5 0.5
// parameter: warp uniform 0.0 0.8

float ground(vec2 q) {
    q += warp * noise_offset(0.8 * q, salt + 1.0);
    return fbm(q, 5, rough, salt);
}

vec3 shade(vec2 p) {
    vec2 q = scale * p + 12.0;
    float e = 0.008, h = ground(q);
    vec2 slope = vec2(ground(q + vec2(e, 0.0)) - h, ground(q + vec2(0.0, e)) - h) / e;
    float level = h * levels, tone = mix(h, floor(level) / levels, tints);
    vec3 colour = colours(0.25 + 0.85 * (tone - 0.15)) * (1.0 + hill_shade * clamp(0.5 * dot(slope, unit_vector(sun)), -0.5, 0.5));
    float steep = max(length(slope), 0.2);
    float nearest = abs(fract(level + 0.5) - 0.5) / (levels * steep * scale);
    float bold = mod(floor(level + 0.5), 5.0) < 0.5 ? 2.0 : 1.0;
    float shore = (h - water) / (steep * scale);
    colour = mix(colour, ink(0.2), 0.75 * inside(nearest - line * bold * 0.7, 1.5 * PIXEL) * step(0.0, shore));
    vec3 sea = mix(ink(0.75), ink_at(3), 0.4) * (1.0 - 0.18 * smoothstep(0.3, 0.7, zigzag(14.0 * max(-shore, 0.0))) * step(-0.16, shore));
    colour = mix(sea, colour, smoothstep(-0.01, 0.01, shore));
    vec2 r = rotation(road_turn) * p + 0.12 * noise_offset(1.3 * p, salt + 3.0);
    float street = min(abs(r.y - 0.2), abs(r.x + 0.3));
    if (grid > 0.0) street = min(street, min(abs(fract(r.x * 2.0) - 0.5), abs(fract(r.y * 2.0) - 0.5)) * 0.5 + 0.03);
    colour = mix(colour, ink_at(0), inside(street - road - 0.012, PIXEL) * step(0.0, road) * step(0.0, shore));
    return mix(colour, colours(0.95), inside(street - road, PIXEL) * step(0.0, road) * step(0.0, shore));
}
