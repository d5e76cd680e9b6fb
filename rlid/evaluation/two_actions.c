/* Many small tanh networks with one output each, every one on the episodes that are its own.

   `two_actions.py` has the same in numpy, and says why the two need not give the same bits. Every
   argument is a contiguous buffer, float where it does not say otherwise. A network is one row:
   its layers from the inputs on, each with weights (inputs, outputs), then biases (outputs). The
   outputs of hidden layers are filled up with zeros to multiples of WIDTH, and so are the weights
   of the last layer, which has one output: the difference of the policy's two. After them come
   slope and least, of the bound slope * max |x| + least on what rounding can do to it. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "../projections/buffers.h"

/* A multiple of the floats in a vector, whatever the machine. */
#define WIDTH 16
#define TILE 4
/* Weights are read once a step, from beyond the nearest cache: so many floats early, two pages. */
#define AHEAD 2048
/* Tests lower it, to try what other machines do. */
#ifndef MOST_LANES
#define MOST_LANES 16
#endif
#define MOST_LAYERS 64
#define MOST_WIDTH (1 << 20)

/* `widths` has the inputs of every layer, `most` is the largest of them as a multiple of WIDTH,
   `weights` the numbers in theta, and `length` the floats of a row. */
typedef struct {
    int64_t widths[MOST_LAYERS], layers, most, weights, length;
} Shape;

/* n networks, each with the episodes in slots[ends[i - 1]] to slots[ends[i] - 1]. */
typedef struct {
    Shape shape;
    const float *rows, *observations;
    const int64_t *slots, *ends;
    const uint8_t *active;
    float *outputs;
    uint8_t *doubtful;
    int64_t *actions, first, n;
} Batch;

#define INLINE static inline __attribute__((always_inline))

/* n, or the next multiple of WIDTH. */
INLINE int64_t whole(int64_t n) { return (n + WIDTH - 1) / WIDTH * WIDTH; }

#define LANES 4
#define OF(name) name##4
#include "two_actions_pass.h"

static int64_t plain(const Batch *batch, float *room) { return evaluate4(batch, room); }

/* The widest vectors of the machine that runs it, not of the one that compiled it. */
#if defined(__x86_64__)
#define LANES 8
#define OF(name) name##8
#include "two_actions_pass.h"

__attribute__((target("avx2,fma"))) static int64_t wide(const Batch *batch, float *room) {
    return evaluate8(batch, room);
}

#define LANES 16
#define OF(name) name##16
#include "two_actions_pass.h"

__attribute__((target("avx512f,fma"))) static int64_t widest(const Batch *batch, float *room) {
    return evaluate16(batch, room);
}

static int64_t dispatch(const Batch *batch, float *room) {
    int has_wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (MOST_LANES >= 16 && __builtin_cpu_supports("avx512f")) return widest(batch, room);
    return MOST_LANES >= 8 && has_wide ? wide(batch, room) : plain(batch, room);
}
#else
#define dispatch plain
#endif

static PyObject *refused(void) {
    PyErr_SetString(PyExc_ValueError, "buffers of sizes that do not belong together");
    return NULL;
}

/* Whether there can be networks whose layers have so many inputs each; see Shape. */
static int is_valid(Shape *shape, const Py_buffer *widths) {
    *shape = (Shape){.layers = widths->len / 8, .length = 2};
    if (shape->layers < 1 || shape->layers > MOST_LAYERS || widths->len % 8 != 0) return 0;
    memcpy(shape->widths, widths->buf, widths->len);
    for (int64_t at = 0; at < shape->layers; at++) {
        int64_t width = shape->widths[at], is_last = at + 1 == shape->layers;
        int64_t outputs = is_last ? 2 : shape->widths[at + 1];
        if (width < 1 || width > MOST_WIDTH || outputs > MOST_WIDTH) return 0;
        shape->weights += (width + 1) * outputs;
        shape->length += is_last ? whole(width) + 1 : (width + 1) * whole(outputs);
        shape->most = whole(width) > shape->most ? whole(width) : shape->most;
    }
    return 1;
}

/* Whether every episode is in one of the slots that there are. */
static int are_valid(const Batch *batch, int64_t cells, int64_t slots) {
    for (int64_t i = 0, end = 0; i < batch->n; end = batch->ends[i++])
        if (batch->ends[i] < end || batch->ends[i] > cells) return 0;
    for (int64_t i = 0; i < cells; i++)
        if (batch->slots[i] < 0 || batch->slots[i] >= slots) return 0;
    return 1;
}

static PyObject *choose(PyObject *module, PyObject *args) {
    Py_buffer b[9];
    long long first;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*w*w*w*L", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
                          &b[6], &b[7], &b[8], &first))
        return NULL;
    int64_t cells = b[3].len / 8, slots = b[5].len;
    /* Slots and ends are copied: another thread must not change them once they are checked. */
    int64_t *places = PyMem_Malloc(b[3].len + b[4].len + 8);
    Batch batch = {.rows = b[1].buf, .observations = b[2].buf, .slots = places,
                   .ends = places == NULL ? NULL : places + cells, .active = b[5].buf,
                   .outputs = b[6].buf, .doubtful = b[7].buf, .actions = b[8].buf, .first = first,
                   .n = b[4].len / 8};
    int has_places = places != NULL;
    int is_fine = has_places && is_valid(&batch.shape, &b[0]) && batch.n >= 1
        && b[3].len % 8 == 0 && b[4].len % 8 == 0 && has_numbers(&b[1], 4) && has_numbers(&b[2], 4)
        && has_numbers(&b[6], 4) && has_numbers(&b[8], 8) && are_apart(b, 9, 1 << 6 | 1 << 7 | 1 << 8)
        && b[1].len / 4 / batch.shape.length >= batch.n
        && b[2].len / 4 % batch.shape.widths[0] == 0
        && b[2].len / 4 / batch.shape.widths[0] == slots && b[6].len / 4 == cells
        && b[7].len == cells && b[8].len / 8 == slots;
    if (is_fine) {
        memcpy(places, b[3].buf, b[3].len);
        memcpy(places + cells, b[4].buf, b[4].len);
        is_fine = are_valid(&batch, cells, slots);
    }
    float *room = is_fine ? PyMem_Malloc(2 * TILE * batch.shape.most * sizeof(float)) : NULL;
    int64_t doubts = 0;
    if (room != NULL) {
        Py_BEGIN_ALLOW_THREADS
        doubts = dispatch(&batch, room);
        Py_END_ALLOW_THREADS
        PyMem_Free(room);
    }
    PyMem_Free(places);
    for (int i = 0; i < 9; i++) PyBuffer_Release(&b[i]);
    if (room != NULL) return PyLong_FromLongLong(doubts);
    return is_fine || !has_places ? PyErr_NoMemory() : refused();
}

/* Writes the weights into a row as a network of one output has them. */
static void lay_out(const Shape *shape, const float *theta, float *row) {
    memset(row, 0, shape->length * sizeof(float));
    for (int64_t at = 0; at + 1 < shape->layers; at++) {
        int64_t outputs = shape->widths[at + 1], inputs = shape->widths[at];
        /* The biases come after the weights, as if of one more input. */
        for (int64_t i = 0; i <= inputs; i++, theta += outputs, row += whole(outputs))
            memcpy(row, theta, outputs * sizeof(float));
    }
    int64_t inputs = shape->widths[shape->layers - 1];
    for (int64_t i = 0; i < inputs; i++) row[i] = theta[2 * i + 1] - theta[2 * i];
    row[whole(inputs)] = theta[2 * inputs + 1] - theta[2 * inputs];
}

/* The sum of w^2 gains. */
static float squared(const float *w, const float *gains, int64_t n) {
    float parts[WIDTH] = {0}, total = 0;
    int64_t j = 0;
    for (; j + WIDTH <= n; j += WIDTH)
        for (int k = 0; k < WIDTH; k++) parts[k] += w[j + k] * w[j + k] * gains[j + k];
    for (; j < n; j++) total += w[j] * w[j] * gains[j];
    for (int k = 0; k < WIDTH; k++) total += parts[k];
    return total;
}

/* The squares of the errors in the outputs, in units of `error` and `curve`; see `rounding_bound`,
   which has the same in numpy. `gains` and `before` have room for the units of a layer. */
static void bound(const Shape *shape, const float *theta, float error, float curve, float *gains,
                  float *before, float *squares) {
    theta += shape->weights;
    gains[0] = gains[1] = 1;
    for (int64_t at = shape->layers; at-- > 0;) {
        int64_t is_last = at + 1 == shape->layers, inputs = shape->widths[at];
        int64_t outputs = is_last ? 2 : shape->widths[at + 1];
        float own = error * (inputs + 1), total = 0, *swap = gains;
        theta -= outputs;
        squares[1] += own * squared(theta, gains, outputs);
        for (int64_t j = 0; j < outputs && !is_last; j++) squares[1] += curve * gains[j];
        theta -= inputs * outputs;
        for (int64_t i = 0; i < inputs; i++) {
            before[i] = squared(theta + i * outputs, gains, outputs);
            total += before[i];
        }
        squares[at > 0] += own * total;
        gains = before, before = swap;
    }
}

static PyObject *put(PyObject *module, PyObject *args) {
    Py_buffer b[3];
    long long at;
    float error, curve;
    Shape shape;
    if (!PyArg_ParseTuple(args, "y*w*y*Lff", &b[0], &b[1], &b[2], &at, &error, &curve)) return NULL;
    int is_fine = is_valid(&shape, &b[0]) && has_numbers(&b[1], 4) && has_numbers(&b[2], 4)
        && are_apart(b, 3, 1 << 1) && b[2].len / 4 == shape.weights && at >= 0
        && at < b[1].len / 4 / shape.length;
    float *room = is_fine ? PyMem_Malloc(2 * shape.most * sizeof(float)) : NULL;
    if (room != NULL) {
        float *row = (float *)b[1].buf + at * shape.length;
        lay_out(&shape, b[2].buf, row);
        bound(&shape, b[2].buf, error, curve, room, room + shape.most, row + shape.length - 2);
        PyMem_Free(room);
    }
    for (int i = 0; i < 3; i++) PyBuffer_Release(&b[i]);
    if (room != NULL) Py_RETURN_NONE;
    return is_fine ? PyErr_NoMemory() : refused();
}

static PyMethodDef methods[] = {
    {"choose", choose, METH_VARARGS,
     "choose(widths int64, rows, observations, slots int64, ends int64, active bool, outputs, "
     "doubtful bool, actions int64, first), returns how many episodes are doubtful"},
    {"put", put, METH_VARARGS,
     "put(widths int64, rows, theta, row, error, curve), leaves squares of slope and least"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_two_actions", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__two_actions(void) { return PyModuleDef_Init(&definition); }
