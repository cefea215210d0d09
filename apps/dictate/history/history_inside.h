/* SPDX-License-Identifier: MIT
 *
 * What the history's own files share. All SQL is in prepared statements; what users typed or said only ever is a bound
 * value. */
#ifndef DICTATE_HISTORY_INSIDE_H
#define DICTATE_HISTORY_INSIDE_H

#include "common/textbuf.h"
#include "dictate/history/history.h"

#include <sqlite3.h>
#include <stdio.h>

enum { HISTORY_TEXT_MAX = 1 << 20, HISTORY_BUSY_MS = 5000 };

struct history {
    sqlite3 *db;
    char *path;
};

/* history.c: "PATH: what went wrong", from SQLite's last answer. Returns false. */
bool history_fail(const history *h, const char *what, char error[HISTORY_ERROR]);
bool history_run(history *h, const char *sql, char error[HISTORY_ERROR]);
/* NULL: error. */
sqlite3_stmt *history_prepare(history *h, const char *sql, char error[HISTORY_ERROR]);
/* A write transaction, begun at once so that waiting happens here alone. end: commits when done, else rolls back; returns
 * whether it was committed. */
bool history_begin(history *h, char error[HISTORY_ERROR]);
bool history_end(history *h, bool done, char error[HISTORY_ERROR]);
/* One whole number of a statement without parameters; -1: error. */
int64_t history_number(history *h, const char *sql, char error[HISTORY_ERROR]);

/* history_schema.c: bring the layout up to date, or refuse what is not ours. */
bool history_migrate(history *h, char error[HISTORY_ERROR]);

/* history_query.c: what the user typed as an FTS5 expression, "" when nothing in it can be searched for. Fuzzed. */
bool history_query(textbuf *out, const char *typed);

/* history_rows.c */
/* Text as it is kept: UTF-8, no control characters but line feed and tab; n_bytes may hold anything. */
void history_clean(textbuf *out, const char *text, size_t n_bytes);
bool history_is_blank(const char *text);
typedef enum history_order { HISTORY_NEWEST, HISTORY_OLDEST } history_order;
int64_t history_select(history *h, const char *query, history_order order, int64_t limit, int64_t offset,
                       bool (*each)(void *user, const history_entry *entry), void *user, char error[HISTORY_ERROR]);

/* history_import.c */
typedef struct history_imported {
    int64_t n_taken, n_known, n_unusable; /* known: there already; unusable: blank, too long, no time */
} history_imported;
bool history_import_counted(history *h, const char *path, history_imported *counts, char error[HISTORY_ERROR]);
/* The same from an open database; path is for messages. Fuzzed. */
bool history_import_from(history *h, sqlite3 *source, const char *path, history_imported *counts,
                         char error[HISTORY_ERROR]);
/* "2026-01-08T12:34:56.789" in local time, or with Z or +01:00, as Unix time. Fuzzed. */
bool history_parse_time(const char *text, int64_t *time_ms);

#endif
