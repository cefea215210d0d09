/* SPDX-License-Identifier: MIT
 * The n-th allocation fails, for every n, while a model is opened, transcribes, and is freed: each time an error that
 * says so (or, where the library can do without, the right text), and not a byte lost. A Canary model is asked for beams,
 * alternatives and times, and then for a recording in chunks. With a cache of packed weights that is
 * empty each time (cold), or holds what the first life left (warm). */
#define _XOPEN_SOURCE 700
#include "check.h"
#include "ctrlspeak.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

/* Counts what lives; fails the allocation number `fail_at`. */
typedef struct ledger {
    atomic_long made, alive;
    long fail_at;
} ledger;

static void *take(void *user, size_t size, size_t alignment)
{
    ledger *l = user;
    if (atomic_fetch_add(&l->made, 1) == l->fail_at)
        return NULL;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    atomic_fetch_add(&l->alive, 1);
    return memory;
}

static void give(void *user, void *memory)
{
    ledger *l = user;
    atomic_fetch_sub(&l->alive, 1);
    free(memory);
}

static const char *model_path, *audio_path;
static cs_precision precision = CS_PRECISION_F32;
static char place[] = "/tmp/cs-fault-XXXXXX";
static enum { CACHE_NONE, CACHE_COLD, CACHE_WARM } cache;

static void empty_the_cache(void)
{
    cs_cache_entry *entries = NULL;
    size_t n = 0;
    CHECK_INT(cs_cache_list(place, &entries, &n, NULL), CS_OK);
    for (size_t i = 0; i < n; i++)
        CHECK_INT(cs_cache_remove(place, entries[i].file, NULL), CS_OK);
    cs_cache_list_free(entries);
}

static bool is_canary(const cs_model *model)
{
    return cs_model_get_info(model)->heads >> CS_HEAD_AED & 1;
}

/* All that a model can be asked for. */
static cs_transcribe_options much(const cs_model *model)
{
    cs_transcribe_options options;
    cs_transcribe_options_init(&options);
    if (is_canary(model)) {
        options.search = CS_SEARCH_BEAM;
        options.beams = options.n_best = 3;
        options.length_penalty = 1;
        options.language = "de";
        options.timestamps = strcmp(cs_model_get_info(model)->times, "none") != 0 ? CS_CHOICE_YES : CS_CHOICE_NO;
    }
    return options;
}

/* The clip over and over, for as long as makes chunks, after a context. */
static cs_err chunks(cs_session *session, const cs_transcribe_options *options, const cs_audio *audio, cs_error *err)
{
    const size_t n = 41 * 16000;
    float *pcm = malloc(n * sizeof *pcm);
    cs_transcribe_options one_line = *options;
    cs_result *result = NULL;
    one_line.beams = one_line.n_best = 0;
    one_line.context = "Nobody knew.";
    for (size_t i = 0; pcm && i < n; i++)
        pcm[i] = audio->channels[0][i % audio->n_samples];
    cs_err code = cs_session_transcribe(session, pcm, n, &one_line, &result, err);
    CHECK(code != CS_OK || result->n_chunks == 2);
    cs_result_free(result);
    free(pcm);
    return code;
}

/* Two clips and nothing in one call. */
static cs_err batch(cs_session *session, const cs_transcribe_options *options, const cs_audio *audio, cs_error *err)
{
    const float *pcm[3] = {audio->channels[0], NULL, audio->channels[0]};
    const size_t n[3] = {audio->n_samples, 0, audio->n_samples / 2};
    cs_result *results[3];
    cs_err code = cs_session_transcribe_batch(session, 3, pcm, n, options, results, NULL, err);
    for (int i = 0; i < 3; i++) {
        if ((results[i] == NULL) != (code != CS_OK))
            CHECK(!"a result for each, or none");
        cs_result_free(results[i]);
    }
    return code;
}

/* Open, transcribe with every head, write, free. *text is malloc'd on success. */
static cs_err whole_life(ledger *l, char **text, cs_error *err)
{
    const cs_allocator allocator = {take, give, l};
    cs_model_options model_options;
    cs_audio_options audio_options;
    cs_model_options_init(&model_options);
    cs_audio_options_init(&audio_options);
    model_options.allocator = audio_options.allocator = &allocator;
    model_options.threads = 2;
    model_options.precision = precision;
    if (cache != CACHE_NONE) {
        model_options.cache_folder = place;
        model_options.cache_min_bytes = 1;
    }
    if (cache == CACHE_COLD)
        empty_the_cache();
    cs_model *model = NULL;
    cs_session *session = NULL;
    cs_result *result = NULL;
    cs_audio *audio = NULL;
    cs_transcribe_options options;
    cs_err code = cs_model_open(model_path, &model_options, &model, err);
    if (!code)
        code = cs_audio_read_file(audio_path, &audio_options, &audio, err);
    if (!code)
        code = cs_session_create(model, &session, err);
    if (!code) {
        options = much(model);
        code = cs_session_transcribe(session, audio->channels[0], audio->n_samples, &options, &result, err);
    }
    if (!code) {
        *text = malloc(strlen(result->text) + 1);
        if (*text)
            strcpy(*text, result->text);
        cs_result_free(result);
        result = NULL;
        code = cs_transcribe_file(model, audio_path, NULL, &options, &result, err);
    }
    if (!code)
        code = batch(session, &options, audio, err);
    if (!code && is_canary(model))
        code = chunks(session, &options, audio, err);
    cs_result_free(result);
    cs_session_free(session);
    cs_audio_free(audio);
    cs_model_close(model);
    return code;
}

static void every_allocation_may_fail(void)
{
    ledger good = {.fail_at = -1};
    char *expected = NULL;
    cs_error err = {.code = CS_OK};
    if (!CHECK_INT(whole_life(&good, &expected, &err), CS_OK)) {
        printf("# %s\n", err.message);
        return;
    }
    if (cache == CACHE_WARM) { /* once more: the numbers of this life are those that count */
        free(expected);
        good = (ledger){.fail_at = -1};
        CHECK_INT(whole_life(&good, &expected, &err), CS_OK);
    }
    CHECK(strlen(expected) > 10);
    CHECK_INT(good.alive, 0);
    printf("# %ld allocations in a whole life\n", good.made);
    long survived = 0;
    for (long n = 0; n < good.made; n++) {
        ledger l = {.fail_at = n};
        char *text = NULL;
        err = (cs_error){.code = CS_OK};
        cs_err code = whole_life(&l, &text, &err);
        if (code == CS_OK) {
            survived++;
            CHECK_STR(text, expected);
        } else if (code != CS_ENOMEM || err.code != CS_ENOMEM || strlen(err.message) < 10) {
            printf("# allocation %ld: code %d, message \"%s\"\n", n, code, err.message);
            CHECK(!"an error that says memory is out");
        }
        if (l.alive != 0) {
            printf("# allocation %ld: %ld blocks lost\n", n, l.alive);
            CHECK(!"nothing lost");
        }
        free(text);
    }
    CHECK(survived <= (cache == CACHE_NONE ? 8 : 24)); /* what is only kept for speed */
    printf("# %ld failures did no harm\n", survived);
    free(expected);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    model_path = argv[1];
    audio_path = argv[2];
    if (argc > 3)
        precision = strcmp(argv[3], "bf16") == 0 ? CS_PRECISION_BF16 : CS_PRECISION_INT8;
    if (argc > 4)
        cache = strcmp(argv[4], "cold") == 0 ? CACHE_COLD : CACHE_WARM;
    if (cache != CACHE_NONE && !mkdtemp(place))
        return 2;
    RUN(every_allocation_may_fail);
    if (cache != CACHE_NONE) {
        empty_the_cache();
        rmdir(place);
    }
    return check_done();
}
