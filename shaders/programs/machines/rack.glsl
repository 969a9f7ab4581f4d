// title: Rack of ports with plugged cables hanging in bundles
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: case_colours palette
// parameter: sleeves palette
// parameter: salt seed
// parameter: scale log_uniform 0.55 1.15
// parameter: cables integer 3 13
// parameter: thick uniform 0.035 0.085
// parameter: sag uniform 0.2 1.2
// parameter: gather uniform -0.8 0.8
// parameter: loose uniform 0.2 1.0
// parameter: sun angle
// parameter: lamps uniform 0.1 0.9
// parameter: vents uniform 0.1 0.6
// parameter: slant uniform -0.3 0.3
// parameter: tone uniform 0.15 0.9
// parameter: gloss uniform 0.1 0.7

vec3 colour;
vec2 light;

void unit_(vec2 q) {
    float row = floor(q.y * 2.0), f = fract(q.y * 2.0);
    vec3 h = hash3(int(row), salt + 1.0);
    colour = case_colours(tone + 0.3 * (h.x - 0.5)) * (0.85 + 0.15 * noise(q * vec2(2.0, 60.0), salt + 2.0));
    float rim = min(f, 1.0 - f);
    colour *= 1.0 - 0.65 * smoothstep(0.05, 0.02, rim) + 0.3 * smoothstep(0.1, 0.05, 1.0 - f) * smoothstep(0.03, 0.06, 1.0 - f);
    float x = q.x * 4.0, part_ = fract(x) - 0.5;
    vec3 g = hash3(ivec2(int(floor(x)), int(row)), salt + 3.0);
    if (h.y < vents) {
        float slot = abs(fract(q.x * 9.0) - 0.5);
        colour *= 1.0 - 0.75 * inside(max(slot - 0.25, abs(f - 0.5) - 0.28) , 0.1);
        return;
    }
    float port = box(vec2(part_, (f - 0.42) * 2.0), vec2(0.3, 0.34));
    colour *= 1.0 - 0.4 * smoothstep(0.1, 0.0, port);
    if (port < 0.0) {
        colour = case_colours(0.1) * (0.35 + 0.5 * smoothstep(0.0, -0.2, port));
        if (abs(part_) < 0.2 && f < 0.4) colour = mix(colour, case_colours(0.9), 0.6 * step(0.5, fract(14.0 * part_)));
    }
    float led = length(vec2(part_ - 0.22, (f - 0.84) * 2.0)) - 0.08;
    vec3 glow = g.x < 0.6 ? vec3(0.35, 0.85, 0.4) : vec3(0.95, 0.65, 0.2);
    colour = mix(colour, g.y < lamps ? glow : case_colours(0.15), inside(led, 0.06));
    if (g.y < lamps) colour += glow * 0.3 * exp(-9.0 * max(led, 0.0));
}

vec3 shade(vec2 p) {
    light = unit_vector(sun);
    vec2 q = scale * (rotation(slant) * p) + 4.0 * hash2(1, salt);
    unit_(q);
    colour *= 0.85 + 0.25 * dot(p, light);
    vec2 knot = vec2(gather, -0.9);
    for (int i = ZERO; i < int(cables); i++) {
        vec3 h = hash3(i, salt + 5.0);
        // Ports have their own lattice; a cable leaves one and falls towards the bundle.
        vec2 place = (scale * (rotation(slant) * (1.8 * h.xy - vec2(0.9, 0.5))) + 4.0 * hash2(1, salt));
        place = vec2((floor(4.0 * place.x) + 0.5) / 4.0, (floor(2.0 * place.y) + 0.42) / 2.0);
        vec2 a = transpose(rotation(slant)) * (place - 4.0 * hash2(1, salt)) / scale;
        vec2 b = knot + loose * vec2(0.9 * (h.z - 0.5), -0.4);
        vec2 c = vec2(mix(a.x, b.x, 0.25), min(a.y, b.y) + 0.4 * (a.y - b.y) - sag * (0.3 + 0.5 * h.z) * 0.4);
        float best = 9.0, at = 0.0, cover = 9.0;
        vec2 before = a, side = vec2(0.0, 1.0);
        for (int k = ZERO; k < 7; k++) {
            float t = float(k + 1) / 7.0;
            vec2 here = mix(mix(a, c, t), mix(c, b, t), t), along = normalize(here - before + 1e-5);
            float d = segment(p, before, here);
            cover = min(cover, segment(p + 0.07 * light, before, here));
            if (d < best) { best = d; side = vec2(-along.y, along.x); at = dot(p - before, side); }
            before = here;
        }
        float r = thick * (0.7 + 0.5 * h.y);
        colour *= 1.0 - 0.5 * smoothstep(2.2 * r, 0.4 * r, cover);
        float v = clamp(at / r, -1.0, 1.0), facing = v * dot(side, light);
        vec3 skin = sleeves(h.x);
        float round_ = sqrt(max(1.0 - v * v, 0.0));
        vec3 lit = skin * (0.3 + 0.5 * round_ + 0.45 * facing) + gloss * 0.5 * smoothstep(0.25, 0.0, abs(facing - 0.45));
        colour = mix(colour, lit, inside(best - r, 2.0 * PIXEL));
        vec2 plug = p - a;
        vec2 half_size = vec2(0.075, 0.085) / max(scale, 0.8);
        float d = box(plug, half_size);
        colour *= 1.0 - 0.45 * smoothstep(0.05, 0.0, box(plug + 0.03 * light, half_size));
        vec3 shell = mix(skin, case_colours(0.8), 0.4) * (0.85 + 0.5 * dot(plug / half_size, light) * 0.5);
        shell *= 1.0 - 0.35 * step(0.6, fract(plug.y * 40.0)) * step(plug.y, 0.0);
        colour = mix(colour, shell, inside(d, 2.0 * PIXEL));
    }
    return colour;
}
