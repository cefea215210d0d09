/* SPDX-License-Identifier: MIT
 * From operands to files: FILE, DIR (everything below that looks like audio, sorted), - (standard input). And the names
 * of the files that --output-dir makes of them, no two of which are the same. */
#ifndef APPS_INPUTS_H
#define APPS_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct input {
    char *path;     /* "-": standard input */
    char *relative; /* where below --output-dir: "sub/talk.wav" for files found in a folder, else the bare name */
} input;

typedef struct inputs {
    input *items;
    int32_t n_items;
    size_t capacity;
    bool several; /* more than one operand, or a folder among them: outputs say which file they belong to */
    char error[400];
} inputs;

/* False: see error (out of memory, no audio in a folder, standard input twice). Files are not opened here. */
bool inputs_expand(inputs *list, char **operands, int n_operands);
void inputs_free(inputs *list);

/* Names already given away. */
typedef struct name_set {
    char **slots;
    size_t n_slots, n_used;
} name_set;

/* FOLDER/sub/talk.txt for sub/talk.wav; talk.wav.txt, talk.wav-2.txt ... when that is taken. tag ("" or ".ch1") comes
 * before the ending. NULL: out of memory. The set owns the name. */
const char *inputs_output_name(name_set *set, const char *folder, const input *item, const char *tag,
                               const char *ending);
void name_set_free(name_set *set);

#endif
