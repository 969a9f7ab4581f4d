// title: Soap film in rings, bands of colour draining down
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: back palette
// parameter: wire palette
// parameter: salt seed
// parameter: count integer 1 4
// parameter: size uniform 0.5 1.3
// parameter: thick uniform 0.3 1.6
// parameter: drain uniform 0.2 1.6
// parameter: swirl uniform 0.2 1.4
// parameter: swirl_scale log_uniform 0.8 3.0
// parameter: chroma uniform 0.25 0.9
// parameter: down angle
// parameter: squeeze uniform 0.5 1.0
// parameter: shape_kind integer 0 3
// parameter: window_x uniform -0.5 0.5
// parameter: reflect_share uniform 0.4 0.95
// parameter: back_scale log_uniform 0.5 2.5

// Light that two faces of a film send back, for three wavelengths; path in micrometres.
vec3 film(float path) {
    vec3 phase = TURN * path / vec3(0.63, 0.53, 0.45);
    return 0.5 - 0.5 * cos(phase) * exp(-0.16 * path * path);
}

vec3 shade(vec2 p) {
    vec3 colour = mix(back(0.08), back(0.55), fbm(back_scale * p + 4.0, 4, 0.5, salt)) * (0.75 + 0.3 * p.y);
    vec2 bar = abs(p - vec2(window_x, 0.0));
    colour = mix(colour, back(0.75), 0.5 * smoothstep(0.4, 0.3, bar.x) * smoothstep(0.15, 0.2, abs(bar.x - 0.02)));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt + 1.0);
        float r = size * (count > 1.5 ? 0.45 + 0.3 * h.z : 0.7);
        vec2 at = count > 1.5 ? 0.6 * unit_vector(TURN * (float(i) / count + 0.2 * h.x) + down) : 0.3 * (h.xy - 0.5);
        vec2 v = rotation(down + 2.0 * h.x) * (p - at);
        v.y /= squeeze;
        float d = shape_kind < 0.5 ? length(v) - r : shape_kind < 1.5 ? box(v, vec2(0.75 * r)) - 0.1 * r : shape_kind < 2.5 ? polygon(v, 6.0, 0.85 * r) : flower(v, 5.0, r, 0.3);
        vec2 low = unit_vector(down - 1.57), s = p - at;
        colour *= 1.0 - 0.35 * smoothstep(0.12, 0.0, abs(d)) * step(0.0, d);
        vec2 w = swirl_scale * s + 9.0 * h.xy;
        w += swirl * noise_offset(0.9 * w, salt + 2.0);
        w += 0.6 * swirl * noise_offset(1.8 * w + 5.0, salt + 3.0);
        float level = 0.5 + 0.5 * dot(s, low) / r;
        float path = thick * (0.25 + drain * level) + 0.55 * swirl * (noise(1.1 * w, salt + 4.0) - 0.35) * (0.4 + level);
        vec3 bands = film(max(path, 0.0));
        bands = mix(vec3(dot(bands, vec3(0.3, 0.6, 0.1))), bands, chroma);
        vec2 room = abs(s + 0.12 * noise_offset(0.8 * s + 3.0, salt + 5.0) - vec2(0.35 * r, 0.3 * r) * (2.0 * h.yz - 1.0));
        float pane = smoothstep(0.34 * r, 0.25 * r, max(room.x, room.y)) * smoothstep(0.02, 0.05, min(room.x, room.y));
        float sheen = reflect_share * (0.35 + 0.4 * saturate(0.5 + dot(s, vec2(-0.5, 0.8)) / r) + 0.6 * pane);
        vec3 skin = colour * (1.0 - 0.45 * bands) + bands * sheen;
        colour = mix(colour, skin, inside(d, 2.0 * PIXEL));
        float wire_width = 0.022 + 0.02 * h.z, x = d / wire_width;
        vec3 metal = wire(0.35 + 0.3 * h.y) * (0.45 + 0.8 * sqrt(max(1.0 - x * x, 0.0)) + 0.3 * x * dot(normalize(s + 1e-4), vec2(-0.6, 0.8)));
        float handle = segment(p, at + normalize(at + low) * r, at + normalize(at + low) * 3.0);
        colour = mix(colour, metal, inside(abs(d) - wire_width, 2.0 * PIXEL));
        if (d > 0.0) colour = mix(colour, wire(0.5) * (0.4 + 0.8 * smoothstep(wire_width, 0.0, handle)), inside(handle - wire_width, 2.0 * PIXEL));
    }
    return colour;
}
