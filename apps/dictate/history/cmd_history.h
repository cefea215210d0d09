/* SPDX-License-Identifier: MIT
 *
 * What the commands of `ctrlspeak history` share: their options, opening, and entries as text and JSON. */
#ifndef DICTATE_CMD_HISTORY_H
#define DICTATE_CMD_HISTORY_H

#include "common/cli.h"
#include "common/outfile.h"
#include "history_inside.h"

typedef struct history_arguments {
    const char *db, *output;
    int32_t limit, json, text, yes, format;
} history_arguments;

extern const cli_command command_history_list, command_history_search, command_history_show, command_history_copy,
    command_history_delete, command_history_clear, command_history_export, command_history_stats,
    command_history_import;

#define HISTORY_AT(field) offsetof(history_arguments, field)
#define HISTORY_OPTION_DB                                                                                         \
    {                                                                                                             \
        "history-db", 0, CLI_FILE, HISTORY_AT(db), "FILE", 0, 0, "history.file", NULL, "another history database" \
    }
#define HISTORY_OPTION_JSON                                                                    \
    {                                                                                          \
        "json", 0, CLI_FLAG, HISTORY_AT(json), NULL, 0, 0, NULL, NULL, "JSON instead of lines" \
    }
#define HISTORY_COUNT(table) (sizeof(table) / sizeof *(table))

/* Opens what the option, else the config, else the user's folder says. reading: a file that is not there is not made; *h
 * is then NULL with APP_DONE where it is the user's own (said on stderr), APP_INPUT where it was named. An exit status,
 * after saying why. */
int history_cli_open(const history_arguments *a, bool reading, history **h);
/* Says the error; returns APP_SYSTEM. */
int history_cli_fail(const char *error);

/* Output that goes out piece by piece. */
typedef struct history_printer {
    outfile out;
    textbuf text;
    bool failed;
    int64_t n;
    int32_t columns; /* of the terminal; 0: no limit */
    int32_t format;  /* export's */
} history_printer;
/* path NULL: standard output. False: said. */
bool history_print_begin(history_printer *p, const char *path);
/* Hands on what has gathered. False: no more is wanted. */
bool history_print_flush(history_printer *p);
/* An exit status, after saying what failed. */
int history_print_end(history_printer *p);

enum { HISTORY_TIME_TEXT = 40 };
/* "2026-01-08 12:34:56", local. Returns out. */
const char *history_local_time(char out[HISTORY_TIME_TEXT], int64_t time_ms);
/* "2026-01-08T11:34:56.789Z" */
const char *history_utc_time(char out[HISTORY_TIME_TEXT], int64_t time_ms);
/* One JSON object, after indent blanks. */
void history_json(textbuf *out, const history_entry *entry, int indent);
/* Text in one line of at most columns characters (0: all), without anything that could move a terminal's cursor. */
void history_one_line(textbuf *out, const char *text, int32_t columns);
/* A whole number above 0 as an id. */
bool history_parse_id(const char *text, int64_t *id);

#endif
