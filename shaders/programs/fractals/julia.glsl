// title: Julia set of z^n + c, with orbit traps
// licence: Apache-2.0
// cost: medium
// include: space
// parameter: colours palette
// parameter: others palette
// parameter: power integer 2 5
// parameter: radius uniform 0.55 0.95
// parameter: direction angle
// parameter: zoom log_uniform 0.7 2.0
// parameter: turn angle
// parameter: shift_x uniform -0.5 0.5
// parameter: shift_y uniform -0.4 0.4
// parameter: trap_x uniform -0.8 0.8
// parameter: trap_y uniform -0.8 0.8
// parameter: trap_kind integer 0 2
// parameter: contrast uniform 0.4 1.6
// parameter: bands uniform 0.05 0.22

vec3 shade(vec2 p) {
    vec2 z = rotation(turn) * p / zoom + vec2(shift_x, shift_y), c = radius * unit_vector(direction);
    float trap = 9.0, escape = 0.0;
    bool out_ = false;
    for (int i = ZERO; i < 48; i++) {
        float r = length(z);
        if (r > 16.0) { out_ = true; break; }
        z = pow(max(r, 1e-6), power) * unit_vector(power * atan(z.y, z.x)) + c;
        vec2 d = abs(z - vec2(trap_x, trap_y));
        trap = min(trap, trap_kind < 0.5 ? length(d) : trap_kind < 1.5 ? min(d.x, d.y) * 2.0 : abs(length(d) - 0.5));
        escape += 1.0;
    }
    if (!out_) return others(zigzag(0.5 + 0.8 * contrast * sqrt(trap)));
    escape -= log2(log2(dot(z, z))) / log2(power);
    vec3 outer = colours(zigzag(0.5 + bands * escape));
    return mix(outer, others(0.9), 0.55 * exp(-6.0 * trap * contrast)) * (0.8 + 0.2 * saturate(trap));
}
