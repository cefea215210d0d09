/* SPDX-License-Identifier: MIT
 *
 * The model in this process: see worker_engine.h.
 *
 * Calls are stopped through their progress callback, which the library makes exactly where it looks at
 * cs_session_cancel()'s flag: that flag, raised a moment after a call has ended, would stop the next job instead.
 *
 * Reading the model ahead is a transcription of one second of silence. It touches every weight in the order in which a
 * job will, so that page cache, page tables and the session's buffers are warm together; a job stops it within a layer,
 * and finds what was read so far. */
#define _POSIX_C_SOURCE 200809L
#include "common/textbuf.h"
#include "ctrlspeak.h"
#include "worker_engine.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A session keeps the buffers of the longest job that it has seen; after one above this it is made anew. */
enum { SESSION_KEEP_SECONDS = 60, WARM_SAMPLES = ENGINE_RATE_HZ, MMAP_THRESHOLD = 128 * 1024 };

typedef struct here {
    engine base;
    engine_hooks hooks;
    cs_model *model;
    cs_session *session; /* NULL: to be made */
} here;

int64_t engine_clock_ns(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void worker_tune_malloc(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
#endif
}

void engine_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static void count(here *h, int change)
{
    int n = atomic_fetch_add(&h->base.live, change) + change;
    if (h->hooks.live)
        h->hooks.live(h->hooks.user, n);
}

static void drop(here *h)
{
    if (!h->model)
        return;
    cs_session_free(h->session);
    cs_model_close(h->model);
    h->session = NULL;
    h->model = NULL;
    h->base.loaded = false;
    count(h, -1);
}

static engine_end fail(char error[WORKER_ERROR], const cs_error *err)
{
    snprintf(error, WORKER_ERROR, "%s", err->message);
    return ENGINE_FAILED;
}

static engine_end load(engine *e, const char *path, char error[WORKER_ERROR])
{
    here *h = (here *)e;
    cs_error err = {0};
    cs_model *model = NULL;
    cs_session *session = NULL;
    cs_model_options options;
    cs_model_options_init(&options);
    options.cpu_path = e->cpu_path;
    options.threads = e->threads;
    options.precision = (cs_precision)e->precision;
    char *folder = packed_apply(&options, &e->cache);
    cs_err code = cs_model_open(path, &options, &model, &err);
    free(folder);
    if (code != CS_OK)
        return fail(error, &err);
    count(h, 1);
    const cs_model_info *info = cs_model_get_info(model);
    engine_end end = ENGINE_OK;
    if (info->sample_rate_hz != ENGINE_RATE_HZ) {
        snprintf(error, WORKER_ERROR, "%s: the model hears %d Hz, dictation records for %d Hz", path,
                 (int)info->sample_rate_hz, ENGINE_RATE_HZ);
        end = ENGINE_FAILED;
    } else if (cs_session_create(model, &session, &err) != CS_OK) {
        end = fail(error, &err);
    }
    if (end != ENGINE_OK) {
        cs_model_close(model);
        count(h, -1);
        return end;
    }
    drop(h);
    h->model = model;
    h->session = session;
    e->loaded = true;
    snprintf(e->name, sizeof e->name, "%s", info->name);
    worker_facts_of(info, &e->facts);
    return ENGINE_OK;
}

static void unload(engine *e)
{
    drop((here *)e);
    engine_trim();
}

static int progress(void *user, double done_seconds, double total_seconds)
{
    here *h = user;
    (void)done_seconds;
    (void)total_seconds;
    if (h->hooks.beat && h->hooks.beat(h->hooks.user))
        return 1;
    return atomic_load(&h->base.stop) || atomic_load(&h->base.quit);
}

/* What the model takes of it: one without prompts would refuse a language. */
static void apply(const worker_facts *facts, const worker_ask *ask, cs_transcribe_options *options)
{
    if (ask->times && facts->times)
        options->timestamps = CS_CHOICE_YES;
    if (!facts->prompted)
        return;
    options->language = ask->spoken.language[0] ? ask->spoken.language : NULL;
    options->target_language = ask->spoken.target[0] ? ask->spoken.target : NULL;
    options->punctuation = (cs_choice)ask->spoken.punctuation;
}

static cs_err transcribe(here *h, const float *pcm, size_t n_samples, const worker_ask *ask, cs_result **result,
                         cs_error *err)
{
    cs_transcribe_options options;
    cs_transcribe_options_init(&options);
    options.progress = progress;
    options.progress_user = h;
    apply(&h->base.facts, ask, &options);
    cs_err code = h->session ? CS_OK : cs_session_create(h->model, &h->session, err);
    if (!code)
        code = cs_session_transcribe(h->session, pcm, n_samples, &options, result, err);
    if (n_samples / ENGINE_RATE_HZ > SESSION_KEEP_SECONDS) {
        cs_session_free(h->session);
        h->session = NULL;
    }
    return code;
}

/* With "auto" the model may not tell the language, as of a cough, or because it has not learnt to. No words are lost for that: it then
 * hears as it does when it is not asked. */
static cs_err transcribe_somehow(here *h, const float *pcm, size_t n_samples, const worker_ask *ask, cs_result **result,
                                 char warning[WORKER_ERROR], cs_error *err)
{
    cs_err code = transcribe(h, pcm, n_samples, ask, result, err);
    if (code != CS_EUNSUPPORTED || strcmp(ask->spoken.language, "auto") != 0)
        return code;
    worker_ask own = *ask;
    own.spoken.language[0] = 0;
    code = transcribe(h, pcm, n_samples, &own, result, err);
    if (!code)
        snprintf(warning, WORKER_ERROR, "%s does not tell the language of this recording, it was heard as '%s'",
                 h->base.name, (*result)->language);
    return code;
}

static engine_end hear(engine *e, const float *pcm, size_t n_samples, const worker_ask *ask, engine_heard *heard,
                       char error[WORKER_ERROR])
{
    here *h = (here *)e;
    cs_error err = {0};
    cs_result *result = NULL;
    int64_t begun_ns = engine_clock_ns();
    cs_err code = transcribe_somehow(h, pcm, n_samples, ask, &result, heard->warning, &err);
    if (code)
        return code == CS_ECANCELLED ? ENGINE_CANCELLED : fail(error, &err);
    heard->decode_ms = (double)(engine_clock_ns() - begun_ns) / 1e6;
    heard->text = strdup(result->text);
    textbuf lines = {0};
    for (int32_t i = 0; result->has_times && i < result->n_words; i++)
        textbuf_printf(&lines, "%.0f %.0f %s\n", 1000 * result->words[i].start_seconds,
                       1000 * result->words[i].end_seconds, result->words[i].text);
    if (lines.failed)
        textbuf_free(&lines); /* a text without times is better than none */
    heard->words = lines.data;
    snprintf(heard->language, sizeof heard->language, "%s", result->language);
    snprintf(heard->target, sizeof heard->target, "%s", result->target_language);
    if (result->warning)
        snprintf(heard->warning, sizeof heard->warning, "%s", result->warning);
    cs_result_free(result);
    if (heard->text)
        return ENGINE_OK;
    free(heard->words);
    heard->words = NULL;
    snprintf(error, WORKER_ERROR, "out of memory for the text");
    return ENGINE_FAILED;
}

static engine_end warm(engine *e)
{
    cs_result *result = NULL;
    float *silence = calloc(WARM_SAMPLES, sizeof *silence);
    cs_err code = silence ? transcribe((here *)e, silence, WARM_SAMPLES, &(worker_ask){0}, &result, NULL) : CS_ENOMEM;
    cs_result_free(result);
    free(silence);
    return code == CS_OK ? ENGINE_OK : code == CS_ECANCELLED ? ENGINE_CANCELLED : ENGINE_FAILED;
}

static void destroy(engine *e)
{
    drop((here *)e);
    free(e);
}

engine *engine_create_here(const engine_hooks *hooks)
{
    here *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->base.load = load;
    h->base.unload = unload;
    h->base.hear = hear;
    h->base.warm = warm;
    h->base.free = destroy;
    h->base.fd = -1;
    atomic_init(&h->base.stop, false);
    atomic_init(&h->base.quit, false);
    atomic_init(&h->base.live, 0);
    atomic_init(&h->base.pid, 0);
    atomic_init(&h->base.restarts, 0);
    if (hooks)
        h->hooks = *hooks;
    return &h->base;
}
