// title: Bubbles of many sizes, thin skins shining
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: colours palette
// parameter: back palette
// parameter: salt seed
// parameter: scale log_uniform 0.7 2.0
// parameter: layers integer 2 5
// parameter: growth uniform 1.3 1.9
// parameter: size uniform 0.3 0.55
// parameter: clear uniform 0.1 0.8
// parameter: rim uniform 0.05 0.25
// parameter: film uniform 0.0 1.0
// parameter: sun angle
// parameter: spacing uniform 0.4 0.95
// parameter: ground_scale log_uniform 0.4 2.5
// parameter: gather uniform 0.0 1.0

vec3 shade(vec2 p) {
    vec3 colour = back(0.5 + 0.35 * p.y + 0.5 * (fbm(ground_scale * p, 3, 0.5, salt) - 0.5));
    float zoom = scale * pow(growth, layers - 1.0);
    for (int layer = ZERO; layer < int(layers); layer++) {
        vec2 q = zoom * p + 5.3 * float(layer) + 20.0;
        ivec2 cell = ivec2(floor(q));
        float key = salt + 13.0 * float(layer);
        for (int k = ZERO; k < 9; k++) {
            ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
            vec3 h = hash3(id, key);
            vec2 centre = vec2(id) + 0.2 + 0.6 * h.xy;
            float crowd = fbm(0.8 * (centre - 5.3 * float(layer) - 20.0) / zoom, 2, 0.5, salt + 90.0);
            if (h.z > mix(spacing, 2.0 * spacing * smoothstep(0.35, 0.65, crowd), gather)) continue;
            float r = size * (0.5 + 0.5 * hash1(id, key + 1.0)) * 1.25;
            vec2 v = (q - centre) / r;
            float d = length(v);
            if (d > 1.15) continue;
            float up = sqrt(max(1.0 - d * d, 0.0));
            float sheen = film * (noise(2.5 * v + 9.0 * h.xy, key + 2.0) - 0.5);
            vec3 skin = colours(0.3 + 0.5 * d + sheen + 0.3 * (h.z - 0.5));
            float body = mix(1.0 - clear, 1.0, smoothstep(1.0 - 2.0 * rim, 1.0, d));
            vec3 bubble = mix(colour * (0.8 + 0.35 * dot(v, unit_vector(sun))), skin * (0.6 + 0.5 * up), body);
            vec2 spot = v - 0.5 * unit_vector(sun);
            bubble += 0.8 * smoothstep(0.25, 0.05, length(spot)) + 0.25 * smoothstep(0.3, 0.0, length(v + 0.55 * unit_vector(sun)));
            colour = mix(colour, bubble, inside(d - 1.0, 1.5 * PIXEL * zoom / r));
        }
        zoom /= growth;
    }
    return colour;
}
