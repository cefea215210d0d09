/* SPDX-License-Identifier: MIT
 * What is Canary's own in a golden case: the prompt's slots as options of the call, and answers without frames, in chunks, with
 * alternatives. Log-probabilities and scores 2e-3, seconds 1e-6, confidences to a hundredth and the last digit written;
 * everything discrete is equal. */
#include "golden_check.h"

#include <math.h>
#include <string.h>

enum { RATE = 16000, CHUNKED_FROM = 40 * RATE };

static const double LOGPROB_TOLERANCE = 2e-3;

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int64_t integer_of(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

bool golden_is_canary(const json_t *one)
{
    return strcmp(text_of(one, "head"), "aed") == 0;
}

bool golden_is_refused(const json_t *one)
{
    const char *error = text_of(one, "nemo_error");
    return golden_is_canary(one) && error[0] && strncmp(error, "TypeError", 9) != 0;
}

/* ----------------------------------------------------------------- options */

static cs_choice choice_of(const json_t *slots, const char *slot)
{
    const char *value = text_of(slots, slot);
    return !value[0] ? CS_CHOICE_DEFAULT : strcmp(value, "yes") == 0 ? CS_CHOICE_YES : CS_CHOICE_NO;
}

/* Asked of a call as NeMo's `timestamps` with the slot still at no, models with an aligner give times and others cut up a text
 * that has none: that one is no call of ours. */
static bool wants_times(const json_t *one)
{
    return json_is_true(json_object_get(one, "timestamps"))
           && (strcmp(text_of(json_object_get(one, "slots"), "timestamp"), "yes") == 0
               || json_array_size(json_object_get(one, "words")) > 0 || golden_nemo_failed(one));
}

void golden_canary_options(const json_t *one, cs_transcribe_options *options)
{
    const json_t *slots = json_object_get(one, "slots"), *nbest = json_object_get(one, "nbest");
    const json_t *penalty = json_object_get(one, "length_penalty"), *delta = json_object_get(one, "delta");
    const char *task = text_of(slots, "task"), *strategy = text_of(one, "strategy");
    options->head = CS_HEAD_AED;
    options->repeat_guard = 0;
    options->language = json_string_value(json_object_get(slots, "source_lang"));
    options->target_language = json_string_value(json_object_get(slots, "target_lang"));
    options->context = json_string_value(json_object_get(slots, "decodercontext"));
    options->emotion = json_string_value(json_object_get(slots, "emotion"));
    options->punctuation = choice_of(slots, "pnc");
    options->itn = choice_of(slots, "itn");
    options->diarize = choice_of(slots, "diarize");
    options->timestamps = wants_times(one) ? CS_CHOICE_YES : CS_CHOICE_NO;
    if (task[0])
        options->translate = strcmp(task, "ast") == 0 ? CS_CHOICE_YES : CS_CHOICE_NO;
    if (strategy[0])
        options->search = strcmp(strategy, "greedy") == 0 ? CS_SEARCH_GREEDY : CS_SEARCH_BEAM;
    options->beams = (int32_t)integer_of(one, "beam");
    options->n_best = (int32_t)json_array_size(nbest);
    if (penalty)
        options->length_penalty = json_number_value(penalty);
    if (delta)
        options->max_generation_delta = (int32_t)json_integer_value(delta);
    if (integer_of(one, "samples") >= CHUNKED_FROM && integer_of(one, "chunks") == 1)
        options->chunking = CS_CHOICE_NO; /* NeMo cuts with an aligner alone */
}

/* ------------------------------------------------------------------ tokens */

/* ids: of an answer or an alternative. */
static void check_ids(const char *what, const int32_t *ids, size_t n, const json_t *expected)
{
    size_t i = 0, m = json_array_size(expected);
    while (i < n && i < m && ids[i] == (int32_t)json_integer_value(json_array_get(expected, i)))
        i++;
    if (i < n || i < m)
        golden_bad("%s: ids equal up to %zu: %d, expected %d (%zu ids, expected %zu)", what, i, i < n ? ids[i] : -1,
                   i < m ? (int)json_integer_value(json_array_get(expected, i)) : -1, n, m);
}

static void check_tokens(const cs_result *r, const json_t *one)
{
    const json_t *logprobs = json_object_get(one, "logprobs");
    int32_t ids[1024];
    if (r->n_tokens > 1024) {
        golden_bad("%d tokens", (int)r->n_tokens);
        return;
    }
    for (int32_t i = 0; i < r->n_tokens; i++) {
        const cs_token *t = &r->tokens[i];
        ids[i] = t->id;
        if (t->frame != -1 || !isnan(t->start_seconds) || !isnan(t->end_seconds))
            golden_bad("token %d: frame %lld, %g to %g s, expected none", (int)i, (long long)t->frame, t->start_seconds,
                       t->end_seconds);
    }
    check_ids("answer", ids, (size_t)r->n_tokens, json_object_get(one, "ids"));
    for (size_t i = 0; i < (size_t)r->n_tokens && i < json_array_size(logprobs); i++) {
        double expected = json_number_value(json_array_get(logprobs, i)), met = (double)r->tokens[i].logprob;
        golden_note_worst("logprob", fabs(met - expected), text_of(one, "name"));
        if (!(fabs(met - expected) <= LOGPROB_TOLERANCE))
            golden_bad("logprob of token %zu: %.9g, expected %.9g", i, met, expected);
    }
}

/* Silence is noise of one digit, whose features NeMo's transform rounds as much as they vary: of what it makes of that
 * the best line is compared, not by how much it is the best, nor when the others end. */
static bool is_noise(const json_t *one)
{
    return strcmp(text_of(one, "audio"), "silence") == 0 && integer_of(one, "beam") > 1;
}

static void check_alternatives(const cs_result *r, const json_t *nbest)
{
    if ((size_t)r->n_alternatives != json_array_size(nbest))
        golden_bad("%d alternatives, expected %zu", (int)r->n_alternatives, json_array_size(nbest));
    for (size_t i = 0; i < (size_t)r->n_alternatives && i < json_array_size(nbest); i++) {
        const cs_alternative *a = &r->alternatives[i];
        const json_t *expected = json_array_get(nbest, i);
        double score = json_number_value(json_object_get(expected, "score"));
        check_ids("alternative", a->ids, (size_t)a->n_ids, json_object_get(expected, "ids"));
        golden_note_worst("n-best score", fabs(a->score - score), "");
        if (!(fabs(a->score - score) <= LOGPROB_TOLERANCE))
            golden_bad("score of alternative %zu: %.9g, expected %.9g", i, a->score, score);
        if (!a->text)
            golden_bad("alternative %zu has no text", i);
    }
}

/* The sum, which NeMo has in its n-best lists alone: that of one of the lines; with one line its tokens' and its end's. */
static void check_score(const cs_result *r)
{
    double sum = 0;
    bool found = r->n_alternatives == 0;
    for (int32_t i = 0; i < r->n_tokens; i++)
        sum += (double)r->tokens[i].logprob;
    for (int32_t i = 0; i < r->n_alternatives; i++)
        found |= r->alternatives[i].score == r->score && strcmp(r->alternatives[i].text, r->text) == 0;
    if (!found || (r->n_alternatives == 0 && !(r->score <= sum + LOGPROB_TOLERANCE)))
        golden_bad("score: %g of tokens of %g", r->score, sum);
}

/* Nothing is made of no samples, where NeMo hears a second of rounding. */
static bool is_nothing(const json_t *one)
{
    return integer_of(one, "samples") == 0;
}

static void check_nothing(const cs_result *r)
{
    if (r->text[0] || r->n_tokens || r->n_words || r->n_segments || r->n_frames || r->n_steps)
        golden_bad("of no samples: \"%s\", %d tokens, %d words, %lld frames", r->text, (int)r->n_tokens,
                   (int)r->n_words, (long long)r->n_frames);
}

/* Chunks are merged, where NeMo's ids are those of one chunk after the other. */
void golden_check_canary_tokens(const cs_result *r, const json_t *one)
{
    const int64_t chunks = json_object_get(one, "chunks") ? integer_of(one, "chunks") : 1;
    const json_t *frames = json_object_get(one, "n_frames"), *slots = json_object_get(one, "slots");
    if (r->n_chunks != chunks)
        golden_bad("%d chunks, expected %lld", (int)r->n_chunks, (long long)chunks);
    if (is_nothing(one)) {
        check_nothing(r);
    } else if (chunks == 1) {
        check_tokens(r, one);
        if (frames && r->n_frames != json_integer_value(frames))
            golden_bad("encoder frames: %lld, expected %lld", (long long)r->n_frames,
                       (long long)json_integer_value(frames));
        if (r->n_steps != integer_of(one, "steps") && !is_noise(one))
            golden_bad("%lld steps, expected %lld", (long long)r->n_steps, (long long)integer_of(one, "steps"));
    } else if (r->n_tokens < 1 || (size_t)r->n_tokens > json_array_size(json_object_get(one, "ids"))) {
        golden_bad("%d tokens of %zu before the merge", (int)r->n_tokens, json_array_size(json_object_get(one, "ids")));
    }
    if (!is_noise(one))
        check_alternatives(r, json_object_get(one, "nbest"));
    check_score(r);
    if (strcmp(r->language, text_of(slots, "source_lang")) != 0
        || strcmp(r->target_language, text_of(slots, "target_lang")) != 0)
        golden_bad("from \"%s\" to \"%s\", expected from \"%s\" to \"%s\"", r->language, r->target_language,
                   text_of(slots, "source_lang"), text_of(slots, "target_lang"));
    if (r->head != CS_HEAD_AED || r->looped)
        golden_bad("head %d, looped %d", (int)r->head, (int)r->looped);
}

/* -------------------------------------------------------------------- text */

/* Not of a search apart from transcribe(), nor of its call that is none of ours: there the text is stripped, or not. */
bool golden_has_raw_text(const json_t *one)
{
    return golden_is_canary(one) && !golden_nemo_failed(one) && !text_of(one, "strategy")[0]
           && (!json_object_get(one, "words") || wants_times(one));
}

void golden_check_canary_text(const cs_result *r, const json_t *one, bool raw)
{
    static const char white[] = " \t\n\v\f\r";
    const char *text = is_nothing(one) ? "" : text_of(one, "text");
    size_t n;
    if (!raw)
        text += strspn(text, white);
    n = strlen(text);
    while (!raw && n > 0 && strchr(white, text[n - 1]))
        n--;
    if (strlen(r->text) != n || memcmp(r->text, text, n) != 0)
        golden_bad("%s: \"%s\", expected \"%.*s\"", raw ? "raw text" : "text", r->text, (int)n, text);
}

/* -------------------------------------------------------------------- times */

/* Letters of the text that the word does not hold are left out where they are spaces: NeMo's rule glues words at some. */
static const char *after_word(const char *at, const char *word)
{
    for (; *word; word++) {
        while (*at == ' ' && *word != ' ')
            at++;
        if (*word != ' ' && *word != *at++)
            return NULL;
    }
    return at;
}

/* The words are the text's, and have no times. */
static void check_timeless(const cs_result *r)
{
    const char *at = r->text;
    for (int32_t i = 0; i < r->n_words && at; i++) {
        const cs_word *w = &r->words[i];
        const char *next = after_word(at, w->text);
        if (!next)
            golden_bad("word %d \"%s\" is not in the rest of the text, \"%s\"", (int)i, w->text, at);
        at = next;
        if (w->start_frame != -1 || w->end_frame != -1 || !isnan(w->start_seconds) || !isnan(w->end_seconds))
            golden_bad("word %d \"%s\" has times: frames %lld-%lld", (int)i, w->text, (long long)w->start_frame,
                       (long long)w->end_frame);
    }
    if (at && at[strspn(at, " ")])
        golden_bad("no word holds \"%s\"", at);
    for (int32_t i = 0; i < r->n_segments; i++)
        if (r->segments[i].start_frame != -1 || !isnan(r->segments[i].start_seconds))
            golden_bad("segment %d has times", (int)i);
    if (r->has_times)
        golden_bad("times are claimed");
}

void golden_check_canary_times(const cs_result *r, const json_t *one)
{
    if (wants_times(one) && json_array_size(json_object_get(one, "words")) > 0) {
        if (!r->has_times)
            golden_bad("no times");
        golden_check_spans(r, one);
    } else if (!wants_times(one) || r->text[0]) {
        check_timeless(r);
    }
}
