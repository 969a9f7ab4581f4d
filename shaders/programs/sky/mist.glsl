// title: Wooded ridges fading into mist
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: sky palette
// parameter: salt seed
// parameter: layers integer 4 9
// parameter: top uniform 0.2 0.9
// parameter: relief uniform 0.2 0.7
// parameter: width log_uniform 0.5 1.6
// parameter: rough uniform 0.35 0.55
// parameter: spikes uniform 0.0 0.22
// parameter: spike_scale log_uniform 6.0 16.0
// parameter: mist uniform 0.3 1.0
// parameter: sun_x uniform -0.8 0.8
// parameter: sun_y uniform 0.2 0.9
// parameter: sun_size uniform -0.15 0.3
// parameter: texture_share uniform 0.0 0.8
// parameter: birds integer 0 6

vec3 shade(vec2 p) {
    vec3 colour = mix(sky(0.9), sky(0.45), saturate(0.5 + 0.5 * p.y));
    colour = mix(colour, sky_at(3), 0.5 * fbm(p * vec2(0.8, 2.2) + 3.0, 4, 0.5, salt));
    float sun = length(p - vec2(sun_x, sun_y));
    colour = mix(colour, vec3(1.0, 0.96, 0.88), smoothstep(0.03, 0.0, sun - sun_size) + 0.3 * exp(-3.0 * sun));
    for (int i = ZERO; i < int(birds); i++) {
        vec3 h = hash3(i, salt + 70.0);
        vec2 q = (p - vec2(1.6 * h.x - 0.8, 0.2 + 0.6 * h.y)) / (0.08 + 0.1 * h.z);
        q.x = abs(q.x);
        colour = mix(colour, sky_at(0) * 0.5, stroke(q.y - 0.5 * sqrt(q.x) + 0.6 * q.x * q.x, 0.09, 0.1) * step(q.x, 1.0));
    }
    for (int i = ZERO; i < int(layers); i++) {
        float near = float(i + 1) / layers, key = salt + 3.0 * float(i);
        float zoom = width * mix(1.6, 0.8, near);
        float line = mix(top, -1.1, near) + relief * (fbm(vec2(zoom * p.x + 5.0 * float(i), 1.0), 5, rough, key) - 0.5);
        float x = spike_scale * p.x / mix(0.4, 1.3, near);
        float tip = hash1(int(floor(x)), key + 1.0);
        line += spikes * near * (0.4 + 0.6 * tip) * (1.0 - abs(2.0 * fract(x) - 1.0)) * smoothstep(0.3, 0.6, noise(vec2(1.5 * p.x, 7.0), key + 2.0));
        float below = line - p.y;
        vec3 wood = colours(0.1 + 0.35 * texture_share * fbm(p * vec2(9.0, 7.0) / mix(0.6, 1.3, near), 3, 0.6, key + 3.0));
        vec3 hill = mix(sky(0.75), wood, pow(near, mist));
        hill = mix(hill, sky_at(3), mist * 0.6 * saturate(1.6 * below) * (1.0 - 0.7 * near));
        colour = mix(colour, hill, inside(-below, PIXEL));
    }
    return colour;
}
