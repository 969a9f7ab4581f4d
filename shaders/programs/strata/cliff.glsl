// title: Layered cliff, bent and broken by faults, under the sky
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: sky palette
// parameter: salt seed
// parameter: beds log_uniform 2.0 7.0
// parameter: dip uniform -0.6 0.6
// parameter: fold uniform 0.0 0.5
// parameter: fold_scale log_uniform 0.5 2.0
// parameter: faults uniform 0.0 0.4
// parameter: fault_turn uniform 0.8 2.2
// parameter: top uniform -0.1 1.4
// parameter: rough uniform 0.1 0.6
// parameter: relief uniform 0.2 1.0
// parameter: sun uniform 0.2 2.9
// parameter: scree uniform -0.4 0.5
// parameter: plants uniform 0.0 0.7
// parameter: stain uniform 0.0 0.7

float bed_height(vec2 p) {
    float side = dot(p, unit_vector(fault_turn));
    float slip = faults * (step(0.1, side) + step(-0.6, side) * 0.7 - step(0.75, side));
    float bend = fold * (2.0 * noise(fold_scale * vec2(p.x, 0.4 * p.y) + 3.0, salt) - 1.0);
    return beds * (p.y + dip * p.x + bend + slip) + 0.35 * (fbm(2.5 * p, 3, 0.5, salt + 1.0) - 0.5);
}

// x: tone of the bed, y: how far it stands out.
vec2 bed(vec2 p) {
    float level = bed_height(p);
    int id = int(floor(level));
    float f = fract(level), hard = hash1(id, salt + 2.0);
    float fine = noise(vec2(1.0, 6.0 * level), salt + 3.0);
    float ledge = hard * smoothstep(0.0, 0.12, f) * smoothstep(1.0, 0.8, f);
    return vec2(hash1(id, salt + 4.0) * 0.8 + 0.2 * fine, ledge + rough * fbm(p * vec2(4.0, 7.0), 4, 0.6, salt + 5.0));
}

vec3 shade(vec2 p) {
    float crest = top + 0.3 * (fbm(vec2(1.3 * p.x, 2.0), 5, 0.5, salt + 6.0) - 0.5);
    vec3 above = mix(sky(0.85), sky(0.4), saturate(p.y));
    above = mix(above, sky_at(3), smoothstep(0.45, 0.75, fbm(p * vec2(0.9, 1.8) + 9.0, 5, 0.52, salt + 7.0)));
    vec2 here = bed(p);
    float toward = bed(p + 0.025 * unit_vector(sun)).y;
    float lit = saturate(0.75 + relief * 2.2 * (here.y - toward) * 0.8);
    vec3 colour = colours(here.x + 0.12 * (noise(9.0 * p, salt + 8.0) - 0.5)) * (0.3 + 0.85 * lit);
    colour *= 1.0 - stain * 0.6 * smoothstep(0.5, 0.8, noise(vec2(5.0 * p.x, 0.7 * p.y), salt + 9.0));
    float green = smoothstep(1.0 - plants, 1.1 - plants, fbm(2.0 * p + 4.0, 4, 0.6, salt + 10.0) + 0.2 * here.y - 0.1);
    green = max(green, plants * smoothstep(0.1, 0.02, crest - p.y));
    colour = mix(colour, mix(sky(0.3), colours(0.45), 0.5) * (0.5 + 0.7 * noise(16.0 * p, salt + 11.0)), green);
    float talus = scree - 1.0 + 0.35 * fbm(vec2(1.5 * p.x, 7.0), 3, 0.5, salt + 12.0);
    vec2 rubble = 6.0 * p + noise_offset(3.0 * p, salt + 13.0);
    vec3 debris = colours(0.3 + 0.5 * hash1(ivec2(floor(rubble)), salt + 14.0)) * (0.6 + 0.5 * fract(rubble.y));
    colour = mix(colour, debris, inside(p.y - talus, 0.04));
    return mix(colour, above, inside(crest - p.y, 1.5 * PIXEL));
}
