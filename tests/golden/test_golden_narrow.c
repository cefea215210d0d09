/* SPDX-License-Identifier: MIT
 * int8 or bf16 beside f32, for one model: test-golden-narrow PRECISION FOLDER, where FOLDER holds what test-golden reads. One
 * TAP line per group:
 *
 *   opens      the model says which it is, and that its weights take less memory
 *   CASE       every case answers, and the encoder's output points where f32's does (cosine_least); how many tokens
 *              differ is told, not judged: weights of these models are fitted to a minute of speech and decide narrowly
 *   texts      of Canary: five of six are f32's (met: 8 of 97 differ at most)
 *   threads    1 and 2 threads give the same bits
 *   NAME       every CPU path that this CPU has stays as near to f32. Products in int8 have the same bits on all of them
 *              (tests/kern); what is between them is f32, whose last bits a path may round otherwise
 *
 *     test-golden-narrow PRECISION FOLDER layers     each stage's cosine and worst error too, and no runs for threads and CPU
 *                                                    paths: for large models
 */
#include "golden_check.h"

#include "check.h"

#include <math.h>

static const struct {
    const char *name;
    cs_precision precision;
    double cosine_least;
} choices[] = {{"int8", CS_PRECISION_INT8, 0.999}, {"bf16", CS_PRECISION_BF16, 0.9999}}, *narrow_kind;

enum { MAX_CASE_TOKENS = 4096 };

/* How far a stage in the narrow kind is from the same in f32, over all cases. */
typedef struct stage_gap {
    char name[32];
    double cosine;       /* the least */
    double worst, range; /* largest difference, and the largest value of that stage in f32 */
} stage_gap;

typedef struct tally {
    stage_gap gaps[GOLDEN_MAX_STAGES];
    int32_t n_gaps;
    int tokens, token_errors, cases, texts_differ;
} tally;

static void report(const char *subject, const char *what)
{
    int bad = golden_take_bad() + check_bad;
    check_bad = 0;
    check_failed += bad != 0;
    printf("%sok %d - %s: %s\n", bad ? "not " : "", ++check_n, subject, what);
    fflush(stdout);
}

static cs_model *open_model(const golden_data *data, cs_precision precision, int32_t threads, const char *cpu_path,
                            cs_error *err)
{
    cs_model_options options;
    cs_model *model = NULL;
    cs_model_options_init(&options);
    options.precision = precision;
    options.threads = threads;
    options.cpu_path = cpu_path;
    cs_model_open(data->model_path, &options, &model, err);
    return model;
}

/* ------------------------------------------------------------------- distances */

static size_t n_values(const golden_stage *s)
{
    size_t n = 1;
    for (int32_t i = 0; i < s->n_dims; i++)
        n *= (size_t)s->dims[i];
    return n;
}

static stage_gap gap_of(const golden_stage *f32, const golden_stage *narrow)
{
    stage_gap gap = {.cosine = 1};
    double xy = 0, xx = 0, yy = 0;
    snprintf(gap.name, sizeof gap.name, "%s", f32->name);
    for (size_t i = 0; i < n_values(f32); i++) {
        double x = (double)f32->values[i], y = (double)narrow->values[i];
        xy += x * y;
        xx += x * x;
        yy += y * y;
        gap.worst = fmax(gap.worst, fabs(x - y));
        gap.range = fmax(gap.range, fabs(x));
    }
    if (xx > 0 || yy > 0)
        gap.cosine = xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
    return gap;
}

static void note_gap(tally *t, const stage_gap *gap)
{
    int32_t i = 0;
    while (i < t->n_gaps && strcmp(t->gaps[i].name, gap->name) != 0)
        i++;
    if (i == t->n_gaps && i < GOLDEN_MAX_STAGES)
        t->gaps[t->n_gaps++] = *gap;
    else if (i < t->n_gaps) {
        t->gaps[i].cosine = fmin(t->gaps[i].cosine, gap->cosine);
        if (gap->worst > t->gaps[i].worst) {
            t->gaps[i].worst = gap->worst;
            t->gaps[i].range = gap->range;
        }
    }
}

/* Substitutions, insertions and deletions between the tokens of two results; -1: too many tokens to say. */
static int token_errors(const cs_result *a, const cs_result *b)
{
    static int row[MAX_CASE_TOKENS + 1];
    if (b->n_tokens > MAX_CASE_TOKENS)
        return -1;
    for (int32_t j = 0; j <= b->n_tokens; j++)
        row[j] = j;
    for (int32_t i = 1; i <= a->n_tokens; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int32_t j = 1; j <= b->n_tokens; j++) {
            int step = diagonal + (a->tokens[i - 1].id != b->tokens[j - 1].id),
                other = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = step < other + 1 ? step : other + 1;
        }
    }
    return row[b->n_tokens];
}

static const golden_stage *stage_of(const golden_run *run, const char *name)
{
    for (int32_t i = 0; i < run->n_stages; i++)
        if (strcmp(run->stages[i].name, name) == 0)
            return &run->stages[i];
    return NULL;
}

/* ----------------------------------------------------------------------- cases */

static bool is_of_the_answer(const char *stage)
{
    return strcmp(stage, "embedding") == 0 || strcmp(stage, "scores") == 0 || strncmp(stage, "decoder_", 8) == 0;
}

static void compare(const golden_run *f32, const golden_run *narrow, tally *t)
{
    CHECK_INT(narrow->result->precision, narrow_kind->precision);
    CHECK_INT(narrow->n_stages, f32->n_stages);
    CHECK_INT(narrow->result->n_frames, f32->result->n_frames);
    for (int32_t i = 0; i < f32->n_stages; i++) {
        const golden_stage *x = &f32->stages[i], *y = stage_of(narrow, x->name);
        if (!CHECK(y != NULL && x->values && y->values))
            continue;
        if (n_values(x) != n_values(y) && is_of_the_answer(x->name)) /* another answer has other steps */
            continue;
        if (!CHECK_INT(n_values(y), n_values(x)))
            continue;
        stage_gap gap = gap_of(x, y);
        note_gap(t, &gap);
        if (strcmp(x->name, "encoder") == 0 && !CHECK(gap.cosine >= narrow_kind->cosine_least))
            printf("# the encoder's cosine is %.6f, expected %g at least\n", gap.cosine, narrow_kind->cosine_least);
    }
    int errors = token_errors(f32->result, narrow->result);
    t->cases++;
    t->tokens += f32->result->n_tokens;
    t->token_errors += errors > 0 ? errors : 0;
    if (strcmp(f32->result->text, narrow->result->text) != 0) {
        t->texts_differ++;
        printf("# f32:  %.200s\n# %s: %.200s\n", f32->result->text, narrow_kind->name, narrow->result->text);
    }
}

static void run_case(const golden_data *data, cs_model *f32, cs_model *narrow, const json_t *one, tally *t)
{
    cs_transcribe_options options;
    golden_run a = {0}, b = {0};
    golden_case_options(one, &options);
    if (golden_run_case(&a, data, f32, one, &options, true) == 0
        && golden_run_case(&b, data, narrow, one, &options, true) == 0 && a.result && b.result)
        compare(&a, &b, t);
    golden_run_free(&a);
    golden_run_free(&b);
}

static void check_cases(const golden_data *data, cs_model *f32, cs_model *narrow, tally *t)
{
    for (size_t i = 0; i < json_array_size(data->cases); i++) {
        const json_t *one = json_array_get(data->cases, i);
        char name[96];
        golden_case_name(one, name, sizeof name);
        run_case(data, f32, narrow, one, t);
        report(name, "near f32");
    }
    printf("# %d of %d tokens differ, texts of %d of %d cases\n", t->token_errors, t->tokens, t->texts_differ,
           t->cases);
    if (golden_is_canary(json_array_get(data->cases, 0))) {
        CHECK(6 * t->texts_differ <= t->cases);
        report("texts", "five of six are f32's");
    }
}

static void print_gaps(const tally *t, int every)
{
    for (int32_t i = 0; i < t->n_gaps; i++)
        if (every || strcmp(t->gaps[i].name, "encoder") == 0)
            printf("# %-14s cosine %.6f  worst %.4g of %.4g\n", t->gaps[i].name, t->gaps[i].cosine, t->gaps[i].worst,
                   t->gaps[i].range);
}

/* --------------------------------------------------------------- threads, paths */

static void check_threads(const golden_data *data, cs_model *one_thread)
{
    cs_error err = {0};
    cs_model *two_threads = open_model(data, narrow_kind->precision, 2, NULL, &err);
    if (!CHECK(two_threads != NULL))
        printf("# %s\n", err.message);
    for (size_t i = 0; two_threads && i < json_array_size(data->cases); i++) {
        const json_t *one = json_array_get(data->cases, i);
        cs_transcribe_options options;
        golden_run a = {0}, b = {0};
        golden_case_options(one, &options);
        if (golden_run_case(&a, data, one_thread, one, &options, true) == 0
            && golden_run_case(&b, data, two_threads, one, &options, true) == 0)
            golden_check_identical(&a, &b);
        golden_run_free(&a);
        golden_run_free(&b);
    }
    cs_model_close(two_threads);
    report("threads", "1 and 2 give the same bits");
}

static void check_paths(const golden_data *data, cs_model *f32)
{
    static const char *const paths[] = {"c", "sse2", "avx2", "avx512", "neon"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cs_error err = {0};
        cs_model *narrow = open_model(data, narrow_kind->precision, 1, paths[i], &err);
        tally t = {.n_gaps = 0};
        if (!narrow) /* not a path of this CPU or build */
            printf("# path %s: %s\n", paths[i], err.message);
        else {
            for (size_t k = 0; k < json_array_size(data->cases); k++)
                run_case(data, f32, narrow, json_array_get(data->cases, k), &t);
            print_gaps(&t, 0);
            report(paths[i], "all cases on this path");
        }
        cs_model_close(narrow);
    }
}

static void check_info(const cs_model *f32, const cs_model *narrow)
{
    const cs_model_info *a = cs_model_get_info(f32), *b = cs_model_get_info(narrow);
    CHECK_STR(a->precision, "f32");
    CHECK_STR(b->precision, narrow_kind->name);
    CHECK_INT(a->n_parameters, b->n_parameters);
    CHECK(b->weight_bytes > a->n_parameters && b->weight_bytes < a->weight_bytes);
    printf("# weights: %lld bytes in f32, %lld in %s\n", (long long)a->weight_bytes, (long long)b->weight_bytes,
           narrow_kind->name);
    report("model", "opens");
}

int main(int argc, char **argv)
{
    golden_data data;
    cs_error err = {0};
    static tally t;
    for (size_t i = 0; argc > 1 && i < sizeof choices / sizeof choices[0]; i++)
        if (strcmp(argv[1], choices[i].name) == 0)
            narrow_kind = &choices[i];
    if (argc < 3 || !narrow_kind || golden_load(&data, argv[2]) < 0) {
        printf("Bail out! usage: test-golden-narrow int8|bf16 FOLDER [layers]\n");
        return 1;
    }
    cs_model *f32 = open_model(&data, CS_PRECISION_F32, 1, NULL, &err);
    cs_model *narrow = open_model(&data, narrow_kind->precision, 1, NULL, &err);
    if (CHECK(f32 && narrow)) {
        check_info(f32, narrow);
        check_cases(&data, f32, narrow, &t);
        print_gaps(&t, argc > 3);
        if (argc == 3) {
            check_threads(&data, narrow);
            check_paths(&data, f32);
        }
    } else {
        printf("# %s\n", err.message);
        report("model", "opens");
    }
    cs_model_close(f32);
    cs_model_close(narrow);
    golden_unload(&data);
    return check_done();
}
