// title: Stained tissue: cells, nuclei and vessels
// licence: Apache-2.0
// cost: light
// include: noise, cells, space
// parameter: colours palette
// parameter: stain palette
// parameter: salt seed
// parameter: scale log_uniform 1.3 4.0
// parameter: jitter uniform 0.6 1.0
// parameter: warp uniform 0.0 0.6
// parameter: membrane uniform 0.03 0.15
// parameter: nucleus uniform 0.12 0.3
// parameter: spread uniform 0.0 0.8
// parameter: grain uniform 0.0 0.5
// parameter: vessel_scale log_uniform 0.5 1.4
// parameter: vessel uniform 0.0 0.5
// parameter: light_field uniform 0.0 1.0
// parameter: focus uniform 0.02 0.12

vec3 shade(vec2 p) {
    vec2 q = scale * p + 30.0;
    q += warp * noise_offset(0.6 * q, salt + 1.0);
    Cell cell = cells(q, jitter, salt);
    vec3 h = hash3(cell.id, salt + 2.0);
    float plasma = fbm(2.5 * q + 9.0 * h.xy, 3, 0.55, salt + 3.0);
    vec3 colour = colours(0.55 + spread * (h.x - 0.5) + grain * (plasma - 0.5));
    colour *= 0.8 + 0.3 * smoothstep(0.0, 0.4, cell.edge);
    vec2 from = -cell.offset + 0.25 * (h.yz - 0.5);
    float d = length(from * vec2(1.0, 0.75 + 0.5 * h.z)) - nucleus * (0.6 + 0.6 * h.y);
    d += 0.05 * (noise(6.0 * q, salt + 4.0) - 0.5);
    vec3 core = stain(0.15 + 0.4 * h.z + 0.35 * (noise(9.0 * q, salt + 5.0) - 0.5));
    colour = mix(colour, core, 0.9 * inside(d, focus));
    colour = mix(colour, stain(0.85), 0.6 * inside(length(from - 0.06 * h.xy) - 0.25 * nucleus, focus));
    colour = mix(stain(0.3), colour, smoothstep(0.2 * membrane, membrane, cell.edge));
    float stream = abs(2.0 * fbm(vessel_scale * p + 5.0, 3, 0.45, salt + 6.0) - 1.0) - vessel;
    vec3 lumen = mix(stain(0.95), vec3(0.92), 0.6);
    lumen = mix(lumen, stain(0.5), 0.8 * inside(length(fract(1.6 * q) - 0.5) - 0.25, 0.1) * step(0.6, hash1(ivec2(floor(1.6 * q)), salt + 7.0)));
    colour = mix(colour, stain(0.2), 0.7 * stroke(stream, 0.05, 0.06));
    colour = mix(colour, lumen, inside(stream, 0.03) * step(0.06, vessel));
    return colour * (1.1 - 0.35 * light_field * dot(p, p) * 0.6);
}
