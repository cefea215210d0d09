/* SPDX-License-Identifier: MIT
 *
 * Who turns sound into text: one thread that holds the model, or the same code in a child process (`--worker process`)
 * that is started before the screen and any other thread exist. Jobs in, answers out, in order. The worker never forks,
 * never touches descriptors 0 to 2, never draws.
 *
 * A child that dies is started again and the job it had is done again; after WORKER_TRIES deaths on one and the same job that
 * job is answered as failed. Nothing that was submitted goes unanswered, except after worker_free(). */
#ifndef DICTATE_WORKER_H
#define DICTATE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORKER_ERROR = 500, WORKER_TRIES = 3 };

typedef enum worker_kind { WORKER_THREAD, WORKER_PROCESS } worker_kind;
typedef enum worker_state { WORKER_UNLOADED, WORKER_LOADING, WORKER_READY, WORKER_BUSY, WORKER_FAILED } worker_state;

typedef struct worker worker;

typedef struct worker_answer {
    int64_t job;
    bool ok;
    const char *text;  /* dies with the call; "" on failure */
    const char *error; /* one sentence; "" when ok */
    const char *model; /* name of the model that did it */
    const char *language;
    double audio_seconds;
    double decode_ms;   /* wall clock, in the model */
    double wait_ms;     /* in the queue */
    int32_t n_attempts; /* 1, or more when a child died over it */
} worker_answer;

/* From the worker's thread; return at once. */
typedef struct worker_sink {
    void *user;
    void (*answer)(void *user, const worker_answer *answer);
    /* state changed; text: the model's name, or why it failed. */
    void (*state)(void *user, worker_state state, const char *text);
} worker_sink;

typedef struct worker_options {
    const char *model_path;
    const char *cpu_path;   /* NULL: the best */
    int32_t threads;        /* 0: the library's choice */
    int32_t unload_seconds; /* without a job; -1: never, 0: after each */
    const char *program;    /* WORKER_PROCESS: the executable to run as `program worker`; NULL: /proc/self/exe */
} worker_options;

/* Loading begins at once in the background. NULL: error. WORKER_PROCESS: call before any thread is started; the child is
 * spawned with posix_spawn, its only descriptors a socketpair and placeholders for 0, 1 and 2. */
worker *worker_create(worker_kind kind, const worker_options *options, const worker_sink *sink,
                      char error[WORKER_ERROR]);
/* Queue samples (16 kHz mono, copied). Returns the job's number, or -1 when out of memory. Any thread. A failed or
 * unloaded model is loaded again for it. */
int64_t worker_submit(worker *w, const float *pcm, size_t n_samples);
/* Read the model's pages ahead, load it if it was unloaded. Returns at once. Any thread. */
void worker_prefault(worker *w);
/* Another model from now on: jobs before it are done by the old one; the old one is freed before the answer
 * state(WORKER_READY, name). If the new one does not open the old one stays, state() says why. Any thread. */
void worker_swap(worker *w, const char *model_path);
/* Drop the jobs not begun and stop the running one; each is answered as failed, "cancelled". Any thread. */
void worker_cancel(worker *w);
/* Models that are open at this moment, in whichever process: 0 or 1 but for the moment of a swap. */
int32_t worker_live_models(const worker *w);
int32_t worker_child_pid(const worker *w); /* 0: a thread */
int32_t worker_restarts(const worker *w);
void worker_free(worker *w);

/* The child's main, for `ctrlspeak worker`: serves fd 3 until it is closed. Returns the exit status. */
int worker_child_main(void);

#endif
