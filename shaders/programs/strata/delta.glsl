// title: Braided river delta over banded silt
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: water palette
// parameter: salt seed
// parameter: turn angle
// parameter: scale log_uniform 0.7 2.2
// parameter: stretch log_uniform 1.5 4.0
// parameter: meander uniform 0.2 1.2
// parameter: width uniform 0.06 0.3
// parameter: branching uniform 0.0 0.8
// parameter: silt log_uniform 3.0 14.0
// parameter: silt_contrast uniform 0.1 0.8
// parameter: green uniform 0.0 0.6
// parameter: sea uniform 0.2 2.0
// parameter: bars uniform 0.0 0.7
// parameter: sun angle

float channel(vec2 q, float key) {
    vec2 w = q + meander * noise_offset(vec2(0.8 * q.x, 1.3 * q.y), salt + key);
    return abs(2.0 * noise(w * vec2(0.5, 1.4) + key, salt + key + 1.0) - 1.0);
}

vec3 shade(vec2 p) {
    vec2 r = rotation(turn) * p, q = scale * r * vec2(1.0, 0.6 * stretch) + 8.0;
    float main_ = channel(q, 3.0) - width;
    float side = mix(1.0, channel(1.9 * q + 4.0, 9.0) - 0.7 * width, step(0.05, branching)) + (1.0 - branching) * 0.4;
    float d = smooth_min(main_, side, 0.15);
    float old = channel(q * 1.2 + 30.0, 17.0);
    float trace = zigzag(silt * 0.5 * (0.6 * d + 0.5 * old + 0.25 * fbm(q, 3, 0.5, salt + 5.0)));
    vec3 colour = colours(0.3 + 0.45 * fbm(0.8 * q + 2.0, 4, 0.55, salt + 6.0) + silt_contrast * 0.45 * (trace - 0.5));
    float thick = smoothstep(1.0 - green, 1.12 - green, fbm(1.6 * q + 12.0, 4, 0.6, salt + 7.0) - 0.5 * smoothstep(0.2, 0.0, d) + 0.2);
    float crown = noise(16.0 * p, salt + 8.0), toward = noise(16.0 * p + 0.4 * unit_vector(sun), salt + 8.0);
    colour = mix(colour, mix(colours_at(0), water(0.3), 0.5) * (0.95 + 1.1 * (crown - toward)), thick);
    float coast = r.x - sea + 0.5 * (fbm(1.4 * r + 20.0, 5, 0.5, salt + 9.0) - 0.5);
    float bar = bars * smoothstep(0.5, 0.7, noise(q * vec2(2.0, 5.0), salt + 10.0));
    float wet = max(smoothstep(0.02, -0.02, d + 0.5 * bar * width), smoothstep(-0.01, 0.02, coast));
    vec3 stream = water(0.55 + 0.35 * noise(q * vec2(1.5, 6.0), salt + 11.0) + 0.4 * max(d, -0.3));
    vec3 plume = mix(water(0.35), colours(0.7), 0.6 * exp(-3.0 * max(coast, 0.0)) * fbm(2.0 * r + 5.0, 4, 0.55, salt + 12.0));
    colour = mix(colour, colours(0.95), 0.6 * smoothstep(0.09, 0.0, abs(d - 0.03)));
    return mix(colour, coast > 0.0 ? plume : stream, wet);
}
