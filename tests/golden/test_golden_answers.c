/* SPDX-License-Identifier: MIT
 * What one Canary model said, put together again without its network: the greedy search and its confidences over the recorded scores;
 * text, words and segments from the recorded ids, by time tokens or by the aligner's recorded scores.
 *
 * usage: test-golden-answers FOLDER */
#include "check.h"
#include "golden_check.h"
#include "golden_parts.h"

#include <math.h>
#include <stdio.h>

static golden_parts f;

static const char *text_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text ? text : "";
}

static int32_t number(const char *name)
{
    return (int32_t)json_integer_value(json_object_get(f.data.root, name));
}

static csi_compose compose_of(void)
{
    return (csi_compose){.tokenizer = f.tokenizer,
                         .head = CS_HEAD_CTC,
                         .natural_ctc_times = true,
                         .frame_stride_seconds = 0.01,
                         .subsampling_factor = 8,
                         .raw_spacing = true,
                         .segment_gap = -1};
}

static const golden_tensor *tensor_of(const char *name, size_t n_name, const char *stage)
{
    char whole[96];
    snprintf(whole, sizeof whole, "%.*s/%s", (int)n_name, name, stage);
    return golden_find_tensor(&f.data, whole);
}

/* ------------------------------------------------------------------ search */

/* The decoder that gave these scores, for as long as it is told what it said then. */
static cs_err play(void *user, const csi_aed_turn *step, float *logits, cs_error *err)
{
    const golden_tensor *scores = user;
    int64_t row = step->position + step->n_tokens - f.err.where; /* where: tokens of the prompt */
    if (row < 0 || row >= scores->dims[0])
        return csi_fail(err, CS_EINVAL, -1, "run %lld of %lld", (long long)row, (long long)scores->dims[0]);
    memcpy(logits, scores->values + row * scores->dims[1], (size_t)scores->dims[1] * sizeof *logits);
    return CS_OK;
}

static void check_greedy(const json_t *row, const golden_tensor *scores, const json_t *measure)
{
    const json_t *ids = json_object_get(row, "ids");
    cs_transcribe_options options;
    int32_t prompt[16] = {0};
    float logits[1024];
    csi_aed_search s;
    csi_emissions line = {.env = &f.env};
    cs_result result = {0};
    cs_transcribe_options_init(&options);
    CHECK(golden_confidence_options(measure, &options) && scores->dims[1] <= 1024);
    const csi_confidence confidence = {options.confidence, options.confidence_alpha, options.confidence_aggregate};
    const csi_aed_options o = {.prompt = prompt,
                               .n_prompt = (int32_t)json_array_size(json_object_get(row, "prompt")),
                               .limit = 512,
                               .classes = (int32_t)scores->dims[1],
                               .end = number("eos"),
                               .pad = number("pad"),
                               .greedy = true,
                               .beams = 1,
                               .confidence = &confidence,
                               .guard = 8};
    csi_compose compose = compose_of();
    compose.aggregate = confidence.aggregate;
    f.err.where = o.n_prompt;
    CHECK_INT(csi_aed_begin(&s, &f.env, csi_ops_for(csi_cpu_best()), &o, NULL), CS_OK);
    CHECK_INT(csi_aed_run(&s, play, (void *)(uintptr_t)scores, logits, NULL, NULL, NULL), CS_OK);
    CHECK_INT(s.n_runs, json_integer_value(json_object_get(row, "steps")));
    CHECK_INT(csi_aed_line(&s, csi_aed_best(&s), &line, NULL), CS_OK);
    if (CHECK_INT(line.n, json_array_size(ids)))
        for (size_t i = 0; i < line.n; i++)
            CHECK_INT(line.items[i].id, json_integer_value(json_array_get(ids, i)));
    CHECK_INT(csi_compose_result(&f.arena, &compose, line.items, line.n, &result, NULL), CS_OK);
    CHECK_STR(result.text, text_of(row, "text"));
    const json_t *tokens = json_object_get(measure, "tokens"), *words = json_object_get(measure, "words");
    for (size_t i = 0; i < line.n; i++) { /* they are small: to a hundredth and the last digit written */
        double expected = json_number_value(json_array_get(tokens, i));
        CHECK_NEAR(result.tokens[i].confidence, expected, 1e-6 + 0.01 * expected);
    }
    if (CHECK_INT(result.n_words, json_array_size(words)))
        for (int32_t i = 0; i < result.n_words; i++) {
            double expected = json_number_value(json_array_get(words, (size_t)i));
            CHECK_NEAR(result.words[i].confidence, expected, 1e-6 + 0.01 * expected);
        }
    csi_emissions_finish(&line);
    csi_aed_finish(&s);
}

static void greedy_is_nemos(void)
{
    int n = 0;
    for (size_t i = 0; i < json_array_size(f.data.cases); i++) {
        const json_t *row = json_array_get(f.data.cases, i), *measures = json_object_get(row, "confidences");
        const char *name = text_of(row, "name"), *end = strstr(name, "-greedy");
        const golden_tensor *scores = end ? tensor_of(name, (size_t)(end - name), "scores") : NULL;
        for (size_t k = 0; scores && k < json_array_size(measures); k++, n++)
            check_greedy(row, scores, json_array_get(measures, k));
    }
    printf("# %d searches\n", n);
    CHECK(n >= 2);
}

/* ------------------------------------------------------------------- times */

static void check_timed(const json_t *row, const csi_timed *t)
{
    const json_t *words = json_object_get(row, "words"), *segments = json_object_get(row, "segments");
    if (CHECK_INT(t->n_words, json_array_size(words)))
        for (int32_t i = 0; i < t->n_words; i++) {
            const json_t *e = json_array_get(words, (size_t)i);
            CHECK_STR(t->words[i].text, json_string_value(json_array_get(e, 0)));
            CHECK_INT(t->words[i].start_frame, json_integer_value(json_array_get(e, 1)));
            CHECK_INT(t->words[i].end_frame, json_integer_value(json_array_get(e, 2)));
            CHECK_NEAR(t->words[i].start_seconds, json_number_value(json_array_get(e, 3)), 1e-6);
            CHECK_NEAR(t->words[i].end_seconds, json_number_value(json_array_get(e, 4)), 1e-6);
        }
    if (CHECK_INT(t->n_segments, json_array_size(segments)))
        for (int32_t i = 0; i < t->n_segments; i++) {
            const json_t *e = json_array_get(segments, (size_t)i);
            CHECK_STR(t->segments[i].text, json_string_value(json_array_get(e, 0)));
            CHECK_INT(t->segments[i].start_frame, json_integer_value(json_array_get(e, 1)));
            CHECK_INT(t->segments[i].end_frame, json_integer_value(json_array_get(e, 2)));
        }
}

static void read_text(const json_t *row, csi_buf *text)
{
    const json_t *list = json_object_get(row, "ids");
    int32_t ids[512];
    size_t n = json_array_size(list);
    CHECK(n <= CSI_COUNT(ids));
    for (size_t i = 0; i < n && i < CSI_COUNT(ids); i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    csi_tokenizer_decode(f.tokenizer, ids, n, text);
}

static cs_err align(const json_t *row, const golden_tensor *scores, const csi_buf *text, csi_timed *timed)
{
    const csi_compose compose = compose_of();
    csi_aligned a;
    bool fits;
    cs_err code = csi_aligned_begin(&f.arena, f.tokenizer, text->data ? text->data : "", text->size, false, &a, &f.err);
    CHECK_INT(scores->dims[0], json_integer_value(json_object_get(row, "n_frames")));
    *timed = (csi_timed){.text = text->data};
    if (!code && a.n_whole > (size_t)scores->dims[0])
        return CS_OK;
    code = code ? code
                : csi_ctc_align(&f.env, scores->values, scores->dims[0], scores->dims[1], a.tokens, a.n_tokens, &fits,
                                &f.err);
    return code ? code : csi_aligned_times(&f.arena, &compose, &a, timed, &f.err);
}

static void times_are_nemos(void)
{
    const csi_compose compose = compose_of();
    int n = 0;
    for (size_t i = 0; i < json_array_size(f.data.cases); i++) {
        const json_t *row = json_array_get(f.data.cases, i), *slots = json_object_get(row, "slots");
        const char *name = text_of(row, "name"), *end = strstr(name, "-times");
        const golden_tensor *scores = end ? tensor_of(name, (size_t)(end - name), "aligner") : NULL;
        const int aligned = json_object_get(f.data.root, "alignments") != NULL;
        csi_timed timed;
        csi_buf text;
        if (!json_is_true(json_object_get(row, "timestamps")) || json_object_get(row, "nemo_error")
            || (aligned && !scores))
            continue;
        if (!aligned && strcmp(text_of(slots, "timestamp"), "yes") != 0 && strstr(text_of(row, "text"), "<|"))
            continue;
        csi_buf_init(&text, &f.env);
        read_text(row, &text);
        CHECK_INT(aligned ? align(row, scores, &text, &timed)
                          : csi_timed_read(&f.arena, &compose, text.data ? text.data : "", text.size, &timed, &f.err),
                  CS_OK);
        CHECK_STR(timed.text, text_of(row, "text"));
        check_timed(row, &timed);
        csi_buf_finish(&text);
        n++;
    }
    printf("# %d answers with times\n", n);
    CHECK(n >= 2 || strcmp(text_of(f.data.root, "format"), "canary") == 0);
}

int main(int argc, char **argv)
{
    if (argc != 2 || golden_parts_open(&f, argv[1]) < 0) {
        printf("Bail out! %s\n", f.err.message);
        return 1;
    }
    RUN(greedy_is_nemos);
    RUN(times_are_nemos);
    golden_parts_close(&f);
    return check_done();
}
