// title: Islands, shallows and snow seen from above
// licence: Apache-2.0
// cost: medium
// include: noise, relief
// parameter: land palette
// parameter: sea palette
// parameter: salt seed
// parameter: scale log_uniform 0.45 1.5
// parameter: rough uniform 0.42 0.62
// parameter: warp uniform 0.0 0.8
// parameter: level uniform 0.25 0.6
// parameter: height uniform 0.35 0.9
// parameter: sun angle
// parameter: elevation uniform 0.3 0.8
// parameter: cover uniform 0.0 0.6
// parameter: vegetation log_uniform 3.0 12.0

float ground(vec2 q) {
    q += warp * noise_offset(0.9 * q, salt + 1.0);
    return 0.6 * fbm(q, 5, rough, salt + 3.0) + 0.4 * ridges(1.3 * q + 5.0, 4, 0.5, salt + 13.0);
}

float relief(vec2 q) { return height * max(ground(q) - level, 0.0); }

vec3 shade(vec2 p) {
    vec2 q = scale * p + 25.0;
    float h = ground(q) - level;
    vec3 light = light_direction(sun, elevation);
    vec3 water = sea(saturate(0.75 + 2.2 * h)) * (0.92 + 0.16 * noise(30.0 * q, salt + 20.0) * saturate(1.0 + 6.0 * h));
    vec3 normal = relief_normal(q, 0.012);
    float lit = relief_shadow(q, light, 0.35, 0.4, 5);
    float patchy = noise(vegetation * q, salt + 22.0);
    vec3 albedo = land(saturate(2.6 * h + 0.25 * (patchy - 0.5) + 0.3 * (1.0 - normal.z)));
    vec3 colour = mix(water, shine(albedo, normal, light, lit, 0.35, 0.0, 4.0), smoothstep(-0.004, 0.01, h));
    colour = mix(colour, vec3(0.93), 0.7 * smoothstep(0.012, 0.0, abs(h)) * smoothstep(0.35, 0.6, noise(5.0 * q, salt + 23.0)));
    float cloud = smoothstep(1.0 - cover, 1.25 - cover, fbm(0.9 * q + 40.0, 5, 0.55, salt + 24.0));
    float under = smoothstep(1.0 - cover, 1.25 - cover, fbm(0.9 * q + 40.12, 4, 0.55, salt + 24.0));
    return mix(colour * (1.0 - 0.45 * under), vec3(0.95), 0.9 * cloud);
}
