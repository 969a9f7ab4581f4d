// title: An animal's eye close up, round or slit, in fur, scales or feathers
// licence: Apache-2.0
// cost: medium
// include: noise, cells, shape
// parameter: iris palette
// parameter: skin palette
// parameter: salt seed
// parameter: centre_x uniform -0.45 0.45
// parameter: centre_y uniform -0.3 0.35
// parameter: size log_uniform 0.3 0.9
// parameter: tilt uniform -0.6 0.6
// parameter: open uniform 0.5 1.0
// parameter: iris_size uniform 0.62 1.15
// parameter: pupil uniform 0.2 0.6
// parameter: slit uniform 0.12 1.0
// parameter: slit_turn integer 0 1
// parameter: fibres log_uniform 14.0 50.0
// parameter: flecks uniform 0.0 0.9
// parameter: look_x uniform -0.2 0.2
// parameter: look_y uniform -0.12 0.12
// parameter: hide integer 0 2
// parameter: hair log_uniform 5.0 14.0
// parameter: pattern uniform 0.0 1.0
// parameter: folds uniform 0.0 1.0
// parameter: sun uniform 0.6 2.5

// Fur, scales or wrinkles around the eye; q is in units of the eye, d the distance to the lids.
vec3 pelt(vec2 q, float d) {
    float angle = atan(q.y, q.x), mark = fbm(1.1 * q + 5.0, 3, 0.5, salt + 20.0);
    float dark = mix(0.5, smoothstep(0.35, 0.65, mark), pattern);
    vec3 colour;
    if (hide < 0.5) {
        vec2 flow = vec2(2.4 * hair * angle, 2.2 * length(q)) + 0.8 * noise_offset(1.5 * q, salt + 21.0);
        float tuft = fbm(flow, 3, 0.6, salt + 22.0), fine = noise(flow * vec2(2.5, 1.5), salt + 23.0);
        colour = skin(0.15 + 0.7 * dark + 0.25 * (tuft - 0.5)) * (0.45 + 0.5 * tuft + 0.3 * fine);
    } else if (hide < 1.5) {
        vec2 s = hair * 0.8 * q / (0.7 + 0.3 * length(q)) + 20.0;
        Cell plate = cells(s, 0.65, salt + 24.0);
        float bump = smoothstep(0.02, 0.35, plate.edge);
        colour = skin(0.2 + 0.55 * dark + 0.3 * (hash1(plate.id, salt + 25.0) - 0.5)) * (0.3 + 0.75 * bump) * (0.9 - 0.9 * dot(plate.offset, unit_vector(sun)));
    } else {
        float crease = ridges(vec2(2.0 * angle, 3.5 * length(q)) + 0.6 * noise_offset(2.0 * q, salt + 26.0), 4, 0.55, salt + 27.0);
        colour = skin(0.35 + 0.4 * dark + 0.25 * (noise(20.0 * q, salt + 28.0) - 0.5)) * (0.95 - 0.6 * smoothstep(0.4, 0.8, crease));
    }
    float fold = folds * (0.5 + 0.5 * cos(15.0 * d - 1.0)) * exp(-2.8 * d);
    return colour * (1.0 - 0.55 * fold) * (0.75 + 0.25 * dot(normalize(q + 1e-4), unit_vector(sun))) * (0.55 + 0.45 * smoothstep(0.0, 0.3, d));
}

vec3 eyeball(vec2 q) {
    vec2 v = q - vec2(look_x, look_y);
    float r = length(v) / (iris_size * 0.75), angle = atan(v.y, v.x);
    vec3 white = mix(skin_at(3), vec3(0.9), 0.6) * (1.0 - 0.15 * smoothstep(0.55, 0.7, noise(vec2(7.0 * angle, 3.0 * r), salt + 1.0)));
    vec2 ellipse = slit_turn < 0.5 ? v / vec2(slit, 1.0) : v / vec2(1.0, slit);
    float hole = length(ellipse) / (iris_size * 0.75) - pupil;
    float fibre = fbm(vec2(fibres * angle / TURN * 2.0, 2.5 * r) + 0.3 * noise_offset(4.0 * v, salt + 2.0), 3, 0.6, salt + 3.0);
    float collar = smoothstep(0.25, 0.0, hole);
    vec3 colour = iris(0.25 + 0.5 * fibre + 0.3 * collar + 0.2 * (r - 0.5)) * (0.55 + 0.7 * fibre);
    Cell fleck = cells(7.0 * v + 9.0, 0.9, salt + 4.0);
    colour = mix(colour, iris_at(0), flecks * 0.7 * smoothstep(0.3, 0.15, fleck.nearest) * step(0.5, hash1(fleck.id, salt + 5.0)));
    colour *= 0.75 - 0.5 * dot(v, unit_vector(sun));
    colour *= 1.0 - 0.75 * smoothstep(0.8, 1.0, r);
    colour = mix(white, colour, smoothstep(1.03, 0.97, r));
    return mix(colour, vec3(0.015, 0.015, 0.02), smoothstep(0.03, -0.03, hole));
}

vec3 shade(vec2 p) {
    vec2 q = rotation(-tilt) * (p - vec2(centre_x, centre_y)) / size;
    float d = lens(q + vec2(0.0, 0.08 * q.x * q.x), 1.2, open * 0.95);
    vec3 around = pelt(q, max(d, 0.0));
    vec3 ball = eyeball(q);
    ball *= 0.4 + 0.6 * smoothstep(0.02, -0.35, d + 0.35 * max(q.y, 0.0));
    vec2 glint = q - vec2(look_x, look_y) - 0.32 * iris_size * unit_vector(sun);
    float window_ = box(rotation(0.2) * glint, vec2(0.1, 0.13));
    ball = mix(ball, vec3(0.97), 0.9 * inside(window_ - 0.03, 0.06)) + 0.15 * smoothstep(0.5, 0.0, length(q + 0.35 * unit_vector(sun)));
    ball += 0.08 * skin_at(2) * smoothstep(0.1, 0.5, noise(vec2(6.0 * q.x, 2.0), salt + 6.0) * 0.7 - q.y - 0.2);
    vec3 rim = mix(skin_at(0), skin_at(1), 0.3) * 0.5 * (1.0 + 0.8 * smoothstep(0.03, 0.0, abs(d - 0.03)));
    vec3 colour = mix(around, rim, inside(d - 0.08, 0.05));
    return mix(colour, ball, inside(d, 2.0 * PIXEL / size));
}
