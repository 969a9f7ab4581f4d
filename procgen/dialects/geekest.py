"""The functions that TwiGL's geekest mode offers, written anew from their documented meaning.

``snoise2D/3D/4D`` are simplex noise (Perlin 2002; Gustavson 2005, "Simplex noise demystified") with gradients from an
integer hash: same statistics as elsewhere, other bytes. ``fsnoise`` and ``hsv`` are defined by their formulas.
"""

_SIMPLEX = """
uint _mix_word(uint x) { x ^= x >> 16; x *= 0x7feb352du; x ^= x >> 15; x *= 0x846ca68bu; return x ^ (x >> 16); }
vec4 _gradient(ivec4 cell) {
    uint word = 0u;
    for (int axis = 0; axis < 4; axis++) word = _mix_word(word + uint(cell[axis]) + 0x9e3779b9u);
    return vec4(word & 255u, word >> 8 & 255u, word >> 16 & 255u, word >> 24) / 127.5 - 1.0;
}
"""

# N axes: skew into cubes, sort the fraction, walk the N + 1 corners of the simplex, add radial kernels.
_NOISE = """
float snoise{n}D(vec{n} v) {{
    const float skew = {skew}, unskew = {unskew};
    vec{n} cell = floor(v + dot(v, vec{n}(skew)));
    vec{n} origin = v - cell + dot(cell, vec{n}(unskew));
    int rank[{n}];
    for (int i = 0; i < {n}; i++) {{
        rank[i] = 0;
        for (int j = 0; j < {n}; j++)
            if (origin[j] > origin[i] || (origin[j] == origin[i] && j < i)) rank[i]++;
    }}
    float total = 0.0;
    for (int corner = 0; corner <= {n}; corner++) {{
        vec{n} step_up = vec{n}(0.0);
        for (int i = 0; i < {n}; i++) if (rank[i] < corner) step_up[i] = 1.0;
        vec{n} offset = origin - step_up + float(corner) * unskew;
        float reach = max(0.5 - dot(offset, offset), 0.0);
        ivec4 key = ivec4(0);
        for (int i = 0; i < {n}; i++) key[i] = int(cell[i] + step_up[i]);
        vec4 gradient = _gradient(key);
        float slope = 0.0;
        for (int i = 0; i < {n}; i++) slope += gradient[i] * offset[i];
        total += reach * reach * reach * reach * slope;
    }}
    return clamp({scale} * total, -1.0, 1.0);
}}
"""

_FORMULAS = """
const float PI = 3.141592653589793;
const float PI2 = 6.283185307179586;
float fsnoise(vec2 c) { return fract(43758.5453 * sin(12.9898 * c.x + 78.233 * c.y)); }
float fsnoiseDigits(vec2 c) { return fract(437.585453 * sin(0.129898 * c.x + 0.78233 * c.y)); }
vec3 hsv(float h, float s, float v) {
    vec3 wheel = clamp(abs(mod(6.0 * h + vec3(0.0, 4.0, 2.0), 6.0) - 3.0) - 1.0, 0.0, 1.0);
    return v * (1.0 - s + s * wheel);
}
mat2 rotate2D(float r) { float c = cos(r), s = sin(r); return mat2(c, s, -s, c); }
mat3 rotate3D(float angle, vec3 axis) {
    vec3 a = normalize(axis);
    float c = cos(angle), s = sin(angle);
    mat3 cross_product = mat3(0.0, a.z, -a.y, -a.z, 0.0, a.x, a.y, -a.x, 0.0);
    return c * mat3(1.0) + (1.0 - c) * outerProduct(a, a) + s * cross_product;
}
"""

# skew = (sqrt(n + 1) - 1) / n, unskew = (1 - 1 / sqrt(n + 1)) / n; scale brings the range to about [-1, 1]
SNIPPETS = (
    _FORMULAS
    + _SIMPLEX
    + _NOISE.format(n=2, skew=0.3660254037844386, unskew=0.21132486540518713, scale=75.0)
    + _NOISE.format(n=3, skew=0.3333333333333333, unskew=0.16666666666666666, scale=80.0)
    + _NOISE.format(n=4, skew=0.30901699437494745, unskew=0.1381966011250105, scale=85.0)
)
