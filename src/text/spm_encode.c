/* SPDX-License-Identifier: MIT
 *
 * Text to ids: normalise, cut with the model's algorithm (merging, best path, words or characters), then write ids.
 * An unknown cut becomes its bytes where the model has byte pieces; otherwise neighbours that are unknown become one id.
 */
#include "text/text_inside.h"

size_t csi_spm_symbol(const csi_spm *spm, const char *text, size_t n_bytes, bool *atom)
{
    size_t n = csi_trie_longest(&spm->user_trie, text, n_bytes);
    uint32_t c;
    *atom = n > 0;
    return n > 0 ? n : csi_next_char(text, n_bytes, &c);
}

int32_t csi_spm_find(const csi_spm *spm, const char *text, size_t n_bytes)
{
    int32_t id = csi_piece_map_find(&spm->map, spm->pieces, text, n_bytes);
    return id < 0 || csi_is_reserved(spm->pieces[id].type) ? spm->unk_id : id;
}

static void cut_chars(const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *cuts)
{
    for (size_t at = 0; at < n_bytes;) {
        bool atom;
        size_t n = csi_spm_symbol(spm, text + at, n_bytes - at, &atom);
        csi_cut cut = {(uint32_t)n, csi_spm_find(spm, text + at, n)};
        csi_buf_append(cuts, &cut, sizeof cut);
        at += n;
    }
}

/* Each U+2581 opens a word, also in models that put it behind words when they are trained. */
static size_t word_bytes(const char *text, size_t n_bytes)
{
    size_t at = 0;
    do {
        uint32_t c;
        at += csi_next_char(text + at, n_bytes - at, &c);
    } while (at < n_bytes && !csi_is_space_mark(text + at, n_bytes - at));
    return at;
}

static void cut_words(const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *cuts)
{
    for (size_t at = 0; at < n_bytes;) {
        size_t n = word_bytes(text + at, n_bytes - at);
        csi_cut cut = {(uint32_t)n, csi_spm_find(spm, text + at, n)};
        csi_buf_append(cuts, &cut, sizeof cut);
        at += n;
    }
}

static bool cut(const csi_env *env, const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *cuts)
{
    switch (spm->type) {
    case CSI_SPM_BPE:
        return csi_bpe_cut(env, spm, text, n_bytes, cuts);
    case CSI_SPM_UNIGRAM:
        return csi_unigram_cut(env, spm, text, n_bytes, cuts);
    case CSI_SPM_WORD:
        cut_words(spm, text, n_bytes, cuts);
        break;
    case CSI_SPM_CHAR:
        cut_chars(spm, text, n_bytes, cuts);
        break;
    }
    return !cuts->failed;
}

static void write_ids(const csi_spm *spm, const char *text, const csi_buf *cuts, csi_buf *ids)
{
    bool after_unknown = false;
    for (size_t i = 0; i < cuts->size; i += sizeof(csi_cut)) {
        csi_cut found;
        memcpy(&found, cuts->data + i, sizeof found);
        bool unknown = found.id == spm->unk_id;
        if (unknown && spm->byte_fallback) {
            for (uint32_t b = 0; b < found.n_bytes; b++)
                csi_buf_append(ids, &spm->byte_ids[(uint8_t)text[b]], sizeof(int32_t));
        } else if (!unknown || !after_unknown) {
            csi_buf_append(ids, &found.id, sizeof found.id);
        }
        after_unknown = unknown;
        text += found.n_bytes;
    }
}

cs_err csi_spm_encode(const csi_env *env, const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *ids,
                      cs_error *err)
{
    csi_buf normalized, cuts;
    csi_buf_init(&normalized, env);
    csi_buf_init(&cuts, env);
    bool ok = true;
    csi_normalize(&spm->normalizer, text, n_bytes, &normalized);
    cs_err code = CS_OK;
    if (normalized.size > INT32_MAX)
        code =
            csi_fail(err, CS_EINVAL, -1, "text of %zu bytes is too long to encode, expected less than 2 GiB", n_bytes);
    else
        ok = !normalized.failed && cut(env, spm, normalized.data, normalized.size, &cuts);
    if (!code && ok) {
        write_ids(spm, normalized.data, &cuts, ids);
        ok = !ids->failed;
    }
    if (!ok)
        code = csi_fail_memory(err, n_bytes, "encoding text");
    csi_buf_finish(&cuts);
    csi_buf_finish(&normalized);
    return code;
}
