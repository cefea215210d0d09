/* SPDX-License-Identifier: MIT
 *
 * Texts of segments become one text, and the user's rules are applied. Pure; UTF-8 in, UTF-8 out. */
#ifndef DICTATE_JOINING_H
#define DICTATE_JOINING_H

#include "common/textbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Append the next segment's text with one space (none before punctuation, none between CJK). pause_seconds: from the last
 * sample of speech of the segment before to the first of this one; hard_cut: of the segment before.
 *
 * After a hard cut or a pause shorter than JOINING_SOFT_PAUSE_MS, the first word is made small when the text before has no
 * final mark, unless the word is an "I", is all capitals or has a capital inside; a single full stop before it is taken away
 * when the segment begins with a small letter, or the cut left no gap (JOINING_FLOWING_MS). */
enum { JOINING_SOFT_PAUSE_MS = 2000, JOINING_FLOWING_MS = 250 };
void joining_add(textbuf *text, const char *segment, double pause_seconds, bool hard_cut);

/* Words lie between white space; marks around them are looked through. Case is ignored for Latin, Greek, Cyrillic and
 * Armenian letters. Scripts without spaces have no words here: a rule for them matches a whole run of characters. */
typedef struct text_rules text_rules;

typedef struct text_rules_options {
    bool trailing_space; /* one space at the end, so that the next dictation follows; not after a newline */
    enum text_first_letter { TEXT_FIRST_AS_IS, TEXT_FIRST_UPPER, TEXT_FIRST_LOWER } first_letter;
    bool spoken_punctuation; /* "comma" -> ",", "new line" -> "\n", "open quote" ... */
    /* "from=to" pairs: whole words, case ignored, longest first, never applied to their own output. */
    const char *const *replacements;
    int32_t n_replacements;
    /* "name=text": the spoken "insert NAME" or the bare name when it is the whole dictation becomes text; \n, \t and \\. */
    const char *const *snippets;
    int32_t n_snippets;
} text_rules_options;

enum { TEXT_RULES_ERROR = 300 };
/* NULL: error names the pair and what is wrong with it. Options are copied. */
text_rules *text_rules_create(const text_rules_options *options, char error[TEXT_RULES_ERROR]);
void text_rules_apply(const text_rules *rules, const char *text, textbuf *out);
void text_rules_free(text_rules *rules);

#endif
