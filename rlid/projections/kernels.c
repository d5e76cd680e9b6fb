/* The inner loops of onehot and fastfood, one pass over memory each.

   `kernels.py` has the same loops in numpy and torch, and says what each computes; both give the
   same bits. Every argument is a contiguous buffer, float where it does not say otherwise. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "buffers.h"

#pragma STDC FP_CONTRACT OFF

/* The widest instructions of the machine that runs it, not of the one that compiled it. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__) \
    && defined(__GLIBC__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

typedef struct {
    int64_t start, first, length;
} Run;

WIDEST static void expand_run(const float *restrict entries, const int8_t *restrict signs,
                              float *restrict out, int64_t length) {
    for (int64_t i = 0; i < length; i++) out[i] = entries[i] * (float)signs[i];
}

WIDEST static void add_run(const float *restrict entries, const int8_t *restrict signs,
                           const float *restrict start, float *restrict out, int64_t length) {
    for (int64_t i = 0; i < length; i++) out[i] = entries[i] * (float)signs[i] + start[i];
}

WIDEST static void reduce_run(float *restrict entries, const int8_t *restrict signs,
                              const float *restrict g, int64_t length) {
    for (int64_t i = 0; i < length; i++) entries[i] += g[i] * (float)signs[i];
}

/* Rows of at most 128 x 32 numbers are transformed together, in the first cache. */
#define MOST_BITS 7
#define WIDTH 32

WIDEST static void butterflies(float *restrict x, int64_t radix, int64_t width) {
    int64_t stride = 1;
    if (width == 1 && radix >= 4) {
        for (int64_t i = 0; i < radix; i += 4) {
            float *q = x + i, a = q[0] + q[1], b = q[0] - q[1], c = q[2] + q[3], d = q[2] - q[3];
            q[0] = a + c, q[1] = b + d, q[2] = a - c, q[3] = b - d;
        }
        stride = 4;
    }
    for (; stride < radix; stride *= 2)
        for (int64_t i = 0; i < radix; i += 2 * stride) {
            float *restrict low = x + i * width, *restrict high = low + stride * width;
            for (int64_t k = 0; k < stride * width; k++) {
                float a = low[k], b = high[k];
                low[k] = a + b, high[k] = a - b;
            }
        }
}

static void transform_row(float *x, int bits) {
    float piece[(1 << MOST_BITS) * WIDTH];
    int passes = (bits + MOST_BITS - 1) / MOST_BITS, low = bits;
    for (int pass = 0; pass < passes; pass++) {
        int digit = (bits + pass) / passes;
        low -= digit;
        int64_t radix = (int64_t)1 << digit, inner = (int64_t)1 << low;
        int64_t width = inner < WIDTH ? inner : WIDTH;
        for (int64_t outer = 0; outer < (int64_t)1 << bits; outer += radix * inner)
            for (int64_t column = 0; column < inner; column += width) {
                float *corner = x + outer + column;
                if (width == inner) {
                    butterflies(corner, radix, width);
                    continue;
                }
                for (int64_t i = 0; i < radix; i++)
                    memcpy(piece + i * WIDTH, corner + i * inner, sizeof(float[WIDTH]));
                butterflies(piece, radix, WIDTH);
                for (int64_t i = 0; i < radix; i++)
                    memcpy(corner + i * inner, piece + i * WIDTH, sizeof(float[WIDTH]));
            }
    }
}

static int is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

/* Reads a run, and returns whether it stays inside `weights` weights and `entries` entries. */
static int read_run(const Run *at, Run *run, int64_t weights, int64_t entries) {
    *run = (Run){once(&at->start), once(&at->first), once(&at->length)};
    return run->length >= 0 && run->start >= 0 && run->start <= weights - run->length
        && run->first >= 0 && run->first <= entries - run->length;
}

/* Whether `n` runs stay inside; each is read again where it is used, and held to it again. */
static int are_inside(const Run *runs, int64_t n, int64_t weights, int64_t entries) {
    Run run;
    for (int64_t i = 0; i < n; i++)
        if (!read_run(runs + i, &run, weights, entries)) return 0;
    return 1;
}

/* Whether the runs, and the floats and signs that they name, are where loops can read them. */
static int have_numbers(const Py_buffer *entries, const Py_buffer *floats, const Py_buffer *runs) {
    return has_numbers(entries, 4) && has_numbers(floats, 4) && runs->len % sizeof(Run) == 0
        && has_numbers(runs, 8);
}

/* Whether four buffers hold numbers of four bytes. */
static int are_floats(const Py_buffer *b) {
    return has_numbers(&b[0], 4) && has_numbers(&b[1], 4) && has_numbers(&b[2], 4)
        && has_numbers(&b[3], 4);
}

/* Returns None, or raises ValueError where the sizes were wrong; lets go of all buffers. */
static PyObject *finish(Py_buffer *buffers, int n, int is_valid) {
    for (int i = 0; i < n; i++) PyBuffer_Release(&buffers[i]);
    if (is_valid) return Py_NewRef(Py_None);
    PyErr_SetString(PyExc_ValueError, "buffers of sizes that do not belong together");
    return NULL;
}

static PyObject *expand(PyObject *module, PyObject *args) {
    Py_buffer b[5] = {{0}};
    if (!PyArg_ParseTuple(args, "y*y*w*y*z*", &b[0], &b[1], &b[2], &b[3], &b[4])) return NULL;
    const float *entries = b[0].buf, *start = b[4].buf;
    const int8_t *signs = b[1].buf;
    float *out = b[2].buf;
    const Run *runs = b[3].buf;
    int64_t n = b[3].len / sizeof(Run);
    int64_t count = b[0].len / 4, weights = b[1].len;
    int is_valid = have_numbers(&b[0], &b[2], &b[3]) && are_apart(b, start == NULL ? 4 : 5, 1 << 2)
                   && b[2].len / 4 == weights && are_inside(runs, n, weights, count)
                   && (start == NULL || (b[4].len == b[2].len && has_numbers(&b[4], 4)));
    if (is_valid) {
        Py_BEGIN_ALLOW_THREADS
        Run run;
        for (int64_t i = 0; i < n && (is_valid = read_run(runs + i, &run, weights, count)); i++)
            if (start == NULL)
                expand_run(entries + run.first, signs + run.start, out + run.start, run.length);
            else
                add_run(entries + run.first, signs + run.start, start + run.start,
                        out + run.start, run.length);
        Py_END_ALLOW_THREADS
    }
    return finish(b, 5, is_valid);
}

static PyObject *reduce(PyObject *module, PyObject *args) {
    Py_buffer b[4];
    if (!PyArg_ParseTuple(args, "w*y*y*y*", &b[0], &b[1], &b[2], &b[3])) return NULL;
    float *entries = b[0].buf;
    const int8_t *signs = b[1].buf;
    const float *g = b[2].buf;
    const Run *runs = b[3].buf;
    int64_t n = b[3].len / sizeof(Run);
    int64_t count = b[0].len / 4, weights = b[1].len;
    int is_valid = have_numbers(&b[0], &b[2], &b[3]) && are_apart(b, 4, 1 << 0)
                   && b[2].len / 4 == weights && are_inside(runs, n, weights, count);
    if (is_valid) {
        Py_BEGIN_ALLOW_THREADS
        Run run;
        for (int64_t i = 0; i < n && (is_valid = read_run(runs + i, &run, weights, count)); i++)
            reduce_run(entries + run.first, signs + run.start, g + run.start, run.length);
        Py_END_ALLOW_THREADS
    }
    return finish(b, 4, is_valid);
}

static PyObject *transform(PyObject *module, PyObject *args) {
    Py_buffer b[1];
    Py_ssize_t width;
    if (!PyArg_ParseTuple(args, "w*n", &b[0], &width)) return NULL;
    int64_t count = b[0].len / 4;
    int is_valid = has_numbers(&b[0], 4) && is_power_of_two(width) && count % width == 0, bits = 0;
    if (is_valid) {
        while ((int64_t)1 << bits < width) bits++;
        Py_BEGIN_ALLOW_THREADS
        for (float *x = b[0].buf, *end = x + count; x < end; x += width) transform_row(x, bits);
        Py_END_ALLOW_THREADS
    }
    return finish(b, 1, is_valid);
}

static PyObject *read_indices(PyObject *module, PyObject *args) {
    Py_buffer b[4];
    if (!PyArg_ParseTuple(args, "y*y*y*w*", &b[0], &b[1], &b[2], &b[3])) return NULL;
    const float *x = b[0].buf, *factors = b[2].buf;
    const int32_t *indices = b[1].buf;
    float *out = b[3].buf;
    int64_t n = b[1].len / 4, mask = b[0].len / 4 - 1;
    int is_valid = is_power_of_two(mask + 1) && b[2].len == b[1].len && b[3].len == b[1].len
                   && are_floats(b) && are_apart(b, 4, 1 << 3);
    if (is_valid) {
        Py_BEGIN_ALLOW_THREADS
        for (int64_t i = 0; i < n; i++) out[i] = x[indices[i] & mask] * factors[i];
        Py_END_ALLOW_THREADS
    }
    return finish(b, 4, is_valid);
}

static PyObject *add_up(PyObject *module, PyObject *args) {
    Py_buffer b[4];
    if (!PyArg_ParseTuple(args, "w*y*y*y*", &b[0], &b[1], &b[2], &b[3])) return NULL;
    float *sums = b[0].buf;
    const int32_t *indices = b[1].buf;
    const float *factors = b[2].buf, *y = b[3].buf;
    int64_t n = b[1].len / 4, mask = b[0].len / 4 - 1;
    int is_valid = is_power_of_two(mask + 1) && b[2].len == b[1].len && b[3].len == b[1].len
                   && are_floats(b) && are_apart(b, 4, 1 << 0);
    if (is_valid) {
        Py_BEGIN_ALLOW_THREADS
        for (int64_t i = 0; i < n; i++) sums[indices[i] & mask] += y[i] * factors[i];
        Py_END_ALLOW_THREADS
    }
    return finish(b, 4, is_valid);
}

static PyMethodDef methods[] = {
    {"expand", expand, METH_VARARGS, "expand(entries, signs int8, out, runs int64, start or None)"},
    {"reduce", reduce, METH_VARARGS, "reduce(entries, signs int8, g, runs int64)"},
    {"transform", transform, METH_VARARGS, "transform(x, width), in place"},
    {"read", read_indices, METH_VARARGS, "read(x, indices int32, factors, out)"},
    {"add_up", add_up, METH_VARARGS, "add_up(sums, indices int32, factors, y)"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_kernels", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&definition); }
