/* SPDX-License-Identifier: MIT
 *
 * The command line as tables. A program is a list of commands, a command a list of options; parsing, --help, the man
 * page and shell completion are all made from them, so that they cannot disagree.
 *
 * Values land in a struct of the command's own, at the option's offset:
 *   CLI_FLAG      int32_t, set to 1                   CLI_INT       int32_t, low..high
 *   CLI_SWITCH    int32_t, --x: 1, --no-x: 0          CLI_NUMBER    double, low..high
 *   CLI_CHOICE    int32_t, index into choices         CLI_TEXT, CLI_FILE, CLI_DIRECTORY   const char *, the argument
 *
 * An option with `variable` is set from that environment variable first (a switch: on or off); the command line wins. */
#ifndef APPS_CLI_H
#define APPS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses, one table for all commands. */
#define APP_EXITS(X)                                                                \
    X(APP_DONE, 0, "all done")                                                      \
    X(APP_SOME_FAILED, 1, "some inputs failed, the others are done")                \
    X(APP_USAGE, 2, "the command line, a CS_ variable or the config file is wrong") \
    X(APP_INPUT, 3, "the input, or every input, cannot be read or is unsupported")  \
    X(APP_MODEL, 4, "the model is missing or invalid")                              \
    X(APP_SYSTEM, 5, "memory, permission, or the output cannot be written")         \
    X(APP_RUNNING, 6, "dictation runs already")                                     \
    X(APP_NOBODY, 7, "no dictation runs")                                           \
    X(APP_UNDELIVERED, 8, "the text was not delivered; it is kept")                 \
    X(APP_INTERRUPTED, 130, "interrupted")

typedef enum app_exit {
#define APP_EXIT_ENUM(name, number, meaning) name = number,
    APP_EXITS(APP_EXIT_ENUM)
#undef APP_EXIT_ENUM
} app_exit;

typedef enum cli_kind {
    CLI_FLAG,
    CLI_SWITCH,
    CLI_INT,
    CLI_NUMBER,
    CLI_CHOICE,
    CLI_TEXT,
    CLI_FILE,
    CLI_DIRECTORY
} cli_kind;

typedef struct cli_option {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    cli_kind kind;
    size_t offset;
    const char *argument; /* "N", "FILE"; for CLI_CHOICE the choices, "txt|json" */
    int32_t low, high;    /* CLI_INT, CLI_NUMBER */
    const char *standard; /* the default in words; NULL: nothing to say */
    const char *variable; /* environment variable; NULL: none */
    const char *help;     /* one sentence, lower case, no full stop */
} cli_option;

typedef struct cli_example {
    const char *command, *what;
} cli_example;

typedef struct cli_section {
    const char *title;
    const char *text; /* lines end in \n */
} cli_section;

typedef struct cli_command {
    const char *name;     /* "transcribe", "models info" */
    const char *operands; /* "FILE|DIR|-..."; "" when there are none */
    int min_operands, max_operands;
    const char *operand_choices; /* "bash|zsh|fish" for completion; NULL: files, if operands is not "" */
    const char *summary;
    const cli_example *examples;
    size_t n_examples;
    const cli_option *options;
    size_t n_options;
    const cli_section *sections;
    size_t n_sections;
    int (*run)(const struct cli_command *command, int argc, char **argv); /* argv: what follows the command's name */
} cli_command;

typedef struct cli_program {
    const char *name, *version, *summary;
    const cli_command *const *commands;
    size_t n_commands;
} cli_program;

/* Misuse in two lines: what is wrong, and the way to help. Returns APP_USAGE. command may be NULL. */
int cli_misuse(const cli_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fill values and move the operands to the front of argv. Returns APP_DONE and *n_operands, or APP_USAGE after telling
 * why, or -1 when --help was answered. */
int cli_parse(const cli_command *command, int argc, char **argv, void *values, int *n_operands);

/* The entry nearest in spelling, or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *entries, size_t n_entries);

/* The i-th of "a|b|c"; its length in *n, 0 past the last. */
const char *cli_choice(const char *choices, int i, size_t *n);

void cli_help(FILE *out, const cli_command *command);
void cli_program_help(FILE *out, const cli_program *program);
void cli_man_page(FILE *out, const cli_program *program);
void cli_complete_bash(FILE *out, const cli_program *program);
void cli_complete_zsh(FILE *out, const cli_program *program);
void cli_complete_fish(FILE *out, const cli_program *program);

#endif
