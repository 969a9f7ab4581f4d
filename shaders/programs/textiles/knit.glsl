// title: Knitted jersey with bands of pattern, over a hem
// licence: Apache-2.0
// cost: medium
// include: cloth
// parameter: wool palette
// parameter: table palette
// parameter: salt seed
// parameter: stitches log_uniform 4.0 14.0
// parameter: turn angle
// parameter: slant uniform 0.6 1.3
// parameter: tall uniform 0.9 1.5
// parameter: band_height integer 3 9
// parameter: repeat integer 3 9
// parameter: plain uniform 0.0 0.7
// parameter: fold uniform 0.1 0.9
// parameter: fold_scale log_uniform 0.6 1.8
// parameter: sun angle
// parameter: edge uniform -0.3 1.6
// parameter: rib uniform 0.1 0.5

// Which of the palette's colours a stitch has: bands of rows, each plain or with a mirrored motif.
float motif(ivec2 stitch) {
    int band = int(floor(float(stitch.y) / band_height));
    vec3 h = hash3(band, salt + 5.0);
    float ground = floor(3.99 * h.x) / 3.0;
    if (h.z < plain) return ground;
    float middle = abs(mod(float(stitch.x), 2.0 * repeat) - repeat);
    float row = abs(float(stitch.y) - (float(band) + 0.5) * band_height + 0.5);
    bool mark = h.y < 0.4 ? abs(middle - 2.0 * row) < 1.5 : hash1(ivec2(int(middle), int(row)), salt + float(band & 3)) < 0.45;
    return mark ? fract(ground + 0.34 + 0.33 * step(0.5, h.y)) : ground;
}

vec3 shade(vec2 p) {
    vec2 q = rotation(turn) * p;
    float hem = edge + 0.05 * sin(2.5 * q.x + TURN * hash1(1, salt)) - q.y;
    vec3 wood = table(0.3 + 0.5 * fbm(q * vec2(1.2, 7.0), 3, 0.5, salt + 9.0)) * (0.9 + 0.2 * p.y);
    wood *= 1.0 - 0.6 * smoothstep(-0.28, 0.0, hem);
    Drape folds = drape(fold_scale * q + 20.0, fold, sun, salt);
    vec2 s = stitches * (q + folds.shift / fold_scale) * vec2(1.0, tall);
    bool ribbed = hem < rib;
    float middle = abs(fract(s.x) - 0.5);
    float v = s.y - slant * middle;
    float key = motif(ivec2(floor(s.x), floor(v)));
    vec3 colour = ribbed ? wool(0.5 + 0.3 * hash1(2, salt)) : mix(wool_at(int(3.0 * key + 0.5)), wool(key), 0.3);
    float leg = 4.0 * middle - 1.0, along = fract(v);
    float loop = yarn(0.95 * leg, 2.0 * v + leg) * mix(smoothstep(-0.05, 0.45, along), 1.0, 0.35) * (1.0 - 0.5 * smoothstep(0.8, 1.0, along));
    if (ribbed) loop *= 0.55 + 0.6 * smoothstep(-0.4, 0.4, cos(PI * s.x));
    float fuzz = 0.9 + 0.2 * noise(7.0 * s, salt + 11.0);
    colour *= (0.25 + 1.2 * loop) * fuzz * folds.light;
    return mix(wood, colour * (0.65 + 0.35 * smoothstep(0.0, 0.06, hem)), inside(-hem, 2.0 * PIXEL));
}
