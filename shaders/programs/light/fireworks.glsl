// title: Fireworks over roofs and water
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: sparks palette
// parameter: night palette
// parameter: salt seed
// parameter: bursts integer 1 4
// parameter: size uniform 0.3 0.9
// parameter: rays integer 14 36
// parameter: gravity uniform 0.0 0.5
// parameter: trail uniform 0.2 0.9
// parameter: thickness uniform 0.008 0.025
// parameter: smoke uniform 0.1 0.8
// parameter: skyline uniform -0.7 0.1
// parameter: roofs log_uniform 2.5 7.0
// parameter: windows uniform 0.1 0.6
// parameter: dusk uniform 0.1 1.0
// parameter: water uniform 0.0 1.0
// parameter: crowd uniform 0.0 0.6

vec3 burst_centre(int i) {
    vec3 h = hash3(i, salt + 1.0);
    return vec3(1.6 * h.x - 0.8, skyline + 0.45 + 0.8 * h.y, size * (0.35 + 0.65 * h.z));
}

// Colour of a shell: gold, or the palette's with its chroma doubled.
vec3 dye(int i) {
    vec3 colour = sparks(hash1(i, salt + 2.0) * 0.6 + 0.35);
    colour = saturate(mix(vec3(dot(colour, vec3(0.33))), colour, 2.2));
    return mix(colour, vec3(1.0, 0.68, 0.32), 0.25 + 0.6 * step(0.55, hash1(i, salt + 13.0)));
}

// Each ray is a parabola; across the wedge of its angle only the nearest is looked at.
vec3 light(vec2 p, float soft) {
    vec3 sum = vec3(0.0);
    for (int i = ZERO; i < int(bursts); i++) {
        vec3 c = burst_centre(i);
        float age = hash1(i, salt + 3.0);
        for (int shell = ZERO; shell < 2; shell++) {
            float scale_ = c.z * (shell == 0 ? 1.0 : 0.55), fall = gravity * (0.5 + age);
            vec2 v = (p - c.xy) / scale_;
            float r0 = length(v + vec2(0.0, fall * dot(v, v) * 0.6));
            v.y += fall * r0 * r0;
            float r = length(v);
            if (r > 1.35) continue;
            float n = rays * (shell == 0 ? 1.0 : 0.6), a = atan(v.y, v.x) / TURN * n + hash1(i, salt + 4.0);
            vec2 h = hash2(ivec2(int(mod(floor(a), n)), i * 2 + shell), salt + 5.0);
            float across = (fract(a) - 0.3 - 0.4 * h.x) * TURN * r / n, reach = 0.65 + 0.35 * h.y;
            float start = reach * (1.0 - trail), along = saturate((r - start) / (reach - start));
            float w = (thickness / scale_ * (0.5 + along) + soft);
            float line = exp(-across * across / (w * w)) * along * along * smoothstep(reach + 0.03, reach, r);
            line *= 0.55 + 0.7 * noise(vec2(16.0 * r, h.x * 40.0), salt + 6.0);
            float head = exp(-dot(vec2(across, r - reach), vec2(across, r - reach)) / (3.0 * w * w));
            sum += dye(2 * i + shell) * (0.8 * line + 0.7 * head);
        }
        vec2 v = (p - c.xy) / c.z;
        sum += dye(2 * i) * 0.14 * exp(-2.2 * dot(v, v));
        float rise = abs(p.x - c.x - 0.06 * sin(9.0 * p.y + 5.0 * age)) / 0.012;
        sum += 0.25 * vec3(1.0, 0.8, 0.55) * exp(-rise * rise) * step(p.y, c.y) * smoothstep(c.y - 0.9, c.y, p.y) * step(0.5, age);
    }
    return sum;
}

vec3 heaven(vec2 p) {
    vec3 colour = mix(night(0.08), night(0.55), dusk * saturate(0.65 - 0.6 * (p.y - skyline)));
    float cloud = fbm(1.3 * p + 8.0, 4, 0.55, salt + 7.0);
    vec3 glow = vec3(0.0);
    for (int i = ZERO; i < int(bursts); i++) {
        vec3 c = burst_centre(i);
        glow += dye(2 * i) * exp(-1.5 * dot(p - c.xy, p - c.xy) / (c.z + 0.1));
    }
    return colour * (0.55 + 0.5 * cloud) + smoke * glow * 0.45 * cloud * cloud;
}

vec3 shade(vec2 p) {
    bool mirrored = water > 0.4 && p.y < skyline - 0.12;
    vec2 q = p;
    if (mirrored) {
        float deep = skyline - 0.12 - p.y;
        q.y = 2.0 * (skyline - 0.12) - p.y;
        q += (0.05 + 0.2 * deep) * noise_offset(vec2(4.0 * p.x, 30.0 * log(deep + 0.12)), salt + 8.0) * vec2(0.6, 1.0);
    }
    vec3 colour = heaven(q) + light(q, mirrored ? 0.06 : 0.0) * (mirrored ? 0.65 : 1.0);
    float x = roofs * q.x;
    vec3 h = hash3(int(floor(x)), salt + 9.0);
    float peak = h.z < 0.4 ? 0.08 * (1.0 - abs(2.0 * fract(x) - 1.0)) : 0.0, line = skyline + 0.25 * h.x + peak;
    if (q.y < line) {
        vec2 w = vec2(4.0 * fract(x), 14.0 * q.y), f = abs(fract(w) - 0.5);
        bool on = hash1(ivec2(int(floor(x)) * 4 + int(w.x), int(floor(w.y))), salt + 10.0) < windows && max(f.x, f.y) < 0.28 && q.y < skyline + 0.25 * h.x - 0.03;
        colour = night(0.22 * h.y) * 0.4 + 0.1 * smoothstep(0.04, 0.0, line - q.y) * sparks(0.9);
        if (on) colour = vec3(0.95, 0.75, 0.45) * (0.5 + 0.4 * h.z);
        if (!mirrored && water < 0.4 && q.y < skyline - 0.1) colour = night(0.12) * (0.3 + 0.4 * noise(5.0 * q, salt + 11.0));
    }
    if (mirrored) colour = colour * 0.8 + night(0.35) * 0.12;
    float head = 5.5 * p.x, nod = 0.16 * noise(vec2(head * 0.5, 2.0), salt + 12.0);
    float people = length(vec2(fract(head) - 0.5, (p.y + 1.12 - crowd * 0.5 - nod) * 5.5)) - 0.3;
    people = min(people, max(abs(fract(head) - 0.5) - 0.42, (p.y + 1.15 - crowd * 0.5 - nod + 0.05) * 5.5));
    if (crowd > 0.2) colour = mix(colour, night_at(0) * 0.2, inside(people, 0.1));
    return 1.0 - exp(-1.4 * colour);
}
