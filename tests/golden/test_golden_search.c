/* SPDX-License-Identifier: MIT
 * The search of encoder-decoder models against NeMo's over recorded distributions: lines, scores, the best one, for every
 * strategy, number of beams, penalty and limit. Then what NeMo has not: the guard, memory running out, numbers that are none.
 *
 * usage: test-golden-search FOLDER (canary-functions) */
#include "check.h"
#include "decode/decode.h"
#include "golden_data.h"
#include "unit/text_data.h"

#include <math.h>
#include <stdio.h>

static golden_data data;
static csi_env env;
static const csi_ops *ops;

/* A decoder that is a table: the distribution after a token at a position. It keeps what each line has seen, by parents. */
typedef struct table {
    const golden_tensor *scores; /* (position, token, next) */
    int64_t n_seen;
    int32_t seen[CS_MOST_BEAMS][64];
} table;

static cs_err run_table(void *user, const csi_aed_turn *step, float *logits, cs_error *err)
{
    table *t = user;
    static int32_t kept[CS_MOST_BEAMS][64];
    const int64_t rows = t->scores->dims[0], classes = t->scores->dims[1];
    (void)err;
    memcpy(kept, t->seen, sizeof kept);
    CHECK_INT(step->position, t->n_seen);
    for (int32_t j = 0; j < step->n_lines; j++) {
        memcpy(t->seen[j], kept[step->parents[j]], sizeof kept[0]);
        for (int32_t i = 0; i < step->n_tokens; i++)
            t->seen[j][t->n_seen + i] = step->tokens[j * step->n_tokens + i];
        int64_t at = step->position + step->n_tokens - 1;
        CHECK(at < rows);
        memcpy(logits + j * classes, t->scores->values + (at * classes + t->seen[j][at]) * classes,
               (size_t)classes * sizeof *logits);
    }
    t->n_seen += step->n_tokens;
    return CS_OK;
}

static int64_t number(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static int32_t prompt[8];

static csi_aed_options options_of(const json_t *row)
{
    const json_t *ids = json_object_get(data.root, "prompt");
    const int64_t delta = number(row, "delta"), rows = number(data.root, "rows");
    csi_aed_options o = {.prompt = prompt,
                         .n_prompt = (int32_t)json_array_size(ids),
                         .limit = delta < 0 ? rows : CSI_MIN(rows, number(data.root, "frames") + delta),
                         .classes = (int32_t)number(data.root, "classes"),
                         .end = (int32_t)number(data.root, "eos"),
                         .pad = (int32_t)number(data.root, "pad"),
                         .greedy = strcmp(json_string_value(json_object_get(row, "strategy")), "greedy") == 0,
                         .beams = 1};
    for (int32_t i = 0; i < o.n_prompt; i++)
        prompt[i] = (int32_t)json_integer_value(json_array_get(ids, (size_t)i));
    if (!o.greedy) {
        o.beams = (int32_t)number(row, "beam");
        o.length_penalty = (float)json_number_value(json_object_get(row, "length_penalty"));
    }
    return o;
}

static table table_of(const json_t *row)
{
    char name[32];
    snprintf(name, sizeof name, "table_%d/scores", (int)number(row, "table"));
    return (table){.scores = golden_find_tensor(&data, name)};
}

/* Ids as NeMo gives them, prompt in front and ends and pads behind; *n without these. */
static size_t trimmed(const json_t *ids, const csi_aed_options *o)
{
    size_t n = json_array_size(ids);
    while (n > (size_t)o->n_prompt) {
        int64_t last = json_integer_value(json_array_get(ids, n - 1));
        if (last != o->end && last != o->pad)
            break;
        n--;
    }
    return n - (size_t)o->n_prompt;
}

static int check_line(const csi_aed_search *s, int32_t line, const json_t *ids)
{
    csi_emissions found = {.env = &env};
    cs_error err = {0};
    int same = csi_aed_line(s, line, &found, &err) == CS_OK && found.n == trimmed(ids, &s->options)
               && (size_t)s->n_tokens == json_array_size(ids) - (size_t)s->options.n_prompt;
    for (size_t i = 0; i < found.n && same; i++)
        same = found.items[i].id == json_integer_value(json_array_get(ids, i + (size_t)s->options.n_prompt));
    csi_emissions_finish(&found);
    return CHECK(same);
}

static void search_is_nemos(const json_t *row)
{
    float logits[CS_MOST_BEAMS * 16];
    csi_aed_options o = options_of(row);
    csi_aed_search s;
    cs_error err = {0};
    table t = table_of(row);
    const json_t *beams = json_object_get(row, "beams"), *scores = json_object_get(row, "scores");
    CHECK_INT(csi_aed_begin(&s, &env, ops, &o, &err), CS_OK);
    CHECK_INT(csi_aed_run(&s, run_table, &t, logits, NULL, NULL, &err), CS_OK);
    CHECK(!s.looped);
    int good = check_bad == 0;
    if (o.greedy) {
        good = check_line(&s, 0, json_object_get(row, "out"));
        CHECK_INT(s.n_runs, s.n_tokens);
    }
    for (int32_t j = 0; j < o.beams && !o.greedy; j++) {
        float expected = (float)json_number_value(json_array_get(scores, (size_t)j));
        good = check_line(&s, j, json_array_get(beams, (size_t)j))
               && CHECK_NEAR(s.scores[j], expected, 2e-4 * (1 + fabs(expected))) && good;
    }
    if (!o.greedy)
        good = check_line(&s, csi_aed_best(&s), json_object_get(row, "best")) && good;
    if (!good) {
        char *text = json_dumps(row, JSON_COMPACT);
        printf("# %s\n", text);
        free(text);
    }
    csi_aed_finish(&s);
}

static void searches_are_nemos(void)
{
    const json_t *rows = json_object_get(data.root, "searches");
    CHECK_INT(json_array_size(rows), 306);
    for (size_t i = 0; i < json_array_size(rows); i++)
        search_is_nemos(json_array_get(rows, i));
}

/* A line's log-probabilities add up to its score where no penalty bends it. */
static void logprobs_add_up(void)
{
    const json_t *rows = json_object_get(data.root, "searches");
    const csi_confidence confidence = {.method = CS_CONFIDENCE_MAX_PROB, .alpha = 1};
    int n = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        float logits[CS_MOST_BEAMS * 16];
        csi_aed_options o = options_of(json_array_get(rows, i));
        if (o.length_penalty != 0 || o.beams > 3)
            continue;
        csi_aed_search s;
        table t = table_of(json_array_get(rows, i));
        csi_emissions line = {.env = &env};
        double sum = 0;
        o.confidence = &confidence;
        CHECK_INT(csi_aed_begin(&s, &env, ops, &o, NULL), CS_OK);
        CHECK_INT(csi_aed_run(&s, run_table, &t, logits, NULL, NULL, NULL), CS_OK);
        CHECK_INT(csi_aed_line(&s, 0, &line, NULL), CS_OK);
        for (size_t k = 0; k < line.n; k++) {
            double p = exp(line.items[k].logprob);
            sum += line.items[k].logprob;
            if (o.beams == 1) /* the largest probability, scaled so that an even chance is 0 */
                CHECK_NEAR(line.items[k].confidence, (10 * p - 1) / 9, 1e-5);
        }
        if ((size_t)s.n_tokens == line.n)
            CHECK_NEAR(sum, line.score, 1e-4);
        else
            CHECK(sum >= line.score - 1e-4);
        n++;
        csi_emissions_finish(&line);
        csi_aed_finish(&s);
    }
    CHECK(n > 50);
}

/* ------------------------------------------------------------------- guard */

/* Says 1 2 3 4, then the loop over and over; never ends. */
typedef struct looper {
    const int32_t *loop;
    int32_t period;
    float other; /* logit of every other token */
} looper;

static cs_err run_looper(void *user, const csi_aed_turn *step, float *logits, cs_error *err)
{
    const looper *l = user;
    int64_t said = step->position + step->n_tokens - 3;
    (void)err;
    for (int32_t j = 0; j < step->n_lines; j++) {
        for (int32_t k = 0; k < 10; k++)
            logits[j * 10 + k] = l->other - 0.01f * (float)k;
        logits[j * 10 + (said < 4 ? (int32_t)said + 4 : l->loop[(said - 4) % l->period])] = 8;
    }
    return CS_OK;
}

static void guard_ends_loops(void)
{
    static const int32_t loop[] = {9, 5, 9, 1, 6};
    static const int32_t start[] = {4, 5, 6};
    for (int32_t beams = 1; beams <= 4; beams += 3)
        for (int32_t period = 1; period <= 5; period++) {
            float logits[40];
            looper l = {loop, period, 0};
            csi_aed_options o = {
                .prompt = start, .n_prompt = 3, .limit = 200, .classes = 10, .end = 3, .pad = 2, .beams = beams};
            csi_aed_search s;
            csi_emissions line = {.env = &env};
            CHECK_INT(csi_aed_begin(&s, &env, ops, &o, NULL), CS_OK);
            CHECK_INT(csi_aed_run(&s, run_looper, &l, logits, NULL, NULL, NULL), CS_OK);
            CHECK(!s.looped);
            CHECK_INT(s.n_tokens, 198);
            csi_aed_finish(&s);
            o.guard = 6;
            CHECK_INT(csi_aed_begin(&s, &env, ops, &o, NULL), CS_OK);
            CHECK_INT(csi_aed_run(&s, run_looper, &l, logits, NULL, NULL, NULL), CS_OK);
            CHECK(s.looped);
            CHECK(s.n_tokens < 50);
            CHECK_INT(csi_aed_line(&s, csi_aed_best(&s), &line, NULL), CS_OK);
            CHECK_INT(line.n, 4 + period);
            for (int32_t i = 0; i < period && line.n == 4 + (size_t)period; i++)
                CHECK_INT(line.items[4 + i].id, loop[i]);
            csi_emissions_finish(&line);
            csi_aed_finish(&s);
        }
}

/* Recorded lines are shorter than any loop: the guard leaves them as they are. */
static void guard_leaves_speech_alone(void)
{
    const json_t *rows = json_object_get(data.root, "searches");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        float logits[CS_MOST_BEAMS * 16];
        csi_aed_options o = options_of(json_array_get(rows, i));
        csi_aed_search s;
        table t = table_of(json_array_get(rows, i));
        o.guard = 4;
        CHECK_INT(csi_aed_begin(&s, &env, ops, &o, NULL), CS_OK);
        CHECK_INT(csi_aed_run(&s, run_table, &t, logits, NULL, NULL, NULL), CS_OK);
        CHECK(!s.looped);
        csi_aed_finish(&s);
    }
}

/* ------------------------------------------------------------- what is bad */

static cs_err run_nan(void *user, const csi_aed_turn *step, float *logits, cs_error *err)
{
    (void)user;
    (void)err;
    for (int32_t i = 0; i < step->n_lines * 10; i++)
        logits[i] = i % 3 ? (float)NAN : (float)-INFINITY;
    return CS_OK;
}

static cs_err run_failing(void *user, const csi_aed_turn *step, float *logits, cs_error *err)
{
    (void)logits;
    return step->position > 5 ? csi_fail(err, CS_EMODEL, -1, "broken") : run_nan(user, step, logits, err);
}

static int stop_at_once(void *user)
{
    return ++*(int *)user > 3;
}

static void bad_numbers_end_within_the_limit(void)
{
    static const int32_t start[] = {4, 5, 6};
    float logits[50];
    cs_error err = {0};
    csi_aed_search s;
    int n = 0;
    csi_aed_options o = {.prompt = start, .n_prompt = 3, .limit = 20, .classes = 10, .end = 3, .pad = 2, .beams = 5};
    for (o.beams = 1; o.beams <= 5; o.beams += 4) {
        csi_emissions line = {.env = &env};
        CHECK_INT(csi_aed_begin(&s, &env, ops, &o, &err), CS_OK);
        CHECK_INT(csi_aed_run(&s, run_nan, NULL, logits, NULL, NULL, &err), CS_OK);
        CHECK(s.n_tokens <= 18);
        CHECK_INT(csi_aed_line(&s, csi_aed_best(&s), &line, &err), CS_OK);
        for (size_t i = 0; i < line.n; i++)
            CHECK(line.items[i].id >= 0 && line.items[i].id < 10);
        csi_emissions_finish(&line);
        csi_aed_finish(&s);
        CHECK_INT(csi_aed_begin(&s, &env, ops, &o, &err), CS_OK);
        CHECK_INT(csi_aed_run(&s, run_failing, NULL, logits, NULL, NULL, &err), CS_EMODEL);
        csi_aed_finish(&s);
        n = 0;
        CHECK_INT(csi_aed_begin(&s, &env, ops, &o, &err), CS_OK);
        CHECK_INT(csi_aed_run(&s, run_nan, NULL, logits, stop_at_once, &n, &err), CS_ECANCELLED);
        CHECK_INT(s.n_runs, 3);
        csi_aed_finish(&s);
    }
}

static void bad_options_are_refused(void)
{
    static const int32_t start[] = {4};
    const csi_aed_options good = {
        .prompt = start, .n_prompt = 1, .limit = 20, .classes = 10, .end = 3, .pad = 2, .beams = 1};
    csi_aed_options bad[] = {good, good, good, good, good, good, good};
    bad[0].beams = 0;
    bad[1].beams = 33;
    bad[2].beams = 11;
    bad[3].n_prompt = 0;
    bad[4].guard = 1;
    bad[5].length_penalty = (float)NAN;
    bad[6].greedy = true, bad[6].beams = 2;
    for (size_t i = 0; i < CSI_COUNT(bad); i++) {
        csi_aed_search s;
        cs_error err = {0};
        CHECK_INT(csi_aed_begin(&s, &env, ops, &bad[i], &err), CS_EINVAL);
        CHECK(err.message[0]);
        csi_aed_finish(&s);
    }
}

static void every_allocation_may_fail(void)
{
    static const int32_t loop[] = {9, 5, 9, 1, 6}, start[] = {4, 5, 6};
    const csi_aed_options o = {
        .prompt = start, .n_prompt = 3, .limit = 200, .classes = 10, .end = 3, .pad = 2, .beams = 4};
    cs_err code = CS_ENOMEM;
    long n = 0;
    while (code == CS_ENOMEM && n < 1000) {
        counter c = {.fail_at = ++n};
        csi_env counted = counted_env(&c);
        csi_aed_search s;
        float logits[40];
        looper l = {loop, 5, 0};
        csi_emissions line = {.env = &counted};
        code = csi_aed_begin(&s, &counted, ops, &o, NULL);
        code = code ? code : csi_aed_run(&s, run_looper, &l, logits, NULL, NULL, NULL);
        code = code ? code : csi_aed_line(&s, 3, &line, NULL);
        csi_emissions_finish(&line);
        csi_aed_finish(&s);
        CHECK_INT(c.n_out, 0);
    }
    CHECK_INT(code, CS_OK);
    CHECK(n > 3);
}

int main(int argc, char **argv)
{
    if (argc != 2 || golden_load(&data, argv[1]) < 0) {
        printf("Bail out! no golden data\n");
        return 1;
    }
    csi_env_init(&env, NULL, NULL, NULL);
    ops = csi_ops_for(csi_cpu_best());
    RUN(searches_are_nemos);
    RUN(logprobs_add_up);
    RUN(guard_ends_loops);
    RUN(guard_leaves_speech_alone);
    RUN(bad_numbers_end_within_the_limit);
    RUN(bad_options_are_refused);
    RUN(every_allocation_may_fail);
    golden_unload(&data);
    return check_done();
}
