/* SPDX-License-Identifier: MIT
 * The search of an encoder-decoder model: greedy, or beams with NeMo's length penalty and its surprises (docs/MODEL.md,
 * section 10): an end as first token ends nothing, scores are multiplied back by the penalty of the place that a line lands
 * in, and a beam search writes one token more than its limit.
 *
 * Lines are kept as a history of (token, parent) per step and read from behind: nothing is copied when beams change places,
 * and a step tells the decoder the same parents for its keys and values. Scores are added in f32, as NeMo does.
 *
 * The guard is ours: a decoder that repeats the same tokens for ever is stopped, and one round of them is kept.
 *
 * Source: NeMo nemo/collections/asr/modules/transformer/transformer_generators.py, GreedySequenceGenerator,
 * BeamSearchSequenceGenerator. */
#include "decode/decode.h"

#include <math.h>

typedef struct taken {
    int32_t token, parent;
    float logprob, confidence;
} taken;

/* A loop has a period of so many tokens at most, and is so long at least. */
enum { MOST_PERIOD = 32, LEAST_LOOP = 32, MOST_ROUNDS = 32 };

static float penalty_of(const csi_aed_search *s, int64_t length)
{
    float base = (5 + (float)length) / 6;
    return s->options.length_penalty == 0 ? 1 : powf(base, s->options.length_penalty);
}

static bool is_over(const csi_aed_search *s, int32_t token)
{
    return token == s->options.end || token == s->options.pad;
}

/* Indices of the k largest of values (n), in order, the first of equals first. n >= k; NaN never gets in before others. */
static void find_best(const float *values, int32_t n, int32_t k, int32_t *best)
{
    int32_t found = 0;
    for (int32_t i = 0; i < n; i++) {
        float v = values[i];
        if (v != v || (found == k && v <= values[best[k - 1]]))
            continue;
        int32_t at = found < k ? found++ : k - 1;
        for (; at > 0 && v > values[best[at - 1]]; at--)
            best[at] = best[at - 1];
        best[at] = i;
    }
    for (; found < k; found++) /* only where there are NaN */
        best[found] = 0;
}

/* ------------------------------------------------------------------- begin */

cs_err csi_aed_begin(csi_aed_search *s, const csi_env *env, const csi_ops *ops, const csi_aed_options *o, cs_error *err)
{
    *s = (csi_aed_search){.options = *o, .ops = ops};
    csi_buf_init(&s->history, env);
    if (o->beams < 1 || o->beams > CS_MOST_BEAMS || o->beams > o->classes)
        return csi_fail(err, CS_EINVAL, -1, "%d beams, expected 1 to %d", (int)o->beams,
                        (int)CSI_MIN(CS_MOST_BEAMS, o->classes));
    if (o->guard != 0 && (o->guard < 2 || o->guard > MOST_ROUNDS))
        return csi_fail(err, CS_EINVAL, -1, "a repetition guard of %d rounds, expected 0 or 2 to %d", (int)o->guard,
                        MOST_ROUNDS);
    if (o->n_prompt < 1 || (o->greedy && o->beams != 1) || !(o->length_penalty >= -100 && o->length_penalty <= 100))
        return csi_fail(
            err, CS_EINVAL, -1,
            "a search with %d tokens of prompt, %d beams and length penalty %g, expected a prompt, one beam "
            "when greedy and a penalty from -100 to 100",
            (int)o->n_prompt, (int)o->beams, (double)o->length_penalty);
    if (!o->greedy || o->limit > o->n_prompt)
        s->step = (csi_aed_turn){.tokens = o->prompt, .parents = s->parents, .n_lines = 1, .n_tokens = o->n_prompt};
    return CS_OK;
}

void csi_aed_finish(csi_aed_search *s)
{
    csi_buf_finish(&s->history);
}

/* -------------------------------------------------------------------- take */

static float confidence_of(const csi_aed_search *s, const csi_softmax_sums *sums)
{
    const csi_confidence *c = s->options.confidence;
    return c ? (float)csi_confidence_of(c, s->options.classes, sums) : 0;
}

static csi_softmax_sums sums_of(const csi_aed_search *s, const float *logits)
{
    const csi_confidence *c = s->options.confidence;
    csi_softmax_sums sums;
    s->ops->softmax_sums(logits, s->options.classes, c ? (float)c->alpha : 1, &sums);
    return sums;
}

/* The places that lines get with the tokens given to them; parents and scores are set. */
static void settle(csi_aed_search *s, const taken *line)
{
    int64_t contents[CS_MOST_BEAMS];
    for (int32_t j = 0; j < s->options.beams; j++)
        contents[j] = s->contents[line[j].parent] + !is_over(s, line[j].token);
    for (int32_t j = 0; j < s->options.beams; j++) {
        s->tokens[j] = line[j].token;
        s->parents[j] = line[j].parent;
        s->contents[j] = contents[j];
    }
    csi_buf_append(&s->history, line, (size_t)s->options.beams * sizeof *line);
    s->n_tokens++;
}

/* After the prompt: its best tokens begin the lines. */
static void take_first(csi_aed_search *s, const float *logits)
{
    const csi_aed_options *o = &s->options;
    int32_t best[CS_MOST_BEAMS];
    taken line[CS_MOST_BEAMS];
    int64_t contents = 0;
    csi_softmax_sums sums = sums_of(s, logits);
    find_best(logits, o->classes, o->beams, best);
    for (int32_t i = 0; i < o->n_prompt; i++)
        contents += !is_over(s, o->prompt[i]);
    for (int32_t j = 0; j < o->beams; j++) {
        float logprob = (float)(logits[best[j]] - sums.log_sum);
        line[j] = (taken){.token = best[j], .logprob = logprob, .confidence = confidence_of(s, &sums)};
        s->contents[j] = contents;
        s->scores[j] = logprob;
        s->lengths[j] = (int64_t)o->n_prompt + 2;
    }
    settle(s, line);
}

/* The continuations of line b into row b of candidates (beams, beams). */
static void extend(const csi_aed_search *s, int32_t b, const float *logits, taken *rows, float *ranks)
{
    const csi_aed_options *o = &s->options;
    const float penalty = penalty_of(s, s->lengths[b]);
    const csi_softmax_sums sums = sums_of(s, logits);
    int32_t best[CS_MOST_BEAMS];
    if (o->beams == 1)
        best[0] = (int32_t)s->ops->argmax(logits, o->classes);
    else
        find_best(logits, o->classes, o->beams, best);
    for (int32_t k = 0; k < o->beams; k++) {
        float logprob = (float)(logits[best[k]] - sums.log_sum);
        float added = !s->ended[b] ? logprob : k == 0 ? 0 : 10001 * logprob;
        rows[k] = (taken){.token = best[k], .parent = b, .logprob = logprob, .confidence = confidence_of(s, &sums)};
        if (s->ended[b])
            rows[k] = (taken){.token = o->pad, .parent = b};
        ranks[k] = (s->scores[b] + added) / penalty;
    }
}

static void take_beams(csi_aed_search *s, const float *logits)
{
    enum { MOST = CS_MOST_BEAMS * CS_MOST_BEAMS };
    const int32_t beams = s->options.beams;
    taken rows[MOST], line[CS_MOST_BEAMS] = {{0}};
    float ranks[MOST] = {0};
    int32_t best[CS_MOST_BEAMS];
    for (int32_t b = 0; b < beams; b++)
        extend(s, b, logits + (size_t)b * (size_t)s->options.classes, rows + b * beams, ranks + b * beams);
    find_best(ranks, beams * beams, beams, best);
    for (int32_t j = 0; j < beams; j++) {
        line[j] = rows[best[j]];
        s->scores[j] = ranks[best[j]] * penalty_of(s, s->lengths[j]); /* of the place, not of the line */
    }
    settle(s, line);
    for (int32_t j = 0; j < beams; j++) {
        s->lengths[j] = s->contents[j] + 1;
        s->ended[j] = is_over(s, s->tokens[j]);
    }
}

static bool is_done(const csi_aed_search *s)
{
    const csi_aed_options *o = &s->options;
    if (o->greedy)
        return s->tokens[0] == o->end || s->n_tokens >= o->limit - o->n_prompt;
    for (int32_t j = 0; j < o->beams; j++)
        if (!s->ended[j])
            return s->n_tokens > o->limit - o->n_prompt;
    return true;
}

/* ------------------------------------------------------------------- guard */

static taken history_at(const csi_aed_search *s, int64_t step, int32_t line)
{
    taken t;
    memcpy(&t, s->history.data + ((size_t)step * (size_t)s->options.beams + (size_t)line) * sizeof t, sizeof t);
    return t;
}

/* Whether the first line ends in a loop; *kept is then where its second round begins. */
static bool is_loop(const csi_aed_search *s, int64_t *kept)
{
    int32_t tail[MOST_PERIOD * MOST_ROUNDS], n = 0, line = 0;
    while (n < (int32_t)CSI_COUNT(tail) && n < s->n_tokens) {
        taken t = history_at(s, s->n_tokens - 1 - n, line);
        tail[n++] = t.token;
        line = t.parent;
    }
    for (int32_t period = 1; period <= MOST_PERIOD; period++) {
        int32_t rounds = CSI_MAX(s->options.guard, (LEAST_LOOP + period - 1) / period);
        if (period * rounds > n)
            continue;
        int32_t same = 0;
        while (same < period * (rounds - 1) && tail[same] == tail[same + period])
            same++;
        if (same == period * (rounds - 1)) {
            *kept = s->n_tokens - same;
            return true;
        }
    }
    return false;
}

cs_err csi_aed_take(csi_aed_search *s, const float *logits, cs_error *err)
{
    s->n_runs++;
    if (s->n_tokens == 0)
        take_first(s, logits);
    else
        take_beams(s, logits);
    if (s->history.failed)
        return csi_fail_memory(err, s->history.size, "the lines of a search");
    s->looped = s->options.guard && !s->ended[0] && is_loop(s, &s->kept);
    s->step.n_lines = s->looped || is_done(s) ? 0 : s->options.beams;
    s->step.tokens = s->tokens;
    s->step.n_tokens = 1;
    s->step.position = s->options.n_prompt + s->n_tokens - 1;
    return CS_OK;
}

cs_err csi_aed_run(csi_aed_search *s, csi_aed_step_fn fn, void *user, float *logits, csi_stop_fn stop, void *stop_user,
                   cs_error *err)
{
    cs_err code = CS_OK;
    while (!code && s->step.n_lines > 0) {
        if (stop && stop(stop_user))
            return csi_fail(err, CS_ECANCELLED, -1, "cancelled");
        code = fn(user, &s->step, logits, err);
        code = code ? code : csi_aed_take(s, logits, err);
    }
    return code;
}

/* ------------------------------------------------------------------- lines */

int32_t csi_aed_best(const csi_aed_search *s)
{
    int32_t best = 0;
    if (s->looped)
        return 0;
    for (int32_t j = 1; j < s->options.beams; j++)
        if (s->scores[j] / penalty_of(s, s->lengths[j]) > s->scores[best] / penalty_of(s, s->lengths[best]))
            best = j;
    return best;
}

cs_err csi_aed_line(const csi_aed_search *s, int32_t line, csi_emissions *out, cs_error *err)
{
    const size_t before = out->n;
    int64_t n = 0;
    for (int64_t i = 0; i < s->n_tokens; i++) {
        cs_err code = csi_emissions_add(out, (csi_emission){.duration = 1}, err);
        if (code)
            return code;
    }
    for (int64_t i = s->n_tokens, at = line; i-- > 0;) {
        taken t = history_at(s, i, (int32_t)at);
        csi_emission *e = &out->items[before + (size_t)i];
        e->id = t.token;
        e->logprob = t.logprob;
        e->confidence = t.confidence;
        n = n == 0 && !is_over(s, t.token) ? i + 1 : n;
        at = t.parent;
    }
    out->n = before + (size_t)(s->looped && line == 0 ? CSI_MIN(n, s->kept) : n);
    out->score += s->n_tokens ? s->scores[line] : 0;
    return CS_OK;
}
