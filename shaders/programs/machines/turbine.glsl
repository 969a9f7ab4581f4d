// title: Mouth of a turbine: blades, a spinner, a bolted ring
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: metal palette
// parameter: back palette
// parameter: salt seed
// parameter: centre_x uniform -0.5 0.5
// parameter: centre_y uniform -0.5 0.5
// parameter: radius uniform 0.65 1.3
// parameter: squeeze uniform 0.65 1.0
// parameter: lean angle
// parameter: blades integer 6 20
// parameter: sweep uniform -2.0 2.0
// parameter: blade_width uniform 0.5 1.0
// parameter: hub uniform 0.15 0.4
// parameter: swirl uniform -2.0 2.0
// parameter: ring uniform 0.1 0.3
// parameter: bolts integer 8 24
// parameter: sun angle
// parameter: grille integer 0 3
// parameter: gloss uniform 0.1 0.8
// parameter: stages integer 1 3

vec3 shade(vec2 p) {
    vec2 light = unit_vector(sun);
    float grime = fbm(1.4 * p + 5.0, 5, 0.6, salt);
    vec2 panel = fract(1.3 * p + 0.3) - 0.5;
    vec3 colour = back(0.25 + 0.6 * grime) * (0.8 + 0.35 * dot(p, light)) * (1.0 - 0.5 * smoothstep(0.47, 0.49, max(abs(panel.x), abs(panel.y))));
    vec2 q = rotation(lean) * (p - vec2(centre_x, centre_y));
    q.y /= squeeze;
    vec2 sunward = rotation(lean) * light, n = normalize(q + 1e-4);
    float r = length(q) / radius, angle = atan(q.y, q.x);
    float shade_ = length(q + 0.12 * sunward) / radius;
    colour *= 1.0 - 0.6 * smoothstep(1.3, 1.0 + 0.5 * ring, shade_);
    if (r < 1.0) {
        colour = back_at(0) * 0.25;
        for (int k = ZERO; k < int(stages); k++) {  // from the deepest stage to the front
            float near = float(k + 1) / stages, count = blades + 3.0 * (stages - 1.0 - float(k));
            float way = mod(float(k), 2.0) < 0.5 ? 1.0 : -1.0;
            float a = (angle + way * sweep * r * r + TURN * hash1(k, salt + 1.0)) * count / TURN;
            float f = fract(a), width = blade_width * (0.6 + 0.4 * r);
            if (k < int(stages) - 1) colour *= 0.8;
            float edge = smoothstep(0.0, 0.1, f) * smoothstep(width, width - 0.12, f);
            float turned = f / width;
            vec2 across = vec2(-n.y, n.x);
            float facing = 0.5 + 0.5 * dot(normalize(across + 0.5 * way * sweep * n), sunward) * (1.4 - 1.6 * turned);
            float brushed = 0.85 + 0.3 * noise(vec2(40.0 * r, 3.0 * a), salt + 2.0);
            vec3 blade = metal(0.3 + 0.5 * turned) * (0.3 + 0.75 * facing) * brushed + gloss * 0.5 * smoothstep(0.25, 0.0, abs(turned - 0.3)) * facing;
            colour *= 1.0 - 0.6 * smoothstep(0.5, 0.0, fract(a - width)) * step(width, f);
            colour = mix(colour, blade * mix(0.45, 1.0, near), edge);
        }
        colour *= smoothstep(1.02, 0.8, r) * 0.6 + 0.4;
        colour *= 0.35 + 0.65 * smoothstep(1.0, 0.82, length(q - 0.15 * sunward) / radius);
        colour *= 1.0 - 0.5 * smoothstep(hub + 0.15, hub, length(q + 0.08 * sunward) / radius);
        float s = r / hub;
        if (s < 1.0) {
            vec3 normal = vec3(n * s, sqrt(1.0 - s * s) + 0.25);
            float lit = max(dot(normalize(normal), normalize(vec3(sunward, 0.7))), 0.0);
            float spiral = step(0.78, fract((angle + swirl * 2.5 * s) / TURN + 0.2)) * step(0.5, abs(swirl));
            vec3 cone = mix(metal(0.35), metal(0.95), spiral * smoothstep(1.0, 0.8, s)) * (0.25 + 0.9 * lit) + gloss * pow(lit, 24.0);
            colour = mix(colour, cone, inside((s - 1.0) * hub * radius, 2.0 * PIXEL));
        }
    }
    float band = (r - 1.0) / ring;
    if (band > -0.15 && band < 1.0) {
        float v = 2.0 * band - 0.85;
        vec3 rim = metal(0.55 + 0.2 * grime) * (0.55 + 0.5 * v * dot(n, sunward) + 0.3 * sqrt(max(1.0 - v * v, 0.0)));
        rim += gloss * 0.35 * smoothstep(0.3, 0.0, abs(v * dot(n, sunward) - 0.5));
        vec2 bolt = vec2((fract(angle * bolts / TURN) - 0.5) * TURN * r / bolts, (band - 0.45) * ring) * radius / 0.04;
        rim *= 1.0 - 0.5 * smoothstep(1.8, 0.9, length(bolt + 0.4 * vec2(dot(sunward, vec2(-n.y, n.x)), dot(sunward, n))));
        rim = mix(rim, metal(0.8) * (0.7 + 0.3 * bolt.y * dot(n, sunward)), inside(polygon(bolt, 6.0, 0.8), 0.4));
        colour = mix(colour, rim, smoothstep(-0.15, -0.1, band) * smoothstep(1.0, 1.0 - 2.0 * PIXEL / ring, band));
    }
    if (grille > 1.5 && r < 1.0 + ring) {
        float wire = grille < 2.5 ? abs(fract(r * 5.0) - 0.5) / 5.0 : min(abs(fract(3.5 * q.x) - 0.5), abs(fract(3.5 * q.y) - 0.5)) / 3.5;
        wire = min(wire, grille < 2.5 ? min(abs(q.x), abs(q.y)) : 1.0);
        colour *= 1.0 - 0.4 * smoothstep(0.05, 0.0, wire);
        colour = mix(colour, metal(0.9) * (0.6 + 0.4 * smoothstep(0.014, 0.0, wire)), inside(wire - 0.014, 1.5 * PIXEL));
    }
    return colour;
}
