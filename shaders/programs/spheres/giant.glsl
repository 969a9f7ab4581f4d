// title: Banded giant with storms and rings
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: centre_x uniform -0.6 0.6
// parameter: centre_y uniform -0.6 0.6
// parameter: radius log_uniform 0.45 1.3
// parameter: tilt uniform -1.2 1.2
// parameter: bands log_uniform 1.5 6.0
// parameter: turbulence uniform 0.1 0.9
// parameter: storm uniform 0.0 0.5
// parameter: storm_y uniform -0.5 0.5
// parameter: ring uniform -0.5 1.0
// parameter: ring_open uniform 0.08 0.5
// parameter: ring_lines log_uniform 3.0 12.0
// parameter: sun angle
// parameter: sun_front uniform 0.5 1.5
// parameter: glow uniform 0.4 1.0

vec3 surface(vec3 s) {
    vec2 q = vec2(atan(s.x, s.z), s.y);
    vec2 e = (q - vec2(0.2, storm_y)) / vec2(1.9, 1.0);
    float eye = exp(-dot(e, e) / (0.004 + 0.08 * storm * storm)) * step(0.05, storm);
    e = rotation(3.5 * eye) * e;
    q = mix(q, vec2(0.2, storm_y) + e * vec2(1.9, 1.0), step(0.05, storm));
    float swirl = fbm(vec2(2.2 * q.x, 7.0 * q.y) + 6.0, 4, 0.55, salt) - 0.5;
    float lane = bands * q.y + turbulence * swirl + 0.4 * noise(vec2(0.6 * q.x, 3.0 * q.y), salt + 2.0);
    float tone = noise(vec2(1.0, 2.0 * lane + 9.0), salt + 3.0);
    vec3 colour = mix(colours(0.15 + 0.8 * tone), others(0.6), 0.5 * noise(vec2(2.0, 1.3 * lane + 30.0), salt + 4.0));
    return mix(colour, others(0.25 + 0.6 * swirl + 0.3), 0.8 * eye);
}

vec3 shade(vec2 p) {
    vec3 light = normalize(vec3(unit_vector(sun), sun_front));
    vec2 v = rotation(tilt) * (p - vec2(centre_x, centre_y)) / radius;
    vec3 l = vec3(rotation(tilt) * light.xy, light.z);
    float gas = fbm(0.9 * p + 2.0, 4, 0.55, salt + 9.0), r = length(v);
    vec3 colour = mix(others_at(0) * 0.6, others(0.35 + 0.5 * gas), glow * smoothstep(0.25, 0.8, gas));
    colour += glow * 0.4 * colours_at(3) * exp(-3.5 * max(r - 1.0, 0.0));
    float body = inside(r - 1.0, 2.0 * PIXEL / radius);
    vec3 n = vec3(v, sqrt(max(1.0 - r * r, 0.0)));
    vec3 s = n;
    s.yz = rotation(0.5 * ring_open) * s.yz;
    vec3 lit = surface(s) * (0.16 + 1.2 * max(dot(n, l), 0.0)) * mix(1.0, 0.7, r * r * r);
    float strip = abs(n.y + 0.35 * ring_open - 0.3 * l.y) - 0.05;
    if (ring > 0.0) lit *= 1.0 - 0.45 * inside(strip, 0.06);
    colour = mix(colour, lit, body);
    vec2 w = vec2(v.x, v.y / ring_open);
    float span_ = length(w);
    float gap = smoothstep(0.25, 0.4, noise(vec2(3.0, ring_lines * span_), salt + 7.0));
    float ring_mask = inside(abs(span_ - 1.35 - 0.4 * max(ring, 0.0)) - 0.15 - 0.4 * max(ring, 0.0), 0.03) * (0.25 + 0.7 * gap) * step(0.0, ring);
    float hidden = body * step(0.0, v.y);
    float dark = 1.0 - 0.7 * inside(length(v - l.xy * dot(v, l.xy) / max(dot(l.xy, l.xy), 0.01)) - 0.95, 0.1) * step(dot(v, l.xy), -0.3);
    return mix(colour, mix(colours(0.85), others(0.7), noise(vec2(8.0, 0.7 * ring_lines * span_), salt + 8.0)) * dark, ring_mask * (1.0 - hidden));
}
