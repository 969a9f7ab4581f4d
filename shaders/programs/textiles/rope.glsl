// title: Coiled and crossing ropes on a deck
// licence: Apache-2.0
// cost: medium
// include: cloth, shape
// parameter: hemp palette
// parameter: deck palette
// parameter: salt seed
// parameter: thick log_uniform 0.09 0.22
// parameter: twist log_uniform 1.2 3.0
// parameter: coil_x uniform -0.6 0.6
// parameter: coil_y uniform -0.6 0.6
// parameter: coil integer 1 4
// parameter: ropes integer 1 5
// parameter: bend uniform 0.05 0.6
// parameter: sun angle
// parameter: plank_turn angle
// parameter: planks log_uniform 1.2 4.0
// parameter: wet uniform 0.0 0.8
// parameter: fray uniform 0.1 0.6

vec3 colour;

// One rope: signed offset d from its axis, `along` it.
void rope(float d, float along, vec2 side, float r, float tone, float key) {
    float v = d / r;
    vec2 sunward = unit_vector(sun);
    colour *= 1.0 - 0.6 * smoothstep(1.9, 0.9, abs(v + 0.5 * dot(side, sunward)));
    if (abs(v) > 1.12) return;
    float strand = yarn(clamp(2.0 * fract(twist * along / r * 0.25 + 0.5 * v) - 1.0, -1.0, 1.0), 0.7 * v + 0.3 * along / r);
    float edge = 1.0 + 0.1 * (strand - 0.7) + 0.06 * fray * (noise(vec2(9.0 * along / r, v), key) - 0.5);
    float fibre = noise(vec2(2.0 * (along / r + v), 4.0 * (v - 0.3 * along / r)), key + 1.0);
    float round_ = sqrt(max(1.0 - v * v * 0.96, 0.0));
    float light = (0.3 + 0.8 * strand) * (0.45 + 0.55 * round_ + 0.4 * v * dot(side, sunward));
    vec3 lit = hemp(tone + fray * (fibre - 0.5)) * light * 1.15;
    colour = mix(colour, lit, inside((abs(v) - edge) * r, 2.0 * PIXEL));
}

vec3 shade(vec2 p) {
    vec2 b = rotation(plank_turn) * p * planks;
    ivec2 board = ivec2(floor(b.x), floor(0.22 * b.y + hash1(int(floor(b.x)), salt)));
    float grain = noise(vec2(9.0, 1.1) * b + 5.0 * hash2(board, salt + 1.0), salt + 2.0);
    colour = deck(0.15 + 0.5 * hash1(board, salt + 3.0) + 0.3 * grain) * (0.8 + 0.3 * dot(p, unit_vector(sun)));
    colour *= 1.0 - 0.7 * smoothstep(0.44, 0.48, abs(fract(b.x) - 0.5));
    float puddle = wet * smoothstep(0.5, 0.56, fbm(1.2 * p + 5.0, 3, 0.5, salt + 4.0));
    colour = mix(colour, mix(colour * 0.5, deck_at(3), 0.35 + 0.3 * p.y), puddle);
    int under = int(ropes) / 2;
    for (int i = ZERO; i < int(ropes) + 1; i++) {
        if (i == under) {  // the coil lies between the ropes
            vec2 v = p - vec2(coil_x, coil_y);
            float angle = atan(v.y, v.x) / TURN, r = length(v), pitch = 2.05 * thick;
            float turn = floor(r / pitch - angle);
            float axis = pitch * (turn + angle + 0.5), outer = pitch * (coil + 0.5);
            if (turn < 0.0 || axis > outer + pitch) { colour *= 1.0 - 0.5 * smoothstep(outer + 3.0 * thick, outer, r); continue; }
            if (axis > outer + 0.5 * pitch) continue;
            rope(r - axis, TURN * axis * (turn + angle), v / max(r, 1e-3), thick, 0.55 + 0.3 * hash1(9, salt), salt + 30.0);
            continue;
        }
        vec3 h = hash3(i, salt + 6.0);
        vec2 q = rotation(TURN * h.x) * p - vec2(0.0, 1.3 * h.y - 0.65);
        float k = 1.5 + 2.0 * h.z, phase = TURN * h.y;
        float curve = bend * 0.6 * sin(k * q.x + phase), slope = bend * 0.6 * k * cos(k * q.x + phase);
        float d = (q.y - curve) / sqrt(1.0 + slope * slope);
        vec2 side = transpose(rotation(TURN * h.x)) * normalize(vec2(-slope, 1.0));
        rope(d, q.x * sqrt(1.0 + 0.5 * slope * slope) + 3.0, side, thick * (0.55 + 0.6 * h.z), 0.3 + 0.6 * hash1(i, salt + 7.0), salt + float(i));
    }
    return colour;
}
