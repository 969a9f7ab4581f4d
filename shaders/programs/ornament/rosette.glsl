// title: Rosette window, cut from noise and mirrors
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: wedges integer 3 10
// parameter: centre_x uniform -0.7 0.7
// parameter: centre_y uniform -0.7 0.7
// parameter: radius uniform 0.6 1.5
// parameter: rings integer 2 5
// parameter: noise_scale log_uniform 1.0 4.0
// parameter: twist uniform -0.8 0.8
// parameter: line uniform 0.01 0.05
// parameter: wall_scale log_uniform 1.0 5.0
// parameter: glow uniform 0.0 0.6
// parameter: shadow uniform 0.2 0.8
// parameter: turn angle

vec3 shade(vec2 p) {
    vec2 c = p - vec2(centre_x, centre_y);
    float r = length(c) / radius;
    vec2 course = p * vec2(wall_scale, 1.8 * wall_scale);
    course.x += 0.5 * mod(floor(course.y), 2.0);
    vec2 joint = abs(fract(course) - 0.5);
    vec3 wall = others(0.35 + 0.35 * hash1(ivec2(floor(course)), salt + 1.0) + 0.2 * (fbm(4.0 * p, 3, 0.5, salt + 2.0) - 0.5));
    wall *= 1.0 - 0.3 * smoothstep(0.42, 0.5, max(joint.x, joint.y));
    wall *= 1.0 - shadow * smoothstep(1.25, 1.0, r);
    vec2 k = kaleidoscope(rotation(turn + twist * r) * c / radius, wedges);
    float ring = floor(r * rings);
    float tone = fbm(noise_scale * k + 3.0 * ring, 3, 0.5, salt + 4.0);
    float petal = flower(k - vec2((ring + 0.5) / rings, 0.0), 4.0, 0.42 / rings, 0.3);
    vec3 pane = mix(colours(tone), others(1.0 - tone), step(petal, 0.0) * 0.8);
    pane *= 1.0 + glow * (1.0 - r) - 0.25 * hash1(int(ring), salt + 5.0);
    float lead = min(min(abs(petal), abs(fract(r * rings + 0.5) - 0.5) / rings), abs(k.y));
    pane = mix(pane, others_at(0) * 0.5, stroke(lead, line * 0.6, 1.5 * PIXEL));
    vec3 colour = mix(wall, pane, inside(r - 1.0, PIXEL));
    return mix(colour, others(0.75), stroke(r - 1.03, 0.035, PIXEL));
}
