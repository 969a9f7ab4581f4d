// title: Pipes with flanges and valves before a wall
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: paint palette
// parameter: wall palette
// parameter: salt seed
// parameter: layers integer 2 5
// parameter: scale log_uniform 0.8 2.0
// parameter: thick uniform 0.1 0.3
// parameter: turn uniform -0.25 0.25
// parameter: sun angle
// parameter: gloss uniform 0.1 0.8
// parameter: rust uniform 0.0 0.8
// parameter: bricks log_uniform 2.0 6.0
// parameter: wall_kind integer 0 2
// parameter: bends uniform 0.1 0.7
// parameter: valves uniform 0.0 0.7
// parameter: depth uniform 0.3 0.9

vec3 colour;
vec2 light;

void tube(float v, vec2 across, float along, float r, float tone, float key) {
    colour *= 1.0 - 0.55 * smoothstep(2.3, 0.8, abs(v + 0.7 * dot(across, light)));
    if (abs(v) > 1.1) return;
    vec3 n = vec3(across * v, sqrt(max(1.0 - v * v, 0.0)));
    vec3 sun3 = normalize(vec3(light, 0.8));
    float stain = rust * smoothstep(0.5, 0.7, fbm(vec2(2.0 * along, 1.2 * v) + 9.0, 4, 0.6, key));
    vec3 skin = mix(paint(tone), mix(paint(0.1), vec3(0.35, 0.2, 0.12), 0.6), stain);
    float streak = pow(max(reflect(-sun3, n).z, 0.0), 14.0);
    vec3 lit = skin * (0.3 + 1.1 * max(dot(n, sun3), 0.0)) + (1.0 - stain) * gloss * (0.7 * streak + 0.1 * smoothstep(0.7, 0.9, -v * dot(across, light)));
    colour = mix(colour, lit, inside((abs(v) - 1.0) * r, 2.0 * PIXEL));
}

vec3 shade(vec2 p) {
    light = unit_vector(sun);
    p = rotation(turn) * p;
    vec2 b = p * bricks * vec2(0.6, 1.3);
    b.x += 0.5 * mod(floor(b.y), 2.0);
    vec2 f = abs(fract(b) - 0.5) - vec2(0.46, 0.42);
    float tone = wall_kind < 0.5 ? hash1(ivec2(floor(b)), salt) : wall_kind < 1.5 ? step(0.5, fract(0.5 * b.x)) : 0.5;
    colour = wall(0.3 + 0.35 * tone + 0.35 * (fbm(2.0 * p + 3.0, 4, 0.6, salt + 1.0) - 0.5)) * (0.8 + 0.3 * dot(p, light));
    if (wall_kind < 0.5) colour *= 1.0 - 0.5 * smoothstep(-0.03, 0.05, max(f.x, f.y));
    for (int i = ZERO; i < int(layers); i++) {
        float near = float(i + 1) / layers, key = salt + 20.0 * float(i);
        bool upright = hash1(i, salt + 2.0) < 0.5;
        vec2 q = (upright ? p.yx : p) * scale * mix(1.5, 0.8, near) + 6.0 * hash2(i, salt + 3.0);
        int lane = int(floor(q.y));
        vec3 h = hash3(lane, key + 1.0);
        float r = thick * (0.5 + 0.9 * h.x), place = float(lane) + 0.5 + 0.3 * (h.y - 0.5);
        float x = q.x + 5.0 * h.z, joint = floor(0.7 * x), at = fract(0.7 * x) / 0.7 - 0.7;
        vec3 g = hash3(ivec2(lane, int(joint)), key + 2.0);
        float step_ = (0.5 - r) * (hash1(ivec2(lane, int(joint)), key + 3.0) < bends ? 1.0 : 0.0);
        float curve = step_ * 0.5 * (cos(TURN * clamp(at / 0.8, -0.5, 0.5)) + 1.0) * (g.x < 0.5 ? 0.6 : -0.6);
        float slope = abs(at) < 0.4 ? -step_ * PI / 0.8 * sin(TURN * at / 0.8) * (g.x < 0.5 ? 0.6 : -0.6) : 0.0;
        float v = (q.y - place - curve) / sqrt(1.0 + slope * slope);
        vec2 across = normalize(vec2(-slope, 1.0));
        if (upright) across = across.yx;
        float tint = 0.2 + 0.75 * hash1(lane, key + 4.0);
        if (hash1(lane, key + 5.0) > 0.35 + 0.5 * depth) continue;
        tube(v / r, across, x, r / scale, tint, key);
        float flange = abs(at + 0.62) - 0.07;
        if (flange < 0.0) {
            tube(v / (1.35 * r), across, x, r / scale, tint, key + 6.0);
            colour *= 1.0 - 0.5 * smoothstep(0.03, 0.0, abs(flange + 0.065)) - 0.35 * smoothstep(-0.02, 0.0, flange);
        }
        vec2 wheel = vec2(at - 0.45, q.y - place - curve);
        if (g.z < valves) {
            float d = length(wheel), spoke = abs(fract(atan(wheel.y, wheel.x) / TURN * 4.0 + g.y) - 0.5) * d * 1.6;
            float w = min(abs(d - 0.24) - 0.045, d < 0.24 ? min(spoke - 0.03, d - 0.08) : 1.0);
            vec2 s = wheel + 0.1 * (upright ? light.yx : light);
            colour *= 1.0 - 0.5 * inside(abs(length(s) - 0.24) - 0.05, 0.08);
            float tilt = dot(wheel / max(d, 0.05), upright ? light.yx : light) * sign(d - 0.24);
            colour = mix(colour, paint(fract(tint + 0.5)) * (0.65 + 0.45 * tilt), inside(w, 2.0 * PIXEL * scale));
        }
        colour *= mix(0.9, 1.0, near);
    }
    return colour;
}
