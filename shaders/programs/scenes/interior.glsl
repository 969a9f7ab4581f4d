// title: A room with a window, pictures and a ball or two
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: walls palette
// parameter: things palette
// parameter: salt seed
// parameter: width uniform 1.2 2.6
// parameter: ceiling uniform 1.2 2.2
// parameter: depth uniform 2.5 5.5
// parameter: turn uniform -0.6 0.6
// parameter: pitch uniform -0.35 0.1
// parameter: eye_x uniform -0.6 0.6
// parameter: zoom uniform 0.8 1.5
// parameter: boards log_uniform 1.0 5.0
// parameter: floor_kind integer 0 2
// parameter: wall_stripes log_uniform 1.0 6.0
// parameter: wall_pattern uniform -0.3 0.5
// parameter: sun_x uniform -1.2 1.2
// parameter: sun_z uniform 0.3 1.5
// parameter: window_size uniform 0.3 0.8
// parameter: balls integer 1 4
// parameter: ball_size uniform 0.25 0.6
// parameter: lamp uniform 0.3 0.9

vec4 ball(int i) {
    vec3 h = hash3(i, salt + 2.0);
    float r = ball_size * (0.5 + 0.7 * h.z);
    return vec4((2.0 * h.x - 1.0) * (width - r), r, 0.3 * depth + 0.6 * depth * h.y, r);
}

float ball_hit(vec3 eye, vec3 ray, vec4 s) {
    vec3 o = eye - s.xyz;
    float b = dot(o, ray), c = dot(o, o) - s.w * s.w, k = b * b - c;
    return k < 0.0 || -b - sqrt(max(k, 0.0)) < 1e-3 ? -1.0 : -b - sqrt(k);
}

vec3 wall_albedo(vec3 q, vec3 normal) {
    if (normal.y > 0.5) {
        vec2 s = boards * q.xz;
        if (floor_kind < 0.5) return things(0.2 + 0.5 * hash1(ivec2(floor(s * vec2(2.0, 0.4))), salt) + 0.2 * noise(s * vec2(14.0, 1.0), salt + 1.0));
        if (floor_kind < 1.5) return things_at(int(mod(floor(s.x) + floor(s.y), 2.0)) * 2 + 1);
        return things(fbm(s, 4, 0.55, salt + 1.0));
    }
    if (normal.y < -0.5) return walls_at(3);
    vec2 s = vec2(abs(normal.x) > 0.5 ? q.z : q.x, q.y);
    vec3 colour = mix(walls(0.55), walls(0.8), saturate(wall_pattern * 4.0) * step(0.5, fract(wall_stripes * s.x)));
    if (q.y < 0.14) return walls_at(0);
    ivec2 place = ivec2(floor(s * 0.9));
    vec2 c = fract(s * 0.9) - 0.5;
    vec3 h = hash3(place, salt + 7.0 + normal.x);
    vec2 frame = abs(c) - 0.15 - 0.2 * h.xy;
    float d = max(frame.x, frame.y);
    if (h.z > 0.45 && q.y > 0.5 && d < 0.0) colour = d > -0.035 ? things_at(0) : things(fbm(5.0 * s * (0.4 + h.y), 3, 0.5, salt + 70.0 * h.z));
    return colour;
}

// Sunlight through a window of four panes in the near wall's left part.
float sun_patch(vec3 q, vec3 light) {
    vec2 w = (q + light * ((-0.5 - q.z) / light.z)).xy - vec2(0.0, 0.6 * ceiling);
    vec2 pane = abs(w) - window_size;
    return step(max(pane.x, pane.y), 0.0) * step(0.04, min(abs(w.x), abs(w.y)));
}

vec3 shade(vec2 p) {
    vec3 eye = vec3(eye_x, 0.55 * ceiling, 0.0);
    vec3 ray = normalize(vec3(p.x, p.y + pitch * zoom, zoom));
    ray.xz = rotation(turn) * ray.xz;
    vec3 low = vec3(-width, 0.0, -1.0), high = vec3(width, ceiling, depth);
    vec3 exits = (mix(low, high, step(0.0, ray)) - eye) / (ray + 1e-6);
    float t = min(exits.x, min(exits.y, exits.z));
    vec3 normal = -sign(ray) * vec3(equal(exits, vec3(t)));
    vec3 q = eye + ray * t, albedo = wall_albedo(q, normal);
    float gloss = normal.y > 0.5 ? 0.15 : 0.0;
    vec3 light = normalize(vec3(sun_x, 0.9, -sun_z));
    for (int i = ZERO; i < int(balls); i++) {
        float s = ball_hit(eye, ray, ball(i));
        if (s < 0.0 || s > t) continue;
        t = s;
        q = eye + ray * t;
        normal = normalize(q - ball(i).xyz);
        albedo = things(fbm(2.5 * normal + float(i), 3, 0.5, salt + 5.0) * 0.6 + 0.4 * hash1(i, salt));
        gloss = 0.5;
    }
    float sun = sun_patch(q, light) * max(dot(normal, light), 0.0), contact = 1.0;
    for (int i = ZERO; i < int(balls); i++) {
        vec4 s = ball(i);
        if (ball_hit(q + 0.002 * normal, light, s) > 0.0) sun = 0.0;
        vec3 to = s.xyz - q;
        float near = s.w / max(length(to), s.w);
        contact *= 1.0 - 0.75 * near * near * saturate(dot(normal, to) / length(to) + 0.3) * step(1.01 * s.w, length(to));
    }
    vec3 lamp_at = vec3(0.3 * width, 0.85 * ceiling, 0.5 * depth);
    float near_lamp = lamp * max(dot(normal, normalize(lamp_at - q)), 0.0) / (0.4 + 0.35 * dot(lamp_at - q, lamp_at - q));
    vec3 corner = min(q - low, high - q);
    float shade_ = 0.55 + 0.45 * saturate(2.0 * min(corner.y + 0.15, min(corner.x, corner.z) + 0.15 + corner.y));
    vec3 colour = albedo * contact * (0.55 * shade_ + 1.3 * near_lamp + 1.2 * sun);
    return colour + gloss * pow(max(dot(reflect(ray, normal), light), 0.0), 30.0) + gloss * 0.3 * pow(max(dot(reflect(ray, normal), normalize(lamp_at - q)), 0.0), 40.0);
}
