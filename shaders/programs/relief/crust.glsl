// title: Dried mud, cracked into curling plates
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, relief
// parameter: colours palette
// parameter: salt seed
// parameter: scale log_uniform 0.8 2.4
// parameter: jitter uniform 0.5 1.0
// parameter: crack uniform 0.06 0.2
// parameter: curl uniform 0.0 0.25
// parameter: roughness uniform 0.02 0.25
// parameter: warp uniform 0.0 0.35
// parameter: sun angle
// parameter: elevation uniform 0.25 0.9
// parameter: plate_contrast uniform 0.0 0.8
// parameter: wet uniform 0.0 0.9
// parameter: tilt uniform -0.45 0.45

Cell plate(vec2 q) { return cells(q + warp * noise_offset(1.6 * q, salt), jitter, salt + 3.0); }

float relief(vec2 q) {
    Cell cell = plate(q);
    float top = smoothstep(0.0, crack, cell.edge);
    float curled = curl * exp(-5.0 * cell.edge) + 0.15 * hash1(cell.id, salt + 4.0);
    return 0.22 * top * (0.6 + curled) + roughness * 0.25 * fbm(3.0 * q, 3, 0.55, salt + 8.0);
}

vec3 shade(vec2 p) {
    vec2 q = scale * p * (1.0 + tilt * p.y) + 20.0;
    vec3 light = light_direction(sun, elevation);
    vec3 normal = relief_normal(q, 0.015);
    float lit = relief_shadow(q, light, 0.3, 0.3, 6);
    Cell cell = plate(q);
    float stain = fbm(0.7 * q, 4, 0.55, salt + 12.0);
    float tone = stain + plate_contrast * (hash1(cell.id, salt + 5.0) - 0.5);
    vec3 albedo = mix(colours_at(0) * 0.6, colours(0.25 + 0.75 * tone), smoothstep(0.0, crack, cell.edge));
    float pool = wet * smoothstep(0.55, 0.7, fbm(0.5 * q + 7.0, 3, 0.5, salt + 15.0));
    vec3 dry = shine(albedo, normal, light, lit, 0.3, 0.05, 10.0);
    return mix(dry, colours(0.6 + 0.2 * p.y) * 0.8, pool);
}
