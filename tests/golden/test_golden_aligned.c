/* SPDX-License-Identifier: MIT
 * Times by an aligner against NeMo's: recorded scores and texts to words, segments and tokens; chunks with times merged to one recording. Then
 * memory running out, and texts and scores that no aligner gives.
 *
 * usage: test-golden-aligned FOLDER (canary-v2; the aligner has the main model's vocabulary) */
#include "check.h"
#include "golden_parts.h"
#include "unit/text_data.h"

#include <math.h>
#include <stdio.h>

static golden_parts f;

static csi_compose compose_of(void)
{
    return (csi_compose){.tokenizer = f.tokenizer,
                         .head = CS_HEAD_CTC,
                         .natural_ctc_times = true,
                         .frame_stride_seconds = 0.01,
                         .subsampling_factor = 8,
                         .raw_spacing = true,
                         .separators = ".!?",
                         .segment_gap = -1,
                         .marks = ",.!?"};
}

/* The whole way from a text and an aligner's scores. Without room there are no words. */
static cs_err align(csi_arena *arena, const char *text, const golden_tensor *scores, bool whole, csi_aligned *a,
                    csi_timed *timed)
{
    const csi_compose compose = compose_of();
    bool fits;
    *timed = (csi_timed){.text = text};
    cs_err code = csi_aligned_begin(arena, f.tokenizer, text, strlen(text), whole, a, &f.err);
    if (code || a->n_whole > (size_t)scores->dims[0])
        return code;
    code = csi_ctc_align(arena->env, scores->values, scores->dims[0], scores->dims[1], a->tokens, a->n_tokens, &fits,
                         &f.err);
    return code || !fits ? code : csi_aligned_times(arena, &compose, a, timed, &f.err);
}

/* ------------------------------------------------------------- comparisons */

/* [text or id, first frame, last frame, start, end] */
static int check_times(const json_t *expected, int64_t start, int64_t end, double start_seconds, double end_seconds)
{
    return CHECK_INT(start, json_integer_value(json_array_get(expected, 1)))
           && CHECK_INT(end, json_integer_value(json_array_get(expected, 2)))
           && CHECK_NEAR(start_seconds, json_number_value(json_array_get(expected, 3)), 1e-9)
           && CHECK_NEAR(end_seconds, json_number_value(json_array_get(expected, 4)), 1e-9);
}

static void check_words(const json_t *row, const cs_word *words, int32_t n)
{
    const json_t *expected = json_object_get(row, "words");
    if (!CHECK_INT(n, json_array_size(expected)))
        return;
    for (int32_t i = 0; i < n; i++) {
        const json_t *e = json_array_get(expected, (size_t)i);
        CHECK_STR(words[i].text, json_string_value(json_array_get(e, 0)));
        check_times(e, words[i].start_frame, words[i].end_frame, words[i].start_seconds, words[i].end_seconds);
    }
}

static void check_segments(const json_t *row, const cs_segment *segments, int32_t n, int32_t n_words)
{
    const json_t *expected = json_object_get(row, "segments");
    int32_t word = 0;
    if (!CHECK_INT(n, json_array_size(expected)))
        return;
    for (int32_t i = 0; i < n; i++) {
        const json_t *e = json_array_get(expected, (size_t)i);
        CHECK_STR(segments[i].text, json_string_value(json_array_get(e, 0)));
        check_times(e, segments[i].start_frame, segments[i].end_frame, segments[i].start_seconds,
                    segments[i].end_seconds);
        CHECK_INT(segments[i].first_word, word);
        word += segments[i].n_words;
    }
    CHECK_INT(word, n_words);
}

static void check_tokens(const json_t *row, const csi_emission *tokens, size_t n)
{
    const json_t *expected = json_object_get(row, "chars");
    if (!CHECK_INT(n, json_array_size(expected)))
        return;
    for (size_t i = 0; i < n; i++) {
        const json_t *e = json_array_get(expected, i);
        CHECK_INT(tokens[i].id, json_integer_value(json_array_get(e, 0)));
        CHECK_INT(tokens[i].frame, json_integer_value(json_array_get(e, 1)));
        CHECK_INT(tokens[i].frame + tokens[i].duration, json_integer_value(json_array_get(e, 2)));
    }
}

static void alignments_are_nemos(void)
{
    const json_t *rows = json_object_get(f.data.root, "alignments");
    CHECK_INT(json_array_size(rows), 15);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *text = json_string_value(json_object_get(row, "text"));
        const golden_tensor *scores = golden_find_tensor(&f.data, json_string_value(json_object_get(row, "scores")));
        csi_aligned a;
        csi_timed timed;
        int before = check_bad;
        CHECK_INT(align(&f.arena, text, scores, false, &a, &timed), CS_OK);
        check_words(row, timed.words, timed.n_words);
        check_segments(row, timed.segments, timed.n_segments, timed.n_words);
        CHECK_INT(align(&f.arena, text, scores, true, &a, &timed), CS_OK);
        check_tokens(row, a.tokens, timed.n_words ? a.n_tokens : 0);
        if (check_bad > before)
            printf("# \"%s\"\n", text);
    }
}

static void chunks_merge_as_nemos(void)
{
    const csi_compose compose = compose_of();
    const json_t *rows = json_object_get(f.data.root, "merges");
    CHECK_INT(json_array_size(rows), 9);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *list = json_object_get(row, "chunks");
        csi_emission tokens[8][64] = {{{0}}}, *found = NULL;
        csi_chunk_tokens chunks[8] = {{0}};
        size_t n_found = 0;
        cs_result result = {0};
        csi_buf merged, text;
        int before = check_bad;
        csi_buf_init(&merged, &f.env);
        csi_buf_init(&text, &f.env);
        for (size_t k = 0; k < json_array_size(list) && k < 8; k++) {
            const json_t *entries = json_array_get(list, k);
            int32_t ids[64];
            chunks[k] =
                (csi_chunk_tokens){.tokens = tokens[k],
                                   .n_tokens = json_array_size(entries),
                                   .n_frames = json_integer_value(json_array_get(json_object_get(row, "encoded"), k))};
            CHECK(chunks[k].n_tokens <= 64);
            for (size_t t = 0; t < chunks[k].n_tokens && t < 64; t++) {
                const json_t *e = json_array_get(entries, t);
                ids[t] = tokens[k][t].id = (int32_t)json_integer_value(json_array_get(e, 0));
                tokens[k][t].frame = json_integer_value(json_array_get(e, 1));
                tokens[k][t].duration = (int32_t)(json_integer_value(json_array_get(e, 2)) - tokens[k][t].frame);
            }
            CHECK_INT(csi_merge_ids(&merged, ids, chunks[k].n_tokens, 8, NULL, &f.err), CS_OK);
        }
        const int32_t *ids = (const int32_t *)(const void *)merged.data;
        csi_tokenizer_decode(f.tokenizer, ids, merged.size / sizeof *ids, &text);
        CHECK_STR(text.data, json_string_value(json_object_get(row, "timed")));
        CHECK_STR(text.data, json_string_value(json_object_get(row, "plain")));
        CHECK_INT(csi_merge_times(&f.arena, chunks, json_array_size(list), 8, ids, merged.size / sizeof *ids, &found,
                                  &n_found, &f.err),
                  CS_OK);
        CHECK_INT(n_found, merged.size / sizeof *ids);
        CHECK_INT(csi_compose_result(&f.arena, &compose, found, n_found, &result, &f.err), CS_OK);
        CHECK_STR(result.text, text.data);
        check_words(row, result.words, result.n_words);
        check_segments(row, result.segments, result.n_segments, result.n_words);
        if (check_bad > before)
            printf("# \"%s\"\n", text.data);
        csi_buf_finish(&text);
        csi_buf_finish(&merged);
    }
}

/* ------------------------------------------------------------- what is odd */

/* Equal tokens need a blank between: NeMo answers with times of -1 where that does not fit, here there are none. */
static void what_does_not_fit_has_no_times(void)
{
    float scores[5 * 4];
    csi_emission tokens[3] = {{.id = 1}, {.id = 1}, {.id = 2}};
    bool fits = true;
    for (size_t i = 0; i < CSI_COUNT(scores); i++)
        scores[i] = -1;
    CHECK_INT(csi_ctc_align(&f.env, scores, 3, 4, tokens, 3, &fits, &f.err), CS_OK);
    CHECK(!fits);
    CHECK_INT(csi_ctc_align(&f.env, scores, 4, 4, tokens, 3, &fits, &f.err), CS_OK);
    CHECK(fits);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(tokens[i].frame, i == 0 ? 0 : i + 1);
        CHECK_INT(tokens[i].duration, 1);
    }
    CHECK_INT(csi_ctc_align(&f.env, scores, 4, 4, tokens, 0, &fits, &f.err), CS_OK);
    CHECK(!fits);
    CHECK_INT(csi_ctc_align(&f.env, scores, 0, 4, tokens, 3, &fits, &f.err), CS_OK);
    CHECK(!fits);
    tokens[2].id = 3;
    CHECK_INT(csi_ctc_align(&f.env, scores, 5, 4, tokens, 3, &fits, &f.err), CS_EMODEL);
    tokens[2].id = -1;
    CHECK_INT(csi_ctc_align(&f.env, scores, 5, 4, tokens, 3, &fits, &f.err), CS_EMODEL);
}

/* Against every path there is, on small cases: none has a larger sum. */
static double best_by_trying(const float *scores, int t, int n_frames, int classes, const int *states, int n_states,
                             int u)
{
    double here = scores[t * classes + states[u]], best = -INFINITY;
    if (t == n_frames - 1)
        return u >= n_states - 2 ? here : -INFINITY;
    for (int step = 0; step <= 2 && u + step < n_states; step++) {
        if (step == 2 && (u % 2 == 0 || states[u] == states[u + 2]))
            continue;
        double rest = best_by_trying(scores, t + 1, n_frames, classes, states, n_states, u + step);
        best = rest > best ? rest : best;
    }
    return here + best;
}

static void alignment_is_the_best_path(void)
{
    enum { FRAMES = 8, CLASSES = 4, MOST = 4 };
    uint32_t random = 7;
    for (int round = 0; round < 200; round++) {
        float scores[FRAMES * CLASSES];
        int states[2 * MOST + 1], n = 1 + round % MOST;
        csi_emission tokens[MOST] = {{0}};
        bool fits;
        double sum = 0;
        for (int i = 0; i < FRAMES * CLASSES; i++) {
            random = random * 1664525 + 1013904223;
            scores[i] = -(float)(random >> 8) / (1 << 22);
        }
        for (int i = 0; i < 2 * n + 1; i++) {
            random = random * 1664525 + 1013904223;
            states[i] = i % 2 ? (int)(random >> 16) % 3 : CLASSES - 1;
            if (i % 2)
                tokens[i / 2].id = states[i];
        }
        CHECK_INT(csi_ctc_align(&f.env, scores, FRAMES, CLASSES, tokens, (size_t)n, &fits, &f.err), CS_OK);
        CHECK(fits);
        for (int t = 0, i = 0; t < FRAMES; t++) {
            while (i < n && t >= tokens[i].frame + tokens[i].duration)
                i++;
            sum += scores[t * CLASSES + (i < n && t >= tokens[i].frame ? tokens[i].id : CLASSES - 1)];
        }
        double first = best_by_trying(scores, 0, FRAMES, CLASSES, states, 2 * n + 1, 0);
        double second = best_by_trying(scores, 0, FRAMES, CLASSES, states, 2 * n + 1, 1);
        CHECK_NEAR(sum, first > second ? first : second, 1e-4);
    }
}

/* Texts that a decoder of foreign weights may write, and scores that are no numbers: times within the frames, or none. */
static void odd_texts_stay_in_bounds(void)
{
    static const char *const odd[] = {"\xff\xfe\xfa",
                                      " \xe2\x81\x87\xe2\x81\x87 . \xe2\x81\x87.",
                                      ". . . .",
                                      "a.b. c",
                                      "\xe2\x96\x81 \xe2\x96\x81",
                                      "<|en|>x<|0|>",
                                      "\xe2\x80\x8b \xe2\x80\x8b",
                                      "\x01\x02"};
    enum { FRAMES = 90 };
    const int32_t classes = csi_tokenizer_size(f.tokenizer) + 1;
    float *values = malloc(sizeof *values * FRAMES * (size_t)classes);
    if (!CHECK(values != NULL))
        return;
    for (int kind = 0; kind < 2; kind++) {
        for (int64_t i = 0; i < (int64_t)FRAMES * classes; i++)
            values[i] = kind ? (float)NAN : -(float)(i * 7919 % 13);
        const golden_tensor scores = {.dims = {FRAMES, classes}, .values = values};
        for (size_t i = 0; i < 2 * CSI_COUNT(odd); i++) {
            csi_aligned a;
            csi_timed timed;
            if (!CHECK_INT(align(&f.arena, odd[i / 2], &scores, i % 2, &a, &timed), CS_OK))
                printf("# %zu: %s\n", i, f.err.message);
            for (int32_t k = 0; k < timed.n_words; k++)
                CHECK(timed.words[k].start_frame >= -1 && timed.words[k].end_frame <= FRAMES);
            for (int32_t k = 0; k < timed.n_segments; k++)
                CHECK(timed.segments[k].start_frame >= -1 && timed.segments[k].end_frame <= FRAMES);
        }
    }
    free(values);
}

static cs_err everything(const csi_env *with)
{
    const json_t *row = json_array_get(json_object_get(f.data.root, "alignments"), 1);
    const golden_tensor *scores = golden_find_tensor(&f.data, json_string_value(json_object_get(row, "scores")));
    const char *text = json_string_value(json_object_get(row, "text"));
    csi_arena arena;
    csi_aligned a;
    csi_timed timed;
    csi_emission *tokens;
    size_t n;
    csi_arena_init(&arena, with);
    cs_err code = align(&arena, text, scores, false, &a, &timed);
    if (!code) {
        int32_t ids[64];
        const csi_chunk_tokens chunk = {a.tokens, a.n_tokens, scores->dims[0]};
        for (size_t i = 0; i < a.n_tokens && i < 64; i++)
            ids[i] = a.tokens[i].id;
        code = csi_merge_times(&arena, &chunk, 1, 8, ids, CSI_MIN(a.n_tokens, 64), &tokens, &n, &f.err);
    }
    csi_arena_finish(&arena);
    return code;
}

static void every_allocation_may_fail(void)
{
    cs_err code = CS_ENOMEM;
    long n = 0;
    while (code == CS_ENOMEM && n < 10000) {
        counter c = {.fail_at = ++n};
        csi_env counted = counted_env(&c);
        code = everything(&counted);
        CHECK_INT(c.n_out, 0);
    }
    CHECK_INT(code, CS_OK);
    CHECK(n > 10);
}

int main(int argc, char **argv)
{
    if (argc != 2 || golden_parts_open(&f, argv[1]) < 0) {
        printf("Bail out! %s\n", f.err.message);
        return 1;
    }
    RUN(alignments_are_nemos);
    RUN(chunks_merge_as_nemos);
    RUN(what_does_not_fit_has_no_times);
    RUN(alignment_is_the_best_path);
    RUN(odd_texts_stay_in_bounds);
    RUN(every_allocation_may_fail);
    golden_parts_close(&f);
    return check_done();
}
