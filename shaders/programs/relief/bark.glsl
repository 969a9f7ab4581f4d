// title: Furrowed bark with moss on one side
// licence: Apache-2.0
// cost: medium
// include: noise, relief
// parameter: colours palette
// parameter: moss palette
// parameter: salt seed
// parameter: lean uniform -0.5 0.5
// parameter: scale log_uniform 1.2 4.0
// parameter: stretch log_uniform 2.0 6.0
// parameter: furrow uniform 0.15 0.45
// parameter: warp uniform 0.1 0.8
// parameter: trunk uniform 0.45 1.6
// parameter: offset uniform -0.4 0.4
// parameter: sun angle
// parameter: elevation uniform 0.3 0.9
// parameter: moss_cover uniform 0.0 0.6
// parameter: back_scale log_uniform 0.5 3.0

float relief(vec2 q) {
    vec2 r = q * vec2(1.0, 1.0 / stretch);
    r += warp * noise_offset(1.3 * r, salt) * 0.4;
    float plates = ridges(r + 4.0, 3, 0.5, salt + 2.0);
    float furrows = smoothstep(0.15, 0.75, plates);
    return furrow * furrows + 0.06 * noise(7.0 * q, salt + 6.0);
}

vec3 shade(vec2 p) {
    vec2 q = rotation(lean) * p - vec2(offset, 0.0);
    float wide = trunk * (1.0 + 0.08 * (noise(vec2(2.5 * q.y, 1.0), salt + 40.0) - 0.5));
    float x = q.x / wide;
    vec3 back = mix(moss(0.5 + 0.4 * p.y), moss_at(3), smoothstep(0.3, 0.8, fbm(back_scale * p, 3, 0.5, salt + 50.0)));
    float angle = asin(clamp(x, -0.999, 0.999));
    vec2 s = scale * vec2(angle * wide, q.y) + 12.0;
    vec3 light = light_direction(sun, elevation);
    vec3 normal = relief_normal(s, 0.02);
    normal = normalize(normal + vec3(1.2 * x, 0.0, 0.0));
    float lit = relief_shadow(s, light, 0.4, 0.4, 5);
    float h = relief(s) / furrow;
    vec3 albedo = colours(0.15 + 0.6 * h + 0.2 * (noise(0.8 * s, salt + 8.0) - 0.5));
    float green = smoothstep(1.0 - moss_cover, 1.15 - moss_cover, fbm(0.9 * s, 4, 0.55, salt + 9.0) + 0.2 * h - 0.25 * x);
    albedo = mix(albedo, moss(0.4 + 0.5 * noise(9.0 * s, salt + 10.0)), green);
    vec3 colour = shine(albedo, normal, light, lit, 0.32, 0.03, 8.0) * (0.45 + 0.6 * sqrt(max(1.0 - x * x, 0.0)));
    return mix(back, colour, inside(abs(q.x) - wide, 2.0 * PIXEL));
}
