// title: A crown of small leaves before an open sky
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: colours palette
// parameter: sky palette
// parameter: salt seed
// parameter: density log_uniform 2.5 7.0
// parameter: layers integer 3 6
// parameter: leaf_length uniform 0.45 0.9
// parameter: slender uniform 0.25 0.6
// parameter: droop uniform -1.0 1.0
// parameter: disorder uniform 0.2 1.0
// parameter: cover uniform 0.42 0.68
// parameter: crown_scale log_uniform 0.7 2.2
// parameter: sun angle
// parameter: depth_shade uniform 0.3 0.8
// parameter: cloud_scale log_uniform 0.5 2.0

vec3 shade(vec2 p) {
    float cloud = fbm(cloud_scale * p * vec2(1.0, 1.8), 4, 0.5, salt + 90.0);
    vec3 colour = mix(sky(0.9 - 0.25 * p.y), sky_at(3), smoothstep(0.45, 0.8, cloud));
    for (int layer = ZERO; layer < int(layers); layer++) {
        float key = salt + 11.0 * float(layer), front = float(layer + 1) / layers;
        vec2 q = density * (1.15 - 0.3 * front) * p + 4.3 * float(layer) + 30.0;
        ivec2 cell = ivec2(floor(q));
        for (int k = ZERO; k < 9; k++) {
            ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
            vec3 h = hash3(id, key);
            vec2 centre = vec2(id) + h.xy;
            float crown = fbm(crown_scale * (centre - 4.3 * float(layer) - 30.0) / density, 2, 0.5, salt + 80.0);
            if (crown < 1.0 - cover - 0.1 + 0.12 * h.z) continue;
            vec2 v = rotation(droop + disorder * TURN * (h.z - 0.5)) * (q - centre);
            float d = lens(v, leaf_length, leaf_length * slender);
            float lit = 0.5 + 0.5 * dot(unit_vector(sun), unit_vector(TURN * h.z)) * sign(v.y) * 0.8;
            vec3 leaf = colours(0.15 + 0.45 * hash1(id, key + 1.0) + 0.35 * lit * front);
            leaf *= mix(1.0 - depth_shade, 1.1, front * (0.5 + 0.5 * smoothstep(0.45, 0.8, crown)));
            leaf *= 1.0 - 0.25 * smoothstep(0.06, 0.0, abs(v.y));
            colour = mix(colour, leaf, inside(d, 1.5 * PIXEL * density));
        }
    }
    return colour;
}
