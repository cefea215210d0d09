/* SPDX-License-Identifier: MIT
 * Activations to int8, included by int8_set.h: one pass down the rows for the largest magnitude of each column, one for
 * the rounding. Columns go sixteen at a time, a cache line of each row. */
#include "math/cpu/narrow_kernels.h"

enum { STRIP = CSI_STRIP, STRIP_VECS = STRIP / LANES };

INLINE ivec larger(ivec a, ivec b)
{
    ivec more = a > b;
    return (a & more) | (b & ~more);
}

/* The largest magnitudes of STRIP columns, then their scales and factors. Rows take turns at several maxima, so that no
 * comparison waits for the one before. */
INLINE void quantize_scales(const float *x, int64_t rows, float *scale, float *factor)
{
    enum { TURNS = 4 / STRIP_VECS };
    ivec most[TURNS][STRIP_VECS];
    UNROLL for (int i = 0; i < TURNS; i++) UNROLL for (int v = 0; v < STRIP_VECS; v++)
    {
        most[i][v] = (ivec){0};
    }
    int64_t r = 0;
    for (; r + TURNS <= rows; r += TURNS)
        UNROLL for (int i = 0; i < TURNS; i++) UNROLL for (int v = 0; v < STRIP_VECS; v++)
        {
            most[i][v] = larger((ivec)load(x + (r + i) * CSI_PANEL + v * LANES) & INT32_MAX, most[i][v]);
        }
    for (; r < rows; r++)
        UNROLL for (int v = 0; v < STRIP_VECS; v++)
        {
            most[0][v] = larger((ivec)load(x + r * CSI_PANEL + v * LANES) & INT32_MAX, most[0][v]);
        }
    UNROLL for (int i = 1; i < TURNS; i++) UNROLL for (int v = 0; v < STRIP_VECS; v++)
    {
        most[0][v] = larger(most[i][v], most[0][v]);
    }
    for (int t = 0; t < STRIP; t++)
        scale[t] = csi_int8_scale(most[0][t / LANES][t % LANES], &factor[t]);
}

/* `rows` (at most 4) rows of LANES columns to a word per column. */
INLINE ivec quantize_words(const float *x, const int rows, vec factor)
{
    ivec word = (ivec){0};
    UNROLL for (int r = 0; r < rows; r++)
    {
        ivec v = (ivec)(load(x + r * CSI_PANEL) * factor + CSI_INT8_SHIFT);
        word |= r < 3 ? (v & 255) << (8 * r) : v << 24;
    }
    return word;
}

static void quantize_strip(const float *x, int64_t rows, uint32_t *words, float *scale)
{
    float factor[STRIP];
    quantize_scales(x, rows, scale, factor);
    for (int64_t r = 0; r < rows; r += 4, words += CSI_PANEL)
        UNROLL for (int v = 0; v < STRIP_VECS; v++)
        {
            const float *in = x + r * CSI_PANEL + v * LANES;
            vec f = load(factor + v * LANES);
            ivec word;
            if (rows - r >= 4)
                word = quantize_words(in, 4, f);
            else if (rows - r == 3)
                word = quantize_words(in, 3, f);
            else if (rows - r == 2)
                word = quantize_words(in, 2, f);
            else
                word = quantize_words(in, 1, f);
            store_words(words + v * LANES, word);
        }
}

static void convert(const float *x, int64_t rows, int64_t columns, uint32_t *words, float *scale)
{
    for (int64_t t = 0; t < columns; t += STRIP)
        quantize_strip(x + t, rows, words + t, scale + t);
}
