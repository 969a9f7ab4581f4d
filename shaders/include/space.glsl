// licence: Apache-2.0
// Small tools for coordinates and blends.

const float PI = 3.14159265;
const float TURN = 6.28318531;

float saturate(float x) { return clamp(x, 0.0, 1.0); }
vec3 saturate(vec3 x) { return clamp(x, 0.0, 1.0); }

// Rotation against the clock: rotation(a) * p.
mat2 rotation(float angle) {
    float c = cos(angle), s = sin(angle);
    return mat2(c, s, -s, c);
}

vec2 unit_vector(float angle) { return vec2(cos(angle), sin(angle)); }

// 1 inside a shape of signed distance d, 0 outside, with an edge `width` wide.
float inside(float d, float width) { return smoothstep(0.5 * width, -0.5 * width, d); }

// Line of half width `half_width` around the zero of d.
float stroke(float d, float half_width, float width) { return inside(abs(d) - half_width, width); }

float smooth_min(float a, float b, float k) {
    float h = max(k - abs(a - b), 0.0) / k;
    return min(a, b) - 0.25 * k * h * h;
}

float smooth_max(float a, float b, float k) { return -smooth_min(-a, -b, k); }

// Mirror the plane into one wedge of 2 * n.
vec2 kaleidoscope(vec2 p, float n) {
    float wedge = PI / n;
    float angle = abs(mod(atan(p.y, p.x), 2.0 * wedge) - wedge);
    return length(p) * unit_vector(angle);
}

// Triangle wave in [0, 1] of period 1.
float zigzag(float x) { return abs(2.0 * fract(x) - 1.0); }
