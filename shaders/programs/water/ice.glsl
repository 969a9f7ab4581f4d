// title: Clear ice: cracks at several depths, frozen bubbles, drifted snow
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, space
// parameter: colours palette
// parameter: light_colours palette
// parameter: salt seed
// parameter: slant uniform 0.0 0.7
// parameter: turn angle
// parameter: plates log_uniform 0.5 1.5
// parameter: depths integer 2 4
// parameter: parallax uniform 0.03 0.16
// parameter: jagged uniform 0.05 0.4
// parameter: wall uniform 0.1 0.5
// parameter: hairlines uniform 0.0 0.8
// parameter: bubbles uniform -0.2 0.7
// parameter: bubble_scale log_uniform 2.0 6.0
// parameter: snow uniform -0.2 0.45
// parameter: snow_scale log_uniform 0.6 2.0
// parameter: clear uniform 0.2 0.9
// parameter: sun angle
// parameter: sheen uniform 0.0 0.6

vec3 shade(vec2 p) {
    float far = 1.0 / (1.0 - slant * clamp(p.y, -1.2, 1.1));
    vec2 q = rotation(turn) * vec2(p.x, p.y * (1.0 + slant)) * far, lean = rotation(turn) * vec2(0.25 * p.x, 1.0) * parallax;
    vec2 light = unit_vector(sun);
    float murk = fbm(0.8 * q + 3.0, 4, 0.5, salt + 40.0);
    vec3 colour = colours(0.08 + 0.55 * murk * (1.2 - clear)) * (0.45 + 0.5 * murk);
    for (int k = ZERO; k < int(depths); k++) {
        float down = float(int(depths) - 1 - k), shallow = 1.0 - down / depths, key = salt + 9.0 * float(k);
        vec2 s = q * plates * (1.0 + 0.35 * down) - lean * down * 1.5 + 11.0 * float(k);
        s += jagged * noise_offset(2.5 * s, key + 1.0) * 0.5 + 0.06 * noise_offset(9.0 * s, key + 2.0);
        Cell plate = cells(s, 0.95, key);
        vec2 across = normalize(plate.offset + 1e-4);
        float crack = inside(plate.edge - 0.008, 0.03), sheet = wall * (0.3 + 0.9 * hash1(plate.id, key + 3.0)) * 0.7;
        float curtain = smoothstep(sheet, 0.0, plate.edge) * (0.35 + 0.65 * noise(vec2(7.0, 7.0) * s, key + 4.0)) * saturate(0.5 - 0.9 * dot(across, normalize(lean + 1e-4)));
        vec3 tint = light_colours(0.45 + 0.5 * shallow);
        colour = mix(colour, colours(0.35 + 0.35 * hash1(plate.id, key + 5.0)) * 0.8, 0.28 * shallow * (1.0 - clear * 0.7));
        colour = mix(colour, tint * (0.55 + 0.5 * noise(5.0 * s, key + 6.0)), 0.75 * curtain * (0.4 + 0.6 * shallow));
        colour = mix(colour, mix(tint, vec3(0.96), 0.5), crack * (0.35 + 0.55 * shallow));
        float hair = smoothstep(0.03, 0.0, abs(noise(2.0 * s + 0.5 * noise_offset(4.0 * s, key + 7.0), key + 8.0) - 0.5));
        colour = mix(colour, tint, hairlines * 0.6 * hair * shallow);
        vec2 b = bubble_scale * (q - lean * (down * 0.6 + 0.3)) + 5.0 * float(k);
        Cell bubble = cells(b, 0.9, key + 10.0);
        vec3 g = hash3(bubble.id, key + 11.0);
        float cluster = noise(1.2 * q + 4.0, salt + 41.0), r = (0.06 + 0.3 * g.y * g.y) * step(g.x, 1.4 * bubbles * cluster), d = bubble.nearest - r;
        vec3 disc = mix(colour, light_colours(0.85), 0.35 + 0.35 * dot(-bubble.offset, light) / max(r, 0.02) * 0.6);
        colour = mix(colour, disc, inside(d, 0.06) * step(0.01, r) * (0.4 + 0.6 * shallow));
        colour = mix(colour, vec3(0.95), 0.6 * stroke(d, 0.015, 0.05) * step(0.01, r) * shallow);
    }
    float scratch = noise(rotation(0.6) * q * vec2(2.0, 26.0), salt + 42.0);
    colour += sheen * 0.35 * light_colours_at(3) * smoothstep(0.75, 0.1, length(p - 0.8 * light)) * (0.7 + 0.4 * scratch);
    float drift = fbm(snow_scale * q * vec2(0.7, 1.3) + 8.0, 4, 0.5, salt + 43.0), next = fbm(snow_scale * (q + 0.06 * light) * vec2(0.7, 1.3) + 8.0, 4, 0.5, salt + 43.0);
    float cover = drift + snow - 0.95;
    vec3 white = mix(vec3(0.93), light_colours_at(3), 0.4) * clamp(0.82 + 3.0 * (drift - next), 0.5, 1.05) * (0.93 + 0.1 * noise(30.0 * q, salt + 44.0));
    colour *= 1.0 - 0.3 * smoothstep(-0.08, 0.0, cover);
    return mix(colour, white, smoothstep(-0.01, 0.03, cover));
}
