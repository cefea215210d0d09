/* SPDX-License-Identifier: MIT
 * What the command line can ask of an encoder-decoder (Canary); other models refuse all of it, by the library's word. */
#ifndef APPS_DECODER_OPTIONS_H
#define APPS_DECODER_OPTIONS_H

#include "common/cli.h"
#include "ctrlspeak.h"

#include <math.h>

typedef struct decoder_use {
    const char *language, *target_language, *context; /* NULL: not given */
    int32_t punctuation, itn, diarize, chunks;        /* 0, 1; -1: not given */
    int32_t emotion;                                  /* index; -1: not given */
    int32_t greedy, beams, n_best;                    /* 0: not given */
    int32_t max_delta, repeat_guard;                  /* INT32_MIN, -1: not given */
    double length_penalty;                            /* NAN: not given */
} decoder_use;

#define DECODER_STANDARD                                                                                  \
    {                                                                                                     \
        .punctuation = -1, .itn = -1, .diarize = -1, .chunks = -1, .emotion = -1, .max_delta = INT32_MIN, \
        .repeat_guard = -1, .length_penalty = (double)NAN                                                 \
    }

/* clang-format off */

/* Rows of a command's options; at: offset of its decoder_use. */
#define DECODER_LANGUAGE_OPTIONS(at)                                                                                   \
    {"language", 0, CLI_TEXT, (at) + offsetof(decoder_use, language), "LANG|auto", 0, 0,                               \
     "as the model says, else en", NULL,                                                                               \
     "Canary: what is spoken, as de; models info has the list; auto: the model tells, where it can"},                  \
    {"translate-to", 0, CLI_TEXT, (at) + offsetof(decoder_use, target_language), "LANG", 0, 0,                         \
     "what is spoken", NULL, "Canary: write in this language"}

#define DECODER_PROMPT_OPTIONS(at)                                                                                     \
    {"punctuation", 0, CLI_SWITCH, (at) + offsetof(decoder_use, punctuation), NULL, 0, 0,                              \
     "as the model says, else on", NULL, "Canary: write punctuation and capitals"},                                    \
    {"context", 0, CLI_TEXT, (at) + offsetof(decoder_use, context), "TEXT", 0, 0, NULL, NULL,                          \
     "Canary but for canary-1b: what was said before"},                                                                \
    {"itn", 0, CLI_SWITCH, (at) + offsetof(decoder_use, itn), NULL, 0, 0, "as the model says, else off", NULL,         \
     "Canary but for canary-1b: numbers as digits"},                                                                   \
    {"diarize", 0, CLI_SWITCH, (at) + offsetof(decoder_use, diarize), NULL, 0, 0, "as the model says, else off", NULL, \
     "Canary but for canary-1b: mark who speaks, where the model has learnt it"},                                      \
    {"emotion", 0, CLI_CHOICE, (at) + offsetof(decoder_use, emotion), DECODER_EMOTIONS, 0, 0,                          \
     "as the model says, else undefined", NULL, "Canary but for canary-1b: how it is said"}
#define DECODER_EMOTIONS "undefined|neutral|angry|happy|sad"

#define DECODER_SEARCH_OPTIONS(at)                                                                                     \
    {"beams", 0, CLI_INT, (at) + offsetof(decoder_use, beams), "N", 1, CS_MOST_BEAMS, "as the model says", NULL,       \
     "Canary: search with so many lines at once; more cost time"},                                                     \
    {"greedy", 0, CLI_FLAG, (at) + offsetof(decoder_use, greedy), NULL, 0, 0, NULL, NULL,                              \
     "Canary: no search, the likeliest token each time"},                                                              \
    {"length-penalty", 0, CLI_NUMBER, (at) + offsetof(decoder_use, length_penalty), "X", -100, 100,                    \
     "as the model says", NULL, "Canary: how much a search favours long answers"},                                     \
    {"max-delta", 0, CLI_INT, (at) + offsetof(decoder_use, max_delta), "N", -1, 1000000, "as the model says", NULL,    \
     "Canary: most tokens of prompt and answer, over the number of frames; -1: as many as the model has places for"},  \
    {"repeat-guard", 0, CLI_INT, (at) + offsetof(decoder_use, repeat_guard), "N", 0, 32, "8", NULL,                    \
     "Canary: cut an answer that says the same N times, with a warning; 0: never"},                                    \
    {"chunks", 0, CLI_SWITCH, (at) + offsetof(decoder_use, chunks), NULL, 0, 0, "on", NULL,                            \
     "Canary: hear recordings of 40 s and more in pieces that overlap"}

/* clang-format on */

/* What was given into options, whose strings are then use's. APP_DONE, or APP_USAGE after telling why. */
int decoder_options_fill(const cli_command *command, const decoder_use *use, cs_transcribe_options *options);

#endif
