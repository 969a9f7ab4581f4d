// title: Folded solid, lit like a monument
// licence: Apache-2.0
// cost: medium
// include: noise, march
// parameter: colours palette
// parameter: sky palette
// parameter: salt seed
// parameter: levels integer 2 5
// parameter: fold_x uniform 0.25 0.8
// parameter: fold_y uniform 0.15 0.7
// parameter: fold_z uniform 0.2 0.8
// parameter: turn_a uniform -0.9 0.9
// parameter: turn_b uniform -0.9 0.9
// parameter: growth uniform 1.15 1.7
// parameter: thickness uniform 0.15 0.5
// parameter: round_share uniform 0.0 0.12
// parameter: view angle
// parameter: eye_height uniform -0.3 2.2
// parameter: eye_distance uniform 3.3 5.4
// parameter: zoom uniform 1.3 2.6
// parameter: sun angle
// parameter: sun_height uniform 0.25 1.2
// parameter: pattern_scale log_uniform 0.8 5.0
// parameter: ground uniform -1.6 -0.6

float scene(vec3 q) {
    float base = q.y - ground, scale = 1.0;
    for (int i = ZERO; i < int(levels); i++) {
        q = abs(q) - vec3(fold_x, fold_y, fold_z) / (1.0 + 0.4 * float(i));
        q.xy = rotation(turn_a) * q.xy;
        q.xz = rotation(turn_b) * q.xz;
        q *= growth;
        scale *= growth;
    }
    vec3 d = abs(q) - thickness * vec3(1.0, 1.6, 0.7) * growth;
    float solid = (length(max(d, 0.0)) + min(max(d.x, max(d.y, d.z)), 0.0)) / scale - round_share * 0.3;
    return min(0.85 * solid, base);
}

vec3 shade(vec2 p) {
    vec3 eye = orbit(view, max(eye_height, ground + 0.25), eye_distance);
    vec3 ray = camera_ray(p, eye, vec3(0.0, 0.15 + 0.3 * ground, 0.0), zoom);
    vec3 light = normalize(vec3(cos(sun), sun_height, sin(sun)));
    float cloud = fbm(1.2 * ray.xz / (0.25 + abs(ray.y)), 3, 0.5, salt);
    vec3 back = mix(sky_at(3), sky(0.25 + 0.5 * cloud), saturate(1.4 * ray.y + 0.3));
    float t = march(eye, ray, 16.0, 60);
    if (t < 0.0) return back;
    vec3 q = eye + ray * t, normal = scene_normal(q, 0.003);
    bool on_ground = q.y < ground + 0.01;
    float grain = fbm(pattern_scale * q, 3, 0.55, salt + 9.0);
    vec3 albedo = on_ground ? sky(0.2 + 0.5 * grain) * 0.8 : colours(0.3 + 0.55 * grain + 0.2 * q.y);
    float sun_share = max(dot(normal, light), 0.0) * soft_shadow(q + 0.01 * normal, light, 9.0, 12);
    vec3 colour = albedo * (0.62 * (0.3 + 0.75 * openness(q, normal, 0.35)) * (0.8 + 0.2 * normal.y) + 0.85 * sun_share);
    return mix(back, colour, exp(-0.01 * t * t));
}
