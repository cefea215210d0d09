/* SPDX-License-Identifier: MIT
 *
 * The worker: a queue, and the one thread that takes from it and owns the engine. The door's functions only put something
 * in the queue or raise a flag, then wake the thread by an eventfd, so that it can wait for them and for a child's death
 * in one poll().
 *
 * Cancelling marks the jobs that wait and stops the one that runs; all are answered by the thread, each in its turn, so
 * that answers are in order and from one thread whatever happens. Whether a job was cancelled is decided once, under the
 * mutex, between its end and its answer.
 *
 * Deaths of a child are counted per job: WORKER_TRIES on one job fail it. Without a job a model is loaded again as often
 * in a row, then only when somebody needs it: something here kills it, and trying for ever would not help. */
#define _POSIX_C_SOURCE 200809L
#include "worker_engine.h"
#include "worker_spawn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* With unload_seconds 0, for how long a model that was loaded in advance waits for its job. */
enum { PREFAULT_KEEP_SECONDS = 60 };

typedef struct item {
    struct item *next;
    char *path;  /* of a swap; NULL: a job */
    int64_t job; /* the rest: of a job */
    int64_t queued_ns;
    worker_ask ask;
    bool cancelled; /* guarded by the mutex */
    size_t n_samples;
    float pcm[];
} item;

struct worker {
    /* Set once. */
    worker_sink sink;
    char *cpu_path;
    int32_t unload_seconds;
    int wake_fd;
    engine *engine; /* its calls: the worker's thread */
    pthread_t thread;

    /* The worker's thread alone. */
    char *path;
    worker_state state;
    int64_t idle_since_ns;
    int32_t n_deaths; /* without a job done since */
    bool used;        /* a job was done since the model was loaded or asked for in advance */

    pthread_mutex_t mutex; /* guards what follows */
    item *first, **end;
    item *running; /* its call may be stopped */
    bool warming;  /* so may this */
    bool want_warm, quit;
    worker_facts facts; /* the engine's */
    int64_t n_jobs;
};

typedef enum event { EVENT_ITEM, EVENT_WARM, EVENT_DIED, EVENT_IDLE, EVENT_QUIT } event;

/* ------------------------------------------------------------------- states */

static void tell(worker *w, worker_state state, const char *text)
{
    w->state = state;
    w->sink.state(w->sink.user, state, text);
}

/* The name that a model of this path will have. */
static void name_of(const char *path, char name[ENGINE_NAME])
{
    static const char ending[] = ".nemo";
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t n = strlen(base), n_ending = sizeof ending - 1;
    if (n > n_ending && strcmp(base + n - n_ending, ending) == 0)
        n -= n_ending;
    snprintf(name, ENGINE_NAME, "%.*s", n < ENGINE_NAME ? (int)n : ENGINE_NAME - 1, base);
}

static void tell_loading(worker *w, const char *path)
{
    char name[ENGINE_NAME];
    name_of(path, name);
    tell(w, WORKER_LOADING, name);
}

static bool has_quit(worker *w)
{
    return atomic_load(&w->engine->quit);
}

static void died_often(char error[WORKER_ERROR], const char *over)
{
    snprintf(error, WORKER_ERROR, "the worker process died or hung %d times over %s", WORKER_TRIES, over);
}

/* ------------------------------------------------------------------- models */

static engine_end open_model(worker *w, const char *path, char error[WORKER_ERROR])
{
    engine_end end = w->engine->load(w->engine, path, error);
    pthread_mutex_lock(&w->mutex);
    w->facts = w->engine->facts;
    pthread_mutex_unlock(&w->mutex);
    return end;
}

static engine_end load(worker *w, const char *path, char error[WORKER_ERROR])
{
    engine_end end = ENGINE_DIED;
    for (int tries = 0; end == ENGINE_DIED && tries < WORKER_TRIES && !has_quit(w); tries++)
        end = open_model(w, path, error);
    if (end == ENGINE_DIED)
        died_often(error, path);
    return end;
}

/* Load the model of the path that holds, for no job in particular. */
static bool bring_up(worker *w)
{
    char error[WORKER_ERROR];
    tell_loading(w, w->path);
    engine_end end = load(w, w->path, error);
    w->used = false;
    w->idle_since_ns = engine_clock_ns();
    if (has_quit(w))
        return false;
    if (end == ENGINE_OK)
        tell(w, WORKER_READY, w->engine->name);
    else
        tell(w, WORKER_FAILED, error);
    return end == ENGINE_OK;
}

static void swap(worker *w, item *it)
{
    char error[WORKER_ERROR], name[ENGINE_NAME];
    bool was_loaded = w->engine->loaded, had_failed = w->state == WORKER_FAILED;
    tell_loading(w, it->path);
    engine_end end = load(w, it->path, error);
    w->used = false;
    w->idle_since_ns = engine_clock_ns();
    if (has_quit(w))
        return;
    if (end == ENGINE_OK) {
        char *old = w->path;
        w->path = it->path;
        it->path = old;
        tell(w, WORKER_READY, w->engine->name);
        return;
    }
    tell(w, WORKER_FAILED, error);
    if (w->engine->loaded) {
        tell(w, WORKER_READY, w->engine->name);
    } else if (was_loaded) {
        bring_up(w); /* the new one killed the child that had the old one */
    } else if (!had_failed) {
        name_of(w->path, name);
        tell(w, WORKER_UNLOADED, name);
    }
}

static void unload(worker *w)
{
    if (!w->engine->loaded)
        return;
    w->engine->unload(w->engine);
    tell(w, WORKER_UNLOADED, w->engine->name);
}

static void child_died(worker *w)
{
    bool was_loaded = w->engine->loaded;
    w->engine->bury(w->engine);
    if (!was_loaded)
        return;
    if (w->n_deaths++ < WORKER_TRIES)
        bring_up(w);
    else
        tell(w, WORKER_UNLOADED, w->engine->name);
}

/* Make the call that follows one that can be stopped. false: it is not wanted any more. */
static bool begin(worker *w, item *it)
{
    pthread_mutex_lock(&w->mutex);
    bool wanted = !w->quit && (it ? !it->cancelled : !w->first);
    if (wanted) {
        atomic_store(&w->engine->stop, false);
        w->running = it;
        w->warming = !it;
    }
    pthread_mutex_unlock(&w->mutex);
    return wanted;
}

/* The end of that call. true: it was cancelled. */
static bool finish(worker *w, item *it)
{
    pthread_mutex_lock(&w->mutex);
    w->running = NULL;
    w->warming = false;
    bool cancelled = it && it->cancelled;
    pthread_mutex_unlock(&w->mutex);
    return cancelled;
}

static void warm(worker *w)
{
    w->idle_since_ns = engine_clock_ns();
    if (!w->engine->loaded && !bring_up(w))
        return;
    if (w->state == WORKER_BUSY)
        tell(w, WORKER_READY, w->engine->name); /* it was about to be unloaded */
    w->used = false;
    if (!begin(w, NULL))
        return;
    engine_end end = w->engine->warm(w->engine);
    finish(w, NULL);
    if (end == ENGINE_DIED && !has_quit(w)) {
        w->n_deaths++;
        bring_up(w);
    }
    w->idle_since_ns = engine_clock_ns();
}

/* ------------------------------------------------------------------- jobs */

static bool is_waiting(worker *w)
{
    pthread_mutex_lock(&w->mutex);
    bool waiting = w->first || w->quit;
    pthread_mutex_unlock(&w->mutex);
    return waiting;
}

/* A child that died before the job came is not a death over that job. */
static void bury_dead(worker *w)
{
    struct pollfd watched = {.fd = w->engine->fd, .events = POLLIN};
    if (watched.fd >= 0 && poll(&watched, 1, 0) > 0)
        w->engine->bury(w->engine);
}

static engine_end attempt(worker *w, item *it, engine_heard *heard, char error[WORKER_ERROR])
{
    engine_end end = ENGINE_CANCELLED;
    bury_dead(w);
    if (!begin(w, it))
        return end;
    if (!w->engine->loaded) {
        tell_loading(w, w->path);
        end = open_model(w, w->path, error);
        if (end == ENGINE_FAILED)
            tell(w, WORKER_FAILED, error);
    }
    if (w->engine->loaded) {
        if (w->state != WORKER_BUSY)
            tell(w, WORKER_BUSY, w->engine->name);
        end = w->engine->hear(w->engine, it->pcm, it->n_samples, &it->ask, heard, error);
    }
    return finish(w, it) ? ENGINE_CANCELLED : end;
}

static void do_job(worker *w, item *it)
{
    char error[WORKER_ERROR] = "";
    engine_heard heard = {0};
    worker_word *words = NULL;
    worker_answer a = {
        .job = it->job, .n_attempts = 1, .text = "", .model = "", .warning = "", .language = "", .target = ""};
    engine_end end;
    a.audio_seconds = (double)it->n_samples / ENGINE_RATE_HZ;
    a.wait_ms = (double)(engine_clock_ns() - it->queued_ns) / 1e6;
    while ((end = attempt(w, it, &heard, error)) == ENGINE_DIED && a.n_attempts < WORKER_TRIES && !has_quit(w))
        a.n_attempts++;
    if (has_quit(w)) {
        free(heard.text);
        free(heard.words);
        return;
    }
    if (end == ENGINE_CANCELLED)
        snprintf(error, sizeof error, "cancelled");
    else if (end == ENGINE_DIED)
        died_often(error, "this recording");
    a.ok = end == ENGINE_OK;
    a.error = a.ok ? "" : error;
    a.model = w->engine->name;
    if (a.ok) {
        a.text = heard.text;
        a.words = words = engine_words(heard.text, heard.words, &a.n_words);
        a.warning = heard.warning;
        a.language = heard.language;
        a.target = heard.target;
        a.decode_ms = heard.decode_ms;
        w->n_deaths = 0;
    }
    w->sink.answer(w->sink.user, &a);
    free(words);
    free(heard.text);
    free(heard.words);
}

/* What is to be said and done when nothing waits. */
static void rest(worker *w)
{
    w->used = true;
    w->idle_since_ns = engine_clock_ns();
    if (is_waiting(w))
        return;
    if (!w->engine->loaded && (w->state == WORKER_BUSY || w->state == WORKER_LOADING))
        bring_up(w); /* the child died over the job; the next one need not wait for the model */
    else if (w->state == WORKER_BUSY && w->unload_seconds != 0)
        tell(w, WORKER_READY, w->engine->name);
    engine_trim();
}

/* ------------------------------------------------------------------- the thread */

static void free_item(item *it)
{
    if (it)
        free(it->path);
    free(it);
}

/* Milliseconds until the model is to be unloaded; -1: never. */
static int idle_left_ms(const worker *w)
{
    if (w->unload_seconds < 0 || !w->engine->loaded)
        return -1;
    int64_t seconds = w->unload_seconds;
    if (seconds == 0 && !w->used)
        seconds = PREFAULT_KEEP_SECONDS;
    int64_t left_ms = (w->idle_since_ns + seconds * 1000000000 - engine_clock_ns() + 999999) / 1000000;
    return left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* What is there to do at once; EVENT_IDLE: nothing. */
static event take(worker *w, item **it)
{
    event what = EVENT_IDLE;
    pthread_mutex_lock(&w->mutex);
    if (w->quit) {
        what = EVENT_QUIT;
    } else if (w->first) {
        what = EVENT_ITEM;
        *it = w->first;
        w->first = w->first->next;
        if (!w->first)
            w->end = &w->first;
    } else if (w->want_warm) {
        what = EVENT_WARM;
        w->want_warm = false;
    }
    pthread_mutex_unlock(&w->mutex);
    return what;
}

static event next(worker *w, item **it)
{
    for (;;) {
        event what = take(w, it);
        if (what != EVENT_IDLE)
            return what;
        struct pollfd watched[] = {{.fd = w->wake_fd, .events = POLLIN}, {.fd = w->engine->fd, .events = POLLIN}};
        int left_ms = idle_left_ms(w);
        int n = poll(watched, 2, left_ms);
        uint64_t n_wakes;
        if (n > 0 && watched[0].revents && read(w->wake_fd, &n_wakes, sizeof n_wakes) == sizeof n_wakes)
            continue;
        if (n > 0 && watched[1].revents)
            return EVENT_DIED;
        if (n == 0 && left_ms >= 0 && idle_left_ms(w) == 0)
            return EVENT_IDLE;
    }
}

static void *work(void *user)
{
    worker *w = user;
    bring_up(w);
    for (;;) {
        item *it = NULL;
        switch (next(w, &it)) {
        case EVENT_ITEM:
            if (it->path) {
                swap(w, it);
            } else {
                do_job(w, it);
                free_item(it);
                it = NULL;
                rest(w);
            }
            free_item(it);
            break;
        case EVENT_WARM:
            warm(w);
            break;
        case EVENT_DIED:
            child_died(w);
            break;
        case EVENT_IDLE:
            unload(w);
            break;
        case EVENT_QUIT:
            return NULL;
        }
    }
}

/* All signals stay with the program's other threads; so do those of the threads that the library starts from this one. */
static int start_thread(worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int why = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return why;
}

/* ------------------------------------------------------------------- the door */

static void wake(const worker *w)
{
    ssize_t n = write(w->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)n; /* it fails only when as many wakes wait as a number can count */
}

static void discard(worker *w)
{
    while (w->first) {
        item *it = w->first;
        w->first = it->next;
        free_item(it);
    }
    if (w->engine)
        w->engine->free(w->engine);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    pthread_mutex_destroy(&w->mutex);
    free(w->path);
    free(w->cpu_path);
    free(w);
}

worker *worker_create(worker_kind kind, const worker_options *options, const worker_sink *sink,
                      char error[WORKER_ERROR])
{
    worker *w = calloc(1, sizeof *w);
    int why = w ? pthread_mutex_init(&w->mutex, NULL) : ENOMEM;
    if (why) {
        free(w);
        snprintf(error, WORKER_ERROR, "cannot start the worker: %s", strerror(why));
        return NULL;
    }
    w->sink = *sink;
    w->unload_seconds = options->unload_seconds;
    w->end = &w->first;
    w->path = strdup(options->model_path);
    w->cpu_path = options->cpu_path ? strdup(options->cpu_path) : NULL;
    w->wake_fd = spawn_above_output(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    why = w->wake_fd < 0 ? errno : !w->path || (options->cpu_path && !w->cpu_path) ? ENOMEM : 0;
    snprintf(error, WORKER_ERROR, "cannot start the worker: %s", strerror(why ? why : ENOMEM));
    if (!why)
        w->engine = kind == WORKER_THREAD
                        ? engine_create_here(NULL)
                        : engine_create_child(options->program, options->hang_seconds, w->wake_fd, error);
    if (!w->engine) {
        discard(w);
        return NULL;
    }
    w->engine->cpu_path = w->cpu_path;
    w->engine->threads = options->threads;
    w->engine->precision = options->precision;
    w->engine->cache = options->cache;
    why = start_thread(w);
    if (why) {
        snprintf(error, WORKER_ERROR, "cannot start the worker's thread: %s", strerror(why));
        discard(w);
        return NULL;
    }
    error[0] = 0;
    return w;
}

static int64_t enqueue(worker *w, item *it)
{
    pthread_mutex_lock(&w->mutex);
    if (!it->path) {
        it->job = ++w->n_jobs;
        w->want_warm = false; /* the job does it */
    }
    int64_t job = it->job;
    *w->end = it;
    w->end = &it->next;
    if (w->warming)
        atomic_store(&w->engine->stop, true);
    pthread_mutex_unlock(&w->mutex);
    wake(w);
    return job;
}

int64_t worker_submit(worker *w, const float *pcm, size_t n_samples, const worker_ask *ask)
{
    if (n_samples > (SIZE_MAX / 2 - sizeof(item)) / sizeof *pcm)
        return -1;
    item *it = malloc(sizeof *it + n_samples * sizeof *pcm);
    if (!it)
        return -1;
    *it = (item){.queued_ns = engine_clock_ns(), .n_samples = n_samples};
    if (ask)
        it->ask = *ask;
    if (n_samples)
        memcpy(it->pcm, pcm, n_samples * sizeof *pcm);
    return enqueue(w, it);
}

bool worker_swap(worker *w, const char *model_path)
{
    item *it = calloc(1, sizeof *it);
    if (it)
        it->path = strdup(model_path);
    if (!it || !it->path) {
        free(it);
        return false;
    }
    enqueue(w, it);
    return true;
}

void worker_get_facts(worker *w, worker_facts *facts)
{
    pthread_mutex_lock(&w->mutex);
    *facts = w->facts;
    pthread_mutex_unlock(&w->mutex);
}

void worker_prefault(worker *w)
{
    pthread_mutex_lock(&w->mutex);
    w->want_warm = true;
    pthread_mutex_unlock(&w->mutex);
    wake(w);
}

void worker_cancel(worker *w)
{
    pthread_mutex_lock(&w->mutex);
    for (item *it = w->first; it; it = it->next)
        it->cancelled = true;
    if (w->running) {
        w->running->cancelled = true;
        atomic_store(&w->engine->stop, true);
    }
    pthread_mutex_unlock(&w->mutex);
    wake(w);
}

int32_t worker_live_models(const worker *w)
{
    return atomic_load(&w->engine->live);
}

int32_t worker_child_pid(const worker *w)
{
    return atomic_load(&w->engine->pid);
}

int32_t worker_restarts(const worker *w)
{
    return atomic_load(&w->engine->restarts);
}

void worker_free(worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->quit = true;
    atomic_store(&w->engine->quit, true);
    pthread_mutex_unlock(&w->mutex);
    wake(w);
    pthread_join(w->thread, NULL);
    discard(w);
}
