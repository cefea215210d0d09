/* SPDX-License-Identifier: MIT
 * What NeMo does with a Canary's results without a model: times from time tokens, the cutting of long audio, the merging of its
 * chunks' ids and of its hours. Against recorded cases; then memory running out and hostile text.
 *
 * usage: test-golden-times FOLDER (canary-functions) */
#include "check.h"
#include "engine/engine.h"
#include "golden_data.h"
#include "unit/text_data.h"

#include <stdio.h>

static golden_data data;
static csi_env env;
static csi_arena arena;
static const csi_compose compose = {.frame_stride_seconds = 0.01, .subsampling_factor = 8, .segment_gap = -1};

static const json_t *rows_of(const char *section, size_t n)
{
    const json_t *rows = json_object_get(data.root, section);
    CHECK_INT(json_array_size(rows), n);
    return rows;
}

static const char *text_of(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

/* [text, first frame, last frame, start, end], the frames `more` than NeMo's. */
static void check_entry(const json_t *expected, int64_t more, const char *text, int64_t start, int64_t end,
                        double start_seconds, double end_seconds)
{
    CHECK_STR(text, json_string_value(json_array_get(expected, 0)));
    CHECK_INT(start, json_integer_value(json_array_get(expected, 1)) + more);
    CHECK_INT(end, json_integer_value(json_array_get(expected, 2)) + more);
    CHECK_NEAR(start_seconds, json_number_value(json_array_get(expected, 3)), 1e-9);
    CHECK_NEAR(end_seconds, json_number_value(json_array_get(expected, 4)), 1e-9);
}

static void timed_texts_are_nemos(void)
{
    const json_t *rows = rows_of("timed", 21);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *words = json_object_get(row, "words");
        const json_t *segments = json_object_get(row, "segments");
        const char *input = text_of(row, "input");
        csi_timed t;
        CHECK_INT(csi_timed_read(&arena, &compose, input, strlen(input), &t, NULL), CS_OK);
        CHECK_STR(t.text, text_of(row, "text"));
        if (!CHECK_INT(t.n_words, json_array_size(words)) || !CHECK_INT(t.n_segments, json_array_size(segments)))
            continue;
        for (int32_t k = 0; k < t.n_words; k++)
            check_entry(json_array_get(words, (size_t)k), 0, t.words[k].text, t.words[k].start_frame,
                        t.words[k].end_frame, t.words[k].start_seconds, t.words[k].end_seconds);
        for (int32_t k = 0; k < t.n_segments; k++)
            check_entry(json_array_get(segments, (size_t)k), 0, t.segments[k].text, t.segments[k].start_frame,
                        t.segments[k].end_frame, t.segments[k].start_seconds, t.segments[k].end_seconds);
    }
}

/* What the recorded texts lack: other digits, numbers without end, bytes that are no text, tokens that only begin. */
static void odd_texts_stay_in_bounds(void)
{
    static const struct {
        const char *input, *text;
        int64_t start, end; /* of the only word; -1: none */
    } odd[] = {
        {"<|\xd9\xa3|>a<|\xd9\xa5|>", "a", 3, 5},
        {"<|\xef\xbc\x91\x32|>a<|\xf0\x9d\x9f\x97|>", "a", 12, 9},
        {"<|1|>a<|99999999999999999999999999|>", "a", 1, 1000000000000},
        {"<|1|>\xff\xfe<|2|>", "\xff\xfe", 1, 2},
        {"\xe2\x80\x83<|1|>\xc2\xa0x\xc2\xa0<|2|>", "x", 1, 2},
        {"<|1|>a<|2", "<|1|>a<|2", -1, -1},
        {"<|1|>a<|2|", "<|1|>a<|2|", -1, -1},
        {"<||>a<||>", "<||>a<||>", -1, -1},
        {"<|-1|>a<|2|>", "<|-1|>a<|2|>", -1, -1},
        {"<|1|>a\n<|2|>b<|3|>", "b", 2, 3},
        {"<", "<", -1, -1},
    };
    for (size_t i = 0; i < CSI_COUNT(odd); i++) {
        csi_timed t;
        CHECK_INT(csi_timed_read(&arena, &compose, odd[i].input, strlen(odd[i].input), &t, NULL), CS_OK);
        CHECK_STR(t.text, odd[i].text);
        CHECK_INT(t.n_words, odd[i].start >= 0);
        if (t.n_words == 1) {
            CHECK_INT(t.words[0].start_frame, odd[i].start);
            CHECK_INT(t.words[0].end_frame, odd[i].end);
        }
    }
}

static void hours_are_nemos(void)
{
    const json_t *rows = rows_of("hours", 2);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *list = json_object_get(row, "pieces");
        const json_t *words = json_object_get(row, "words");
        csi_timed pieces[4] = {{0}}, whole;
        cs_word given[4][4] = {{{0}}};
        const size_t n = json_array_size(list);
        CHECK(n > 0 && n <= 4);
        for (size_t k = 0; k < n; k++) {
            const json_t *stamps = json_object_get(json_array_get(list, k), "words");
            pieces[k] = (csi_timed){.text = text_of(json_array_get(list, k), "text"),
                                    .words = given[k],
                                    .n_words = (int32_t)json_array_size(stamps)};
            for (int32_t w = 0; w < pieces[k].n_words; w++) {
                const json_t *stamp = json_array_get(stamps, (size_t)w);
                given[k][w] = (cs_word){.text = json_string_value(json_array_get(stamp, 0)),
                                        .start_frame = json_integer_value(json_array_get(stamp, 1)),
                                        .end_frame = json_integer_value(json_array_get(stamp, 2))};
                given[k][w].start_seconds = 0.08 * (double)given[k][w].start_frame;
                given[k][w].end_seconds = 0.08 * (double)given[k][w].end_frame;
            }
        }
        CHECK_INT(csi_timed_join(&arena, pieces, n, 3600, 45000, &whole, NULL), CS_OK);
        CHECK_STR(whole.text, text_of(row, "text"));
        if (!CHECK_INT(whole.n_words, json_array_size(words)))
            continue;
        for (int32_t w = 0; w < whole.n_words; w++) { /* NeMo counts ten times the frames: MODEL.md */
            int64_t hour = (int64_t)whole.words[w].start_seconds / 3600;
            check_entry(json_array_get(words, (size_t)w), hour * (45000 - 450000), whole.words[w].text,
                        whole.words[w].start_frame, whole.words[w].end_frame, whole.words[w].start_seconds,
                        whole.words[w].end_seconds);
        }
    }
}

static void segments_are_joined(void)
{
    csi_timed parts[3], whole;
    for (size_t i = 0; i < 3; i++) {
        const char *text = i == 1 ? "" : "<|1|>Yes.<|2|><|3|>No<|4|>";
        CHECK_INT(csi_timed_read(&arena, &compose, text, strlen(text), &parts[i], NULL), CS_OK);
    }
    CHECK_INT(csi_timed_join(&arena, parts, 3, 10, 125, &whole, NULL), CS_OK);
    CHECK_STR(whole.text, "Yes. No Yes. No");
    CHECK_INT(whole.n_segments, 4);
    CHECK_INT(whole.segments[2].first_word, 2);
    CHECK_INT(whole.segments[3].start_frame, 253);
    CHECK_NEAR(whole.segments[3].end_seconds, 20.32, 1e-9);
}

/* -------------------------------------------------------------- long audio */

static void plans_are_nemos(void)
{
    const json_t *rows = rows_of("plans", 40);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *lengths = json_object_get(row, "lengths");
        csi_chunk_plan plan = csi_chunks_plan((size_t)json_integer_value(json_object_get(row, "total")), 16000);
        CHECK_INT(plan.chunk, json_integer_value(json_object_get(row, "chunk")));
        if (!CHECK_INT(plan.n, json_array_size(lengths)))
            continue;
        for (size_t k = 0; k < plan.n; k++)
            CHECK_INT(csi_chunk_length(&plan, k), json_integer_value(json_array_get(lengths, k)));
    }
}

/* Every length around the limits: chunks cover everything, overlap by a second, and none is empty. */
static void plans_cover_everything(void)
{
    for (size_t total = 0; total < 4000; total++) {
        csi_chunk_plan plan = csi_chunks_plan(total, 8);
        CHECK(plan.n >= 1);
        for (size_t k = 0; k < plan.n; k++)
            CHECK(plan.n == 1
                  || (csi_chunk_length(&plan, k) > 8
                      && (k + 1 == plan.n || csi_chunk_length(&plan, k) == plan.step + 8)));
        CHECK_INT((plan.n - 1) * plan.step + csi_chunk_length(&plan, plan.n - 1), total);
    }
}

static void short_audio_becomes_a_second(void)
{
    for (size_t n = 0; n < 40; n++) {
        csi_padding file = csi_padding_of(n, 25, true), array = csi_padding_of(n, 25, false);
        CHECK_INT(file.front + n + file.behind, CSI_MAX(n, 25));
        CHECK_INT(array.front + n + array.behind, CSI_MAX(n, 25));
        CHECK_INT(file.front - file.behind, n < 25 && n % 2 == 0);
        CHECK_INT(array.behind - array.front, n < 25 && n % 2 == 0);
    }
}

static size_t read_ids(const json_t *list, int32_t *ids, size_t most)
{
    size_t n = json_array_size(list);
    CHECK(n <= most);
    for (size_t i = 0; i < CSI_MIN(n, most); i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return CSI_MIN(n, most);
}

static void merges_are_nemos(void)
{
    const json_t *rows = rows_of("merges", 128);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int32_t before[64], ids[8], expected[80];
        size_t n_before = read_ids(json_object_get(row, "buffer"), before, 64);
        size_t n_ids = read_ids(json_object_get(row, "data"), ids, 8);
        size_t n = read_ids(json_object_get(row, "merged"), expected, 80);
        csi_buf merged;
        csi_buf_init(&merged, &env);
        csi_buf_append(&merged, before, n_before * sizeof *before);
        CHECK_INT(csi_merge_ids(&merged, ids, n_ids, 8, NULL, NULL), CS_OK);
        if (!CHECK(merged.size == n * sizeof *ids && (n == 0 || memcmp(merged.data, expected, merged.size) == 0))) {
            char *text = json_dumps(row, JSON_COMPACT);
            printf("# %s\n", text);
            free(text);
        }
        csi_buf_finish(&merged);
    }
}

/* Any ids and any factor: nothing is read outside, the beginning stays, and no more comes out than went in. */
static void merges_stay_in_bounds(void)
{
    uint32_t random = 1;
    for (int i = 0; i < 20000; i++) {
        int32_t before[260], ids[120], kept;
        size_t n[2];
        csi_buf merged;
        random = random * 1664525 + 1013904223;
        n[0] = (random >> 8) % 260;
        n[1] = (random >> 20) % 120;
        int32_t alphabet = (int32_t)(1 + (random >> 4) % 4);
        for (size_t k = 0; k < n[0] + n[1]; k++) {
            random = random * 1664525 + 1013904223;
            *(k < n[0] ? &before[k] : &ids[k - n[0]]) = (int32_t)(random >> 16) % alphabet;
        }
        csi_buf_init(&merged, &env);
        csi_buf_append(&merged, before, n[0] * sizeof *before);
        CHECK_INT(csi_merge_ids(&merged, ids, n[1], i % 10, NULL, NULL), CS_OK);
        CHECK(merged.size <= (n[0] + n[1]) * sizeof *ids);
        if (merged.size >= sizeof kept && n[0] > 200) {
            memcpy(&kept, merged.data, sizeof kept);
            CHECK_INT(kept, before[0]);
        }
        csi_buf_finish(&merged);
    }
}

/* ------------------------------------------------------------------ memory */

static cs_err everything(const csi_env *with)
{
    static const char text[] = "<|1|>One<|2|> <|3|>two.<|4|> <|5|>three<|6|>";
    static const int32_t ids[40] = {1, 2, 3};
    csi_arena own;
    csi_timed t[2], joined;
    csi_buf merged;
    csi_arena_init(&own, with);
    csi_buf_init(&merged, with);
    cs_err code = CS_OK;
    for (size_t i = 0; i < 2 && !code; i++)
        code = csi_timed_read(&own, &compose, text, sizeof text - 1, &t[i], NULL);
    code = code ? code : csi_timed_join(&own, t, 2, 3600, 45000, &joined, NULL);
    for (int i = 0; i < 4 && !code; i++)
        code = csi_merge_ids(&merged, ids, 40, 8, NULL, NULL);
    csi_buf_finish(&merged);
    csi_arena_finish(&own);
    return code;
}

static void every_allocation_may_fail(void)
{
    cs_err code = CS_ENOMEM;
    long n = 0;
    while (code == CS_ENOMEM && n < 1000) {
        counter c = {.fail_at = ++n};
        csi_env counted = counted_env(&c);
        code = everything(&counted);
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
    csi_arena_init(&arena, &env);
    RUN(timed_texts_are_nemos);
    RUN(odd_texts_stay_in_bounds);
    RUN(hours_are_nemos);
    RUN(segments_are_joined);
    RUN(plans_are_nemos);
    RUN(plans_cover_everything);
    RUN(short_audio_becomes_a_second);
    RUN(merges_are_nemos);
    RUN(merges_stay_in_bounds);
    RUN(every_allocation_may_fail);
    csi_arena_finish(&arena);
    golden_unload(&data);
    return check_done();
}
