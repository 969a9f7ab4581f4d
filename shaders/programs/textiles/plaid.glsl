// title: Tartan rug, folded over on a table
// licence: Apache-2.0
// cost: light
// include: cloth
// parameter: dye palette
// parameter: table palette
// parameter: salt seed
// parameter: sett log_uniform 0.6 1.7
// parameter: stripes integer 3 6
// parameter: threads log_uniform 14.0 36.0
// parameter: turn angle
// parameter: crease uniform 0.0 1.3
// parameter: crease_turn uniform -0.9 0.9
// parameter: flap uniform 0.1 0.9
// parameter: border uniform 0.5 1.7
// parameter: fold uniform 0.0 0.6
// parameter: sun angle
// parameter: check uniform 0.0 1.0

// Colour of the stripe at x; the sequence is mirrored, as in a tartan.
float stripe(float x) {
    float at = zigzag(0.5 * sett * x) * stripes;
    int i = int(floor(at + 0.35 * sin(2.6 * floor(at))));
    return mix(hash1(i, salt + 2.0), mod(float(i), 2.0), 0.4 * check);
}

vec3 weave(vec2 q) {
    vec2 n = q * threads * 1.5;
    float over = step(2.0, mod(floor(n.x) - floor(n.y), 4.0));
    vec2 f = 2.0 * fract(n) - 1.0;
    float round_ = mix(1.0 - 0.6 * f.x * f.x, 1.0 - 0.6 * f.y * f.y, over);
    vec3 colour = mix(dye(stripe(q.x)), dye(stripe(q.y + 3.0)), mix(0.5, over, 0.5));
    return colour * (0.75 + 0.35 * round_);
}

vec3 shade(vec2 p) {
    Drape folds = drape(p + 30.0, fold, sun, salt);
    vec2 axis = unit_vector(sun + crease_turn);
    float d = dot(p, axis) - crease + 0.03 * sin(3.0 * dot(p, vec2(-axis.y, axis.x)));
    vec3 ground = table(0.25 + 0.5 * fbm(p * vec2(1.0, 6.0), 4, 0.5, salt + 9.0));
    float end = dot(p, unit_vector(turn)) - border;
    vec2 q = rotation(turn) * p + folds.shift;
    vec3 cloth = weave(q) * folds.light;
    float tassel = step(0.35, zigzag(14.0 * dot(p, unit_vector(turn + 1.57))));
    float on = end < 0.0 ? 1.0 : tassel * step(end, 0.14);
    ground *= 0.45 + 0.55 * smoothstep(-0.02, 0.25, end + 0.08);
    vec3 colour = mix(ground, cloth, on);
    if (d < 0.0) {  // beyond the crease the cloth has been turned over and lies on itself
        float back = d + flap;
        colour *= 1.0 - 0.6 * smoothstep(-0.22, 0.0, back) * step(back, 0.0);
        if (back > 0.0) {
            vec2 turned = rotation(turn) * (p - 2.0 * d * axis) + 0.5 * folds.shift;
            float roll = smoothstep(0.0, 0.16, -d);
            colour = weave(turned) * (0.55 + 0.6 * roll) * mix(1.0, folds.light, 0.5) * (0.85 + 0.2 * smoothstep(0.0, 0.05, back));
        }
    } else colour = mix(table(0.15) * (0.6 + 0.4 * smoothstep(0.0, 0.3, d)), ground * smoothstep(-0.1, 0.25, d), 0.8);
    return colour;
}
