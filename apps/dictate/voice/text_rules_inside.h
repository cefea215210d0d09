/* SPDX-License-Identifier: MIT
 *
 * The parts of text_rules.c: a text as words, and the marks that can be spoken. */
#ifndef DICTATE_TEXT_RULES_INSIDE_H
#define DICTATE_TEXT_RULES_INSIDE_H

#include "common/textbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch without white space: marks, the word itself, marks. All are offsets into text_words.plain, and the same into
 * .folded; the word may be empty. */
typedef struct text_part {
    size_t first, size;
} text_part;
typedef struct text_word {
    text_part pre, core, post;
    text_part folded, folded_core; /* the whole stretch, and its core */
    int32_t n_newlines;            /* before it */
} text_word;

typedef struct text_words {
    textbuf plain, folded; /* UTF-8 for certain */
    text_word *items;
    size_t n, capacity;
} text_words;

/* False: out of memory. Finish it in either case. */
bool text_words_split(text_words *words, const char *text);
void text_words_finish(text_words *words);

enum text_mark_flag {
    MARK_LEFT = 1,    /* no space before it */
    MARK_RIGHT = 2,   /* nor after it */
    MARK_CAPITAL = 4, /* the next word begins with one */
    MARK_INSTEAD = 8, /* the model's own marks before it go */
    MARK_NEWLINE = 16 /* it is one: spaces before it go */
};
typedef struct text_mark {
    const char *spoken, *written;
    int flags;
} text_mark;

/* Ends with spoken NULL. */
extern const text_mark text_marks[];
/* Words after which the name of a mark is that name and not the mark: "the period". */
bool text_is_article(const char *folded, size_t size);

#endif
