/* SPDX-License-Identifier: MIT
 *
 * Many items, a few workers, results in order. Workers take items one after the other but never run further ahead of
 * the first unfinished item than the window, so that memory stays bounded however uneven the items are. A worker may
 * take a few more items to do them together. The calling thread hands on results in order and ticks. */
#ifndef APPS_JOBS_H
#define APPS_JOBS_H

#include <stdint.h>

/* A worker's place, while it works. */
typedef struct jobs_seat jobs_seat;

typedef struct jobs {
    int32_t n_items;
    int n_workers;
    int together; /* items that a worker may have at a time, at least 1 */
    int tick_ms;  /* 0: no ticks */
    void *user;
    /* On a worker: the item, and those that jobs_more() gives, are each ended with jobs_end(). */
    void (*work)(void *user, int32_t item, int worker, jobs_seat *seat);
    void (*emit)(void *user, int32_t item, void *outcome); /* on the caller, in order, exactly once an item */
    void (*tick)(void *user);                              /* on the caller */
} jobs;

/* One more item to be done together with those that the worker has, or -1: no more of them now. No worker gets more
 * than its share of what was left when it took the first. */
int32_t jobs_more(jobs_seat *seat);
/* The outcome of an item, may be NULL. */
void jobs_end(jobs_seat *seat, int32_t item, void *outcome);

/* 0, or an errno when not even one worker could be started (then nothing was done). */
int jobs_run(const jobs *plan);

#endif
