// title: Overlapping scales, shingles or feathers
// licence: Apache-2.0
// cost: light
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: scale log_uniform 1.5 5.0
// parameter: turn angle
// parameter: drop uniform 0.6 1.4
// parameter: point uniform 0.0 0.8
// parameter: curve uniform -0.5 0.5
// parameter: ribs uniform 0.0 9.0
// parameter: rim uniform 0.02 0.15
// parameter: sun angle
// parameter: tilt uniform 0.2 0.8
// parameter: patches log_uniform 0.4 2.0
// parameter: spread uniform 0.2 0.8
// parameter: gloss uniform 0.0 0.5
// parameter: missing uniform -0.2 0.12

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p * scale;
    q.y += curve * q.x * q.x / scale;
    q = q * vec2(1.0, 1.6 / drop) + 40.0;
    float row0 = floor(q.y);
    vec3 colour = others_at(0) * 0.4;
    for (int k = ZERO; k < 3; k++) {
        float row = row0 + 1.0 - float(k);  // upper rows lie on lower ones
        float x = q.x + 0.5 * mod(row, 2.0);
        ivec2 id = ivec2(int(floor(x)), int(row));
        if (hash1(id, salt + 1.0) < missing) continue;
        vec2 f = vec2(fract(x) - 0.5, q.y - row);
        vec2 shape_ = vec2(f.x / 0.52, (f.y - 0.75) / 1.25);
        float d = mix(length(shape_), abs(shape_.x) + abs(shape_.y), point * step(f.y, 0.75)) - 1.0;
        if (d > 0.0) { colour *= 1.0 - 0.5 * exp(-9.0 * d); continue; }
        vec2 centre = (vec2(id) + vec2(0.5 - 0.5 * mod(row, 2.0), 0.6) - 40.0) / scale;
        float tone = fbm(patches * centre + 5.0, 3, 0.5, salt + 2.0) + spread * (hash1(id, salt + 3.0) - 0.5);
        vec3 scale_colour = mix(colours(tone), others(1.0 - tone), smoothstep(-rim, 0.0, d) * 0.7);
        scale_colour *= 1.0 - 0.25 * smoothstep(0.7, 1.0, abs(sin(ribs * f.x))) * step(1.0, ribs);
        float lit = 0.75 + tilt * dot(unit_vector(sun), vec2(f.x, 0.5 - f.y)) * 0.8;
        scale_colour = scale_colour * lit * (0.6 + 0.4 * smoothstep(1.3, 0.2, f.y));
        scale_colour += gloss * smoothstep(0.25, 0.0, length(f - vec2(0.12, 0.25)));
        colour = scale_colour;
        break;
    }
    return colour;
}
