/* SPDX-License-Identifier: MIT
 *
 * What a decoder emitted becomes a result: text, tokens with times, words, segments. The rules are NeMo's, with their
 * surprises; docs/MODEL.md lists them.
 *
 *   TDT     a token lasts from its frame to frame + duration; one that is a punctuation character as a whole is moved to
 *           the end of the token before it, with no length
 *   RNN-T   [frame, frame + 1)
 *   CTC     from the first frame of the token before to the token's own first frame; a token that begins with a
 *           punctuation character has no length. `natural_ctc_times`: from its first frame to behind its last
 *
 * A model with byte pieces can say NUL, which C strings cannot hold: it is left out of what the result shows.
 *
 * Source: nemo/collections/asr/parts/submodules/{ctc_decoding,rnnt_decoding}.py: _compute_offsets, _refine_timestamps
 */
#include "text/text_inside.h"

const char *csi_strip(const char *text, size_t *n_bytes)
{
    size_t first = *n_bytes, end = 0;
    for (size_t at = 0, n; at < *n_bytes; at += n) {
        uint32_t c;
        n = csi_next_char(text + at, *n_bytes - at, &c);
        if (csi_is_space_char(c))
            continue;
        first = CSI_MIN(first, at);
        end = at + n;
    }
    *n_bytes = end > first ? end - first : 0;
    return text + first;
}

char *csi_string(csi_arena *arena, const char *text, size_t n_bytes)
{
    char *copy = csi_arena_text(arena, text, n_bytes);
    size_t kept = 0;
    for (size_t i = 0; copy && i < n_bytes; i++)
        if (copy[i])
            copy[kept++] = copy[i];
    if (copy)
        copy[kept] = 0;
    return copy;
}

/* Everything that lives only during the call. */
typedef struct scratch {
    const csi_env *env;
    int32_t *ids;
    csi_offset *offsets;
    size_t *text_at;
    uint32_t *punctuation;
    csi_buf texts, decoded, tightened;
} scratch;

static bool scratch_init(scratch *s, const csi_env *env, size_t n)
{
    *s = (scratch){.env = env};
    csi_buf_init(&s->texts, env);
    csi_buf_init(&s->decoded, env);
    csi_buf_init(&s->tightened, env);
    s->ids = csi_alloc_array(env, n, sizeof *s->ids);
    s->offsets = csi_alloc_array(env, n, sizeof *s->offsets);
    s->text_at = csi_alloc_array(env, n + 1, sizeof *s->text_at);
    s->punctuation = csi_alloc_array(env, n, sizeof *s->punctuation);
    return s->ids && s->offsets && s->text_at && s->punctuation;
}

static void scratch_finish(scratch *s)
{
    csi_buf_finish(&s->tightened);
    csi_buf_finish(&s->decoded);
    csi_buf_finish(&s->texts);
    csi_free(s->env, s->punctuation);
    csi_free(s->env, s->text_at);
    csi_free(s->env, s->offsets);
    csi_free(s->env, s->ids);
}

/* First character of token i's text if it is supported punctuation, else 0; *alone: there is nothing after it. */
static uint32_t leading_punctuation(const csi_compose *options, const scratch *s, size_t i, bool *alone)
{
    size_t n_bytes = s->text_at[i + 1] - s->text_at[i];
    uint32_t c;
    if (n_bytes == 0)
        return 0;
    *alone = csi_next_char(s->texts.data + s->text_at[i], n_bytes, &c) == n_bytes;
    if (options->marks)
        return c > 0 && c < 0x80 && strchr(options->marks, (int)c) ? c : 0;
    return csi_tokenizer_is_punctuation(options->tokenizer, c) ? c : 0;
}

static void read_tokens(const csi_compose *options, const csi_emission *emissions, size_t n, scratch *s)
{
    for (size_t i = 0; i < n; i++) {
        s->ids[i] = emissions[i].id;
        s->text_at[i] = s->texts.size;
        csi_tokenizer_decode(options->tokenizer, &emissions[i].id, 1, &s->texts);
    }
    s->text_at[n] = s->texts.size;
    csi_tokenizer_decode(options->tokenizer, s->ids, n, &s->decoded);
    csi_buf_append(&s->tightened, s->decoded.data, s->decoded.size);
    csi_text_tighten(options->tokenizer, &s->tightened);
}

static void find_offsets(const csi_compose *options, const csi_emission *emissions, size_t n, scratch *s)
{
    const bool natural = options->head == CS_HEAD_CTC && options->natural_ctc_times;
    for (size_t i = 0; i < n; i++) {
        csi_offset *o = &s->offsets[i];
        int64_t frame = emissions[i].frame;
        bool alone = false;
        uint32_t c = leading_punctuation(options, s, i, &alone);
        s->punctuation[i] = alone ? c : 0;
        switch (options->head) {
        case CS_HEAD_CTC:
            *o = natural  ? (csi_offset){frame, frame + emissions[i].duration}
                 : i == 0 ? (csi_offset){CSI_MAX(0, frame - 1), frame}
                          : (csi_offset){emissions[i - 1].frame, frame};
            if (!natural && i > 0 && c)
                o->end = o->start;
            break;
        case CS_HEAD_TDT:
            *o = (csi_offset){frame, frame + emissions[i].duration};
            if (i > 0 && c && alone)
                o->start = o->end = s->offsets[i - 1].end;
            break;
        case CS_HEAD_AED:
            *o = (csi_offset){frame, frame + emissions[i].duration};
            break;
        case CS_HEAD_RNNT:
        case CS_HEAD_AUTO:
            *o = (csi_offset){frame, frame + 1};
            break;
        }
    }
}

static cs_token *make_tokens(csi_arena *arena, const csi_compose *options, const csi_emission *emissions, size_t n,
                             const scratch *s)
{
    cs_token *tokens = csi_arena_array(arena, n, sizeof *tokens);
    for (size_t i = 0; tokens && i < n; i++) {
        const char *piece = csi_tokenizer_piece(options->tokenizer, emissions[i].id);
        piece = csi_arena_text(arena, piece ? piece : "", piece ? strlen(piece) : 0);
        if (!piece)
            return NULL;
        tokens[i] = (cs_token){.id = emissions[i].id,
                               .piece = piece,
                               .frame = emissions[i].frame,
                               .duration = emissions[i].duration,
                               .start_seconds = csi_seconds_of(options, s->offsets[i].start),
                               .end_seconds = csi_seconds_of(options, s->offsets[i].end),
                               .logprob = emissions[i].logprob,
                               .confidence = emissions[i].confidence};
    }
    return tokens;
}

/* The most frequent language of the tokens; among equals the one that was met first. NULL: out of memory. */
static const char *find_language(const csi_env *env, const csi_tokenizer *tokenizer, const int32_t *ids, size_t n)
{
    if (tokenizer->kind != CSI_TOKENIZER_AGGREGATE || n == 0)
        return "";
    size_t n_parts = tokenizer->n_parts, *counts = csi_alloc_array(env, n_parts, sizeof *counts);
    if (!counts)
        return NULL;
    memset(counts, 0, n_parts * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        counts[csi_tokenizer_part(tokenizer, ids[i])]++;
    size_t best = csi_tokenizer_part(tokenizer, ids[0]);
    for (size_t i = 1; i < n; i++) {
        size_t part = csi_tokenizer_part(tokenizer, ids[i]);
        if (counts[part] > counts[best])
            best = part;
    }
    csi_free(env, counts);
    return tokenizer->languages[best];
}

static bool compose(csi_arena *arena, const csi_compose *options, const csi_emission *emissions, size_t n, scratch *s,
                    cs_result *result)
{
    read_tokens(options, emissions, n, s);
    if (s->texts.failed || s->decoded.failed || s->tightened.failed)
        return false;
    find_offsets(options, emissions, n, s);
    const csi_token_view view = {.options = options,
                                 .emissions = emissions,
                                 .n = n,
                                 .offsets = s->offsets,
                                 .texts = s->texts.data ? s->texts.data : "",
                                 .text_at = s->text_at,
                                 .punctuation = s->punctuation};
    const csi_buf *text = options->raw_spacing ? &s->decoded : &s->tightened;
    const char *language = find_language(s->env, options->tokenizer, s->ids, n);
    cs_word *words;
    cs_segment *segments;
    int32_t n_words, n_segments;
    cs_token *tokens = make_tokens(arena, options, emissions, n, s);
    char *text_copy = csi_string(arena, text->data, text->size);
    char *language_copy = language ? csi_arena_text(arena, language, strlen(language)) : NULL;
    if (!tokens || !text_copy || !language_copy || !csi_words_build(arena, &view, &words, &n_words)
        || !csi_segments_build(arena, options, words, n_words, &segments, &n_segments))
        return false;
    csi_words_confidence(&view, &s->decoded, &s->tightened, words, n_words);
    for (int32_t i = 0; i < n_words; i++) {
        words[i].start_seconds = csi_seconds_of(options, words[i].start_frame);
        words[i].end_seconds = csi_seconds_of(options, words[i].end_frame);
    }
    for (int32_t i = 0; i < n_segments; i++) {
        segments[i].start_seconds = csi_seconds_of(options, segments[i].start_frame);
        segments[i].end_seconds = csi_seconds_of(options, segments[i].end_frame);
    }
    result->text = text_copy;
    result->language = language_copy;
    result->tokens = tokens;
    result->n_tokens = (int32_t)n;
    result->words = words;
    result->n_words = n_words;
    result->segments = segments;
    result->n_segments = n_segments;
    return true;
}

cs_err csi_compose_result(csi_arena *arena, const csi_compose *options, const csi_emission *emissions,
                          size_t n_emissions, cs_result *result, cs_error *err)
{
    scratch s;
    if (n_emissions > INT32_MAX)
        return csi_fail(err, CS_EINVAL, -1, "%zu tokens in one result, expected less than 2^31", n_emissions);
    bool ok = scratch_init(&s, arena->env, n_emissions) && compose(arena, options, emissions, n_emissions, &s, result);
    scratch_finish(&s);
    return ok ? CS_OK : csi_fail_memory(err, n_emissions * sizeof(cs_token), "a result");
}
