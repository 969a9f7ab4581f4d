// title: Butterflies with veined and spotted wings, resting on leaves
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: colours palette
// parameter: marks palette
// parameter: back palette
// parameter: salt seed
// parameter: count integer 1 4
// parameter: size log_uniform 0.45 1.0
// parameter: fold uniform 0.5 1.0
// parameter: fore_turn uniform 0.45 0.95
// parameter: fore_length uniform 0.75 1.05
// parameter: hind_length uniform 0.5 0.85
// parameter: tails uniform -0.3 0.3
// parameter: scallop uniform 0.0 0.12
// parameter: veins integer 5 9
// parameter: vein_width uniform 0.02 0.12
// parameter: border uniform 0.08 0.35
// parameter: border_spots uniform 0.0 0.3
// parameter: eyespots uniform -0.5 0.5
// parameter: blend uniform 0.0 0.8
// parameter: sun angle
// parameter: leaf_scale log_uniform 0.5 1.6
// parameter: leaf_turn angle

vec3 leaves(vec2 p) {
    vec2 q = rotation(leaf_turn) * p * leaf_scale;
    vec3 colour = back(0.15 + 0.4 * fbm(1.4 * q, 3, 0.45, salt + 40.0)) * 0.6;
    for (int k = ZERO; k < 4; k++) {
        vec3 h = hash3(k, salt + 41.0);
        float l = 0.7 + 0.5 * h.z, blur_ = 0.22 - 0.065 * float(k);
        vec2 v = rotation(2.0 * h.z - 1.0 + 1.6 * float(k)) * (q - 1.1 * (2.0 * h.xy - 1.0) * leaf_scale);
        v.y += 0.25 * v.x * v.x;
        float d = lens(v, l, 0.42 * l), side = smoothstep(0.22, 0.05, abs(fract(5.0 * (v.x - 0.8 * abs(v.y)) / l) - 0.5));
        vec3 leaf = back(0.3 + 0.5 * h.x) * (0.8 + 0.35 * sign(v.y) * cos(sun + h.z)) * (0.7 + 0.1 * float(k)) * (1.0 - 0.1 * side);
        leaf = mix(leaf, back_at(3), 0.4 * smoothstep(0.05, 0.01, abs(v.y)));
        colour = mix(colour * (1.0 - 0.3 * smoothstep(0.15, -0.05, d)), leaf, inside(d, blur_));
    }
    return colour;
}

// One wing: v from its root, along x outwards; x distance, y colour share of border, z vein, w how far out.
vec4 wing(vec2 v, float l, float wide, float tail, int part) {
    float angle = atan(v.y, v.x) / wide, r = length(v);
    float edge = l * (0.45 + 0.55 * sqrt(saturate(1.0 - 0.8 * angle * angle))) * smoothstep(1.25, 0.85, abs(angle));
    edge *= 1.0 - scallop * zigzag(angle * veins * 0.5) + tail * exp(-40.0 * (angle + 0.45) * (angle + 0.45));
    float cell = fract((angle + 0.15 * smoothstep(0.3, 0.0, r / l)) * veins * 0.5 + 0.5) - 0.5, out_ = r / max(edge, 1e-3);
    float width_ = vein_width * (0.5 + 0.5 / (0.4 + out_));
    return vec4(abs(angle) > 1.25 ? 0.5 : r - edge, smoothstep(1.0 - border - 0.05, 1.0 - border + 0.05, out_), smoothstep(width_, 0.4 * width_, 0.5 - abs(cell)), out_);
}

vec3 shade(vec2 p) {
    vec3 colour = leaves(p);
    vec2 light = unit_vector(sun);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float s = size * (i == int(count) - 1 ? 1.0 : 0.55 + 0.3 * g.z);
        mat2 turned = rotation(TURN * h.z);
        vec2 c = (count < 1.5 ? 0.2 : 0.75) * (2.0 * h.xy - 1.0), q = turned * (p - c) / s, shadow_q = turned * (p - c + 0.09 * light) / s;
        float side = q.x < 0.0 ? -1.0 : 1.0, shut = mix(fold, 1.0, g.x * 0.4) * (side > 0.0 ? 1.0 : 0.85 + 0.3 * (g.y - 0.5));
        if (length(q) > 1.3) continue;
        for (int part = ZERO; part < 3; part++) {
            vec2 v = vec2(abs(q.x) / shut, q.y), u = vec2(abs(shadow_q.x) / shut, shadow_q.y);
            float aim_ = part == 1 ? -0.6 : fore_turn, l = part == 1 ? hind_length : fore_length, wide = part == 1 ? 0.95 : 0.62;
            if (part == 0) {
                float d0 = min(wing(rotation(-fore_turn) * u, fore_length, 0.62, 0.0, 0).x, wing(rotation(0.6) * u, hind_length, 0.95, tails, 1).x);
                colour *= 1.0 - 0.45 * smoothstep(0.08, -0.06, d0);
                continue;
            }
            bool fore = part == 2;
            aim_ = fore ? fore_turn : -0.6;
            vec2 w = rotation(-aim_) * v;
            vec4 k = wing(w, l, wide, fore ? 0.0 : tails, part);
            if (k.x > 0.04) { if (fore) colour *= 1.0 - 0.3 * exp(-18.0 * k.x) * step(length(v), 0.9); continue; }
            float dust = noise(40.0 * v, salt + 5.0), patch_ = noise(3.0 * w + 7.0 * float(part), salt + 6.0 );
            vec3 base = colours(0.35 + 0.4 * k.w + blend * (patch_ - 0.5) + 0.12 * (dust - 0.5) + (fore ? 0.1 : -0.05));
            base = mix(base, marks(0.75), 0.8 * blend * smoothstep(0.55, 0.65, patch_) * (1.0 - k.y));
            base = mix(base, marks_at(0) * 0.7, max(k.y, k.z));
            float cell = fract(atan(w.y, w.x) / wide * veins * 0.5 + 0.5) - 0.5;
            vec2 spot = vec2(cell * 0.9 * k.w, (k.w - 1.0 + 0.5 * border) * 3.0);
            base = mix(base, marks_at(3), inside(length(spot) - border_spots, 0.12) * step(0.06, border_spots));
            float ring = length(w - vec2(0.62 * l, 0.02 * l)) / (0.17 * l);
            if (eyespots > (fore ? 0.2 : 0.0)) base = mix(base, ring < 0.35 ? marks_at(3) : ring < 0.7 ? marks_at(0) : mix(marks_at(2), colours_at(3), 0.5), inside(ring - 1.0, 0.15));
            float lit = 0.85 + 0.35 * side * (1.1 - shut) + 0.22 * dot(turned * light, vec2(side * 0.7, 0.5)) - 0.2 * exp(-7.0 * length(v));
            colour = mix(colour, base * lit, inside(k.x * s, 2.0 * PIXEL));
        }
        float body = min(length(q * vec2(15.0, 2.2) + vec2(0.0, 0.45)) - 1.0, length(q * vec2(10.0, 5.0) - vec2(0.0, 0.75)) - 1.0) * 0.1;
        vec3 fur = marks(0.15 + 0.3 * zigzag(9.0 * q.y)) * (0.8 + 4.0 * dot(q, turned * light) * 0.6);
        colour = mix(colour, fur, inside(body * s, 2.0 * PIXEL));
        vec2 a = vec2(abs(q.x), q.y);
        float feeler = min(segment(a, vec2(0.03, 0.3), vec2(0.24, 0.72)) - 0.008, length(a - vec2(0.24, 0.73)) - 0.024);
        colour = mix(colour, marks_at(0) * 0.6, inside(feeler * s, 2.0 * PIXEL));
    }
    return colour;
}
