/* SPDX-License-Identifier: MIT
 *
 * What was dictated: an SQLite database with full-text search, mode 0600, in a folder of our own of mode 0700. The layout is
 * in docs/FORMAT.md. One thread at a time; several processes may have it open. */
#ifndef DICTATE_HISTORY_H
#define DICTATE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTORY_ERROR = 400 };

typedef struct history history;

typedef struct history_entry {
    int64_t id;                                            /* 0: not stored yet */
    int64_t time_ms;                                       /* Unix time of the end of speech */
    const char *text, *model, *language, *target, *source; /* source: "dictate", "import" */
    double speech_seconds;                                 /* by the capture clock, decoding not included */
    double latency_ms;                                     /* stop to text ready; -1 unknown */
    bool delivered;
} history_entry;

/* path NULL: the user's own. The file is made when absent, and its folder when it is the user's own. A file that is damaged
 * or something else is left as it is. NULL: error is one sentence. */
history *history_open(const char *path, char error[HISTORY_ERROR]);
/* Where the user's own is; the caller frees; NULL: no home. */
char *history_path(void);
void history_close(history *h);
/* The new id; 0: refused (blank text) ; -1: error. */
int64_t history_add(history *h, const history_entry *entry, char error[HISTORY_ERROR]);
bool history_set_delivered(history *h, int64_t id, bool delivered, char error[HISTORY_ERROR]);
/* Newest first; limit 0: all. query NULL or blank: all; else words that must all occur, "..." a phrase, word* a prefix;
 * nothing in it can be a syntax error. each returns false to stop and must not change the history; strings die with the
 * call. Number of entries shown, -1: error. */
int64_t history_each(history *h, const char *query, int64_t limit, int64_t offset,
                     bool (*each)(void *user, const history_entry *entry), void *user, char error[HISTORY_ERROR]);
/* False: there is none, or error. */
bool history_get(history *h, int64_t id, bool (*each)(void *user, const history_entry *entry), void *user,
                 char error[HISTORY_ERROR]);
/* Number removed, -1: error, and then nothing is removed, or the error says that traces are left. Deleted pages are
 * overwritten (secure_delete), the search index and the write-ahead log too. */
int64_t history_delete(history *h, const int64_t *ids, size_t n_ids, char error[HISTORY_ERROR]);
int64_t history_clear(history *h, char error[HISTORY_ERROR]);
/* Keep at most max_entries (0: all) and nothing older than max_days (0: all). */
int64_t history_retain(history *h, int64_t max_entries, int64_t max_days, int64_t now_ms, char error[HISTORY_ERROR]);

typedef struct history_stats {
    int64_t n_entries, n_words, n_delivered, first_ms, last_ms, file_bytes;
    double speech_seconds, latency_p50_ms, latency_p95_ms;
} history_stats;
bool history_get_stats(history *h, history_stats *stats, char error[HISTORY_ERROR]);
/* Rows of the original Python program's database (history.db, schema version 1). Those that are there already are left out. */
int64_t history_import(history *h, const char *path, char error[HISTORY_ERROR]);

#endif
