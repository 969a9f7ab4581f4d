// title: Slot canyon: swept sandstone walls, light falling from the gap above
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: stone palette
// parameter: sky palette
// parameter: salt seed
// parameter: walls integer 3 6
// parameter: middle uniform -0.5 0.5
// parameter: lean uniform -0.6 0.6
// parameter: gap uniform 0.03 0.3
// parameter: sweep uniform 0.2 0.8
// parameter: sweep_scale log_uniform 0.6 1.8
// parameter: bands log_uniform 4.0 16.0
// parameter: band_strength uniform 0.35 0.95
// parameter: tilt uniform -0.9 0.9
// parameter: flute uniform 0.3 0.9
// parameter: glow uniform 0.2 1.0
// parameter: beam uniform -0.8 0.8
// parameter: floor_line uniform -1.3 -0.6
// parameter: dark uniform 0.25 0.7
// parameter: sun uniform 0.6 2.5

// Edge of a wall: x where it ends at height y.
float rim(float y, float key, float reach) {
    return reach + sweep * (fbm(vec2(sweep_scale * y + 7.0, 1.0), 2, 0.4, key) - 0.5) * 1.1 + 0.03 * noise(vec2(7.0 * y, 2.0), key + 1.0);
}

vec3 shade(vec2 p) {
    float x0 = middle + lean * p.y * 0.5;
    float cloud = smoothstep(0.45, 0.75, fbm(p * vec2(1.2, 2.0) + 3.0, 4, 0.5, salt + 60.0));
    vec3 colour = mix(mix(sky(0.8), sky(0.5), saturate(p.y)), sky_at(3), 0.7 * cloud);
    colour = mix(stone(0.7) * (0.75 + 0.25 * p.y), colour, smoothstep(-0.4, 0.5, p.y));
    for (int i = ZERO; i < int(walls); i++) {
        float near = float(i + 1) / walls, side = i % 2 == 0 ? 1.0 : -1.0, key = salt + 7.0 * float(i);
        float reach = gap * 0.6 + 0.85 * near * near * (0.6 + 0.6 * hash1(i, salt + 1.0)) - 0.25 * (1.0 - near);
        float x = side * (p.x - x0), edge = rim(p.y, key, reach);
        float d = edge - x;  // positive in the open
        colour *= 1.0 - 0.3 * smoothstep(0.25, 0.0, d) * step(0.0, d);
        if (d > 0.03) continue;
        float inward = -d;
        vec2 s = vec2(inward * 1.2, p.y) + 0.25 * noise_offset(vec2(1.1, 1.5) * p + 3.0 * float(i), key + 2.0);
        float flow = s.y + tilt * s.x * side + 0.35 * sin(2.2 * s.x + 5.0 * hash1(i, salt + 2.0)) + 0.4 * (noise(0.9 * s + 9.0, key + 3.0) - 0.5);
        float level = bands * flow, thin = noise(vec2(0.7, level), key + 4.0), fine = noise(vec2(1.5, 4.0 * level), key + 5.0), wide = noise(vec2(0.3, 0.3 * level), key + 6.0);
        float groove = flute * (thin - noise(vec2(0.7, level + 0.35 * sin(sun)), key + 4.0));
        float curve = noise(vec2(2.2 * inward, 1.3 * p.y) + 4.0, key + 7.0), bulge = curve - noise(vec2(2.2 * inward + 0.25, 1.3 * p.y + 0.12) + 4.0, key + 7.0);
        vec3 rock = stone(0.25 + 0.35 * wide + band_strength * 0.6 * (thin - 0.5) + 0.15 * (fine - 0.5) + 0.2 * (1.0 - near));
        float lit = 0.55 + 1.3 * bulge + 0.8 * groove + 0.35 * p.y;
        lit += glow * exp(-3.2 * inward) * (1.0 - 0.5 * near) * 0.9;
        rock *= clamp(lit, 0.12, 1.5) * mix(1.1, dark, near * near);
        rock += glow * 0.22 * stone_at(3) * exp(-7.0 * inward) * (1.0 - near);
        rock *= 0.92 + 0.16 * noise(30.0 * p, key + 8.0);
        colour = mix(colour, rock, inside(d, 0.015));
    }
    float ground = floor_line + 0.12 * (noise(vec2(1.5 * p.x, 2.0), salt + 50.0) - 0.5) + 0.25 * (p.x - x0) * (p.x - x0);
    vec3 sand = stone(0.7 + 0.2 * (fbm(vec2(3.0, 9.0) * p, 3, 0.5, salt + 51.0) - 0.5)) * (0.45 + 0.5 * exp(-2.0 * abs(p.x - x0)));
    colour = mix(colour, sand, inside(p.y - ground, 0.04));
    float shaft = exp(-22.0 * pow(p.x - x0 - beam * (0.9 - p.y) * 0.35, 2.0)) * smoothstep(-1.2, 0.9, p.y) * (0.7 + 0.5 * noise(vec2(6.0 * (p.x + 0.3 * beam * p.y), 0.5), salt + 52.0));
    return colour + 0.35 * glow * shaft * mix(sky_at(3), stone_at(3), 0.5);
}
