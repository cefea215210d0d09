/* SPDX-License-Identifier: MIT
 * The library against NeMo, for one model: test-golden FOLDER, where FOLDER holds model.nemo and NeMo's results
 * (README.md). Only the public header is used. One TAP line per case and group:
 *
 *   stages, tokens, text, times, confidence     each case, on the CPU's best path; what NeMo refuses of Canary is refused
 *   threads                                     1 and 2 threads give the same bits
 *   concurrent                                  four threads share one model and give the same bits as one
 *   NAME of a path                              every instruction set that this CPU has gives the expected results
 */
#include "golden_check.h"

#include "check.h"

#include <pthread.h>

/* One TAP line about everything that was checked since the last one. */
static void report(const char *subject, const char *what)
{
    int bad = golden_take_bad() + check_bad;
    check_bad = 0;
    check_failed += bad != 0;
    printf("%sok %d - %s: %s\n", bad ? "not " : "", ++check_n, subject, what);
    fflush(stdout);
}

static cs_model *open_model(const golden_data *data, int32_t threads, const char *cpu_path, cs_error *err)
{
    cs_model_options options;
    cs_model *model = NULL;
    cs_model_options_init(&options);
    options.threads = threads;
    options.cpu_path = cpu_path;
    cs_model_open(data->model_path, &options, &model, err);
    return model;
}

static void check_confidences(const golden_data *data, cs_model *model, const json_t *one, const char *name)
{
    const json_t *list = json_object_get(one, "confidences");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        cs_transcribe_options options;
        golden_run run;
        golden_case_options(one, &options);
        if (CHECK(golden_confidence_options(entry, &options))
            && golden_run_case(&run, data, model, one, &options, false) == 0) {
            golden_check_confidence(run.result, entry);
            golden_run_free(&run);
        }
    }
    if (json_array_size(list) > 0)
        report(name, "confidence");
}

/* Canary's text without the white space at its ends stripped. */
static void check_raw_text(const golden_data *data, cs_model *model, const json_t *one, const char *name)
{
    cs_transcribe_options options;
    golden_run run;
    golden_case_options(one, &options);
    options.raw_punctuation_spacing = 1;
    if (golden_run_case(&run, data, model, one, &options, false) == 0)
        golden_check_canary_text(run.result, one, true);
    golden_run_free(&run);
    report(name, "raw text");
}

static void check_case(const golden_data *data, cs_model *model, const json_t *one)
{
    cs_transcribe_options options;
    golden_run run;
    char name[96];
    golden_case_name(one, name, sizeof name);
    golden_case_options(one, &options);
    if (golden_run_case(&run, data, model, one, &options, true) < 0 || golden_nemo_failed(one)) {
        report(name, golden_is_refused(one) ? "is refused" : "runs");
        golden_run_free(&run);
        return;
    }
    golden_check_stages(&run, data, one);
    report(name, "stages");
    golden_check_tokens(run.result, one);
    report(name, "tokens");
    golden_check_text(run.result, one);
    report(name, "text");
    golden_check_times(run.result, one);
    report(name, "times");
    golden_run_free(&run);
    check_confidences(data, model, one, name);
    if (golden_has_raw_text(one))
        check_raw_text(data, model, one, name);
}

/* Every case without lines of its own. */
static void check_all(const golden_data *data, cs_model *model)
{
    for (size_t i = 0; i < json_array_size(data->cases); i++) {
        const json_t *one = json_array_get(data->cases, i);
        cs_transcribe_options options;
        golden_run run;
        golden_case_options(one, &options);
        if (golden_run_case(&run, data, model, one, &options, true) == 0 && !golden_nemo_failed(one)) {
            golden_check_stages(&run, data, one);
            golden_check_tokens(run.result, one);
            golden_check_text(run.result, one);
            golden_check_times(run.result, one);
        }
        golden_run_free(&run);
    }
}

static void check_paths(const golden_data *data)
{
    static const char *const paths[] = {"c", "sse2", "avx2", "avx512", "neon"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cs_error err = {0};
        cs_model *model = open_model(data, 1, paths[i], &err);
        if (!model) /* not a path of this CPU or build */
            printf("# path %s: %s\n", paths[i], err.message);
        else if (strcmp(cs_model_get_info(model)->cpu_path, paths[i]) != 0)
            printf("# path %s: this CPU uses %s\n", paths[i], cs_model_get_info(model)->cpu_path);
        else {
            check_all(data, model);
            report(paths[i], "all cases on this path");
        }
        cs_model_close(model);
    }
}

static void check_threads(const golden_data *data, cs_model *one_thread)
{
    cs_error err = {0};
    cs_model *two_threads = open_model(data, 2, NULL, &err);
    if (!CHECK(two_threads != NULL))
        printf("# %s\n", err.message);
    for (size_t i = 0; two_threads && i < json_array_size(data->cases); i++) {
        const json_t *one = json_array_get(data->cases, i);
        cs_transcribe_options options;
        golden_run a, b;
        golden_case_options(one, &options);
        int met = golden_run_case(&a, data, one_thread, one, &options, true) == 0;
        met += golden_run_case(&b, data, two_threads, one, &options, true) == 0;
        if (met == 2)
            golden_check_identical(&a, &b);
        golden_run_free(&a);
        golden_run_free(&b);
    }
    cs_model_close(two_threads);
    report("threads", "1 and 2 give the same bits");
}

/* ---------------------------------------------------------------- concurrent calls */

enum { N_CALLERS = 4 };

typedef struct caller {
    const golden_data *data;
    cs_model *model;
    size_t first; /* case that this thread begins with, so that different cases meet */
    golden_run *runs;
    int failures;
} caller;

static void *call_all(void *user)
{
    caller *c = user;
    size_t n = json_array_size(c->data->cases);
    for (size_t k = 0; k < n; k++) {
        size_t i = (c->first + k) % n;
        const json_t *one = json_array_get(c->data->cases, i);
        cs_transcribe_options options;
        golden_case_options(one, &options);
        c->failures += golden_run_case(&c->runs[i], c->data, c->model, one, &options, false) < 0;
    }
    return NULL;
}

static void check_concurrent(const golden_data *data)
{
    size_t n = json_array_size(data->cases);
    cs_error err = {0};
    cs_model *model = open_model(data, 2, NULL, &err);
    golden_run *runs = calloc((N_CALLERS + 1) * n, sizeof *runs);
    caller callers[N_CALLERS + 1];
    pthread_t threads[N_CALLERS];
    int started = 0;
    if (!CHECK(model && runs))
        goto done;
    for (int t = 0; t <= N_CALLERS; t++)
        callers[t] = (caller){data, model, (size_t)t * n / N_CALLERS, runs + (size_t)t * n, 0};
    call_all(&callers[N_CALLERS]); /* alone, to compare with */
    while (started < N_CALLERS && pthread_create(&threads[started], NULL, call_all, &callers[started]) == 0)
        started++;
    for (int t = 0; t < started; t++)
        pthread_join(threads[t], NULL);
    CHECK_INT(started, N_CALLERS);
    for (int t = 0; t < started; t++) {
        CHECK_INT(callers[t].failures, 0);
        for (size_t i = 0; i < n; i++)
            if (callers[t].runs[i].result && callers[N_CALLERS].runs[i].result)
                golden_check_identical(&callers[t].runs[i], &callers[N_CALLERS].runs[i]);
    }
done:
    for (size_t i = 0; runs && i < (N_CALLERS + 1) * n; i++)
        golden_run_free(&runs[i]);
    free(runs);
    cs_model_close(model);
    report("concurrent", "four threads share a model");
}

int main(int argc, char **argv)
{
    golden_data data;
    cs_error err = {0};
    if (argc < 2 || golden_load(&data, argv[1]) < 0) {
        printf("Bail out! usage: test-golden FOLDER\n");
        return 1;
    }
    cs_model *model = open_model(&data, 1, NULL, &err);
    if (!CHECK(model != NULL))
        printf("# %s\n", err.message);
    report("model", "opens");
    for (size_t i = 0; model && i < json_array_size(data.cases); i++)
        check_case(&data, model, json_array_get(data.cases, i));
    golden_print_worst();
    if (model && argc == 2) { /* any further argument: the cases alone, for large models */
        check_threads(&data, model);
        check_concurrent(&data);
        check_paths(&data);
    }
    cs_model_close(model);
    golden_unload(&data);
    return check_done();
}
