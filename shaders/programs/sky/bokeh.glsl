// title: Lights out of focus behind a sharp twig or rail
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: colours palette
// parameter: back palette
// parameter: salt seed
// parameter: scale log_uniform 1.0 3.0
// parameter: layers integer 2 5
// parameter: size uniform 0.25 0.5
// parameter: blades integer 5 10
// parameter: round_share uniform 0.0 1.0
// parameter: softness uniform 0.02 0.4
// parameter: ring uniform 0.0 0.7
// parameter: brightness uniform 0.35 0.85
// parameter: band uniform -0.5 0.6
// parameter: band_width uniform 0.3 1.5
// parameter: ground_scale log_uniform 0.4 1.5
// parameter: front uniform -0.5 1.0
// parameter: front_turn uniform -0.6 0.6
// parameter: front_width uniform 0.03 0.15

vec3 shade(vec2 p) {
    float haze = fbm(ground_scale * p + 4.0, 3, 0.45, salt);
    vec3 colour = back(0.25 + 0.5 * haze + 0.15 * p.y) * 0.85;
    for (int layer = ZERO; layer < int(layers); layer++) {
        float key = salt + 5.0 * float(layer), zoom = scale * (1.6 - 0.25 * float(layer));
        vec2 q = rotation(0.7 * float(layer)) * p * zoom + 9.0;
        ivec2 cell = ivec2(floor(q));
        for (int k = ZERO; k < 9; k++) {
            ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
            vec3 h = hash3(id, key);
            vec2 centre = vec2(id) + h.xy, v = q - centre;
            float place = (transpose(rotation(0.7 * float(layer))) * ((centre - 9.0) / zoom)).y;
            float r = size * (0.5 + 0.5 * h.z);
            float d = mix(polygon(v, blades, r), length(v) - r, round_share) / r;
            float disc = smoothstep(softness, -softness, d) * (1.0 - ring * 0.6 * smoothstep(0.0, -0.7, d));
            float power = brightness * exp(-pow((place - band) / band_width, 2.0)) * step(0.35, hash1(id, key + 1.0));
            vec3 light = mix(colours(0.45 + 0.6 * hash1(id, key + 2.0)), vec3(1.0), 0.15);
            colour = 1.0 - (1.0 - colour) * (1.0 - light * power * disc);
        }
    }
    if (front > 0.0) {
        vec2 q = rotation(front_turn) * p + vec2(0.0, 0.5 * front + 0.08 * sin(3.0 * p.x + TURN * hash1(2, salt)));
        float d = abs(q.y) - front_width * (1.0 + 0.4 * (noise(vec2(5.0 * q.x, 2.0), salt + 30.0) - 0.5));
        for (int i = ZERO; i < 4; i++) {
            vec2 h = hash2(i, salt + 31.0);
            vec2 s = q - vec2(2.2 * h.x - 1.1, 0.0);
            d = min(d, segment(s, vec2(0.0), (0.3 + 0.5 * h.y) * unit_vector(i % 2 == 0 ? 1.1 : -1.1)) - 0.35 * front_width);
        }
        vec3 wood = back(0.1 + 0.4 * noise(q * vec2(6.0, 40.0), salt + 32.0)) * (0.75 - 0.3 * clamp(q.y / front_width, -1.0, 1.0));
        colour = mix(colour, wood, inside(d, 1.5 * PIXEL));
    }
    return colour;
}
