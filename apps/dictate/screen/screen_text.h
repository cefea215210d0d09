/* SPDX-License-Identifier: MIT
 *
 * Text in columns: foreign bytes to characters that may be shown, cut and wrapped by how wide a terminal draws them. What is
 * shown depends on the thread's locale (LC_CTYPE); without UTF-8 everything but ASCII is '?'. */
#ifndef DICTATE_SCREEN_TEXT_H
#define DICTATE_SCREEN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* A column may carry a base character and what combines with it. */
enum { SCREEN_COLUMNS = 1000, SCREEN_MARKS = 4, SCREEN_WIDE = SCREEN_COLUMNS * (1 + SCREEN_MARKS) + 1 };

typedef enum screen_cut {
    SCREEN_CUT_HARD,
    SCREEN_CUT_MARKED
} screen_cut; /* MARKED: what does not fit ends in an ellipsis */

/* One line's worth of text (n_bytes of it, or up to its 0) into out; controls, line breaks and what is no UTF-8 as
 * replacement characters, a tab and a line break between words as a space. The columns used, at most columns. */
int screen_fit(wchar_t out[SCREEN_WIDE], const char *text, size_t n_bytes, int columns, screen_cut cut);
/* Columns that the text would take. */
int screen_columns(const char *text);
/* The bytes of text that make its first line of at most columns, broken at a line break or between words where there is
 * one, and those to skip to the next line. 0 to skip: the text has ended. */
size_t screen_wrap(const char *text, int columns, size_t *n_skip);
/* Bytes of the character at text with all that combines with it. */
size_t screen_cluster(const char *text);

#endif
