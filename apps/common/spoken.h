/* SPDX-License-Identifier: MIT
 *
 * How a recording is to be heard: the language that is spoken and the one that is to be written, by the names that a model with
 * prompts has for them, and whether with punctuation. People write "de", or "de>en" for German that becomes English text, or
 * ">en" for whatever is spoken otherwise. Pure; any thread. */
#ifndef APPS_SPOKEN_H
#define APPS_SPOKEN_H

#include <stdbool.h>
#include <stdint.h>

enum { SPOKEN_NAME = 9, SPOKEN_TEXT = 2 * SPOKEN_NAME + 2 }; /* bytes, the 0 included */

typedef struct spoken_as {
    char language[SPOKEN_NAME]; /* "de", "auto"; "": the model's own */
    char target[SPOKEN_NAME];   /* "en"; "": the spoken one */
    int32_t punctuation;        /* a cs_choice */
} spoken_as;

/* From two names, "" for none. punctuation stays 0. False: *out is untouched, error says which is none and what was expected:
 * 1 to 8 letters, digits, "-" and "_". */
bool spoken_set(spoken_as *out, const char *language, const char *target, char *error, int32_t error_size);
/* From "de", "de>en" or ">en", with blanks or none around the mark. False: it is none of these; *out is untouched. */
bool spoken_parse(const char *text, spoken_as *out);
/* "de>en" as spoken_parse() takes it, or with gap " " "de > en"; "" when no language is said. Returns out. */
const char *spoken_text(const spoken_as *s, const char *gap, char out[SPOKEN_TEXT]);
/* Does it name a language? */
bool spoken_is_said(const spoken_as *s);
/* Is the text to be in another language than the speech? */
bool spoken_is_translated(const spoken_as *s);
/* What was asked for one recording, over what holds for all. Who names the language that is spoken has said all: the target that
 * holds for all is not for it. Who names a target alone keeps the language. */
spoken_as spoken_over(const spoken_as *asked, const spoken_as *standard);

#endif
