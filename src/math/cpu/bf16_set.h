/* SPDX-License-Identifier: MIT
 * The bf16 kernels: narrow.h with sums in f32. */
#include "math/cpu/narrow_kernels.h"

typedef float sum;
typedef vec sums;

INLINE sums first_of(const csi_narrow *w, int64_t row)
{
    (void)w, (void)row;
    return splat(0);
}

INLINE sums first(const csi_narrow *w, int64_t row)
{
    return first_of(w, row);
}

INLINE vec value(sums s, const csi_narrow *w, int64_t row, const float *x_scale)
{
    (void)w, (void)row, (void)x_scale;
    return s;
}

INLINE vec value_down(sums s, const csi_narrow *w, int64_t row, const float *x_scale)
{
    (void)w, (void)row, (void)x_scale;
    return s;
}

/* csi_bf16_round() of LANES floats, left in the upper half. */
INLINE ivec round_up_half(vec x)
{
    ivec bits = (ivec)x, nan = (bits & INT32_MAX) > 0x7F800000;
    ivec up = bits + 0x7FFF + (bits >> 16 & 1);
    return ((bits | 0x400000) & nan) | (up & ~nan);
}

static void convert(const float *x, int64_t rows, int64_t columns, uint32_t *words, float *scale)
{
    (void)scale;
    for (int64_t r = 0; r < rows; r += 2, words += CSI_PANEL)
        for (int64_t t = 0; t < columns; t += LANES) {
            const float *in = x + r * CSI_PANEL + t;
            ivec low = round_up_half(load(in)), high = r + 1 < rows ? round_up_half(load(in + CSI_PANEL)) : (ivec){0};
            store_words(words + t, (low >> 16 & 0xFFFF) | (high & (int32_t)0xFFFF0000));
        }
}

#include "math/cpu/narrow.h"
