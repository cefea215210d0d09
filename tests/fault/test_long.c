/* SPDX-License-Identifier: MIT
 * test-long MODEL AUDIO [flat]: twenty minutes in one pass. It works, memory grows with the length and not with its square,
 * or, "flat", not at all but for the tokens; cancel and progress act in the middle of it, and a session's buffers are the
 * same after as before. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "ctrlspeak.h"
#include "progress_watch.h"

#include <stdatomic.h>
#include <stdbool.h>

typedef struct header {
    size_t size;
    char pad[56]; /* keeps 64-byte alignment */
} header;

static atomic_size_t alive_bytes, peak_bytes;

static void *take(void *user, size_t size, size_t alignment)
{
    (void)user;
    (void)alignment;
    header *memory = NULL;
    if (posix_memalign((void **)&memory, 64, size + sizeof *memory) != 0)
        return NULL;
    memory->size = size;
    size_t now = atomic_fetch_add(&alive_bytes, size) + size, peak = atomic_load(&peak_bytes);
    while (now > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, now))
        ;
    return memory + 1;
}

static void give(void *user, void *memory)
{
    (void)user;
    header *h = (header *)memory - 1;
    atomic_fetch_sub(&alive_bytes, h->size);
    free(h);
}

static cs_model *model;
static cs_audio *clip;
static float *pcm;
enum { RATE = 16000, MINUTES = 20 };

static bool flat; /* memory is to be, the model's attention being bounded */

/* Peak bytes of one call: to the last frame, then with the words. */
typedef struct cost {
    double frames, all;
    int32_t n_tokens;
    int64_t n_frames;
} cost;

static int remember_peak(void *user, double done, double total)
{
    if (done < total)
        *(size_t *)user = atomic_load(&peak_bytes);
    return 0;
}

/* What it takes to transcribe the first `minutes`, on top of what was there before. */
static cost cost_of(int minutes)
{
    cs_result *result = NULL;
    cs_error err = {.code = CS_OK};
    cs_transcribe_options options;
    size_t before = atomic_load(&alive_bytes), at_last_frame = before;
    cs_session *session = NULL;
    atomic_store(&peak_bytes, before);
    cs_transcribe_options_init(&options);
    options.progress = remember_peak;
    options.progress_user = &at_last_frame;
    CHECK_INT(cs_session_create(model, &session, &err), CS_OK);
    if (!CHECK_INT(cs_session_transcribe(session, pcm, (size_t)minutes * 60 * RATE, &options, &result, &err), CS_OK)) {
        printf("# %s\n", err.message);
        return (cost){0};
    }
    const cost c = {(double)(at_last_frame - before), (double)(atomic_load(&peak_bytes) - before), result->n_tokens,
                    result->n_frames};
    CHECK(result->n_tokens > minutes * 20);
    CHECK(result->n_words > minutes * 5);
    CHECK_NEAR(result->duration_seconds, minutes * 60, 1e-9);
    for (int32_t i = 1; i < result->n_words; i++)
        if (result->words[i].start_seconds < result->words[i - 1].start_seconds)
            CHECK(!"words in order");
    cs_result_free(result);
    cs_session_free(session);
    return c;
}

static void memory_grows_with_the_length(void)
{
    const cost five = cost_of(5), ten = cost_of(10), twenty = cost_of(MINUTES);
    printf("# %.1f, %.1f, %.1f MB for 5, 10, 20 minutes\n", five.all / 1e6, ten.all / 1e6, twenty.all / 1e6);
    CHECK(ten.all < 2.2 * five.all);
    CHECK(twenty.all < 2.2 * ten.all);
    CHECK(twenty.n_frames > 1.9 * (double)ten.n_frames);
}

/* But for the tokens: 32 bytes each, in an array that doubles, while the old one is still there. */
static void memory_is_flat(void)
{
    enum { TOKEN = 3 * 32 };
    cost_of(1); /* positions stay with the model */
    const cost five = cost_of(5), ten = cost_of(10), twenty = cost_of(MINUTES);
    printf("# %.2f, %.2f, %.2f MB for 5, 10, 20 minutes, %d tokens\n", five.frames / 1e6, ten.frames / 1e6,
           twenty.frames / 1e6, twenty.n_tokens);
    CHECK(ten.frames - five.frames <= TOKEN * (double)ten.n_tokens);
    CHECK(twenty.frames - five.frames <= TOKEN * (double)twenty.n_tokens);
    CHECK(twenty.n_frames > 1.9 * (double)ten.n_frames);
}

static void progress_grows_and_stops(void)
{
    cs_transcribe_options options;
    cs_result *result = NULL;
    cs_error err;
    progress_watch w = {0};
    const int seconds = flat ? 300 : 60; /* "flat": long enough to be */
    cs_transcribe_options_init(&options);
    options.progress = watch_progress;
    options.progress_user = &w;
    CHECK_INT(cs_transcribe(model, pcm, (size_t)seconds * RATE, &options, &result, &err), CS_OK);
    cs_result_free(result);
    CHECK(!w.fell);
    CHECK(w.calls > cs_model_get_info(model)->n_layers);
    CHECK_NEAR(w.last, seconds, 1e-9);
    CHECK_NEAR(w.total, seconds, 1e-9);
    int calls = w.calls;
    w = (progress_watch){.stop_at = 20};
    CHECK_INT(cs_transcribe(model, pcm, (size_t)seconds * RATE, &options, &result, &err), CS_ECANCELLED);
    CHECK(result == NULL);
    CHECK(w.calls < calls && w.last >= 20 && w.last < seconds);
}

static void a_session_can_be_cancelled(void)
{
    cs_session *session = NULL;
    cs_result *result = NULL;
    cs_error err;
    CHECK_INT(cs_session_create(model, &session, &err), CS_OK);
    cs_session_cancel(session);
    CHECK_INT(cs_session_transcribe(session, pcm, 60 * RATE, NULL, &result, &err), CS_ECANCELLED);
    CHECK(result == NULL);
    CHECK_INT(cs_session_transcribe(session, clip->channels[0], clip->n_samples, NULL, &result, &err), CS_OK);
    cs_result *again = NULL;
    CHECK_INT(cs_transcribe(model, clip->channels[0], clip->n_samples, NULL, &again, &err), CS_OK);
    CHECK_STR(result->text, again->text); /* after a long one in the same buffers */
    cs_result_free(result);
    cs_result_free(again);
    cs_session_free(session);
}

static void samples_that_are_no_numbers(void)
{
    cs_result *result = NULL;
    cs_error err;
    float keep = pcm[777];
    pcm[777] = (float)(0.0 / *(volatile double *)&(double){0});
    CHECK_INT(cs_transcribe(model, pcm, RATE, NULL, &result, &err), CS_EAUDIO);
    CHECK_STR(err.message, "sample 777 is NaN, expected a number");
    CHECK_INT(err.where, 777);
    pcm[777] = (float)(-1.0 / *(volatile double *)&(double){0});
    CHECK_INT(cs_transcribe(model, pcm, RATE, NULL, &result, &err), CS_EAUDIO);
    CHECK_STR(err.message, "sample 777 is infinite, expected a number");
    pcm[777] = keep;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    flat = argc > 3;
    const cs_allocator allocator = {take, give, NULL};
    cs_model_options options;
    cs_error err;
    cs_model_options_init(&options);
    options.allocator = &allocator;
    if (cs_model_open(argv[1], &options, &model, &err) || cs_audio_read_file(argv[2], NULL, &clip, &err)) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    size_t n = (size_t)MINUTES * 60 * RATE;
    pcm = malloc(n * sizeof *pcm);
    for (size_t i = 0; pcm && i < n; i++)
        pcm[i] = clip->channels[0][i % clip->n_samples];
    if (flat)
        RUN(memory_is_flat);
    else
        RUN(memory_grows_with_the_length);
    RUN(progress_grows_and_stops);
    RUN(a_session_can_be_cancelled);
    RUN(samples_that_are_no_numbers);
    cs_audio_free(clip);
    cs_model_close(model);
    free(pcm);
    if (atomic_load(&alive_bytes) != 0)
        printf("Bail out! %zu bytes lost\n", atomic_load(&alive_bytes));
    return check_done();
}
