// title: Melting drops, polished or matte
// licence: Apache-2.0
// cost: heavy
// include: noise, march
// parameter: colours palette
// parameter: room palette
// parameter: salt seed
// parameter: count integer 3 7
// parameter: size uniform 0.3 0.7
// parameter: spread uniform 0.5 1.1
// parameter: melt log_uniform 0.08 0.8
// parameter: dents uniform 0.0 0.12
// parameter: dent_scale log_uniform 3.0 9.0
// parameter: view angle
// parameter: eye_height uniform -0.8 2.2
// parameter: eye_distance uniform 2.4 4.4
// parameter: zoom uniform 1.6 2.8
// parameter: sun angle
// parameter: sun_height uniform 0.2 1.2
// parameter: mirror uniform 0.0 0.8
// parameter: pattern_scale log_uniform 0.8 5.0
// parameter: ground uniform -1.6 -0.5
// parameter: room_scale log_uniform 0.6 3.0

float blob(vec3 q) {
    float d = 9.0;
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt);
        d = smooth_min(d, length(q - spread * (2.0 * h - 1.0)) - size * (0.5 + 0.8 * hash1(i, salt + 1.0)), melt);
    }
    return d + dents * sin(dent_scale * q.x) * sin(dent_scale * q.y) * sin(dent_scale * q.z);
}

float scene(vec3 q) { return min(0.8 * blob(q), q.y - ground); }

vec3 surroundings(vec3 ray) {
    float bands = noise(room_scale * ray.xz / (0.25 + abs(ray.y)), salt + 20.0);
    vec3 colour = room(saturate(0.5 + 0.4 * ray.y + 0.5 * (bands - 0.5)));
    return colour + 0.5 * smoothstep(0.1, 0.05, abs(abs(ray.x) - 0.5)) * smoothstep(0.3, 0.6, ray.y);
}

vec3 shade(vec2 p) {
    vec3 eye = orbit(view, max(eye_height, ground + 0.3), eye_distance);
    vec3 ray = camera_ray(p, eye, vec3(0.0, -0.1, 0.0), zoom);
    vec3 light = normalize(vec3(cos(sun), sun_height, sin(sun)));
    vec3 back = surroundings(ray);
    float t = march(eye, ray, 14.0, 52);
    if (t < 0.0) return back;
    vec3 q = eye + ray * t, normal = scene_normal(q, 0.004);
    bool on_ground = q.y < ground + 0.01;
    float tone = on_ground ? fbm(room_scale * q.xz, 3, 0.5, salt + 30.0) : fbm(pattern_scale * q, 3, 0.5, salt + 40.0);
    vec3 albedo = on_ground ? room(0.2 + 0.6 * tone) : colours(tone);
    float sun_share = max(dot(normal, light), 0.0) * soft_shadow(q + 0.01 * normal, light, 7.0, 12);
    vec3 colour = albedo * (0.55 * (0.35 + 0.7 * openness(q, normal, 0.4)) + 0.8 * sun_share);
    vec3 bounce = reflect(ray, normal);
    float fresnel = mirror * (0.25 + 0.75 * pow(1.0 - max(dot(normal, -ray), 0.0), 3.0)) * (on_ground ? 0.3 : 1.0);
    colour = mix(colour, surroundings(bounce), fresnel);
    colour += mirror * pow(max(dot(bounce, light), 0.0), 40.0) * step(0.05, sun_share);
    return mix(back, colour, exp(-0.008 * t * t));
}
