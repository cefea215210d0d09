/* SPDX-License-Identifier: MIT
 *
 * What the files of this folder share. Each way to deliver is a function that fills an outcome; the queue in
 * deliver_queue.c runs them one after another on one thread. X11 is behind the functions at the end, which have a twin
 * for builds without it (deliver_x11_none.c). */
#ifndef DICTATE_DELIVER_PARTS_H
#define DICTATE_DELIVER_PARTS_H

#include "common/clock.h"
#include "dictate/deliver/deliver.h"

/* For poll(): milliseconds until then, rounded up, at least 0. */
int deliver_wait_ms(int64_t until_us);
/* Write all of it within limit_us; false with errno (ETIMEDOUT) set. n_written says how far it got. */
bool deliver_write(int fd, const char *bytes, size_t n_bytes, int64_t limit_us, size_t *n_written);

void deliver_stdout(const char *text, deliver_outcome *outcome);
void deliver_file(const char *path, const char *text, deliver_outcome *outcome);
void deliver_command(const char *words, const char *text, deliver_outcome *outcome);

/* Cut a command line at blanks; '...' and "..." keep blanks together, a backslash takes the next character as it is
 * (inside '...' it is itself). No variables, no patterns, no shell. The result is one block to free(), ended by NULL.
 * NULL: error is one sentence (no word, an open quote, out of memory). */
char **deliver_split(const char *line, char error[DELIVER_ERROR]);

/* What the X11 part needs from the queue that runs it. */
typedef struct deliver_host {
    void *user;
    int wake_fd;                  /* readable: call woken() */
    void (*woken)(void *user);    /* takes the bytes off wake_fd and answers who waits */
    bool (*stopping)(void *user); /* deliver_free() has been called */
    bool (*has_more)(void *user); /* something is queued, or stopping */
} deliver_host;

typedef struct deliver_x11 deliver_x11;
typedef enum deliver_restored { DELIVER_NOT_RESTORED, DELIVER_RESTORED, DELIVER_LEFT_TO_USER } deliver_restored;

deliver_x11 *deliver_x11_open(const deliver_options *options, const deliver_host *host, char error[DELIVER_ERROR]);
/* All of these from one thread. */
void deliver_x11_send(deliver_x11 *x, deliver_way way, const char *text, deliver_outcome *outcome);
/* After the outcome is told: wait until the window has read enough, then give the old clipboard back. */
deliver_restored deliver_x11_settle(deliver_x11 *x);
/* Answer for the clipboard until the host has more to do or the display is gone. */
void deliver_x11_idle(deliver_x11 *x);
void deliver_x11_target(deliver_x11 *x, char target[DELIVER_TARGET]);
const char *deliver_x11_lost(const deliver_x11 *x); /* NULL while the display answers, else one sentence */
/* Hands what lies in the clipboard to a clipboard manager if there is one. */
void deliver_x11_close(deliver_x11 *x);

#endif
