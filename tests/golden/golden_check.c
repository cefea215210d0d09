/* SPDX-License-Identifier: MIT
 * Compares a result with NeMo's. Numbers have a tolerance each, everything discrete must be equal:
 *
 *   stages        as the tensor file says: mel 1e-3 at worst and 1e-5 in the mean, the encoder 2e-4
 *   score         2e-3 relative; log-probabilities and confidences 2e-3
 *   seconds       1e-6
 *   ids, frames, durations, word and segment frames, texts: equal
 *
 * A failed comparison prints the first bad index and the worst one. */
#include "golden_check.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double SCORE_TOLERANCE = 2e-3, CONFIDENCE_TOLERANCE = 2e-3, SECONDS_TOLERANCE = 1e-6;

/* ---------------------------------------------------------------- worst of each kind */

static struct worst {
    char what[32];
    double difference;
    char where[96];
} worst_list[48];

void golden_note_worst(const char *what, double difference, const char *where)
{
    for (size_t i = 0; i < sizeof worst_list / sizeof worst_list[0]; i++) {
        struct worst *w = &worst_list[i];
        if (w->what[0] && strcmp(w->what, what) != 0)
            continue;
        if (!w->what[0] || difference > w->difference) {
            snprintf(w->what, sizeof w->what, "%s", what);
            snprintf(w->where, sizeof w->where, "%s", where);
            w->difference = difference;
        }
        return;
    }
}

void golden_print_worst(void)
{
    for (size_t i = 0; i < sizeof worst_list / sizeof worst_list[0] && worst_list[i].what[0]; i++)
        printf("# worst %-14s %.2e  %s\n", worst_list[i].what, worst_list[i].difference, worst_list[i].where);
}

static atomic_int n_bad; /* several threads run cases at once */

int golden_take_bad(void)
{
    return atomic_exchange(&n_bad, 0);
}

void golden_bad(const char *format, ...)
{
    va_list args;
    atomic_fetch_add(&n_bad, 1);
    printf("#   ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

/* ---------------------------------------------------------------- JSON */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_at(const json_t *array, size_t i)
{
    return json_number_value(json_array_get(array, i));
}

static int64_t integer_at(const json_t *array, size_t i)
{
    return (int64_t)json_integer_value(json_array_get(array, i));
}

/* "70,13" or "70,7,7"; "" without a context. */
static const char *context_name(const json_t *one, char *name, size_t size)
{
    const json_t *context = json_object_get(one, "context");
    size_t used = 0;
    name[0] = 0;
    for (size_t i = 0; i < json_array_size(context) && used < size; i++)
        used += (size_t)snprintf(name + used, size - used, "%s%d", i ? "," : "", (int)integer_at(context, i));
    return name;
}

void golden_case_name(const json_t *one, char *name, size_t size)
{
    const json_t *context = json_object_get(one, "context"), *limit = json_object_get(one, "max_symbols");
    char text[48];
    int n = snprintf(name, size, "%s %s", text_of(one, "name"), text_of(one, "head"));
    if (context && n >= 0 && (size_t)n < size)
        n += snprintf(name + n, size - (size_t)n, " context %s", context_name(one, text, sizeof text));
    if (limit && n >= 0 && (size_t)n < size)
        snprintf(name + n, size - (size_t)n, " max_symbols %d", (int)json_integer_value(limit));
}

bool golden_nemo_failed(const json_t *one)
{
    return json_object_get(one, "nemo_error") != NULL;
}

/* ---------------------------------------------------------------- running */

void golden_case_options(const json_t *one, cs_transcribe_options *options)
{
    const json_t *context = json_object_get(one, "context"), *limit = json_object_get(one, "max_symbols");
    const char *head = text_of(one, "head");
    cs_transcribe_options_init(options);
    if (golden_is_canary(one)) {
        golden_canary_options(one, options);
        return;
    }
    options->head = strcmp(head, "ctc") == 0 ? CS_HEAD_CTC : strcmp(head, "rnnt") == 0 ? CS_HEAD_RNNT : CS_HEAD_TDT;
    if (limit)
        options->max_symbols = (int32_t)json_integer_value(limit);
    if (context) {
        options->att_left = (int32_t)integer_at(context, 0);
        options->att_right = (int32_t)integer_at(context, json_array_size(context) - 1);
        if (json_array_size(context) == 3)
            options->att_chunk = (int32_t)integer_at(context, 1);
    }
}

bool golden_confidence_options(const json_t *entry, cs_transcribe_options *options)
{
    static const char *const measures[] = {"max_prob",    "gibbs_lin", "gibbs_exp", "tsallis_lin",
                                           "tsallis_exp", "renyi_lin", "renyi_exp"};
    static const char *const aggregates[] = {"min", "mean", "max", "prod"};
    int measure = -1, aggregate = -1;
    for (int i = 0; i < 7; i++)
        measure = strcmp(text_of(entry, "measure"), measures[i]) == 0 ? i : measure;
    for (int i = 0; i < 4; i++)
        aggregate = strcmp(text_of(entry, "aggregate"), aggregates[i]) == 0 ? i : aggregate;
    if (measure < 0 || aggregate < 0)
        return false;
    options->confidence = (cs_confidence)measure;
    options->confidence_aggregate = (cs_aggregate)aggregate;
    options->confidence_alpha = json_number_value(json_object_get(entry, "alpha"));
    return true;
}

static size_t count_of(int32_t n_dims, const int64_t *dims)
{
    size_t n = 1;
    for (int32_t i = 0; i < n_dims; i++)
        n *= (size_t)dims[i];
    return n;
}

/* A stage that is there already goes on, below: a decoder's step after step. */
static void keep_stage(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *data)
{
    golden_run *run = user;
    const size_t n = count_of(n_dims, dims);
    int32_t at = 0;
    while (at < run->n_stages && strcmp(run->stages[at].name, name) != 0)
        at++;
    golden_stage *stage = &run->stages[at];
    if (at == GOLDEN_MAX_STAGES || n_dims < 1 || n_dims > GOLDEN_MAX_DIMS)
        return;
    if (at == run->n_stages) {
        *stage = (golden_stage){.n_dims = n_dims};
        snprintf(stage->name, sizeof stage->name, "%s", name);
        memcpy(stage->dims + 1, dims + 1, sizeof *dims * (size_t)(n_dims - 1));
        run->n_stages++;
    }
    if (stage->n_dims != n_dims || memcmp(stage->dims + 1, dims + 1, sizeof *dims * (size_t)(n_dims - 1)) != 0)
        return;
    const size_t before = count_of(n_dims, stage->dims);
    float *values = realloc(stage->values, (before + n) * sizeof(float) + 1);
    if (!values)
        return;
    if (n > 0)
        memcpy(values + before, data, n * sizeof(float));
    stage->values = values;
    stage->dims[0] += dims[0];
}

static void add_time(void *user, const char *name, double ms)
{
    golden_run *run = user;
    run->told_ms += ms;
    if (!name[0] || !(ms >= 0))
        golden_bad("stage '%s' took %g ms", name, ms);
}

/* Stages are parts of what the result tells, which need not be the whole. */
static void check_told(const golden_run *run)
{
    const cs_result *r = run->result;
    double all = r->mel_ms + r->encoder_ms + r->decode_ms;
    if (!(run->told_ms > 0 && run->told_ms <= all + 1e-3))
        golden_bad("the stages took %g ms of %g", run->told_ms, all);
}

int golden_run_case(golden_run *run, const golden_data *data, cs_model *model, const json_t *one,
                    const cs_transcribe_options *options, bool stages)
{
    cs_transcribe_options mine = *options;
    cs_error err = {0};
    size_t n;
    float *samples = golden_cut(data, one, &n);
    memset(run, 0, sizeof *run);
    if (!samples) {
        golden_bad("the recording is shorter than the case says");
        return -1;
    }
    if (stages) {
        mine.tensor = keep_stage;
        mine.stage = add_time;
        mine.tensor_user = mine.stage_user = run;
    }
    const cs_err code = cs_transcribe(model, samples, n, &mine, &run->result, &err);
    free(samples);
    if (code != (golden_is_refused(one) ? CS_EINVAL : CS_OK)) {
        golden_bad("cs_transcribe: code %d %s", (int)code, err.message);
        return -1;
    }
    if (stages && code == CS_OK)
        check_told(run);
    return 0;
}

void golden_run_free(golden_run *run)
{
    cs_result_free(run->result);
    for (int32_t i = 0; i < run->n_stages; i++)
        free(run->stages[i].values);
    memset(run, 0, sizeof *run);
}

/* ---------------------------------------------------------------- stages */

static void index_text(const golden_tensor *t, size_t i, char *text, size_t size)
{
    if (t->n_dims == 2)
        snprintf(text, size, "[%lld,%lld]", (long long)((int64_t)i / t->dims[1]), (long long)((int64_t)i % t->dims[1]));
    else
        snprintf(text, size, "[%zu]", i);
}

static void check_stage(const golden_tensor *t, const golden_stage *stage)
{
    size_t first = SIZE_MAX, worst = 0;
    double most = 0.0, sum = 0.0;
    char at[2][64];
    if (stage->n_dims != t->n_dims || memcmp(stage->dims, t->dims, sizeof t->dims[0] * (size_t)t->n_dims) != 0) {
        golden_bad("%s: %lld x %lld, expected %lld x %lld", t->name, (long long)stage->dims[0],
                   (long long)stage->dims[1], (long long)t->dims[0], (long long)t->dims[1]);
        return;
    }
    for (size_t i = 0; i < t->n_values; i++) {
        double difference = fabs((double)stage->values[i] - (double)t->values[i]);
        sum += difference;
        if (!(difference <= (double)t->most) && first == SIZE_MAX)
            first = i;
        if (!(difference <= most)) {
            most = difference;
            worst = i;
        }
    }
    double mean = t->n_values ? sum / (double)t->n_values : 0.0;
    golden_note_worst(stage->name, most, t->name);
    if (first != SIZE_MAX) {
        index_text(t, first, at[0], sizeof at[0]);
        index_text(t, worst, at[1], sizeof at[1]);
        golden_bad(
            "%s: first bad %s: %.7g, expected %.7g; worst %s: %.7g, expected %.7g, difference %.3g, allowed %.3g",
            t->name, at[0], (double)stage->values[first], (double)t->values[first], at[1], (double)stage->values[worst],
            (double)t->values[worst], most, (double)t->most);
    } else if (!(mean <= (double)t->mean)) {
        golden_bad("%s: mean difference %.3g, allowed %.3g", t->name, mean, (double)t->mean);
    }
}

void golden_check_stages(const golden_run *run, const golden_data *data, const json_t *one)
{
    char prefix[96], name[96 + sizeof run->stages->name], context[48];
    bool ctc = strcmp(text_of(one, "head"), "ctc") == 0;
    context_name(one, context, sizeof context);
    snprintf(prefix, sizeof prefix, "%s%s%s/", text_of(one, "name"), *context ? "@" : "", context);
    for (size_t i = 0; i < data->n_tensors; i++) {
        const golden_tensor *t = &data->tensors[i];
        const golden_stage *stage = NULL;
        if (strncmp(t->name, prefix, strlen(prefix)) != 0 || (!ctc && strstr(t->name, "/ctc_logprobs"))
            || strcmp(t->name + strlen(prefix), "aligner") == 0) /* no times are asked for */
            continue;
        for (int32_t k = 0; k < run->n_stages && !stage; k++) {
            snprintf(name, sizeof name, "%s%s", prefix, run->stages[k].name);
            stage = strcmp(name, t->name) == 0 ? &run->stages[k] : NULL;
        }
        if (stage && stage->values)
            check_stage(t, stage);
        else
            golden_bad("%s: the library did not give this stage", t->name);
    }
}

/* ---------------------------------------------------------------- tokens, text */

/* Prints both lists around the first difference. */
static void check_integers(const char *what, const int64_t *met, size_t n, const json_t *expected)
{
    size_t m = json_array_size(expected), i = 0;
    while (i < n && i < m && met[i] == integer_at(expected, i))
        i++;
    if (i == n && i == m)
        return;
    if (i < n && i < m)
        golden_bad("%s: first difference at token %zu: %lld, expected %lld (%zu tokens, expected %zu)", what, i,
                   (long long)met[i], (long long)integer_at(expected, i), n, m);
    else
        golden_bad("%s: %zu tokens, expected %zu; equal up to %zu", what, n, m, i);
}

static void check_near_at(const char *what, size_t i, double met, double expected, double tolerance)
{
    if (!(fabs(met - expected) <= tolerance))
        golden_bad("%s %zu: %.9g, expected %.9g", what, i, met, expected);
}

void golden_check_tokens(const cs_result *r, const json_t *one)
{
    if (golden_is_canary(one)) {
        golden_check_canary_tokens(r, one);
        return;
    }
    size_t n = (size_t)r->n_tokens;
    int64_t *column = calloc(n + 1, sizeof *column);
    const json_t *logprobs = json_object_get(one, "logprobs"), *frames = json_object_get(one, "n_frames");
    if (!column)
        return;
    for (size_t i = 0; i < n; i++)
        column[i] = r->tokens[i].id;
    check_integers("ids", column, n, json_object_get(one, "ids"));
    for (size_t i = 0; i < n; i++)
        column[i] = r->tokens[i].frame;
    check_integers("frames", column, n, json_object_get(one, "frames"));
    for (size_t i = 0; i < n; i++)
        column[i] = r->tokens[i].duration;
    check_integers("durations", column, n, json_object_get(one, "durations"));
    free(column);
    if (frames && r->n_frames != (int64_t)json_integer_value(frames))
        golden_bad("encoder frames: %lld, expected %lld", (long long)r->n_frames,
                   (long long)json_integer_value(frames));
    for (size_t i = 0; i < n && i < json_array_size(logprobs); i++) {
        golden_note_worst("logprob", fabs((double)r->tokens[i].logprob - number_at(logprobs, i)), text_of(one, "name"));
        check_near_at("logprob of token", i, (double)r->tokens[i].logprob, number_at(logprobs, i),
                      CONFIDENCE_TOLERANCE);
    }
    double score = json_number_value(json_object_get(one, "score"));
    double relative = fabs(r->score - score) / fmax(1.0, fabs(score));
    golden_note_worst("score", relative, text_of(one, "name"));
    if (!(relative <= SCORE_TOLERANCE))
        golden_bad("score: %.9g, expected %.9g", r->score, score);
}

void golden_check_text(const cs_result *r, const json_t *one)
{
    if (golden_is_canary(one)) {
        golden_check_canary_text(r, one, false);
        return;
    }
    const char *text = text_of(one, "text");
    if (strcmp(r->text, text) != 0)
        golden_bad("text: \"%s\", expected \"%s\"", r->text, text);
    if (json_object_get(one, "language") && strcmp(r->language, text_of(one, "language")) != 0)
        golden_bad("language: \"%s\", expected \"%s\"", r->language, text_of(one, "language"));
}

/* ---------------------------------------------------------------- times */

/* expected: [text, first frame, last frame, start, end] */
static void check_span(const char *what, size_t i, const char *text, int64_t start_frame, int64_t end_frame,
                       double start, double end, const json_t *expected)
{
    const char *wanted = json_string_value(json_array_get(expected, 0));
    if (!wanted || strcmp(text, wanted) != 0)
        golden_bad("%s %zu: \"%s\", expected \"%s\"", what, i, text, wanted ? wanted : "(nothing)");
    if (start_frame != integer_at(expected, 1) || end_frame != integer_at(expected, 2))
        golden_bad("%s %zu \"%s\": frames %lld-%lld, expected %lld-%lld", what, i, text, (long long)start_frame,
                   (long long)end_frame, (long long)integer_at(expected, 1), (long long)integer_at(expected, 2));
    check_near_at(what, i, start, number_at(expected, 3), SECONDS_TOLERANCE);
    check_near_at(what, i, end, number_at(expected, 4), SECONDS_TOLERANCE);
}

void golden_check_times(const cs_result *r, const json_t *one)
{
    const json_t *chars = json_object_get(one, "chars");
    if (golden_is_canary(one)) {
        golden_check_canary_times(r, one);
        return;
    }
    if (!chars)
        return; /* NeMo has no times for this kind of model */
    for (size_t i = 0; i < (size_t)r->n_tokens && i < json_array_size(chars); i++) {
        const json_t *expected = json_array_get(chars, i);
        check_near_at("start of token", i, r->tokens[i].start_seconds, number_at(expected, 2), SECONDS_TOLERANCE);
        check_near_at("end of token", i, r->tokens[i].end_seconds, number_at(expected, 3), SECONDS_TOLERANCE);
    }
    golden_check_spans(r, one);
}

void golden_check_spans(const cs_result *r, const json_t *one)
{
    const json_t *words = json_object_get(one, "words"), *segments = json_object_get(one, "segments");
    if ((size_t)r->n_words != json_array_size(words))
        golden_bad("%d words, expected %zu", (int)r->n_words, json_array_size(words));
    for (size_t i = 0; i < (size_t)r->n_words && i < json_array_size(words); i++) {
        const cs_word *w = &r->words[i];
        check_span("word", i, w->text, w->start_frame, w->end_frame, w->start_seconds, w->end_seconds,
                   json_array_get(words, i));
    }
    if ((size_t)r->n_segments != json_array_size(segments))
        golden_bad("%d segments, expected %zu", (int)r->n_segments, json_array_size(segments));
    for (size_t i = 0; i < (size_t)r->n_segments && i < json_array_size(segments); i++) {
        const cs_segment *s = &r->segments[i];
        check_span("segment", i, s->text, s->start_frame, s->end_frame, s->start_seconds, s->end_seconds,
                   json_array_get(segments, i));
    }
}

/* ---------------------------------------------------------------- confidence */

/* Canary's are small: to a hundredth and the last digit written. */
static double confidence_tolerance(const cs_result *r, double expected)
{
    return r->head == CS_HEAD_AED ? 1e-6 + 0.01 * expected : CONFIDENCE_TOLERANCE;
}

void golden_check_confidence(const cs_result *r, const json_t *expected)
{
    const json_t *tokens = json_object_get(expected, "tokens"), *words = json_object_get(expected, "words");
    char what[96];
    snprintf(what, sizeof what, "%s %g %s", text_of(expected, "measure"),
             json_number_value(json_object_get(expected, "alpha")), text_of(expected, "aggregate"));
    if ((size_t)r->n_tokens != json_array_size(tokens)) {
        golden_bad("%s: %d tokens, expected %zu", what, (int)r->n_tokens, json_array_size(tokens));
        return;
    }
    for (size_t i = 0; i < (size_t)r->n_tokens; i++) {
        double difference = fabs((double)r->tokens[i].confidence - number_at(tokens, i));
        golden_note_worst("confidence", difference, what);
        if (!(difference <= confidence_tolerance(r, number_at(tokens, i)))) {
            golden_bad("%s: token %zu: %.6f, expected %.6f", what, i, (double)r->tokens[i].confidence,
                       number_at(tokens, i));
            break;
        }
    }
    if (r->head == CS_HEAD_AED && json_is_array(words) && json_array_size(words) != (size_t)r->n_words)
        golden_bad("%s: %d words, expected %zu", what, (int)r->n_words, json_array_size(words));
    if (!json_is_array(words) || json_array_size(words) != (size_t)r->n_words)
        return; /* NeMo counts confidence groups and timed words apart: only where both agree can they be paired */
    for (size_t i = 0; i < (size_t)r->n_words; i++) {
        double difference = fabs((double)r->words[i].confidence - number_at(words, i));
        golden_note_worst("word conf.", difference, what);
        if (!(difference <= confidence_tolerance(r, number_at(words, i)))) {
            golden_bad("%s: word %zu \"%s\": %.6f, expected %.6f", what, i, r->words[i].text,
                       (double)r->words[i].confidence, number_at(words, i));
            break;
        }
    }
}

/* ---------------------------------------------------------------- identity */

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void check_same_stages(const golden_run *a, const golden_run *b)
{
    if (a->n_stages != b->n_stages) {
        golden_bad("%d stages and %d", (int)a->n_stages, (int)b->n_stages);
        return;
    }
    for (int32_t i = 0; i < a->n_stages; i++) {
        const golden_stage *x = &a->stages[i], *y = &b->stages[i];
        const size_t n = count_of(x->n_dims, x->dims);
        if (x->n_dims != y->n_dims || memcmp(x->dims, y->dims, sizeof x->dims) != 0 || !x->values || !y->values
            || memcmp(x->values, y->values, n * sizeof(float)) != 0)
            golden_bad("stage %s differs", x->name);
    }
}

void golden_check_identical(const golden_run *a, const golden_run *b)
{
    const cs_result *x = a->result, *y = b->result;
    if (!x || !y) { /* refused, both times */
        if (x || y)
            golden_bad("refused once");
        return;
    }
    if (strcmp(x->text, y->text) != 0)
        golden_bad("text: \"%s\" and \"%s\"", x->text, y->text);
    if (x->n_tokens != y->n_tokens || x->n_words != y->n_words || x->n_segments != y->n_segments
        || x->n_alternatives != y->n_alternatives || x->n_steps != y->n_steps || !same_bits(x->score, y->score)) {
        golden_bad("%d tokens, %d words, score %.9g and %d tokens, %d words, score %.9g", (int)x->n_tokens,
                   (int)x->n_words, x->score, (int)y->n_tokens, (int)y->n_words, y->score);
        return;
    }
    for (int32_t i = 0; i < x->n_tokens; i++) {
        const cs_token *s = &x->tokens[i], *t = &y->tokens[i];
        if (s->id != t->id || s->frame != t->frame || s->duration != t->duration
            || !same_bits((double)s->logprob, (double)t->logprob)
            || !same_bits((double)s->confidence, (double)t->confidence))
            golden_bad("token %d differs", (int)i);
    }
    for (int32_t i = 0; i < x->n_words; i++)
        if (strcmp(x->words[i].text, y->words[i].text) != 0
            || !same_bits(x->words[i].start_seconds, y->words[i].start_seconds)
            || !same_bits(x->words[i].end_seconds, y->words[i].end_seconds)
            || !same_bits((double)x->words[i].confidence, (double)y->words[i].confidence))
            golden_bad("word %d differs", (int)i);
    for (int32_t i = 0; i < x->n_alternatives; i++) {
        const cs_alternative *s = &x->alternatives[i], *t = &y->alternatives[i];
        if (s->n_ids != t->n_ids || memcmp(s->ids, t->ids, sizeof *s->ids * (size_t)s->n_ids) != 0
            || !same_bits(s->score, t->score))
            golden_bad("alternative %d differs", (int)i);
    }
    check_same_stages(a, b);
}
