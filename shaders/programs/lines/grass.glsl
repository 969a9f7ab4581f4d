// title: Tall grass and seed heads, near blades over far ones
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: colours palette
// parameter: sky palette
// parameter: salt seed
// parameter: rows integer 3 6
// parameter: density log_uniform 3.0 8.0
// parameter: height uniform 0.7 1.7
// parameter: width uniform 0.06 0.2
// parameter: wind uniform -0.9 0.9
// parameter: disorder uniform 0.1 0.7
// parameter: heads uniform -0.4 0.6
// parameter: head_size uniform 0.05 0.16
// parameter: horizon uniform -0.5 0.6
// parameter: depth_fade uniform 0.2 0.9
// parameter: sun_x uniform -0.8 0.8
// parameter: sun_y uniform 0.0 0.9
// parameter: sun_glow uniform 0.0 0.8

vec3 shade(vec2 p) {
    vec3 colour = mix(sky(0.85 - 0.3 * p.y), sky_at(3), 0.6 * fbm(p * vec2(0.8, 2.0) + 3.0, 4, 0.5, salt));
    float sun = length(p - vec2(sun_x, sun_y));
    colour += sun_glow * (0.6 * exp(-3.0 * sun) + smoothstep(0.16, 0.13, sun));
    float far = horizon + 0.12 * (fbm(vec2(2.0 * p.x, 1.0), 4, 0.55, salt + 1.0) - 0.5);
    colour = mix(colour, mix(sky_at(2), colours(0.5), 0.5) * (0.8 + 0.3 * fbm(p * vec2(3.0, 12.0), 3, 0.5, salt + 2.0)), inside(p.y - far, 0.02));
    for (int row = ZERO; row < int(rows); row++) {
        float near = float(row + 1) / rows, key = salt + 17.0 * float(row);
        float base = mix(horizon - 0.15, -1.25, near), tall = height * mix(0.35, 1.0, near);
        float step_ = mix(0.45, 1.0, near) / density;
        float rise = saturate((p.y - base) / tall);
        float x = (p.x - wind * 0.5 * tall * rise * rise) / step_;
        for (int k = ZERO; k < 7; k++) {
            int id = int(floor(x)) + k - 3;
            vec3 h = hash3(ivec2(id, 5), key);
            float l = tall * (0.5 + 0.5 * h.y);
            float up = (p.y - base) / l;
            if (up < -0.2 || up > 1.15) continue;
            float middle = float(id) + h.x + disorder * 3.0 * (h.z - 0.5) * up * up;
            float d = (abs(x - middle) - width * 2.0 * (1.0 - up * up)) * step_;
            float tone = 0.15 + 0.5 * h.y + 0.3 * up;
            vec3 blade = mix(mix(colours(tone), sky_at(3), depth_fade * 0.5), colours(tone) * 0.8, near);
            blade *= 0.45 + 0.65 * saturate(up + 0.1) + 0.15 * sign(x - middle);
            colour = mix(colour, blade, inside(up < 0.0 || up > 1.0 ? 1.0 : d, PIXEL));
            float top = length(vec2((x - (float(id) + h.x + disorder * 3.0 * (h.z - 0.5))) * step_, 0.45 * (p.y - base - 0.97 * l))) - head_size * near * (0.5 + 0.5 * h.x);
            if (h.z < heads) colour = mix(colour, mix(sky(0.3 + 0.5 * h.y), colours_at(3), 0.4) * (0.8 - 4.0 * top), inside(top, 1.5 * PIXEL));
        }
    }
    return colour;
}
