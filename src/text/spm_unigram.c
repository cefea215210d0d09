/* SPDX-License-Identifier: MIT
 *
 * The unigram model: the cut whose pieces have the largest sum of scores, found left to right. For each byte position
 * the best cut that ends there is kept as one node (where its last piece starts, and which piece that is).
 *
 * Scores are added as SentencePiece adds them, because ties and near ties are decided by the rounding: the sum so far is
 * a float, a candidate is computed in double and replaces what is there only if it is larger. A character that is no
 * piece by itself may be unknown, at the lowest score less 10. A user-defined piece scores about -0.1, so it always wins.
 */
#include "text/text_inside.h"

static const float unknown_penalty = 10.0f;

typedef struct node {
    float score; /* of the best cut ending here */
    int32_t id;
    int64_t start; /* of its last piece; -1: nothing ends here yet */
} node;

static void offer(node *target, double score, size_t start, int32_t id)
{
    if (target->start >= 0 && !(score > (double)target->score))
        return;
    target->score = (float)score;
    target->start = (int64_t)start;
    target->id = id;
}

static void extend(const csi_spm *spm, const char *text, size_t n_bytes, size_t start, size_t width, node *best)
{
    const double so_far = best[start].score;
    bool single = false;
    uint32_t at = 0;
    for (size_t end = start; end < n_bytes;) {
        at = csi_trie_step(&spm->all_trie, at, (uint8_t)text[end++]);
        if (!at)
            break;
        int32_t id = spm->all_trie.values[at];
        if (id < 0 || spm->pieces[id].type == CSI_PIECE_UNUSED)
            continue;
        size_t length = end - start;
        double score = spm->pieces[id].type == CSI_PIECE_USER ? (double)((float)length * spm->max_score) - 0.1
                                                              : (double)spm->pieces[id].score;
        offer(&best[end], score + so_far, start, id);
        single = single || length == width;
    }
    if (!single)
        offer(&best[start + width], (double)(spm->min_score - unknown_penalty) + so_far, start, spm->unk_id);
}

bool csi_unigram_cut(const csi_env *env, const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *cuts)
{
    if (n_bytes == 0)
        return true;
    node *best = csi_alloc_array(env, n_bytes + 1, sizeof *best);
    if (!best)
        return false;
    for (size_t i = 0; i <= n_bytes; i++)
        best[i] = (node){0.0f, -1, -1};
    for (size_t start = 0; start < n_bytes;) {
        uint32_t c;
        size_t width = csi_next_char(text + start, n_bytes - start, &c);
        extend(spm, text, n_bytes, start, width, best);
        start += width;
    }
    /* Walk back once to count and turn the links round, then forth to write. */
    size_t n_cuts = 0;
    for (size_t end = n_bytes; end > 0; end = (size_t)best[end].start)
        n_cuts++;
    csi_cut *out = csi_buf_room(cuts, n_cuts * sizeof *out);
    if (out) {
        size_t i = n_cuts;
        for (size_t end = n_bytes; end > 0; end = (size_t)best[end].start) {
            csi_cut cut = {(uint32_t)(end - (size_t)best[end].start), best[end].id};
            memcpy(&out[--i], &cut, sizeof cut);
        }
        csi_buf_grew(cuts, n_cuts * sizeof *out);
    }
    csi_free(env, best);
    return out != NULL;
}
