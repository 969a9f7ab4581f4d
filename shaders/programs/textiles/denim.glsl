// title: Worn denim with seams, a pocket and rivets
// licence: Apache-2.0
// cost: medium
// include: cloth, shape
// parameter: dye palette
// parameter: thread palette
// parameter: salt seed
// parameter: scale log_uniform 0.7 2.0
// parameter: turn angle
// parameter: twill log_uniform 12.0 30.0
// parameter: fold uniform 0.3 1.0
// parameter: sun angle
// parameter: fade uniform 0.2 0.9
// parameter: whiskers uniform 0.0 0.6
// parameter: seam_x uniform -0.9 0.3
// parameter: yoke_y uniform 0.2 1.0
// parameter: pocket uniform 0.0 1.0
// parameter: pocket_size uniform 0.4 0.75
// parameter: stitch log_uniform 7.0 16.0
// parameter: patch_tone uniform 0.0 1.0

vec3 ink;    // colour under construction
float rise;  // light along the seams

// Two rows of stitches beside a seam at distance d, `along` it; the cloth puckers there.
void seam(float d, float along) {
    rise *= 1.0 - 0.5 * exp(-abs(d) * 45.0) + 0.28 * exp(-abs(d + 0.05) * 25.0) * (0.5 + noise(vec2(9.0 * along, 1.0), salt + 8.0));
    float row = min(abs(d + 0.045), abs(d + 0.105)), dash = zigzag(0.5 * stitch * along);
    float on = inside(row - 0.013, 1.5 * PIXEL) * smoothstep(0.2, 0.3, dash);
    rise *= 1.0 - 0.5 * inside(row - 0.028, 0.03) * (1.0 - on);
    ink = mix(ink, thread(0.85) * 1.15, on);
}

vec3 shade(vec2 p) {
    Drape folds = drape(1.3 * p + 20.0, fold, sun, salt);
    vec2 q = rotation(turn) * p * scale + 0.4 * folds.shift;
    float diagonal = zigzag(0.5 * twill * (q.x + q.y) / scale), slub = noise(q * vec2(26.0, 3.0), salt + 5.0);
    float worn = fbm(1.1 * q + 4.0, 4, 0.55, salt + 6.0) + 0.5 * (folds.light - 1.0);
    float crease = ridges(q * vec2(0.7, 3.0) + 0.4 * noise_offset(q, salt), 2, 0.5, salt + 7.0);
    float pale = fade * smoothstep(0.3, 0.8, worn) + whiskers * smoothstep(0.65, 0.9, crease);
    ink = mix(dye(0.05) * 0.8, mix(dye(0.7), dye(1.0), 0.6), saturate(1.3 * pale - 0.15));
    ink = mix(ink, dye(0.85), 0.3 * diagonal * (0.4 + slub));
    rise = 1.0;
    seam(q.x - seam_x + 0.1 * q.y * q.y, q.y);
    seam(yoke_y - q.y + 0.15 * q.x, q.x);
    vec2 c = q - vec2(0.55, -0.15);
    float bag = smooth_max(box(c, vec2(1.0, 1.1) * pocket_size), (dot(abs(c.x) * vec2(0.45, 0.0) - vec2(0.0, c.y), vec2(1.0)) - 0.85 * pocket_size), 0.05);
    if (pocket > 0.3) {
        if (bag < 0.0) ink = mix(ink, thread(patch_tone), pocket > 0.8 ? 0.75 : 0.12);
        rise *= 1.0 - 0.55 * smoothstep(0.12, 0.0, bag) * step(0.0, bag);
        seam(bag, abs(c.x) > abs(c.y) ? c.y : c.x);
    }
    vec3 colour = ink * rise * folds.light * 1.05;
    for (int i = ZERO; i < 3; i++) {
        vec2 at = i == 2 ? vec2(seam_x, yoke_y) : vec2(0.55 + (float(i) * 2.0 - 1.0) * 0.92 * pocket_size, -0.15 + pocket_size);
        vec2 r = (q - at) / 0.085;
        if (i < 2 && pocket < 0.3) continue;
        colour *= 1.0 - 0.5 * smoothstep(1.6, 0.9, length(r - 0.3 * unit_vector(sun)));
        float lit = 0.55 + 0.5 * dot(r, unit_vector(sun + turn)) + 0.4 * smoothstep(0.6, 0.4, length(r));
        colour = mix(colour, mix(thread(0.5), vec3(0.8, 0.6, 0.4), 0.5) * lit, inside((length(r) - 1.0) * 0.085, 2.0 * PIXEL));
    }
    return colour;
}
