// licence: Apache-2.0
// include: space
// Growth in spirals (Vogel 1979, "A better way to construct the sunflower head"): each scale, leaf or seed stands at the
// golden angle to the one before it.

const float GOLDEN_ANGLE = 2.39996323;

// Centre of the i-th scale; sqrt fills the disc evenly.
vec2 spiral_point(float i, float spacing) { return spacing * sqrt(i) * unit_vector(GOLDEN_ANGLE * i); }

// Scales that grow outwards in the same shape: `arms` run one way round, `others` the other way. xy lies in [-0.5, 0.5]^2
// with a corner of the square towards the middle, zw is the whole number of the two arms.
vec4 spiral_lattice(vec2 p, float arms, float others) {
    float turn_ = atan(p.y, p.x) / TURN, rise = log(max(dot(p, p), 1e-9)) * 0.5 / TURN;
    float k = sqrt(arms * others);
    vec2 q = vec2(arms * turn_ + k * rise, k * rise - others * turn_);
    return vec4(fract(q) - 0.5, mod(floor(q.x), 4096.0), mod(floor(q.y), 4096.0));
}
