// title: Letters on a desk: envelopes, stamps, written sheets, photographs
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: colours palette
// parameter: ink palette
// parameter: desk palette
// parameter: salt seed
// parameter: count integer 3 10
// parameter: size log_uniform 0.35 0.8
// parameter: sprawl uniform 0.5 1.05
// parameter: disorder uniform 0.1 1.6
// parameter: turn angle
// parameter: paper uniform 0.3 1.0
// parameter: lines log_uniform 7.0 18.0
// parameter: postmarks uniform 0.0 1.0
// parameter: shadow uniform 0.25 0.6
// parameter: sun angle
// parameter: grain log_uniform 0.6 2.5
// parameter: planks uniform -1.0 1.0
// parameter: coins integer 0 5
// parameter: vignette uniform 0.0 0.5

vec3 desk_top(vec2 p) {
    vec2 q = rotation(turn + 0.3) * p * grain;
    float plank = planks > 0.0 ? floor(1.6 * q.y) : 0.0, seam = planks > 0.0 ? step(0.485, abs(fract(1.6 * q.y) - 0.5)) : 0.0;
    float fibre = fbm(vec2(0.9 * q.x + 5.0 * plank, 9.0 * q.y), 4, 0.6, salt + 40.0), wide = noise(vec2(0.5 * q.x, 2.2 * q.y) + plank, salt + 41.0);
    vec3 colour = desk(0.3 + 0.3 * wide + 0.35 * (fibre - 0.5) + 0.12 * (mod(plank, 3.0) - 1.0)) * 0.85;
    return colour * (1.0 - 0.5 * seam);
}

// A small picture: a hill, a sun, a sky.
vec3 picture(vec2 v, vec3 h) {
    float hill = 0.15 * sin(4.0 * v.x + 9.0 * h.x) + 0.5 * (h.y - 0.5);
    vec3 view = mix(ink(0.7), ink_at(3), saturate(0.5 + v.y));
    view = mix(view, ink_at(3), inside(length(v - 0.4 * (h.yz - 0.5)) - 0.18, 0.05));
    view = mix(view, colours(0.55), inside(v.y - hill - 0.15, 0.04));
    return mix(view, colours(0.2) * (0.7 + 0.6 * noise(5.0 * v + 9.0 * h.xy, salt + 50.0)), inside(v.y - hill + 0.12 * noise(vec2(7.0 * v.x, 2.0), salt + 51.0), 0.04));
}

vec3 stamp(vec3 sheet, vec2 v, float r, vec3 h) {
    vec2 edge = abs(v) - r * vec2(0.8, 1.0);
    float holes = length(vec2(fract(v.x / r * 4.0 + 0.5) - 0.5, fract(v.y / r * 4.0) - 0.5)) * r / 4.0 - 0.07 * r, outline = max(edge.x, edge.y);
    if (outline > -0.09 * r) outline = max(outline, -holes);
    sheet = mix(sheet, vec3(0.93) * (0.9 + 0.1 * h.x), inside(outline, 0.01));
    return mix(sheet, picture(v / r, h), inside(max(edge.x, edge.y) + 0.17 * r, 0.01));
}

vec3 face(vec2 q, vec2 half_size, vec3 h, vec3 g, int i) {
    vec2 light = unit_vector(sun);
    vec3 stock = mix(colours(0.35 + 0.65 * h.x), vec3(0.92, 0.89, 0.82), paper * (0.55 + 0.45 * g.x));
    stock *= 0.95 + 0.1 * (fbm(3.0 * q + 9.0 * h.xy, 3, 0.5, salt + 42.0) - 0.5) + 0.04 * (noise(50.0 * q, salt + 43.0) - 0.5);
    float kind = g.y * 4.0, l = half_size.y, pen = 0.0;
    vec3 sheet = stock;
    if (kind < 1.3) {  // front of an envelope: an address, a stamp, a postmark
        vec2 a = q + vec2(0.15 * l, 0.2 * l);
        float row = floor(a.y / l * 6.0), f = fract(a.y / l * 6.0) - 0.5, reach = 0.35 + 0.35 * hash1(int(row), salt + 44.0 + float(i));
        pen = step(abs(row + 1.5), 2.0) * inside(abs(f + 0.3 * (noise(vec2(28.0 * a.x / l, row), salt + 45.0) - 0.5)) - 0.11, 0.1) * step(0.28, noise(vec2(9.0 * a.x / l, row), salt + 46.0)) * step(abs(a.x), reach * half_size.x);
        vec2 c = half_size - vec2(0.3, 0.34) * l;
        sheet = stamp(mix(sheet, ink_at(0) * 0.8, 0.8 * pen), q - c, 0.24 * l, h);
        float ring = length(q - c + vec2(0.4 * l, 0.1 * l));
        float mark = max(stroke(ring - 0.24 * l, 0.012, 0.015), max(stroke(ring - 0.16 * l, 0.008, 0.015), stroke(fract(9.0 * (q.y + 0.02 * sin(14.0 * q.x)) / l) * 0.1 - 0.05, 0.012, 0.02) * step(q.x, c.x - 0.1 * l) * step(abs(q.x - c.x + 0.55 * l), 0.5 * l) * step(abs(q.y - c.y), 0.22 * l)));
        if (g.z < postmarks) sheet = mix(sheet, ink_at(1) * 0.7, 0.6 * mark);
    } else if (kind < 2.1) {  // back of an envelope, with its flap and a seal
        float flap = half_size.y - (half_size.x - abs(q.x)) * 0.85 * half_size.y * 1.3 / half_size.x - q.y, lower = q.y + half_size.y - (half_size.x - abs(q.x)) * 1.05 * half_size.y / half_size.x;
        sheet *= 1.0 - 0.14 * smoothstep(0.0, 0.012, lower) * 0.6;
        sheet *= 1.0 - 0.3 * smoothstep(0.05, 0.0, flap) * step(0.0, flap) + 0.06 * step(flap, 0.0) * (light.y);
        float seal = length(q - vec2(0.0, -0.22 * l)) - 0.15 * l - 0.015 * l * sin(7.0 * atan(q.y, q.x));
        vec3 wax = ink(0.25 + 0.3 * h.y) * (0.8 + 3.0 * dot(q + vec2(0.0, 0.22 * l), light) / l * 0.3);
        sheet = mix(sheet, wax, inside(seal, 0.012) * step(h.z, 0.6));
        sheet = mix(sheet, wax * 0.7, stroke(seal + 0.05 * l, 0.01 * l, 0.012) * step(h.z, 0.6));
    } else if (kind < 3.2) {  // a written sheet
        float row = floor(q.y * lines), f = fract(q.y * lines) - 0.5, margin = half_size.x * 0.82;
        float swing = 0.35 * (noise(vec2(5.0 * lines * q.x, row), salt + 47.0 + float(i)) - 0.5);
        pen = inside(abs(f + swing) - 0.13, 0.2) * step(0.25, noise(vec2(1.1 * lines * q.x + 9.0 * row, 0.0), salt + 48.0)) * step(abs(q.x), margin * (hash1(int(row), salt + 49.0) < 0.2 ? 0.5 : 1.0)) * step(abs(q.y), half_size.y * 0.8);
        sheet = mix(sheet, ink_at(0), 0.75 * pen);
        sheet *= 1.0 - 0.12 * smoothstep(0.02, 0.0, abs(q.y - 0.3 * l)) - 0.06 * step(0.3 * l, q.y);
    } else {  // a photograph with a white rim
        float rim = max(abs(q.x) - half_size.x, abs(q.y) - half_size.y) + 0.1 * l;
        sheet = mix(picture(q / l * 0.8, h), vec3(0.93, 0.92, 0.88), smoothstep(-0.005, 0.005, rim));
        sheet += 0.12 * smoothstep(0.2, 0.0, abs(dot(q, light) - 0.2)) * step(rim, 0.0);
    }
    return sheet * (1.0 + 0.12 * dot(q, light));
}

vec3 shade(vec2 p) {
    vec3 colour = vec3(0.0);
    vec2 light = unit_vector(sun);
    float left = 1.0, lit = 1.0;  // what the papers above leave of this pixel and of its light
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float s = size * (0.7 + 0.5 * h.z);
        vec2 half_size = g.y * 4.0 > 2.1 && h.y > 0.4 ? s * vec2(0.62, 0.85) : s * vec2(0.95, 0.62);
        vec2 c = sprawl * (2.0 * h.xy - 1.0);
        mat2 turned = rotation(turn + disorder * (2.0 * g.x - 1.0));
        vec2 q = turned * (p - c);
        float d = box(q, half_size), curl = 0.02 + 0.05 * smoothstep(0.3, 1.0, length(q / half_size) * 0.8);
        float cover = inside(d, 1.5 * PIXEL);
        if (cover > 0.0) colour += left * lit * cover * face(q, half_size, h, g, i);
        left *= 1.0 - cover;
        if (left < 0.01) break;
        lit *= 1.0 - shadow * smoothstep(1.6 * curl, -curl, box(turned * (p - c + curl * 1.1 * light), half_size));
    }
    if (left > 0.01) colour += left * lit * desk_top(p);
    for (int i = ZERO; i < int(coins); i++) {
        vec3 h = hash3(i, salt + 60.0);
        vec2 v = p - 0.95 * (2.0 * h.xy - 1.0);
        float r = 0.07 + 0.06 * h.z, d = length(v) - r;
        colour *= 1.0 - shadow * smoothstep(0.04, -0.02, length(v + 0.025 * light) - r);
        float relief = dot(normalize(v + 1e-4), light) * smoothstep(0.75, 0.95, length(v) / r) + 0.6 * (noise(9.0 * v / r * 0.4 + 9.0 * h.xy, salt + 61.0) - noise(9.0 * (v / r - 0.15 * light) * 0.4 + 9.0 * h.xy, salt + 61.0));
        vec3 metal = mix(vec3(0.72, 0.66, 0.5), desk_at(2), 0.4) * (0.75 + 0.55 * relief) + 0.2 * smoothstep(0.3, 0.0, abs(dot(v, light) / r - 0.2));
        colour = mix(colour, metal, inside(d, 1.5 * PIXEL));
    }
    return colour * (1.05 - vignette * 0.5 * dot(p - 0.3 * light, p - 0.3 * light));
}
