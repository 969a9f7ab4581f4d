// licence: Apache-2.0
// include: noise, space
// Cloth in soft folds, and yarn.

struct Drape {
    vec2 shift;   // how far a print is carried along by the slope
    float light;  // factor on the colour, mean near 1
};

// Folds in the units of q: `height` 0 lies flat, 1 is deep; the light comes from the angle `sun`.
Drape drape(vec2 q, float height, float sun, float salt) {
    vec3 h;
    for (int i = ZERO; i < 3; i++) {
        vec2 s = q + 0.05 * vec2(i == 1, i == 2);
        s += 0.5 * noise_offset(0.6 * s, salt + 1.0);
        float crease = 1.0 - abs(2.0 * noise(s * vec2(1.5, 0.8) + 7.0, salt + 4.0) - 1.0);
        h[i] = noise(s * vec2(1.3, 0.8), salt + 3.0) + 0.4 * crease * crease;
    }
    vec2 slope = height * (h.yz - h.x) / 0.05;
    float facing = 1.0 - 0.7 * dot(slope, unit_vector(sun));
    return Drape(0.12 * slope, clamp(facing, 0.2, 1.7) * (0.8 + 0.3 * height * (h.x - 0.4)));
}

// Light on a round yarn: `across` in [-1, 1] from its middle, `along` in turns of its plies.
float yarn(float across, float along) {
    float round_ = sqrt(max(1.0 - across * across, 0.0));
    return round_ * (0.72 + 0.28 * cos(TURN * (along + 0.35 * across)));
}
