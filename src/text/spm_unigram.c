/* SPDX-License-Identifier: MIT
 *
 * The unigram model: the cut whose pieces have the largest sum of scores, found left to right. For each byte position
 * the best cut that ends there is kept as one node (where its last piece starts, and which piece that is).
 *
 * Scores are added as sentencepiece 0.2.3 adds them, because near ties are decided by rounding: in float, a candidate
 * replaces what is there only if it is larger, and when the sum has run out of digits (beyond 100,000 either way) it is
 * taken off again from every position reached so far. A character that is no piece by itself may be unknown, at the
 * lowest score less 10. A user-defined piece scores about -0.1, so it always wins.
 */
#include "text/text_inside.h"

static const float unknown_penalty = 10.0f, largest_sum = 100000.0f;

typedef struct node {
    float score; /* of the best cut ending here */
    int32_t id;
    int64_t start; /* of its last piece; -1: nothing ends here yet */
} node;

typedef struct path {
    const csi_spm *spm;
    const char *text;
    size_t n_bytes;
    node *best;     /* n_bytes + 1 */
    size_t reached; /* the last position that something ends at */
} path;

static void offer(path *p, size_t end, float score, size_t start, int32_t id)
{
    node *target = &p->best[end];
    p->reached = CSI_MAX(p->reached, end);
    if (target->start >= 0 && !(score > target->score))
        return;
    *target = (node){score, id, (int64_t)start};
}

static void recentre(path *p, size_t start)
{
    const float sum = p->best[start].score;
    if (sum >= -largest_sum && sum <= largest_sum)
        return;
    p->best[start].score = 0.0f;
    for (size_t i = start + 1; i <= p->reached; i++)
        if (p->best[i].start >= 0)
            p->best[i].score -= sum;
}

/* Everything that may follow the best cut ending at start; width: bytes of the character there. */
static void extend(path *p, size_t start, size_t width)
{
    const csi_spm *spm = p->spm;
    recentre(p, start);
    const float so_far = p->best[start].score;
    bool single = false;
    uint32_t at = 0;
    for (size_t end = start; end < p->n_bytes;) {
        at = csi_trie_step(&spm->all_trie, at, (uint8_t)p->text[end++]);
        if (!at)
            break;
        int32_t id = spm->all_trie.values[at];
        if (id < 0 || spm->pieces[id].type == CSI_PIECE_UNUSED)
            continue;
        size_t length = end - start;
        float score =
            spm->pieces[id].type == CSI_PIECE_USER ? (float)length * spm->max_score - 0.1f : spm->pieces[id].score;
        offer(p, end, score + so_far, start, id);
        single = single || length == width;
    }
    if (!single)
        offer(p, start + width, spm->min_score - unknown_penalty + so_far, start, spm->unk_id);
}

/* Walk back once to count, once to write. */
static bool write_cuts(const path *p, csi_buf *cuts)
{
    size_t n_cuts = 0;
    for (size_t end = p->n_bytes; end > 0; end = (size_t)p->best[end].start)
        n_cuts++;
    char *out = csi_buf_room(cuts, n_cuts * sizeof(csi_cut));
    if (!out)
        return false;
    size_t i = n_cuts;
    for (size_t end = p->n_bytes; end > 0; end = (size_t)p->best[end].start) {
        csi_cut cut = {(uint32_t)(end - (size_t)p->best[end].start), p->best[end].id};
        memcpy(out + --i * sizeof cut, &cut, sizeof cut);
    }
    csi_buf_grew(cuts, n_cuts * sizeof(csi_cut));
    return true;
}

bool csi_unigram_cut(const csi_env *env, const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *cuts)
{
    if (n_bytes == 0)
        return true;
    path p = {.spm = spm, .text = text, .n_bytes = n_bytes};
    p.best = csi_alloc_array(env, n_bytes + 1, sizeof *p.best);
    if (!p.best)
        return false;
    for (size_t i = 0; i <= n_bytes; i++)
        p.best[i] = (node){0.0f, -1, -1};
    for (size_t start = 0; start < n_bytes;) {
        uint32_t c;
        size_t width = csi_next_char(text + start, n_bytes - start, &c);
        extend(&p, start, width);
        start += width;
    }
    bool ok = write_cuts(&p, cuts);
    csi_free(env, p.best);
    return ok;
}
