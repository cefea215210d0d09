/* SPDX-License-Identifier: MIT
 * A progress callback that remembers what it was told, and stops the call when it is told to. */
#ifndef PROGRESS_WATCH_H
#define PROGRESS_WATCH_H

#include <stdbool.h>

typedef struct progress_watch {
    double last, total; /* seconds */
    int calls;
    bool fell;      /* progress went back */
    double stop_at; /* seconds; 0: never */
} progress_watch;

static inline int watch_progress(void *user, double done, double total)
{
    progress_watch *w = user;
    w->fell |= done < w->last;
    w->last = done;
    w->total = total;
    w->calls++;
    return w->stop_at > 0 && done >= w->stop_at;
}

#endif
