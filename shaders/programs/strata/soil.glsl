// title: Cut through the ground: turf, roots, stones, burrows and bedrock
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, curve
// parameter: earth palette
// parameter: green palette
// parameter: sky palette
// parameter: salt seed
// parameter: top uniform 0.1 0.95
// parameter: roll uniform 0.0 0.4
// parameter: beds integer 2 5
// parameter: bed_depth uniform 0.2 0.55
// parameter: blur uniform 0.01 0.12
// parameter: stones uniform 0.0 0.75
// parameter: stone_scale log_uniform 2.0 6.0
// parameter: roots integer 0 7
// parameter: root_size uniform 0.02 0.06
// parameter: burrows uniform -0.5 0.8
// parameter: crumb log_uniform 4.0 12.0
// parameter: grass uniform 0.03 0.16
// parameter: tuft log_uniform 18.0 45.0
// parameter: sun uniform 0.4 2.7
// parameter: rock uniform -1.3 -0.2
// parameter: cloud_cover uniform 0.1 0.8

vec3 shade(vec2 p) {
    vec2 light = unit_vector(sun);
    float surface = top + roll * (fbm(vec2(0.9 * p.x, 2.0), 3, 0.5, salt) - 0.5);
    vec3 above = mix(sky(0.85), sky(0.45), saturate(p.y - top + 0.2));
    above = mix(above, sky_at(3), smoothstep(1.0 - cloud_cover, 1.25 - cloud_cover, fbm(vec2(1.0, 2.0) * p + 4.0, 4, 0.5, salt + 1.0)));
    float far = top + 0.12 + 0.2 * (fbm(vec2(2.0 * p.x, 7.0), 4, 0.55, salt + 2.0) - 0.4);
    above = mix(above, mix(green(0.35), sky_at(2), 0.55), inside(p.y - far, 0.03));
    float down = surface - p.y, level = down / bed_depth;
    vec2 wobble = noise_offset(1.2 * p, salt + 3.0);
    float crumbs = fbm(crumb * p, 4, 0.6, salt + 4.0), slope = crumbs - fbm(crumb * (p + 0.02 * light), 4, 0.6, salt + 4.0);
    vec3 colour = vec3(0.0);
    float s = level + 0.3 * wobble.x + 0.25 * (crumbs - 0.5), bed = clamp(floor(s), 0.0, beds), f = s - bed;
    float this_ = hash1(int(bed), salt + 5.0), next = hash1(int(bed) + 1, salt + 5.0), tone = mix(this_, next, smoothstep(1.0 - 4.0 * blur, 1.0, f) * step(bed, beds - 1.0));
    float layered = noise(vec2(1.0, 14.0) * (p + 0.06 * wobble), salt + 6.0 + bed);
    colour = earth(0.1 + 0.65 * tone + 0.18 * (crumbs - 0.5) + 0.14 * (layered - 0.5)) * clamp(0.78 + 2.6 * slope, 0.35, 1.25);
    colour *= mix(0.6, 1.0, smoothstep(0.0, 0.5, level));
    Cell stone = cells(stone_scale * p * vec2(1.0, 1.35) + 0.5 * wobble + 9.0, 0.9, salt + 7.0);
    vec3 h = hash3(stone.id, salt + 8.0);
    float share = stones * (0.25 + 0.9 * hash1(int(bed), salt + 9.0)), r = 0.14 + 0.32 * h.y, d = max(stone.nearest - r, 0.12 - stone.edge) + 0.12 * (noise(2.0 * stone_scale * p, salt + 10.0) - 0.5);
    if (h.x < share && level > 0.35) {
        float lump = saturate(-d / r), matte = 0.55 + 0.45 * lump - 0.75 * dot(stone.offset, light) / r * (1.0 - lump);
        vec3 grey = mix(earth(0.35 + 0.55 * h.z), vec3(0.55), 0.35) * matte * (0.8 + 0.4 * fbm(3.0 * stone_scale * p, 3, 0.6, salt + 11.0));
        colour *= 1.0 - 0.5 * smoothstep(0.12, 0.0, d);
        colour = mix(colour, grey, inside(d, 1.5 * PIXEL * stone_scale));
    }
    float base = rock + 0.3 * (fbm(vec2(1.5 * p.x, 4.0), 4, 0.55, salt + 12.0) - 0.5);
    vec2 joint = p * vec2(1.6, 2.4) + 0.35 * wobble + 5.0;
    Cell block = cells(joint, 0.8, salt + 13.0);
    float rough = ridges(3.0 * p, 4, 0.5, salt + 14.0);
    vec3 solid = earth(0.55 + 0.3 * (hash1(block.id, salt + 15.0) - 0.5)) * (0.45 + 0.55 * rough) * (0.45 + 0.55 * smoothstep(0.0, 0.1, block.edge)) * (0.95 - 0.4 * dot(block.offset, light));
    colour = mix(colour * (1.0 - 0.35 * smoothstep(0.12, 0.0, p.y - base)), solid, inside(p.y - base, 0.02));
    if (burrows > 0.0) {
        vec3 b = hash3(1, salt + 16.0);
        vec2 a = vec2(1.6 * b.x - 0.8, top + 0.1), c = vec2(1.6 * b.y - 0.8, top - 0.45 - 0.7 * b.z), mid = vec2(a.x + 0.3 * (b.z - 0.5), c.y + 0.1);
        vec2 near = bend(p, a, mid, c);
        float hole = min(abs(near.x) - 0.07 - 0.03 * burrows, length((p - c) * vec2(0.75, 1.1)) - 0.17) + 0.03 * (crumbs - 0.5);
        colour *= 1.0 - 0.35 * smoothstep(0.06, 0.0, hole);
        colour = mix(colour, earth_at(0) * (0.2 + 0.35 * saturate(-6.0 * hole) * saturate(0.5 - 3.0 * (p.y - c.y))), inside(hole, 0.02));
    }
    for (int i = ZERO; i < int(roots); i++) {
        vec3 g = hash3(i, salt + 20.0), w = hash3(i, salt + 21.0);
        vec2 a = vec2(2.2 * (float(i) + g.x) / roots - 1.1, top + 0.05), c = a + vec2(0.9 * (g.y - 0.5), -0.4 - 0.8 * g.z), mid = vec2(a.x + 0.5 * (w.x - 0.5), 0.5 * (a.y + c.y));
        vec2 q = p + 0.03 * noise_offset(5.0 * p, salt + 22.0), near = bend(q, a, mid, c);
        float thick = root_size * (0.5 + w.y) * (1.05 - near.y), side = near.x / max(thick, 1e-3), hair = abs(fract(7.0 * near.y + w.z) - 0.5) * 0.14 - 0.004 + 0.25 * max(abs(near.x) - 0.09 * (1.0 - near.y), 0.0);
        vec3 bark = mix(earth_at(3), earth(0.45), 0.45 + 0.3 * w.z) * (0.6 + 0.4 * saturate(0.5 - 0.5 * side * sign(light.x))) * (0.85 + 0.3 * noise(vec2(30.0 * near.y, 2.0 * side), salt + 23.0));
        float gap = min(abs(near.x) - thick, near.y > 0.02 && near.y < 0.95 ? hair + 0.02 * step(0.0, -w.y) : 1.0);
        colour *= 1.0 - 0.35 * smoothstep(0.05, 0.0, abs(near.x) - thick);
        colour = mix(colour, bark, inside(gap, 1.5 * PIXEL));
    }
    float sod = smoothstep(0.16, 0.0, down);
    colour = mix(colour, earth_at(0) * (0.5 + 0.5 * crumbs), 0.7 * sod);
    float blade = grass * (0.3 + 0.7 * hash1(int(floor(tuft * (p.x + 0.25 * (p.y - surface)))), salt + 24.0)) * (1.0 - 0.8 * abs(2.0 * fract(tuft * (p.x + 0.25 * (p.y - surface))) - 1.0));
    float behind = grass * 1.3 * noise(vec2(1.7 * tuft * (p.x - 0.3 * (p.y - surface)), 3.0), salt + 25.0);
    vec3 leaf = green(0.35 + 0.4 * hash1(int(floor(tuft * (p.x + 0.25 * (p.y - surface)))), salt + 26.0)) * (0.6 + 3.0 * saturate(p.y - surface + 0.05));
    colour = mix(above, colour, inside(p.y - surface, 2.0 * PIXEL));
    colour = mix(colour, green(0.25) * 0.7, inside(p.y - surface - behind, 0.02) * step(-0.02, p.y - surface));
    return mix(colour, leaf, inside(p.y - surface - blade, 0.015) * step(-0.035 - 0.03 * crumbs, p.y - surface));
}
