// title: Heaped clouds with lit edges over a sea or a plain
// licence: Apache-2.0
// cost: light
// include: noise, space
// parameter: sky palette
// parameter: land palette
// parameter: salt seed
// parameter: scale log_uniform 0.7 2.2
// parameter: stretch log_uniform 1.0 3.0
// parameter: cover uniform 0.35 0.75
// parameter: softness uniform 0.08 0.4
// parameter: warp uniform 0.0 0.9
// parameter: sun angle
// parameter: depth uniform 0.4 1.2
// parameter: horizon uniform -1.4 0.1
// parameter: waves log_uniform 2.0 8.0
// parameter: warmth uniform 0.0 0.6
// parameter: rain uniform -0.4 0.5

float mass(vec2 q) {
    q = q * vec2(1.0, stretch) * scale + 10.0;
    q += warp * 0.5 * noise_offset(0.9 * q, salt + 1.0);
    return fbm(q, 6, 0.52, salt);
}

vec3 shade(vec2 p) {
    float above = p.y - horizon;
    vec3 clear = mix(sky(0.85), sky(0.35), saturate(0.8 * above));
    clear = mix(clear, vec3(0.98, 0.82, 0.6), warmth * exp(-3.0 * max(above, 0.0)));
    float m = mass(p), toward = mass(p + 0.1 * unit_vector(sun));
    float body = smoothstep(1.0 - cover, 1.0 - cover + softness, m);
    float lit = saturate(0.6 + 2.2 * depth * (m - toward));
    vec3 cloud = mix(mix(sky_at(1), vec3(0.5), 0.4), mix(sky_at(3), vec3(1.0), 0.7), lit);
    vec3 colour = mix(clear, cloud * (1.0 - 0.3 * saturate(m - 0.6)), body);
    colour = mix(colour, sky(0.4), 0.5 * step(0.0, rain) * smoothstep(0.5, 0.7, noise(vec2(2.5 * (p.x + 0.2 * p.y), 0.4 * p.y), salt + 4.0)) * exp(-2.0 * abs(above)));
    if (above < 0.0) {
        float z = 1.0 / (0.06 - above);
        vec2 q = vec2(p.x * z, z) * waves * 0.35;
        float ripple = fbm(q * vec2(0.6, 1.5) + 7.0, 3, 0.5, salt + 5.0);
        vec3 surface = mix(land(0.2 + 0.6 * ripple), sky(0.75), 0.25 + 0.4 * exp(6.0 * above));
        float shadow = smoothstep(0.4, 0.6, fbm(vec2(p.x * z, z) * 0.3 + 20.0, 3, 0.5, salt + 6.0));
        colour = surface * mix(0.65, 1.0, shadow);
    }
    return colour;
}
