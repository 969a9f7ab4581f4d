// title: Stained window in a dark wall, its colours on the floor
// licence: Apache-2.0
// cost: medium
// include: noise, cells, shape
// parameter: panes palette
// parameter: stone palette
// parameter: salt seed
// parameter: lancets integer 1 4
// parameter: width uniform 0.4 0.75
// parameter: sill uniform -0.5 0.0
// parameter: tall uniform 0.3 0.9
// parameter: pointed uniform 1.0 1.8
// parameter: style integer 0 3
// parameter: detail log_uniform 1.4 2.8
// parameter: lead uniform 0.02 0.07
// parameter: sun_x uniform -0.8 0.8
// parameter: sun_y uniform 0.0 0.9
// parameter: spill uniform 0.3 1.0
// parameter: blocks log_uniform 1.2 3.0
// parameter: beams uniform 0.0 0.5
// parameter: rosette uniform -0.5 0.5

// Distance to the opening nearest to q.
float opening(vec2 q, out vec2 v) {
    float pitch = 2.0 * width + 0.14, n = clamp(floor(q.x / pitch + 0.5 * lancets), 0.0, lancets - 1.0);
    v = vec2(q.x - pitch * (n + 0.5 - 0.5 * lancets), q.y - sill);
    float arch = max(length(vec2(abs(v.x) + (pointed - 1.0) * width, max(v.y - tall, 0.0))) - pointed * width, -v.y);
    if (rosette > 0.0 && lancets > 1.5) {
        vec2 c = q - vec2(0.0, sill + tall + 1.5 * width + 0.3);
        float rose = length(c) - 0.33;
        if (rose < arch) { v = c + vec2(0.0, 9.0); return rose; }
    }
    return arch;
}

// Coloured light of the glass at v, dark in the leads.
vec3 glass(vec2 v) {
    bool rose = v.y > 6.0;
    vec2 c = rose ? v - vec2(0.0, 9.0) : v - vec2(0.0, 0.55 * tall);
    float tone, d;
    if (style < 0.5 && !rose) {
        Cell cell = cells(detail * v + 7.0, 0.8, salt + 1.0);
        tone = hash1(cell.id, salt + 2.0);
        d = cell.edge / detail;
    } else if (style < 1.5 && !rose) {
        vec2 s = detail * 0.8 * vec2(v.x + v.y * 0.7, v.x - v.y * 0.7), f = min(fract(s), 1.0 - fract(s));
        tone = 0.3 + 0.5 * hash1(ivec2(floor(s)), salt + 2.0) + 0.3 * step(0.75 * width, abs(v.x));
        d = min(f.x, f.y) / detail;
    } else {
        float n = 4.0 + floor(5.0 * hash1(1, salt)), r = length(c), angle = atan(c.y, c.x);
        float petal = flower(c, n, rose ? 0.3 : 0.85 * width, 0.6), sector = abs(fract(angle * n / TURN + 0.5) - 0.5) * r * TURN / n;
        float rings = r * detail, ring = min(fract(rings), 1.0 - fract(rings)) / detail;
        float hue = floor(rings) + 3.0 * floor(angle * n / TURN);
        tone = petal < 0.0 ? hash1(int(floor(rings)), salt + 3.0) : hash1(int(hue), salt + 4.0);
        d = min(abs(petal), petal < 0.0 ? sector : min(sector, ring));
    }
    float seedy = 0.8 + 0.4 * noise(7.0 * v, salt + 5.0);
    vec3 colour = panes(0.3 + 0.7 * tone);
    colour = mix(vec3(dot(colour, vec3(0.33))), colour, 1.5) * seedy * 1.2;
    return colour * smoothstep(0.25 * lead, 0.25 * lead + 0.04, d);
}

vec3 shade(vec2 p) {
    vec2 v, b = blocks * p * vec2(1.0, 1.8);
    b.x += 0.5 * mod(floor(b.y), 2.0);
    vec2 f = abs(fract(b) - 0.5);
    float d = opening(p, v);
    float relief_ = 0.6 + 0.5 * fbm(4.0 * p, 4, 0.6, salt + 6.0);
    vec3 wall = stone(0.35 + 0.25 * hash1(ivec2(floor(b)), salt + 7.0)) * relief_ * (1.0 - 0.35 * smoothstep(0.42, 0.48, max(f.x, f.y)));
    vec3 colour = wall * (0.45 + 0.6 * exp(-5.0 * max(d, 0.0)));
    vec2 at = vec2(sun_x, sill + sun_y);
    float day = 0.6 + 0.8 * exp(-1.6 * dot(p - at, p - at));
    if (d < 0.07) colour = stone(0.7) * (0.3 + 0.5 * smoothstep(0.07, 0.0, d)) * (0.8 + 0.3 * relief_);
    float floor_line = -0.72;
    if (p.y < floor_line) {
        float deep = floor_line - p.y;
        vec2 q = vec2(p.x / (1.0 + 0.8 * deep), deep), tile = abs(fract(vec2(3.0 * q.x, 4.0 * log(0.4 + deep))) - 0.5);
        colour = stone(0.45) * (0.5 + 0.3 * relief_) * (1.0 - 0.4 * smoothstep(0.44, 0.48, max(tile.x, tile.y)));
        vec2 up, source = vec2(q.x + 0.4 * sun_x * deep, sill + (tall + 0.4) * (1.0 - deep * 3.2));
        float hole = opening(source, up);
        colour += spill * 0.75 * stone(0.8) * glass(up) * smoothstep(0.05, -0.06, hole);
    }
    if (d < 0.0) colour = glass(v) * day * smoothstep(0.0, -0.03, d);
    vec2 way = normalize(vec2(0.5 * sun_x + 0.05, 1.0));
    float shaft = 0.0;
    for (int i = ZERO; i < 6; i++) {
        vec2 up;
        float hole = opening(p + way * (0.12 + 0.2 * float(i)), up);
        shaft += smoothstep(0.03, -0.1, hole) / 6.0;
    }
    return colour + beams * shaft * mix(panes(0.8), vec3(1.0, 0.95, 0.85), 0.5) * step(0.0, d);
}
