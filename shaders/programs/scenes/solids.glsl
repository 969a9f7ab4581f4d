// title: A few solids on a floor, under a soft sky
// licence: Apache-2.0
// cost: heavy
// include: noise, march
// parameter: colours palette
// parameter: floor_colours palette
// parameter: salt seed
// parameter: count integer 2 6
// parameter: spread uniform 0.6 1.6
// parameter: size uniform 0.4 0.85
// parameter: view angle
// parameter: eye_height log_uniform 0.5 4.0
// parameter: eye_distance uniform 2.6 5.0
// parameter: zoom uniform 1.2 2.2
// parameter: sun angle
// parameter: sun_height uniform 0.3 1.4
// parameter: floor_scale log_uniform 0.5 2.0
// parameter: floor_kind integer 0 2
// parameter: surface_scale log_uniform 1.0 6.0
// parameter: gloss uniform 0.0 0.6
// parameter: rounding uniform 0.0 0.15

float solid(vec3 q, int i) {
    vec3 h = hash3(i, salt);
    vec2 place = spread * sqrt(float(i) + 0.4 * h.x) * unit_vector(2.4 * float(i) + TURN * h.x);
    float r = size * (0.5 + 0.8 * h.y);
    q -= vec3(place.x, r, place.y);
    q.xz = rotation(TURN * h.z) * q.xz;
    int kind = int(fract(7.31 * h.x + h.z) * 5.0);
    if (kind == 0) return length(q) - r;
    if (kind == 1) return length(max(abs(q) - vec3(0.8, 1.0, 0.6) * r + rounding, 0.0)) - rounding;
    if (kind == 2) return max(length(q.xz) - 0.55 * r, abs(q.y) - r);
    if (kind == 3) return length(vec2(length(q.xz) - 0.75 * r, q.y + 0.72 * r)) - 0.28 * r;
    return max(dot(vec2(length(q.xz), q.y - r), vec2(0.89, 0.45)), -q.y - r);
}

float scene(vec3 q) {
    float d = q.y;
    for (int i = ZERO; i < int(count); i++) d = min(d, solid(q, i));
    return d;
}

vec3 floor_albedo(vec2 q) {
    q *= floor_scale;
    if (floor_kind < 0.5) return floor_colours(fbm(q, 4, 0.5, salt + 40.0));
    if (floor_kind < 1.5) return floor_colours_at(int(hash1(ivec2(floor(q)), salt) * 4.0));
    return floor_colours(smoothstep(0.3, 0.7, 0.5 + 0.5 * sin(4.0 * q.x + 2.0 * noise(q, salt))));
}

vec3 shade(vec2 p) {
    vec3 eye = orbit(view, eye_height, eye_distance);
    vec3 ray = camera_ray(p, eye, vec3(0.0, 0.45, 0.0), zoom);
    vec3 light = normalize(vec3(cos(sun), sun_height, sin(sun)));
    vec3 sky = mix(colours_at(3), floor_colours(0.6), saturate(1.5 * ray.y + 0.3 * noise(2.0 * ray.xz / (0.2 + abs(ray.y)), salt)));
    float t = march(eye, ray, 24.0, 56);
    if (t < 0.0) return sky;
    vec3 q = eye + ray * t, normal = scene_normal(q, 0.003), albedo = floor_albedo(q.xz);
    float shine_share = 0.15;
    if (q.y > 0.01) {
        int owner = 0;
        float best = 1e9;
        for (int i = ZERO; i < int(count); i++) {
            float d = solid(q, i);
            if (d < best) { best = d; owner = i; }
        }
        float pattern = fbm(surface_scale * (q + float(owner)), 3, 0.5, salt + 60.0);
        albedo = mix(colours_at(owner % 4), colours(pattern), 0.2 + 0.6 * hash1(owner, salt + 5.0));
        shine_share = gloss;
    }
    float sun_share = max(dot(normal, light), 0.0) * soft_shadow(q + 0.01 * normal, light, 8.0, 12);
    float open_sky = openness(q, normal, 0.5);
    vec3 colour = albedo * (0.58 * open_sky * (0.6 + 0.4 * normal.y) + 0.85 * sun_share);
    colour += shine_share * sun_share * pow(max(dot(reflect(ray, normal), light), 0.0), 24.0);
    return mix(sky, colour, exp(-0.006 * t * t));
}
