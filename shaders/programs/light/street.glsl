// title: Wet street at night, lamps and cars mirrored in it
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: walls palette
// parameter: lights palette
// parameter: salt seed
// parameter: horizon uniform -0.4 0.5
// parameter: vanish_x uniform -0.9 0.9
// parameter: street_width uniform 0.3 1.2
// parameter: houses log_uniform 1.0 2.6
// parameter: house_height uniform 0.5 1.4
// parameter: lamps integer 2 6
// parameter: glow uniform 0.3 1.0
// parameter: windows uniform 0.15 0.7
// parameter: wet uniform 0.2 1.0
// parameter: cars integer 0 4
// parameter: dusk uniform 0.1 0.8
// parameter: flare uniform 0.0 0.6
// parameter: fog uniform 0.0 0.8

vec3 lamp_colour(int i) { return mix(vec3(1.0, 0.82, 0.52), lights(0.9), 0.35 * hash1(i, salt + 1.0)); }

// What stands above the road, without the lights' halos.
vec3 town(vec2 p) {
    vec3 night = mix(walls(0.12), lights(0.55), dusk * saturate(0.75 - 0.7 * (p.y - horizon)));
    vec3 colour = night * (0.7 + 0.5 * fbm(p * vec2(0.8, 2.0) + 4.0, 4, 0.5, salt + 2.0));
    vec2 v = p - vec2(vanish_x, horizon);
    float side = sign(v.x), z = street_width / max(abs(v.x), 0.03);  // depth along the row of fronts
    float along = houses * z;
    int house = int(floor(along));
    vec3 h = hash3(ivec2(house, int(side)), salt + 3.0);
    float roof = house_height * (0.55 + 0.9 * h.x) / z, y = v.y * z;
    if (v.y < roof && z < 9.0) {
        vec2 w = vec2(fract(along) * 3.0, y * 3.2), f = abs(fract(w) - 0.5);
        vec3 front = walls(0.2 + 0.5 * h.y) * (0.25 + 0.35 * exp(-2.2 * abs(y - 0.25))) * (0.8 + 0.4 * noise(vec2(6.0 * along, 6.0 * y), salt + 4.0));
        vec3 g = hash3(ivec2(floor(w)) + house * 17, salt + 5.0);
        bool pane = max(f.x * 1.3, f.y) < 0.33 && y > 0.05 && y * z < 9.0;
        if (pane) front = g.x < windows ? mix(vec3(1.0, 0.8, 0.5), lights(g.y), 0.3) * (0.45 + 0.6 * g.z) : walls_at(0) * 0.4;
        if (y < 0.28 && g.z < 0.4) front = lights(0.3 + 0.7 * g.x) * (f.x < 0.42 ? 0.9 : 0.3);
        colour = mix(mix(front, night, 0.5 * fog), night, saturate(fog * 0.12 * z));
    }
    return colour;
}

// Lamps and cars: added light.
vec3 lit(vec2 p, float spread) {
    vec3 sum = vec3(0.0);
    for (int i = ZERO; i < int(lamps) * 2; i++) {
        float z = 0.55 + 0.75 * float(i / 2), hand = (i & 1) == 0 ? -1.0 : 1.0;
        vec2 at = vec2(vanish_x, horizon) + vec2(0.72 * street_width * hand, 0.55) / z, v = (p - at) * vec2(1.0, spread);
        float r = length(v) * z;
        sum += lamp_colour(i) * (1.2 * smoothstep(0.07, 0.03, r) + glow * 0.08 / (0.05 + r * r * 3.0) * smoothstep(1.5, 0.0, r));
        sum += flare * lamp_colour(i) * 0.25 * smoothstep(0.02, 0.0, abs(v.y)) * smoothstep(0.4, 0.0, abs(v.x)) / z;
    }
    for (int i = ZERO; i < int(cars) * 2; i++) {
        vec3 h = hash3(i / 2, salt + 7.0);
        float z = 0.9 + 3.0 * h.x, hand = (i & 1) == 0 ? -1.0 : 1.0;
        bool coming = h.y < 0.5;
        vec2 at = vec2(vanish_x, horizon) + vec2((coming ? -0.3 : 0.3) * street_width + 0.085 * hand, -0.2) / z;
        float r = length((p - at) * vec2(1.0, spread)) * z;
        vec3 beam = coming ? vec3(1.0, 0.95, 0.85) : vec3(0.95, 0.16, 0.1);
        sum += beam * (1.2 * smoothstep(0.045, 0.02, r) + 0.5 * glow * 0.03 / (0.03 + r * r * 5.0) * smoothstep(1.0, 0.0, r));
    }
    return sum;
}

vec3 shade(vec2 p) {
    vec2 v = p - vec2(vanish_x, horizon);
    vec3 colour = town(p);
    float ground = -0.3 / max(street_width, 0.1) * abs(v.x);  // fronts meet the pavement here
    if (v.y < ground || (v.y < 0.0 && abs(v.x) < 0.1)) {
        float z = 0.3 / max(-v.y, 0.01);
        vec2 road = vec2(v.x * z, z);
        float grit = noise(road * vec2(14.0, 10.0), salt + 8.0), puddle = smoothstep(0.35, 0.6, fbm(road * vec2(2.5, 1.5), 3, 0.5, salt + 9.0));
        vec3 asphalt = walls(0.3) * (0.22 + 0.12 * grit);
        float line = abs(abs(road.x) - 0.42 * street_width) - 0.02;
        asphalt += 0.35 * inside(line, 0.02 * z + 0.01) + 0.35 * step(abs(road.x), 0.02) * step(0.5, fract(2.0 * z));
        float wave = 0.12 * (noise(vec2(9.0 * v.x, 26.0 * log(-v.y + 0.02)), salt + 10.0) - 0.5);
        vec2 mirror = vec2(p.x + 0.5 * wave * (1.0 - 0.5 * puddle), 2.0 * (horizon + ground) - p.y + wave * 1.5);
        vec3 sheen = town(vec2(mirror.x, max(mirror.y, horizon + 0.02))) * 0.75;
        colour = mix(asphalt, sheen, wet * (0.35 + 0.45 * puddle));
        vec2 above = vec2(p.x + wave, 2.0 * horizon - p.y - 0.1);
        colour += wet * (0.45 + 0.3 * puddle) * lit(above, 0.3) * (0.7 + 0.5 * grit);
    }
    for (int i = ZERO; i < int(lamps) * 2; i++) {
        float z = 0.55 + 0.75 * float(i / 2), hand = (i & 1) == 0 ? -1.0 : 1.0;
        vec2 foot = vec2(vanish_x, horizon) + vec2(0.85 * street_width * hand, -0.26) / z;
        float pole = segment(p, foot, foot + vec2(0.0, 0.86) / z) - 0.012 / z;
        pole = min(pole, segment(p, foot + vec2(0.0, 0.86) / z, foot + vec2(-0.13 * hand, 0.84) / z) - 0.012 / z);
        colour = mix(colour, walls_at(0) * 0.3, inside(pole, 2.0 * PIXEL));
    }
    return 1.0 - exp(-1.25 * (colour + lit(p, 1.0)));
}
