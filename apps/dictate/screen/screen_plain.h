/* SPDX-License-Identifier: MIT
 *
 * The screen as lines, for screen readers, pipes and terminals that cannot be drawn on: one line per change, whole texts only.
 * The lines are made by whoever shows a view, so that no state that lasted shortly is missed; the screen's thread writes
 * them, and when nobody reads the oldest are dropped and counted. */
#ifndef DICTATE_SCREEN_PLAIN_H
#define DICTATE_SCREEN_PLAIN_H

#include "dictate/screen/screen.h"

enum { PLAIN_BYTES = 32 << 10 };

typedef struct screen_plain {
    char lines[PLAIN_BYTES]; /* not yet written: from sent to n */
    size_t n, sent;
    int64_t n_dropped;
    bool shown, text_is_old; /* text_is_old: has been printed */
    screen_view before;
} screen_plain;

/* Append the lines in which the view differs from the one before. */
void plain_note(screen_plain *p, const screen_view *view);
void plain_line(screen_plain *p, const char *word, const char *text);

#endif
