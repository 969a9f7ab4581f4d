// title: Road through open land, with poles, trees and far hills
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: land palette
// parameter: sky palette
// parameter: salt seed
// parameter: horizon uniform -0.25 0.45
// parameter: eye_x uniform -0.7 0.7
// parameter: bend uniform -0.25 0.25
// parameter: sway uniform 0.0 0.35
// parameter: width uniform 0.22 0.6
// parameter: paved uniform 0.0 1.0
// parameter: field_scale log_uniform 0.5 2.0
// parameter: rows uniform 0.0 1.0
// parameter: hills uniform 0.05 0.5
// parameter: poles uniform -0.5 1.0
// parameter: trees uniform 0.0 0.9
// parameter: tree_size log_uniform 0.3 1.1
// parameter: sun_x uniform -1.0 1.0
// parameter: haze uniform 0.2 1.0
// parameter: cover uniform 0.25 0.75

float middle(float z) { return bend * z * z * 0.12 + sway * sin(0.8 * z + TURN * hash1(1, salt)) - eye_x; }

// Ground point at depth z and distance x from the middle of the road, on the picture.
vec2 place(float x, float z) { return vec2((x + middle(z)) / z, horizon - 0.5 / z); }

vec3 heaven(vec2 p) {
    float up = saturate(p.y - horizon);
    vec3 colour = mix(sky_at(3), sky(0.4), pow(up, 0.7));
    vec2 q = vec2(p.x, 1.0) / (0.25 + up) * vec2(0.5, 1.2) + vec2(0.0, 2.0 * up);
    float cloud = fbm(q + 5.0, 5, 0.52, salt + 2.0);
    colour = mix(colour, mix(sky(0.65), vec3(0.97), 0.7) * (0.75 + 0.35 * noise(2.0 * q + vec2(0.2 * sun_x, 0.2), salt + 3.0)), smoothstep(1.0 - cover, 1.3 - cover, cloud));
    return colour + 0.35 * exp(-3.0 * length(p - vec2(sun_x, horizon + 0.25)));
}

vec3 shade(vec2 p) {
    vec3 air = mix(sky_at(3), sky(0.6), 0.3), colour = heaven(p);
    for (int i = ZERO; i < 3; i++) {
        float line = horizon + hills * (0.9 - 0.35 * float(i)) * (fbm(vec2(1.4 * p.x + 9.0 * float(i), 2.0), 5, 0.5, salt + 4.0) - 0.2);
        vec3 far = mix(land(0.25 + 0.15 * float(i)), air, haze * (0.75 - 0.25 * float(i))) * (0.9 + 0.25 * noise(9.0 * p, salt + 5.0));
        colour = mix(colour, far, inside(p.y - line, PIXEL));
    }
    if (p.y < horizon) {
        float z = 0.5 / max(horizon - p.y, 0.012), x = p.x * z - middle(z), side = abs(x) - width;
        vec2 q = field_scale * vec2(x, z);
        vec3 h = hash3(ivec2(int(sign(x)), int(floor(0.35 * q.y + 0.15 * q.x))), salt + 6.0);
        float furrow = smoothstep(0.3, 0.7, zigzag(q.x * 2.5 + h.y * q.y)) * rows * smoothstep(7.0, 2.0, z) * step(0.4, h.z);
        float turf = fbm(vec2(3.0 * x, 2.0 * z), 4, 0.6, salt + 7.0);
        vec3 ground = land(0.15 + 0.55 * h.x + 0.35 * (turf - 0.5) + 0.25 * furrow) * (0.85 + 0.3 * turf);
        ground = mix(ground, land(0.35) * 0.8, smoothstep(0.25, 0.0, side) * 0.7);
        vec3 stone = paved > 0.4 ? mix(vec3(0.36), land(0.5), 0.35) * (0.85 + 0.3 * noise(vec2(14.0 * x, 7.0 * z), salt + 8.0)) : land(0.75) * (0.7 + 0.5 * fbm(vec2(6.0 * x, 3.0 * z), 3, 0.6, salt + 8.0));
        float track = abs(abs(x) - 0.5 * width);
        if (paved <= 0.4) stone = mix(land(0.4), stone, smoothstep(0.35 * width, 0.2 * width, track));
        else {
            stone *= 1.0 - 0.2 * smoothstep(0.12 * width, 0.0, track);
            float paint = inside(abs(x) - 0.03 * width, 0.004 * z + 0.01) * step(0.45, fract(1.3 * z)) + inside(abs(abs(x) - 0.88 * width) - 0.02 * width, 0.004 * z + 0.01);
            stone = mix(stone, vec3(0.88, 0.86, 0.78), 0.85 * paint);
        }
        ground = mix(ground, stone, inside(side + 0.04 * (turf - 0.5), 0.01 * z + 0.02));
        ground *= 1.0 - 0.3 * smoothstep(0.5, 0.65, fbm(vec2(0.7 * x, 0.5 * z) + 3.0, 3, 0.5, salt + 9.0));
        colour = mix(air, ground, exp(-0.14 * haze * z));
    }
    vec2 wire = vec2(0.0);
    for (int n = ZERO; n < 9; n++) {  // from far to near
        int i = 8 - n;
        float z = 0.75 + 0.9 * float(i), fade = exp(-0.14 * haze * z);
        for (int k = ZERO; k < 2; k++) {
            float hand = k == 0 ? -1.0 : 1.0;
            vec3 h = hash3(ivec2(i, k), salt + 10.0);
            if (h.x > trees) continue;
            vec2 foot = place(hand * (width + 0.5 + 1.3 * h.y), z + 0.5 * h.z);
            float size = tree_size * (0.6 + 0.7 * h.z) / z;
            vec2 v = (p - foot) / size;
            if (length(v - vec2(0.0, 0.4)) > 0.95) continue;
            float leafy = length((v - vec2(0.0, 0.68)) * vec2(1.25, 1.0)) - 0.45 + 0.38 * (fbm(4.0 * v + 9.0 * h.xy, 3, 0.6, salt + 11.0) - 0.5);
            float d = min(leafy, max(abs(v.x) - 0.06, abs(v.y - 0.2) - 0.25));
            float shadow = length((v - vec2(-0.3 * sun_x, 0.0)) * vec2(1.0, 5.0)) - 0.45;
            colour *= 1.0 - 0.4 * inside(shadow, 0.25) * step(v.y, 0.1);
            vec3 green = land(0.1 + 0.45 * noise(7.0 * v + 5.0 * h.xy, salt + 12.0)) * (0.5 + 0.35 * v.y + 0.3 * v.x * sun_x);
            colour = mix(colour, mix(air, green, fade), inside(d, 2.0 * PIXEL / size));
        }
        vec2 foot = place(-sign(eye_x + 0.01) * (width + 0.22), z), top = foot + vec2(0.0, 0.8 / z);
        if (poles > 0.0) {
            vec3 wood = mix(air, land_at(0) * 0.6, fade);
            float d = min(segment(p, foot, top) - 0.014 / z, segment(p, top - vec2(0.11, 0.1) / z, top + vec2(0.11, -0.1) / z) - 0.01 / z);
            if (n > 0) {
                float t = saturate((p.x - wire.x) / (top.x - wire.x + 1e-4));
                float line = mix(wire.y, top.y, t) - 0.1 / z * t * (1.0 - t) - 0.1 / z;
                if (t > 0.0 && t < 1.0) colour = mix(colour, wood, 0.7 * inside(abs(p.y - line) - 0.002, 1.5 * PIXEL));
            }
            colour = mix(colour, wood, inside(d, 1.5 * PIXEL));
            wire = top;
        }
    }
    return colour;
}
