// licence: Apache-2.0
// include: space
// Sphere tracing (Hart 1996) of a scene that the program defines: `float scene(vec3 q)`, a distance that is never
// larger than the true one. y is up.

float scene(vec3 q);

// Ray through the pixel p of a camera at `eye` looking at `target`; `zoom` is the focal length.
vec3 camera_ray(vec2 p, vec3 eye, vec3 target, float zoom) {
    vec3 forward = normalize(target - eye);
    vec3 right = normalize(cross(forward, vec3(0.0, 1.0, 0.0)));
    return normalize(zoom * forward + p.x * right + p.y * cross(right, forward));
}

// Eye on a circle around the axis: angle in radians, height and distance in scene units.
vec3 orbit(float angle, float height, float distance_) { return vec3(distance_ * cos(angle), height, distance_ * sin(angle)); }

// Distance to the first hit, or -1 where nothing is hit before `far`.
float march(vec3 eye, vec3 ray, float far, int steps) {
    float t = 0.02;
    for (int i = ZERO; i < steps; i++) {
        float d = scene(eye + ray * t);
        if (d < 0.002 * t) return t;
        t += d;
        if (t > far) return -1.0;
    }
    return t;
}

vec3 scene_normal(vec3 q, float step_) {
    vec3 sum = vec3(0.0);
    for (int i = ZERO; i < 4; i++) {
        vec3 e = 2.0 * vec3(((i + 3) >> 1) & 1, (i >> 1) & 1, i & 1) - 1.0;
        sum += e * scene(q + step_ * e);
    }
    return normalize(sum + 1e-9);
}

// Share of a light that reaches q, 0..1; larger `hardness`, sharper edge.
float soft_shadow(vec3 q, vec3 light, float hardness, int steps) {
    float lit = 1.0, t = 0.04;
    for (int i = ZERO; i < steps; i++) {
        float d = scene(q + light * t);
        lit = min(lit, hardness * d / t);
        t += clamp(d, 0.04, 0.5);
        if (lit < 0.01) break;
    }
    return smoothstep(0.0, 1.0, lit);
}

// Share of open sky around q, 0..1, from two probes along the normal.
float openness(vec3 q, vec3 normal, float reach) {
    return saturate(0.5 * (scene(q + 0.3 * reach * normal) / (0.3 * reach) + scene(q + reach * normal) / reach));
}
