// title: Meshing gears of brass and steel over a plate
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: metal palette
// parameter: plate palette
// parameter: salt seed
// parameter: count integer 3 9
// parameter: size uniform 0.28 0.6
// parameter: pitch log_uniform 0.05 0.11
// parameter: tooth uniform 0.4 1.0
// parameter: spokes integer 3 8
// parameter: solid uniform 0.0 0.8
// parameter: sun angle
// parameter: gloss uniform 0.1 0.8
// parameter: rust uniform 0.0 0.7
// parameter: turn angle
// parameter: plate_kind integer 0 2
// parameter: lift uniform 0.04 0.14

vec3 colour;

// Distance to a wheel at the origin, radius r.
float wheel(vec2 v, float r, vec3 h, float phase) {
    float d = length(v), angle = atan(v.y, v.x) + phase, teeth = floor(3.0 * r / pitch);
    float wave = zigzag(angle * teeth / TURN);
    float rim = d - r - pitch * 0.55 * tooth * (smoothstep(0.25, 0.65, wave) - 0.5);
    float bore = 0.09 * r + 0.015 - d;
    if (h.x < solid) return max(rim, bore);
    float wedge = TURN / spokes, a = mod(angle, wedge) - 0.5 * wedge;
    float gap = max(max(0.3 * r - d, d - 0.74 * r), 0.09 * r - (0.5 * wedge - abs(a)) * d);
    return max(max(rim, -gap), bore);
}

vec3 shade(vec2 p) {
    vec2 light = unit_vector(sun);
    float stain = fbm(1.6 * p + 4.0, 4, 0.55, salt + 20.0);
    colour = plate(0.1 + 0.5 * stain) * (0.75 + 0.3 * dot(p, light));
    if (plate_kind < 0.5) colour *= 0.85 + 0.25 * noise(rotation(turn) * p * vec2(3.0, 60.0), salt + 21.0);
    if (plate_kind > 1.5) {
        vec2 c = fract(3.0 * p) - 0.5;
        colour *= 1.0 - 0.7 * inside(length(c) - 0.3, 0.08) + 0.25 * smoothstep(0.1, 0.0, abs(length(c + 0.03 * light) - 0.34));
    }
    vec2 at = vec2(0.0);
    float last = 0.0, phase = 0.0;
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt + 1.0);
        float r = size * (0.45 + 0.8 * h.z), way = turn + 2.1 * float(i) + 1.2 * h.y;
        at = i == 0 ? 0.5 * (h.xy - 0.5) : at + (r + last) * unit_vector(way);
        if (length(at) > 1.4) at *= -0.4;
        last = r;
        phase = TURN * h.x;
        vec2 v = p - at;
        if (length(v) > r + 0.35) continue;
        float over = 0.5 + float(i) / count;
        colour *= 1.0 - 0.6 * smoothstep(lift * over, -lift * over, wheel(v + 1.2 * lift * over * light, r, h, phase));
        float d = wheel(v, r, h, phase);
        if (d > 2.0 * PIXEL) continue;
        float e = 0.012;
        vec2 slope = vec2(wheel(v + vec2(e, 0.0), r, h, phase) - d, wheel(v + vec2(0.0, e), r, h, phase) - d) / e;
        float bevel = smoothstep(-0.05, -0.005, d), lathe = noise(vec2(40.0 * length(v), 1.0), salt + float(i));
        float glare = pow(abs(dot(normalize(v + 1e-4), normalize(light + vec2(0.2, -0.3)))), 6.0);
        vec3 skin = mix(metal(0.35 + 0.5 * hash1(i, salt + 2.0)), metal(0.15), rust * smoothstep(0.45, 0.65, fbm(3.0 * v + 9.0 * h.xy, 4, 0.6, salt + 5.0)));
        vec3 lit = skin * (0.55 + 0.2 * lathe + 0.5 * bevel * dot(slope, light) + gloss * 0.6 * glare);
        float hub = length(v) - 0.2 * r;
        lit *= 1.0 - 0.4 * smoothstep(0.05, 0.0, abs(hub)) + 0.3 * smoothstep(0.02, 0.0, abs(hub + 0.02)) * dot(normalize(v + 1e-4), light);
        colour = mix(colour, lit, inside(d, 2.0 * PIXEL));
        vec2 c = v / (0.07 * r + 0.02);
        colour = mix(colour, metal(0.75) * (0.6 + 0.4 * dot(c, light)), inside((length(c) - 1.0) * 0.07 * r, 2.0 * PIXEL));
    }
    return colour;
}
