// title: Terraced fields on a slope, some under water
// licence: Apache-2.0
// cost: heavy
// include: noise, relief
// parameter: soil palette
// parameter: water palette
// parameter: salt seed
// parameter: scale log_uniform 0.6 1.5
// parameter: levels log_uniform 4.0 10.0
// parameter: height uniform 0.5 1.0
// parameter: warp uniform 0.1 0.8
// parameter: slope angle
// parameter: tilt uniform 0.0 0.5
// parameter: wall uniform 0.12 0.35
// parameter: flooded uniform 0.0 0.8
// parameter: rows log_uniform 10.0 26.0
// parameter: sun angle
// parameter: elevation uniform 0.3 0.9
// parameter: huts uniform 0.0 0.25
// parameter: mist uniform 0.0 0.6

float level(vec2 q) {
    q += warp * noise_offset(0.8 * q, salt + 1.0);
    return levels * (0.65 * fbm(0.8 * q, 3, 0.42, salt + 3.0) + 0.45 * (0.5 + 0.3 * dot(q - 20.0, unit_vector(slope))));
}

// Steps with steep walls and a low bank at each brink.
float relief(vec2 q) {
    float l = level(q), f = fract(l);
    float step_ = smoothstep(1.0 - wall, 1.0, f);
    float bank = 0.12 * smoothstep(0.1, 0.0, f) + 0.08 * smoothstep(0.0, 0.06, f) * smoothstep(0.12, 0.06, f);
    return height / levels * (floor(l) + step_ + bank);
}

vec3 shade(vec2 p) {
    vec2 q = scale * vec2(p.x, 1.2 * p.y) / (1.0 - tilt * p.y) + 20.0;
    vec3 light = light_direction(sun, elevation);
    float l = level(q), f = fract(l);
    int n = int(floor(l));
    vec3 normal = relief_normal(q, 0.014);
    float lit = relief_shadow(q, light, 0.35, 0.25, 6);
    vec2 cell = 1.3 * q + 4.0 * hash2(n, salt + 5.0);
    float plot = hash1(ivec2(int(floor(cell.x + 0.4 * cell.y)), n), salt + 6.0);
    float crop = 0.5 + 0.5 * sin(rows * (l / levels * 5.0 + 0.4 * q.x) + TURN * plot);
    float turf = fbm(5.0 * q, 3, 0.6, salt + 7.0);
    vec3 albedo = mix(soil(0.35 + 0.5 * plot), soil(0.15 + 0.6 * plot), 0.7 * crop) * (0.8 + 0.4 * turf);
    float is_wall = smoothstep(1.0 - wall, 1.0 - 0.7 * wall, f);
    albedo = mix(albedo, soil(0.12 + 0.3 * turf) * 0.85, is_wall);
    vec3 colour = shine(albedo, normal, light, lit, 0.32, 0.03, 6.0);
    bool pool = plot < flooded && f > 0.1 && is_wall < 0.05;
    if (pool) {
        float cloud = fbm(vec2(1.1, 1.6) * p + 9.0, 4, 0.5, salt + 8.0);
        vec3 sky = mix(water(0.45), mix(water_at(3), vec3(0.95), 0.5), smoothstep(0.35, 0.7, cloud));
        float reeds = smoothstep(0.55, 0.75, noise(17.0 * q, salt + 9.0)) * crop;
        colour = mix(sky * (0.55 + 0.45 * lit), albedo * 0.5, 0.15 + 0.6 * reeds);
        colour *= 0.75 + 0.25 * smoothstep(0.1, 0.2, f);
    }
    vec2 at = 2.2 * q, v = fract(at) - 0.5;
    vec3 h = hash3(ivec2(floor(at)), salt + 10.0);
    if (h.x < huts) {
        v = rotation(TURN * h.y) * (v - 0.3 * (h.yz - 0.5));
        vec2 sunward = rotation(TURN * h.y) * light.xy, s = abs(v + 0.08 * sunward) - vec2(0.16, 0.1);
        colour *= 1.0 - 0.55 * smoothstep(0.04, -0.02, max(s.x, s.y));
        vec2 w = abs(v) - vec2(0.16, 0.1);
        vec3 roof = water(0.3 + 0.5 * h.z) * (0.75 + 0.4 * sign(v.y) * normalize(sunward).y) * (0.9 + 0.2 * step(0.5, fract(22.0 * v.x)));
        colour = mix(colour, roof, smoothstep(0.015, -0.015, max(w.x, w.y)));
    }
    float veil = mist * smoothstep(0.45, 0.8, fbm(0.7 * p + 30.0, 4, 0.5, salt + 11.0) + 0.3 * p.y);
    return mix(colour, vec3(0.9, 0.92, 0.93), veil);
}
