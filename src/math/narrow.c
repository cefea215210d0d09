/* SPDX-License-Identifier: MIT
 * Rows of numbers to narrow kinds: weights when a model is opened, vectors for a product with one. Plain C that the
 * compiler makes vectors of. */
#include "math/cpu/narrow_kernels.h"

/* The scale and factor of n numbers in int8. */
static float scale_of(const float *x, int64_t n, float *factor)
{
    int32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t magnitude = csi_int8_magnitude(x[i]);
        most = magnitude > most ? magnitude : most;
    }
    return csi_int8_scale(most, factor);
}

static uint32_t int8_word(const float *x, int64_t n, float factor)
{
    uint32_t word = 0;
    for (int64_t i = 0; i < n; i++)
        word |= csi_int8_round(x[i], factor) << (8 * i);
    return word;
}

/* n numbers to words that lie `pitch` apart. Returns their scale. */
static float pack_vector(csi_kind kind, const float *x, int64_t n, uint32_t *words, int64_t pitch)
{
    float factor = 0, scale = kind == CSI_KIND_INT8 ? scale_of(x, n, &factor) : 1;
    int64_t i = 0;
    if (kind == CSI_KIND_INT8) {
        for (; i + 4 <= n; i += 4, words += pitch)
            *words = int8_word(x + i, 4, factor);
        if (i < n)
            *words = int8_word(x + i, n - i, factor);
        return scale;
    }
    for (; i + 2 <= n; i += 2, words += pitch)
        *words = csi_bf16_round(x[i]) | csi_bf16_round(x[i + 1]) << 16;
    if (i < n)
        *words = csi_bf16_round(x[i]);
    return scale;
}

static int32_t sum_of(const uint32_t *words, int64_t n, int64_t pitch)
{
    int32_t sum = 0;
    for (int64_t g = 0; g < n; g++, words += pitch)
        for (int shift = 0; shift < 32; shift += 8)
            sum += (int8_t)(*words >> shift & 255);
    return sum;
}

void csi_narrow_pack(const csi_narrow *w, const float *f32, int64_t row0, int64_t row1)
{
    for (int64_t row = row0; row < csi_row_blocks(row1) * CSI_ROW_BLOCK; row++) {
        const int64_t block = row / CSI_ROW_BLOCK * w->words * CSI_ROW_BLOCK;
        uint32_t *words = (uint32_t *)(uintptr_t)w->w + block + row % CSI_ROW_BLOCK;
        float scale = 0;
        if (row < row1)
            scale = pack_vector(w->kind, f32 + row * w->n_in, w->n_in, words, CSI_ROW_BLOCK);
        else
            for (int64_t g = 0; g < w->words; g++)
                words[g * CSI_ROW_BLOCK] = 0;
        if (w->kind == CSI_KIND_INT8) {
            ((float *)(uintptr_t)w->scale)[row] = scale;
            ((int32_t *)(uintptr_t)w->sum)[row] = sum_of(words, w->words, CSI_ROW_BLOCK);
        }
    }
}

float csi_narrow_vector(csi_kind kind, const float *x, int64_t n, uint32_t *words)
{
    return pack_vector(kind, x, n, words, 1);
}
