// title: A planet with seas, clouds and air, and perhaps a moon
// licence: Apache-2.0
// cost: medium
// include: noise, space
// parameter: land palette
// parameter: sea palette
// parameter: salt seed
// parameter: centre_x uniform -0.8 0.8
// parameter: centre_y uniform -0.9 0.6
// parameter: radius log_uniform 0.5 1.6
// parameter: continents log_uniform 1.0 3.5
// parameter: rough uniform 0.45 0.65
// parameter: level uniform 0.3 0.65
// parameter: ice uniform 0.5 1.1
// parameter: clouds uniform 0.0 0.65
// parameter: cloud_scale log_uniform 1.2 4.0
// parameter: air uniform 0.1 0.8
// parameter: sun angle
// parameter: sun_front uniform 0.3 1.4
// parameter: axis angle
// parameter: space_light uniform 0.35 1.0
// parameter: moon uniform -0.12 0.22
// parameter: moon_turn angle

vec3 space_colour(vec2 p) {
    float gas = fbm(1.1 * p + 4.0, 4, 0.55, salt + 30.0);
    vec3 colour = mix(sea_at(0), land(0.5), 0.8 * smoothstep(0.4, 0.75, gas)) * space_light;
    vec2 q = 9.0 * p;
    vec3 h = hash3(ivec2(floor(q)), salt + 31.0);
    return colour + step(h.z, 0.35) * smoothstep(0.16 * h.z + 0.05, 0.0, length(fract(q) - 0.2 - 0.6 * h.xy));
}

vec3 shade(vec2 p) {
    vec3 light = normalize(vec3(unit_vector(sun), sun_front));
    vec2 v = (p - vec2(centre_x, centre_y)) / radius;
    float r2 = dot(v, v), r = sqrt(r2);
    vec3 halo = mix(sea_at(3), vec3(0.7, 0.85, 1.0), 0.5);
    vec3 colour = space_colour(p);
    vec2 moon_at = vec2(centre_x, centre_y) + 1.45 * radius * unit_vector(moon_turn);
    vec2 m = (p - moon_at) / max(moon, 0.01);
    if (moon > 0.03 && dot(m, m) < 1.0) {
        vec3 n = vec3(m, sqrt(1.0 - dot(m, m)));
        colour = land(0.6 + 0.5 * (fbm(2.0 * n + 3.0, 3, 0.6, salt + 32.0) - 0.5)) * (0.12 + max(dot(n, light), 0.0));
    }
    float sunward = saturate(0.4 + 0.6 * dot(v, light.xy) / max(r, 0.01) + 0.3 * sun_front);
    colour += halo * air * 0.8 * exp(-9.0 * max(r - 1.0, 0.0)) * sunward;
    if (r2 > 1.0) return colour;
    vec3 n = vec3(v, sqrt(1.0 - r2)), s = n;
    s.xy = rotation(axis) * s.xy;
    vec3 q = continents * s + 7.0;
    float h = fbm(q + 0.5 * noise(2.0 * q, salt + 1.0), 5, rough, salt) - level;
    float grain = noise(7.0 * q, salt + 2.0);
    vec3 ground = h > 0.0 ? land(saturate(2.5 * h + 0.25 * grain)) : sea(saturate(0.65 + 1.8 * h));
    ground = mix(ground, vec3(0.93), smoothstep(ice, ice + 0.08, abs(s.y) + 0.2 * (grain - 0.5)));
    vec3 c = s * cloud_scale * vec3(1.0, 1.9, 1.0) + 20.0;
    float cover = smoothstep(1.0 - clouds, 1.3 - clouds, fbm(c + 0.7 * noise(c, salt + 4.0), 4, 0.55, salt + 5.0));
    float lambert = max(dot(n, light), 0.0);
    vec3 lit = mix(ground, vec3(0.96), cover) * (0.06 + 1.05 * smoothstep(-0.05, 0.9, lambert + 0.05));
    lit += (h < 0.0 ? 0.35 : 0.0) * (1.0 - cover) * pow(max(reflect(-light, n).z, 0.0), 18.0);
    lit = mix(lit, halo * (0.15 + lambert), air * pow(1.0 - n.z, 2.5));
    return mix(colour, lit, inside(r - 1.0, 2.0 * PIXEL / radius));
}
