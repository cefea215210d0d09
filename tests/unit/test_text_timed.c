/* SPDX-License-Identifier: MIT
 * What is done with timed words and has no counterpart in NeMo: which tokens lie between time tokens, whose word a timed word is, and
 * pieces that overlap. */
#include "check.h"
#include "text/text.h"

#include <math.h>
#include <stdio.h>

static csi_env env;
static csi_arena arena;
static const csi_compose options = {.frame_stride_seconds = 0.01, .subsampling_factor = 8, .segment_gap = -1};

enum { ZERO, FIVE, NINE, A, B, POINT };
static const char *const labels[] = {"<|0|>", "<|5|>", "<|9|>", " a", " b", "."};

/* Ids, -1 at the end, to the places of what lies in closed pairs, as "1 2", and how many tokens were closed. */
static void check_content(const csi_tokenizer *tokenizer, const int32_t *ids, const char *expected, size_t n_closed)
{
    csi_emission tokens[16];
    int32_t content[16];
    size_t n = 0, closed = 99;
    char text[64] = "";
    for (; ids[n] >= 0; n++)
        tokens[n] = (csi_emission){.id = ids[n]};
    size_t n_content = csi_timed_content(tokenizer, tokens, n, content, &closed);
    for (size_t i = 0; i < n_content; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i ? " " : "", content[i]);
    CHECK_STR(text, expected);
    CHECK_INT(closed, n_closed);
}

static void tokens_between_time_tokens(void)
{
    csi_tokenizer *t = NULL;
    CHECK_INT(csi_tokenizer_labels(&env, labels, CSI_COUNT(labels), &t, NULL), CS_OK);
    check_content(t, (int32_t[]){ZERO, A, FIVE, FIVE, B, POINT, NINE, -1}, "1 4 5", 7);
    check_content(t, (int32_t[]){A, ZERO, A, FIVE, B, FIVE, B, NINE, -1}, "2 6", 8); /* outside pairs: lost */
    check_content(t, (int32_t[]){ZERO, A, FIVE, FIVE, B, -1}, "1", 3);               /* never closed */
    check_content(t, (int32_t[]){A, B, -1}, "", 0);
    check_content(t, (int32_t[]){-1}, "", 0);
    check_content(t, (int32_t[]){ZERO, FIVE, NINE, -1}, "", 2);
    csi_tokenizer_free(t);
}

static void words_are_linked_by_their_text(void)
{
    cs_word said[40] = {{.text = "the", .confidence = 0.5f, .first_token = 1, .n_tokens = 2},
                        {.text = "old", .confidence = 0.6f, .first_token = 3, .n_tokens = 1},
                        {.text = "the", .confidence = 0.7f, .first_token = 4, .n_tokens = 1},
                        {.text = "harbour", .confidence = 0.8f, .first_token = 5, .n_tokens = 3}};
    cs_word timed_words[] = {
        {.text = "the"}, {.text = "the old"}, {.text = "the"}, {.text = "harbour"}, {.text = "end"}};
    csi_timed timed = {.words = timed_words, .n_words = 5};
    csi_timed_link(said, 4, &timed);
    CHECK_INT(timed_words[0].first_token, 1);
    CHECK_INT(timed_words[0].n_tokens, 2);
    CHECK(isnan(timed_words[1].confidence) && timed_words[1].n_tokens == 0);
    CHECK_INT(timed_words[2].first_token, 4);
    CHECK_NEAR(timed_words[3].confidence, 0.8, 1e-6);
    CHECK(isnan(timed_words[4].confidence));
    for (int i = 0; i < 39; i++) /* too far ahead is another word of that text */
        said[i].text = "x";
    said[39].text = "the";
    csi_timed_link(said, 40, &timed);
    CHECK_INT(timed_words[0].n_tokens, 0);
    csi_timed_link(NULL, 0, &timed);
    CHECK(isnan(timed_words[3].confidence));
}

static csi_timed words_at(cs_word *words, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        words[i].start_seconds = (double)words[i].start_frame * 0.08;
        words[i].end_seconds = (double)words[i].end_frame * 0.08;
    }
    return (csi_timed){.text = "", .words = words, .n_words = n};
}

/* Ten seconds, the second piece from 9 s on: what begins before 9.5 s is the first's. */
static void each_word_is_taken_once(void)
{
    cs_word first[] = {{.text = "One.", .start_frame = 10, .end_frame = 14},
                       {.text = "two", .start_frame = 117, .end_frame = 119},  /* 9.36 */
                       {.text = "thr", .start_frame = 120, .end_frame = 124}}; /* 9.60: cut off */
    cs_word second[] = {{.text = "wo", .start_frame = 2, .end_frame = 6},      /* 9.16 */
                        {.text = "three.", .start_frame = 8, .end_frame = 12}, /* 9.64 */
                        {.text = "four", .start_frame = 20, .end_frame = 24}};
    const csi_lap laps[] = {{.timed = words_at(first, 3)}, {.timed = words_at(second, 3), .start_seconds = 9}};
    csi_timed all;
    CHECK_INT(csi_timed_laps(&arena, &options, laps, 2, 1, &all, NULL), CS_OK);
    CHECK_STR(all.text, "One. two three. four");
    CHECK_INT(all.n_words, 4);
    CHECK_INT(all.n_segments, 3);
    CHECK_NEAR(all.words[2].start_seconds, 9.64, 1e-9);
    CHECK_INT(all.words[2].start_frame, 8 + 112);
    CHECK_STR(all.segments[1].text, "two three.");
    CHECK_NEAR(all.segments[1].start_seconds, 9.36, 1e-9);
    CHECK_NEAR(all.segments[1].end_seconds, 9.96, 1e-9);
}

static void a_piece_without_times_keeps_its_text(void)
{
    cs_word word[] = {{.text = "One.", .start_frame = 10, .end_frame = 14}};
    const csi_lap laps[] = {
        {.timed = words_at(word, 1)}, {.timed = {.text = "no times"}, .start_seconds = 9}, {.timed = {.text = ""}}};
    csi_timed all;
    CHECK_INT(csi_timed_laps(&arena, &options, laps, 3, 1, &all, NULL), CS_OK);
    CHECK_STR(all.text, "One. no times");
    CHECK_INT(csi_timed_laps(&arena, &options, NULL, 0, 1, &all, NULL), CS_OK);
    CHECK_STR(all.text, "");
}

static void a_seam_says_what_stays(void)
{
    const int32_t x[] = {7, 8, 1, 2, 3}, y[] = {1, 2, 3, 4, 5};
    csi_buf merged;
    csi_seam seam;
    csi_buf_init(&merged, &env);
    CHECK_INT(csi_merge_ids(&merged, x, CSI_COUNT(x), 8, &seam, NULL), CS_OK);
    CHECK(seam.kept == 0 && seam.from == 0);
    CHECK_INT(csi_merge_ids(&merged, y, CSI_COUNT(y), 8, &seam, NULL), CS_OK);
    CHECK(seam.kept == 5 && seam.from == 3);
    CHECK_INT(merged.size / sizeof *x, 7);
    csi_buf_finish(&merged);
}

int main(void)
{
    csi_env_init(&env, NULL, NULL, NULL);
    csi_arena_init(&arena, &env);
    RUN(tokens_between_time_tokens);
    RUN(words_are_linked_by_their_text);
    RUN(each_word_is_taken_once);
    RUN(a_piece_without_times_keeps_its_text);
    RUN(a_seam_says_what_stays);
    csi_arena_finish(&arena);
    return check_done();
}
