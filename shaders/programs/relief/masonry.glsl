// title: Wall of bricks or blocks under flaking plaster
// licence: Apache-2.0
// cost: heavy
// include: noise, relief, shape
// parameter: brick palette
// parameter: plaster palette
// parameter: salt seed
// parameter: courses log_uniform 2.5 6.5
// parameter: aspect uniform 0.35 0.8
// parameter: bond integer 0 2
// parameter: joint uniform 0.03 0.09
// parameter: rough uniform 0.1 0.6
// parameter: cover uniform 0.15 0.75
// parameter: flake_scale log_uniform 0.7 2.2
// parameter: lip uniform 0.03 0.1
// parameter: sun angle
// parameter: elevation uniform 0.25 0.8
// parameter: tone_spread uniform 0.2 0.8
// parameter: damp uniform 0.0 0.8
// parameter: opening uniform -0.6 0.7
// parameter: opening_x uniform -0.6 0.6
// parameter: turn uniform -0.12 0.12

// Coordinates within a brick, and its place.
vec2 course(vec2 q, out ivec2 id) {
    vec2 b = q * courses * vec2(aspect, 1.0);
    float row = floor(b.y);
    b.x += bond < 0.5 ? 0.5 * mod(row, 2.0) : bond < 1.5 ? row / 3.0 : hash1(int(row), salt);
    id = ivec2(int(floor(b.x)), int(row));
    return (fract(b) - 0.5) / (courses * vec2(aspect, 1.0));
}

float coat(vec2 q) {
    float n = fbm(flake_scale * q + 3.0, 4, 0.5, salt + 2.0);
    return smoothstep(-0.012, 0.012, n - 1.0 + cover);
}

float relief(vec2 q) {
    ivec2 id;
    vec2 v = course(q, id);
    vec2 half_size = 0.5 / (courses * vec2(aspect, 1.0)) - joint;
    float d = box(v, half_size * 0.8) - 0.2 * min(half_size.x, half_size.y);
    float h = 0.05 * smoothstep(0.03, -0.02, d) + 0.03 * hash1(id, salt + 4.0) + 0.03 * rough * noise(9.0 * q, salt + 5.0);
    return mix(h, 0.07 + lip + 0.05 * rough * fbm(2.0 * q, 3, 0.5, salt + 6.0), coat(q));
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p + 5.0;
    ivec2 id;
    vec2 v = course(q, id), half_size = 0.5 / (courses * vec2(aspect, 1.0)) - joint;
    float d = box(v, half_size * 0.8) - 0.2 * min(half_size.x, half_size.y), on = coat(q);
    vec3 light = light_direction(sun, elevation);
    float grain = fbm(6.0 * q, 3, 0.6, salt + 7.0);
    vec3 clay = brick(0.4 + tone_spread * (hash1(id, salt + 8.0) - 0.4) + 0.3 * (grain - 0.5));
    vec3 albedo = mix(clay, plaster(0.45) * 0.7, smoothstep(-0.01, 0.02, d));
    float wash = fbm(0.9 * q + 8.0, 4, 0.55, salt + 9.0);
    albedo = mix(albedo, mix(plaster(0.95), plaster(0.65), wash), on);
    float wet = damp * smoothstep(0.45, 0.7, wash + 0.25 * (-p.y)) + 0.35 * damp * noise(vec2(9.0 * p.x, 0.8 * p.y), salt + 10.0);
    albedo *= 1.0 - 0.55 * saturate(wet);
    vec3 colour = shine(albedo, relief_normal(q, 0.01), light, relief_shadow(q, light, 0.16, 0.25, 4), 0.3, 0.04, 8.0);
    if (opening > 0.0) {  // a small window with a stone frame
        vec2 w = rotation(turn) * p - vec2(opening_x, 0.1);
        vec2 size = vec2(0.2 + 0.25 * opening, 0.3 + 0.25 * opening);
        float hole = box(w, size), frame = hole - 0.09;
        if (frame < 0.0) {
            vec3 stone = plaster(0.75) * (0.6 + 0.3 * dot(normalize(w / size + 1e-3), light.xy) + 0.35 * grain);
            vec2 bar = abs(w);
            vec3 glass = mix(plaster_at(0), plaster(0.55), 0.3 + 0.4 * noise(1.5 * p + w.y, salt + 11.0)) * (0.45 + 0.5 * smoothstep(0.0, -0.2, box(w + 0.12 * light.xy, size)));
            if (min(bar.x, abs(bar.y - 0.3 * size.y)) < 0.022) glass = brick(0.3) * 0.9;
            colour = hole < 0.0 ? glass : stone;
        }
        colour *= 1.0 - 0.3 * smoothstep(0.09, 0.0, frame) * step(0.0, frame);
    }
    return colour;
}
