/* SPDX-License-Identifier: MIT
 *
 * Byte-pair encoding as SentencePiece does it: start from characters, again and again join the two neighbours whose
 * concatenation is the piece of the highest score (among equals the leftmost), until no neighbours make a piece.
 * User-defined pieces are atoms: they never join.
 *
 * The pairs wait in a heap. A pair that was overtaken (one of its sides has grown or gone) is known by its size, which
 * no longer fits, and is dropped when it comes up.
 *
 * Where no piece holds U+2581 behind its first character, nothing joins across the front of a word, so the text is
 * cut there first and each word is merged in a small heap; the result is the same, in a third of the time.
 *
 * Pieces of type UNUSED take part in merging, but are split again at the end into the two parts they were last made of.
 */
#include "text/text_inside.h"

enum { MAX_RESEGMENT_DEPTH = 100 }; /* SentencePiece's own limit: a deeper piece stays whole */

typedef struct symbol {
    uint32_t at, n_bytes; /* n_bytes 0: joined into the one before it */
    int32_t previous, next;
    bool atom;
} symbol;

typedef struct pair {
    float score;
    int32_t left, right;
    uint32_t n_bytes;
} pair;

typedef struct merger {
    const csi_spm *spm;
    const char *text;
    symbol *symbols;
    pair *heap;
    size_t n_heap;
    uint32_t *split; /* per piece: bytes of the left part it was last made of; only if the model has UNUSED pieces */
    csi_buf *cuts;
} merger;

static bool comes_first(const pair *a, const pair *b)
{
    return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static void push(merger *m, pair added)
{
    size_t i = m->n_heap++;
    while (i > 0 && comes_first(&added, &m->heap[(i - 1) / 2])) {
        m->heap[i] = m->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    m->heap[i] = added;
}

static pair pop(merger *m)
{
    pair top = m->heap[0], last = m->heap[--m->n_heap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->n_heap)
            break;
        if (child + 1 < m->n_heap && comes_first(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!comes_first(&m->heap[child], &last))
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = last;
    return top;
}

static void consider(merger *m, int32_t left, int32_t right)
{
    if (left < 0 || right < 0 || m->symbols[left].atom || m->symbols[right].atom)
        return;
    uint32_t n_bytes = m->symbols[left].n_bytes + m->symbols[right].n_bytes;
    int32_t id = csi_piece_map_find(&m->spm->map, m->spm->pieces, m->text + m->symbols[left].at, n_bytes);
    if (id < 0)
        return;
    const csi_piece *piece = &m->spm->pieces[id];
    if (csi_is_reserved(piece->type))
        return;
    push(m, (pair){piece->score, left, right, n_bytes});
    if (m->split && piece->type == CSI_PIECE_UNUSED)
        m->split[id] = m->symbols[left].n_bytes;
}

static void emit(merger *m, const char *text, uint32_t n_bytes, int depth)
{
    csi_cut cut = {n_bytes, csi_spm_find(m->spm, text, n_bytes)};
    uint32_t left = m->split && m->spm->pieces[cut.id].type == CSI_PIECE_UNUSED ? m->split[cut.id] : 0;
    if (left == 0 || left >= n_bytes || depth > MAX_RESEGMENT_DEPTH) {
        csi_buf_append(m->cuts, &cut, sizeof cut);
        return;
    }
    emit(m, text, left, depth + 1);
    emit(m, text + left, n_bytes - left, depth + 1);
}

/* Merge text[0, n_bytes) by itself and append what comes out. */
static void merge(merger *m, const char *text, size_t n_bytes)
{
    int32_t n = 0;
    m->text = text;
    m->n_heap = 0;
    for (size_t at = 0; at < n_bytes; n++) {
        bool atom;
        size_t width = csi_spm_symbol(m->spm, text + at, n_bytes - at, &atom);
        m->symbols[n] = (symbol){(uint32_t)at, (uint32_t)width, n - 1, n + 1, atom};
        at += width;
    }
    m->symbols[n - 1].next = -1;
    for (int32_t i = 1; i < n; i++)
        consider(m, i - 1, i);
    while (m->n_heap > 0) {
        pair top = pop(m);
        symbol *left = &m->symbols[top.left], *right = &m->symbols[top.right];
        if (left->n_bytes == 0 || right->n_bytes == 0 || left->n_bytes + right->n_bytes != top.n_bytes)
            continue;
        left->n_bytes = top.n_bytes;
        right->n_bytes = 0;
        left->next = right->next;
        if (left->next >= 0)
            m->symbols[left->next].previous = top.left;
        consider(m, left->previous, top.left);
        consider(m, top.left, left->next);
    }
    for (int32_t i = 0; i >= 0; i = m->symbols[i].next)
        emit(m, text + m->symbols[i].at, m->symbols[i].n_bytes, 0);
}

/* Bytes up to where merging may be cut: before the next U+2581 that starts a word. Atoms are stepped over whole. */
static size_t word_bytes(const csi_spm *spm, const char *text, size_t n_bytes)
{
    if (spm->inner_space || spm->has_unused)
        return n_bytes;
    size_t at = 0;
    do {
        bool atom;
        at += csi_spm_symbol(spm, text + at, n_bytes - at, &atom);
    } while (at < n_bytes && !csi_is_space_mark(text + at, n_bytes - at));
    return at;
}

bool csi_bpe_cut(const csi_env *env, const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *cuts)
{
    size_t longest = 0;
    for (size_t at = 0; at < n_bytes;) {
        size_t n = word_bytes(spm, text + at, n_bytes - at);
        longest = CSI_MAX(longest, n);
        at += n;
    }
    if (n_bytes == 0)
        return true;
    /* n symbols give n - 1 pairs at the start, and each of at most n - 1 joins adds two */
    merger m = {.spm = spm, .cuts = cuts};
    m.symbols = csi_alloc_array(env, longest, sizeof *m.symbols);
    m.heap = csi_alloc_array(env, 3 * longest, sizeof *m.heap);
    if (spm->has_unused && (m.split = csi_alloc_array(env, (size_t)spm->n_pieces, sizeof *m.split)))
        memset(m.split, 0, (size_t)spm->n_pieces * sizeof *m.split);
    bool ok = m.symbols && m.heap && (m.split || !spm->has_unused);
    for (size_t at = 0; ok && at < n_bytes;) {
        size_t n = word_bytes(spm, text + at, n_bytes - at);
        merge(&m, text + at, n);
        at += n;
    }
    csi_free(env, m.split);
    csi_free(env, m.heap);
    csi_free(env, m.symbols);
    return ok && !cuts->failed;
}
