// title: Cut agate with nested bands around crystal hollows
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: colours palette
// parameter: crust palette
// parameter: salt seed
// parameter: centre_x uniform -0.7 0.7
// parameter: centre_y uniform -0.7 0.7
// parameter: size uniform 0.6 1.3
// parameter: lobes uniform 0.1 0.6
// parameter: lobe_scale log_uniform 0.7 2.0
// parameter: bands log_uniform 4.0 14.0
// parameter: uneven uniform 0.1 0.8
// parameter: hollow uniform 0.05 0.45
// parameter: crystals log_uniform 4.0 12.0
// parameter: rim uniform 0.03 0.2
// parameter: level uniform -1.0 1.0
// parameter: ground_scale log_uniform 1.0 4.0
// parameter: sun angle
// parameter: second uniform -0.5 0.5

float nodule(vec2 p) {
    vec2 c = p - vec2(centre_x, centre_y);
    float d = length(c) - size;
    d = smooth_min(d, length(c + 1.3 * size * unit_vector(sun)) - size * second, 0.4);
    return d + lobes * (fbm(lobe_scale * p + 6.0, 4, 0.42, salt) - 0.5);
}

vec3 shade(vec2 p) {
    float d = nodule(p), depth = -d / size;
    vec3 rock = crust(0.25 + 0.55 * fbm(ground_scale * p, 4, 0.6, salt + 1.0)) * (0.8 + 0.2 * dot(p, unit_vector(sun)));
    vec3 colour = rock * (1.0 - 0.5 * smoothstep(0.2, 0.0, d));
    float flat_ = smoothstep(0.0, 0.15, level - p.y) * step(0.25, depth);  // level beds at the bottom of some nodules
    float layer = mix(depth + 0.03 * (noise(5.0 * p, salt + 2.0) - 0.5), 0.4 + 0.8 * (p.y - level), flat_ * step(-0.4, level));
    float course = bands * (layer + uneven * 0.3 * noise(vec2(2.0, 5.0 * layer), salt + 3.0));
    float tone = mix(noise(vec2(course * 1.3, 1.0), salt + 4.0), zigzag(course), 0.4);
    vec3 band = colours(tone) * (0.9 + 0.2 * noise(vec2(40.0 * layer, 2.0), salt + 5.0));
    vec2 q = crystals * p;
    vec3 h = hash3(ivec2(floor(q + noise_offset(q, salt + 6.0))), salt + 7.0);
    vec3 quartz = mix(colours_at(3), crust(0.6), h.x) * (0.55 + 0.7 * h.y) + 0.25 * step(0.85, h.z);
    band = mix(band, quartz, smoothstep(0.02, -0.02, 1.0 - hollow - 0.25 - depth * 0.9));
    vec3 shell = crust(0.8 + 0.2 * noise(20.0 * p, salt + 8.0));
    band = mix(shell, band, smoothstep(rim * 0.7, rim, -d));
    return mix(colour, band, inside(d, 1.5 * PIXEL));
}
