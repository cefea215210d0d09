/* SPDX-License-Identifier: MIT
 * See jobs.h. One mutex guards everything in `queue`; work and emit run outside it. */
#define _XOPEN_SOURCE 700
#include "common/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { WINDOW_PER_WORKER = 4 }; /* in items done together */

typedef struct slot {
    void *outcome;
    bool ready;
} slot;

typedef struct queue {
    const jobs *jobs;
    pthread_mutex_t mutex;
    pthread_cond_t ready, room;
    int32_t next, emitted; /* the next item to take; the first not yet handed on */
    int window;
    int n_started;
    slot *slots; /* (window), item modulo window */
} queue;

struct jobs_seat {
    queue *queue;
    int32_t left; /* items that the worker may still take */
};

int32_t jobs_more(jobs_seat *seat)
{
    queue *q = seat->queue;
    int32_t item = -1;
    pthread_mutex_lock(&q->mutex);
    if (seat->left > 0 && q->next < q->jobs->n_items && q->next < q->emitted + q->window) {
        item = q->next++;
        seat->left--;
    }
    pthread_mutex_unlock(&q->mutex);
    return item;
}

void jobs_end(jobs_seat *seat, int32_t item, void *outcome)
{
    queue *q = seat->queue;
    pthread_mutex_lock(&q->mutex);
    q->slots[item % q->window] = (slot){outcome, true};
    pthread_cond_signal(&q->ready);
    pthread_mutex_unlock(&q->mutex);
}

static void *work(void *user)
{
    queue *q = user;
    pthread_mutex_lock(&q->mutex);
    int worker = q->n_started++;
    for (;;) {
        while (q->next < q->jobs->n_items && q->next >= q->emitted + q->window)
            pthread_cond_wait(&q->room, &q->mutex);
        if (q->next >= q->jobs->n_items)
            break;
        int32_t share = (q->jobs->n_items - q->next + q->jobs->n_workers - 1) / q->jobs->n_workers, item = q->next++;
        pthread_mutex_unlock(&q->mutex);
        jobs_seat seat = {q, (share < q->jobs->together ? share : q->jobs->together) - 1};
        q->jobs->work(q->jobs->user, item, worker, &seat);
        pthread_mutex_lock(&q->mutex);
    }
    pthread_mutex_unlock(&q->mutex);
    return NULL;
}

static void wait_ready(queue *q)
{
    if (!q->jobs->tick_ms) {
        pthread_cond_wait(&q->ready, &q->mutex);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)q->jobs->tick_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (pthread_cond_timedwait(&q->ready, &q->mutex, &until) != ETIMEDOUT)
        return;
    pthread_mutex_unlock(&q->mutex);
    q->jobs->tick(q->jobs->user);
    pthread_mutex_lock(&q->mutex);
}

static void hand_on(queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->emitted < q->jobs->n_items) {
        slot *first = &q->slots[q->emitted % q->window];
        if (!first->ready) {
            wait_ready(q);
            continue;
        }
        void *outcome = first->outcome;
        first->ready = false;
        pthread_mutex_unlock(&q->mutex);
        q->jobs->emit(q->jobs->user, q->emitted, outcome);
        pthread_mutex_lock(&q->mutex);
        q->emitted++;
        pthread_cond_broadcast(&q->room);
    }
    pthread_mutex_unlock(&q->mutex);
}

int jobs_run(const jobs *plan)
{
    queue q = {.jobs = plan, .window = plan->n_workers * plan->together * WINDOW_PER_WORKER};
    pthread_t *threads = calloc((size_t)plan->n_workers, sizeof *threads);
    q.slots = calloc((size_t)q.window, sizeof *q.slots);
    int n = 0, failure = threads && q.slots ? 0 : ENOMEM;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&q.mutex, NULL);
    pthread_cond_init(&q.ready, &monotonic);
    pthread_cond_init(&q.room, NULL);
    while (failure == 0 && n < plan->n_workers) {
        failure = pthread_create(&threads[n], NULL, work, &q);
        n += failure == 0;
    }
    if (n > 0) { /* fewer workers than wanted do the same work */
        failure = 0;
        hand_on(&q);
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&q.room);
    pthread_cond_destroy(&q.ready);
    pthread_mutex_destroy(&q.mutex);
    pthread_condattr_destroy(&monotonic);
    free(q.slots);
    free(threads);
    return failure;
}
