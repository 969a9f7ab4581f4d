// title: Painted view in visible brush strokes
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: colours palette
// parameter: sky palette
// parameter: salt seed
// parameter: strokes log_uniform 3.0 7.0
// parameter: layers integer 2 4
// parameter: slender uniform 0.15 0.4
// parameter: flow_scale log_uniform 0.4 1.5
// parameter: swirl uniform 0.3 2.5
// parameter: bristles log_uniform 6.0 20.0
// parameter: impasto uniform 0.1 0.6
// parameter: horizon uniform -0.4 0.5
// parameter: hills uniform 0.05 0.5
// parameter: sun_x uniform -0.8 0.8
// parameter: sun_y uniform 0.1 0.9
// parameter: sun_size uniform 0.05 0.4
// parameter: uneven uniform 0.05 0.3
// parameter: river uniform -0.2 0.3

vec3 view(vec2 p) {
    float ridge = horizon + hills * (fbm(vec2(1.1 * p.x, 1.0), 3, 0.5, salt + 40.0) - 0.3);
    float near = horizon - 0.25 + 0.3 * (fbm(vec2(1.5 * p.x, 5.0), 3, 0.5, salt + 41.0) - 0.5);
    float sun = length(p - vec2(sun_x, max(sun_y, horizon + 0.2))) - sun_size;
    vec3 colour = sky(0.85 - 0.5 * (p.y - horizon) + 0.35 * (fbm(1.2 * p + 6.0, 3, 0.5, salt + 42.0) - 0.5));
    colour = mix(colour, vec3(0.98, 0.9, 0.7), smoothstep(0.05, -0.02, sun) + 0.35 * exp(-4.0 * max(sun, 0.0)));
    if (p.y < ridge) colour = mix(sky(0.35), colours(0.3), 0.5);
    if (p.y < near) colour = colours(0.25 + 0.6 * fbm(p * vec2(1.2, 3.0), 3, 0.5, salt + 43.0));
    if (p.y < near && abs(p.x - sun_x * 0.6 + 0.3 * sin(4.0 * p.y)) < river * (near - p.y)) colour = sky(0.9);
    return colour;
}

vec3 shade(vec2 p) {
    vec2 top_centre = p;
    float tone = 1.0;
    for (int layer = ZERO; layer < int(layers); layer++) {
        float key = salt + 9.0 * float(layer), zoom = strokes * (0.7 + 0.45 * float(layer));
        vec2 q = zoom * p + 3.1 * float(layer) + 20.0;
        ivec2 cell = ivec2(floor(q));
        for (int k = ZERO; k < 9; k++) {
            ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
            vec3 h = hash3(id, key);
            vec2 centre = (vec2(id) + h.xy - 3.1 * float(layer) - 20.0) / zoom;
            float turn = swirl * TURN * 0.5 * (noise(flow_scale * centre + 9.0, salt + 44.0) - 0.5) + 0.5 * (h.z - 0.5);
            vec2 v = rotation(-turn) * (p - centre) * zoom;
            if (max(abs(v.x) - 0.95, abs(v.y) - slender) > 0.0) continue;
            float bristle = noise(vec2(1.5 * v.x + 7.0 * h.x, bristles * v.y + 30.0 * h.y), key + 1.0);
            if (abs(v.x) > 0.8 + 0.3 * (bristle - 0.5) || abs(v.y) > slender * (1.0 - 0.3 * v.x * v.x)) continue;
            top_centre = centre;  // later strokes cover earlier ones
            tone = (1.0 + 2.0 * uneven * (h.z - 0.5)) * (1.0 + impasto * (bristle - 0.5 + 0.3 * v.y / slender));
        }
    }
    return view(top_centre) * tone;
}
