// title: Surf from above: sheets of foam running up the sand
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, space
// parameter: water palette
// parameter: sand palette
// parameter: salt seed
// parameter: turn angle
// parameter: shift uniform -0.6 0.5
// parameter: scale log_uniform 0.6 1.6
// parameter: fronts integer 2 5
// parameter: spacing uniform 0.25 0.6
// parameter: scallops uniform 0.15 0.6
// parameter: scallop_scale log_uniform 0.7 2.5
// parameter: foam uniform 0.3 1.0
// parameter: lace log_uniform 2.5 7.0
// parameter: clear uniform 0.1 0.8
// parameter: wet uniform 0.15 0.5
// parameter: steps uniform -0.6 0.8
// parameter: rocks uniform -0.3 0.6
// parameter: rock_scale log_uniform 0.7 1.8
// parameter: sun angle

// Lacework that water leaves: thin walls around holes, coarser where `thin` is larger.
float lacework(vec2 q, float thin) {
    q += 0.35 * noise_offset(1.2 * q, salt + 30.0);
    float fine = cells(q, 0.95, salt + 31.0).edge, coarse = cells(0.45 * q + 5.0, 0.95, salt + 32.0).edge;
    return max(smoothstep(0.16 - 0.12 * thin, 0.02, fine) * (1.0 - 0.6 * thin), smoothstep(0.14, 0.02, coarse));
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p * scale, light = unit_vector(sun);
    float up = q.y + shift;  // inland is up
    float grain = noise(38.0 * q, salt + 40.0), bumps = fbm(2.4 * q, 4, 0.55, salt + 41.0), slope = bumps - fbm(2.4 * (q + 0.04 * light), 4, 0.55, salt + 41.0);
    vec3 colour = sand(0.6 + 0.3 * (bumps - 0.5) + 0.12 * (grain - 0.5)) * clamp(0.9 + 2.0 * slope, 0.6, 1.2);
    vec2 tread = 3.2 * vec2(0.4 * q.x + 0.9 * q.y, 0.9 * q.x - 0.4 * q.y + 0.1);  // a track of footprints
    int foot = int(floor(tread.x));
    vec2 sole = vec2(fract(tread.x) - 0.5, tread.y - (foot % 2 == 0 ? 0.22 : -0.22));
    float print_ = min(length(sole * vec2(1.0, 1.8)) - 0.2, length((sole + vec2(0.24, 0.0)) * vec2(1.0, 1.4)) - 0.12);
    if (steps > 0.0) colour *= 1.0 - 0.4 * steps * inside(print_, 0.12) + 0.2 * steps * stroke(print_ - 0.05, 0.02, 0.08);
    float first = up + scallops * (noise(vec2(scallop_scale * q.x, 0.0), salt) - 0.5) * 1.3;
    float damp = smoothstep(wet, wet - 0.06, first + 0.1 * noise(2.0 * q, salt + 42.0));
    colour *= 1.0 - 0.38 * damp;
    colour = mix(colour, water_at(3), 0.22 * smoothstep(wet, -0.05, first) * smoothstep(0.35, 0.7, noise(vec2(1.0, 2.0) * q, salt + 43.0)));
    float deep = saturate(-first * 0.7), swell = fbm(vec2(1.0, 2.5) * q + 0.3, 4, 0.5, salt + 44.0);
    vec3 sea = mix(mix(sand(0.5), water(0.75), 0.4), water(0.55 - 0.5 * deep + 0.25 * (swell - 0.5)), saturate(deep * 1.5 + 0.25 + 0.4 * (1.0 - clear)));
    colour = mix(colour, mix(colour, sea, saturate(0.3 + 2.5 * -first)), inside(first, 0.015));
    for (int i = ZERO; i < int(fronts); i++) {
        float n = float(i), key = salt + 3.0 * n;
        float line = q.y + shift + spacing * n + scallops * (noise(vec2(scallop_scale * q.x * (1.0 + 0.2 * n) + 3.7 * n, n), key) - 0.5) * 1.3;
        line += 0.06 * (fbm(vec2(5.0 * q.x, 3.0 * q.y) + n, 3, 0.55, key + 1.0) - 0.5);
        if (line > 0.06) continue;
        float age = saturate(-line / (0.9 * spacing)), net = lacework(lace * q * vec2(1.0, 1.2) + 4.0 * n, age);
        float froth = mix(1.0, net, smoothstep(0.02, 0.2, age)) * (1.0 - smoothstep(0.35, 1.0, age)) * smoothstep(0.0, -0.015, line);
        froth *= foam * (0.65 + 0.5 * noise(1.5 * q + 7.0 * n, key + 2.0));
        colour *= 1.0 - 0.3 * smoothstep(0.05, 0.0, line) * step(0.0, line);
        float breaker = i == 0 ? 0.0 : smoothstep(0.12, 0.0, abs(line + 0.07));
        vec3 white = vec3(0.96, 0.97, 0.97) * (0.85 + 0.15 * noise(12.0 * q, key + 4.0));
        colour = mix(colour, white * mix(1.0, 0.8, age), saturate(froth + 0.5 * breaker * foam * smoothstep(0.35, 0.6, noise(7.0 * q, key + 5.0))));
    }
    if (rocks > 0.0) {
        vec2 s = rock_scale * q + 13.0 + 0.2 * noise_offset(4.0 * q, salt + 60.0);
        Cell rock = cells(s, 0.9, salt + 61.0);
        vec3 h = hash3(rock.id, salt + 62.0);
        float r = 0.12 + 0.25 * h.y, d = rock.nearest - r;
        if (h.x < rocks) {
            float bulge = sqrt(saturate(1.0 - rock.nearest * rock.nearest / (r * r))), rough = fbm(6.0 * q, 4, 0.6, salt + 63.0);
            vec3 stone = mix(sand_at(0), water_at(0), h.z) * (0.45 + 0.9 * rough) * (0.55 + 0.5 * bulge - 0.6 * dot(rock.offset, light) / r);
            colour = mix(colour, vec3(0.93), 0.7 * foam * smoothstep(0.14, 0.03, d) * noise(9.0 * q, salt + 64.0) * step(first, 0.1));
            colour *= 1.0 - 0.35 * smoothstep(0.08, 0.0, d);
            colour = mix(colour, stone, inside(d, 0.03));
        }
    }
    return colour;
}
