// title: Stairs between walls, with posts and a door at the top
// licence: Apache-2.0
// cost: heavy
// include: noise, march
// parameter: stone palette
// parameter: wall palette
// parameter: salt seed
// parameter: rise uniform 0.12 0.26
// parameter: run uniform 0.24 0.5
// parameter: flight integer 5 14
// parameter: width uniform 0.7 1.6
// parameter: left_wall uniform -0.3 2.2
// parameter: right_wall uniform -0.3 2.2
// parameter: posts uniform 0.0 1.0
// parameter: view uniform -0.7 0.7
// parameter: eye_height uniform 0.4 2.4
// parameter: eye_back uniform 0.4 2.0
// parameter: look uniform -0.8 0.0
// parameter: zoom uniform 1.2 2.1
// parameter: sun angle
// parameter: sun_height uniform 0.4 1.4
// parameter: worn uniform 0.0 0.05
// parameter: tone_step uniform 0.0 0.6

float slab(vec3 q, vec3 half_size) {
    vec3 d = abs(q) - half_size;
    return length(max(d, 0.0)) + min(max(d.x, max(d.y, d.z)), 0.0);
}

float scene(vec3 q) {
    float top = rise * flight, end = run * flight, dip = worn * exp(-4.0 * q.x * q.x / (width * width));
    float i = clamp(floor(q.z / run), 0.0, flight);
    float d = q.y;
    for (int k = ZERO; k < 3; k++) {
        float n = clamp(i + float(k) - 1.0, 0.0, flight), h = rise * min(n + 1.0, flight);
        float deep = n > flight - 0.5 ? 4.0 : run;
        d = min(d, slab(q - vec3(0.0, 0.5 * h - dip, n * run + 0.5 * deep), vec3(width, 0.5 * h, 0.5 * deep)));
    }
    float slope = rise / run, line = clamp(q.z, -0.5, end) * slope;
    if (left_wall > 0.0) d = min(d, max(abs(q.x + width + 0.12) - 0.12, (q.y - max(line, 0.0) - left_wall) * 0.75));
    if (right_wall > 0.0) d = min(d, max(abs(q.x - width - 0.12) - 0.12, (q.y - max(line, 0.0) - right_wall) * 0.75));
    if (posts > 0.4) {
        float n = clamp(floor(q.z / (2.0 * run)), 0.0, floor(0.5 * flight));
        vec3 c = q - vec3(0.0, 0.0, (n + 0.5) * 2.0 * run);
        c.x = abs(c.x) - width + 0.1;
        float base = rise * (2.0 * n + 1.0);
        d = min(d, max(length(c.xz) - 0.035, abs(q.y - base - 0.35) - 0.4));
        d = min(d, max(length(vec2(c.x, (q.y - line - rise - 0.68) * 0.85)) - 0.05, abs(q.z - 0.5 * end) - 0.5 * end));
    }
    float back = end + 2.2 - q.z;
    vec2 door = vec2(abs(q.x - 0.2 * width) - 0.42, q.y - top - 1.25);
    return min(d, max(back, -max(max(door.x, door.y), -(back + 0.5))));
}

vec3 shade(vec2 p) {
    vec3 eye = vec3(0.75 * width * view, eye_height, -eye_back);
    vec3 ray = camera_ray(p, eye, vec3(-0.35 * width * view, eye_height + look + 0.35 * rise * flight, 0.4 * run * flight), zoom);
    vec3 light = normalize(vec3(cos(sun), 1.2 * sun_height, 0.8 * sin(sun) - 0.4));
    vec3 sky = mix(wall_at(3), wall(0.5), saturate(ray.y + 0.3));
    float t = march(eye, ray, 16.0, 72);
    if (t < 0.0) return sky;
    vec3 q = eye + ray * t, normal = scene_normal(q, 0.003);
    bool at_stair = abs(q.x) < width + 0.001;
    float grain = fbm(3.0 * q, 4, 0.6, salt);
    vec3 albedo;
    if (at_stair && q.z < run * flight + 2.1) {
        float n = floor(q.z / run + (normal.z < -0.5 ? 0.5 : 0.0));
        albedo = stone(0.5 + 0.5 * (grain - 0.4) + tone_step * (hash1(ivec2(int(n), int(floor(1.5 * q.x))), salt + 1.0) - 0.5));
        albedo *= normal.z < -0.5 ? 0.7 : 1.1;
    } else {
        vec2 b = (abs(normal.x) > 0.5 ? q.zy : abs(normal.z) > 0.5 ? q.xy : q.xz) * vec2(1.0, 2.0);
        b.x += 0.5 * mod(floor(b.y), 2.0);
        vec2 f = abs(fract(b) - 0.5);
        albedo = wall(0.4 + 0.2 * hash1(ivec2(floor(b)), salt + 2.0) + 0.25 * (grain - 0.5)) * (1.0 - 0.3 * smoothstep(0.43, 0.48, max(f.x, f.y)));
        if (q.z > run * flight + 2.25) albedo = stone(0.15 + 0.25 * step(0.5, fract(3.0 * q.x))) * 0.6;
    }
    float sun_share = max(dot(normal, light), 0.0) * soft_shadow(q + 0.01 * normal, light, 10.0, 16);
    vec3 colour = albedo * (0.5 * (0.3 + 0.8 * openness(q, normal, 0.3)) * (0.8 + 0.2 * normal.y) + 1.15 * sun_share);
    return mix(sky, colour, exp(-0.006 * t * t));
}
