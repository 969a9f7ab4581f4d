// title: Engine of finned cylinders, shafts and wheels
// licence: Apache-2.0
// cost: heavy
// include: noise, march
// parameter: metal palette
// parameter: room palette
// parameter: salt seed
// parameter: cylinders integer 1 5
// parameter: spacing uniform 0.7 1.0
// parameter: bore uniform 0.2 0.36
// parameter: tall uniform 0.5 1.1
// parameter: fins log_uniform 4.0 10.0
// parameter: lean uniform 0.0 0.7
// parameter: wheel uniform 0.35 0.8
// parameter: spokes integer 3 7
// parameter: pipe uniform 0.05 0.13
// parameter: view angle
// parameter: eye_height uniform 0.3 1.9
// parameter: eye_distance uniform 1.7 3.0
// parameter: zoom uniform 1.3 2.2
// parameter: sun angle
// parameter: sun_height uniform 0.5 1.3
// parameter: gloss uniform 0.1 0.8
// parameter: rust uniform 0.0 0.7

vec2 nearer(vec2 a, vec2 b) { return a.x < b.x ? a : b; }

// Distance and part: 0 floor, 1 block, 2 cylinder, 3 wheel, 4 pipe.
vec2 parts(vec3 q) {
    float length_ = 0.5 * spacing * cylinders;
    vec2 best = vec2(q.y + 0.75, 0.0);
    vec3 b = abs(q - vec3(0.0, -0.35, 0.0)) - vec3(length_ + 0.1, 0.32, 0.45);
    best = nearer(best, vec2(length(max(b, 0.0)) + min(max(b.x, max(b.y, b.z)), 0.0) - 0.05, 1.0));
    vec3 c = q;
    c.x -= spacing * (clamp(floor(q.x / spacing + 0.5 * cylinders), 0.0, cylinders - 1.0) + 0.5 - 0.5 * cylinders);
    c.z = abs(c.z);  // two banks where the cylinders lean
    c.yz = rotation(lean) * c.yz;
    c.z -= lean > 0.2 ? 0.15 : 0.0;
    float rings = bore + 0.1 * smoothstep(0.2, 0.5, zigzag(fins * c.y)) * step(c.y, tall - 0.12);
    float pot = max(length(c.xz) - rings, abs(c.y - 0.5 * tall) - 0.5 * tall) * 0.7;
    pot = min(pot, max(length(c.xz) - 0.4 * bore, abs(c.y - tall - 0.08) - 0.1));
    best = nearer(best, vec2(pot, 2.0));
    vec3 w = q - vec3(length_ + 0.35, -0.1, 0.0);
    float r = length(w.yz), a = atan(w.z, w.y), wedge = TURN / spokes;
    float bar = abs(sin(mod(a, wedge) - 0.5 * wedge)) * r - 0.06;
    float rim = max(abs(r - wheel + 0.06) - 0.07, abs(w.x) - 0.09);
    float disc = min(rim, max(max(bar, r - wheel + 0.05), abs(w.x) - 0.035));
    disc = min(disc, max(r - 0.12, abs(w.x + 0.1) - 0.3));
    best = nearer(best, vec2(disc * 0.9, 3.0));
    float side = q.z - 0.62;
    float tube = max(length(vec2(side, q.y - 0.12)) - pipe * 1.5, abs(q.x) - length_);
    tube = min(tube, max(length(vec2(length(vec2(q.y - 0.12, side + 0.28)) - 0.28, c.x)) - pipe, -0.2 - side) * 0.8);
    return nearer(best, vec2(tube, 4.0));
}

float scene(vec3 q) { return parts(q).x; }

vec3 shade(vec2 p) {
    vec3 eye = orbit(view, eye_height, eye_distance), aim = vec3(0.0, 0.05, 0.0);
    vec3 ray = camera_ray(p, eye, aim, zoom);
    vec3 light = normalize(vec3(cos(sun), sun_height, sin(sun)));
    vec3 back = mix(room(0.85), room(0.35), saturate(0.5 + 1.2 * ray.y));
    float t = march(eye, ray, 12.0, 64);
    if (t < 0.0) return back;
    vec3 q = eye + ray * t, normal = scene_normal(q, 0.004);
    float part_ = parts(q).y;
    float grime = fbm(2.5 * q, 4, 0.6, salt + 1.0);
    ivec2 tile = ivec2(floor(1.5 * q.xz));
    vec2 joint = abs(fract(1.5 * q.xz) - 0.5);
    vec3 albedo = metal(fract(0.35 + 0.23 * part_) + 0.3 * (grime - 0.5));
    if (part_ < 0.5) albedo = room(0.35 + 0.3 * hash1(tile, salt) + 0.4 * (grime - 0.5)) * (1.0 - 0.4 * smoothstep(0.46, 0.49, max(joint.x, joint.y)));
    float corroded = part_ < 0.5 ? 0.0 : rust * smoothstep(0.5, 0.65, grime);
    albedo = mix(albedo, vec3(0.36, 0.2, 0.12), 0.8 * corroded);
    float sun_share = max(dot(normal, light), 0.0) * soft_shadow(q + 0.01 * normal, light, 8.0, 12);
    vec3 colour = albedo * (0.5 * (0.35 + 0.8 * openness(q, normal, 0.35)) + 1.1 * sun_share);
    if (part_ > 0.5) {
        vec3 bounce = reflect(ray, normal);
        float shine = gloss * (1.0 - corroded);
        colour = mix(colour, room(0.5 + 0.5 * bounce.y) * (0.4 + 0.6 * openness(q, normal, 0.3)), 0.35 * shine);
        colour += shine * pow(max(dot(bounce, light), 0.0), 16.0) * step(0.02, sun_share);
    }
    return mix(back, colour, exp(-0.012 * t * t));
}
