// title: Dandelion clocks: a ball of parachutes, some already gone
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, shape
// parameter: colours palette
// parameter: back palette
// parameter: salt seed
// parameter: centre_x uniform -0.5 0.5
// parameter: centre_y uniform -0.2 0.5
// parameter: size log_uniform 0.4 0.95
// parameter: seeds integer 20 40
// parameter: gone uniform -0.3 0.6
// parameter: wind angle
// parameter: tuft uniform 0.2 0.34
// parameter: hairs integer 4 9
// parameter: flat_hair uniform 0.3 0.8
// parameter: heart uniform 0.1 0.2
// parameter: light angle
// parameter: glow uniform 0.1 0.9
// parameter: back_scale log_uniform 0.5 2.0
// parameter: dark_back uniform 0.25 0.9
// parameter: stem_bend uniform -0.4 0.4

vec3 backdrop(vec2 p) {
    float tone = fbm(back_scale * p + 4.0, 3, 0.42, salt + 50.0), strand = noise(vec2(5.0 * p.x + 2.0 * p.y, 0.8 * p.y), salt + 51.0);
    vec3 colour = back(0.1 + 0.75 * tone) * dark_back * (0.75 + 0.5 * strand);
    Cell disc = cells(2.0 * back_scale * p, 0.9, salt + 52.0);
    colour += 0.25 * glow * back_at(3) * smoothstep(0.4, 0.3, disc.nearest) * step(0.72, hash1(disc.id, salt + 53.0));
    vec2 gap = p - 0.9 * unit_vector(light);
    return colour + 0.5 * glow * back_at(3) * exp(-1.3 * dot(gap, gap));
}

// A parachute seen along `axis` (its length is the foreshortening): share of a hair here.
float parachute(vec2 q, vec2 axis, float r, float phase) {
    float lean = length(axis);
    vec2 along = axis / max(lean, 1e-3), v = vec2(dot(q, along), dot(q, vec2(-along.y, along.x)));
    v.x /= mix(1.0, flat_hair, lean);
    float reach = length(v);
    if (reach > r) return 0.0;
    float wedge = TURN / (2.0 * hairs), a = mod(atan(v.y, v.x) + phase, wedge) - 0.5 * wedge;
    float hair = inside(abs(a) * reach - 0.004, 0.02) * (1.0 - 0.4 * reach / r);
    return max(hair * 0.8, 0.22 * smoothstep(r, 0.6 * r, reach));
}

vec3 shade(vec2 p) {
    vec3 colour = backdrop(p);
    vec2 c = vec2(centre_x, centre_y), q = (p - c) / size;
    float down = c.y - p.y, stem = p.x - c.x - stem_bend * down * down;
    if (down > 0.0) colour = mix(colour, colours(0.4) * (0.75 + 14.0 * stem * cos(light)), inside(abs(stem) - 0.028, 2.0 * PIXEL));
    float r = length(q);
    vec3 white = mix(colours_at(3), vec3(0.97), 0.5);
    if (gone < 0.15) colour = mix(colour, white * 0.75, 0.28 * sqrt(max(1.0 - r * r, 0.0)));
    for (int i = ZERO; i < int(seeds); i++) {
        vec3 h = hash3(i, salt);
        float z = -1.0 + 2.0 * (float(i) + 0.5) / seeds, around = 2.39996323 * float(i) + 0.5 * h.x;
        vec2 place = sqrt(1.0 - z * z) * unit_vector(around) * (0.72 + 0.08 * h.y);
        bool flown = dot(place, unit_vector(wind)) + 0.5 * (h.z - 0.5) > 0.75 - 1.3 * gone;
        if (flown && h.y > 0.35) continue;
        if (flown) place = place * 1.2 + unit_vector(wind) * (0.3 + 1.6 * h.x) + 0.5 * (h.yz - 0.5);
        float bright = (0.5 + 0.35 * z) * (0.75 + 0.5 * dot(place, unit_vector(light)));
        vec2 root = flown ? place - 0.4 * normalize(unit_vector(wind) + 0.7 * (h.xy - 0.5)) : 0.9 * heart * place;
        float stalk = segment(q, root, place);
        if (stalk > tuft) continue;
        colour = mix(colour, mix(back_at(0), white, 0.35 + 0.4 * bright), 0.75 * inside(stalk - 0.005, 0.025));
        if (flown) colour = mix(colour, colours_at(0) * 0.7, inside(segment(q, root, mix(root, place, 0.25)) - 0.02, 0.02));
        colour = mix(colour, white * (0.55 + 0.7 * bright), saturate(parachute(q - place, flown ? (place - root) * 2.0 : place, tuft, 6.0 * h.z)));
    }
    Cell grain = cells(q / heart * 3.5 + 20.0, 0.5, salt + 6.0);
    vec3 core = colours(0.1 + 0.4 * hash1(grain.id, salt + 7.0)) * (0.55 + 0.6 * dot(q / heart, unit_vector(light)) + 0.6 * (0.5 - grain.nearest));
    return mix(colour, core, inside(r - heart, 2.0 * PIXEL / size));
}
