/* SPDX-License-Identifier: MIT
 *
 * The tokenizer that the other folders see: one of three kinds over an array of pieces.
 *
 *   SentencePiece   a `.model` file
 *   aggregate       several of them, one per language, with their ids one after the other (NeMo's AggregateTokenizer)
 *   labels          a plain list of strings (character models)
 */
#include "text/text_inside.h"

static csi_tokenizer *create(const csi_env *env, csi_tokenizer_kind kind)
{
    csi_tokenizer *tokenizer = csi_alloc_zero(env, sizeof *tokenizer);
    if (tokenizer) {
        tokenizer->env = env;
        tokenizer->kind = kind;
        csi_arena_init(&tokenizer->arena, env);
    }
    return tokenizer;
}

void csi_tokenizer_free(csi_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    for (size_t i = 0; i < tokenizer->n_parts; i++)
        csi_tokenizer_free(tokenizer->parts[i]);
    csi_arena_finish(&tokenizer->arena);
    csi_free(tokenizer->env, tokenizer);
}

/* The end of every open: hand over, or free what there is. */
static cs_err finish(csi_tokenizer *tokenizer, cs_err code, csi_tokenizer **out, cs_error *err)
{
    if (!code && !csi_punctuation_find(tokenizer))
        code = csi_fail_memory(err, (size_t)tokenizer->n_pieces, "a tokenizer");
    if (code) {
        tokenizer->n_parts = 0; /* they stay the caller's */
        csi_tokenizer_free(tokenizer);
        return code;
    }
    *out = tokenizer;
    return CS_OK;
}

cs_err csi_tokenizer_open(const csi_env *env, const char *name, const void *data, size_t size,
                          csi_tokenizer **tokenizer, cs_error *err)
{
    csi_tokenizer *t = create(env, CSI_TOKENIZER_SPM);
    if (!t)
        return csi_fail_memory(err, sizeof *t, "a tokenizer");
    cs_err code = csi_spm_read(&t->arena, name, data, size, &t->spm, err);
    t->pieces = t->spm.pieces;
    t->n_pieces = t->spm.n_pieces;
    return finish(t, code, tokenizer, err);
}

static cs_err join_parts(csi_tokenizer *t, csi_tokenizer *const *parts, const char *const *languages, cs_error *err)
{
    size_t total = 0, n = t->n_parts;
    for (size_t i = 0; i < n; i++)
        total += (size_t)parts[i]->n_pieces;
    if (total > INT32_MAX)
        return csi_fail(err, CS_EMODEL, -1, "aggregate tokenizer of %zu pieces, expected less than 2^31", total);
    t->parts = csi_arena_array(&t->arena, n, sizeof *t->parts);
    t->first_ids = csi_arena_array(&t->arena, n + 1, sizeof *t->first_ids);
    t->languages = csi_arena_array(&t->arena, n, sizeof *t->languages);
    t->pieces = csi_arena_array(&t->arena, total, sizeof *t->pieces);
    if (!t->parts || !t->first_ids || !t->languages || !t->pieces)
        return csi_fail_memory(err, total * sizeof *t->pieces, "an aggregate tokenizer");
    for (size_t i = 0; i < n; i++) {
        t->parts[i] = parts[i];
        t->first_ids[i] = t->n_pieces;
        t->languages[i] = csi_arena_text(&t->arena, languages[i], strlen(languages[i]));
        if (!t->languages[i])
            return csi_fail_memory(err, strlen(languages[i]), "a language's name");
        memcpy(t->pieces + t->n_pieces, parts[i]->pieces, (size_t)parts[i]->n_pieces * sizeof *t->pieces);
        t->n_pieces += parts[i]->n_pieces;
    }
    t->first_ids[n] = t->n_pieces;
    return CS_OK;
}

cs_err csi_tokenizer_aggregate(const csi_env *env, csi_tokenizer *const *tokenizers, const char *const *languages,
                               size_t n, csi_tokenizer **tokenizer, cs_error *err)
{
    if (n == 0)
        return csi_fail(err, CS_EMODEL, -1, "aggregate tokenizer of no languages, expected at least one");
    csi_tokenizer *t = create(env, CSI_TOKENIZER_AGGREGATE);
    if (!t)
        return csi_fail_memory(err, sizeof *t, "an aggregate tokenizer");
    t->n_parts = n;
    return finish(t, join_parts(t, tokenizers, languages, err), tokenizer, err);
}

static cs_err copy_labels(csi_tokenizer *t, const char *const *labels, size_t n, cs_error *err)
{
    t->pieces = csi_arena_array(&t->arena, n, sizeof *t->pieces);
    if (!t->pieces)
        return csi_fail_memory(err, n * sizeof *t->pieces, "labels");
    for (size_t i = 0; i < n; i++) {
        size_t n_bytes = strlen(labels[i]);
        for (size_t at = 0; at < n_bytes;) {
            uint32_t c;
            int width = csi_utf8_decode(labels[i] + at, n_bytes - at, &c);
            if (width == 0)
                return csi_fail(err, CS_EMODEL, (int64_t)i, "label %zu of the model is not UTF-8 text", i);
            at += (size_t)width;
        }
        if (n_bytes > UINT32_MAX)
            return csi_fail(err, CS_EMODEL, (int64_t)i, "label %zu of the model is %zu bytes long", i, n_bytes);
        csi_piece *piece = &t->pieces[i];
        piece->type = CSI_PIECE_NORMAL;
        piece->n_bytes = (uint32_t)n_bytes;
        piece->text = csi_arena_text(&t->arena, labels[i], n_bytes);
        if (!piece->text)
            return csi_fail_memory(err, n_bytes, "labels");
    }
    t->n_pieces = (int32_t)n;
    return CS_OK;
}

cs_err csi_tokenizer_labels(const csi_env *env, const char *const *labels, size_t n, csi_tokenizer **tokenizer,
                            cs_error *err)
{
    if (n == 0 || n > INT32_MAX)
        return csi_fail(err, CS_EMODEL, -1, "a model of %zu labels, expected at least one", n);
    csi_tokenizer *t = create(env, CSI_TOKENIZER_LABELS);
    if (!t)
        return csi_fail_memory(err, sizeof *t, "labels");
    return finish(t, copy_labels(t, labels, n, err), tokenizer, err);
}

/* ----------------------------------------------------------------- queries */

static bool has_id(const csi_tokenizer *tokenizer, int32_t id)
{
    return id >= 0 && id < tokenizer->n_pieces;
}

int32_t csi_tokenizer_size(const csi_tokenizer *tokenizer)
{
    return tokenizer->n_pieces;
}

const char *csi_tokenizer_piece(const csi_tokenizer *tokenizer, int32_t id)
{
    return has_id(tokenizer, id) ? tokenizer->pieces[id].text : NULL;
}

csi_piece_type csi_tokenizer_type(const csi_tokenizer *tokenizer, int32_t id)
{
    return has_id(tokenizer, id) ? (csi_piece_type)tokenizer->pieces[id].type : CSI_PIECE_UNKNOWN;
}

size_t csi_tokenizer_part(const csi_tokenizer *tokenizer, int32_t id)
{
    size_t part = 0;
    while (has_id(tokenizer, id) && id >= tokenizer->first_ids[part + 1])
        part++;
    return part;
}

const char *csi_tokenizer_language(const csi_tokenizer *tokenizer, int32_t id)
{
    if (tokenizer->kind != CSI_TOKENIZER_AGGREGATE || !has_id(tokenizer, id))
        return "";
    return tokenizer->languages[csi_tokenizer_part(tokenizer, id)];
}

static size_t find_part(const csi_tokenizer *tokenizer, const char *language)
{
    size_t i = 0;
    while (i < tokenizer->n_parts && strcmp(tokenizer->languages[i], language) != 0)
        i++;
    return i;
}

const csi_tokenizer *csi_tokenizer_part_of(const csi_tokenizer *tokenizer, const char *language, int32_t *first)
{
    static const char *const full_names[] = {"en-US", "es-ES", "fr-FR", "de-DE"};
    *first = 0;
    if (tokenizer->kind != CSI_TOKENIZER_AGGREGATE)
        return tokenizer;
    size_t part = find_part(tokenizer, language);
    for (size_t i = 0; i < CSI_COUNT(full_names) && part == tokenizer->n_parts && strlen(language) == 2; i++)
        if (memcmp(full_names[i], language, 2) == 0)
            part = find_part(tokenizer, full_names[i]);
    if (part == tokenizer->n_parts)
        return NULL;
    *first = tokenizer->first_ids[part];
    return tokenizer->parts[part];
}

int32_t csi_tokenizer_find(const csi_tokenizer *tokenizer, const char *piece)
{
    int32_t first;
    const csi_tokenizer *part = csi_tokenizer_part_of(tokenizer, "spl_tokens", &first);
    if (!part || part->kind != CSI_TOKENIZER_SPM)
        return -1;
    int32_t id = csi_piece_map_find(&part->spm.map, part->spm.pieces, piece, strlen(piece));
    return id < 0 ? -1 : first + id;
}

/* ------------------------------------------------------------ text and ids */

void csi_tokenizer_decode(const csi_tokenizer *tokenizer, const int32_t *ids, size_t n_ids, csi_buf *out)
{
    if (tokenizer->kind == CSI_TOKENIZER_SPM) {
        csi_spm_decode(&tokenizer->spm, ids, n_ids, out);
        return;
    }
    for (size_t i = 0; i < n_ids; i++) {
        if (!has_id(tokenizer, ids[i]))
            continue;
        const csi_piece *piece = &tokenizer->pieces[ids[i]];
        const char *text = piece->text, *mark;
        while (tokenizer->kind == CSI_TOKENIZER_AGGREGATE && (mark = strstr(text, CSI_SPACE_MARK))) {
            csi_buf_append(out, text, (size_t)(mark - text));
            csi_buf_append(out, " ", 1);
            text = mark + CSI_SPACE_MARK_BYTES;
        }
        csi_buf_text(out, text);
    }
}

cs_err csi_tokenizer_encode(const csi_tokenizer *tokenizer, const char *text, size_t n_bytes, csi_buf *out,
                            cs_error *err)
{
    if (tokenizer->kind != CSI_TOKENIZER_SPM)
        return csi_fail(err, CS_EUNSUPPORTED, -1,
                        "text to ids with %s, expected a model with one SentencePiece tokenizer",
                        tokenizer->kind == CSI_TOKENIZER_AGGREGATE ? "an aggregate tokenizer" : "character labels");
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        int width = csi_utf8_decode(text + at, n_bytes - at, &c);
        if (width == 0)
            return csi_fail(err, CS_EINVAL, (int64_t)at, "text is not UTF-8 at byte %zu", at);
        at += (size_t)width;
    }
    return csi_spm_encode(tokenizer->env, &tokenizer->spm, text, n_bytes, out, err);
}
