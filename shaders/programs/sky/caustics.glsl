// title: Sunlight through shallow water on stones
// licence: Apache-2.0
// cost: light
// include: noise, cells, space
// parameter: colours palette
// parameter: water palette
// parameter: salt seed
// parameter: scale log_uniform 1.0 3.0
// parameter: slant uniform -0.1 0.7
// parameter: stones log_uniform 1.0 3.0
// parameter: net_scale log_uniform 0.8 2.5
// parameter: net_sharpness uniform 1.5 6.0
// parameter: net_strength uniform 0.2 0.9
// parameter: refraction uniform 0.0 0.3
// parameter: depth uniform 0.1 0.7
// parameter: glint uniform 0.0 0.8
// parameter: sand uniform 0.0 1.0
// parameter: sun angle

float net(vec2 q, float key) {
    q += 0.35 * noise_offset(1.3 * q, key);
    float a = cell_distance(q, 0.9, key + 2.0), b = cell_distance(1.4 * q + 3.0, 0.9, key + 3.0);
    return pow(saturate(0.5 * (a + b) + 0.12), net_sharpness) * 2.2;
}

vec3 shade(vec2 p) {
    float far = 1.0 / (1.0 - slant * clamp(p.y, -1.2, 1.2));
    vec2 q = scale * vec2(p.x, 1.4 * p.y) * far + 20.0;
    vec2 wave = noise_offset(1.5 * q, salt + 1.0);
    vec2 bed = q + refraction * wave;
    Cell stone = cells(stones * bed, 0.95, salt + 2.0);
    vec3 h = hash3(stone.id, salt + 3.0);
    float round_ = saturate(2.2 * stone.edge);
    vec3 gravel = colours(0.2 + 0.7 * h.x + 0.25 * (noise(8.0 * bed, salt + 4.0) - 0.5)) * (0.35 + 0.65 * round_);
    gravel *= 1.0 + 0.5 * dot(stone.offset, unit_vector(sun));
    float drift = smoothstep(0.35, 0.65, fbm(0.7 * bed, 3, 0.5, salt + 5.0)) * step(h.y, 0.3 + sand);
    vec3 floor_ = mix(gravel, colours(0.8) * (0.85 + 0.3 * noise(bed * vec2(3.0, 12.0), salt + 6.0)), drift * sand);
    vec3 colour = floor_ * (0.6 + net_strength * net(net_scale * bed, salt + 7.0));
    colour = mix(colour, water(0.3 + 0.4 * saturate(0.5 + 0.5 * p.y)), depth * saturate(0.5 + 0.6 * slant * p.y + 0.3 * wave.x));
    float crest = noise(q * vec2(1.2, 3.0) * 1.6 + wave, salt + 8.0);
    return mix(colour, mix(water_at(3), vec3(1.0), 0.4), glint * smoothstep(0.68, 0.85, crest) * saturate(0.5 + slant * p.y));
}
