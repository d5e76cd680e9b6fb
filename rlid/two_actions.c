/* Many small tanh networks with one output each, every one on the episodes that are its own.

   `two_actions.py` has the same in numpy, and says why the two need not give the same bits. Every
   argument is a contiguous buffer, float where it does not say otherwise. A network is one row:
   its layers from the inputs on, each with weights (inputs, outputs), then biases (outputs). The
   outputs of hidden layers are filled up with zeros to whole vectors, and so are the weights of
   the last layer, which has one output. A vector is what AVX-512 holds; others take two or four
   registers for it. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define WIDTH 16
#define TILE 4
/* Weights are read once a step, from beyond the nearest cache: so many floats early, two pages. */
#define AHEAD 2048
#define MOST_LAYERS 64
#define MOST_WIDTH (1 << 20)

typedef float Floats __attribute__((vector_size(4 * WIDTH)));
typedef int32_t Ints __attribute__((vector_size(4 * WIDTH)));

/* n networks with m episodes each, in slots (n, m); `widths` has the inputs of every layer, `most`
   is the largest of them in whole vectors, `length` the floats of a network. */
typedef struct {
    const float *rows, *observations, *bounds;
    const int64_t *slots, *widths;
    const uint8_t *active;
    float *outputs;
    int64_t *actions, first, n, m, length, layers, most;
} Batch;

#define INLINE static inline __attribute__((always_inline))

/* The floats of as many whole vectors as n need. */
INLINE int64_t whole(int64_t n) { return (n + WIDTH - 1) / WIDTH * WIDTH; }

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
    Ints k = ((Ints)shifted << 23) + (127 << 23);
    return one - 2 / (p * (Floats)k + one);
}

/* `vectors` outputs from j on of a hidden layer, for `count` episodes; see `layer`. */
INLINE void columns(const int count, const int vectors, const float *w, const float *b,
                    int64_t inputs, int64_t outputs, int64_t j, const float *h, float *out,
                    int64_t most) {
    Floats sums[TILE][TILE];
    for (int e = 0; e < count; e++)
        for (int v = 0; v < vectors; v++) sums[e][v] = load(b + j + v * WIDTH);
    for (int64_t i = 0; i < inputs; i++)
        for (int v = 0; v < vectors; v++) {
            const float *at = w + i * outputs + j + v * WIDTH;
            __builtin_prefetch(at + AHEAD);
            Floats weights = load(at);
            for (int e = 0; e < count; e++) sums[e][v] += h[e * most + i] * weights;
        }
    for (int e = 0; e < count; e++)
        for (int v = 0; v < vectors; v++) keep(out + e * most + j + v * WIDTH, tangent(sums[e][v]));
}

/* A hidden layer for `count` episodes, whose inputs and outputs each begin `most` apart; it has
   `vectors` in hand at once, for each episode. */
INLINE void layer(const int count, const int vectors, const float *w, const float *b,
                  int64_t inputs, int64_t outputs, const float *h, float *out, int64_t most) {
    int64_t j = 0;
    for (; j + vectors * WIDTH <= outputs; j += vectors * WIDTH)
        columns(count, vectors, w, b, inputs, outputs, j, h, out, most);
    for (; j < outputs; j += WIDTH) columns(count, 1, w, b, inputs, outputs, j, h, out, most);
}

INLINE void tile(const int count, const int vectors, const Batch *batch, const float *row, float *h, float *spare,
                 float *found) {
    const int64_t *widths = batch->widths, most = batch->most;
    int64_t inputs = widths[0];
    for (int64_t at = 1; at < batch->layers; at++) {
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
        for (int64_t i = WIDTH; i < padded; i += WIDTH) sums += load(row + i) * load(h + e * most + i);
        float total = row[padded];
        for (int k = 0; k < WIDTH; k++) total += sums[k];
        found[e] = total;
    }
}

/* Writes outputs and actions of the active episodes; returns how many are in doubt. It has sums of
   2 * `registers` vectors in hand at most. */
INLINE int64_t evaluate(const Batch *batch, float *room, const int registers) {
    int64_t inputs = batch->widths[0], most = batch->most, doubts = 0;
    float *h = room, *spare = room + TILE * most, found[TILE];
    memset(room, 0, 2 * TILE * most * sizeof(float));
    for (int64_t r = 0; r < batch->n; r++) {
        const float *row = batch->rows + r * batch->length;
        for (int64_t at = r * batch->m, end = at + batch->m; at < end;) {
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
                allowed[count] = batch->bounds[2 * r] * reach + batch->bounds[2 * r + 1];
                places[count++] = at;
            }
            if (count == 1) tile(1, registers, batch, row, h, spare, found);
            if (count == 2) tile(2, registers, batch, row, h, spare, found);
            if (count == 3) tile(3, registers / 2, batch, row, h, spare, found);
            if (count == 4) tile(4, registers / 2, batch, row, h, spare, found);
            for (int e = 0; e < count; e++) {
                int is_clear = found[e] > allowed[e] || -found[e] > allowed[e];
                batch->outputs[places[e]] = found[e];
                batch->actions[batch->slots[places[e]]] = batch->first + (is_clear ? found[e] > 0 : -1);
                doubts += !is_clear;
            }
        }
    }
    return doubts;
}

static int64_t plain(const Batch *batch, float *room) { return evaluate(batch, room, 2); }

/* The widest instructions of the machine that runs it, not of the one that compiled it. */
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static int64_t wide(const Batch *batch, float *room) {
    return evaluate(batch, room, 2);
}
__attribute__((target("avx512f,fma"))) static int64_t widest(const Batch *batch, float *room) {
    return evaluate(batch, room, 4);
}
static int64_t dispatch(const Batch *batch, float *room) {
    if (__builtin_cpu_supports("avx512f")) return widest(batch, room);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return wide(batch, room);
    return plain(batch, room);
}
#else
#define dispatch plain
#endif

/* Whether the sizes of all buffers belong together, and every slot is one of those that there are. */
static int is_valid(Batch *batch, const Py_buffer *b) {
    int64_t cells = b[2].len / 8, slots = b[3].len;
    batch->layers = b[4].len / 8, batch->n = b[5].len / 8;
    if (batch->layers < 1 || batch->layers > MOST_LAYERS || batch->n < 1) return 0;
    batch->m = cells / batch->n, batch->length = batch->most = 0;
    for (int64_t at = 0; at < batch->layers; at++) {
        int64_t width = batch->widths[at];
        if (width < 1 || width > MOST_WIDTH) return 0;
        int64_t outputs = at + 1 < batch->layers ? batch->widths[at + 1] : 0;
        if (outputs > MOST_WIDTH) return 0;
        batch->length += outputs ? (width + 1) * whole(outputs) : whole(width) + 1;
        batch->most = whole(width) > batch->most ? whole(width) : batch->most;
    }
    if (b[0].len < 4 * batch->n * batch->length || b[1].len != 4 * slots * batch->widths[0]
        || cells != batch->n * batch->m || b[6].len != 4 * cells || b[7].len != 8 * slots)
        return 0;
    for (int64_t i = 0; i < cells; i++)
        if (batch->slots[i] < 0 || batch->slots[i] >= slots) return 0;
    return 1;
}

static PyObject *choose(PyObject *module, PyObject *args) {
    Py_buffer b[8];
    long long first;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*w*w*L", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
                          &b[6], &b[7], &first))
        return NULL;
    Batch batch = {.rows = b[0].buf, .observations = b[1].buf, .slots = b[2].buf,
                   .active = b[3].buf, .widths = b[4].buf, .bounds = b[5].buf, .outputs = b[6].buf,
                   .actions = b[7].buf, .first = first};
    int is_fine = is_valid(&batch, b);
    float *room = is_fine ? PyMem_Malloc(2 * TILE * batch.most * sizeof(float)) : NULL;
    int64_t doubts = 0;
    if (room != NULL) {
        Py_BEGIN_ALLOW_THREADS
        doubts = dispatch(&batch, room);
        Py_END_ALLOW_THREADS
        PyMem_Free(room);
    }
    for (int i = 0; i < 8; i++) PyBuffer_Release(&b[i]);
    if (room != NULL) return PyLong_FromLongLong(doubts);
    if (is_fine) return PyErr_NoMemory();
    PyErr_SetString(PyExc_ValueError, "buffers of sizes that do not belong together");
    return NULL;
}

static PyMethodDef methods[] = {
    {"choose", choose, METH_VARARGS,
     "choose(rows, observations, slots int64, active bool, widths int64, bounds, outputs, "
     "actions int64, first), returns how many are in doubt: the action is first - 1 there"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_two_actions", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__two_actions(void) { return PyModuleDef_Init(&definition); }
