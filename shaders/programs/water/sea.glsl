// title: Open sea: waves with white crests under clouds
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: water palette
// parameter: sky palette
// parameter: salt seed
// parameter: swell uniform 0.15 0.75
// parameter: wave_scale log_uniform 0.3 0.9
// parameter: chop uniform 0.2 0.9
// parameter: steep uniform 1.0 2.6
// parameter: wind angle
// parameter: eye_height log_uniform 0.5 2.5
// parameter: pitch uniform -0.5 0.1
// parameter: roll uniform -0.1 0.1
// parameter: zoom uniform 0.9 2.0
// parameter: sun uniform -1.2 1.2
// parameter: sun_height uniform 0.08 0.9
// parameter: foam uniform 0.0 0.9
// parameter: clear uniform 0.1 0.6
// parameter: cloud_scale log_uniform 0.4 1.6
// parameter: cloud_cover uniform 0.2 0.85
// parameter: mist_depth log_uniform 0.008 0.06
// parameter: islands uniform -0.5 0.5

float surface(vec2 q, int octaves) {
    q = rotation(-wind) * q * wave_scale;
    float sum = 0.0, amplitude = 1.0, weight = 0.0;
    for (int i = ZERO; i < octaves; i++) {
        vec2 s = q * vec2(1.6, 0.7);
        float crest = 1.0 - abs(2.0 * noise(s + float(i) * 3.7, salt + float(i)) - 1.0);
        sum += amplitude * pow(crest, steep);
        weight += amplitude;
        amplitude *= 0.32 + 0.2 * chop;
        q = rotation(0.7) * q * 1.9 + 0.3 * sum;
    }
    return swell * sum / weight;
}

vec3 heaven(vec3 ray, vec3 light) {
    vec2 q = ray.xz / (0.12 + max(ray.y, 0.0)) * cloud_scale;
    float cloud = fbm(q + 5.0, 4, 0.55, salt + 50.0), lit = cloud - fbm(q + 5.0 + 0.3 * light.xz, 3, 0.55, salt + 50.0);
    vec3 clear_sky = mix(mix(sky_at(3), sky_at(2), 0.3), sky(0.4), saturate(1.7 * ray.y));
    float glow = max(dot(ray, light), 0.0);
    clear_sky += 0.45 * sky_at(3) * pow(glow, 12.0) + 0.6 * smoothstep(0.9985, 0.9993, glow);
    vec3 puff = mix(sky(0.55), mix(sky_at(3), vec3(0.95), 0.4), saturate(0.55 + 2.2 * lit));
    return mix(clear_sky, puff, smoothstep(1.0 - cloud_cover, 1.4 - cloud_cover, cloud) * smoothstep(0.0, 0.12, ray.y));
}

vec3 shade(vec2 p) {
    p = rotation(roll) * p;
    vec3 eye = vec3(0.0, swell + eye_height, 0.0), ray = normalize(vec3(p.x, p.y + pitch * zoom, zoom));
    vec3 light = normalize(vec3(sun, sun_height, 1.0));
    vec3 above = heaven(ray, light);
    if (islands > 0.0) {
        float land = islands * 0.5 * smoothstep(0.45, 0.8, noise(vec2(2.5 * ray.x + 4.0, 1.0), salt + 60.0)) * (0.6 + 0.5 * fbm(vec2(9.0 * ray.x, 2.0), 4, 0.5, salt + 61.0));
        above = mix(above, mix(water(0.2), sky_at(2), 0.55), inside(ray.y - land, 0.006));
    }
    if (ray.y > -0.002) return above;
    float near = max((swell - eye.y) / ray.y, 0.1), t = near, before = near, gap = 0.0, last_gap = 0.0;
    float end = min(-eye.y / ray.y, 60.0);
    float step_ = (end - near) / 22.0;
    for (int i = ZERO; i < 23; i++) {
        vec3 q = eye + ray * t;
        gap = q.y - surface(q.xz, 3);
        if (gap < 0.0) break;
        before = t;
        last_gap = gap;
        t += max(step_, 0.3 * gap);
    }
    t = mix(before, t, saturate(last_gap / max(last_gap - gap, 1e-4)));
    vec3 q = eye + ray * t;
    float e = 0.02 + 0.012 * t, h = surface(q.xz, 5), hx = surface(q.xz + vec2(e, 0.0), 5), hz = surface(q.xz + vec2(0.0, e), 5);
    vec3 normal = normalize(vec3(h - hx, e, h - hz));
    normal = normalize(mix(normal, vec3(0.0, 1.0, 0.0), saturate(0.02 * t)));
    float fresnel = 0.05 + 0.95 * pow(1.0 - max(dot(normal, -ray), 0.0), 4.0);
    vec3 bounce = reflect(ray, normal);
    bounce.y = abs(bounce.y);
    vec3 body = water(0.15 + 0.35 * h / swell) * (0.5 + 0.5 * max(dot(normal, light), 0.0));
    body += clear * water_at(2) * pow(saturate(h / swell), 2.0) * (0.35 + 0.65 * max(-dot(light.xz, normal.xz), 0.0));
    vec3 colour = mix(body, heaven(normalize(bounce), light), 0.85 * fresnel);
    colour += 0.8 * sky_at(3) * pow(max(dot(normalize(bounce), light), 0.0), 60.0);
    float lace = fbm(3.5 * q.xz, 4, 0.65, salt + 70.0), top = smoothstep(0.62, 0.9, h / swell + 0.25 * (lace - 0.5));
    float white = foam * max(top * smoothstep(0.3, 0.6, lace), 0.7 * smoothstep(0.66, 0.8, lace * (0.6 + 0.5 * h / swell) + 0.1 * foam));
    colour = mix(colour, vec3(0.93) * (0.6 + 0.4 * max(dot(normal, light), 0.0)), white);
    return mix(above, colour, exp(-mist_depth * t * 1.3));
}
