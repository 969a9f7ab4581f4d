// licence: Apache-2.0
// include: hash
// Worley 1996 cells, one jittered point in each square of the lattice.

struct Cell {
    float nearest;  // distance to the nearest point
    float edge;     // distance to the border with the neighbouring cell
    ivec2 id;       // lattice square of the nearest point
    vec2 offset;    // from here to the nearest point
};

// jitter in [0, 1]: 0 gives squares, 1 the most irregular cells.
Cell cells(vec2 p, float jitter, float salt) {
    ivec2 base = ivec2(floor(p));
    vec2 f = fract(p);
    Cell cell;
    float best = 64.0;
    for (int k = ZERO; k < 9; k++) {
        ivec2 step_ = ivec2(k % 3, k / 3) - 1;
        vec2 r = vec2(step_) + 0.5 + jitter * (hash2(base + step_, salt) - 0.5) - f;
        float d = dot(r, r);
        if (d < best) { best = d; cell.id = base + step_; cell.offset = r; }
    }
    cell.nearest = sqrt(best);
    cell.edge = 8.0;
    for (int k = ZERO; k < 9; k++) {
        ivec2 id = base + ivec2(k % 3, k / 3) - 1;
        if (id == cell.id) continue;
        vec2 r = vec2(id - base) + 0.5 + jitter * (hash2(id, salt) - 0.5) - f;
        cell.edge = min(cell.edge, dot(0.5 * (cell.offset + r), normalize(r - cell.offset)));
    }
    return cell;
}

// Distance to the nearest point only, half the price.
float cell_distance(vec2 p, float jitter, float salt) {
    ivec2 base = ivec2(floor(p));
    vec2 f = fract(p);
    float best = 64.0;
    for (int k = ZERO; k < 9; k++) {
        ivec2 step_ = ivec2(k % 3, k / 3) - 1;
        vec2 r = vec2(step_) + 0.5 + jitter * (hash2(base + step_, salt) - 0.5) - f;
        best = min(best, dot(r, r));
    }
    return sqrt(best);
}
