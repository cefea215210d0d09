/* SPDX-License-Identifier: MIT
 *
 * The deliverer: a queue, and one thread that takes texts off it. Between texts the thread answers for the clipboard
 * (X11) or sleeps. Callers reach it through the queue and an eventfd only; the X connection belongs to the thread. */
#define _GNU_SOURCE
#include "deliver_parts.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { TARGET_WAIT_MS = 50 };

typedef struct job {
    struct job *next;
    int64_t id;
    deliver_way way;
    char text[];
} job;

struct deliverer {
    deliver_options options; /* its strings are ours; rules are the display's */
    char *argument, *display;
    deliver_sink sink;
    bool needs_display; /* the way does */
    deliver_x11 *x;     /* the thread's own once it runs; NULL: a way without a display, or not opened yet */
    int wake_fd;
    pthread_t thread;
    bool told_lost; /* the thread's own */

    pthread_mutex_t lock;
    pthread_cond_t answered;
    /* guarded by lock */
    job *first, **last;
    int64_t last_id;
    bool stopping;
    uint64_t n_asked, n_answered; /* deliver_target(): questions and answers */
    char target[DELIVER_TARGET];
};

static void wake(deliverer *d)
{
    uint64_t one = 1;
    while (write(d->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* Also called from within a running delivery, so that the question is answered in time. */
static void woken(void *user)
{
    deliverer *d = user;
    uint64_t n;
    char target[DELIVER_TARGET] = "";
    while (read(d->wake_fd, &n, sizeof n) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&d->lock);
    uint64_t n_asked = d->n_asked;
    bool asked = n_asked != d->n_answered;
    pthread_mutex_unlock(&d->lock);
    if (!asked)
        return;
    if (d->x)
        deliver_x11_target(d->x, target);
    pthread_mutex_lock(&d->lock);
    memcpy(d->target, target, sizeof target);
    d->n_answered = n_asked;
    pthread_cond_broadcast(&d->answered);
    pthread_mutex_unlock(&d->lock);
}

static bool stopping(void *user)
{
    deliverer *d = user;
    pthread_mutex_lock(&d->lock);
    bool is = d->stopping;
    pthread_mutex_unlock(&d->lock);
    return is;
}

static bool has_more(void *user)
{
    deliverer *d = user;
    pthread_mutex_lock(&d->lock);
    bool more = d->stopping || d->first;
    pthread_mutex_unlock(&d->lock);
    return more;
}

static job *take(deliverer *d)
{
    pthread_mutex_lock(&d->lock);
    job *j = d->first;
    if (j) {
        d->first = j->next;
        if (!d->first)
            d->last = &d->first;
    }
    pthread_mutex_unlock(&d->lock);
    return j;
}

static void tell_lost(deliverer *d)
{
    if (d->told_lost || !d->x || !deliver_x11_lost(d->x))
        return;
    if (!d->needs_display) { /* opened for the clipboard alone: the next copy opens it again */
        deliver_x11_close(d->x);
        d->x = NULL;
        return;
    }
    d->told_lost = true;
    if (d->sink.lost)
        d->sink.lost(d->sink.user, deliver_x11_lost(d->x));
}

static deliver_x11 *open_display(deliverer *d, char error[DELIVER_ERROR])
{
    deliver_host host = {d, d->wake_fd, woken, stopping, has_more};
    return deliver_x11_open(&d->options, &host, error);
}

static void deliver_job(deliverer *d, const job *j)
{
    deliver_outcome outcome = {.id = j->id};
    switch (j->way) {
    case DELIVER_STDOUT:
        deliver_stdout(j->text, &outcome);
        break;
    case DELIVER_FILE:
        deliver_file(d->argument, j->text, &outcome);
        break;
    case DELIVER_COMMAND:
        deliver_command(d->argument, j->text, &outcome);
        break;
    case DELIVER_NONE:
        outcome.delivered = true;
        outcome.sent_us = outcome.receipt_us = clock_now_us();
        break;
    case DELIVER_PASTE:
    case DELIVER_TYPE:
    case DELIVER_CLIPBOARD:
        if (d->x || (d->x = open_display(d, outcome.why)))
            deliver_x11_send(d->x, j->way, j->text, &outcome);
        break;
    }
    if (d->sink.outcome)
        d->sink.outcome(d->sink.user, &outcome);
    if (!d->x)
        return;
    deliver_restored restored = deliver_x11_settle(d->x);
    if (restored != DELIVER_NOT_RESTORED && d->sink.restored)
        d->sink.restored(d->sink.user, j->id, restored == DELIVER_LEFT_TO_USER);
}

/* The program ends: what was queued behind the running text. */
static void refuse(deliverer *d, const job *j)
{
    deliver_outcome outcome = {.id = j->id};
    snprintf(outcome.why, sizeof outcome.why, "The program ended before this text's turn came.");
    if (d->sink.outcome)
        d->sink.outcome(d->sink.user, &outcome);
}

static void idle(deliverer *d)
{
    struct pollfd fd = {.fd = d->wake_fd, .events = POLLIN};
    if (d->x && !deliver_x11_lost(d->x)) {
        deliver_x11_idle(d->x);
        return;
    }
    if (poll(&fd, 1, -1) > 0)
        woken(d);
}

static void *deliver_thread(void *user)
{
    deliverer *d = user;
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, NULL); /* a reader that went away is EPIPE, not the program's end */
    for (;;) {
        bool end = stopping(d);
        job *j = take(d);
        if (!j && end)
            return NULL;
        if (!j)
            idle(d);
        else if (end)
            refuse(d, j);
        else
            deliver_job(d, j);
        free(j);
        tell_lost(d);
    }
}

static bool start_locks(deliverer *d, char error[DELIVER_ERROR])
{
    pthread_condattr_t attr;
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->answered, &attr);
    pthread_condattr_destroy(&attr);
    d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->wake_fd < 0)
        snprintf(error, DELIVER_ERROR, "No event descriptor for the delivery: %s.", strerror(errno));
    return d->wake_fd >= 0;
}

static void destroy(deliverer *d)
{
    if (!d)
        return;
    if (d->x)
        deliver_x11_close(d->x);
    if (d->wake_fd >= 0)
        close(d->wake_fd);
    pthread_cond_destroy(&d->answered);
    pthread_mutex_destroy(&d->lock);
    free(d->argument);
    free(d->display);
    free(d);
}

deliverer *deliver_create(const deliver_options *options, const deliver_sink *sink, char error[DELIVER_ERROR])
{
    deliverer *d = calloc(1, sizeof *d);
    if (!d) {
        snprintf(error, DELIVER_ERROR, "Out of memory for the delivery.");
        return NULL;
    }
    d->options = *options;
    d->needs_display =
        options->way == DELIVER_PASTE || options->way == DELIVER_TYPE || options->way == DELIVER_CLIPBOARD;
    d->sink = *sink;
    d->last = &d->first;
    if (!start_locks(d, error))
        goto failed;
    if ((options->argument && !(d->argument = strdup(options->argument)))
        || (options->display && !(d->display = strdup(options->display)))) {
        snprintf(error, DELIVER_ERROR, "Out of memory for the delivery.");
        goto failed;
    }
    if ((options->way == DELIVER_FILE || options->way == DELIVER_COMMAND) && !d->argument) {
        snprintf(error, DELIVER_ERROR, "Delivery to a file or a command needs its name.");
        goto failed;
    }
    d->options.argument = d->argument;
    d->options.display = d->display;
    if (d->needs_display && !(d->x = open_display(d, error)))
        goto failed;
    d->options.rules = NULL; /* the caller's, and read by now */
    d->options.n_rules = 0;
    int rc = pthread_create(&d->thread, NULL, deliver_thread, d);
    if (rc == 0)
        return d;
    snprintf(error, DELIVER_ERROR, "No thread for the delivery: %s.", strerror(rc));
failed:
    destroy(d);
    return NULL;
}

static int64_t queue(deliverer *d, deliver_way way, const char *text)
{
    size_t n = strlen(text);
    job *j = malloc(sizeof *j + n + 1);
    if (!j)
        return -1;
    memcpy(j->text, text, n + 1);
    j->next = NULL;
    j->way = way;
    pthread_mutex_lock(&d->lock);
    int64_t id = j->id = ++d->last_id;
    *d->last = j;
    d->last = &j->next;
    pthread_mutex_unlock(&d->lock);
    wake(d); /* j may be gone already */
    return id;
}

int64_t deliver_text(deliverer *d, const char *text)
{
    return queue(d, d->options.way, text);
}

int64_t deliver_to_clipboard(deliverer *d, const char *text)
{
    return queue(d, DELIVER_CLIPBOARD, text);
}

void deliver_target(deliverer *d, char target[DELIVER_TARGET])
{
    target[0] = '\0';
    if (!d->needs_display)
        return;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TARGET_WAIT_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&d->lock);
    uint64_t mine = ++d->n_asked;
    wake(d);
    int rc = 0;
    while (d->n_answered < mine && rc == 0)
        rc = pthread_cond_timedwait(&d->answered, &d->lock, &until);
    if (d->n_answered >= mine)
        memcpy(target, d->target, DELIVER_TARGET);
    pthread_mutex_unlock(&d->lock);
}

void deliver_free(deliverer *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    pthread_mutex_unlock(&d->lock);
    wake(d);
    pthread_join(d->thread, NULL);
    destroy(d);
}
