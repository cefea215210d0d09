/* SPDX-License-Identifier: MIT
 * Worker threads.
 *
 * A job is a function called for every slice number. The caller puts its job into a list of running jobs, takes
 * slices like any worker, and returns when the last slice is done. Several callers can do so at once: workers help
 * whichever job has slices and room (max_threads), and a caller never waits for another's job.
 *
 * Waiting: a worker without work, and a caller whose last slices run elsewhere, look again for a bounded time (a
 * layer has about a dozen jobs, microseconds apart) and then sleep on a condition variable. Unbounded spinning would
 * cost a factor of four as soon as anything else runs on the machine.
 *
 * Locks: `lock` guards the job list. Slice numbers and the count of workers inside are atomic, so
 * that neither side sleeps on a lock that the other holds for a moment: waking costs 50 microseconds in a virtual
 * machine, as much as a layer norm. A job lives on its caller's stack: it is unlinked, and its last worker gone, before
 * the caller returns; a worker does not touch a job after it has left it. */
#define _GNU_SOURCE
#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

typedef struct job {
    struct job *next; /* guard: lock */
    csi_slice_fn fn;
    void *context;
    int n_slices, max_threads;
    int joined; /* worker numbers handed out, caller's included; guard: lock */
    atomic_int next_slice;
    atomic_int users; /* workers inside: grows under lock */
} job;

struct csi_pool {
    const csi_env *env;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job appeared, or stop */
    pthread_cond_t idle; /* a worker left a job */
    job *jobs;           /* guard: lock */
    bool stop;           /* guard: lock */
    atomic_int ticket;   /* grows with every job: what spinning workers watch */
    atomic_int sleepers; /* callers that wait on `idle` */
    int n_threads;
    int n_started;
    int spin; /* looks before sleeping; 0 on a single core */
    pthread_t threads[];
};

enum { SPIN_LOOKS = 2000 };

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_slices(job *j, int worker)
{
    for (;;) {
        int slice = atomic_fetch_add_explicit(&j->next_slice, 1, memory_order_relaxed);
        if (slice >= j->n_slices)
            return;
        j->fn(j->context, slice, worker);
    }
}

/* A job that can use one more worker. Guard: lock. */
static job *find_job(csi_pool *pool)
{
    for (job *j = pool->jobs; j; j = j->next)
        if (j->joined < j->max_threads && atomic_load_explicit(&j->next_slice, memory_order_relaxed) < j->n_slices)
            return j;
    return NULL;
}

static void *worker_main(void *argument)
{
    csi_pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stop) {
        job *j = find_job(pool);
        if (j) {
            int worker = j->joined++;
            atomic_fetch_add(&j->users, 1);
            pthread_mutex_unlock(&pool->lock);
            run_slices(j, worker);
            atomic_fetch_sub(&j->users, 1); /* j is the caller's again */
            pthread_mutex_lock(&pool->lock);
            if (atomic_load(&pool->sleepers) > 0)
                pthread_cond_broadcast(&pool->idle);
            continue;
        }
        int seen = atomic_load_explicit(&pool->ticket, memory_order_relaxed);
        pthread_mutex_unlock(&pool->lock);
        for (int i = 0; i < pool->spin && atomic_load_explicit(&pool->ticket, memory_order_relaxed) == seen; i++)
            relax();
        pthread_mutex_lock(&pool->lock);
        if (!pool->stop && atomic_load_explicit(&pool->ticket, memory_order_relaxed) == seen)
            pthread_cond_wait(&pool->work, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

cs_err csi_pool_create(const csi_env *env, int n_threads, csi_pool **out, cs_error *err)
{
    size_t size = sizeof(csi_pool) + (size_t)n_threads * sizeof(pthread_t);
    csi_pool *pool = csi_alloc_zero(env, size);
    if (!pool)
        return csi_fail_memory(err, size, "the thread pool");
    pool->env = env;
    pool->n_threads = n_threads;
    pool->spin = csi_physical_cores() > 1 ? SPIN_LOOKS : 0;
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
#if defined(__GLIBC__)
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP); /* looks a few times before it sleeps */
#endif
    pthread_mutex_init(&pool->lock, &kind);
    pthread_mutexattr_destroy(&kind);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->idle, NULL);
    /* Signals belong to the program's own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    for (int i = 1; i < n_threads && !failed; i++) {
        failed = pthread_create(&pool->threads[pool->n_started], NULL, worker_main, pool);
        pool->n_started += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        csi_pool_free(pool);
        return csi_fail(err, CS_ESYSTEM, -1, "cannot start worker thread: %s", strerror(failed));
    }
    *out = pool;
    return CS_OK;
}

void csi_pool_free(csi_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    atomic_fetch_add(&pool->ticket, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->n_started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    csi_free(pool->env, pool);
}

int csi_pool_threads(const csi_pool *pool)
{
    return pool ? pool->n_threads : 1;
}

void csi_pool_run(csi_pool *pool, int max_threads, int n_slices, csi_slice_fn fn, void *context)
{
    if (!pool || pool->n_threads == 1 || max_threads == 1 || n_slices <= 1) {
        for (int i = 0; i < n_slices; i++)
            fn(context, i, 0);
        return;
    }
    if (max_threads <= 0 || max_threads > pool->n_threads)
        max_threads = pool->n_threads;
    job j = {.fn = fn, .context = context, .n_slices = n_slices, .max_threads = max_threads, .joined = 1};
    pthread_mutex_lock(&pool->lock);
    j.next = pool->jobs;
    pool->jobs = &j;
    pthread_cond_broadcast(&pool->work);
    atomic_fetch_add(&pool->ticket, 1);
    pthread_mutex_unlock(&pool->lock);

    run_slices(&j, 0);
    for (int i = 0; i < pool->spin && atomic_load(&j.users) > 0; i++)
        relax();

    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&j.users) > 0)
        pthread_cond_wait(&pool->idle, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    for (job **link = &pool->jobs; *link; link = &(*link)->next)
        if (*link == &j) {
            *link = j.next;
            break;
        }
    pthread_mutex_unlock(&pool->lock);
}
