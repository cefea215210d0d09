/* SPDX-License-Identifier: MIT
 *
 * The fast kernels, written once over GCC's vector extension and compiled once per CPU path: a path's .c file defines
 *
 *     LANES   floats in a vector (16 AVX-512, 8 AVX2, 4 SSE2 and NEON)
 *     ROWS    rows of a product's register tile (ROWS x 3 vectors are accumulators)
 *
 * includes this file and makes its op tables with OPS. No other file needs to know an instruction set. Multiply and add
 * are contracted to fused multiply-add where the path has it (-ffp-contract=fast for these files alone).
 *
 * The product's idea: a tile of ROWS weights rows x 3 vectors of columns lives in registers while k runs over n_in. Per
 * k it loads 3 vectors of activations and broadcasts ROWS weights from where they lie in the mapped model file. k is
 * cut so that a piece of the activations panel stays in the first-level cache while all rows of the slice pass. */
#include "math/cpu/narrow_kernels.h"
#include "math/cpu/epilogue.h"
#include "math/cpu/op_tables.h"

#include <math.h>

enum { TILE_VECS = 3, TILE_COLUMNS = TILE_VECS * LANES, K_BLOCK = 192 };

INLINE float sum_lanes(vec v)
{
    float total = 0;
    for (int i = 0; i < LANES; i++)
        total += v[i];
    return total;
}

INLINE float max_lanes(vec v)
{
    float best = v[0];
    for (int i = 1; i < LANES; i++)
        best = v[i] > best ? v[i] : best;
    return best;
}

INLINE vec vsigmoid(vec x)
{
    return 1.0f / (1.0f + vexp(-x));
}

INLINE vec vtanh(vec x)
{
    return 2.0f * vsigmoid(2.0f * x) - 1.0f;
}

/* ---------------------------------------------------------------- products */

/* acc[m][v] += sum over k of a[m * stride + k] * b[k][v]. */
INLINE void tile_by_rows(const int rows, const int vecs, const float *a, int64_t stride, const float *b,
                         int64_t b_stride, int64_t n_k, vec acc[ROWS][TILE_VECS])
{
    const float *row[ROWS];
    UNROLL for (int m = 0; m < rows; m++) row[m] = a + m * stride;
    for (int64_t k = 0; k < n_k; k++, b += b_stride) {
        vec bv[TILE_VECS];
        UNROLL for (int v = 0; v < vecs; v++) bv[v] = load(b + v * LANES);
        UNROLL for (int m = 0; m < rows; m++)
        {
            vec av = splat(row[m][k]);
            UNROLL for (int v = 0; v < vecs; v++) acc[m][v] += av * bv[v];
        }
    }
}

/* What becomes of the sums of a row in LANES columns. */
INLINE void finish(const csi_linear *l, int64_t row, vec s, float *out)
{
    finish_lanes(l, s + (l->bias ? l->bias[row] : 0.0f), out);
}

/* One tile of a dense layer over k in [k0, k1). Each piece of k is summed from zero and added to the sum of the pieces
 * before it, which waits in `part`: rounding errors grow with the length of a piece, not with n_in. */
INLINE void linear_tile(const csi_linear *l, const int rows, const int vecs, int64_t row, int64_t k0, int64_t k1,
                        const float *x, float *part, float *y)
{
    vec acc[ROWS][TILE_VECS];
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vecs; v++)
    {
        acc[m][v] = splat(0);
    }
    tile_by_rows(rows, vecs, l->w + row * l->n_in + k0, l->n_in, x, CSI_PANEL, k1 - k0, acc);
    if (k0) {
        UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vecs; v++)
        {
            acc[m][v] += load(part + m * CSI_PANEL + v * LANES);
        }
    }
    if (k1 < l->n_in) {
        UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vecs; v++)
        {
            store(part + m * CSI_PANEL + v * LANES, acc[m][v]);
        }
        return;
    }
    UNROLL for (int m = 0; m < rows; m++)
    {
        UNROLL for (int v = 0; v < vecs; v++) finish(l, row + m, acc[m][v], y + m * l->y_row + v * LANES);
    }
}

#define LINEAR_CASES(rows)                                \
    switch (vecs) {                                       \
    case 1:                                               \
        linear_tile(l, rows, 1, row, k0, k1, x, part, y); \
        break;                                            \
    case 2:                                               \
        linear_tile(l, rows, 2, row, k0, k1, x, part, y); \
        break;                                            \
    default:                                              \
        linear_tile(l, rows, 3, row, k0, k1, x, part, y); \
    }

static void linear_rows_full(const csi_linear *l, int vecs, int64_t row, int64_t k0, int64_t k1, const float *x,
                             float *part, float *y)
{
    LINEAR_CASES(ROWS)
}

static void linear_rows_one(const csi_linear *l, int vecs, int64_t row, int64_t k0, int64_t k1, const float *x,
                            float *part, float *y){LINEAR_CASES(1)}

/* Ask for a tile's weights one tile ahead. They lie a stretch of each row at a time, which hardware prefetchers do not
 * foresee: a quarter of the time of short utterances, nothing for long ones. */
INLINE void fetch_rows(const csi_linear *l, int64_t row, int64_t k0, int64_t k1)
{
    const int64_t end = CSI_MIN(row + ROWS, l->n_out);
    for (; row < end; row++)
        for (int64_t k = k0; k < k1; k += 16)
            __builtin_prefetch(l->w + row * l->n_in + k, 0, 2);
}

#include "math/cpu/few_f32.h"

static void linear(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1, float *scratch)
{
    int64_t pieces = (l->n_in + K_BLOCK - 1) / K_BLOCK, piece = (l->n_in + pieces - 1) / pieces;
    if (panel0 == 0)
        row0 = few_columns(l, row0, row1, piece);
    for (int64_t block = panel0; block < panel1; block += CSI_PANEL_BLOCK) {
        int64_t block_end = CSI_MIN(block + CSI_PANEL_BLOCK, panel1);
        for (int64_t k0 = 0; k0 < l->n_in; k0 += piece) {
            int64_t k1 = CSI_MIN(k0 + piece, l->n_in);
            for (int64_t p = block; p < block_end; p++) {
                int64_t columns = CSI_MIN(l->columns - p * CSI_PANEL, CSI_PANEL);
                float *parts = scratch + (p - block) * (row1 - row0) * CSI_PANEL;
                for (int64_t row = row0; row < row1;) {
                    bool full = row1 - row >= ROWS;
                    if (p == block)
                        fetch_rows(l, row + ROWS, k0, k1);
                    for (int64_t c = 0; c < columns; c += TILE_COLUMNS) {
                        int vecs = (int)CSI_MIN((columns - c + LANES - 1) / LANES, TILE_VECS);
                        const float *x = l->x + p * l->x_panel + k0 * CSI_PANEL + c;
                        float *part = parts + (row - row0) * CSI_PANEL + c;
                        float *y = l->y + p * l->y_panel + row * l->y_row + c;
                        (full ? linear_rows_full : linear_rows_one)(l, vecs, row, k0, k1, x, part, y);
                    }
                    row += full ? ROWS : 1;
                }
            }
        }
    }
}

/* --------------------------------------------------------------- attention */

typedef float att_word;
typedef vec att_vec;
enum { ATT_PER_WORD = 1 };

INLINE att_vec att_load(const att_word *x)
{
    return load(x);
}

INLINE att_vec att_splat(att_word x)
{
    return splat(x);
}

INLINE vec att_add(vec acc, att_vec a, att_vec b)
{
    return acc + a * b;
}

INLINE void att_store(att_word *at, const vec x[ATT_PER_WORD])
{
    store(at, x[0]);
}

#define ATT_K(a) (a)->k
#define ATT_V(a) (a)->v
#define ATT_P(a) (a)->p
#include "math/cpu/attention.h"

/* ---------------------------------------------------------- by row or column */

static void layer_norm(const float *x, float *y, int64_t rows, int64_t lane0, const float *weight, const float *bias,
                       float eps, bool silu)
{
    for (int64_t lane = lane0; lane < lane0 + 16; lane += LANES) {
        const float *in = x + lane;
        float *out = y + lane;
        vec s[4] = {splat(0), splat(0), splat(0), splat(0)};
        for (int64_t r = 0; r < rows; r++)
            s[r & 3] += load(in + r * CSI_PANEL);
        vec mean = ((s[0] + s[1]) + (s[2] + s[3])) / (float)rows;
        for (int i = 0; i < 4; i++)
            s[i] = splat(0);
        for (int64_t r = 0; r < rows; r++) {
            vec d = load(in + r * CSI_PANEL) - mean;
            s[r & 3] += d * d;
        }
        vec var = ((s[0] + s[1]) + (s[2] + s[3])) / (float)rows + eps, inv;
        for (int i = 0; i < LANES; i++)
            inv[i] = 1.0f / sqrtf(var[i]);
        for (int64_t r = 0; r < rows; r++) {
            vec v = (load(in + r * CSI_PANEL) - mean) * inv * weight[r] + bias[r];
            store(out + r * CSI_PANEL, silu ? vsilu(v) : v);
        }
    }
}

INLINE vec combine_at(const float *const *x, const float *w, int64_t n_terms, float offset, int64_t i, csi_epilogue f)
{
    vec s = splat(offset);
    for (int64_t j = 0; j < n_terms; j++)
        s += load(x[j] + i) * w[j];
    return activated(f, s);
}

static void combine(const float *const *x, const float *w, int64_t n_terms, float offset, float *y, int64_t n,
                    csi_epilogue f)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, combine_at(x, w, n_terms, offset, i, f));
    if (i < n && n >= LANES) { /* the last vector overlaps the one before */
        store(y + n - LANES, combine_at(x, w, n_terms, offset, n - LANES, f));
        return;
    }
    for (; i < n; i++) {
        vec s = splat(offset);
        for (int64_t j = 0; j < n_terms; j++)
            s += splat(x[j][i]) * w[j];
        y[i] = activated(f, s)[0];
    }
}

static void glu(const float *a, const float *b, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, load(a + i) * vsigmoid(load(b + i)));
    for (; i < n; i++)
        y[i] = a[i] * vsigmoid(splat(b[i]))[0];
}

static void scale(float *x, int64_t n, float factor)
{
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

/* ----------------------------------------------------------------- decoders */

INLINE void dot_rows(const int rows, const float *w, int64_t n_in, const float *x, const float *bias, float *y)
{
    vec acc[4][2];
    UNROLL for (int m = 0; m < rows; m++) acc[m][0] = acc[m][1] = splat(0);
    int64_t k = 0;
    for (; k + 2 * LANES <= n_in; k += 2 * LANES) {
        vec x0 = load(x + k), x1 = load(x + k + LANES);
        UNROLL for (int m = 0; m < rows; m++)
        {
            acc[m][0] += load(w + m * n_in + k) * x0;
            acc[m][1] += load(w + m * n_in + k + LANES) * x1;
        }
    }
    UNROLL for (int m = 0; m < rows; m++)
    {
        float s = sum_lanes(acc[m][0] + acc[m][1]);
        for (int64_t r = k; r < n_in; r++)
            s += w[m * n_in + r] * x[r];
        y[m] = s + (bias ? bias[m] : 0.0f);
    }
}

static void matvec(const float *w, int64_t n_in, int64_t row0, int64_t row1, const float *x, const float *bias,
                   float *y)
{
    int64_t r = row0;
    for (; r + 4 <= row1; r += 4)
        dot_rows(4, w + r * n_in, n_in, x, bias ? bias + r : NULL, y + r);
    for (; r < row1; r++)
        dot_rows(1, w + r * n_in, n_in, x, bias ? bias + r : NULL, y + r);
}

static void lstm_cell(const float *gates, float *c, float *h, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec in = vsigmoid(load(gates + i)), forget = vsigmoid(load(gates + n + i));
        vec cell = forget * load(c + i) + in * vtanh(load(gates + 2 * n + i));
        store(c + i, cell);
        store(h + i, vsigmoid(load(gates + 3 * n + i)) * vtanh(cell));
    }
    for (; i < n; i++) {
        vec in = vsigmoid(splat(gates[i])), forget = vsigmoid(splat(gates[n + i]));
        vec cell = forget * c[i] + in * vtanh(splat(gates[2 * n + i]));
        c[i] = cell[0];
        h[i] = (vsigmoid(splat(gates[3 * n + i])) * vtanh(cell))[0];
    }
}

INLINE vec activate(vec x, csi_activation f)
{
    return f == CSI_ACT_RELU ? vmax(x, splat(0)) : f == CSI_ACT_TANH ? vtanh(x) : vsigmoid(x);
}

static void add_activate(const float *a, const float *b, float *y, int64_t n, csi_activation f)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, activate(load(a + i) + load(b + i), f));
    for (; i < n; i++)
        y[i] = activate(splat(a[i] + b[i]), f)[0];
}

static int64_t argmax(const float *x, int64_t n)
{
    vec best = splat(-INFINITY);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        best = vmax(load(x + i), best);
    float top = max_lanes(best);
    for (; i < n; i++)
        top = x[i] > top ? x[i] : top;
    for (i = 0; i < n; i++)
        if (x[i] == top)
            return i;
    return 0;
}

static void softmax_sums(const float *x, int64_t n, float alpha, csi_softmax_sums *sums)
{
    float top = x[argmax(x, n)];
    vec total = splat(0);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        total += vexp(load(x + i) - top);
    double sum = sum_lanes(total);
    for (; i < n; i++)
        sum += vexp(splat(x[i] - top))[0];
    double log_sum = (double)top + log(sum);
    float rest = (float)log(sum); /* lp = (x - top) - rest: exact where logits are large */
    vec s = splat(0), g = splat(0);
    for (i = 0; i + LANES <= n; i += LANES) {
        vec lp = load(x + i) - top - rest, w = vexp(lp * alpha);
        s += w;
        g += w * lp;
    }
    double s_total = sum_lanes(s), g_total = sum_lanes(g);
    for (; i < n; i++) {
        float lp = x[i] - top - rest, w = vexp(splat(lp * alpha))[0];
        s_total += w;
        g_total += (double)w * lp;
    }
    *sums = (csi_softmax_sums){top, log_sum, s_total, g_total};
}

static void softmax(float *x, int64_t n)
{
    float top = x[argmax(x, n)], sum;
    vec total = splat(0);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec w = vexp(load(x + i) - top);
        store(x + i, w);
        total += w;
    }
    sum = sum_lanes(total);
    for (; i < n; i++) {
        x[i] = vexp(splat(x[i] - top))[0];
        sum += x[i];
    }
    scale(x, n, 1.0f / sum);
}

static bool all_finite(const float *x, int64_t n)
{
    const ivec exponent = (ivec){0} + 0x7F800000;
    ivec bad = (ivec){0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        bad |= ((ivec)load(x + i) & exponent) == exponent;
    for (int lane = 0; lane < LANES; lane++)
        if (bad[lane])
            return false;
    for (; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* An op table of this file's path with one of its sets of int8 and of bf16 kernels. */
#define OPS(cpu, set8, set16)                                                                             \
    {                                                                                                     \
        .path = cpu, .narrow = {NULL, &csi_int8_##set8, &csi_bf16_##set16}, .linear = linear,             \
        .layer_norm = layer_norm, .attention = attention, .combine = combine, .glu = glu, .scale = scale, \
        .matvec = matvec, .lstm_cell = lstm_cell, .add_activate = add_activate, .argmax = argmax,         \
        .softmax_sums = softmax_sums, .softmax = softmax, .all_finite = all_finite,                       \
    }
