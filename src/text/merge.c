/* SPDX-License-Identifier: MIT
 *
 * Long audio is heard in chunks that overlap by a second. What the end of one and the beginning of the next have in common is said once.
 *
 *   ids     the last ids so far (X) and the first of the new chunk (Y), as many as fit the overlap, are laid over each other:
 *           their longest common run if it reaches the end of X, else one that is met from the end of X and widened over
 *           what differs. What comes before its end in Y, and behind its end in X, goes
 *   times   chunks' tokens for as long as they are the merged ids; a chunk begins where the frames of those before it end, less
 *           the overlap in whole frames. None begins before the one before it ends
 *
 * Source: nemo/collections/asr/parts/utils/streaming_utils.py: longest_common_subsequence_merge, lcs_alignment_merge_buffer;
 *         nemo/collections/asr/parts/utils/chunking_utils.py: merge_parallel_chunks, join_char_level_timestamps
 */
#include "text/text_inside.h"

/* Frames of 10 ms in a second, which is the overlap, whatever the stride; and so the most of X and Y. */
enum { OVERLAP = 100, MOST_X = 2 * OVERLAP, MOST_Y = OVERLAP * 6 / 10 };

typedef struct overlay {
    int32_t m, n;                         /* lengths of X and Y */
    uint8_t same[MOST_X + 1][MOST_Y + 1]; /* length of the common run that ends in X[i - 1], Y[j - 1] */
} overlay;

/* The longest run; of equals the last row by row. */
static int32_t find_runs(overlay *o, const int32_t *x, const int32_t *y, int32_t *i_end, int32_t *j_end)
{
    int32_t longest = 0;
    *i_end = *j_end = 0;
    for (int32_t i = 0; i <= o->m; i++)
        for (int32_t j = 0; j <= o->n; j++) {
            o->same[i][j] = i && j && x[i - 1] == y[j - 1] ? (uint8_t)(o->same[i - 1][j - 1] + 1) : 0;
            if (o->same[i][j] && o->same[i][j] >= longest) {
                longest = o->same[i][j];
                *i_end = i;
                *j_end = j;
            }
        }
    return longest;
}

/* Past the run that ends in (i, j), how far Y goes on to look like X. */
static int32_t widen(const overlay *o, int32_t i, int32_t j)
{
    int32_t wider = 0, skip = 0;
    for (int32_t r = i + 1; r <= o->m; r++) {
        int32_t miss = 0, at = j + r - i;
        for (int32_t c = at; c <= CSI_MIN(at + skip, o->n); c++) {
            if (o->same[r][c] == 0)
                miss = 1;
            else
                wider = 1 + skip + miss;
        }
        skip += miss;
    }
    return wider;
}

/* Where no longest run ends X. *i and *j become where the overlap begins; its length, 0: none. */
static int32_t find_partial(const overlay *o, int32_t *i, int32_t *j)
{
    int32_t top = 0, column = o->n, row = o->m, length = 0;
    for (int32_t r = o->m; r >= 0; r--)
        for (int32_t c = 0; c <= column; c++)
            if (o->same[r][c] > top) {
                top = o->same[r][c];
                column = c;
                row = r;
            }
    if (top <= 1)
        return 0;
    *i = row;
    *j = column + widen(o, row, column);
    while (*i > 0 && *j > 0) {
        if (*j > o->n || o->same[*i][*j] == 0) { /* behind Y nothing is common */
            --*j;
            length++;
        }
        if (*j > 0) {
            length++;
            --*i;
            --*j;
        }
    }
    return length;
}

cs_err csi_merge_ids(csi_buf *merged, const int32_t *ids, size_t n_ids, int32_t subsampling_factor, csi_seam *seam,
                     cs_error *err)
{
    const int32_t delay = CSI_MAX(1, OVERLAP / CSI_MAX(1, subsampling_factor));
    const size_t n_merged = merged->size / sizeof *ids;
    int32_t x[MOST_X], y[MOST_Y + 1], i, j, length;
    overlay o = {.m = (int32_t)CSI_MIN(n_merged, 2 * (size_t)delay),
                 .n = (int32_t)CSI_MIN(n_ids, (size_t)delay * 6 / 10)};
    if (o.m > 0)
        memcpy(x, merged->data + (n_merged - (size_t)o.m) * sizeof *x, (size_t)o.m * sizeof *x);
    if (o.n > 0)
        memcpy(y, ids, (size_t)o.n * sizeof *y);
    length = find_runs(&o, x, y, &i, &j);
    if (length > 0 && i == o.m) {
        i -= length;
        j -= length;
    } else {
        length = find_partial(&o, &i, &j);
    }
    size_t from = 0;
    if (length > 0) {
        from = CSI_MIN(n_ids, (size_t)CSI_MIN(o.n, j + length));
        merged->size -= (size_t)(o.m - CSI_MIN(o.m, i + length)) * sizeof *ids;
    }
    if (seam)
        *seam = (csi_seam){.kept = merged->size / sizeof *ids, .from = from};
    if (from < n_ids)
        csi_buf_append(merged, ids + from, (n_ids - from) * sizeof *ids);
    return merged->failed ? csi_fail_memory(err, n_ids * sizeof *ids, "the tokens of a chunk") : CS_OK;
}

/* ------------------------------------------------------------------- times */

/* Frames from the beginning of a chunk to that of the next, the overlap's part frame lost. */
static int64_t frames_between(int64_t n_frames, int32_t factor)
{
    int64_t fine = n_frames * factor - OVERLAP;
    return fine >= 0 ? fine / factor : -((-fine + factor - 1) / factor);
}

cs_err csi_merge_times(csi_arena *arena, const csi_chunk_tokens *chunks, size_t n_chunks, int32_t subsampling_factor,
                       const int32_t *merged, size_t n_merged, csi_emission **tokens, size_t *n_tokens, cs_error *err)
{
    const int32_t factor = CSI_MAX(1, subsampling_factor);
    csi_emission *found = csi_arena_array(arena, n_merged, sizeof *found);
    size_t n = 0;
    int64_t before = 0, last = 0; /* frames before the chunk; where the last token ends */
    if (!found)
        return csi_fail_memory(err, n_merged * sizeof *found, "the times of a recording");
    for (size_t k = 0; k < n_chunks; k++) {
        for (size_t i = 0; i < chunks[k].n_tokens && n < n_merged; i++) {
            csi_emission token = chunks[k].tokens[i];
            if (token.id != merged[n])
                continue;
            token.frame += before;
            if (n > 0 && token.frame < last) {
                token.frame = last;
                token.duration = 0;
            }
            last = token.frame + token.duration;
            found[n++] = token;
        }
        before += frames_between(chunks[k].n_frames, factor);
    }
    *tokens = found;
    *n_tokens = n;
    return CS_OK;
}
