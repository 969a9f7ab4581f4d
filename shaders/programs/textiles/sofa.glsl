// title: Buttoned upholstery of a chair or sofa before a wall
// licence: Apache-2.0
// cost: light
// include: noise, space
// parameter: leather palette
// parameter: wall palette
// parameter: salt seed
// parameter: buttons log_uniform 1.1 2.6
// parameter: aspect uniform 0.7 1.4
// parameter: plump uniform 0.25 1.0
// parameter: sharp uniform 0.3 0.8
// parameter: back_height uniform -0.1 1.2
// parameter: arch uniform -0.3 0.5
// parameter: humps integer 1 3
// parameter: seat uniform -1.4 -0.3
// parameter: shift_x uniform -0.5 0.5
// parameter: sun angle
// parameter: elevation uniform 0.4 1.0
// parameter: gloss uniform 0.0 0.7
// parameter: grain uniform 0.0 0.6
// parameter: stripe log_uniform 1.5 6.0
// parameter: roll uniform 0.04 0.14

// Height between buttons at the corners of diamonds: creases run from button to button.
float cushion(vec2 q) {
    vec2 d = vec2(q.x + q.y, q.x - q.y), f = abs(fract(d) - 0.5);
    vec2 ridge = 1.0 - pow(2.0 * f, vec2(2.0 + 4.0 * sharp));
    float wrinkle = noise(6.0 * q, salt + 3.0) * (1.0 - ridge.x * ridge.y);
    return plump * (0.5 * sqrt(max(ridge.x * ridge.y, 0.0)) + 0.07 * wrinkle);
}

vec3 lit(vec3 dye, vec3 normal, vec3 light) {
    float matte = max(dot(normal, light), 0.0), spark = pow(max(reflect(-light, normal).z, 0.0), 10.0 + 20.0 * gloss);
    return dye * (0.2 + 0.95 * matte) + gloss * 0.7 * spark;
}

vec3 shade(vec2 p) {
    vec3 light = vec3(cos(elevation) * unit_vector(sun), sin(elevation));
    vec2 q = vec2(p.x - shift_x, p.y);
    float top = back_height + arch * cos(float(humps) * 1.8 * q.x);
    float d = top - q.y;
    float paper = step(0.5, fract(stripe * p.x)) + 0.4 * step(0.93, fract(stripe * p.x + 0.25));
    vec3 colour = wall(0.5 + 0.25 * paper) * (0.75 + 0.3 * fbm(1.5 * p, 3, 0.5, salt + 9.0)) * (1.0 + 0.35 * dot(p, light.xy));
    colour *= 1.0 - 0.55 * smoothstep(-0.4, 0.0, d + 0.3 * light.y);
    float skin = noise(34.0 * q, salt + 5.0) - 0.5;
    if (d > 0.0 && q.y > seat) {
        vec2 s = buttons * vec2(q.x, aspect * (q.y - seat) + 0.2 * arch * cos(float(humps) * 1.8 * q.x));
        float h = cushion(s), e = 0.03;
        vec3 normal = normalize(vec3(h - cushion(s + vec2(e, 0.0)), h - cushion(s + vec2(0.0, e)), e));
        normal.xy += 0.6 * grain * vec2(skin, noise(34.0 * q + 9.0, salt + 6.0) - 0.5);
        colour = lit(leather(0.35 + 0.35 * h / plump + 0.2 * (noise(1.2 * q, salt + 7.0) - 0.5)), normalize(normal), light);
        colour *= 0.45 + 0.75 * smoothstep(0.0, 0.35 * plump, h);
        vec2 c = vec2(s.x + s.y, s.x - s.y);
        vec2 corner = floor(c + 0.5);
        vec2 at = 0.5 * vec2(corner.x + corner.y, corner.x - corner.y);
        vec2 b = (s - at) / 0.09;
        vec3 dome = vec3(b, sqrt(max(1.0 - dot(b, b), 0.05)));
        colour *= 1.0 - 0.5 * smoothstep(2.2, 0.9, length(b + 0.4 * light.xy));
        colour = mix(colour, lit(leather(0.5), normalize(dome), light), inside((length(b) - 1.0) * 0.09, 2.5 * PIXEL * buttons));
        colour *= 0.6 + 0.4 * smoothstep(0.0, 0.3, q.y - seat);
        if (d < 2.0 * roll) {  // piped roll along the top
            float v = d / roll - 1.0;
            normal = normalize(vec3(-0.2 * cos(9.0 * q.x), -v, sqrt(max(1.0 - v * v, 0.02))));
            colour = lit(leather(0.45), normal, light) * (0.9 + 0.2 * skin * grain);
        }
    } else if (q.y <= seat) {
        float v = (seat - q.y) / 0.5, x = fract(0.55 * q.x * buttons / 2.0 + 0.5) - 0.5;
        vec3 normal = normalize(vec3(pow(2.0 * x, 5.0), 0.9 - 1.3 * v, 0.9));
        normal.xy += 0.25 * noise_offset(vec2(2.0, 3.0) * q, salt + 8.0);
        colour = lit(leather(0.45 + 0.3 * (noise(1.5 * q, salt + 7.0) - 0.5)), normalize(normal + 0.4 * grain * skin), light);
        colour *= smoothstep(0.0, 0.12, seat - q.y) * (1.0 - 0.7 * smoothstep(0.46, 0.5, abs(x)));
    }
    return colour;
}
