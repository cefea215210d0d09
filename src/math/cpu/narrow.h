/* SPDX-License-Identifier: MIT
 *
 * The narrow products, written once over GCC's vector extension and compiled once per kind and instruction set. A set's
 * .c file defines
 *
 *     LANES             32-bit words and sums in a vector
 *     ROWS, TILE_VECS   the register tile where columns are many: ROWS x TILE_VECS sums; ROWS divides CSI_ROW_BLOCK
 *     FEW_SUMS          sums in registers where columns are few
 *     FEW_COLUMNS       how many that are
 *
 * includes lanes.h, says how words times words are added to 32-bit sums,
 *
 *     x_form, w_form    the two operands in the shape that the instruction wants, made by form_x(ivec) and form_w(ivec)
 *     dot(acc, x, w)    acc + the products of a word and a word, lane by lane
 *     DOT_BY_LANE       optional, of four lanes: dot_by_lane(acc, x, w, i) takes word i of w
 *
 * and includes the file of its kind, int8_set.h or bf16_set.h, which says what sums are, begins and ends them,
 *
 *     sum, sums                      int32_t or float, and a vector of them
 *     first(w, row)                  what sums of outputs row.. begin with, a vector by output
 *     value(s, w, row, x_scale)      sums of one output and LANES columns to floats
 *     value_down(s, w, row, x_scale) sums of LANES outputs and one column
 *     ALONE_SUMS                     optional, where sums may be taken in any order: so many of a single column at once
 *
 * and includes this file. Every sum runs over n_in in order, in both shapes of product, so that a column's result does
 * not depend on how many others there are:
 *
 * Many columns: as in f32, a vector holds a word of each of LANES columns and words of weights are broadcast. The tile
 * runs over a piece of n_in that lets the activations stay in the first-level cache; sums wait in memory between pieces.
 *
 * Up to FEW_COLUMNS: a vector holds a word of each of LANES outputs and the columns' words are broadcast. There is no
 * work on columns that are not there, and several row blocks are read at once, each from its first byte to its last. */
#include "math/cpu/epilogue.h"
#include "math/cpu/narrow_kernels.h"

enum {
    TILE_COLUMNS = TILE_VECS * LANES,
    SUM_ROWS = 4 * CSI_ROW_BLOCK, /* whose sums wait together */
    PIECE_BYTES = 24 * 1024
};

INLINE ivec splat_word(uint32_t word)
{
    return (ivec){0} + (int32_t)word;
}

INLINE sums load_sums(const sum *x)
{
    sums v;
    memcpy(&v, x, sizeof v);
    return v;
}

INLINE void store_sums(sum *x, sums v)
{
    memcpy(x, &v, sizeof v);
}

/* ---------------------------------------------------------------- many columns */

/* acc[m][v] += words [0, n) of ROWS outputs times those of vecs vectors of columns. fetch:
 * ask for the weights `ahead` words further, the next row block's, which hardware does not foresee. */
INLINE void tile_dots(const int vecs, const bool fetch, const uint32_t *w, int64_t ahead, const uint32_t *x, int64_t n,
                      sums acc[ROWS][TILE_VECS])
{
    for (int64_t g = 0; g < n; g++, w += CSI_ROW_BLOCK, x += CSI_PANEL) {
        if (fetch)
            __builtin_prefetch(w + ahead, 0, 2);
#ifdef DOT_BY_LANE
        ivec words[ROWS / LANES];
        UNROLL for (int m = 0; m < ROWS / LANES; m++) words[m] = load_words(w + m * LANES);
        UNROLL for (int v = 0; v < vecs; v++)
        {
            x_form xv = form_x(load_words(x + v * LANES));
            UNROLL for (int m = 0; m < ROWS; m++) acc[m][v] = dot_by_lane(acc[m][v], xv, words[m / LANES], m % LANES);
        }
#else
        x_form xv[TILE_VECS];
        UNROLL for (int v = 0; v < vecs; v++) xv[v] = form_x(load_words(x + v * LANES));
        UNROLL for (int m = 0; m < ROWS; m++)
        {
            w_form word = form_w(splat_word(w[m]));
            UNROLL for (int v = 0; v < vecs; v++) acc[m][v] = dot(acc[m][v], xv[v], word);
        }
#endif
    }
}

/* One tile, words [g0, g1) of outputs row.., its sums (rows of 48) begun at g0 = 0 and else continued. */
INLINE void tile(const csi_narrow *w, const int vecs, const bool fetch, int64_t row, int64_t g0, int64_t g1,
                 const uint32_t *x, sum *at)
{
    sums acc[ROWS][TILE_VECS];
    UNROLL for (int m = 0; m < ROWS; m++) UNROLL for (int v = 0; v < vecs; v++)
    {
        acc[m][v] = g0 ? load_sums(at + m * CSI_PANEL + v * LANES) : first_of(w, row + m);
    }
    const int64_t block = row / CSI_ROW_BLOCK, in_block = row % CSI_ROW_BLOCK;
    tile_dots(vecs, fetch, w->w + (block * w->words + g0) * CSI_ROW_BLOCK + in_block, w->words * CSI_ROW_BLOCK, x,
              g1 - g0, acc);
    UNROLL for (int m = 0; m < ROWS; m++) UNROLL for (int v = 0; v < vecs; v++)
    {
        store_sums(at + m * CSI_PANEL + v * LANES, acc[m][v]);
    }
}

#define TILE_CASES(fetch)                              \
    switch (vecs) {                                    \
    case 1:                                            \
        tile(w, 1, fetch, row, g0, g1, x, at);         \
        break;                                         \
    case 2:                                            \
        tile(w, 2, fetch, row, g0, g1, x, at);         \
        break;                                         \
    default:                                           \
        tile(w, TILE_VECS, fetch, row, g0, g1, x, at); \
    }

static void tile_only(const csi_narrow *w, int vecs, int64_t row, int64_t g0, int64_t g1, const uint32_t *x, sum *at)
{
    TILE_CASES(false)
}

static void tile_and_fetch(const csi_narrow *w, int vecs, int64_t row, int64_t g0, int64_t g1, const uint32_t *x,
                           sum *at)
{
    TILE_CASES(true)
}

/* Sums of rows [row0, row1), whole blocks, of one panel over words [g0, g1). */
static void piece_sums(const csi_narrow *w, int64_t row0, int64_t row1, int64_t g0, int64_t g1, const uint32_t *x,
                       int64_t columns, bool fetch, sum *at)
{
    for (int64_t row = row0; row < row1; row += ROWS) {
        const bool block_begins = row % CSI_ROW_BLOCK == 0;
        for (int64_t c = 0; c < columns; c += TILE_COLUMNS) {
            int vecs = (int)CSI_MIN((columns - c + LANES - 1) / LANES, TILE_VECS);
            (fetch && block_begins && c == 0 ? tile_and_fetch : tile_only)(w, vecs, row, g0, g1, x + c,
                                                                           at + (row - row0) * CSI_PANEL + c);
        }
    }
}

/* What becomes of the sums of rows [row0, row1) of one panel. */
static void finish(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel, int64_t columns, const sum *at)
{
    const float *x_scale = l->narrow_x.scale + panel * CSI_PANEL;
    for (int64_t row = row0; row < row1; row++) {
        float *y = l->y + panel * l->y_panel + row * l->y_row;
        const float bias = l->bias ? l->bias[row] : 0.0f;
        for (int64_t c = 0; c < columns; c += LANES) {
            vec s = value(load_sums(at + (row - row0) * CSI_PANEL + c), l->narrow, row, x_scale + c);
            finish_lanes(l, s + bias, y + c);
        }
    }
}

static int64_t whole_blocks(int64_t row)
{
    return csi_row_blocks(row) * CSI_ROW_BLOCK;
}

static void many_columns(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1)
{
    const csi_narrow *w = l->narrow;
    const int64_t words = w->words, strips = (CSI_MIN(l->columns, CSI_PANEL) + 15) / 16;
    const int64_t most = PIECE_BYTES / (strips * 16 * (int64_t)sizeof *w->w), pieces = (words + most - 1) / most;
    const int64_t piece = (words + pieces - 1) / pieces;
    sum at[SUM_ROWS * CSI_PANEL] __attribute__((aligned(64)));
    for (int64_t row = row0; row < row1; row += SUM_ROWS) {
        const int64_t end = CSI_MIN(row + SUM_ROWS, row1);
        for (int64_t p = panel0; p < panel1; p++) {
            const int64_t columns = CSI_MIN(l->columns - p * CSI_PANEL, CSI_PANEL);
            for (int64_t g = 0; g < words; g += piece)
                piece_sums(w, row, whole_blocks(end), g, CSI_MIN(g + piece, words),
                           l->narrow_x.w + (p * words + g) * CSI_PANEL, columns, p == panel0, at);
            finish(l, row, end, p, columns, at);
        }
    }
}

/* ---------------------------------------------------------------- few columns */

/* Columns go in passes of at most FEW_AT_ONCE, FEW_BLOCKS row blocks at a time, for that many sums which do not wait for
 * each other. Where there are several passes, each goes over a piece of the weights before the next piece is taken, so
 * that those stay in the first-level cache. Weights are asked for a piece ahead, a part in each pass, or FEW_AHEAD bytes. */
enum {
    ROW_VECS = CSI_ROW_BLOCK / LANES,
    FEW_AT_ONCE = CSI_MIN(FEW_SUMS / ROW_VECS, 14),
    LINE_BYTES = CSI_ROW_BLOCK * 4, /* a word of each output of a block */
    FEW_AHEAD = 64 * LINE_BYTES,
    ALONE_AHEAD = 192 * LINE_BYTES, /* of one stream */
    FEW_PIECE = 256                 /* lines of a piece */
};
#define FEW_BLOCKS(columns) (FEW_SUMS / ROW_VECS >= 4 * (columns) ? 4 : FEW_SUMS / ROW_VECS >= 2 * (columns) ? 2 : 1)
#ifdef ALONE_SUMS
#define BLOCKS_FOR(columns) ((columns) == 1 ? 1 : FEW_BLOCKS(columns))
#else
#define BLOCKS_FOR(columns) FEW_BLOCKS(columns)
#endif

/* What to ask for while a piece is computed: of each block, from its first byte at g0 + `ahead` on, `step` for every word. */
typedef struct fetch {
    int64_t ahead, step; /* bytes */
} fetch;

/* Sums of `blocks` row blocks from row on over words [g0, g1) and columns x.., whose words are x_pitch apart: at[c][row],
 * begun at g0 = 0 and else continued. */
INLINE void few_tile(const int columns, const int blocks, const csi_narrow *w, int64_t row, int64_t g0, int64_t g1,
                     const uint32_t *x, int64_t x_pitch, fetch f, sum (*at)[SUM_ROWS])
{
    const int64_t words = w->words;
    const uint32_t *in[4];
    sums acc[FEW_AT_ONCE][4][ROW_VECS];
    UNROLL for (int b = 0; b < blocks; b++)
    {
        in[b] = w->w + (row + b * CSI_ROW_BLOCK) * words + g0 * CSI_ROW_BLOCK;
        UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < ROW_VECS; v++)
        {
            acc[c][b][v] =
                g0 ? load_sums(&at[c][b * CSI_ROW_BLOCK + v * LANES]) : first(w, row + b * CSI_ROW_BLOCK + v * LANES);
        }
    }
    x += g0 * x_pitch;
    for (int64_t g = 0; g < g1 - g0; g++, x += x_pitch, f.ahead += f.step) {
        w_form wv[4][ROW_VECS];
        UNROLL for (int b = 0; b < blocks; b++)
        {
            __builtin_prefetch((const char *)in[b] + f.ahead);
            UNROLL for (int v = 0; v < ROW_VECS; v++)
            {
                wv[b][v] = form_w(load_words(in[b] + g * CSI_ROW_BLOCK + v * LANES));
            }
        }
        UNROLL for (int c = 0; c < columns; c++)
        {
            x_form xv = form_x(splat_word(x[c]));
            UNROLL for (int b = 0; b < blocks; b++) UNROLL for (int v = 0; v < ROW_VECS; v++)
            {
                acc[c][b][v] = dot(acc[c][b][v], xv, wv[b][v]);
            }
        }
    }
    UNROLL for (int c = 0; c < columns; c++) UNROLL for (int b = 0; b < blocks; b++)
        UNROLL for (int v = 0; v < ROW_VECS; v++)
    {
        store_sums(&at[c][b * CSI_ROW_BLOCK + v * LANES], acc[c][b][v]);
    }
}

#ifdef ALONE_SUMS
/* One row block and one column, in sums that do not wait for each other. One stream of weights is what hardware foresees best: from
 * memory it comes half as fast again as four side by side. */
INLINE void alone_tile(const csi_narrow *w, int64_t row, int64_t g0, int64_t g1, const uint32_t *x, int64_t x_pitch,
                       sum *at)
{
    const uint32_t *in = w->w + row * w->words + g0 * CSI_ROW_BLOCK;
    sums acc[ALONE_SUMS][ROW_VECS];
    UNROLL for (int i = 0; i < ALONE_SUMS; i++) UNROLL for (int v = 0; v < ROW_VECS; v++)
    {
        acc[i][v] = i ? (sums){0} : g0 ? load_sums(at + v * LANES) : first(w, row + v * LANES);
    }
    x += g0 * x_pitch;
    for (int64_t g = g0; g < g1; g += ALONE_SUMS)
        UNROLL for (int i = 0; i < ALONE_SUMS; i++) if (g + i < g1)
        {
            __builtin_prefetch((const char *)in + ALONE_AHEAD);
            UNROLL for (int v = 0; v < ROW_VECS; v++)
            {
                acc[i][v] = dot(acc[i][v], form_x(splat_word(*x)), form_w(load_words(in + v * LANES)));
            }
            in += CSI_ROW_BLOCK;
            x += x_pitch;
        }
    UNROLL for (int v = 0; v < ROW_VECS; v++)
    {
        UNROLL for (int i = 1; i < ALONE_SUMS; i++) acc[0][v] += acc[i][v];
        store_sums(at + v * LANES, acc[0][v]);
    }
}
#endif

#define FEW_CASE(n)                                                                                                    \
    case n:                                                                                                            \
        if (blocks == 1)                                                                                               \
            few_tile(CSI_MIN(n, FEW_AT_ONCE), 1, w, row, g0, g1, x, x_pitch, f, at);                                   \
        else                                                                                                           \
            few_tile(CSI_MIN(n, FEW_AT_ONCE), FEW_BLOCKS(CSI_MIN(n, FEW_AT_ONCE)), w, row, g0, g1, x, x_pitch, f, at); \
        break;

/* columns: 1..FEW_AT_ONCE; blocks: 1 or BLOCKS_FOR(columns). */
static void few_sums(int columns, int blocks, const csi_narrow *w, int64_t row, int64_t g0, int64_t g1,
                     const uint32_t *x, int64_t x_pitch, fetch f, sum (*at)[SUM_ROWS])
{
#ifdef ALONE_SUMS
    if (columns == 1) {
        alone_tile(w, row, g0, g1, x, x_pitch, at[0]);
        return;
    }
#endif
    switch (columns) {
        FEW_CASE(1)
        FEW_CASE(2)
        FEW_CASE(3)
        FEW_CASE(4)
        FEW_CASE(5)
        FEW_CASE(6)
        FEW_CASE(7)
        FEW_CASE(8)
        FEW_CASE(9)
        FEW_CASE(10)
        FEW_CASE(11)
        FEW_CASE(12)
        FEW_CASE(13)
        FEW_CASE(14)
    default:
        break;
    }
}

typedef float quad __attribute__((vector_size(16)));
typedef float uquad __attribute__((vector_size(16), aligned(4), may_alias));

INLINE quad load_quad(const void *x)
{
    return *(const uquad *)x;
}

/* Sums of one column and `rows` outputs from row on become floats, in place: all of what finish() does but for CSI_RESIDUAL's
 * addition. bias: of these rows. */
INLINE void finish_down(const csi_linear *l, int64_t row, int rows, const float *bias, const float *x_scale, sum *at)
{
    for (int r = 0; r < rows; r += LANES) {
        vec s = value_down(load_sums(at + r), l->narrow, row + r, x_scale) + load(bias + r);
        s = activated(l->epilogue, s);
        memcpy(at + r, &s, sizeof s);
    }
}

/* Where in few_passes()'s result a column is. */
static int slot(int column, int columns, int n, int passes)
{
    return column < n * (passes - 1) ? column : column + n * passes - columns;
}

/* Columns c.. of 4, as they come from finish_down(), and 4 outputs from row on to y. */
INLINE void turn(const csi_linear *l, const sum *const in[4], int64_t row, int64_t end, int c)
{
    quad q0 = load_quad(in[0]), q1 = load_quad(in[1]), q2 = load_quad(in[2]), q3 = load_quad(in[3]);
    quad a = __builtin_shufflevector(q0, q1, 0, 4, 1, 5), b = __builtin_shufflevector(q0, q1, 2, 6, 3, 7);
    quad d = __builtin_shufflevector(q2, q3, 0, 4, 1, 5), e = __builtin_shufflevector(q2, q3, 2, 6, 3, 7);
    const quad out[4] = {__builtin_shufflevector(a, d, 0, 1, 4, 5), __builtin_shufflevector(a, d, 2, 3, 6, 7),
                         __builtin_shufflevector(b, e, 0, 1, 4, 5), __builtin_shufflevector(b, e, 2, 3, 6, 7)};
    float *y = l->y + row * l->y_row + c;
    for (int i = 0; i < 4 && row + i < end; i++, y += l->y_row) {
        quad q = out[i];
        if (l->epilogue == CSI_RESIDUAL)
            q = load_quad(y) + l->scale * q;
        *(uquad *)y = q;
    }
}

/* The same for all columns (past the last, up to a whole quad, come zeros) and all outputs [row, end). */
static void finish_few(const csi_linear *l, int64_t row, int64_t end, int n, int passes, sum (*at)[SUM_ROWS])
{
    static const sum zeros[SUM_ROWS] __attribute__((aligned(16)));
    const int columns = (int)l->columns, rows = (int)(end - row);
    float bias[SUM_ROWS + LANES] = {0};
    if (l->bias)
        memcpy(bias, l->bias + row, (size_t)rows * sizeof *bias);
    for (int c = 0; c < columns; c++)
        finish_down(l, row, rows, bias, l->narrow_x.scale + c, at[slot(c, columns, n, passes)]);
    for (int c = 0; c < columns; c += 4) {
        const sum *in[4];
        for (int i = 0; i < 4; i++)
            in[i] = c + i < columns ? at[slot(c + i, columns, n, passes)] : zeros;
        for (int r = 0; r < rows; r += 4) {
            const sum *const at_r[4] = {in[0] + r, in[1] + r, in[2] + r, in[3] + r};
            turn(l, at_r, row + r, end, c);
        }
    }
}

/* Sums of all columns and `blocks` row blocks from row on, in passes of n columns: at[pass * n + c]. The blocks after these
 * end at row1. */
static void few_passes(const csi_linear *l, int n, int passes, int blocks, int64_t row, int64_t row1,
                       sum (*at)[SUM_ROWS])
{
    const csi_narrow *w = l->narrow;
    const int64_t words = w->words, most = passes > 1 ? FEW_PIECE / blocks : words;
    const int64_t pieces = (words + most - 1) / most, piece = (words + pieces - 1) / pieces;
    const int64_t next = (blocks - 1) * words * LINE_BYTES; /* from the end of a block to its next one */
    for (int64_t g0 = 0; g0 < words; g0 += piece) {
        const int64_t g1 = CSI_MIN(g0 + piece, words);
        const bool last = g1 == words, more = !last || row + blocks * CSI_ROW_BLOCK < row1;
        for (int pass = 0; pass < passes; pass++) {
            const int c = CSI_MIN(pass * n, (int)l->columns - n);
            fetch f = {FEW_AHEAD, LINE_BYTES};
            if (passes > 1 && more) {
                f.step = (LINE_BYTES + passes - 1) / passes;
                f.ahead = (g1 - g0) * (LINE_BYTES + pass * f.step) + (last ? next : 0);
            } else if (passes > 1) {
                f = (fetch){0, 0};
            }
            few_sums(n, blocks, w, row, g0, g1, l->narrow_x.w + c, CSI_PANEL, f, at + pass * n);
        }
    }
}

/* Columns in passes of equal size, the last of which may do some again. */
static void few_columns(const csi_linear *l, int64_t row0, int64_t row1)
{
    const int columns = (int)l->columns, passes = (columns + FEW_AT_ONCE - 1) / FEW_AT_ONCE;
    const int n = (columns + passes - 1) / passes, most = BLOCKS_FOR(n);
    sum at[FEW_COLUMNS + FEW_AT_ONCE][SUM_ROWS] __attribute__((aligned(64)));
    for (int64_t row = row0; row < row1;) {
        const int blocks = row1 - row >= most * CSI_ROW_BLOCK ? most : 1;
        few_passes(l, n, passes, blocks, row, row1, at);
        const int64_t end = CSI_MIN(row + blocks * CSI_ROW_BLOCK, row1);
        finish_few(l, row, end, n, passes, at);
        row = end;
    }
}

static void linear(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1)
{
    if (l->columns <= FEW_COLUMNS)
        few_columns(l, row0, row1);
    else
        many_columns(l, row0, row1, panel0, panel1);
}

static void matvec(const csi_narrow *w, int64_t row0, int64_t row1, const uint32_t *x, float x_scale, const float *bias,
                   float *y)
{
    sum at[FEW_AT_ONCE][SUM_ROWS] __attribute__((aligned(64)));
    for (int64_t row = row0; row < row1;) {
        const int blocks = row1 - row >= BLOCKS_FOR(1) * CSI_ROW_BLOCK ? BLOCKS_FOR(1) : 1;
        const int64_t end = CSI_MIN(row + blocks * CSI_ROW_BLOCK, row1);
        few_sums(1, blocks, w, row, 0, w->words, x, 1, (fetch){FEW_AHEAD, LINE_BYTES}, at);
        for (int64_t r = row; r < end; r += LANES) {
            vec v = value_down(load_sums(&at[0][r - row]), w, r, &x_scale);
            for (int64_t i = 0; i < CSI_MIN(LANES, end - r); i++)
                y[r + i] = v[i] + (bias ? bias[r + i] : 0.0f);
        }
        row = end;
    }
}

#define NARROW_OPS_FIELDS(set) .name = #set, .linear = linear, .matvec = matvec, .convert = convert
#define NARROW_OPS(set)        \
    {                          \
        NARROW_OPS_FIELDS(set) \
    }
