/* SPDX-License-Identifier: MIT
 * The plain C twin of the int8 kernels: what each one means, written for reading. Every set gives the same bits. */
#include "math/cpu/int8_kernels.h"

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

/* Where row c of column t lies in panels of `pitch` rows. */
static int64_t at(int64_t pitch, int64_t c, int64_t t)
{
    return ((t / CSI_PANEL * (pitch / CSI_INT8_GROUP) + c / CSI_INT8_GROUP) * CSI_PANEL + t % CSI_PANEL)
               * CSI_INT8_GROUP
           + c % CSI_INT8_GROUP;
}

void csi_linear_int8_c(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1)
{
    const csi_int8_weights *w = l->int8;
    for (int64_t row = row0; row < row1; row++)
        for (int64_t t = panel0 * CSI_PANEL; t < panel1 * CSI_PANEL; t++) {
            int32_t sum = 0;
            if (t % CSI_PANEL >= csi_panel_used(l->used, l->columns, t / CSI_PANEL))
                continue;
            for (int64_t k = 0; k < w->n_in; k++)
                sum += w->w[row * w->pitch + k] * l->x8.q[at(w->pitch, k, t)];
            float s = (float)sum * (w->scale[row] * l->x8.scale[t]) + (l->bias ? l->bias[row] : 0.0f);
            float *y = l->y + t / CSI_PANEL * l->y_panel + row * l->y_row + t % CSI_PANEL;
            *y = finish(l, s, *y);
        }
}

void csi_quantize_c(const float *x, int64_t rows, int64_t pitch, int64_t columns, int8_t *q, float *scale)
{
    for (int64_t t = 0; t < CSI_PANEL; t++) {
        int32_t most = 0;
        float factor;
        for (int64_t r = 0; r < rows && t < columns; r++)
            most = CSI_MAX(most, csi_int8_magnitude(x[r * CSI_PANEL + t]));
        scale[t] = csi_int8_scale(most, &factor);
        for (int64_t r = 0; r < pitch; r++)
            q[at(pitch, r, t)] = r < rows && t < columns ? csi_int8_round(x[r * CSI_PANEL + t], factor) : 0;
    }
}

void csi_matvec_int8_c(const csi_int8_weights *w, int64_t row0, int64_t row1, const int8_t *x8, float x_scale,
                       const float *bias, float *y)
{
    for (int64_t row = row0; row < row1; row++) {
        int32_t sum = 0;
        for (int64_t k = 0; k < w->n_in; k++)
            sum += w->w[row * w->pitch + k] * x8[k];
        y[row] = (float)sum * (w->scale[row] * x_scale) + (bias ? bias[row] : 0.0f);
    }
}
