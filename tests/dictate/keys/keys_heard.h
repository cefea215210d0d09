/* SPDX-License-Identifier: MIT
 *
 * A sink that writes down what it hears, and waits for it: "+ctrl_left -ctrl_left *other !". For the tests of all key
 * sources. Waits end with what they wait for; their limit is only there so that a failure ends. */
#ifndef TEST_KEYS_HEARD_H
#define TEST_KEYS_HEARD_H

#include "dictate/keys/keys.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HEARD_EVENTS = 400, HEARD_LIMIT_SECONDS = 20 };

typedef struct heard {
    pthread_mutex_t lock;
    pthread_cond_t more;
    key_event events[HEARD_EVENTS];
    int n;
    int n_lost;
    char why[KEYS_ERROR];
    char text[HEARD_EVENTS * 16];
} heard;

static inline void heard_key(void *user, const key_event *event)
{
    heard *h = user;
    pthread_mutex_lock(&h->lock);
    if (h->n < HEARD_EVENTS)
        h->events[h->n++] = *event;
    pthread_cond_broadcast(&h->more);
    pthread_mutex_unlock(&h->lock);
}

static inline void heard_lost(void *user, const char *why)
{
    heard *h = user;
    pthread_mutex_lock(&h->lock);
    h->n_lost++;
    snprintf(h->why, sizeof h->why, "%s", why);
    pthread_cond_broadcast(&h->more);
    pthread_mutex_unlock(&h->lock);
}

static inline keys_sink heard_init(heard *h)
{
    memset(h, 0, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->more, NULL);
    return (keys_sink){.user = h, .key = heard_key, .lost = heard_lost};
}

/* Until n events were heard in all, or the source is lost; what was heard from `from` on as text. */
static inline const char *heard_wait(heard *h, int from, int n, bool lost)
{
    static const char *const names[] = {
#define HEARD_NAME(name, text) text,
        GESTURE_KEYS(HEARD_NAME)
#undef HEARD_NAME
    };
    struct timespec limit;
    size_t size = 0;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += HEARD_LIMIT_SECONDS;
    pthread_mutex_lock(&h->lock);
    while (h->n < n || (lost && !h->n_lost))
        if (pthread_cond_timedwait(&h->more, &h->lock, &limit) != 0)
            break;
    h->text[0] = 0;
    for (int i = from; i < h->n; i++) {
        const key_event *event = &h->events[i];
        size += (size_t)snprintf(h->text + size, sizeof h->text - size, "%s%c%s", i > from ? " " : "",
                                 "+-*!"[event->action], event -> action == KEY_POINTER ? "" : names[event->key]);
    }
    pthread_mutex_unlock(&h->lock);
    return h->text;
}

#endif
