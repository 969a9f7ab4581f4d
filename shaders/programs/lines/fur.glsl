// title: Fur or combed hair, lit across the strands
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: flow_scale log_uniform 0.4 1.6
// parameter: turbulence uniform 0.4 2.2
// parameter: direction angle
// parameter: strands log_uniform 10.0 28.0
// parameter: length uniform 0.4 1.0
// parameter: patches log_uniform 0.5 2.5
// parameter: patch_edge uniform 0.02 0.2
// parameter: contrast uniform 0.5 1.3
// parameter: parting uniform -0.6 0.5
// parameter: sheen uniform 0.0 0.6
// parameter: sun angle

vec2 comb(vec2 q) {
    return unit_vector(direction + turbulence * TURN * 0.5 * (fbm(flow_scale * q, 2, 0.5, salt) - 0.5));
}

vec3 shade(vec2 p) {
    vec2 q = p;
    float sum = 0.0, weight = 0.0;
    for (int i = ZERO; i < 12; i++) {  // follow the strand back to its root, as line integral convolution does
        float fade = 1.0 - float(i) / 12.0;
        sum += fade * noise(strands * q, salt + 3.0);
        weight += fade;
        q -= comb(q) * 0.045 * length;
    }
    float strand = 0.5 + 2.1 * (sum / weight - 0.5);
    float patch_ = fbm(patches * q + 7.0, 4, 0.55, salt + 5.0);
    float mask = smoothstep(0.5 - patch_edge, 0.5 + patch_edge, patch_ + 0.12 * (strand - 0.5));
    vec3 colour = mix(colours(0.25 + 0.5 * strand), others(0.3 + 0.5 * strand), mask);
    vec2 along = comb(p);
    float lit = abs(along.x * sin(sun) - along.y * cos(sun));
    colour *= mix(1.0, 0.35 + 0.95 * strand, contrast * 0.75) * (0.7 + 0.45 * lit);
    colour += sheen * pow(lit, 8.0) * (0.4 + strand) * 0.5;
    float split = abs(p.x * sin(direction) - p.y * cos(direction) + 0.2 * sin(2.0 * p.x));
    return colour * (1.0 - 0.6 * smoothstep(0.25, 0.0, split) * step(0.0, parting));
}
