// title: Embroidered flowers on linen, perhaps in a hoop
// licence: Apache-2.0
// cost: heavy
// include: cloth, shape
// parameter: silk palette
// parameter: linen palette
// parameter: salt seed
// parameter: count integer 2 6
// parameter: size uniform 0.18 0.48
// parameter: petals integer 4 9
// parameter: depth uniform 0.3 0.75
// parameter: strands log_uniform 16.0 40.0
// parameter: sun angle
// parameter: curl uniform -0.8 0.8
// parameter: leaves integer 1 4
// parameter: ground uniform 0.0 1.0
// parameter: hoop uniform 0.6 1.7
// parameter: weave_scale log_uniform 14.0 30.0
// parameter: fold uniform 0.0 0.5

vec3 colour;

// Satin stitch inside d < 0: strands run along `grain`, shining where they cross the light.
void satin(float d, vec2 at, vec2 grain, vec3 dye) {
    colour *= 1.0 - 0.5 * smoothstep(0.06, -0.01, d) * step(0.0, d);
    vec2 across = vec2(-grain.y, grain.x);
    float strand = 0.5 + 0.5 * cos(strands * dot(at, across) * 1.6);
    float sheen = 1.0 - pow(abs(dot(grain, unit_vector(sun))), 1.5);
    vec3 lit = dye * (0.45 + 0.4 * strand + 0.55 * sheen) + 0.12 * sheen * strand;
    colour = mix(colour, lit * (0.7 + 0.3 * smoothstep(0.0, 0.05, -d)), inside(d, 2.0 * PIXEL));
}

vec3 shade(vec2 p) {
    Drape folds = drape(p + 9.0, fold, sun, salt);
    vec2 w = weave_scale * (p + folds.shift), f = 2.0 * fract(w) - 1.0;
    float over = mod(floor(w.x) + floor(w.y), 2.0);
    float bump = mix(1.0 - 0.4 * f.x * f.x, 1.0 - 0.4 * f.y * f.y, over);
    colour = linen(0.25 + 0.6 * ground + 0.15 * (noise(w * vec2(0.2, 1.0), salt + 2.0) - 0.5)) * bump * folds.light;
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt + 3.0);
        float angle = 2.4 * float(i) + TURN * hash1(0, salt);
        vec2 head = 0.95 * sqrt((float(i) + 0.4 * h.x) / count) * unit_vector(angle);
        float r = size * (0.6 + 0.7 * h.y);
        vec2 root = vec2(0.3 * (h.z - 0.5), -1.3), toward = normalize(root - head);
        vec2 v = p - head;
        float t = saturate(dot(v, toward) / length(root - head));
        vec2 side = vec2(-toward.y, toward.x);
        float off = dot(v, side) - curl * 0.5 * t * (1.0 - t);
        if (dot(v, toward) > 0.0) satin(abs(off) - 0.022, vec2(t * 2.0, off), normalize(toward + 0.9 * side), silk(0.2 + 0.2 * h.x));
        for (int k = ZERO; k < int(leaves); k++) {
            float at = 0.25 + 0.6 * (float(k) + h.z) / leaves, hand = (k & 1) == 0 ? 1.0 : -1.0;
            vec2 base = head + toward * at * length(root - head) + side * curl * 0.5 * at * (1.0 - at);
            vec2 l = transpose(mat2(normalize(hand * side - 0.6 * toward), normalize(hand * toward + 0.6 * side))) * (p - base);
            l.x -= 0.17;
            float s = l.y > 0.0 ? 1.0 : -1.0;
            satin(lens(l, 0.17, 0.065), l, normalize(vec2(1.0, 0.9 * s)), silk(0.12 + 0.35 * h.y));
        }
        v = rotation(TURN * h.z) * v;
        float d = flower(v, petals, r, depth);
        satin(d, vec2(atan(v.y, v.x) * 0.35, length(v)).yx, normalize(v + 1e-4), mix(silk(0.55 + 0.45 * h.z), silk(0.9 * h.x), smoothstep(0.9, 0.2, length(v) / r)));
        satin(length(v) - 0.3 * r, v, unit_vector(9.0 * h.x), silk(0.1 + 0.8 * h.y));
    }
    float rim = length(p) - hoop;
    if (rim > -0.3) {
        colour *= 1.0 - 0.5 * smoothstep(-0.12, 0.0, rim);
        float n = rim / 0.07 - 1.0;
        vec3 wood = linen(0.35 + 0.3 * noise(vec2(3.0 * atan(p.y, p.x), 25.0 * rim), salt + 8.0)) * (0.8 - 0.5 * n * dot(p, unit_vector(sun)) / hoop);
        vec3 table = linen_at(0) * (0.7 + 0.4 * fbm(2.0 * p, 3, 0.5, salt + 9.0));
        colour = rim < 0.0 ? colour : rim < 0.14 ? wood : table * (0.5 + 0.5 * smoothstep(0.12, 0.4, rim));
    }
    return colour;
}
