// title: Dunes and wind ripples under a low sun
// licence: Apache-2.0
// cost: medium
// include: noise, relief
// parameter: colours palette
// parameter: salt seed
// parameter: scale log_uniform 0.9 2.6
// parameter: wind angle
// parameter: height uniform 0.3 0.65
// parameter: ripple_count log_uniform 10.0 40.0
// parameter: ripple_height uniform 0.0 0.012
// parameter: steepness uniform 0.5 0.9
// parameter: sun angle
// parameter: elevation uniform 0.2 0.9
// parameter: haze uniform 0.0 0.6

float relief(vec2 q) {
    q += 0.35 * noise_offset(0.8 * q, salt);
    float crest = q.x + 0.6 * noise(0.9 * q, salt + 5.0);
    float phase = fract(crest);
    float dune = phase < steepness ? phase / steepness : (1.0 - phase) / (1.0 - steepness);
    dune = smoothstep(0.0, 1.0, dune) * (0.35 + 0.65 * noise(vec2(0.5 * q.x, 0.9 * q.y), salt + 9.0));
    float ripples = sin(ripple_count * (q.x + 0.25 * noise(3.0 * q, salt + 7.0)));
    return height * dune + ripple_height * ripples * smoothstep(0.15, 0.6, dune);
}

vec3 shade(vec2 p) {
    vec2 q = scale * (rotation(wind) * p) + 10.0;
    vec3 light = light_direction(sun, elevation);
    vec3 normal = relief_normal(q, 0.01);
    float lit = relief_shadow(q, light, 0.9, 0.25, 12);
    float h = relief(q) / height;
    vec3 albedo = colours(0.2 + 0.75 * h + 0.3 * (fbm(1.5 * q, 3, 0.5, salt + 3.0) - 0.5));
    vec3 colour = shine(albedo, normal, light, lit, 0.25, 0.08, 12.0);
    return mix(colour, colours_at(3), haze * saturate(0.3 + 0.6 * p.y));
}
