/* SPDX-License-Identifier: MIT
 * Rows of numbers to int8: weights when a model is opened, vectors for a product with one. Plain C that the compiler
 * makes vectors of; each row is read once from memory and once from the cache. */
#include "math/cpu/int8_kernels.h"

/* n numbers, zeros up to pitch. Returns the scale. */
static float quantize_row(const float *x, int64_t n, int64_t pitch, int8_t *q)
{
    int32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t magnitude = csi_int8_magnitude(x[i]);
        most = magnitude > most ? magnitude : most;
    }
    float factor, scale = csi_int8_scale(most, &factor);
    for (int64_t i = 0; i < n; i++)
        q[i] = csi_int8_round(x[i], factor);
    memset(q + n, 0, (size_t)(pitch - n));
    return scale;
}

void csi_int8_pack(const float *w, int64_t n_in, int64_t row0, int64_t row1, int8_t *w8, float *scale, int32_t *sum)
{
    const int64_t pitch = csi_int8_pitch(n_in);
    for (int64_t row = row0; row < row1; row++) {
        int8_t *q = w8 + row * pitch;
        int32_t total = 0;
        scale[row] = quantize_row(w + row * n_in, n_in, pitch, q);
        for (int64_t i = 0; i < n_in; i++)
            total += q[i];
        sum[row] = total;
    }
}

float csi_int8_vector(const float *x, int64_t n, int64_t pitch, int8_t *q)
{
    return quantize_row(x, n, pitch, q);
}
