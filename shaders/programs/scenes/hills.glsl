// title: Open country to the horizon, under clouds
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: land palette
// parameter: sky palette
// parameter: salt seed
// parameter: scale log_uniform 0.14 0.45
// parameter: height log_uniform 0.5 2.4
// parameter: sharpness uniform 0.0 1.0
// parameter: eye_height uniform 0.25 1.3
// parameter: pitch uniform -0.45 0.2
// parameter: roll uniform -0.12 0.12
// parameter: zoom uniform 1.0 2.4
// parameter: sun angle
// parameter: sun_height uniform 0.15 0.9
// parameter: haze log_uniform 0.004 0.06
// parameter: lake uniform -0.2 0.55
// parameter: cloud_scale log_uniform 0.4 2.0
// parameter: cloud_cover uniform 0.2 0.8
// parameter: fields uniform 0.0 1.0

float ground(vec2 q, int octaves) {
    q *= scale;
    float soft = fbm(q, octaves, 0.48, salt), sharp = ridges(q, octaves, 0.45, salt + 20.0);
    return height * mix(soft, sharp, sharpness);
}

vec3 sky_colour(vec3 ray, vec3 light) {
    vec2 q = ray.xz / (0.15 + max(ray.y, 0.0)) * cloud_scale;
    float cloud = smoothstep(1.0 - cloud_cover, 1.35 - cloud_cover, fbm(q + 9.0, 4, 0.55, salt + 50.0));
    vec3 clear = mix(sky_at(3), sky(0.45), saturate(1.6 * ray.y));
    clear += 0.5 * sky_at(3) * pow(max(dot(ray, light), 0.0), 24.0);
    return mix(clear, mix(sky_at(2), vec3(0.95), 0.6), cloud * smoothstep(0.0, 0.2, ray.y));
}

vec3 shade(vec2 p) {
    p = rotation(roll) * p;
    float water = lake * height;
    vec3 eye = vec3(0.0, max(ground(vec2(0.0), 4), water) + eye_height, 0.0);
    vec3 ray = normalize(vec3(p.x, p.y + pitch * zoom, zoom));
    vec3 light = normalize(vec3(cos(sun), sun_height, sin(sun)));
    vec3 above = sky_colour(ray, light);
    float t = 0.3, before = 0.0, gap = 0.0, last_gap = 0.0;
    bool hit = false;
    for (int i = ZERO; i < 56; i++) {
        vec3 q = eye + ray * t;
        gap = q.y - max(ground(q.xz, 4), water);
        if (gap < 0.0) { hit = true; break; }
        if (t > 32.0 || (ray.y > 0.0 && q.y > height)) break;
        before = t;
        last_gap = gap;
        t += max(0.45 * gap, 0.03 * t);
    }
    if (!hit) return above;
    t = mix(before, t, saturate(last_gap / max(last_gap - gap, 1e-4)));
    vec3 q = eye + ray * t;
    float h = ground(q.xz, 4), e = 0.01 + 0.006 * t;
    vec3 normal = normalize(vec3(h - ground(q.xz + vec2(e, 0.0), 4), e, h - ground(q.xz + vec2(0.0, e), 4)));
    float lit = 1.0;
    for (int i = ZERO; i < 7; i++) {
        float s = 0.08 * exp2(0.75 * float(i));
        lit = min(lit, 0.7 + 4.0 * (h + light.y * s - ground(q.xz + light.xz * s, 3)) / s);
    }
    float patches = hash1(ivec2(floor(0.8 * q.xz + 0.4 * noise_offset(0.7 * q.xz, salt))), salt + 7.0);
    float flat_land = smoothstep(0.75, 0.95, normal.y);
    float tone = mix(h / height, patches, fields * flat_land * 0.7) + 0.25 * (noise(3.0 * q.xz, salt + 8.0) - 0.5);
    vec3 colour = land(tone) * (0.32 + 0.85 * max(dot(normal, light), 0.0) * saturate(lit));
    if (h < water) {
        vec3 mirror = reflect(ray, normalize(vec3(0.06 * noise_offset(7.0 * q.xz, salt + 9.0), 1.0).xzy));
        colour = mix(land_at(0) * 0.5, sky_colour(mirror, light), 0.35 + 0.5 * pow(1.0 - abs(ray.y), 3.0));
    }
    return mix(mix(sky_at(3), above, 0.5), colour, exp(-haze * t * t * 0.3));
}
