// title: Sunflowers, seeds in crossing spirals, before leaves and sky
// licence: Apache-2.0
// cost: medium
// include: noise, spiral, shape
// parameter: rays_colours palette
// parameter: seeds palette
// parameter: leaf palette
// parameter: sky palette
// parameter: salt seed
// parameter: count integer 1 6
// parameter: size log_uniform 0.3 1.1
// parameter: disc uniform 0.4 0.68
// parameter: rays integer 13 30
// parameter: ray_width uniform 0.5 1.1
// parameter: arms integer 8 16
// parameter: tilt uniform 0.0 0.5
// parameter: hill uniform -1.2 0.6
// parameter: ripe uniform 0.0 1.0
// parameter: sun angle
// parameter: cloud_scale log_uniform 0.5 2.0
// parameter: leaf_size uniform 0.3 0.7

vec3 flower_head(vec3 colour, vec2 v, float size_, vec3 h) {
    float r = length(v), angle = atan(v.y, v.x), d_disc = r - disc;
    if (r > 1.15) return colour;
    vec2 light = unit_vector(sun);
    for (int layer = ZERO; layer < 2; layer++) {
        float a = angle * rays / TURN + 0.5 * float(layer) + h.x, id = mod(floor(a), rays), f = fract(a) - 0.5;
        vec2 g = hash2(ivec2(int(id), layer), salt + 3.0 + floor(99.0 * h.y));
        float reach = 0.82 + 0.18 * g.x - 0.06 * float(1 - layer), x = (r - 0.8 * disc) / (reach - 0.8 * disc);
        f += 0.25 * (g.y - 0.5) * x;
        float half_width = 0.62 * ray_width * sqrt(saturate(x + 0.25)) * pow(max(1.0 - x, 0.0), 0.6);
        float d = (abs(f) - half_width) * TURN * r / rays;
        vec3 petal = rays_colours(0.5 + 0.4 * x + 0.3 * (g.x - 0.5)) * (0.62 + 0.3 * dot(v, light) + 0.22 * float(layer) - 0.6 * f * sin(angle - sun));
        petal *= 1.0 - 0.25 * smoothstep(0.12, 0.02, abs(f));
        if (x < 1.0) colour = mix(colour, petal * (0.45 + 0.55 * smoothstep(0.0, 0.4, x)), inside(d, 2.0 * PIXEL / size_));
    }
    vec4 seed = spiral_lattice(v, arms, arms * 1.6 - mod(arms * 1.6, 1.0) + 1.0);
    float ring = r / disc, bump = 1.0 - smoothstep(0.1, 0.55, length(seed.xy)), tone = hash1(ivec2(seed.zw), salt + 4.0);
    float stage = smoothstep(ripe - 0.25, ripe + 0.2, ring);
    vec3 grain = mix(seeds(0.15 + 0.35 * tone), rays_colours(0.35 + 0.4 * tone), 0.85 * stage);
    vec3 heart = grain * (0.35 + 0.75 * bump) * (0.75 + 0.45 * dot(v / disc, light)) * (0.7 + 0.45 * abs(ring - 0.5));
    heart = mix(heart, leaf(0.6) * 0.8, smoothstep(0.22, 0.05, ring) * 0.7);
    return mix(colour, heart, inside(d_disc + 0.05 * (tone - 0.5), 2.0 * PIXEL / size_));
}

vec3 shade(vec2 p) {
    vec3 colour = mix(sky(0.85), sky(0.4), saturate(0.5 + 0.5 * p.y));
    colour = mix(colour, sky_at(3), smoothstep(0.45, 0.8, fbm(cloud_scale * p * vec2(1.0, 1.7), 4, 0.5, salt + 50.0)));
    float field = hill + 0.1 * noise(vec2(1.5 * p.x, 1.0), salt + 51.0), depth = 1.0 / (0.12 + max(field - p.y, 0.0));
    vec2 ground = vec2(p.x * depth * 2.0, 5.0 * depth);
    float dots = smoothstep(0.5, 0.75, noise(3.0 * ground, salt + 53.0));
    vec3 far = mix(leaf(0.2 + 0.6 * noise(1.7 * ground, salt + 52.0)), rays_colours(0.6), 0.7 * dots) * 0.75;
    colour = mix(colour, mix(far, sky_at(2), 0.5 * exp(-5.0 * max(field - p.y, 0.0))), inside(p.y - field, 0.02));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float near = (float(i) + 1.0) / count, s = size * mix(0.5, 1.0, near) * (0.8 + 0.4 * h.z);
        vec2 c = vec2((2.0 * h.x - 1.0) * (count < 1.5 ? 0.4 : 0.95), (0.55 - 0.8 * near) * (0.4 + h.y) + 0.15);
        float bow = p.x - c.x - 0.25 * s * (g.x - 0.5) * (c.y - p.y) * (c.y - p.y);
        vec3 stem = leaf(0.5) * (0.7 + 4.0 / s * bow * cos(sun));
        if (p.y < c.y) colour = mix(colour, stem, inside(abs(bow) - 0.07 * s, 1.5 * PIXEL));
        for (int k = ZERO; k < 4; k++) {
            float side = k % 2 == 0 ? 1.0 : -1.0, l = leaf_size * s * 1.3;
            vec2 v = rotation(0.5 - 0.9 * hash1(4 * i + k, salt + 5.0)) * ((vec2(bow, p.y) - vec2(0.0, c.y - s * (0.9 + 0.45 * float(k)))) * vec2(side, 1.0)) - vec2(l, 0.0);
            v.y += 0.3 * v.x * v.x / l;
            float d = lens(v, l, 0.5 * l), rib = smoothstep(0.05, 0.01, abs(v.y) / l) + 0.6 * smoothstep(0.2, 0.1, abs(fract(4.0 * (v.x - 0.8 * abs(v.y)) / l) - 0.5));
            vec3 green = leaf(0.35 + 0.35 * near + 0.3 * hash1(4 * i + k, salt + 6.0)) * (0.75 + 0.3 * sign(v.y) * side * sin(sun)) * (1.0 + 0.25 * rib);
            colour *= 1.0 - 0.35 * smoothstep(0.08, -0.05, d);
            colour = mix(colour, green * (0.6 + 0.4 * saturate(0.5 + v.x / l)), inside(d, 1.5 * PIXEL));
        }
        vec2 v = rotation(TURN * h.z) * (p - c) / s;
        v.y /= 1.0 - tilt * g.y;
        colour *= 1.0 - 0.35 * smoothstep(1.3, 0.7, length(v - 0.2 * unit_vector(sun)));
        colour = flower_head(colour, v, s, g);
    }
    return colour;
}
