// title: Lace of inverted circles
// licence: Apache-2.0
// cost: light
// include: space
// parameter: colours palette
// parameter: others palette
// parameter: strength uniform 0.9 1.5
// parameter: offset_x uniform -1.0 1.0
// parameter: offset_y uniform -1.0 1.0
// parameter: zoom log_uniform 0.16 0.4
// parameter: turn angle
// parameter: levels integer 3 5
// parameter: mirror integer 0 1
// parameter: wedges integer 2 7
// parameter: line uniform 0.5 3.0
// parameter: relief uniform 0.0 1.0
// parameter: sun angle

// x: trap of the axes, y: trap of the centre, z: scale.
vec3 gasket(vec2 q) {
    float scale = 1.0, axes = 9.0, centre = 9.0;
    if (mirror > 0.5) q = kaleidoscope(q, wedges) - vec2(0.4, 0.2);
    for (int i = ZERO; i < int(levels); i++) {
        q = 2.0 * fract(0.5 * q + 0.5) - 1.0;
        float k = strength / max(dot(q, q), 0.02);
        q *= k;
        scale *= k;
        axes = min(axes, abs(q.y) / scale);
        centre = min(centre, abs(length(q - vec2(0.2, 0.0)) - 0.4));
    }
    return vec3(axes, centre, scale);
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p * zoom + vec2(offset_x, offset_y);
    vec3 here = gasket(q);
    float next = gasket(q + 0.02 * zoom * unit_vector(sun)).y;
    float tone = fract(0.09 * log2(1.0 + here.z) * 2.0 + 0.8 * zigzag(1.2 * here.y));
    vec3 colour = colours(tone) * (0.9 + relief * clamp(3.0 * (here.y - next), -0.35, 0.35));
    colour = mix(colour, colours(0.4), smoothstep(0.08, 0.35, here.z * PIXEL * zoom));  // too fine to show
    return mix(others(saturate(0.2 + 0.5 * here.y)), colour, smoothstep(0.0, line * PIXEL * zoom * 1.5, here.x));
}
