// title: Shafts of light between the trunks of a wood
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: wood palette
// parameter: air palette
// parameter: salt seed
// parameter: layers integer 3 5
// parameter: trunks log_uniform 1.2 3.5
// parameter: thick uniform 0.12 0.4
// parameter: lean uniform -0.15 0.15
// parameter: source_x uniform -1.0 1.0
// parameter: source_y uniform 0.3 1.4
// parameter: shafts log_uniform 3.0 9.0
// parameter: strength uniform 0.4 1.1
// parameter: fog uniform 0.3 0.9
// parameter: ground uniform -0.9 -0.3
// parameter: path uniform -0.6 0.6
// parameter: leaves uniform 0.1 0.9
// parameter: warmth uniform 0.1 0.9
// parameter: leaf_scale log_uniform 4.0 11.0

vec3 shade(vec2 p) {
    vec3 sun_colour = mix(air_at(3), vec3(1.0, 0.88, 0.62), warmth);
    vec2 source = vec2(source_x, source_y), v = p - source;
    float r = length(v), angle = atan(v.x, -v.y);
    vec3 haze = mix(air(0.65), sun_colour, exp(-1.3 * r));
    vec3 colour = haze * (0.75 + 0.3 * fbm(p * vec2(5.0, 2.0), 3, 0.5, salt)) + 0.5 * sun_colour * exp(-3.0 * r);
    for (int i = ZERO; i < int(layers); i++) {
        float near = float(i + 1) / layers, key = salt + 9.0 * float(i), zoom = trunks * mix(2.6, 0.8, near);
        float dim = pow(near, 0.5 + fog);
        float line = mix(ground + 0.35, ground - 0.35, near) + 0.1 * (fbm(vec2(2.0 * p.x + 4.0 * near, 3.0), 4, 0.5, key) - 0.5);
        vec2 toward = normalize(source - p);
        if (p.y < line) {
            float patch_ = fbm(p * vec2(5.0, 12.0) / mix(0.5, 1.2, near), 4, 0.6, key + 1.0);
            vec3 soil = wood(0.15 + 0.6 * patch_) * (0.45 + 0.3 * near);
            soil = mix(soil, air(0.8) * 0.8, 0.75 * smoothstep(0.25, 0.05, abs(p.x - path * (p.y + 1.6)) - 0.2 * (line - p.y)) * step(0.5, near) * 0.5);
            float fleck = smoothstep(0.55, 0.7, noise(p * vec2(3.0, 9.0) + 3.0, key + 2.0));
            soil += sun_colour * 0.45 * strength * fleck * saturate(1.4 - r * 0.6);
            colour = mix(haze, soil, dim);
        }
        float x = (p.x - lean * p.y * (0.5 + near)) * zoom + 7.0 * hash1(i, salt + 3.0);
        int slot = int(floor(x));
        vec3 h = hash3(slot, key + 4.0);
        float half_ = thick * (0.25 + 0.5 * h.x) * (1.0 + 0.25 * smoothstep(line + 0.35, line, p.y));
        float d = (fract(x) - 0.3 - 0.4 * h.y - 0.06 * sin(2.0 * p.y + TURN * h.z)) / half_;
        float bark = noise(vec2(9.0 * d, 3.0 * p.y * zoom), key + 5.0);
        if (h.z < 0.8 && p.y > line - 0.06 && abs(d) < 1.0 + 0.1 * (bark - 0.5)) {
            float rim = smoothstep(0.35, 1.0, d * sign(toward.x)) * abs(toward.x);
            vec3 skin = wood(0.1 + 0.35 * bark) * (0.35 + 0.3 * sqrt(max(1.0 - d * d, 0.0))) + sun_colour * 0.55 * rim * exp(-0.5 * r);
            colour = mix(haze, skin, dim);
        }
        float crown = fbm(p * vec2(1.0, 1.3) * 1.2 + 5.0 * near, 3, 0.5, key + 6.0) + 0.75 * (p.y - 0.9 + leaves * 0.8);
        float leaf = fbm(leaf_scale * p * mix(1.2, 0.6, near), 3, 0.6, key + 7.0);
        float mass = smoothstep(0.6, 0.66, crown + 0.35 * (leaf - 0.5));
        vec3 green = mix(wood(0.3 + 0.4 * leaf), air(0.4), 0.35) * (0.45 + 0.5 * leaf) + 0.5 * sun_colour * exp(-1.8 * r) * leaf;
        colour = mix(colour, mix(haze, green, dim), mass * 0.95);
        // Air lit in shafts stands between this layer and the next.
        float ray = noise(vec2(shafts * angle + 3.0 * float(i), 0.4 * r), key + 8.0);
        float lit = smoothstep(0.45, 0.8, ray) * saturate(1.35 - 0.55 * r) * (1.0 - 0.6 * near);
        colour = mix(colour, sun_colour, 0.55 * strength * lit);
    }
    return colour;
}
