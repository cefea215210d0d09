/* SPDX-License-Identifier: MIT
 * The plain C twin of every kernel: what each one means, written for reading. It is the "c" path, runs on anything, and
 * the fast paths are tested against it. */
#include "math/cpu/narrow_kernels.h"
#include "math/cpu/op_tables.h"

#include <math.h>

static float silu_of(float x)
{
    return x / (1.0f + expf(-x));
}

static float sigmoid_of(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float finish(float s, csi_epilogue f)
{
    return f == CSI_RELU ? (s > 0 ? s : 0) : f == CSI_SILU ? silu_of(s) : s;
}

/* Element (row, column) of panels with this many floats between panels and rows. */
static const float *at(const float *panels, int64_t panel, int64_t row_pitch, int64_t row, int64_t column)
{
    return panels + column / CSI_PANEL * panel + row * row_pitch + column % CSI_PANEL;
}

static void linear(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1, float *scratch)
{
    (void)scratch;
    int64_t end = CSI_MIN(panel1 * CSI_PANEL, l->columns);
    for (int64_t row = row0; row < row1; row++)
        for (int64_t t = panel0 * CSI_PANEL; t < end; t++) {
            float s = 0;
            for (int64_t k = 0; k < l->n_in; k++)
                s += l->w[row * l->n_in + k] * *at(l->x, l->x_panel, CSI_PANEL, k, t);
            s += l->bias ? l->bias[row] : 0;
            float *y = l->y + t / CSI_PANEL * l->y_panel + row * l->y_row + t % CSI_PANEL;
            *y = l->epilogue == CSI_RESIDUAL ? *y + l->scale * s : finish(s, l->epilogue);
        }
}

static void layer_norm(const float *x, float *y, int64_t rows, int64_t lane0, const float *weight, const float *bias,
                       float eps, bool silu)
{
    for (int64_t lane = lane0; lane < lane0 + 16; lane++) {
        double sum = 0, squares = 0;
        for (int64_t r = 0; r < rows; r++)
            sum += x[r * CSI_PANEL + lane];
        float mean = (float)(sum / (double)rows);
        for (int64_t r = 0; r < rows; r++) {
            float d = x[r * CSI_PANEL + lane] - mean;
            squares += (double)d * d;
        }
        float inv = 1.0f / sqrtf((float)(squares / (double)rows) + eps);
        for (int64_t r = 0; r < rows; r++) {
            float v = (x[r * CSI_PANEL + lane] - mean) * inv * weight[r] + bias[r];
            y[r * CSI_PANEL + lane] = silu ? silu_of(v) : v;
        }
    }
}

static void attention(const csi_attention *a, int32_t head, int64_t query_panel, float *scratch)
{
    const int64_t panel = a->d * CSI_PANEL, row = (int64_t)head * a->head_width;
    float *out = scratch; /* (head_width) */
    for (int64_t i = query_panel * CSI_PANEL; i < CSI_MIN((query_panel + 1) * CSI_PANEL, a->n_queries); i++) {
        float running_max = -1e30f, running_sum = 0;
        memset(out, 0, (size_t)a->head_width * sizeof *out);
        for (int64_t j = a->first[i]; j < a->end[i]; j++) {
            float score = 0;
            int64_t m = (a->reach - a->q_panel) * CSI_PANEL - 1 - (i - j); /* column of the position */
            for (int64_t r = 0; r < a->head_width; r++) {
                float q = *at(a->q, panel, CSI_PANEL, row + r, i);
                score += (q + a->bias_u[row + r]) * *at(a->k, panel, CSI_PANEL, row + r, j);
                score += (q + a->bias_v[row + r]) * *at(a->p, panel, CSI_PANEL, row + r, m);
            }
            score *= a->scale;
            float top = CSI_MAX(score, running_max), correction = expf(running_max - top), w = expf(score - top);
            for (int64_t r = 0; r < a->head_width; r++)
                out[r] = out[r] * correction + w * *at(a->v, panel, CSI_PANEL, row + r, j);
            running_sum = running_sum * correction + w;
            running_max = top;
        }
        for (int64_t r = 0; r < a->head_width; r++)
            a->out[query_panel * panel + (row + r) * CSI_PANEL + i % CSI_PANEL] =
                running_sum > 0 ? out[r] / running_sum : 0;
    }
}

static void combine(const float *const *x, const float *w, int64_t n_terms, float offset, float *y, int64_t n,
                    csi_epilogue f)
{
    for (int64_t i = 0; i < n; i++) {
        float s = offset;
        for (int64_t j = 0; j < n_terms; j++)
            s += w[j] * x[j][i];
        y[i] = finish(s, f);
    }
}

static void glu(const float *a, const float *b, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] * sigmoid_of(b[i]);
}

static void scale(float *x, int64_t n, float factor)
{
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

static void matvec(const float *w, int64_t n_in, int64_t row0, int64_t row1, const float *x, const float *bias,
                   float *y)
{
    for (int64_t r = row0; r < row1; r++) {
        float s = 0;
        for (int64_t k = 0; k < n_in; k++)
            s += w[r * n_in + k] * x[k];
        y[r] = s + (bias ? bias[r] : 0);
    }
}

static void lstm_cell(const float *gates, float *c, float *h, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        c[i] = sigmoid_of(gates[n + i]) * c[i] + sigmoid_of(gates[i]) * tanhf(gates[2 * n + i]);
        h[i] = sigmoid_of(gates[3 * n + i]) * tanhf(c[i]);
    }
}

static void add_activate(const float *a, const float *b, float *y, int64_t n, csi_activation f)
{
    for (int64_t i = 0; i < n; i++) {
        float x = a[i] + b[i];
        y[i] = f == CSI_ACT_RELU ? (x > 0 ? x : 0) : f == CSI_ACT_TANH ? tanhf(x) : sigmoid_of(x);
    }
}

static int64_t argmax(const float *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best] || isnan(x[best]))
            best = i;
    return best;
}

static void softmax_sums(const float *x, int64_t n, float alpha, csi_softmax_sums *sums)
{
    float top = x[argmax(x, n)];
    double sum = 0, s = 0, g = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp((double)x[i] - top);
    double log_sum = top + log(sum);
    for (int64_t i = 0; i < n; i++) {
        double lp = x[i] - log_sum, w = exp(alpha * lp);
        s += w;
        g += w * lp;
    }
    *sums = (csi_softmax_sums){top, log_sum, s, g};
}

static void softmax(float *x, int64_t n)
{
    double sum = 0;
    float top = x[argmax(x, n)];
    for (int64_t i = 0; i < n; i++) {
        x[i] = expf(x[i] - top);
        sum += (double)x[i];
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(x[i] / sum);
}

static bool all_finite(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

const csi_ops csi_ops_c = {
    .path = CSI_CPU_C,
    .linear = linear,
    .narrow = {NULL, &csi_int8_c, &csi_bf16_c},
    .layer_norm = layer_norm,
    .attention = attention,
    .combine = combine,
    .glu = glu,
    .scale = scale,
    .matvec = matvec,
    .lstm_cell = lstm_cell,
    .add_activate = add_activate,
    .argmax = argmax,
    .softmax_sums = softmax_sums,
    .softmax = softmax,
    .all_finite = all_finite,
};
