/* SPDX-License-Identifier: MIT
 * test-golden-batch MODEL AUDIO [best] [bounded]: cs_session_transcribe_batch() against cs_session_transcribe(). The same bits
 * whatever else is in the batch, in every precision, with every head, on every instruction set that this CPU has ("best": on
 * the best alone); a long one in blocks as in one go, and its stages take turns where attention is bounded; Canary with beams,
 * with times, in chunks and in one pass. And what becomes of items that cannot be heard, of cancel and of progress. */
#include "check.h"
#include "ctrlspeak.h"
#include "progress_watch.h"

#include <math.h>
#include <stdbool.h>

enum { MOST = 48, RATE = 16000 };

static const char *model_path;
static bool best_only, bounded; /* bounded: the model's attention is */
static float *pcm;              /* more than three minutes */
static const size_t n_pcm = 200 * RATE + 4321;

/* An utterance of a mix: where in pcm it begins, and its length. */
typedef struct cut {
    size_t at, n;
} cut;

typedef struct mix {
    const char *name;
    size_t n;
    cut cuts[MOST];
} mix;

static const mix mixes[] = {
    {"nothing at all", 3, {{0, 0}, {0, 0}, {0, 1}}},
    {"the shortest", 9, {{0, 0}, {5, 1}, {9, 159}, {9, 160}, {30, 1280}, {31, 1281}, {40, 3000}, {0, 0}, {77, 7000}}},
    {"one", 1, {{0, 2 * RATE}}},
    {"two seconds each",
     18,
     {{0, 32000},
      {32000, 32000},
      {64000, 32000},
      {96000, 32000},
      {128000, 32000},
      {160000, 32000},
      {3000, 32000},
      {35000, 32000},
      {67000, 32000},
      {99000, 32000},
      {131000, 32000},
      {163000, 32000},
      {200000, 32000},
      {210000, 32000},
      {220000, 32000},
      {230000, 32000},
      {240000, 32000},
      {250000, 32000}}},
    {"short, long and none",
     12,
     {{0, 1},
      {0, 90 * RATE},
      {1000, 20000},
      {5, 0},
      {2000, 300000},
      {7, 61440},
      {8, 61441},
      {9, 122880},
      {90, 122881},
      {11, 40000},
      {70000, 50001},
      {80000, 640}}},
};

static bool same_bits(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static bool same_tokens(const cs_result *a, const cs_result *b)
{
    for (int32_t i = 0; i < a->n_tokens; i++) {
        const cs_token *x = &a->tokens[i], *y = &b->tokens[i];
        if (x->id != y->id || x->frame != y->frame || x->duration != y->duration
            || !same_bits(&x->logprob, &y->logprob, sizeof x->logprob)
            || !same_bits(&x->confidence, &y->confidence, sizeof x->confidence)
            || !same_bits(&x->start_seconds, &y->start_seconds, sizeof x->start_seconds)
            || !same_bits(&x->end_seconds, &y->end_seconds, sizeof x->end_seconds))
            return false;
    }
    return true;
}

static bool same_words(const cs_result *a, const cs_result *b)
{
    for (int32_t i = 0; i < a->n_words; i++) {
        const cs_word *x = &a->words[i], *y = &b->words[i];
        if (strcmp(x->text, y->text) != 0 || x->start_frame != y->start_frame || x->end_frame != y->end_frame
            || !same_bits(&x->confidence, &y->confidence, sizeof x->confidence))
            return false;
    }
    return true;
}

static bool same_alternatives(const cs_result *a, const cs_result *b)
{
    for (int32_t i = 0; i < a->n_alternatives; i++) {
        const cs_alternative *x = &a->alternatives[i], *y = &b->alternatives[i];
        if (x->n_ids != y->n_ids || !same_bits(x->ids, y->ids, sizeof *x->ids * (size_t)x->n_ids)
            || !same_bits(&x->score, &y->score, sizeof x->score))
            return false;
    }
    return true;
}

static bool same_result(const cs_result *a, const cs_result *b)
{
    return a && b && strcmp(a->text, b->text) == 0 && a->n_tokens == b->n_tokens && a->n_words == b->n_words
           && a->n_segments == b->n_segments && a->n_frames == b->n_frames && a->head == b->head
           && same_bits(&a->score, &b->score, sizeof a->score)
           && same_bits(&a->duration_seconds, &b->duration_seconds, sizeof a->duration_seconds)
           && a->n_alternatives == b->n_alternatives && a->n_chunks == b->n_chunks && a->n_steps == b->n_steps
           && a->has_times == b->has_times && same_tokens(a, b) && same_words(a, b) && same_alternatives(a, b);
}

static cs_session *open_session(const char *path, cs_precision precision, cs_error *err)
{
    cs_model_options options;
    cs_model *model = NULL;
    cs_session *session = NULL;
    cs_model_options_init(&options);
    options.threads = 2;
    options.cpu_path = path;
    options.precision = precision;
    if (cs_model_open(model_path, &options, &model, err) == CS_OK) {
        if (path && strcmp(cs_model_get_info(model)->cpu_path, path) != 0)
            snprintf(err->message, sizeof err->message, "this CPU uses another");
        else
            cs_session_create(model, &session, err);
    }
    cs_model_close(model);
    return session;
}

/* Each cut of a mix alone, and all in one call. Returns the tokens met. */
static int check_mix(cs_session *session, const mix *m, const cs_transcribe_options *options)
{
    const float *buffers[MOST];
    size_t lengths[MOST];
    cs_result *results[MOST];
    cs_error errors[MOST], err = {0};
    int n_tokens = 0;
    for (size_t i = 0; i < m->n; i++) {
        buffers[i] = m->cuts[i].n ? pcm + m->cuts[i].at : NULL;
        lengths[i] = m->cuts[i].n;
    }
    if (!CHECK_INT(cs_session_transcribe_batch(session, m->n, buffers, lengths, options, results, errors, &err), CS_OK))
        printf("# %s: %s\n", m->name, err.message);
    for (size_t i = 0; i < m->n; i++) {
        cs_result *alone = NULL;
        CHECK_INT(errors[i].code, CS_OK);
        CHECK_INT(cs_session_transcribe(session, buffers[i], lengths[i], options, &alone, &err), CS_OK);
        if (!CHECK(same_result(results[i], alone)))
            printf("# %s: utterance %zu of %zu samples: \"%.80s\", alone \"%.80s\"\n", m->name, i, lengths[i],
                   results[i] ? results[i]->text : "", alone ? alone->text : "");
        n_tokens += alone ? alone->n_tokens : 0;
        cs_result_free(alone);
        cs_result_free(results[i]);
    }
    return n_tokens;
}

static void look_away(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *data)
{
    (void)name, (void)n_dims, (void)dims, (void)data;
    ++*(int *)user;
}

static void count_mel(void *user, const char *stage, double ms)
{
    (void)ms;
    *(int *)user += strcmp(stage, "mel") == 0;
}

/* A long utterance goes through a layer block by block, but whole where stage tensors are wanted. *flows: its stages took
 * turns. Returns the tokens. */
static int check_blocks(cs_session *session, size_t n_samples, const cs_transcribe_options *options, bool *flows)
{
    cs_transcribe_options looked_at = *options, timed = *options;
    cs_result *blocks = NULL, *whole = NULL;
    cs_error err = {0};
    int looks = 0, mel_parts = 0, n_tokens = 0;
    looked_at.tensor = look_away;
    looked_at.tensor_user = &looks;
    timed.stage = count_mel;
    timed.stage_user = &mel_parts;
    CHECK_INT(cs_session_transcribe(session, pcm, n_samples, &timed, &blocks, &err), CS_OK);
    CHECK_INT(cs_session_transcribe(session, pcm, n_samples, &looked_at, &whole, &err), CS_OK);
    CHECK(looks > 3);
    if (!CHECK(same_result(blocks, whole)))
        printf("# %zu samples: \"%.80s\", whole \"%.80s\"\n", n_samples, blocks ? blocks->text : "",
               whole ? whole->text : "");
    n_tokens = whole ? whole->n_tokens : 0;
    *flows = mel_parts > 1;
    cs_result_free(blocks);
    cs_result_free(whole);
    return n_tokens;
}

/* Lengths about the seams of blocks and panels, and attention contexts, those that the model has: left, chunk, right. */
static int check_seams(cs_session *session, const cs_transcribe_options *options)
{
    enum { BLOCK = 768 * 8 * 160, PANEL = 48 * 8 * 160 }; /* samples, factor 8 */
    static const size_t lengths[] = {BLOCK + 1,         BLOCK + PANEL / 2,         2 * BLOCK - PANEL, 2 * BLOCK,
                                     2 * BLOCK + 10000, 2 * BLOCK + 3 * PANEL + 1, 3 * BLOCK - 1};
    static const int32_t contexts[][3] = {{14, INT32_MIN, 0}, {12, INT32_MIN, 3}, {-1, INT32_MIN, 3},
                                          {6, INT32_MIN, -1}, {-1, INT32_MIN, 2}, {70, 2, 7},
                                          {70, 7, 0},         {100, 60, 60}};
    int n_tokens = 0;
    bool flows;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        n_tokens += check_blocks(session, lengths[i], options, &flows);
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        cs_transcribe_options with = *options;
        cs_result *none = NULL;
        cs_error err = {0};
        with.att_left = contexts[i][0];
        with.att_chunk = contexts[i][1];
        with.att_right = contexts[i][2];
        if (cs_session_transcribe(session, NULL, 0, &with, &none, &err) != CS_OK)
            continue;
        cs_result_free(none);
        n_tokens += check_blocks(session, 130 * RATE, &with, &flows);
        if (!CHECK(flows == (with.att_left >= 0 && with.att_right >= 0)))
            printf("# context [%d, %d, %d]\n", with.att_left, with.att_chunk, with.att_right);
    }
    return n_tokens;
}

/* Canary: several beams, words with times where the model has them, and what is long in one pass. */
static int check_canary(cs_session *session, const cs_transcribe_options *options)
{
    cs_transcribe_options beams = *options, times = *options, whole = *options;
    cs_result *none = NULL;
    cs_error err = {0};
    int n_tokens = 0;
    bool flows;
    beams.search = CS_SEARCH_BEAM;
    beams.beams = 3;
    beams.n_best = 2;
    beams.length_penalty = 1;
    times.timestamps = CS_CHOICE_YES;
    whole.chunking = CS_CHOICE_NO;
    for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++)
        n_tokens += check_mix(session, &mixes[i], &beams);
    if (cs_session_transcribe(session, NULL, 0, &times, &none, &err) == CS_OK)
        for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++)
            n_tokens += check_mix(session, &mixes[i], &times);
    cs_result_free(none);
    return n_tokens + check_blocks(session, 130 * RATE, &whole, &flows);
}

/* Every mix and head on one path. */
static void check_path(const char *path, cs_precision precision)
{
    cs_error err = {0};
    cs_session *session = open_session(path, precision, &err);
    if (!session) {
        printf("# path %s: %s\n", path, err.message);
        CHECK(path != NULL);
        return;
    }
    int n_tokens = 0;
    for (cs_head head = CS_HEAD_CTC; head <= CS_HEAD_AED; head++) {
        cs_transcribe_options options;
        cs_transcribe_options_init(&options);
        options.head = head;
        cs_result *none = NULL;
        if (cs_session_transcribe(session, NULL, 0, &options, &none, &err) != CS_OK)
            continue; /* not a head of this model */
        cs_result_free(none);
        for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++)
            n_tokens += check_mix(session, &mixes[i], &options);
        bool flows;
        n_tokens += check_blocks(session, path ? 80 * RATE + 77 : n_pcm, &options, &flows);
        if (head == CS_HEAD_AED) { /* in chunks */
            n_tokens += path ? 0 : check_canary(session, &options);
            continue;
        }
        CHECK(path || flows == bounded);
        if (!path)
            n_tokens += check_seams(session, &options);
    }
    CHECK(n_tokens > 200);
    cs_session_free(session);
}

static void check_paths(cs_precision precision)
{
    static const char *const paths[] = {"c", "sse2", "avx2", "avx512", "neon"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !best_only; i++)
        check_path(paths[i], precision);
    check_path(NULL, precision);
}

static void f32_gives_the_bits_of_one_alone(void)
{
    check_paths(CS_PRECISION_F32);
}

static void int8_gives_the_bits_of_one_alone(void)
{
    check_paths(CS_PRECISION_INT8);
}

static void bf16_gives_the_bits_of_one_alone(void)
{
    check_paths(CS_PRECISION_BF16);
}

/* Three that can be heard among two that cannot. */
static void a_bad_item_fails_alone(void)
{
    cs_error err = {0}, errors[5];
    cs_session *session = open_session(NULL, CS_PRECISION_F32, &err);
    float bad[1000] = {0};
    bad[777] = NAN;
    const float *buffers[5] = {pcm, bad, pcm + 9, NULL, pcm + 70};
    const size_t lengths[5] = {30000, 1000, 40000, 20, 0};
    cs_result *results[5], *alone = NULL;
    for (int told = 0; told < 2; told++) {
        CHECK_INT(cs_session_transcribe_batch(session, 5, buffers, lengths, NULL, results, told ? errors : NULL, &err),
                  CS_OK);
        CHECK(results[1] == NULL && results[3] == NULL && results[4] != NULL);
        CHECK_INT(cs_session_transcribe(session, buffers[2], lengths[2], NULL, &alone, &err), CS_OK);
        CHECK(same_result(results[2], alone));
        for (int i = 0; i < 5; i++)
            cs_result_free(results[i]);
        cs_result_free(alone);
    }
    CHECK_STR(errors[1].message, "sample 777 is NaN, expected a number");
    CHECK_INT(errors[1].code, CS_EAUDIO);
    CHECK_INT(errors[1].where, 777);
    CHECK_INT(errors[3].code, CS_EINVAL);
    CHECK_INT(errors[0].code, CS_OK);
    CHECK_INT(errors[4].code, CS_OK);
    cs_session_free(session);
}

static void progress_and_cancel(void)
{
    enum { N = 40, SECONDS = 80 };
    cs_error err = {0};
    cs_session *session = open_session(NULL, CS_PRECISION_F32, &err);
    const float *buffers[N];
    size_t lengths[N];
    cs_result *results[N];
    progress_watch w = {0};
    cs_transcribe_options options;
    cs_transcribe_options_init(&options);
    options.progress = watch_progress;
    options.progress_user = &w;
    for (int i = 0; i < N; i++) {
        buffers[i] = pcm + i * RATE;
        lengths[i] = 2 * RATE;
    }
    CHECK_INT(cs_session_transcribe_batch(session, N, buffers, lengths, &options, results, NULL, &err), CS_OK);
    for (int i = 0; i < N; i++)
        cs_result_free(results[i]);
    CHECK(!w.fell);
    CHECK_NEAR(w.last, SECONDS, 1e-9);
    CHECK_NEAR(w.total, SECONDS, 1e-9);
    for (int stop_at = 1; stop_at < SECONDS; stop_at += 39) {
        w = (progress_watch){.stop_at = stop_at};
        results[0] = results[N - 1] = (cs_result *)(void *)pcm;
        CHECK_INT(cs_session_transcribe_batch(session, N, buffers, lengths, &options, results, NULL, &err),
                  CS_ECANCELLED);
        CHECK(results[0] == NULL && results[N - 1] == NULL);
        CHECK(w.last >= stop_at && w.last < SECONDS);
    }
    cs_session_cancel(session);
    CHECK_INT(cs_session_transcribe_batch(session, 2, buffers, lengths, NULL, results, NULL, &err), CS_ECANCELLED);
    CHECK_INT(cs_session_transcribe_batch(session, 2, buffers, lengths, NULL, results, NULL, &err), CS_OK);
    cs_result_free(results[0]);
    cs_result_free(results[1]);
    CHECK_INT(cs_session_transcribe_batch(session, 0, NULL, NULL, NULL, NULL, NULL, &err), CS_OK);
    CHECK_INT(cs_session_transcribe_batch(session, 2, buffers, NULL, NULL, results, NULL, &err), CS_EINVAL);
    options.threads = -1;
    CHECK_INT(cs_session_transcribe_batch(session, 2, buffers, lengths, &options, results, NULL, &err), CS_EINVAL);
    cs_session_free(session);
}

int main(int argc, char **argv)
{
    cs_audio *clip = NULL;
    cs_error err = {0};
    if (argc < 3)
        return 2;
    model_path = argv[1];
    for (int i = 3; i < argc; i++) {
        best_only |= strcmp(argv[i], "best") == 0;
        bounded |= strcmp(argv[i], "bounded") == 0;
    }
    pcm = malloc(n_pcm * sizeof *pcm);
    if (!pcm || cs_audio_read_file(argv[2], NULL, &clip, &err)) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    for (size_t i = 0; i < n_pcm; i++)
        pcm[i] = clip->channels[0][i % clip->n_samples];
    cs_audio_free(clip);
    RUN(f32_gives_the_bits_of_one_alone);
    RUN(int8_gives_the_bits_of_one_alone);
    RUN(bf16_gives_the_bits_of_one_alone);
    RUN(a_bad_item_fails_alone);
    RUN(progress_and_cancel);
    free(pcm);
    return check_done();
}
