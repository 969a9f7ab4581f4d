// title: Columns and arches receding into mist
// licence: Apache-2.0
// cost: heavy
// include: noise, march
// parameter: colours palette
// parameter: floor_colours palette
// parameter: salt seed
// parameter: spacing uniform 2.0 3.6
// parameter: radius uniform 0.18 0.42
// parameter: sides integer 3 10
// parameter: fluting uniform 0.0 0.06
// parameter: ceiling uniform 1.4 3.5
// parameter: roof uniform -1.0 1.0
// parameter: view angle
// parameter: pitch uniform -0.35 0.35
// parameter: eye_height uniform 0.5 1.3
// parameter: zoom uniform 0.9 1.8
// parameter: sun angle
// parameter: sun_height uniform 0.4 1.3
// parameter: haze log_uniform 0.008 0.06
// parameter: tiles log_uniform 0.7 3.0
// parameter: veins log_uniform 1.0 5.0

float scene(vec3 q) {
    vec2 c = mod(q.xz + 0.5 * spacing, spacing) - 0.5 * spacing;
    float angle = atan(c.y, c.x), r = length(c);
    float column = r * cos(mod(angle, TURN / sides) - PI / sides) - radius * (1.0 + 0.15 * smoothstep(1.0, 0.0, q.y)) + fluting * sin(2.0 * sides * angle);
    float ends = min(q.y, ceiling - q.y);
    column = min(column, max(max(abs(c.x), abs(c.y)) - 1.5 * radius, ends - 0.16));
    float d = min(column * 0.8, q.y);
    if (roof > 0.0) d = min(d, max(ceiling - q.y, min(0.55 * spacing - r, 9.0) * 0.8));
    return d;
}

vec3 shade(vec2 p) {
    vec3 eye = vec3(0.5 * spacing + 0.1, eye_height, 0.5 * spacing);
    vec3 ray = camera_ray(p, eye, eye + vec3(cos(view), pitch, sin(view)), zoom);
    vec3 light = normalize(vec3(cos(sun), sun_height, sin(sun)));
    vec3 sky = mix(colours_at(3), floor_colours(0.5), saturate(0.5 + ray.y));
    float t = march(eye, ray, 26.0, 64);
    if (t < 0.0) return sky;
    vec3 q = eye + ray * t, normal = scene_normal(q, 0.004);
    ivec2 tile = ivec2(floor(q.xz * tiles));
    vec2 joint = abs(fract(q.xz * tiles) - 0.5);
    vec3 paving = floor_colours(hash1(tile, salt)) * (1.0 - 0.4 * smoothstep(0.46, 0.48, max(joint.x, joint.y)));
    ivec2 place = ivec2(floor(q.xz / spacing + 0.5));
    vec3 stone = colours(0.42 + 0.4 * hash1(place, salt + 3.0) + 0.7 * (fbm(veins * q, 3, 0.55, salt + 5.0) - 0.5));
    vec3 albedo = q.y < 0.01 ? paving : stone;
    float sun_share = max(dot(normal, light), 0.0) * soft_shadow(q + 0.02 * normal, light, 9.0, 14);
    vec3 colour = albedo * (0.7 * (0.4 + 0.6 * openness(q, normal, 0.4)) * (0.75 + 0.25 * normal.y) + 0.9 * sun_share);
    return mix(sky, colour, exp(-haze * t * t));
}
