// licence: Apache-2.0
// include: space
// Light on a height field that the program defines: `float relief(vec2 q)`, heights in the units of q.

float relief(vec2 q);

// Normal of the surface, z towards the eye.
vec3 relief_normal(vec2 q, float step_) {
    vec3 h = vec3(0.0);
    for (int i = ZERO; i < 3; i++) h[i] = relief(q + step_ * vec2(i == 1, i == 2));
    return normalize(vec3(h.x - h.y, h.x - h.z, step_));
}

// Direction to a light at `angle` in the plane and `elevation` above it, both in radians.
vec3 light_direction(float angle, float elevation) {
    return vec3(cos(elevation) * unit_vector(angle), sin(elevation));
}

// Share of the light that passes over the relief to q, 0..1.
float relief_shadow(vec2 q, vec3 light, float reach, float softness, int steps) {
    float start = relief(q), lit = 1.0;
    for (int i = ZERO; i < steps; i++) {
        float t = reach * (float(i) + 0.7) / float(steps);
        float clearance = start + t * light.z / max(length(light.xy), 1e-3) - relief(q + normalize(light.xy) * t);
        lit = min(lit, 1.0 + clearance / (softness * (t + 0.02)));
    }
    return saturate(lit);
}

// Matte and glossy light; gloss in [0, 1], sharp is the exponent of the highlight.
vec3 shine(vec3 albedo, vec3 normal, vec3 light, float shadow, float ambient, float gloss, float sharp) {
    float matte = max(dot(normal, light), 0.0) * shadow;
    float highlight = pow(max(reflect(-light, normal).z, 0.0), sharp) * shadow;
    return albedo * (ambient + (1.15 - ambient) * matte) + gloss * highlight;
}
