/* The pass over all networks, with vectors of LANES floats; names end in LANES outside, by OF.

   `two_actions.c` includes this for each size of vectors, and says what a network looks like. */

#define Floats OF(Floats)
#define Ints OF(Ints)
#define Bits OF(Bits)
#define load OF(load)
#define either OF(either)
#define keep OF(keep)
#define tangent OF(tangent)
#define columns OF(columns)
#define layer OF(layer)
#define tile OF(tile)
#define evaluate OF(evaluate)

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES)));

INLINE Floats load(const float *p) {
    Floats x;
    memcpy(&x, p, sizeof x);
    return x;
}

INLINE Floats either(Ints where, Floats x, Floats y) {
    return (Floats)(((Ints)x & where) | ((Ints)y & ~where));
}

INLINE void keep(float *p, Floats x) { memcpy(p, &x, sizeof x); }

/* 1 - 2 / (exp(2x) + 1), with 2^k 2^f for the power, |f| <= 1/2, and for 2^f a polynomial that is
   off by 1.1e-7 of it at most.
   What is not a number stays so. */
INLINE Floats tangent(Floats x) {
    const Floats none = {0}, shift = none + 12582912, most = none + 40, one = none + 1;
    Floats y = x * 2.8853900818f;
    y = either(y > most, most, y);
    y = either(y < -most, -most, y);
    Floats shifted = y + shift, f = y - (shifted - shift);
    Floats p = one * 1.32647273e-3f;
    p = p * f + 9.67151299e-3f;
    p = p * f + 5.55073358e-2f;
    p = p * f + 2.40222424e-1f;
    p = p * f + 6.93147004e-1f;
    p = p * f + one;
    /* Without a sign: what is not a number may wrap around. */
    Bits k = ((Bits)shifted << 23) + (127u << 23);
    return one - 2 / (p * (Floats)k + one);
}

/* `vectors` outputs from j on of a hidden layer, for `count` episodes; see `layer`. */
INLINE void columns(const int count, const int vectors, const float *w, const float *b,
                    int64_t inputs, int64_t outputs, int64_t j, const float *h, float *out,
                    int64_t most) {
    Floats sums[TILE][TILE];
    for (int e = 0; e < count; e++)
        for (int v = 0; v < vectors; v++) sums[e][v] = load(b + j + v * LANES);
    for (int64_t i = 0; i < inputs; i++)
        for (int v = 0; v < vectors; v++) {
            const float *at = w + i * outputs + j + v * LANES;
            __builtin_prefetch(at + AHEAD);
            Floats weights = load(at);
            for (int e = 0; e < count; e++) sums[e][v] += h[e * most + i] * weights;
        }
    for (int e = 0; e < count; e++)
        for (int v = 0; v < vectors; v++) keep(out + e * most + j + v * LANES, tangent(sums[e][v]));
}

/* A hidden layer for `count` episodes, whose inputs and outputs each begin `most` apart; it has
   `vectors` in hand at once, for each episode. */
INLINE void layer(const int count, const int vectors, const float *w, const float *b,
                  int64_t inputs, int64_t outputs, const float *h, float *out, int64_t most) {
    int64_t j = 0;
    for (; j + vectors * LANES <= outputs; j += vectors * LANES)
        columns(count, vectors, w, b, inputs, outputs, j, h, out, most);
    for (; j < outputs; j += LANES) columns(count, 1, w, b, inputs, outputs, j, h, out, most);
}

INLINE void tile(const int count, const int vectors, const Batch *batch, const float *row, float *h,
                 float *spare, float *found) {
    const int64_t *widths = batch->shape.widths, most = batch->shape.most;
    int64_t inputs = widths[0];
    for (int64_t at = 1; at < batch->shape.layers; at++) {
        int64_t outputs = whole(widths[at]);
        const float *b = row + inputs * outputs;
        layer(count, vectors, row, b, inputs, outputs, h, spare, most);
        row = b + outputs, inputs = widths[at];
        float *swap = h;
        h = spare, spare = swap;
    }
    int64_t padded = whole(inputs);
    for (int e = 0; e < count; e++) {
        Floats sums = load(row) * load(h + e * most);
        for (int64_t i = LANES; i < padded; i += LANES) sums += load(row + i) * load(h + e * most + i);
        float total = row[padded];
        for (int k = 0; k < LANES; k++) total += sums[k];
        found[e] = total;
    }
}

/* Writes outputs, actions and doubts of the active episodes; returns how many are doubtful. */
INLINE int64_t evaluate(const Batch *batch, float *room) {
    const Shape *shape = &batch->shape;
    int64_t inputs = shape->widths[0], most = shape->most, doubts = 0, at = 0;
    float *h = room, *spare = room + TILE * most, found[TILE];
    memset(room, 0, 2 * TILE * most * sizeof(float));
    for (int64_t r = 0; r < batch->n; r++) {
        const float *row = batch->rows + r * shape->length, *bound = row + shape->length - 2;
        for (int64_t end = batch->ends[r]; at < end;) {
            int64_t places[TILE];
            float allowed[TILE];
            int count = 0;
            for (; at < end && count < TILE; at++) {
                if (!batch->active[batch->slots[at]]) continue;
                const float *x = batch->observations + batch->slots[at] * inputs;
                float reach = 0, *to = h + count * most;
                for (int64_t i = 0; i < inputs; i++) {
                    float size = x[i] < 0 ? -x[i] : x[i];
                    reach = size > reach ? size : reach;
                    to[i] = x[i];
                }
                /* Where a hidden layer left its outputs. */
                for (int64_t i = inputs; i % WIDTH != 0; i++) to[i] = 0;
                allowed[count] = bound[0] * reach + bound[1];
                places[count++] = at;
            }
            if (count == 1) tile(1, 4, batch, row, h, spare, found);
            if (count == 2) tile(2, 4, batch, row, h, spare, found);
            /* As many sums as there are registers for: 32 of the widest vectors, else 16. */
            if (count == 3) tile(3, LANES == 16 ? 4 : 2, batch, row, h, spare, found);
            if (count == 4) tile(4, LANES == 16 ? 4 : 2, batch, row, h, spare, found);
            for (int e = 0; e < count; e++) {
                int is_clear = found[e] > allowed[e] || -found[e] > allowed[e];
                batch->outputs[places[e]] = found[e];
                batch->actions[batch->slots[places[e]]]
                    = (int64_t)((uint64_t)batch->first + (found[e] > 0));
                batch->doubtful[places[e]] = !is_clear;
                doubts += !is_clear;
            }
        }
    }
    return doubts;
}

#undef Floats
#undef Ints
#undef Bits
#undef load
#undef either
#undef keep
#undef tangent
#undef columns
#undef layer
#undef tile
#undef evaluate
#undef LANES
#undef OF
