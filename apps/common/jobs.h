/* SPDX-License-Identifier: MIT
 *
 * Many items, a few workers, results in order. Workers take items one after the other but never run further ahead of
 * the first unfinished item than the window, so that memory stays bounded however uneven the items are. The calling
 * thread hands on results in order and ticks. */
#ifndef APPS_JOBS_H
#define APPS_JOBS_H

#include <stdint.h>

typedef struct jobs {
    int32_t n_items;
    int n_workers;
    int tick_ms; /* 0: no ticks */
    void *user;
    void *(*work)(void *user, int32_t item, int worker);   /* on a worker; the outcome, may be NULL */
    void (*emit)(void *user, int32_t item, void *outcome); /* on the caller, in order, exactly once an item */
    void (*tick)(void *user);                              /* on the caller */
} jobs;

/* 0, or an errno when not even one worker could be started (then nothing was done). */
int jobs_run(const jobs *plan);

#endif
