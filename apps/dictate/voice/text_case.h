/* SPDX-License-Identifier: MIT
 *
 * Characters of UTF-8 and their case, without a locale. Case is known for Latin (ASCII, Latin-1, Extended-A, Extended
 * Additional), Greek, Cyrillic and Armenian letters that have one partner; others have no case here. A letter that is written
 * with combining marks has the case of its base. */
#ifndef DICTATE_TEXT_CASE_H
#define DICTATE_TEXT_CASE_H

#include "common/textbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_REPLACEMENT = 0xFFFD };

/* The character at text[*at], *at < size, where text[size] is readable too (0, or the next character); *at moves behind it.
 * A byte that is not UTF-8 is TEXT_REPLACEMENT. */
uint32_t text_next(const char *text, size_t size, size_t *at);
/* The character before text[*at]; *at moves to its start. */
uint32_t text_previous(const char *text, size_t *at);
void text_put(textbuf *out, uint32_t character);

uint32_t text_lower(uint32_t character);
uint32_t text_upper(uint32_t character);
uint32_t text_same(uint32_t character);
/* For comparing: lower case, final sigma as sigma, typographic apostrophe as the plain one. */
uint32_t text_fold(uint32_t character);
bool text_is_upper(uint32_t character);
bool text_is_lower(uint32_t character);
bool text_is_space(uint32_t character);
/* Scripts that are written without spaces between words. */
bool text_is_cjk(uint32_t character);
/* Ends a sentence: . ? ! and their like. */
bool text_is_final(uint32_t character);
/* Closing marks stick to what is before them, opening ones to what comes after. */
bool text_is_closing(uint32_t character);
bool text_is_opening(uint32_t character);

/* "I", "I'm", "NASA", "iPhone", "McDonald": words whose first letter is not to be made small. */
bool text_keeps_capital(const char *word, size_t size);
/* Append with the first letter changed by text_upper, text_lower or text_same; what is not UTF-8 becomes U+FFFD. */
void text_put_first(textbuf *out, const char *text, size_t size, uint32_t (*change)(uint32_t));

#endif
