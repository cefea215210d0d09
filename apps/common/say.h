/* SPDX-License-Identifier: MIT
 * Lines on stderr, `level part text`. A line is one write, and is dropped when stderr cannot take it at once: a full
 * pipe that nobody reads must never hold up the work. */
#ifndef APPS_SAY_H
#define APPS_SAY_H

#include <stdbool.h>
#include <stddef.h>

/* level "error", "warning"; part "audio", "model"... Control characters in the text are shown as '?'. */
void say(const char *level, const char *part, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One write to stderr if it can take it now. n_bytes up to 4096 never blocks. */
void say_bytes(const char *bytes, size_t n_bytes);

/* Give descriptors 0, 1 and 2, where closed, a placeholder on which reading or writing fails, so that no file that is
 * opened later becomes somebody's output. Call first. */
void say_hold_descriptors(void);

#endif
