/* Many small tanh networks with one output each, every one on the episodes that are its own.

   `two_actions.py` has the same in numpy, and says why the two need not give the same bits. Every
   argument is a contiguous buffer, float where it does not say otherwise. A network is one row:
   its layers from the inputs on, each with weights (inputs, outputs), then biases (outputs). The
   outputs of hidden layers are filled up with zeros to multiples of WIDTH, and so are the weights
   of the last layer, which has one output. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

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

/* n networks with m episodes each, in slots (n, m); `widths` has the inputs of every layer, `most`
   is the largest of them as a multiple of WIDTH, `length` the floats of a network. */
typedef struct {
    const float *rows, *observations, *bounds;
    const int64_t *slots, *widths;
    const uint8_t *active;
    float *outputs;
    int64_t *actions, first, n, m, length, layers, most;
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
