// title: Coiled shells on rippled sand
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: sand palette
// parameter: salt seed
// parameter: count integer 1 5
// parameter: size log_uniform 0.5 1.4
// parameter: growth uniform 0.06 0.2
// parameter: squash uniform 0.6 1.0
// parameter: bands log_uniform 2.0 9.0
// parameter: band_strength uniform 0.0 0.9
// parameter: ribs log_uniform 3.0 16.0
// parameter: rib_depth uniform 0.0 0.6
// parameter: slant uniform -0.6 0.6
// parameter: flames uniform 0.0 0.8
// parameter: gloss uniform 0.1 0.7
// parameter: sun angle
// parameter: ripples log_uniform 1.5 6.0
// parameter: ripple_turn angle
// parameter: wet uniform -0.6 0.6
// parameter: debris uniform 0.0 0.5

float sand_height(vec2 q) {
    q = rotation(ripple_turn) * q;
    float bend = 1.2 * noise(0.8 * q, salt + 30.0) + 0.4 * noise(2.3 * q, salt + 31.0);
    return zigzag(0.5 * ripples * q.y + bend) * 0.7 + 0.35 * noise(4.0 * q, salt + 32.0);
}

vec3 beach(vec2 p) {
    vec2 light = unit_vector(sun);
    float slope = (sand_height(p) - sand_height(p + 0.05 * light)) * 1.3;
    float grain = noise(45.0 * p, salt + 33.0), soft = fbm(1.1 * p, 3, 0.5, salt + 34.0);
    vec3 colour = sand(0.5 + 0.35 * soft + 0.12 * (grain - 0.5)) * clamp(0.82 + 0.6 * slope, 0.4, 1.25);
    float speck = smoothstep(0.85 - 0.2 * debris, 0.9 - 0.2 * debris, noise(11.0 * p, salt + 35.0));
    colour = mix(colour, colours(hash1(ivec2(floor(11.0 * p)), salt + 36.0)) * 0.7, 0.8 * speck * debris);
    float sea = dot(p, unit_vector(ripple_turn + 1.57)) + 0.25 * noise(1.4 * p, salt + 37.0) - 0.8 + wet;
    colour *= 1.0 - 0.35 * smoothstep(0.0, 0.15, sea);
    return mix(colour, vec3(0.93), 0.6 * smoothstep(0.05, 0.0, abs(sea)) * noise(16.0 * p, salt + 38.0));
}

vec3 shade(vec2 p) {
    vec3 colour = beach(p);
    vec2 light = unit_vector(sun);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float s = size * (i == 0 ? 1.0 : 0.35 + 0.4 * h.z), grow = growth * (0.8 + 0.4 * g.x);
        vec2 c = (i == 0 ? 0.35 : 0.95) * (2.0 * h.xy - 1.0);
        vec2 q = rotation(TURN * h.z) * (p - c) / s;
        q.y /= squash;
        if (g.y > 0.5) q.x = -q.x;
        float r = length(q), drop = length(p - c + 0.22 * s * light) / s;
        colour *= 1.0 - 0.5 * smoothstep(1.05, 0.5, drop + 0.1 * q.x);
        if (r > 1.05) continue;
        float angle = atan(q.y, q.x);  // the mouth is at angle 0, where the outermost whorl is 1 wide
        float rise = log(max(r, 1e-3)) / grow, phi = angle + TURN * ceil((rise - angle) / TURN);
        float outer = exp(grow * phi), inner = exp(grow * (phi - TURN)), u = (r - inner) / (outer - inner);
        if (phi > 0.0) continue;
        float across = 2.0 * u - 1.0;
        vec2 radial = vec2(cos(angle), sin(angle)) * (g.y > 0.5 ? vec2(-1.0, 1.0) : vec2(1.0));
        radial = transpose(rotation(TURN * h.z)) * radial;
        vec3 normal = normalize(vec3(radial * across * 0.95, sqrt(max(1.05 - across * across, 0.03))));
        float lines_ = phi / TURN * ribs + slant * across * across * ribs * 0.3;
        float rib = 0.5 + 0.5 * cos(TURN * lines_), cross_ = fract(bands * u + 0.2 * noise(vec2(2.0 * phi, 4.0 * u), salt + 3.0));
        float flame = smoothstep(0.5, 0.62, noise(vec2(2.2 * phi + 1.2 * abs(across), 1.8 * u) + 9.0 * g.xy, salt + 4.0));
        float tone = 0.75 + 0.25 * (g.z - 0.5) - 0.5 * band_strength * smoothstep(0.45, 0.55, cross_) - 0.4 * flames * flame;
        vec3 light3 = normalize(vec3(light, 0.75));
        float matte = max(dot(normal, light3), 0.0), shine_ = pow(max(reflect(-light3, normal).z, 0.0), 12.0);
        vec3 skin = colours(tone) * (1.0 - rib_depth * 0.55 * (1.0 - rib)) * (0.3 + 0.85 * matte) + gloss * 0.6 * shine_;
        skin *= 0.55 + 0.45 * smoothstep(0.0, 0.14, u);
        float mouth = smoothstep(-0.85, -0.05, phi) * smoothstep(0.1, 0.3, u) * smoothstep(1.0, 0.85, u);
        skin = mix(skin, colours_at(0) * 0.4, 0.85 * mouth * smoothstep(-0.75, -0.45, phi - 0.25 * across * across));
        colour = mix(colour, skin, inside((r - outer) * s, 2.0 * PIXEL));
    }
    return colour;
}
