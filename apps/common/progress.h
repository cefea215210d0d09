/* SPDX-License-Identifier: MIT
 *
 * One bar on stderr for all files, in audio seconds. Workers only add to atomic counters, from any thread; one thread
 * draws. Nothing is locked, nothing is started, and when off every call returns at its first line. */
#ifndef APPS_PROGRESS_H
#define APPS_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_WORKERS = 256, PROGRESS_FRAME_MS = 125 };

typedef struct progress {
    bool on, drawn;
    int32_t n_files;
    int64_t started_ms, last_ms;
    atomic_int n_known, n_done;
    _Atomic int64_t known_ms, done_ms; /* audio: of files whose length is known; of files that are finished */
    _Atomic int64_t running_ms[PROGRESS_WORKERS];
} progress;

/* wanted: 1 on, 0 off, -1: on when stderr is a terminal that can draw and NO_COLOR is not set. */
void progress_begin(progress *bar, int wanted, int32_t n_files);
void progress_known(progress *bar, double seconds);
void progress_running(progress *bar, int worker, double seconds);
void progress_done(progress *bar, int worker, double seconds, int32_t n_files);
/* Draw if the last frame is old enough. One thread. */
void progress_draw(progress *bar);
/* Give the line back, before anything else is written to the terminal. */
void progress_clear(progress *bar);

/* What other bars are made of. Is stderr a terminal that can draw, and NO_COLOR not set? */
bool progress_can_draw(void);
/* At most a frame in PROGRESS_FRAME_MS: true, and remembered, when one may be drawn at now_ms. */
bool progress_is_due(bool *drawn, int64_t *last_ms, int64_t now_ms);
/* "1:02:03". Returns out. */
enum { PROGRESS_CLOCK = 24 };
const char *progress_clock(char out[PROGRESS_CLOCK], double seconds);
/* One frame: the bar, part (0 to 1) of it full, and the text, as wide as the terminal. */
void progress_frame(double part, const char *text);
void progress_erase(void);

#endif
