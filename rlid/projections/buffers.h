/* Checks of buffers before loops read and write them without the interpreter's lock.

   The loops take floats and whole numbers where they lie, so that an odd address or length, or two
   buffers that share memory, is refused here. Numbers that say where a loop reads or writes are
   read once each, by `once`: another thread may change a buffer at any time. */

#ifndef RLID_BUFFERS_H
#define RLID_BUFFERS_H

#include <stdint.h>

/* Whether a buffer holds numbers of `size` bytes each, at addresses where the machine reads them. */
static inline int has_numbers(const Py_buffer *buffer, int64_t size) {
    return buffer->len % size == 0
        && (buffer->len == 0 || (uintptr_t)buffer->buf % (uintptr_t)size == 0);
}

/* Whether none of the n buffers that is written (a bit of `written`) shares memory with another. */
static inline int are_apart(const Py_buffer *buffers, int n, unsigned written) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            uintptr_t a = (uintptr_t)buffers[i].buf, b = (uintptr_t)buffers[j].buf;
            if (i == j || !(written >> i & 1) || buffers[i].len == 0 || buffers[j].len == 0)
                continue;
            if (a < b + (uintptr_t)buffers[j].len && b < a + (uintptr_t)buffers[i].len) return 0;
        }
    return 1;
}

static inline int64_t once(const int64_t *number) { return *(const volatile int64_t *)number; }

#endif
