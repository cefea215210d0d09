/* SPDX-License-Identifier: MIT
 * Results of a Canary: text, tokens and confidences from the decoder's tokens; words and segments with times where there are any;
 * alternatives; and what befell the answer. */
#include "engine/engine.h"

#include <math.h>

/* --------------------------------------------------------------------- text */

const int32_t *csi_aed_ids(csi_arena *arena, const csi_emissions *tokens)
{
    int32_t *ids = csi_arena_array(arena, tokens->n, sizeof *ids);
    for (size_t i = 0; ids && i < tokens->n; i++)
        ids[i] = tokens->items[i].id;
    return ids;
}

const char *csi_aed_text(const csi_call *c, csi_arena *arena, const int32_t *ids, size_t n)
{
    csi_buf text;
    csi_buf_init(&text, &c->model->env);
    csi_tokenizer_decode(c->model->tokenizer, ids, n, &text);
    const char *kept = text.failed ? NULL : csi_string(arena, text.data ? text.data : "", text.size);
    csi_buf_finish(&text);
    return kept;
}

/* NeMo's text of an aggregate begins with a space: kept where a caller wants the pieces' own spacing and neither an aligner is there
 * nor times are asked for, with which NeMo strips it. */
static const char *stripped(const csi_call *c, csi_arena *arena, const char *text)
{
    size_t n_bytes = strlen(text);
    if (c->options.raw_punctuation_spacing && !c->model->canary.aligner && c->ask.times == CSI_TIMES_NONE)
        return text;
    const char *from = csi_strip(text, &n_bytes);
    return csi_arena_text(arena, from, n_bytes);
}

/* -------------------------------------------------------------------- times */

static bool clear_tokens(csi_arena *arena, cs_result *r)
{
    cs_token *tokens = csi_arena_array(arena, (size_t)r->n_tokens, sizeof *tokens);
    for (int32_t i = 0; tokens && i < r->n_tokens; i++) {
        tokens[i] = r->tokens[i];
        tokens[i].frame = -1;
        tokens[i].duration = 0;
        tokens[i].start_seconds = tokens[i].end_seconds = NAN;
    }
    r->tokens = tokens;
    return tokens != NULL;
}

static bool clear_words(csi_arena *arena, cs_result *r)
{
    cs_word *words = csi_arena_array(arena, (size_t)r->n_words, sizeof *words);
    cs_segment *segments = csi_arena_array(arena, (size_t)r->n_segments, sizeof *segments);
    for (int32_t i = 0; words && i < r->n_words; i++) {
        words[i] = r->words[i];
        words[i].start_frame = words[i].end_frame = -1;
        words[i].start_seconds = words[i].end_seconds = NAN;
    }
    for (int32_t i = 0; segments && i < r->n_segments; i++) {
        segments[i] = r->segments[i];
        segments[i].start_frame = segments[i].end_frame = -1;
        segments[i].start_seconds = segments[i].end_seconds = NAN;
    }
    r->words = words;
    r->segments = segments;
    return words && segments;
}

/* The words that the tokens between time tokens make, with the places of these tokens among all. */
static cs_err words_between(const csi_call *c, const csi_item *item, csi_arena *arena, const csi_compose *compose,
                            cs_word **words, int32_t *n_words)
{
    const csi_emissions *all = &item->emissions;
    csi_emission *between = csi_arena_array(arena, all->n, sizeof *between);
    int32_t *places = csi_arena_array(arena, all->n, sizeof *places);
    cs_result r = {0};
    size_t closed;
    if (!between || !places)
        return csi_fail_memory(c->err, all->n * sizeof *between, "the words");
    const size_t n = csi_timed_content(c->model->tokenizer, all->items, all->n, places, &closed);
    for (size_t i = 0; i < n; i++)
        between[i] = all->items[places[i]];
    cs_err code = csi_compose_result(arena, compose, between, n, &r, c->err);
    *words = code ? NULL : csi_arena_array(arena, (size_t)r.n_words, sizeof **words);
    if (code || !*words)
        return code ? code : csi_fail_memory(c->err, n * sizeof **words, "the words");
    *n_words = r.n_words;
    for (int32_t i = 0; i < r.n_words; i++) {
        cs_word *word = &(*words)[i];
        *word = r.words[i];
        const int32_t last = word->first_token + word->n_tokens - 1;
        if (word->n_tokens > 0)
            word->n_tokens = places[last] - places[word->first_token] + 1;
        word->first_token = (size_t)word->first_token < n ? places[word->first_token] : 0;
    }
    return CS_OK;
}

static cs_err use_times(const csi_call *c, const csi_item *item, csi_arena *arena, const csi_compose *compose,
                        const csi_timed *timed, cs_result *r)
{
    csi_timed linked = *timed;
    cs_word *between = NULL;
    const cs_word *words = r->words;
    int32_t n_words = r->n_words;
    cs_err code = CS_OK;
    if (c->ask.times == CSI_TIMES_TOKENS) {
        code = words_between(c, item, arena, compose, &between, &n_words);
        words = between;
    }
    if (code)
        return code;
    csi_timed_link(words, n_words, &linked);
    r->words = linked.words;
    r->n_words = linked.n_words;
    r->segments = linked.segments;
    r->n_segments = linked.n_segments;
    if (linked.text)
        r->text = linked.text;
    r->has_times = 1;
    return CS_OK;
}

/* ------------------------------------------------------------------- warnings */

static void warn(csi_buf *text, const csi_item *item, int32_t n, const char *what)
{
    if (n == 0)
        return;
    csi_buf_printf(text, "%s%s", text->size ? "; " : "", what);
    if (item->n_chunks > 1)
        csi_buf_printf(text, " (%d of %d chunks)", n, item->n_chunks);
}

static bool tell_warnings(const csi_call *c, const csi_item *item, csi_arena *arena, cs_result *r)
{
    csi_buf text;
    csi_buf_init(&text, &c->model->env);
    warn(&text, item, item->n_looped, "the decoder went round in circles and was stopped");
    warn(&text, item, item->n_cut, "the answer reached its limit and may lack its end");
    warn(&text, item, item->n_untimed,
         c->ask.times == CSI_TIMES_TOKENS ? "the decoder wrote no time tokens"
         : item->n_chunks > 1             ? "the aligner has too few frames for the text, whose times are spread evenly"
                                          : "the aligner has too few frames for the text, which has no times");
    bool ok = !text.failed;
    if (text.size) {
        r->warning = csi_arena_text(arena, text.data, text.size);
        ok = ok && r->warning;
    }
    if (ok && r->warning)
        csi_log(&c->model->env, CS_LOG_WARNING, "decoder", "%s", r->warning);
    csi_buf_finish(&text);
    return ok;
}

/* -------------------------------------------------------------------- result */

static bool add_alternatives(const csi_call *c, const csi_item *item, csi_arena *arena, cs_result *r)
{
    cs_alternative *list = csi_arena_array(arena, (size_t)item->n_others, sizeof *list);
    for (int32_t i = 0; list && i < item->n_others; i++) {
        const csi_emissions *e = &item->others[i];
        list[i] = (cs_alternative){.score = e->score, .ids = csi_aed_ids(arena, e), .n_ids = (int32_t)e->n};
        const char *text = list[i].ids ? csi_aed_text(c, arena, list[i].ids, e->n) : NULL;
        list[i].text = text ? stripped(c, arena, text) : NULL;
        if (!list[i].text)
            return false;
    }
    r->alternatives = list;
    r->n_alternatives = item->n_others;
    return list != NULL;
}

cs_err csi_aed_fill(csi_call *c, const csi_item *item, csi_arena *arena, const csi_timed *timed, cs_result *r)
{
    csi_compose compose = csi_compose_of(c);
    compose.raw_spacing = true; /* NeMo leaves spaces before punctuation here */
    cs_err code = csi_compose_result(arena, &compose, item->emissions.items, item->emissions.n, r, c->err);
    if (code)
        return code;
    r->text = stripped(c, arena, r->text);
    bool ok = r->text && clear_tokens(arena, r) && (timed || clear_words(arena, r));
    if (!ok)
        return csi_fail_memory(c->err, item->emissions.n * sizeof *r->tokens, "the result");
    if (timed && (code = use_times(c, item, arena, &compose, timed, r)))
        return code;
    r->head = c->head;
    r->language = item->language ? item->language : c->ask.tells ? "" : c->ask.language;
    r->target_language = item->target ? item->target : c->ask.target ? c->ask.target : r->language;
    r->duration_seconds = item->duration_seconds;
    r->score = item->emissions.score;
    r->n_frames = item->n_frames;
    r->n_steps = item->n_steps;
    r->looped = item->n_looped > 0;
    r->n_chunks = CSI_MAX(item->n_chunks, 1);
    return add_alternatives(c, item, arena, r) && tell_warnings(c, item, arena, r)
               ? CS_OK
               : csi_fail_memory(c->err, item->emissions.n * sizeof *r->tokens, "the result");
}

cs_err csi_aed_result(csi_call *c, csi_item *item)
{
    csi_arena *arena;
    csi_timed timed;
    bool has_times;
    cs_result *r = csi_result_create(c->model, &arena, c->err);
    if (!r)
        return CS_ENOMEM;
    cs_err code = csi_aed_times(c, item, arena, &timed, &has_times);
    item->n_untimed = c->ask.times != CSI_TIMES_NONE && !has_times && item->emissions.n > 0;
    code = code ? code : csi_aed_fill(c, item, arena, has_times ? &timed : NULL, r);
    if (code) {
        cs_result_free(r);
        return code;
    }
    item->result = r;
    return CS_OK;
}
