/* SPDX-License-Identifier: MIT
 * The plain C twins of the narrow kernels: what each one means, written for reading. Every set of int8 gives the same bits. */
#include "math/cpu/narrow_kernels.h"

/* The SiLU of lanes.h, operation by operation. */
static float exp_of(float x)
{
    x = x > -87.0f ? x : -87.0f;
    x = x < 88.0f ? x : 88.0f;
    float n = x * 1.44269504088896341f + CSI_INT8_SHIFT;
    uint32_t exponent, bits;
    memcpy(&exponent, &n, sizeof exponent);
    n = n - CSI_INT8_SHIFT;
    float r = x - n * 0.693145751953125f;
    r = r - n * 1.42860682030941723e-6f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    memcpy(&bits, &p, sizeof bits);
    bits += exponent << 23;
    memcpy(&p, &bits, sizeof p);
    return p;
}

static float finish(const csi_linear *l, float s, float y)
{
    switch (l->epilogue) {
    case CSI_RELU:
        return s > 0 ? s : 0;
    case CSI_SILU:
        return s / (1.0f + exp_of(-s));
    case CSI_RESIDUAL:
        return y + l->scale * s;
    default:
        return s;
    }
}

/* Word g of output r, and of column t in panels. */
static uint32_t w_word(const csi_narrow *w, int64_t r, int64_t g)
{
    return w->w[(r / CSI_ROW_BLOCK * w->words + g) * CSI_ROW_BLOCK + r % CSI_ROW_BLOCK];
}

static uint32_t *x_word(uint32_t *panels, int64_t words, int64_t g, int64_t t)
{
    return &panels[(t / CSI_PANEL * words + g) * CSI_PANEL + t % CSI_PANEL];
}

static float *y_at(const csi_linear *l, int64_t row, int64_t t)
{
    return l->y + t / CSI_PANEL * l->y_panel + row * l->y_row + t % CSI_PANEL;
}

/* ------------------------------------------------------------------- int8 */

static int32_t dot_int8(uint32_t x, uint32_t w)
{
    int32_t sum = 0;
    for (int shift = 0; shift < 32; shift += 8)
        sum += (int8_t)(x >> shift & 255) * (int8_t)(w >> shift & 255);
    return sum;
}

static void linear_int8(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1)
{
    const csi_narrow *w = l->narrow;
    for (int64_t row = row0; row < row1; row++)
        for (int64_t t = panel0 * CSI_PANEL; t < CSI_MIN(panel1 * CSI_PANEL, l->columns); t++) {
            int32_t sum = 0;
            for (int64_t g = 0; g < w->words; g++)
                sum += dot_int8(*x_word(l->narrow_x.w, w->words, g, t), w_word(w, row, g));
            float s = (float)sum * (w->scale[row] * l->narrow_x.scale[t]) + (l->bias ? l->bias[row] : 0.0f);
            *y_at(l, row, t) = finish(l, s, *y_at(l, row, t));
        }
}

static void matvec_int8(const csi_narrow *w, int64_t row0, int64_t row1, const uint32_t *x, float x_scale,
                        const float *bias, float *y)
{
    for (int64_t row = row0; row < row1; row++) {
        int32_t sum = 0;
        for (int64_t g = 0; g < w->words; g++)
            sum += dot_int8(x[g], w_word(w, row, g));
        y[row] = (float)sum * (w->scale[row] * x_scale) + (bias ? bias[row] : 0.0f);
    }
}

static void convert_int8(const float *x, int64_t rows, int64_t columns, uint32_t *words, float *scale)
{
    const int64_t n = csi_narrow_words(CSI_KIND_INT8, rows);
    for (int64_t t = 0; t < csi_strips(columns) * CSI_STRIP; t++) {
        int32_t most = 0;
        float factor;
        for (int64_t r = 0; r < rows && t < columns; r++)
            most = CSI_MAX(most, csi_int8_magnitude(x[r * CSI_PANEL + t]));
        scale[t] = csi_int8_scale(most, &factor);
        for (int64_t g = 0; g < n; g++)
            *x_word(words, n, g, t) = 0;
        for (int64_t r = 0; r < rows && t < columns; r++)
            *x_word(words, n, r / 4, t) |= csi_int8_round(x[r * CSI_PANEL + t], factor) << (r % 4 * 8);
    }
}

const csi_narrow_ops csi_int8_c = {.name = "c", .linear = linear_int8, .matvec = matvec_int8, .convert = convert_int8};

/* ------------------------------------------------------------------- bf16 */

static float dot_bf16(float sum, uint32_t x, uint32_t w)
{
    sum += csi_bf16_value(x & 0xFFFF) * csi_bf16_value(w & 0xFFFF);
    return sum + csi_bf16_value(x >> 16) * csi_bf16_value(w >> 16);
}

static void linear_bf16(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1)
{
    const csi_narrow *w = l->narrow;
    for (int64_t row = row0; row < row1; row++)
        for (int64_t t = panel0 * CSI_PANEL; t < CSI_MIN(panel1 * CSI_PANEL, l->columns); t++) {
            float sum = 0;
            for (int64_t g = 0; g < w->words; g++)
                sum = dot_bf16(sum, *x_word(l->narrow_x.w, w->words, g, t), w_word(w, row, g));
            *y_at(l, row, t) = finish(l, sum + (l->bias ? l->bias[row] : 0.0f), *y_at(l, row, t));
        }
}

static void matvec_bf16(const csi_narrow *w, int64_t row0, int64_t row1, const uint32_t *x, float x_scale,
                        const float *bias, float *y)
{
    (void)x_scale;
    for (int64_t row = row0; row < row1; row++) {
        float sum = 0;
        for (int64_t g = 0; g < w->words; g++)
            sum = dot_bf16(sum, x[g], w_word(w, row, g));
        y[row] = sum + (bias ? bias[row] : 0.0f);
    }
}

static void convert_bf16(const float *x, int64_t rows, int64_t columns, uint32_t *words, float *scale)
{
    const int64_t n = csi_narrow_words(CSI_KIND_BF16, rows);
    (void)scale;
    for (int64_t t = 0; t < columns; t++) {
        for (int64_t g = 0; g < n; g++)
            *x_word(words, n, g, t) = 0;
        for (int64_t r = 0; r < rows; r++)
            *x_word(words, n, r / 2, t) |= csi_bf16_round(x[r * CSI_PANEL + t]) << (r % 2 * 16);
    }
}

const csi_narrow_ops csi_bf16_c = {.name = "c", .linear = linear_bf16, .matvec = matvec_bf16, .convert = convert_bf16};
