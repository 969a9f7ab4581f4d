// title: Low sun over water, with shapes against the light
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: sky palette
// parameter: dark palette
// parameter: salt seed
// parameter: horizon uniform -0.5 0.3
// parameter: sun_x uniform -0.8 0.8
// parameter: sun_height uniform -0.1 0.8
// parameter: sun_size log_uniform 0.06 0.35
// parameter: glow uniform 0.2 1.0
// parameter: bands uniform 0.0 1.0
// parameter: band_scale log_uniform 0.6 2.5
// parameter: ripple log_uniform 6.0 25.0
// parameter: far_land uniform 0.0 0.5
// parameter: near_land uniform -0.3 0.7
// parameter: trees uniform 0.0 1.0
// parameter: boats integer 0 4
// parameter: warm uniform 0.2 1.0

vec3 heaven(vec2 p) {
    float up = saturate((p.y - horizon) / 1.3);
    vec2 s = p - vec2(sun_x, horizon + sun_height);
    float r = length(s);
    vec3 colour = mix(mix(sky(0.85), vec3(1.0, 0.75, 0.45), 0.5 * warm), sky(0.25), up);
    float streak = fbm(vec2(band_scale * p.x, 4.0 * band_scale * p.y) + 5.0, 5, 0.52, salt);
    colour = mix(colour, mix(sky_at(1), vec3(1.0, 0.8, 0.6), exp(-1.5 * r) * warm), bands * smoothstep(0.45, 0.7, streak));
    colour += glow * vec3(1.0, 0.8, 0.5) * (0.35 * exp(-2.5 * r));
    return mix(colour, vec3(1.0, 0.95, 0.82), inside(r - sun_size, 0.03));
}

vec3 shade(vec2 p) {
    float mountains = horizon + far_land * (0.2 + 0.8 * fbm(vec2(1.6 * p.x, 2.0), 5, 0.5, salt + 3.0) - 0.25);
    vec3 colour = heaven(p);
    colour = mix(colour, mix(sky(0.4), dark(0.3), 0.5) * (0.9 + 0.4 * (p.y - horizon)), inside(p.y - mountains, PIXEL));
    if (p.y < horizon) {
        float deep = horizon - p.y, z = 1.0 / (deep + 0.05);
        float wave = noise(vec2(0.5 * ripple * p.x * sqrt(z), ripple * log(deep + 0.05)), salt + 4.0) - 0.5;
        vec2 mirror = vec2(p.x + 0.12 * wave, horizon + deep * (1.0 + 1.2 * wave) + 0.03);
        bool under = mirror.y < horizon + far_land * 0.3 * fbm(vec2(1.6 * p.x, 2.0), 3, 0.5, salt + 3.0);
        colour = (under ? mix(sky(0.35), dark(0.3), 0.5) : heaven(mirror)) * (0.75 - 0.2 * deep);
    }
    for (int i = ZERO; i < int(boats); i++) {
        vec3 h = hash3(i, salt + 5.0);
        float size = 0.1 + 0.25 * h.y;
        vec2 q = (p - vec2(1.8 * h.x - 0.9, horizon - 0.45 * h.y * h.y - 0.01)) / size;
        float hull = max(box(q - vec2(0.0, 0.06), vec2(0.6 - 0.3 * (0.12 - q.y), 0.07)), -q.y - 0.05);
        float sail = max(max(-q.x + 0.04, q.y - 1.2 + 1.9 * q.x), 0.2 - q.y);
        colour = mix(colour, dark(0.15) * 0.6, inside(min(hull, min(sail, box(q - vec2(0.0, 0.6), vec2(0.02, 0.6)))) * size, PIXEL));
    }
    float bank = -1.0 + near_land * (0.25 + 0.6 * fbm(vec2(1.2 * p.x, 9.0), 4, 0.5, salt + 6.0));
    bank += trees * 0.5 * pow(ridges(vec2(3.5 * p.x, 4.0), 3, 0.6, salt + 7.0), 2.0) * step(0.0, near_land);
    return mix(colour, dark(0.12 + 0.15 * noise(12.0 * p, salt + 8.0)) * 0.6, inside(p.y - bank, PIXEL));
}
