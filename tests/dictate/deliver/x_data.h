/* SPDX-License-Identifier: MIT
 * What the test's clipboard owner offers, so that the test knows what has to come back. */
#ifndef X_DATA_H
#define X_DATA_H

#include <stddef.h>
#include <stdint.h>

static const struct {
    const char *target;
    size_t n_bytes;
    uint8_t format;
} x_forms[] = {
    {"UTF8_STRING", 61, 8},
    {"text/plain;charset=utf-8", 61, 8},
    {"text/html", 3000, 8},
    {"image/png", 70001, 8},
    {"application/x-big", 5 << 20, 8},
    {"application/x-numbers", 4000, 32},
    {"application/x-shorts", 600, 16},
    {"application/x-empty", 0, 8},
};
enum { X_N_FORMS = sizeof x_forms / sizeof *x_forms };

/* Byte i of a form; seed tells one owner from another. */
static inline uint8_t x_byte(int form, int seed, size_t i)
{
    if (x_forms[form].n_bytes == 61) /* the two text forms are the same text */
        return (uint8_t)('a' + (i + (size_t)seed) % 26);
    return (uint8_t)((i * 2654435761u >> 7) + (size_t)form * 31 + (size_t)seed * 7);
}

#endif
