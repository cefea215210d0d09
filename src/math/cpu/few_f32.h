/* SPDX-License-Identifier: MIT
 * f32 products with few columns, included by vector.h: reading the weights is all that counts. LANES rows x LANES weights
 * of each are loaded as they lie and transposed in registers, so that a vector holds one weight of each of LANES rows and
 * meets one broadcast number of each column. Sums run over n_in in the order and the pieces of linear_tile(): the bits are
 * those of a product with many columns. */
#include "math/cpu/transpose.h"

#if LANES == 16
enum { FEW_COLUMNS = 12 };
#else
enum { FEW_COLUMNS = 4 };
#endif

/* Weights are asked for so many numbers ahead in their row, or at the start of that of the next rows. */
enum { FEW_AHEAD = 128 };

/* Numbers of a single column that are brought together: in its panel each is a cache line, as much to read for every LANES rows
 * as their weights. */
enum { ALONE_NUMBERS = 8192 };

/* total[c] = or += rows [row, row + LANES) times column c over k in [k0, k1), at least LANES of them; number k of a column
 * is at x[k * pitch + c]. */
INLINE void few_piece(const int columns, const csi_linear *l, const float *x, const int64_t pitch, int64_t row,
                      int64_t k0, int64_t k1, vec total[FEW_COLUMNS])
{
    const int64_t n_in = l->n_in;
    const float *w = l->w + row * n_in;
    const bool more = row + 2 * LANES <= l->n_out;
    vec acc[FEW_COLUMNS];
    UNROLL for (int c = 0; c < columns; c++) acc[c] = splat(0);
    for (int64_t k = k0; k < k1; k += LANES) {
        const int64_t at = CSI_MIN(k, k1 - LANES); /* the last step begins early and leaves out what was done */
        vec v[LANES];
        const int64_t ahead = k + FEW_AHEAD < n_in ? k + FEW_AHEAD : more ? k + FEW_AHEAD + (LANES - 1) * n_in : k;
        UNROLL for (int i = 0; i < LANES; i++)
        {
            v[i] = load(w + i * n_in + at);
            __builtin_prefetch(w + i * n_in + ahead);
        }
        transpose(v);
        const float *from = x + at * pitch;
        if (at == k) {
            UNROLL for (int j = 0; j < LANES; j++) UNROLL for (int c = 0; c < columns; c++)
            {
                acc[c] += v[j] * splat(from[j * pitch + c]);
            }
        } else {
            UNROLL for (int j = 1; j < LANES; j++) if (at + j >= k) UNROLL for (int c = 0; c < columns; c++) acc[c] +=
                v[j] * splat(from[j * pitch + c]);
        }
    }
    UNROLL for (int c = 0; c < columns; c++) total[c] = k0 ? acc[c] + total[c] : acc[c];
}

INLINE void few_rows(const int columns, const csi_linear *l, const float *x, const int64_t pitch, int64_t row,
                     int64_t piece)
{
    vec total[FEW_COLUMNS] = {{0}};
    float by_row[LANES][16] = {{0}}; /* 16: lanes past the last column too */
    for (int64_t k0 = 0; k0 < l->n_in; k0 += piece)
        few_piece(columns, l, x, pitch, row, k0, CSI_MIN(k0 + piece, l->n_in), total);
    UNROLL for (int c = 0; c < columns; c++) for (int i = 0; i < LANES; i++) by_row[i][c] = total[c][i];
    for (int i = 0; i < LANES; i++)
        for (int c = 0; c < columns; c += LANES)
            finish(l, row + i, load(by_row[i] + c), l->y + (row + i) * l->y_row + c);
}

#define FEW_CASE(n)                                                            \
    case n:                                                                    \
        for (; row + LANES <= row1; row += LANES)                              \
            few_rows(CSI_MIN(n, FEW_COLUMNS), l, l->x, CSI_PANEL, row, piece); \
        break;

static int64_t one_column(const csi_linear *l, int64_t row, int64_t row1, int64_t piece)
{
    float x[ALONE_NUMBERS];
    for (int64_t k = 0; k < l->n_in; k++)
        x[k] = l->x[k * CSI_PANEL];
    for (; row + LANES <= row1; row += LANES)
        few_rows(1, l, x, 1, row, piece);
    return row;
}

/* Whole vectors of rows from row0 on, when this way is for the layer. Returns the first row that is left. */
static int64_t few_columns(const csi_linear *l, int64_t row0, int64_t row1, int64_t piece)
{
    const int64_t last = l->n_in - (l->n_in - 1) / piece * piece;
    int64_t row = row0;
    if (last < LANES)
        return row;
    if (l->columns == 1 && l->n_in <= ALONE_NUMBERS)
        return one_column(l, row, row1, piece);
    switch (l->columns) {
        FEW_CASE(1)
        FEW_CASE(2)
        FEW_CASE(3)
        FEW_CASE(4)
#if LANES == 16
        FEW_CASE(5)
        FEW_CASE(6)
        FEW_CASE(7)
        FEW_CASE(8)
        FEW_CASE(9)
        FEW_CASE(10)
        FEW_CASE(11)
        FEW_CASE(12)
#endif
    default:
        break;
    }
    return row;
}
