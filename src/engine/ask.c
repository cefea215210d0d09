/* SPDX-License-Identifier: MIT
 *
 * What the options of a call say to a Canary: its prompt and its search, checked before anything is heard. Another model is asked
 * for nothing of the kind, and says so. */
#include "engine/engine.h"

#include <math.h>

enum { MOST_ROUNDS = 32 };

/* ------------------------------------------------------- models without a prompt */

/* The option that only an encoder-decoder understands, where one is set; NULL: none. */
static const char *foreign_option(const cs_transcribe_options *o)
{
    cs_transcribe_options defaults;
    cs_transcribe_options_init(&defaults);
    const struct {
        const char *name;
        bool is_set;
    } options[] = {
        {"language", o->language != NULL},
        {"target_language", o->target_language != NULL},
        {"punctuation", o->punctuation != CS_CHOICE_DEFAULT},
        {"context", o->context != NULL},
        {"emotion", o->emotion != NULL},
        {"itn", o->itn != CS_CHOICE_DEFAULT},
        {"diarize", o->diarize != CS_CHOICE_DEFAULT},
        {"translate", o->translate != CS_CHOICE_DEFAULT},
        {"beams", o->beams != 0},
        {"n_best", o->n_best != 0},
        {"length_penalty", !isnan(o->length_penalty)},
        {"max_generation_delta", o->max_generation_delta != INT32_MIN},
        {"repeat_guard", o->repeat_guard != defaults.repeat_guard},
        {"chunking", o->chunking != CS_CHOICE_DEFAULT},
        {"search", o->search != CS_SEARCH_AUTO},
    };
    for (size_t i = 0; i < CSI_COUNT(options); i++)
        if (options[i].is_set)
            return options[i].name;
    return NULL;
}

/* ---------------------------------------------------------------------- checks */

static cs_err check_numbers(const csi_call *c)
{
    const cs_transcribe_options *o = &c->options;
    const cs_choice choices[] = {o->punctuation, o->timestamps, o->itn, o->diarize, o->translate, o->chunking, o->vad};
    for (size_t i = 0; i < CSI_COUNT(choices); i++)
        if ((unsigned)choices[i] > CS_CHOICE_YES)
            return csi_fail(c->err, CS_EINVAL, -1, "a choice is %d, expected default, no or yes", (int)choices[i]);
    if ((unsigned)o->search > CS_SEARCH_BEAM)
        return csi_fail(c->err, CS_EINVAL, -1, "unknown search %d, expected auto, greedy or beam", (int)o->search);
    if (o->beams < 0 || o->beams > CS_MOST_BEAMS)
        return csi_fail(c->err, CS_EINVAL, -1, "%d beams, expected 1 to %d, or 0 for the model's own", o->beams,
                        CS_MOST_BEAMS);
    if (o->n_best < 0 || o->n_best > CS_MOST_BEAMS || (o->beams && o->n_best > o->beams))
        return csi_fail(c->err, CS_EINVAL, -1, "%d alternatives, expected at most as many as beams, which are %d",
                        o->n_best, o->beams ? o->beams : CS_MOST_BEAMS);
    if (o->search == CS_SEARCH_GREEDY && (o->beams > 1 || o->n_best > 1))
        return csi_fail(c->err, CS_EINVAL, -1,
                        "a greedy search has one beam, expected no more of beams and alternatives");
    if (!isnan(o->length_penalty) && !(o->length_penalty >= -100 && o->length_penalty <= 100))
        return csi_fail(c->err, CS_EINVAL, -1, "length penalty is %g, expected -100 to 100", o->length_penalty);
    if (o->max_generation_delta < -1 && o->max_generation_delta != INT32_MIN)
        return csi_fail(c->err, CS_EINVAL, -1,
                        "max_generation_delta is %d, expected 0 or more, or -1 for no such limit",
                        o->max_generation_delta);
    if (o->repeat_guard < 0 || o->repeat_guard == 1 || o->repeat_guard > MOST_ROUNDS)
        return csi_fail(c->err, CS_EINVAL, -1, "repeat_guard is %d, expected 0 (none) or 2 to %d rounds",
                        o->repeat_guard, (int)MOST_ROUNDS);
    return CS_OK;
}

/* Where times come from, and what the prompt says of them: an aligner gives times to text without time tokens. */
static cs_err choose_times(csi_call *c)
{
    const csi_canary *canary = &c->model->canary;
    const cs_choice choice = c->options.timestamps ? c->options.timestamps : canary->prompt.defaults.timestamps;
    const bool can = canary->aligner || canary->has_time_tokens;
    c->ask.slots.timestamps = CS_CHOICE_NO;
    if (choice != CS_CHOICE_YES || (!can && c->options.timestamps != CS_CHOICE_YES))
        return CS_OK;
    if (!can)
        return csi_fail(c->err, CS_EINVAL, -1, "%s gives no times: %s", c->model->info.name,
                        canary->no_aligner ? canary->no_aligner
                        : canary->prompt.format == CSI_PROMPT_CANARY
                            ? "its prompt (format canary) has no place for them"
                            : "its vocabulary has no time tokens");
    c->ask.times = canary->aligner ? CSI_TIMES_ALIGNER : CSI_TIMES_TOKENS;
    if (c->ask.times == CSI_TIMES_TOKENS)
        c->ask.slots.timestamps = CS_CHOICE_YES;
    return CS_OK;
}

/* -------------------------------------------------------------------- languages */

/* A language that is named without the other is both: nobody who says what he speaks asks for a translation by it. */
static void choose_languages(csi_call *c)
{
    const cs_transcribe_options *o = &c->options;
    const csi_prompt *prompt = &c->model->canary.prompt;
    csi_ask *ask = &c->ask;
    ask->tells = o->language && strcmp(o->language, "auto") == 0;
    ask->slots.source = ask->tells ? NULL : o->language;
    ask->slots.target = o->target_language ? o->target_language : ask->slots.source;
    ask->language = csi_prompt_language(prompt, ask->slots.source ? ask->slots.source : prompt->defaults.source);
    ask->target = csi_prompt_language(prompt, ask->slots.target ? ask->slots.target : prompt->defaults.target);
    if (ask->tells && !o->target_language)
        ask->target = NULL;
}

/* -------------------------------------------------------------------- prompt */

static cs_err make_prompt(csi_call *c, const csi_prompt_slots *slots)
{
    const int32_t most = c->model->canary.net.max_positions;
    csi_buf_clear(&c->ask.prompt);
    cs_err code = csi_prompt_ids(&c->model->canary.prompt, slots, &c->ask.prompt, c->err);
    const size_t n = c->ask.prompt.size / sizeof(int32_t);
    if (!code && n > (size_t)most)
        code = csi_fail(c->err, CS_EINVAL, -1, "a prompt of %zu tokens, expected at most %d: give less context", n,
                        (int)most);
    return code;
}

cs_err csi_ask_prompt(csi_call *c, const char *language)
{
    csi_prompt_slots slots = c->ask.slots;
    slots.source = language;
    slots.target = c->ask.target ? c->ask.target : language;
    return make_prompt(c, &slots);
}

/* With "auto" the prompt is not known yet, but all else about it is. */
static cs_err check_prompt(csi_call *c)
{
    cs_err code = CS_OK;
    if (c->ask.tells) {
        csi_buf_clear(&c->ask.prompt);
        code = csi_prompt_beginning(&c->model->canary.prompt, &c->ask.prompt, c->err);
    }
    return code ? code : make_prompt(c, &c->ask.slots);
}

/* ---------------------------------------------------------------------- search */

static void choose_search(csi_call *c)
{
    const cs_transcribe_options *o = &c->options;
    const csi_canary *canary = &c->model->canary;
    const bool several = o->beams > 1 || o->n_best > 1;
    const bool greedy = o->search == CS_SEARCH_GREEDY || (o->search == CS_SEARCH_AUTO && canary->greedy && !several);
    const int32_t beams = o->beams ? o->beams : CSI_MAX(canary->beams, o->n_best);
    csi_ask *ask = &c->ask;
    ask->confidence = (csi_confidence){o->confidence, o->confidence_alpha, o->confidence_aggregate};
    ask->n_best = o->n_best;
    ask->delta = greedy ? canary->greedy_delta : canary->beam_delta;
    if (o->max_generation_delta != INT32_MIN)
        ask->delta = o->max_generation_delta;
    ask->search = (csi_aed_options){.classes = canary->net.classes,
                                    .end = canary->end,
                                    .pad = canary->pad,
                                    .greedy = greedy,
                                    .beams = greedy ? 1 : CSI_MIN(beams, canary->net.classes),
                                    .length_penalty =
                                        (float)(isnan(o->length_penalty) ? canary->length_penalty : o->length_penalty),
                                    .confidence = &ask->confidence,
                                    .guard = o->repeat_guard};
}

cs_err csi_ask_begin(csi_call *c)
{
    const cs_transcribe_options *o = &c->options;
    cs_err code = check_numbers(c);
    csi_buf_init(&c->ask.prompt, &c->model->env);
    if (code)
        return code;
    if (c->head != CS_HEAD_AED) {
        const char *foreign = foreign_option(o);
        return foreign ? csi_fail(c->err, CS_EINVAL, -1,
                                  "%s takes no %s: it is a %s model, which has no prompt and no beams",
                                  c->model->info.name, foreign, c->model->info.family)
                       : CS_OK;
    }
    c->ask.slots = (csi_prompt_slots){.context = o->context,
                                      .emotion = o->emotion,
                                      .translate = o->translate,
                                      .punctuation = o->punctuation,
                                      .itn = o->itn,
                                      .diarize = o->diarize};
    c->ask.chunks = o->chunking != CS_CHOICE_NO;
    choose_languages(c);
    choose_search(c);
    code = choose_times(c);
    return code ? code : check_prompt(c);
}

void csi_ask_end(csi_call *c)
{
    if (c->ask.prompt.env)
        csi_buf_finish(&c->ask.prompt);
}
