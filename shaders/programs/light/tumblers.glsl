// title: Glasses and bottles that bend what stands behind them
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: back palette
// parameter: drink palette
// parameter: salt seed
// parameter: count integer 1 5
// parameter: tall uniform 0.8 1.7
// parameter: wide uniform 0.2 0.5
// parameter: table_line uniform -0.6 0.1
// parameter: pattern integer 0 3
// parameter: pattern_scale log_uniform 1.5 6.0
// parameter: pattern_turn angle
// parameter: bend uniform 0.4 1.6
// parameter: fill uniform 0.0 0.9
// parameter: tint uniform 0.0 0.6
// parameter: sun uniform -1.0 1.0
// parameter: facets uniform -0.6 0.6
// parameter: facet_count integer 5 11
// parameter: glow uniform 0.2 0.9

vec3 behind(vec2 p) {
    vec2 q = pattern_scale * (rotation(pattern_turn) * p), f = fract(q) - 0.5;
    float tone = pattern < 0.5 ? step(0.5, fract(q.x)) : pattern < 1.5 ? step(0.0, f.x * f.y) : pattern < 2.5 ? inside(length(f) - 0.3, 0.08) : fbm(0.6 * q, 3, 0.5, salt + 1.0);
    vec3 colour = mix(back(0.25), back(0.85), tone) * (0.8 + 0.3 * p.y);
    if (p.y < table_line) {
        float deep = table_line - p.y;
        colour = back(0.45 + 0.25 * (noise(vec2(2.0 * p.x / (0.6 + deep), 16.0 * log(0.3 + deep)), salt + 2.0) - 0.5)) * (0.55 + 0.5 * saturate(1.5 * deep));
    }
    return colour;
}

// Half width of vessel i at height t in [0, 1]: tumbler, goblet, bottle, bowl.
float profile(float t, vec3 h) {
    int kind = int(4.0 * h.x);
    if (kind == 0) return 0.72 + 0.28 * t;
    if (kind == 1) return t < 0.06 ? 0.7 : t < 0.42 ? 0.08 + 0.5 * smoothstep(0.14, 0.0, t) + 0.12 * smoothstep(0.34, 0.42, t) : 0.2 + 0.75 * sqrt(saturate(sin(2.6 * (t - 0.42) + 0.15)));
    if (kind == 2) return t < 0.62 ? 0.85 : t < 0.8 ? mix(0.85, 0.28, smoothstep(0.62, 0.8, t)) : 0.28 + 0.06 * step(0.95, t);
    return 0.45 + 0.55 * sin(PI * (0.15 + 0.72 * t));
}

vec3 shade(vec2 p) {
    vec3 colour = behind(p);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt + 3.0);
        float height = tall * (0.55 + 0.5 * h.y) * (h.x > 0.75 ? 0.6 : 1.0), w = wide * (0.7 + 0.5 * h.z) * (h.x > 0.75 ? 1.4 : 1.0);
        float slot = (float(i) + 0.5 + 0.5 * (h.y - 0.5)) / count;
        vec2 foot = vec2((2.0 * slot - 1.0) * min(0.25 + 0.2 * count, 1.1) * ((i & 1) == 0 ? 1.0 : 0.75), table_line - 0.12 - 0.45 * float(i) / count);
        vec2 v = p - foot;
        float pool = length(vec2((v.x + sun * 0.55 * height * 0.5), 3.2 * (v.y + 0.07))) / (0.9 * height);
        if (p.y < table_line) {
            colour *= 1.0 - 0.35 * smoothstep(1.0, 0.2, pool) - 0.3 * smoothstep(1.4, 0.7, length(v * vec2(1.0, 4.0)) / w);
            colour += glow * 0.8 * drink(0.85) * smoothstep(0.45, 0.0, pool) * (0.4 + noise(12.0 * v, salt + 4.0));
        }
        float t = v.y / height, round_ = 0.06 * w / height * (1.0 - pow(min(abs(v.x) / w, 1.0), 2.0));
        if (t < -round_ || t > 1.0) continue;
        float half_ = w * profile(saturate(t), h), x = v.x / half_;
        if (abs(x) > 1.0) continue;
        bool stem = h.x >= 0.25 && h.x < 0.5 && t < 0.42;
        float level = fill * (0.5 + 0.5 * h.z) * (h.x >= 0.5 && h.x < 0.75 ? 0.7 : 0.9);
        bool wet = t < level && t > (h.x >= 0.25 && h.x < 0.5 ? 0.46 : 0.06) && abs(x) < 0.93;
        float cut = facets > 0.0 && !stem ? floor(asin(x) * facet_count / PI + 0.5) * PI / facet_count : asin(x);
        float lens_ = wet || stem ? -bend * sin(cut) * 1.5 : bend * 0.35 * pow(x, 5.0) + (facets > 0.0 ? 0.25 * sin(cut) : 0.0);
        vec2 seen_at = vec2(foot.x + v.x * (wet || stem ? 0.0 : 1.0) + lens_ * half_, p.y + 0.06 * bend * x * x);
        vec3 seen = behind(seen_at);
        vec3 dye = mix(vec3(1.0), 0.35 + drink(0.5 + 0.5 * h.y), wet ? 0.35 + 0.6 * tint : tint * step(0.5, h.x) * 0.8);
        float edge = pow(abs(x), 6.0);
        vec3 body = seen * dye * (1.0 - 0.4 * edge) * (0.9 + 0.15 * sin(cut * 3.0));
        body += drink_at(3) * 0.25 * smoothstep(0.5, 1.0, x * sign(sun) * -1.0) * (wet ? 1.0 : 0.4) * (0.5 + 0.5 * t);
        float rim = min(abs(t - level) * (wet || t < level + 0.03 ? 1.0 : 9.0), 1.0);
        body += 0.3 * smoothstep(0.02, 0.0, rim) * step(0.02, fill);
        body = mix(body, vec3(0.97), 0.7 * smoothstep(0.09, 0.02, abs(x - 0.55 * sign(sun + 0.01))) * step(0.12, t) * step(t, 0.88) * (stem ? 0.3 : 1.0));
        body = mix(body, vec3(0.9), 0.4 * smoothstep(0.05, 0.0, abs(x + 0.7 * sign(sun + 0.01))) * step(0.2, t) * step(t, 0.7));
        body = mix(body, mix(back_at(3), vec3(1.0), 0.5), 0.6 * smoothstep(0.03, 0.0, abs(t - 0.985)));
        colour = mix(colour, body, inside(abs(v.x) - half_, 2.0 * PIXEL));
    }
    return colour;
}
