// title: Arched bridge over still water
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: stone palette
// parameter: land palette
// parameter: sky palette
// parameter: salt seed
// parameter: water_line uniform -0.5 0.0
// parameter: arches log_uniform 0.6 2.2
// parameter: shift uniform 0.0 1.0
// parameter: deck uniform 0.25 0.75
// parameter: crown uniform 0.0 0.3
// parameter: pier uniform 0.08 0.22
// parameter: pointed uniform 0.0 0.6
// parameter: slope uniform -0.15 0.15
// parameter: blocks log_uniform 5.0 12.0
// parameter: banks uniform 0.1 0.7
// parameter: trees uniform 0.0 0.35
// parameter: ripple uniform 0.1 1.0
// parameter: sun uniform -1.0 1.0
// parameter: haze uniform 0.1 0.8
// parameter: dimness uniform 0.3 0.7

vec3 view(vec2 p) {
    float up = p.y - water_line;
    vec3 air = mix(sky_at(3), sky(0.6), 0.3);
    vec3 colour = mix(air, sky(0.4), saturate(0.7 * up));
    colour = mix(colour, vec3(0.96), 0.75 * smoothstep(0.48, 0.72, fbm(p * vec2(0.9, 1.9) + 8.0, 5, 0.52, salt)));
    for (int i = ZERO; i < 2; i++) {
        float line = 0.2 + 0.35 * (fbm(vec2(1.5 * p.x + 6.0 * float(i), 1.0), 5, 0.52, salt + 1.0) - 0.35 * float(i)) + trees * 0.3 * (noise(vec2(9.0 * p.x, float(i)), salt + 2.0) - 0.5);
        vec3 wood = mix(land(0.2 + 0.4 * fbm(7.0 * p, 3, 0.6, salt + 3.0)), air, haze * (0.9 - 0.4 * float(i)));
        colour = mix(colour, wood, inside(up - line, 2.0 * PIXEL));
    }
    float x = arches * p.x + shift + 3.0, cell = fract(x) - 0.5, half_ = 0.5 - pier * 0.5 * arches - 0.04;
    float top = deck + crown * (1.0 - p.x * p.x) + slope * p.x;
    float spring = 0.25 * top, high = top * 0.86 - spring;
    float ax = abs(cell) / half_, arch = (pow(ax, 2.0 - pointed) + pow(saturate((up - spring) / high), 2.0) - 1.0) * 0.3;
    float solid = max(up - top, -arch);
    if (solid < 0.0) {
        vec2 b = vec2(p.x, up) * blocks * vec2(0.6, 1.1);
        b.x += 0.5 * mod(floor(b.y), 2.0);
        vec2 f = abs(fract(b) - 0.5);
        float grain = fbm(4.0 * p, 4, 0.6, salt + 4.0);
        vec3 wall = stone(0.4 + 0.35 * hash1(ivec2(floor(b)), salt + 5.0) + 0.4 * (grain - 0.5)) * (1.0 - 0.35 * smoothstep(0.42, 0.48, max(f.x, f.y)));
        wall *= 0.75 + 0.3 * smoothstep(0.0, 0.4, up) - 0.25 * smoothstep(0.1, 0.0, up);
        if (arch < 0.075 && up > spring) wall = stone(0.72) * (0.8 + 0.35 * grain) * (1.0 - 0.4 * smoothstep(0.4, 0.48, abs(fract(atan(cell, up - spring) * 6.0) - 0.5)));
        float parapet = top - up;
        if (parapet < 0.11) wall = parapet < 0.035 ? stone(0.85) : stone(0.6) * (0.75 + 0.3 * grain);
        wall *= 1.0 - 0.45 * smoothstep(0.16, 0.11, parapet) * step(0.11, parapet);
        colour = mix(colour, wall * (0.95 - 0.25 * sun * p.x), inside(solid, PIXEL));
    } else if (up < top) {  // the far edge of the arch, in shade
        vec2 c = vec2(abs(cell + 0.1 * sun) / half_, saturate((up - spring) / high));
        if (pow(c.x, 2.0 - pointed) + c.y * c.y > 1.0) colour = stone(0.25) * dimness * (0.7 + 0.5 * fbm(5.0 * p, 3, 0.6, salt + 6.0));
    }
    float bank = abs(p.x) - 1.05 + banks * 0.7 * (noise(vec2(1.0, sign(p.x) * 3.0), salt + 7.0)) - 0.2 * fbm(3.0 * p, 3, 0.5, salt + 8.0);
    float rise = (0.1 + 1.1 * banks * (0.4 + noise(vec2(5.0 * p.x, 3.0), salt + 9.0))) * saturate(4.0 * (bank + 0.25));
    vec3 turf = land(0.1 + 0.5 * fbm(vec2(9.0, 6.0) * p, 3, 0.6, salt + 10.0)) * (0.55 + 0.6 * up);
    return mix(colour, turf, inside(up - rise, 3.0 * PIXEL) * step(0.0, bank + 0.25));
}

vec3 shade(vec2 p) {
    float deep = water_line - p.y;
    if (deep < 0.0) return view(p);
    float far = log(deep + 0.06);
    float wave = fbm(vec2(2.5 * p.x / (0.3 + deep), 9.0 * far), 3, 0.5, salt + 20.0) - 0.5;
    vec2 mirror = vec2(p.x + 0.06 * ripple * wave, water_line + deep * (1.0 + 0.7 * ripple * wave) + 0.002);
    vec3 seen = view(mirror) * (0.85 - 0.25 * deep);
    seen = mix(seen, sky(0.25) * 0.7, 0.25 + 0.3 * saturate(deep));
    return seen + 0.3 * ripple * smoothstep(0.2, 0.35, wave) * sky_at(3) * smoothstep(0.9, 0.0, deep);
}
