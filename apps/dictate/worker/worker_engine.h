/* SPDX-License-Identifier: MIT
 *
 * Where the model is: in this process (worker_model.c) or in a child (worker_process.c), behind one face. An engine is
 * used by one thread, the worker's; others may only set `stop` and `quit` and read the counters.
 *
 * A child's death is an outcome of the call that met it: ENGINE_DIED leaves an engine without a model, whose next call
 * starts another child. How often to try again is the worker's to say (worker_thread.c). */
#ifndef WORKER_ENGINE_H
#define WORKER_ENGINE_H

#include "worker_ask.h"

#include <stdatomic.h>

enum { ENGINE_NAME = 256, ENGINE_LANGUAGE = 64, ENGINE_RATE_HZ = 16000 };

typedef enum engine_end { ENGINE_OK, ENGINE_FAILED, ENGINE_CANCELLED, ENGINE_DIED } engine_end;

typedef struct engine_heard {
    char *text;  /* free() */
    char *words; /* free(); lines "START_MS END_MS WORD"; NULL: none */
    char language[ENGINE_LANGUAGE], target[ENGINE_LANGUAGE];
    char warning[WORKER_ERROR];
    double decode_ms;
} engine_heard;

typedef struct engine engine;
struct engine {
    /* Open path beside the model that is open, which is freed if that went well and stays if not. */
    engine_end (*load)(engine *e, const char *path, char error[WORKER_ERROR]);
    void (*unload)(engine *e);
    engine_end (*hear)(engine *e, const float *pcm, size_t n_samples, const worker_ask *ask, engine_heard *heard,
                       char error[WORKER_ERROR]);
    /* Touch every page of the model. */
    engine_end (*warm)(engine *e);
    /* The child is gone, or talks without being asked: put it away. NULL when there can be no child. */
    void (*bury)(engine *e);
    void (*free)(engine *e);

    const char *cpu_path; /* for the next load */
    int32_t threads, precision;
    packed_use cache;
    bool loaded;
    char name[ENGINE_NAME]; /* of the model that is open, or was */
    worker_facts facts;     /* and its own */
    int fd;                 /* readable while no call runs: bury; -1: none */

    atomic_bool stop; /* end hear() or warm() with ENGINE_CANCELLED; the owner clears it before the call */
    atomic_bool quit; /* end whatever runs, if that is possible */
    atomic_int live, pid, restarts;
};

/* The model in this process. The hooks, which may be NULL, are called from within the calls above:
 * beat often while it transcribes, true: stop; live when the number of open models changed. */
typedef struct engine_hooks {
    void *user;
    bool (*beat)(void *user);
    void (*live)(void *user, int n_models);
} engine_hooks;
engine *engine_create_here(const engine_hooks *hooks);

/* The model in a child, which is started by this call. wake_fd: an eventfd that is written after `stop` or `quit` was
 * set. NULL: error. */
engine *engine_create_child(const char *program, int32_t hang_seconds, int wake_fd, char error[WORKER_ERROR]);

/* The words of the text by such lines, to be freed: at most those that stand in the text in this order. NULL and 0: none. */
worker_word *engine_words(const char *text, const char *lines, int32_t *n_words);

/* Freed memory goes back to the system. */
void engine_trim(void);

/* Nanoseconds of the monotonic clock. */
int64_t engine_clock_ns(void);

#endif
