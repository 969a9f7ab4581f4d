// title: Basins of a relaxed Newton iteration, embossed
// licence: Apache-2.0
// cost: medium
// include: space
// parameter: colours palette
// parameter: others palette
// parameter: degree integer 3 7
// parameter: relaxation uniform 0.7 1.35
// parameter: twist uniform -0.5 0.5
// parameter: zoom log_uniform 0.6 2.6
// parameter: turn angle
// parameter: shift_x uniform -0.9 0.9
// parameter: shift_y uniform -0.9 0.9
// parameter: stripes uniform 0.0 1.0
// parameter: emboss uniform 0.2 0.8
// parameter: sun angle
// parameter: swirl uniform -0.7 0.7

vec2 times(vec2 a, vec2 b) { return vec2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }

// x: smooth number of steps, y: root.
vec2 basin(vec2 z) {
    vec2 step_factor = relaxation * unit_vector(twist);
    float steps = 0.0;
    for (int i = ZERO; i < 28; i++) {
        float r = max(length(z), 1e-4), a = atan(z.y, z.x);
        vec2 move = times(step_factor, (z - unit_vector((1.0 - degree) * a) * pow(r, 1.0 - degree)) / degree);
        float size = length(move);
        z -= move;
        steps += size < 0.01 ? 0.0 : saturate(size / 0.05);
        if (size < 0.004) break;
    }
    return vec2(steps, floor(0.5 + mod(atan(z.y, z.x), TURN) * degree / TURN));
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn + swirl * length(p)) * p / zoom + vec2(shift_x, shift_y);
    vec2 here = basin(q), along = basin(q + 0.02 * unit_vector(sun));
    float root = mod(here.y, degree);
    float lit = clamp(emboss * 0.25 * (here.x - along.x), -0.4, 0.4);
    float tone = fract(0.618 * root + 0.31);
    vec3 colour = mod(root, 2.0) < 0.5 ? colours(tone) : others(tone);
    colour = mix(colour, others(zigzag(0.12 * here.x)), 0.7 * stripes);
    vec3 fine = mix(colours(0.35), others(0.65), smoothstep(0.0, 1.5, length(q)));
    return mix(colour * (0.95 + lit), fine, 0.85 * smoothstep(6.0, 20.0, here.x));
}
