/* SPDX-License-Identifier: MIT
 *
 * Who turns sound into text: one thread that holds the model, or the same code in a child process (`--worker process`)
 * that is started before the screen and any other thread exist. Jobs in, answers out, in order. The worker never forks,
 * never touches descriptors 0 to 2, never draws.
 *
 * A child that dies is started again and the job it had is done again; after WORKER_TRIES deaths on one and the same job
 * that job is answered as failed. A child that says nothing for hang_seconds while it has work is killed, and so counts
 * as dead. Nothing that was submitted goes unanswered, except after worker_free(). */
#ifndef DICTATE_WORKER_H
#define DICTATE_WORKER_H

#include "common/packed.h"
#include "common/spoken.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORKER_ERROR = 500, WORKER_TRIES = 3, WORKER_HANG_SECONDS = 60, WORKER_LANGUAGES = 1024 };

typedef enum worker_kind { WORKER_THREAD, WORKER_PROCESS } worker_kind;
typedef enum worker_state { WORKER_UNLOADED, WORKER_LOADING, WORKER_READY, WORKER_BUSY, WORKER_FAILED } worker_state;

typedef struct worker worker;

/* Where a word of the text was spoken, in seconds of the job's samples. */
typedef struct worker_word {
    int32_t at, n; /* bytes of the text */
    float start_seconds, end_seconds;
} worker_word;

/* What a job wants besides its text. A model without prompts does as it always does: languages and punctuation are not for it. One
 * with prompts that has not such a language fails the job, with a sentence that names those it has. */
typedef struct worker_ask {
    spoken_as spoken;
    bool times; /* of words, where the model gives them: they may cost, and change what it writes */
} worker_ask;

/* What the model that was opened last takes and gives. */
typedef struct worker_facts {
    bool known;                       /* false: none was opened yet */
    bool prompted;                    /* it is told languages and punctuation */
    bool times;                       /* it can give times of words */
    char languages[WORKER_LANGUAGES]; /* of a prompted one, "en de fr"; "": not told */
} worker_facts;

typedef struct worker_answer {
    int64_t job;
    bool ok;
    const char *text;         /* dies with the call; "" on failure */
    const char *error;        /* one sentence; "" when ok */
    const char *warning;      /* what befell the text, one sentence; "" nothing */
    const char *model;        /* name of the model that did it; "" when none was open */
    const char *language;     /* spoken; "" when the model does not tell */
    const char *target;       /* written */
    const worker_word *words; /* dies with the call; none when the model gives no times */
    int32_t n_words;
    double audio_seconds;
    double decode_ms;   /* wall clock, in the model; 0 on failure */
    double wait_ms;     /* in the queue */
    int32_t n_attempts; /* 1, or more when a child died over it */
} worker_answer;

/* From the worker's thread; return at once. They may call the functions of this door but worker_free(). */
typedef struct worker_sink {
    void *user;
    void (*answer)(void *user, const worker_answer *answer);
    /* The state changed; text: the model's name, or why it failed. READY and UNLOADED come after the answer of the last
     * job waiting. A swap that fails says FAILED and why, then what the old model is: READY, or UNLOADED. */
    void (*state)(void *user, worker_state state, const char *text);
} worker_sink;

typedef struct worker_options {
    const char *model_path;
    const char *cpu_path;   /* NULL: the best */
    int32_t threads;        /* 0: the library's choice */
    int32_t precision;      /* a cs_precision; 0: the library's choice */
    packed_use cache;       /* of packed weights; all 0: none */
    int32_t unload_seconds; /* without a job or a prefault; -1: never, 0: after the last job waiting */
    const char *program;    /* WORKER_PROCESS: the executable to run as `program worker`; NULL: /proc/self/exe */
    int32_t hang_seconds;   /* WORKER_PROCESS: silence while it transcribes; 0: WORKER_HANG_SECONDS */
} worker_options;

/* Loading begins at once in the background. NULL: error. WORKER_PROCESS: call before any thread is started, from a thread
 * that lives as long as the worker; the child is spawned with posix_spawn, its only descriptors a socketpair and
 * placeholders for 0, 1 and 2. A later child is spawned by the worker's thread, which is safe at any time. */
worker *worker_create(worker_kind kind, const worker_options *options, const worker_sink *sink,
                      char error[WORKER_ERROR]);
/* Queue samples (16 kHz mono, copied); ask NULL: nothing in particular. Returns the job's number, 1 and up, or -1 when out of memory. Any thread. A failed
 * or unloaded model is loaded again for it. */
int64_t worker_submit(worker *w, const float *pcm, size_t n_samples, const worker_ask *ask);
/* Any thread. */
void worker_get_facts(worker *w, worker_facts *facts);
/* Of an open model. */
struct cs_model_info;
void worker_facts_of(const struct cs_model_info *info, worker_facts *facts);
/* Can a model do that? False: why is one sentence that begins with the model's name. Of one that is not known yet: true. */
bool worker_takes(const worker_facts *facts, const char *model, const spoken_as *how, char why[WORKER_ERROR]);
/* Read the model's pages ahead, load it if it was unloaded or failed. Returns at once. Any thread. A job that comes
 * meanwhile breaks off the reading, not the loading, which it needs. */
void worker_prefault(worker *w);
/* Another model from now on: jobs before it are done by the old one; the old one is freed before the answer
 * state(WORKER_READY, name). If the new one does not open the old one stays, state() says why. false: out of memory.
 * Any thread. */
bool worker_swap(worker *w, const char *model_path);
/* Drop the jobs not begun and stop the running one; each is answered as failed, "cancelled", in its turn. Any thread. */
void worker_cancel(worker *w);
/* Models that are open at this moment, in whichever process: 0 or 1 but for the moment of a swap. */
int32_t worker_live_models(const worker *w);
int32_t worker_child_pid(const worker *w); /* 0: a thread, or no child at this moment */
int32_t worker_restarts(const worker *w);
/* In any state. A child is killed and waited for; a model that is just being opened in this process is waited for. */
void worker_free(worker *w);

/* Keep what a job needed from staying with the process: large blocks go back to the system when freed, whatever was
 * allocated before (glibc raises its threshold as a program frees). Once, first thing in main. */
void worker_tune_malloc(void);

/* The child's main, for `ctrlspeak worker`: serves fd 3 until it is closed. Returns the exit status; 2 when descriptor 3
 * is not the socket of a parent. */
int worker_child_main(void);

#endif
