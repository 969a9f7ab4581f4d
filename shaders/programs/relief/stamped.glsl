// title: Shapes pressed into and out of a metal sheet
// licence: Apache-2.0
// cost: heavy
// include: noise, shape, relief
// parameter: colours palette
// parameter: salt seed
// parameter: count integer 3 12
// parameter: size uniform 0.15 0.5
// parameter: bevel uniform 0.06 0.2
// parameter: depth uniform 0.05 0.16
// parameter: rings uniform 0.0 0.025
// parameter: ring_count uniform 10.0 28.0
// parameter: brushed uniform 0.0 0.006
// parameter: brush angle
// parameter: sun angle
// parameter: elevation uniform 0.4 1.1
// parameter: gloss uniform 0.2 0.9
// parameter: sharpness log_uniform 4.0 40.0
// parameter: rust uniform 0.0 0.9
// parameter: rust_scale log_uniform 0.8 4.0

float relief(vec2 q) {
    float h = 0.0;
    for (int i = ZERO; i < int(count); i++) {
        vec3 v = hash3(i, salt);
        vec2 s = rotation(TURN * v.z) * (q - 1.1 * (2.0 * v.xy - 1.0));
        float d = any_shape(s, int(7.0 * hash1(i, salt + 1.0)), size * (0.4 + 0.9 * hash1(i, salt + 2.0)));
        float side = hash1(i, salt + 3.0) < 0.65 ? 1.0 : -1.0;
        float step_ = smoothstep(bevel, -bevel, d);
        h = mix(h, h * 0.3 + side * depth + rings * sin(ring_count * d), step_);
    }
    vec2 along = rotation(brush) * q;
    return h + brushed * noise(along * vec2(1.5, 26.0), salt + 6.0) + 0.06 * noise(1.2 * q + 9.0, salt + 7.0);
}

vec3 shade(vec2 p) {
    vec3 light = light_direction(sun, elevation);
    vec3 normal = relief_normal(p, 0.012);
    float lit = relief_shadow(p, light, 0.35, 0.35, 6);
    float stain = fbm(rust_scale * p + 3.0, 4, 0.6, salt + 9.0);
    float corroded = rust * smoothstep(0.45, 0.6, stain + 0.15 * (1.0 - normal.z));
    vec3 albedo = mix(colours(0.7 + 0.2 * p.y), colours(0.45 * stain), corroded);
    vec3 colour = shine(albedo, normal, light, lit, 0.3, gloss * (1.0 - corroded), sharpness);
    float sky = 0.5 + 0.5 * dot(normal.xy, vec2(0.6, 0.8));  // a dim window above reflects in slopes
    return colour + 0.35 * (1.0 - corroded) * (sky - 0.5) * albedo;
}
