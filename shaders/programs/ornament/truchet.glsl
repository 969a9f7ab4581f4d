// title: Winding paths of turned tiles
// licence: Apache-2.0
// cost: light
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: scale log_uniform 0.9 2.4
// parameter: turn angle
// parameter: half_width uniform 0.1 0.3
// parameter: rim uniform 0.0 0.08
// parameter: diagonal uniform -0.5 0.6
// parameter: bulge uniform -0.35 0.35
// parameter: tint_scale log_uniform 0.4 2.0
// parameter: round_share uniform 0.0 1.0
// parameter: dashes uniform -3.0 5.0
// parameter: shadow uniform 0.0 0.7
// parameter: sun angle

// x: distance to the middle of the path, y: place along it.
vec2 path(vec2 q) {
    ivec2 cell = ivec2(floor(q));
    vec2 f = fract(q) - 0.5;
    float h = hash1(cell, salt);
    if (h > 0.5) f.x = -f.x;
    if (fract(h * 17.0) < diagonal) {
        vec2 d = abs(f);
        return d.x < d.y ? vec2(d.x, f.y) : vec2(d.y, f.x);  // a crossing
    }
    vec2 corner = f.x + f.y > 0.0 ? f - 0.5 : f + 0.5;
    return vec2(abs(length(corner) - 0.5), atan(corner.y, corner.x) * 0.64);
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p * scale * (1.0 + bulge * dot(p, p)) + 20.0;
    float edge = PIXEL * scale;
    vec2 here = path(q);
    float cast_ = path(q - 0.12 * (rotation(turn) * unit_vector(sun))).x;
    vec3 colour = others(0.2 + 0.6 * fbm(tint_scale * p, 3, 0.5, salt + 5.0)) * (1.0 - 0.25 * hash1(ivec2(floor(q)), salt + 6.0));
    colour *= 1.0 - shadow * inside(cast_ - half_width - 0.04, 0.15);
    float across = here.x / half_width;
    vec3 band = colours(0.25 + 0.7 * fbm(tint_scale * p + 9.0, 3, 0.5, salt + 7.0));
    if (dashes > 0.0) band = mix(band, others(0.8), step(0.5, fract(floor(dashes + 1.0) * here.y)) * step(across, 0.5));
    band *= 1.05 - round_share * 0.6 * across * across;
    colour = mix(colour, colours_at(0), inside(here.x - half_width - rim, edge));
    return mix(colour, band, inside(here.x - half_width, edge));
}
