// title: Clock faces on a wall, with numerals or marks
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: face_colours palette
// parameter: wall palette
// parameter: salt seed
// parameter: count integer 1 4
// parameter: size uniform 0.45 0.95
// parameter: shift_x uniform -0.4 0.4
// parameter: shift_y uniform -0.4 0.4
// parameter: hour uniform 0.0 12.0
// parameter: marks integer 0 3
// parameter: hands integer 0 2
// parameter: case_kind integer 0 2
// parameter: rim uniform 0.06 0.22
// parameter: inverse uniform 0.0 1.0
// parameter: sun angle
// parameter: squeeze uniform 0.6 1.0
// parameter: glass uniform 0.0 0.4
// parameter: wall_scale log_uniform 1.5 6.0
// parameter: wall_kind integer 0 2
// parameter: age uniform 0.0 0.6

vec3 colour;
vec2 light;

// Strokes that look like a Roman numeral, read from the centre.
float numeral(vec2 v, int n) {
    float d = 9.0, x = -0.5;
    for (int i = ZERO; i < 3; i++) {
        if (i >= 1 + n % 3) break;
        float at = (float(i) - 0.5 * float(n % 3)) * 0.36;
        bool slanted = n > 3 && i == 0;
        float lean = slanted ? 0.16 : 0.0;
        d = min(d, segment(v, vec2(at - lean, -0.5), vec2(at + lean, 0.5)));
        if (slanted) d = min(d, segment(v, vec2(at + lean * (n > 8 ? 1.0 : 3.0), n > 8 ? -0.5 : 0.5), vec2(at - lean, n > 8 ? 0.5 : -0.5)));
    }
    return min(d - 0.06, box(vec2(v.x, abs(v.y) - 0.5), vec2(0.25 + 0.15 * float(n % 3), 0.02)));
}

void clock(vec2 v, float r, float time, float key) {
    float d = length(v) / r, angle = atan(v.x, v.y);
    vec2 n = v / max(length(v), 1e-3);
    float outer = case_kind < 0.5 ? d : case_kind < 1.5 ? polygon(rotation(0.3927) * v, 8.0, r) / r + 1.0 : box(v, vec2(0.95 * r)) / r + 1.0;
    colour *= 1.0 - 0.55 * smoothstep(1.35, 0.95 + rim, case_kind > 1.5 ? box(v + 0.15 * r * light, vec2(0.95 * r)) / r + 1.0 : length(v + 0.15 * r * light) / r);
    float edge = clamp((outer - 1.0) / rim, -1.0, 1.0);
    float grain = noise(case_kind < 0.5 ? vec2(4.0 * angle, 14.0 * d) : v * vec2(4.0, 22.0), key + 1.0);
    vec3 frame = face_colours(0.3 + 0.3 * grain) * (0.6 + 0.6 * edge * dot(n, light) + 0.3 * sqrt(1.0 - edge * edge));
    colour = mix(colour, frame, inside((outer - 1.0 - rim) * r, 2.0 * PIXEL));
    float light_face = step(inverse, 0.65);
    vec3 paper = mix(face_colours(0.05), face_colours(0.97), light_face), ink = mix(face_colours(0.95), face_colours(0.05), light_face);
    paper *= 1.0 - age * 0.6 * smoothstep(0.4, 0.8, fbm(2.0 * v / r + 9.0, 4, 0.6, key + 2.0));
    float hour_ = angle / TURN * 12.0, nearest = floor(hour_ + 0.5), minute = abs(fract(hour_ * 5.0 + 0.5) - 0.5) * d * TURN / 60.0;
    vec2 m = d * vec2(sin((hour_ - nearest) * TURN / 12.0), cos((hour_ - nearest) * TURN / 12.0));
    int number = int(mod(nearest + 11.0, 12.0)) + 1;
    if (d > 0.88 && d < 0.94) paper = mix(paper, ink, inside(minute - 0.008, 0.02) + inside(abs(d - 0.89) - 0.004, 0.015));
    float mark = marks < 0.5 ? numeral((m - vec2(0.0, 0.72)) / 0.22, number) * 0.22
        : marks < 1.5 ? box(m - vec2(0.0, 0.75), vec2(number % 3 == 0 ? 0.04 : 0.016, 0.09))
        : marks < 2.5 ? length(m - vec2(0.0, 0.76)) - (number % 3 == 0 ? 0.07 : 0.035)
        : abs(box(m - vec2(0.0, 0.73), vec2(number > 9 ? 0.07 : 0.035, 0.07))) - 0.02;
    paper = mix(paper, ink, inside(mark, 2.0 * PIXEL / r));
    if (d < 0.5) paper = mix(paper, face_colours(0.6), 0.35 * inside(abs(d - 0.47) - 0.015, 0.02) + 0.18 * step(0.0, cos(24.0 * angle)) * step(d, 0.4) * step(hands, 0.5));
    vec2 s = v / r;
    for (int k = ZERO; k < 3; k++) {
        float a = TURN * (k == 0 ? time / 12.0 : k == 1 ? fract(time) : fract(time * 7.3)), l = k == 0 ? 0.48 : k == 1 ? 0.78 : 0.82;
        vec2 way = vec2(sin(a), cos(a));
        float t = saturate(dot(s, way) / l), w = k == 2 ? 0.01 : hands < 0.5 ? 0.035 * (1.3 - t) : hands < 1.5 ? 0.02 + 0.045 * sin(PI * t) * (k == 0 ? 1.3 : 1.0) : 0.028;
        vec3 paint = k == 2 ? mix(vec3(0.7, 0.15, 0.1), ink, 0.2) : ink;
        paper *= 1.0 - 0.3 * inside(segment(s + 0.05 * light, -0.12 * way, l * way) - w, 0.05);
        paper = mix(paper, paint * (0.9 + 0.2 * dot(s, light)), inside(segment(s, -0.12 * way, l * way) - w, 2.0 * PIXEL / r));
    }
    paper = mix(paper, face_colours(0.5), inside(d - 0.05, 0.02));
    paper *= 0.5 + 0.5 * smoothstep(1.0, 0.82, length(s - 0.1 * light)) + 0.15 * dot(s, light);
    paper += glass * smoothstep(0.08, -0.02, abs(dot(s, light) - 0.35 - 0.2 * dot(s, vec2(-light.y, light.x))) - 0.14);
    colour = mix(colour, paper, inside((d - 1.0) * r, 2.0 * PIXEL));
}

vec3 shade(vec2 p) {
    light = unit_vector(sun);
    vec2 b = wall_scale * p;
    if (wall_kind > 1.5) b.x += 0.5 * mod(floor(2.0 * b.y), 2.0);
    float tone = wall_kind < 0.5 ? 0.5 * step(0.5, fract(b.x)) : wall_kind < 1.5 ? 0.5 : hash1(ivec2(floor(b * vec2(1.0, 2.0))), salt);
    colour = wall(0.3 + 0.4 * tone + 0.5 * (fbm(1.5 * p + 4.0, 5, 0.6, salt + 1.0) - 0.5)) * (0.85 + 0.35 * dot(p, light));
    if (wall_kind > 1.5) { vec2 f = abs(fract(b * vec2(1.0, 2.0)) - 0.5); colour *= 1.0 - 0.45 * smoothstep(0.44, 0.48, max(f.x, f.y)); }
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt + 2.0);
        float r = size * (count < 1.5 ? 0.95 : 0.72 - 0.11 * count + 0.25 * h.z);
        vec2 at = count < 1.5 ? vec2(shift_x, shift_y) : vec2(shift_x, shift_y) * 0.4 + 0.62 * unit_vector(TURN * (float(i) / count + h.x * 0.2) + sun);
        vec2 v = (p - at) / vec2(squeeze, 1.0);
        if (length(v) < 2.2 * r) clock(v, r, hour + 12.0 * h.x * float(i), salt + 5.0 * float(i));
    }
    return colour;
}
