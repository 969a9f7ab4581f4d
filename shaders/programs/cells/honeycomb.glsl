// title: Honeycomb: empty, filled and capped cells, and a few bees
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: wax palette
// parameter: honey palette
// parameter: bee_colours palette
// parameter: salt seed
// parameter: scale log_uniform 2.2 6.5
// parameter: turn angle
// parameter: slant uniform 0.0 0.6
// parameter: bulge uniform -0.25 0.35
// parameter: wall uniform 0.04 0.13
// parameter: filled uniform 0.0 0.8
// parameter: capped uniform 0.0 0.7
// parameter: patch_scale log_uniform 0.2 0.6
// parameter: deep uniform 0.4 1.0
// parameter: gloss uniform 0.3 1.0
// parameter: bees integer 0 4
// parameter: bee_size uniform 0.2 0.42
// parameter: sun angle
// parameter: edge_x uniform 0.5 2.2

// Nearest cell of a hexagonal lattice: xy from its centre, zw its whole numbers.
vec4 hexagon(vec2 p) {
    vec2 s = vec2(1.0, 1.7320508), a = mod(p, s) - 0.5 * s, b = mod(p - 0.5 * s, s) - 0.5 * s;
    vec2 f = dot(a, a) < dot(b, b) ? a : b;
    return vec4(f, floor((p - f) * vec2(2.0, 2.0 / 1.7320508) + 0.5));
}

vec3 bee(vec3 colour, vec2 p, int i) {
    vec3 h = hash3(i, salt + 60.0), g = hash3(i, salt + 61.0);
    mat2 turned = rotation(TURN * h.z);
    vec2 c = 0.85 * (2.0 * h.xy - 1.0), q = turned * (p - c) / bee_size, u = turned * (p - c + 0.07 * unit_vector(sun)) / bee_size;
    if (length(q) > 2.2) return colour;
    colour *= 1.0 - 0.5 * smoothstep(1.25, 0.6, length(u * vec2(1.9, 0.9)));
    vec2 m = vec2(abs(q.x), q.y);
    float legs = 9.0, soft = 2.0 * PIXEL / bee_size;
    for (int k = ZERO; k < 3; k++) {
        vec2 hip = vec2(0.25, 0.35 - 0.2 * float(k)), knee = hip + vec2(0.4, 0.35 - 0.35 * float(k)), foot = knee + vec2(0.12, -0.3 + 0.1 * float(1 - k));
        legs = min(legs, min(segment(m, hip, knee), segment(m, knee, foot)) - 0.035);
    }
    colour = mix(colour, bee_colours_at(0) * 0.4, inside(legs, soft));
    vec3 light = normalize(vec3(turned * unit_vector(sun), 0.9));
    for (int k = ZERO; k < 3; k++) {
        vec2 centre = vec2(0.0, k == 0 ? -0.5 : k == 1 ? 0.3 : 0.78), radius = k == 0 ? vec2(0.42, 0.72) : k == 1 ? vec2(0.38, 0.36) : vec2(0.27, 0.2);
        vec2 v = (q - centre) / radius;
        float r2 = dot(v, v);
        if (r2 > 1.2) continue;
        float stripe = smoothstep(0.4, 0.6, zigzag(2.1 * v.y + 0.12 * v.x * v.x)), fuzz = noise(26.0 * q, salt + 62.0);
        vec3 coat = k == 0 ? mix(bee_colours_at(0) * 0.5, mix(bee_colours_at(2), vec3(0.75, 0.5, 0.12), 0.4), stripe) : mix(bee_colours_at(1), vec3(0.45, 0.33, 0.16), 0.5) * (0.6 + 0.7 * fuzz);
        if (k == 2) coat = bee_colours_at(0) * 0.5;
        vec3 normal = vec3(v, sqrt(max(1.0 - r2, 0.02)));
        colour = mix(colour, coat * (0.3 + 0.85 * max(dot(normal, light), 0.0)) + 0.2 * pow(max(reflect(-light, normal).z, 0.0), 10.0), inside(sqrt(r2) - 1.0 + (k == 1 ? 0.15 * fuzz : 0.0), 2.0 * soft));
    }
    for (int k = ZERO; k < 2; k++) {
        vec2 v = rotation(k == 0 ? 1.05 + 0.3 * g.x : 1.35 + 0.3 * g.x) * (m - vec2(0.2, 0.35 - 0.15 * float(k)));
        float l = k == 0 ? 0.55 : 0.38, d = length((v - vec2(-0.0, -l)) * vec2(2.6, 1.0)) - l;
        vec3 film = mix(colour, vec3(0.9), 0.28 + 0.3 * smoothstep(0.6, 0.8, noise(vec2(7.0 * v.x, 2.0 * v.y), salt + 63.0)));
        colour = mix(colour, film, 0.9 * inside(d, soft));
        colour = mix(colour, bee_colours_at(0) * 0.6, 0.5 * stroke(d, 0.012, soft));
    }
    return colour;
}

vec3 shade(vec2 p) {
    float far = 1.0 / (1.0 - slant * clamp(p.y, -1.1, 1.1));
    vec2 flat_ = vec2(p.x, p.y * (1.0 + 0.6 * slant)) * far * (1.0 + bulge * dot(p, p)), light = unit_vector(sun);
    vec2 q = rotation(turn) * flat_ * scale + 40.0, sun_here = rotation(turn) * light;
    vec4 cell = hexagon(q);
    ivec2 id = ivec2(cell.zw);
    vec3 h = hash3(id, salt);
    vec2 v = cell.xy, a = abs(v);
    float edge = 0.5 - max(a.x, dot(a, vec2(0.5, 0.8660254)));
    float rim = edge - wall * (0.8 + 0.5 * noise(2.0 * q, salt + 1.0));
    vec2 centre = q - v;
    float state = fbm(patch_scale * centre, 3, 0.5, salt + 2.0) + 0.2 * (h.x - 0.5);
    float grit = fbm(3.0 * q, 3, 0.6, salt + 3.0);
    vec3 colour = wax(0.6 + 0.25 * (grit - 0.5) + 0.2 * (state - 0.5)) * (0.85 + 0.3 * smoothstep(wall, 0.0, edge));
    if (rim > 0.0) {
        float inner = rim / (0.5 - wall), side = dot(normalize(v + 1e-4), sun_here);
        vec3 inside_ = wax(0.25 + 0.2 * h.y) * mix(0.9, 0.25, smoothstep(0.0, 0.45, inner) * deep) * (0.75 - 0.4 * side * (1.0 - inner));
        inside_ += 0.12 * wax_at(2) * smoothstep(0.0, 0.5, length(v - 0.12) + 0.2) * inner * (1.0 - deep);
        if (state < filled * 0.75) {
            float pool = smoothstep(0.0, 0.25, rim);
            vec3 amber = honey(0.35 + 0.35 * h.y + 0.35 * (1.0 - inner)) * (0.55 + 0.45 * dot(v, -sun_here) * 1.6 + 0.3 * inner);
            float shine_ = smoothstep(0.11, 0.05, length(v - 0.2 * sun_here * vec2(1.0, 0.9))) + 0.35 * smoothstep(0.05, 0.0, abs(length(v + 0.05) - 0.28)) * saturate(-side);
            inside_ = mix(inside_, amber + gloss * 0.75 * shine_, pool * 0.92);
        } else if (state > 1.0 - 0.8 * capped) {
            float dome = sqrt(saturate(inner)), crumple = fbm(7.0 * q, 4, 0.6, salt + 4.0);
            inside_ = wax(0.75 + 0.3 * (crumple - 0.5)) * (0.62 + 0.35 * dome + 0.7 * dot(v, sun_here) + 0.35 * (crumple - 0.5));
        }
        colour = mix(colour, inside_, smoothstep(0.0, 2.5 * PIXEL * scale * far, rim)) * (1.0 - 0.3 * smoothstep(0.06, 0.0, abs(rim)) * step(side, 0.0));
    }
    colour *= 0.9 + 0.2 * dot(p, light) * 0.6;
    float frame = edge_x + 0.05 * (noise(vec2(1.2 * p.y, 3.0), salt + 5.0) - 0.5) - dot(p, unit_vector(turn));
    vec3 wood = wax(0.3 + 0.3 * fbm(rotation(turn) * p * vec2(14.0, 1.5), 3, 0.6, salt + 6.0)) * 0.75;
    colour = mix(colour * (1.0 - 0.5 * smoothstep(0.15, 0.0, frame)), wood, inside(frame, 0.02));
    for (int i = ZERO; i < int(bees); i++) colour = bee(colour, p, i);
    return colour;
}
