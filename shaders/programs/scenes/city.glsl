// title: Blocks of a city, with windows
// licence: Apache-2.0
// cost: heavy
// include: noise, march
// parameter: colours palette
// parameter: sky palette
// parameter: salt seed
// parameter: fill uniform 0.28 0.44
// parameter: height log_uniform 0.7 3.0
// parameter: spread uniform 0.2 1.0
// parameter: view angle
// parameter: eye_height uniform 0.15 2.2
// parameter: pitch uniform -0.7 0.1
// parameter: zoom uniform 1.0 2.5
// parameter: sun angle
// parameter: sun_height uniform 0.3 1.2
// parameter: floors log_uniform 2.0 5.0
// parameter: window_share uniform 0.2 0.7
// parameter: window_light uniform -0.5 0.8
// parameter: haze log_uniform 0.006 0.08
// parameter: park uniform 0.0 0.35

float tower(ivec2 lot) {
    float h = hash1(lot, salt);
    return h < park ? 0.02 : height * (1.0 - spread + spread * h * h * 1.6) + 0.1;
}

// Exact inside the lot; a step never leaves the lot by more than a hair, so no building is jumped over.
float scene(vec3 q) {
    ivec2 lot = ivec2(floor(q.xz));
    vec2 c = fract(q.xz) - 0.5;
    vec3 half_size = vec3(fill, tower(lot), fill * (0.7 + 0.3 * hash1(lot, salt + 1.0)));
    vec3 d = abs(vec3(c.x, q.y, c.y)) - half_size;
    float block = length(max(d, 0.0)) + min(max(d.x, max(d.y, d.z)), 0.0);
    float border = 0.5 - max(abs(c.x), abs(c.y)) + 0.06;
    return min(min(block, q.y), max(border, q.y - 1.7 * height - 0.2));
}

vec3 shade(vec2 p) {
    vec3 eye = vec3(0.02, eye_height + 0.6 * height, 0.02);
    vec3 ray = camera_ray(p, eye, eye + vec3(cos(view), pitch, sin(view)), zoom);
    vec3 light = normalize(vec3(cos(sun), sun_height, sin(sun)));
    float cloud = fbm(1.5 * ray.xz / (0.2 + abs(ray.y)), 4, 0.5, salt + 60.0);
    vec3 above = mix(sky_at(3), sky(0.3 + 0.4 * cloud), saturate(2.0 * ray.y + 0.2));
    float t = march(eye, ray, 40.0, 72);
    if (t < 0.0) return above;
    vec3 q = eye + ray * t, normal = scene_normal(q, 0.004);
    ivec2 lot = ivec2(floor(q.xz));
    vec3 albedo = colours(hash1(lot, salt + 4.0)) * 0.9;
    float glow = 0.0;
    if (abs(normal.y) < 0.5 && q.y > 0.05) {
        vec2 wall = vec2(abs(normal.x) > 0.5 ? q.z : q.x, q.y) * floors;
        vec2 f = abs(fract(wall) - 0.5);
        float pane = step(max(f.x, f.y), 0.5 * window_share + 0.1);
        float on = step(hash1(ivec2(floor(wall)) + lot * 37, salt + 5.0), window_light);
        albedo = mix(albedo, colours_at(0) * 0.6, pane * exp(-0.02 * t * t));
        glow = pane * on * 0.8 * exp(-0.02 * t * t);
    } else if (q.y < 0.03) {
        albedo = mix(vec3(0.3), sky_at(1), 0.4) * (0.8 + 0.4 * noise(6.0 * q.xz, salt + 6.0));
    }
    float sun_share = max(dot(normal, light), 0.0) * soft_shadow(q + 0.01 * normal, light, 12.0, 14);
    vec3 colour = albedo * (0.55 * (0.45 + 0.6 * saturate(q.y / height)) * (0.8 + 0.2 * normal.y) + 0.85 * sun_share);
    colour = mix(colour, vec3(0.95, 0.85, 0.6), glow);
    return mix(sky_at(3), colour, exp(-haze * t * t));
}
