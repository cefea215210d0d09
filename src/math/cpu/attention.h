/* SPDX-License-Identifier: MIT
 *
 * Self attention, written once and included for f32 by vector.h and for bf16 by the sets that have it. The including file
 * defines LANES and ROWS as there, TILE_VECS = 3, TILE_COLUMNS = 3 * LANES, and
 *
 *     att_word, ATT_PER_WORD   what is multiplied: one float, or two bf16
 *     att_vec                  LANES of them; att_load(at), att_splat(word)
 *     att_add(acc, a, b)       acc + the products of a word and a word, lane by lane
 *     att_store(at, x)         ATT_PER_WORD vectors of floats, to LANES words
 *     ATT_K(a) ...             keys, values and positions of a csi_attention as words: k and p panels whose word g is
 *                              channels g * ATT_PER_WORD.., v panels whose rows of words are 48 / ATT_PER_WORD long
 *
 * Queries are lanes, from their panel to that of the results, so that maximum, sum, exponential and mask of a query are
 * lanes of vectors and nothing is ever turned round but the position scores: those of query i and key j lie at column
 * 47 - i + j of a row by query, each row shifted by one against the next.
 *
 * Keys come a panel at a time, with the softmax against the largest score so far. What was summed before is corrected
 * only when a larger one comes. */
#include "math/cpu/transpose.h"

#include <math.h>

/* c (rows, c_pitch) = or += a x b, sums over n_k words; a(m, k) = a[m * a_row + k * a_step], b (n_k, 48). */
INLINE void att_tile(const int rows, const int vecs, const int a_row, const int a_step, const bool add,
                     const att_word *a, const att_word *b, int64_t n_k, float *c, const int c_pitch)
{
    vec acc[ROWS][TILE_VECS];
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vecs; v++)
    {
        acc[m][v] = add ? load(c + m * c_pitch + v * LANES) : splat(0);
    }
    for (int64_t k = 0; k < n_k; k++, a += a_step, b += CSI_PANEL) {
        att_vec bv[TILE_VECS];
        UNROLL for (int v = 0; v < vecs; v++) bv[v] = att_load(b + v * LANES);
        UNROLL for (int m = 0; m < rows; m++)
        {
            att_vec av = att_splat(a[m * a_row]);
            UNROLL for (int v = 0; v < vecs; v++) acc[m][v] = att_add(acc[m][v], av, bv[v]);
        }
    }
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vecs; v++)
    {
        store(c + m * c_pitch + v * LANES, acc[m][v]);
    }
}

/* The same for any number of rows and all vectors that hold some of the columns. */
INLINE void att_product(const int a_row, const int a_step, const bool add, const att_word *a, int64_t rows,
                        const att_word *b, int64_t columns, int64_t n_k, float *c, const int c_pitch)
{
    for (int64_t m = 0; m < rows;) {
        const bool full = rows - m >= ROWS;
        for (int64_t t = 0; t < columns; t += TILE_COLUMNS) {
            const att_word *am = a + m * a_row, *bt = b + t;
            float *at = c + m * c_pitch + t;
            const int64_t vecs = (columns - t + LANES - 1) / LANES;
            if (full && vecs >= 3)
                att_tile(ROWS, 3, a_row, a_step, add, am, bt, n_k, at, c_pitch);
            else if (full && vecs == 2)
                att_tile(ROWS, 2, a_row, a_step, add, am, bt, n_k, at, c_pitch);
            else if (full)
                att_tile(ROWS, 1, a_row, a_step, add, am, bt, n_k, at, c_pitch);
            else
                for (int64_t v = 0; v < CSI_MIN(vecs, 3); v++)
                    att_tile(1, 1, a_row, a_step, add, am, bt + v * LANES, n_k, at + v * LANES, c_pitch);
        }
        m += full ? ROWS : 1;
    }
}

/* scores (keys, queries) of keys k and queries q, both panels. */
static void att_scores(const att_word *k, int64_t keys, const att_word *q, int64_t queries, int64_t words,
                       float *scores)
{
    att_product(1, CSI_PANEL, false, k, (keys + ROWS - 1) / ROWS * ROWS, q, queries, words, scores, CSI_PANEL);
}

/* One half of positions (queries, 2 x 48). */
static void att_positions(const att_word *q, int64_t queries, const att_word *p, int64_t words, float *positions)
{
    att_product(1, CSI_PANEL, false, q, (queries + ROWS - 1) / ROWS * ROWS, p, CSI_PANEL, words, positions,
                2 * CSI_PANEL);
}

/* out (channels, queries) += v (channels, keys) x weights (keys, queries). */
static void att_values(const att_word *v, int64_t channels, const att_word *weights, int64_t queries, int64_t words,
                       float *out)
{
    att_product(CSI_PANEL / ATT_PER_WORD, 1, true, v, channels, weights, queries, words, out, CSI_PANEL);
}

/* Key panel's scores of LANES queries to weights, in place. The queries' keys are [first, end) counted from the panel's
 * own; when `masked` is not set, all of them. out: rows of the queries so far, corrected when the maximum grows. */
INLINE void att_softmax(const bool masked, float *scores, const float *positions, int64_t n_keys, ivec first, ivec end,
                        vec *running_max, vec *running_sum, float *out, int64_t channels)
{
    vec best = *running_max;
    for (int64_t j = 0; j < n_keys; j += LANES) {
        vec p[LANES];
        UNROLL for (int i = 0; i < LANES; i++) p[i] = load(positions + i * (2 * CSI_PANEL - 1) + j);
        transpose(p);
        UNROLL for (int i = 0; i < LANES; i++)
        {
            float *at = scores + (j + i) * CSI_PANEL;
            vec s = load(at) + p[i];
            if (masked)
                s = select(((int)(j + i) >= first) & ((int)(j + i) < end), s, splat(-INFINITY));
            best = vmax(s, best);
            store(at, s);
        }
    }
    ivec grown = best > *running_max;
    int any = 0;
    for (int i = 0; i < LANES; i++)
        any |= grown[i];
    if (any) {
        vec correction = vexp(*running_max - best);
        correction = select(grown, correction, splat(1));
        for (int64_t r = 0; r < channels; r++)
            store(out + r * CSI_PANEL, load(out + r * CSI_PANEL) * correction);
        *running_sum *= correction;
        *running_max = best;
    }
    att_word *weights = (att_word *)(void *)scores;
    vec total = *running_sum;
    for (int64_t j = 0; j < n_keys; j += ATT_PER_WORD, weights += CSI_PANEL) {
        vec w[ATT_PER_WORD];
        UNROLL for (int i = 0; i < ATT_PER_WORD; i++)
        {
            vec s = load(scores + (j + i) * CSI_PANEL);
            w[i] = vexp(s - best);
            if (masked)
                w[i] = select(((int)(j + i) >= first) & ((int)(j + i) < end), w[i], splat(0));
            total += w[i];
        }
        att_store(weights, w);
    }
    *running_sum = total;
}

#define ATT_SOFTMAX(name, masked)                                                                                   \
    static void name(float *scores, const float *positions, int64_t n_keys, ivec first, ivec end, vec *running_max, \
                     vec *running_sum, float *out, int64_t channels)                                                \
    {                                                                                                               \
        att_softmax(masked, scores, positions, n_keys, first, end, running_max, running_sum, out, channels);        \
    }
ATT_SOFTMAX(att_softmax_all, false)
ATT_SOFTMAX(att_softmax_masked, true)

/* What one panel of queries knows of its keys. */
typedef struct att_keys {
    int32_t first[CSI_PANEL], end[CSI_PANEL]; /* none of queries that are not there */
    int64_t least, most, common_first,
        common_end; /* all are in [least, most); all queries have [common_first, common_end) */
} att_keys;

static void att_find_keys(const csi_attention *a, int64_t q0, att_keys *keys)
{
    *keys = (att_keys){.least = INT64_MAX, .common_end = INT64_MAX};
    for (int64_t i = 0; i < CSI_PANEL; i++) {
        int32_t first = 0, end = 0;
        if (q0 + i < a->n_queries && a->end[q0 + i] > a->first[q0 + i]) {
            first = a->first[q0 + i];
            end = a->end[q0 + i];
            keys->least = CSI_MIN(keys->least, first);
            keys->most = CSI_MAX(keys->most, end);
        }
        keys->first[i] = first;
        keys->end[i] = end;
        if (q0 + i < a->n_queries) {
            keys->common_first = CSI_MAX(keys->common_first, first);
            keys->common_end = CSI_MIN(keys->common_end, end);
        }
    }
}

/* Queries of a panel with both biases, scaled, to words. */
static void att_queries(const csi_attention *a, int32_t head, const float *q, att_word *qu, att_word *qv)
{
    const int64_t width = a->head_width;
    const float *bias_u = a->bias_u + head * width, *bias_v = a->bias_v + head * width;
    for (int64_t r = 0; r < width; r += ATT_PER_WORD, qu += CSI_PANEL, qv += CSI_PANEL)
        for (int64_t i = 0; i < CSI_PANEL; i += LANES) {
            vec u[ATT_PER_WORD], v[ATT_PER_WORD];
            UNROLL for (int c = 0; c < ATT_PER_WORD; c++)
            {
                vec x = load(q + (r + c) * CSI_PANEL + i);
                u[c] = (x + bias_u[r + c]) * a->scale;
                v[c] = (x + bias_v[r + c]) * a->scale;
            }
            att_store(qu + i, u);
            att_store(qv + i, v);
        }
}

static void attention(const csi_attention *a, int32_t head, int64_t query_panel, float *scratch)
{
    enum { WIDE = 2 * CSI_PANEL };
    const int64_t width = a->head_width, words = width / ATT_PER_WORD, panel_words = a->d / ATT_PER_WORD * CSI_PANEL;
    const int64_t q0 = query_panel * CSI_PANEL, n_q = CSI_MIN(a->n_queries - q0, CSI_PANEL);
    float *scores = scratch, *positions = scores + CSI_PANEL * CSI_PANEL;
    att_word *qu = (att_word *)(void *)(positions + CSI_PANEL * WIDE), *qv = qu + words * CSI_PANEL;
    vec running_max[CSI_PANEL / LANES], running_sum[CSI_PANEL / LANES];
    att_keys keys;

    float *out = a->out + (query_panel * a->d + head * width) * CSI_PANEL;
    for (int c = 0; c < CSI_PANEL / LANES; c++) {
        running_max[c] = splat(-1e30f);
        running_sum[c] = splat(0);
    }
    att_find_keys(a, q0, &keys);
    att_queries(a, head, a->q + (query_panel * a->d + head * width) * CSI_PANEL, qu, qv);
    memset(out, 0, (size_t)(width * CSI_PANEL) * sizeof *out); /* may be where the queries were */
    int64_t seen = -1; /* position panel that the right half of `positions` holds */
    for (int64_t kp = keys.least / CSI_PANEL; kp * CSI_PANEL < keys.most; kp++) {
        const int64_t k0 = kp * CSI_PANEL, n_k = CSI_MIN(a->n_keys - k0, CSI_PANEL), head_at = head * words * CSI_PANEL;
        att_scores(ATT_K(a) + kp * panel_words + head_at, n_k, qu, n_q, words, scores);
        /* Query q0 + i and key k0 + j need position column (reach - 1 - q_panel - query_panel + kp) * 48 + 47 - i + j. */
        const int64_t left = a->reach - 1 - a->q_panel - query_panel + kp;
        const att_word *p = ATT_P(a) + left * panel_words + head_at;
        if (seen == left)
            for (int64_t i = 0; i < n_q; i++)
                memcpy(positions + i * WIDE, positions + i * WIDE + CSI_PANEL, CSI_PANEL * sizeof *positions);
        else
            att_positions(qv, n_q, p, words, positions);
        att_positions(qv, n_q, p + panel_words, words, positions + CSI_PANEL);
        seen = left + 1;
        const bool masked = n_q < CSI_PANEL || k0 < keys.common_first || k0 + CSI_PANEL > keys.common_end;
        for (int64_t i = 0; i < n_q; i += LANES) {
            const float *shifted = positions + i * WIDE + CSI_PANEL - 1 - i;
            const int c = (int)(i / LANES);
            ivec first = load_words(keys.first + i) - (int32_t)k0, end = load_words(keys.end + i) - (int32_t)k0;
            (masked ? att_softmax_masked : att_softmax_all)(scores + i, shifted, n_k, first, end, &running_max[c],
                                                            &running_sum[c], out + i, width);
        }
        const int64_t per_row = CSI_PANEL / ATT_PER_WORD;
        att_values(ATT_V(a) + (kp * a->d + head * width) * per_row, width, (const att_word *)(const void *)scores, n_q,
                   (n_k + ATT_PER_WORD - 1) / ATT_PER_WORD, out);
    }
    for (int c = 0; c < CSI_PANEL / LANES; c++) {
        vec norm = select(running_sum[c] > 0, 1.0f / running_sum[c], splat(0));
        for (int64_t r = 0; r < width; r++)
            store(out + r * CSI_PANEL + c * LANES, load(out + r * CSI_PANEL + c * LANES) * norm);
    }
}
