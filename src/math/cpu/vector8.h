/* SPDX-License-Identifier: MIT
 *
 * The int8 kernels, written once over GCC's vector extension and compiled once per instruction set: a set's .c file
 * defines
 *
 *     LANES             floats and 32-bit sums in a vector
 *     ROWS, TILE_VECS   the register tile: ROWS x TILE_VECS accumulators
 *     FEW_ROWS          rows of weights at a time where columns are few: FEW_ROWS x 4 accumulators
 *     SET(name)         name with the set's suffix
 *     BIAS              what x_form adds to each x: 128 where the instruction wants it unsigned, else 0
 *
 * includes lanes8.h, and says how four bytes times four bytes are added to each 32-bit lane:
 *
 *     x_form, w_form    the two operands in the shape that the instruction wants, made by form_x(ivec) and form_w(ivec)
 *     dot(acc, x, w)    acc + sums of four products
 *     DOT_BY_LANE       optional: dot_by_lane(acc, x, w, i) takes word i of a vector of four words of weights
 *
 * and then includes this file. Sums are exact, so their order is free: the tile runs over a piece of n_in that lets the
 * activations stay in the first-level cache, and sums of the pieces wait in memory.
 *
 * Two shapes of product. Many columns: as in f32, a vector holds a word of each of LANES columns and weights are
 * broadcast, a word at a time. Up to FEW_COLUMNS: reading the weights is all that counts, so they are read as vectors
 * along n_in, once, and each column's words are first gathered into a row. */
#include "math/cpu/int8_kernels.h"

enum { TILE_COLUMNS = TILE_VECS * LANES, ROW_BLOCK = 64, PIECE_BYTES = 24 * 1024, LINE_GROUPS = 64 / CSI_INT8_GROUP };

INLINE w_form weight_word(const int8_t *w)
{
    int32_t word;
    memcpy(&word, w, sizeof word);
    return form_w((ivec){0} + word);
}

/* ---------------------------------------------------------------- many columns */

/* acc[m][v] += sums over groups [g0, g1) of rows of x and words of weights. */
INLINE void tile_groups(const int rows, const int vecs, const int8_t *const row[ROWS], const int8_t *x, int64_t g0,
                        int64_t g1, ivec acc[ROWS][TILE_VECS])
{
    const int64_t x_group = CSI_PANEL * CSI_INT8_GROUP;
    int64_t g = g0;
#ifdef DOT_BY_LANE
    for (; g + 4 <= g1; g += 4) {
        ivec words[ROWS];
        UNROLL for (int m = 0; m < rows; m++) words[m] = load_bytes(row[m] + g * CSI_INT8_GROUP);
        UNROLL for (int i = 0; i < 4; i++) UNROLL for (int v = 0; v < vecs; v++)
        {
            x_form xv = form_x(load_bytes(x + (g + i) * x_group + v * 4 * LANES));
            UNROLL for (int m = 0; m < rows; m++) acc[m][v] = dot_by_lane(acc[m][v], xv, words[m], i);
        }
    }
#endif
    for (; g < g1; g++) {
        x_form xv[TILE_VECS];
        UNROLL for (int v = 0; v < vecs; v++) xv[v] = form_x(load_bytes(x + g * x_group + v * 4 * LANES));
        UNROLL for (int m = 0; m < rows; m++)
        {
            w_form word = weight_word(row[m] + g * CSI_INT8_GROUP);
            UNROLL for (int v = 0; v < vecs; v++) acc[m][v] = dot(acc[m][v], xv[v], word);
        }
    }
}

/* The same over n_groups, a cache line of each row at a time. `fetch` asks for the weights of the next tile: they lie a
 * stretch of each row at a time, which hardware does not foresee. */
INLINE void tile_dots(const int rows, const int vecs, const bool fetch, const int8_t *w, int64_t pitch, const int8_t *x,
                      int64_t n_groups, ivec acc[ROWS][TILE_VECS])
{
    const int8_t *row[ROWS];
    UNROLL for (int m = 0; m < rows; m++) row[m] = w + m * pitch;
    for (int64_t g = 0; g < n_groups; g += LINE_GROUPS) {
        if (fetch)
            UNROLL for (int m = 0; m < rows; m++) __builtin_prefetch(row[m] + rows * pitch + g * CSI_INT8_GROUP, 0, 2);
        tile_groups(rows, vecs, row, x, g, CSI_MIN(g + LINE_GROUPS, n_groups), acc);
    }
}

/* One tile over groups [g0, g1), its sums (rows of 48) begun at g0 = 0 and else continued. */
INLINE void tile(const csi_int8_weights *w, const int rows, const int vecs, bool fetch, int64_t row, int64_t g0,
                 int64_t g1, const int8_t *x, int32_t *sums)
{
    ivec acc[ROWS][TILE_VECS];
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vecs; v++)
    {
        acc[m][v] = g0 ? load_sums(sums + m * CSI_PANEL + v * LANES) : (ivec){0} - BIAS * w->sum[row + m];
    }
    tile_dots(rows, vecs, fetch, w->w + row * w->pitch + g0 * CSI_INT8_GROUP, w->pitch, x, g1 - g0, acc);
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vecs; v++)
    {
        store_sums(sums + m * CSI_PANEL + v * LANES, acc[m][v]);
    }
}

#define TILE_CASES(rows)                                       \
    switch (vecs) {                                            \
    case 1:                                                    \
        tile(w, rows, 1, fetch, row, g0, g1, x, sums);         \
        break;                                                 \
    case 2:                                                    \
        tile(w, rows, 2, fetch, row, g0, g1, x, sums);         \
        break;                                                 \
    default:                                                   \
        tile(w, rows, TILE_VECS, fetch, row, g0, g1, x, sums); \
    }

static void tile_full(const csi_int8_weights *w, int vecs, bool fetch, int64_t row, int64_t g0, int64_t g1,
                      const int8_t *x, int32_t *sums)
{
    TILE_CASES(ROWS)
}

static void tile_one(const csi_int8_weights *w, int vecs, bool fetch, int64_t row, int64_t g0, int64_t g1,
                     const int8_t *x, int32_t *sums)
{
    TILE_CASES(1)
}

/* Sums of rows [row0, row1) of one panel over groups [g0, g1). */
static void piece_sums(const csi_int8_weights *w, int64_t row0, int64_t row1, int64_t g0, int64_t g1, const int8_t *x,
                       int64_t columns, bool fetch, int32_t *sums)
{
    for (int64_t row = row0; row < row1;) {
        bool full = row1 - row >= ROWS;
        for (int64_t c = 0; c < columns; c += TILE_COLUMNS) {
            int vecs = (int)CSI_MIN((columns - c + LANES - 1) / LANES, TILE_VECS);
            (full ? tile_full : tile_one)(w, vecs, fetch && c == 0, row, g0, g1, x + c * CSI_INT8_GROUP,
                                          sums + (row - row0) * CSI_PANEL + c);
        }
        row += full ? ROWS : 1;
    }
}

/* What becomes of the sums of rows [row0, row1) of one panel; rows of sums are `pitch` apart. */
static void finish(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel, int64_t columns, const int32_t *sums,
                   int64_t pitch)
{
    const float *x_scale = l->x8.scale + panel * CSI_PANEL;
    for (int64_t row = row0; row < row1; row++) {
        float *y = l->y + panel * l->y_panel + row * l->y_row;
        const float bias = l->bias ? l->bias[row] : 0.0f, w_scale = l->int8->scale[row];
        for (int64_t c = 0; c < columns; c += LANES) {
            vec s = __builtin_convertvector(load_sums(sums + (row - row0) * pitch + c), vec);
            s = s * (w_scale * load(x_scale + c)) + bias;
            switch (l->epilogue) {
            case CSI_STORE:
                break;
            case CSI_RELU:
                s = vmax(s, splat(0));
                break;
            case CSI_SILU:
                s = vsilu(s);
                break;
            case CSI_RESIDUAL:
                s = load(y + c) + l->scale * s;
                break;
            }
            store(y + c, s);
        }
    }
}

static void many_columns(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1)
{
    const csi_int8_weights *w = l->int8;
    const int64_t groups = w->pitch / CSI_INT8_GROUP, strips = (CSI_MIN(l->columns, CSI_PANEL) + 15) / 16;
    const int64_t most = PIECE_BYTES / (strips * 16 * CSI_INT8_GROUP), pieces = (groups + most - 1) / most;
    const int64_t piece = (groups + pieces - 1) / pieces;
    int32_t sums[ROW_BLOCK * CSI_PANEL] __attribute__((aligned(64)));
    for (int64_t row = row0; row < row1; row += ROW_BLOCK) {
        int64_t end = CSI_MIN(row + ROW_BLOCK, row1);
        for (int64_t p = panel0; p < panel1; p++) {
            int64_t columns = csi_panel_used(l->used, l->columns, p);
            for (int64_t g = 0; g < groups; g += piece)
                piece_sums(w, row, end, g, CSI_MIN(g + piece, groups),
                           l->x8.q + (p * groups + g) * CSI_PANEL * CSI_INT8_GROUP, columns, p == panel0, sums);
            finish(l, row, end, p, columns, sums, CSI_PANEL);
        }
    }
}

/* ---------------------------------------------------------------- few columns */

/* FEW_K elements of a column at a time, columns a cache line more apart; weights asked for FEW_AHEAD bytes ahead. */
enum { FEW_COLUMNS = 4, FEW_K = 4096, FEW_PITCH = FEW_K + 64, FEW_BLOCK = 128, FEW_AHEAD = 4096 };

typedef int32_t quad __attribute__((vector_size(16)));
typedef int32_t uquad __attribute__((vector_size(16), aligned(4), may_alias));

/* Lane i of quad c to the sum over a vector's lanes that are i modulo 4. */
INLINE quad fold(ivec v)
{
    quad parts[LANES / 4];
    memcpy(parts, &v, sizeof parts);
    UNROLL for (int i = 1; i < LANES / 4; i++) parts[0] += parts[i];
    return parts[0];
}

/* The sums of four vectors' lanes. */
INLINE quad sums_of_lanes(const ivec v[FEW_COLUMNS])
{
    quad a = fold(v[0]), b = fold(v[1]), c = fold(v[2]), d = fold(v[3]);
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
    return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

/* What whole steps leave of a row. */
static void few_rest(int64_t columns, const int8_t *w, const int8_t *x, int64_t x_pitch, int64_t n, int32_t *sums)
{
    for (int64_t c = 0; c < columns; c++)
        for (int64_t k = 0; k < n; k++)
            sums[c] += w[k] * (x[c * x_pitch + k] + BIAS);
}

/* sums[c] += a row of w times column c of x, n elements of each. Steps of FEW_STEPS vectors have sums of their own, so
 * that no product waits for the one before. */
INLINE void few_dots(const int columns, const int8_t *w, const int8_t *x, int64_t x_pitch, int64_t n, int32_t *sums)
{
    enum { STEP = 4 * LANES };
    ivec acc[FEW_STEPS][FEW_COLUMNS];
    UNROLL for (int i = 0; i < FEW_STEPS; i++) UNROLL for (int c = 0; c < FEW_COLUMNS; c++)
    {
        acc[i][c] = (ivec){0};
    }
    int64_t k = 0;
    for (; k + FEW_STEPS * STEP <= n; k += FEW_STEPS * STEP)
        UNROLL for (int i = 0; i < FEW_STEPS; i++)
        {
            __builtin_prefetch(w + k + i * STEP + FEW_AHEAD);
            w_form wv = form_w(load_bytes(w + k + i * STEP));
            UNROLL for (int c = 0; c < columns; c++)
            {
                acc[i][c] = dot(acc[i][c], form_x(load_bytes(x + c * x_pitch + k + i * STEP)), wv);
            }
        }
    for (; k + STEP <= n; k += STEP) {
        w_form wv = form_w(load_bytes(w + k));
        UNROLL for (int c = 0; c < columns; c++)
        {
            acc[0][c] = dot(acc[0][c], form_x(load_bytes(x + c * x_pitch + k)), wv);
        }
    }
    UNROLL for (int i = 1; i < FEW_STEPS; i++) UNROLL for (int c = 0; c < columns; c++)
    {
        acc[0][c] += acc[i][c];
    }
    *(uquad *)sums += sums_of_lanes(acc[0]);
    if (k < n)
        few_rest(columns, w + k, x + k, x_pitch, n - k, sums);
}

#define FEW_CASE(columns)                                                       \
    case columns:                                                               \
        for (int64_t row = row0; row < row1; row++, sums += FEW_COLUMNS)        \
            few_dots(columns, w->w + row * w->pitch + k0, x, x_pitch, n, sums); \
        break;

/* sums of rows [row0, row1), FEW_COLUMNS apart, over n elements from k0. */
static void few_rows(const csi_int8_weights *w, int64_t row0, int64_t row1, int64_t k0, int64_t n, const int8_t *x,
                     int64_t x_pitch, int64_t columns, int32_t *sums)
{
    switch (columns) {
        FEW_CASE(1)
        FEW_CASE(2)
        FEW_CASE(3)
        FEW_CASE(4)
    default:
        break;
    }
}

static void few_begin(const csi_int8_weights *w, int64_t row0, int64_t row1, int32_t *sums)
{
    for (int64_t row = row0; row < row1; row++)
        for (int c = 0; c < FEW_COLUMNS; c++)
            sums[(row - row0) * FEW_COLUMNS + c] = -BIAS * w->sum[row];
}

static void few_columns(const csi_linear *l, int64_t row0, int64_t row1)
{
    const csi_int8_weights *w = l->int8;
    int8_t x[FEW_COLUMNS * FEW_PITCH] __attribute__((aligned(64)));
    int32_t sums[FEW_BLOCK * FEW_COLUMNS], lanes[FEW_BLOCK * LANES];
    for (int64_t row = row0; row < row1; row += FEW_BLOCK) {
        int64_t end = CSI_MIN(row + FEW_BLOCK, row1);
        few_begin(w, row, end, sums);
        for (int64_t k0 = 0; k0 < w->pitch; k0 += FEW_K) {
            int64_t n = CSI_MIN(w->pitch - k0, FEW_K);
            for (int64_t c = 0; c < l->columns; c++)
                for (int64_t k = 0; k < n; k += CSI_INT8_GROUP)
                    memcpy(x + c * FEW_PITCH + k, l->x8.q + (k0 + k) * CSI_PANEL + c * CSI_INT8_GROUP, CSI_INT8_GROUP);
            few_rows(w, row, end, k0, n, x, FEW_PITCH, l->columns, sums);
        }
        memset(lanes, 0, sizeof lanes);
        for (int64_t r = 0; r < end - row; r++)
            memcpy(lanes + r * LANES, sums + r * FEW_COLUMNS, FEW_COLUMNS * sizeof *sums);
        finish(l, row, end, 0, l->columns, lanes, LANES);
    }
}

void SET(csi_linear_int8)(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1)
{
    if (l->columns <= FEW_COLUMNS)
        few_columns(l, row0, row1);
    else
        many_columns(l, row0, row1, panel0, panel1);
}

void SET(csi_matvec_int8)(const csi_int8_weights *w, int64_t row0, int64_t row1, const int8_t *x8, float x_scale,
                          const float *bias, float *y)
{
    int32_t sums[FEW_BLOCK * FEW_COLUMNS];
    for (int64_t row = row0; row < row1; row += FEW_BLOCK) {
        int64_t end = CSI_MIN(row + FEW_BLOCK, row1);
        few_begin(w, row, end, sums);
        few_rows(w, row, end, 0, w->pitch, x8, 0, 1, sums);
        for (int64_t r = row; r < end; r++)
            y[r] = (float)sums[(r - row) * FEW_COLUMNS] * (w->scale[r] * x_scale) + (bias ? bias[r] : 0.0f);
    }
}

#include "math/cpu/quantize8.h"
