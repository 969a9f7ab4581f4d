// title: Drops on a window, each with the view upside down
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: lamps palette
// parameter: salt seed
// parameter: horizon uniform -0.5 0.4
// parameter: lights log_uniform 1.0 3.0
// parameter: blur uniform 0.1 0.5
// parameter: drops log_uniform 1.5 4.5
// parameter: layers integer 1 3
// parameter: size uniform 0.25 0.48
// parameter: density uniform 0.3 0.9
// parameter: runs uniform 0.0 0.5
// parameter: steam uniform 0.0 0.7
// parameter: sun angle
// parameter: bend uniform 0.6 1.6

vec3 view(vec2 p) {
    vec3 colour = p.y > horizon ? colours(0.6 + 0.35 * (p.y - horizon)) : colours(0.3 + 0.2 * (p.y - horizon));
    colour = mix(colours(0.45), colour, smoothstep(0.0, 2.0 * blur, abs(p.y - horizon)));
    colour *= 0.75 + 0.5 * fbm(1.3 * p + 5.0, 2, 0.5, salt);
    vec2 q = lights * p + 20.0;
    ivec2 cell = ivec2(floor(q));
    for (int k = ZERO; k < 9; k++) {
        ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
        vec3 h = hash3(id, salt + 1.0);
        float near_line = exp(-2.0 * abs((float(id.y) + h.y - 20.0) / lights - horizon));
        colour += step(h.z, 0.55) * near_line * lamps(0.5 + 0.5 * h.x) * 0.7 * smoothstep(blur + 0.25, 0.1, length(q - vec2(id) - h.xy));
    }
    return colour;
}

vec3 shade(vec2 p) {
    vec2 where_ = p, tilt = vec2(0.0);
    float wet = 0.0;
    for (int layer = ZERO; layer < int(layers); layer++) {
        float key = salt + 20.0 + 7.0 * float(layer);
        vec2 q = drops * (1.0 + 0.7 * float(layer)) * p + 8.0;
        float column = floor(q.x);
        bool running = hash1(int(column), key) < runs;
        if (running) q.y *= 0.35;
        vec2 jitter_ = hash2(ivec2(floor(q)), key + 1.0);
        vec2 v = fract(q) - 0.5 - 0.35 * (jitter_ - 0.5);
        v *= vec2(1.0, running ? 1.8 : 0.85 + 0.3 * jitter_.x);
        v += 0.1 * (noise(5.0 * q, key + 2.0) - 0.5);
        float r = size * (0.4 + 0.6 * fract(9.0 * jitter_.y)) * (running ? 0.6 : 1.0);
        if (hash1(ivec2(floor(q)), key + 3.0) > density || length(v) > r) continue;
        tilt = v / r;
        where_ = p - bend * tilt;
        wet = 1.0;
    }
    vec3 colour = view(where_);
    colour = mix(colour, vec3(dot(view(p), vec3(0.33))) * 0.6 + 0.35, steam * (1.0 - wet));
    float d = length(tilt);
    colour *= 1.0 - wet * 0.55 * smoothstep(0.75, 1.0, d) * saturate(0.6 - dot(tilt, unit_vector(sun)));
    return colour + wet * 0.7 * smoothstep(0.3, 0.12, length(tilt - 0.5 * unit_vector(sun)));
}
