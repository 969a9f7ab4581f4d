// title: Ribbed cacti in the desert, with arms and long shadows
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: colours palette
// parameter: land palette
// parameter: sky palette
// parameter: salt seed
// parameter: count integer 1 7
// parameter: horizon uniform -0.45 0.35
// parameter: tall log_uniform 0.5 1.7
// parameter: stout uniform 0.1 0.24
// parameter: arms uniform 0.0 1.0
// parameter: barrels uniform 0.0 0.8
// parameter: ribs integer 5 13
// parameter: spines uniform 0.0 0.8
// parameter: sun uniform 0.3 2.85
// parameter: mesas uniform 0.0 0.6
// parameter: stones log_uniform 2.0 8.0
// parameter: cloud_cover uniform 0.1 0.8
// parameter: haze uniform 0.0 0.6

// Upright limb from `a` to height `top`: across in [-1, 1], distance in y.
vec2 limb(vec2 p, vec2 a, float top, float r) {
    vec2 v = p - vec2(a.x, clamp(p.y, a.y, top));
    return vec2(v.x / r, length(v) - r);
}

vec3 skin(float across, float height_, float tone, float size) {
    float round_ = asin(clamp(across, -0.99, 0.99)), lit = 0.35 + 0.75 * saturate(cos(round_ - 1.1 * cos(sun)));
    float phase = fract(ribs * round_ / PI + 0.5) - 0.5, groove = 4.0 * phase * phase;
    vec3 colour = colours(0.3 + 0.35 * tone + 0.25 * (1.0 - groove)) * lit * (0.55 + 0.45 * (1.0 - groove));
    float tuft = length(vec2(phase * 1.4, fract(height_ * 9.0 / size) - 0.5)) - 0.16;
    return mix(colour, vec3(0.9, 0.86, 0.75) * (0.4 + 0.6 * lit), spines * inside(tuft, 0.25) * step(abs(across), 0.93));
}

vec3 shade(vec2 p) {
    vec3 colour = mix(sky(0.9), sky(0.35), saturate(0.7 * (p.y - horizon) + 0.1));
    float cloud = fbm(vec2(0.9, 2.2) * p + 7.0, 4, 0.5, salt + 50.0);
    colour = mix(colour, sky_at(3), smoothstep(1.0 - cloud_cover, 1.2 - 0.6 * cloud_cover, cloud));
    float far = mesas * smoothstep(0.42, 0.5, noise(vec2(1.4 * p.x, 4.0), salt + 51.0)) * (0.5 + 0.3 * noise(vec2(9.0 * p.x, 1.0), salt + 52.0));
    float bed = noise(vec2(0.5, 14.0 * (p.y - horizon)), salt + 53.0);
    colour = mix(colour, mix(land(0.3 + 0.4 * bed), sky_at(2), 0.35 + 0.5 * haze), inside(p.y - horizon - far, 1.5 * PIXEL));
    float depth = 1.0 / (0.16 + max(horizon - p.y, 0.0));
    vec2 flat_ = vec2(p.x * depth, depth) + 20.0;
    float grit = fbm(stones * flat_, 3, 0.6, salt + 54.0);
    vec3 sand = land(0.7 + 0.35 * (fbm(0.8 * flat_, 3, 0.5, salt + 55.0) - 0.5) + 0.25 * (grit - 0.5)) * (0.95 - 0.35 * smoothstep(0.62, 0.75, grit));
    colour = mix(colour, mix(sand, sky_at(2), haze * exp(-3.0 * max(horizon - p.y, 0.0))), inside(p.y - horizon, 1.5 * PIXEL));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float near = mix(0.12, 1.0, (float(i) + 0.7 * h.z) / count), size = 0.3 + 0.8 * near;
        vec2 foot = vec2((2.0 * h.x - 1.0) * 0.95, horizon - 0.62 * near * (horizon + 1.0) * 0.8 - 0.03);
        float r = stout * size * (0.8 + 0.5 * g.x), high = tall * size * (0.5 + 0.6 * h.y);
        bool barrel = g.y < barrels;
        if (barrel) { r *= 1.7; high = 1.3 * r; }
        vec2 fall = p - foot + vec2(0.0, 0.1 * r);
        float along = -fall.x * sign(cos(sun));
        float fallen = along > 0.0 ? abs(fall.y + 0.12 * along) / (0.28 * r) : length(fall / vec2(r, 0.3 * r));
        fallen = max(fallen, along / (high * (0.4 + abs(cos(sun)))));
        if (p.y < horizon) colour *= 1.0 - 0.5 * smoothstep(1.15, 0.8, fallen);
        vec2 body = limb(p, foot + vec2(0.0, barrel ? 0.75 * r : 0.0), foot.y + high - r, r);
        float across = body.x, d = body.y;
        if (barrel) { vec2 v = p - foot - vec2(0.0, 0.75 * r); d = length(v * vec2(1.0, 1.1)) - r; across = v.x / sqrt(max(r * r - 1.2 * v.y * v.y, 0.02 * r * r)); }
        for (int k = ZERO; k < 2; k++) {
            float side = k == 0 ? -1.0 : 1.0, arm_r = 0.62 * r;
            if (barrel || hash1(2 * i + k, salt + 2.0) > arms) continue;
            vec2 elbow = foot + vec2(side * r * 2.4, high * (0.3 + 0.3 * hash1(2 * i + k, salt + 3.0)));
            vec2 joint = vec2((p.y - elbow.y) / arm_r, segment(p, vec2(foot.x, elbow.y), elbow) - arm_r);
            vec2 up = limb(p, elbow, elbow.y + high * (0.15 + 0.35 * hash1(2 * i + k, salt + 4.0)), arm_r);
            if (p.y < elbow.y && joint.y < up.y) up = vec2(joint.x * 0.8 * side, joint.y);
            if (joint.y < up.y) up = joint;
            if (up.y < d) { d = up.y; across = up.x; }
        }
        if (p.y < foot.y - 0.3 * r) d = max(d, foot.y - 0.3 * r - p.y);
        vec3 green = skin(across, p.y - foot.y, g.z, size) * (0.6 + 0.4 * smoothstep(0.0, 0.3 * size, p.y - foot.y));
        colour = mix(colour, mix(green, sky_at(2), haze * 0.6 * (1.0 - near)), inside(d, 1.5 * PIXEL));
    }
    return colour;
}
