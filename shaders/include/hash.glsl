// licence: Apache-2.0
// Integer hashes: equal bits on every driver (hashes made of sin() differ between drivers and show patterns).
// `salt` is a seed parameter or a small whole number; whole numbers added to it give independent hashes.
// The mixing constants are those of Wellons 2018, "Prospecting for hash functions" (lowbias32).

uint hash_word(uint x) {
    x ^= x >> 16; x *= 0x7feb352du;
    x ^= x >> 15; x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

uint hash_cell(ivec2 cell, float salt) {
    return hash_word(uint(cell.x) * 0x9e3779b1u + hash_word(uint(cell.y) * 0x85ebca6bu + hash_word(uint(int(salt)))));
}

uint hash_cell(ivec3 cell, float salt) {
    return hash_word(uint(cell.z) * 0xc2b2ae35u + hash_cell(cell.xy, salt));
}

// One, two, three numbers in [0, 1) from one word.
float unit(uint word) { return float(word >> 8) * (1.0 / 16777216.0); }
vec2 unit2(uint word) { return vec2(float(word & 0xffffu), float(word >> 16)) * (1.0 / 65536.0); }
vec3 unit3(uint word) { return vec3(float(word & 0x7ffu), float((word >> 11) & 0x7ffu), float(word >> 22) * 2.0) * (1.0 / 2048.0); }

float hash1(ivec2 cell, float salt) { return unit(hash_cell(cell, salt)); }
vec2 hash2(ivec2 cell, float salt) { return unit2(hash_cell(cell, salt)); }
vec3 hash3(ivec2 cell, float salt) { return unit3(hash_cell(cell, salt)); }

// The i-th number, pair, triple of a sequence.
float hash1(int i, float salt) { return unit(hash_cell(ivec2(i, 0), salt)); }
vec2 hash2(int i, float salt) { return unit2(hash_cell(ivec2(i, 1), salt)); }
vec3 hash3(int i, float salt) { return unit3(hash_cell(ivec2(i, 2), salt)); }
