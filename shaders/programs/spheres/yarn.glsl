// title: Balls of yarn in a basket or on a table
// licence: Apache-2.0
// cost: medium
// include: cloth
// parameter: wool palette
// parameter: table palette
// parameter: salt seed
// parameter: count integer 2 9
// parameter: size uniform 0.3 0.6
// parameter: spread uniform 0.5 1.0
// parameter: strands log_uniform 3.0 6.5
// parameter: windings integer 2 5
// parameter: sun angle
// parameter: elevation uniform 0.5 1.1
// parameter: fuzz uniform 0.0 0.25
// parameter: mixed uniform 0.0 0.5
// parameter: tail uniform 0.0 1.0
// parameter: needles uniform -0.5 1.0
// parameter: board_turn angle
// parameter: board_scale log_uniform 1.2 4.0
// parameter: cloth uniform 0.0 1.0

vec3 shade(vec2 p) {
    vec3 light = vec3(cos(elevation) * unit_vector(sun), sin(elevation));
    vec2 b = board_scale * (rotation(board_turn) * p);
    float grain = noise(b * vec2(1.0, 9.0) + 4.0, salt + 20.0);
    vec3 colour = cloth > 0.5 ? mix(table(0.3), table(0.75), 0.5 * step(0.5, fract(b.x)) + 0.5 * step(0.5, fract(b.y))) * (0.85 + 0.2 * noise(14.0 * b, salt + 21.0))
        : table(0.25 + 0.3 * hash1(int(floor(b.y)), salt + 22.0) + 0.3 * grain) * (1.0 - 0.5 * smoothstep(0.45, 0.49, abs(fract(b.y) - 0.5)));
    colour *= 0.85 + 0.3 * dot(p, light.xy);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt);
        float r = size * (0.65 + 0.5 * h.z), tone = hash1(i, salt + 1.0);
        vec2 c = spread * sqrt((float(i) + 0.6 * h.x) / count) * 1.1 * unit_vector(2.4 * float(i) + h.y + sun);
        vec2 v = (p - c) / r;
        if (tail > h.y) {  // a loose end winds away from the ball
            vec2 q = rotation(TURN * h.x) * (p - c);
            float d = q.y - 0.12 * sin(5.0 * q.x + TURN * h.z) - 0.5 * r, w = 0.06 * r + 0.012;
            bool out_ = q.x > -0.2 * r;
            if (out_) {
                colour *= 1.0 - 0.45 * smoothstep(2.4, 0.8, abs(d / w + 0.5));
                colour = mix(colour, wool(tone) * (0.35 + 0.9 * yarn(clamp(d / w, -1.0, 1.0), 3.0 * q.x / w * 0.12)), inside(abs(d) - w, 2.0 * PIXEL));
            }
        }
        colour *= 1.0 - 0.62 * smoothstep(1.45, 0.6, length(v + 0.45 * light.xy / light.z * 0.7));
        float r2 = dot(v, v);
        float rough_edge = 1.0 + 0.06 * (noise(9.0 * v + 9.0 * h.xy, salt + 2.0) - 0.5) * (1.0 + 3.0 * fuzz);
        if (r2 > rough_edge) continue;
        vec3 n = vec3(v, sqrt(max(1.0 - r2, 0.02)));
        float best = 0.0, shade_ = 0.0, along = 0.0, band = 0.0;
        for (int k = ZERO; k < int(windings); k++) {  // great belts of strands, the last lies on top
            vec3 axis = normalize(hash3(ivec2(i, k), salt + 3.0) - 0.5 + 1e-3);
            float s = dot(n, axis) * strands * (0.9 + 0.2 * h.x);
            if (k > 0 && abs(s) > strands * (0.22 + 0.3 * hash1(ivec2(k, i), salt + 4.0))) { shade_ = max(shade_, smoothstep(0.9, 0.0, abs(s) - strands * 0.4)); continue; }
            vec3 side = normalize(cross(axis, vec3(0.3, 0.9, 0.2)));
            along = atan(dot(n, cross(axis, side)), dot(n, side));
            best = 2.0 * fract(s) - 1.0;
            band = hash1(ivec2(int(floor(s)), k), salt + 5.0);
            shade_ = 0.0;
        }
        float strand = yarn(best, along * strands * 0.7);
        vec3 dye = wool(tone + mixed * (band - 0.5));
        float matte = max(dot(n, light), 0.0);
        vec3 lit = dye * (0.25 + 0.95 * strand) * (0.28 + 0.85 * matte) * (1.0 - 0.25 * shade_);
        lit += fuzz * wool_at(3) * pow(1.0 - n.z, 2.0);
        lit *= 0.92 + 0.16 * noise(30.0 * v, salt + 6.0);
        colour = mix(colour, lit, inside((sqrt(r2) - sqrt(rough_edge)) * r, 2.0 * PIXEL));
    }
    if (needles > 0.0) {
        for (int k = ZERO; k < 2; k++) {
            vec2 h = hash2(k, salt + 7.0), q = rotation(TURN * h.x) * p - vec2(0.0, 0.5 * h.y - 0.25);
            float d = abs(q.y) - 0.028, knob = length(q - vec2(0.75, 0.0)) - 0.06;
            colour *= 1.0 - 0.45 * smoothstep(0.09, 0.0, abs(q.y + 0.05)) * step(q.x, 0.75);
            vec3 wood = mix(table(0.85), vec3(0.85, 0.72, 0.5), 0.4) * (0.75 - 7.0 * q.y * dot(light.xy, unit_vector(TURN * -h.x + 1.57)) + 0.15);
            colour = mix(colour, wood, inside(min(max(d, q.x - 0.75), knob), 2.0 * PIXEL));
        }
    }
    return colour;
}
