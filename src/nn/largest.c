/* SPDX-License-Identifier: MIT
 * The largest of many products w x + b, or the k largest, exactly, while reading most of w in int8 alone.
 *
 * With w = w8 + dw and x = x8 + dx, where w8 and x8 are what the bytes stand for,
 *
 *     |w x - w8 x8| = |dw x + w8 dx| <= |dw| |x| + |w8| |dx|
 *
 * and |dw|, |w8| are known per row since the model was opened, |x|, |dx| per vector. So the product in int8, which is cheap,
 * bounds the one in f32 from both sides. A row whose upper bound is below another's lower bound cannot win; the few rows that
 * remain are computed in f32, by the code and in the groups of rows of a whole product, and the largest among them is the
 * whole product's, to the bit and with the same ties. A row that was not computed holds its int8 product, which is below
 * the largest.
 *
 * The bounds hold for what is computed, not only for real numbers: a sum of n products in f32, in any order, fused or
 * not, is off by less than n 2^-24 / (1 - n 2^-24) sum |w x| <= n 2^-23 |w| |x|; the rest (the int8 product's own rounding, the
 * bounds') is a few 2^-24, and numbers too small for full precision are covered by TINY. Where the sums might
 * overflow, or x is not finite, or too many rows remain, the whole product is computed. */
#include "nn/nn.h"

#include <float.h>
#include <math.h>

/* GROUP: rows that ops->matvec() takes together. BLOCK: rows that share bounds. SHARED_BYTES: weights that are worth waking
 * a worker for, as in csi_matvec_run(). */
enum {
    GROUP = 4,
    BLOCK = 64,
    PACK_ROWS = 256,
    MOST_GROUPS = 256,
    LANES = 16,
    SHARED_BYTES = 512 * 1024,
    MOST_IN = 8192,
    MOST_BEST = 64
};

/* Larger than what underflow can do to a sum of 8192 products: 8192 * 127^2 * 2^-149. */
static const float TINY = 1e-35f, HUGE_SUM = 1e37f;

/* ------------------------------------------------------------------- packing */

/* Rows of each part of the block: whole blocks of csi_narrow. */
static size_t padded(int64_t rows)
{
    return (size_t)csi_row_blocks(rows) * CSI_ROW_BLOCK;
}

size_t csi_screen_bytes(int64_t rows, int64_t n_in)
{
    return padded(rows) * ((size_t)csi_narrow_words(CSI_KIND_INT8, n_in) + 4) * sizeof(float);
}

/* |x - x8| and |x8|, rounded up; x8 = scale * (the bytes of words). */
static void norms(const float *x, const uint32_t *words, float scale, int64_t n, float *error, float *norm)
{
    int8_t q[MOST_IN];
    for (int64_t i = 0; i < n; i++)
        q[i] = (int8_t)(words[i / 4] >> i % 4 * 8 & 255);
    double e[LANES] = {0}, s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int64_t k = 0; k < LANES; k++) {
            double rough = (double)scale * q[i + k], miss = (double)x[i + k] - rough;
            e[k] += miss * miss;
            s[k] += rough * rough;
        }
    for (; i < n; i++) {
        double rough = (double)scale * q[i], miss = (double)x[i] - rough;
        e[0] += miss * miss;
        s[0] += rough * rough;
    }
    for (int k = 1; k < LANES; k++) {
        e[0] += e[k];
        s[0] += s[k];
    }
    *error = (float)(sqrt(e[0]) * (1 + 1e-6)) + FLT_MIN;
    *norm = (float)(sqrt(s[0]) * (1 + 1e-6)) + FLT_MIN;
}

typedef struct pack_job {
    const float *w;
    const csi_narrow *int8;
    float *error, *norm;
} pack_job;

static void pack_slice(void *context, int slice, int worker)
{
    const pack_job *job = context;
    const csi_narrow *w = job->int8;
    (void)worker;
    int64_t row = (int64_t)slice * PACK_ROWS, end = CSI_MIN(row + PACK_ROWS, w->n_out);
    csi_narrow_pack(w, job->w, row, end);
    for (; row < end; row++) {
        uint32_t words[MOST_IN / 4];
        const uint32_t *from = w->w + row / CSI_ROW_BLOCK * w->words * CSI_ROW_BLOCK + row % CSI_ROW_BLOCK;
        for (int64_t g = 0; g < w->words; g++)
            words[g] = from[g * CSI_ROW_BLOCK];
        norms(job->w + row * w->n_in, words, w->scale[row], w->n_in, job->error + row, job->norm + row);
    }
}

void csi_screen_make(csi_pool *pool, const float *w, const float *bias, int64_t rows, int64_t n_in, void *memory,
                     csi_screen *screen)
{
    const size_t part = padded(rows), words = (size_t)csi_narrow_words(CSI_KIND_INT8, n_in);
    float *at = (float *)memory + part * words;
    *screen = (csi_screen){.int8 = {.kind = CSI_KIND_INT8,
                                    .w = memory,
                                    .scale = at,
                                    .sum = (int32_t *)(void *)(at + part),
                                    .n_out = rows,
                                    .n_in = n_in,
                                    .words = (int64_t)words},
                           .error = at + 2 * part,
                           .norm = at + 3 * part};
    pack_job job = {w, &screen->int8, at + 2 * part, at + 3 * part};
    csi_pool_run(pool, 0, (int)((rows + PACK_ROWS - 1) / PACK_ROWS), pack_slice, &job);
    for (int64_t r = 0; r < rows; r++) {
        screen->most_norm = CSI_MAX(screen->most_norm, job.error[r] + job.norm[r]);
        screen->most_bias = CSI_MAX(screen->most_bias, fabsf(bias[r]));
    }
}

/* ------------------------------------------------------------------- running */

typedef struct bounds {
    float least, most; /* the largest lower bound of a block's rows, and the largest upper one */
} bounds;

typedef struct screen_job {
    const csi_run *run;
    const csi_screen *screen;
    const csi_matvec *product;
    const uint32_t *x8;
    float x_scale;
    float by_error, by_norm, by_bias; /* how far a row's products lie apart: error * by_error + ... */
    int64_t chunk;                    /* blocks of a slice */
    bounds *blocks;
    int32_t groups[MOST_GROUPS]; /* first rows of what may win */
} screen_job;

static inline float width_of(const screen_job *job, int64_t row)
{
    const csi_screen *s = job->screen;
    return s->error[row] * job->by_error
           + (s->norm[row] * job->by_norm + (fabsf(job->product->bias[row]) * job->by_bias + TINY));
}

static bounds bounds_of(const screen_job *job, int64_t row0, int64_t row1)
{
    const float *y = job->product->y;
    float least[LANES], most[LANES];
    for (int i = 0; i < LANES; i++)
        least[i] = most[i] = -INFINITY;
    int64_t row = row0;
    for (; row + LANES <= row1; row += LANES)
        for (int64_t i = 0; i < LANES; i++) {
            float width = width_of(job, row + i), low = y[row + i] - width, high = y[row + i] + width;
            least[i] = low > least[i] ? low : least[i];
            most[i] = high > most[i] ? high : most[i];
        }
    for (; row < row1; row++) {
        float width = width_of(job, row);
        least[0] = CSI_MAX(least[0], y[row] - width);
        most[0] = CSI_MAX(most[0], y[row] + width);
    }
    for (int i = 1; i < LANES; i++) {
        least[0] = CSI_MAX(least[0], least[i]);
        most[0] = CSI_MAX(most[0], most[i]);
    }
    return (bounds){least[0], most[0]};
}

static void screen_slice(void *context, int slice, int worker)
{
    const screen_job *job = context;
    const csi_narrow *w = &job->screen->int8;
    (void)worker;
    int64_t block = slice * job->chunk, row_end = CSI_MIN((block + job->chunk) * BLOCK, w->n_out);
    for (int64_t row = block * BLOCK; row < row_end; row += BLOCK, block++) {
        int64_t end = CSI_MIN(row + BLOCK, row_end);
        job->run->ops->narrow[CSI_KIND_INT8]->matvec(w, row, end, job->x8, job->x_scale, job->product->bias,
                                                     job->product->y);
        job->blocks[block] = bounds_of(job, row, end);
    }
}

static void exact_slice(void *context, int slice, int worker)
{
    const screen_job *job = context;
    const csi_matvec *p = job->product;
    (void)worker;
    int64_t row = job->groups[slice];
    job->run->ops->matvec(p->w, p->n_in, row, CSI_MIN(row + GROUP, p->n_out), p->x, p->bias, p->y);
}

/* What the `most`-th largest product is not below: as many blocks have a row each whose lower bound is not. */
static float least_of_best(const screen_job *job, int most)
{
    const int64_t blocks = (job->screen->int8.n_out + BLOCK - 1) / BLOCK;
    float best[MOST_BEST];
    if (most < 1 || most > CSI_MIN(blocks, MOST_BEST))
        return -INFINITY;
    for (int i = 0; i < most; i++)
        best[i] = -INFINITY;
    for (int64_t b = 0; b < blocks; b++) {
        float least = job->blocks[b].least;
        for (int i = 0; i < most; i++)
            if (least > best[i]) {
                float smaller = best[i];
                best[i] = least;
                least = smaller;
            }
    }
    return best[most - 1];
}

/* Groups with a row that may be wanted, and those past the rows that compete; -1: too many. */
static int find_groups(screen_job *job, int most, float margin)
{
    const int64_t rows = job->screen->int8.n_out, n_out = job->product->n_out;
    const int64_t limit = CSI_MIN(MOST_GROUPS, n_out / (8 * GROUP) + 1);
    const float best = least_of_best(job, most) - margin;
    int n = 0;
    for (int64_t row = 0; row < n_out; row += GROUP) {
        if (row % BLOCK == 0 && row + BLOCK <= rows && job->blocks[row / BLOCK].most < best) {
            row += BLOCK - GROUP;
            continue;
        }
        bool wanted = row + GROUP > rows;
        for (int64_t r = row; r < row + GROUP && !wanted; r++)
            wanted = job->product->y[r] + width_of(job, r) >= best;
        if (wanted && n == limit)
            return -1;
        if (wanted)
            job->groups[n++] = (int32_t)row;
    }
    return n;
}

size_t csi_screen_floats(int64_t rows, int64_t n_in)
{
    size_t blocks = (size_t)((rows + BLOCK - 1) / BLOCK) * 2, words = (size_t)csi_narrow_words(CSI_KIND_INT8, n_in);
    return (blocks + 15) / 16 * 16 + (words + 15) / 16 * 16;
}

int64_t csi_screen_run(const csi_run *run, const csi_screen *screen, const csi_matvec *product, int most, float margin,
                       float *work)
{
    const int64_t rows = screen->int8.n_out, n = product->n_in, blocks = (rows + BLOCK - 1) / BLOCK;
    screen_job job = {.run = run, .screen = screen, .product = product, .blocks = (bounds *)(void *)work};
    uint32_t *x8 = (uint32_t *)(void *)(work + ((size_t)blocks * 2 + 15) / 16 * 16);
    job.x8 = x8;
    job.x_scale = csi_narrow_vector(CSI_KIND_INT8, product->x, n, x8);
    float error, norm;
    norms(product->x, x8, job.x_scale, n, &error, &norm);
    const float part = ((float)n + 64) * 0x1p-23f, whole = error + norm;
    if (isfinite(job.x_scale) && screen->most_norm * whole + screen->most_bias < HUGE_SUM) {
        job.by_error = whole * (1 + part);
        job.by_norm = error * (1 + part) + whole * part;
        job.by_bias = part;
        int threads = rows * n > SHARED_BYTES ? run->max_threads : 1;
        job.chunk = threads > 1 ? (blocks + 4 * threads - 1) / (4 * threads) : blocks;
        csi_pool_run(run->pool, threads, (int)((blocks + job.chunk - 1) / job.chunk), screen_slice, &job);
        int groups = find_groups(&job, most, margin);
        if (groups >= 0) {
            bool shared = groups * GROUP * n * (int64_t)sizeof(float) > SHARED_BYTES;
            csi_pool_run(run->pool, shared ? run->max_threads : 1, groups, exact_slice, &job);
            return groups;
        }
    }
    csi_matvec_run(run, product, 1);
    return -1;
}
