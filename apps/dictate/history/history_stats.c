/* SPDX-License-Identifier: MIT
 *
 * Numbers about the history. */
#define _XOPEN_SOURCE 700
#include "history_inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Runs of what is no white space, as wc counts words. */
static int64_t count_words(const char *text)
{
    int64_t n = 0;
    for (;;) {
        text += strspn(text, " \t\r\n\v\f");
        if (!*text)
            return n;
        n++;
        text += strcspn(text, " \t\r\n\v\f");
    }
}

static bool add_words(void *user, const history_entry *entry)
{
    history_stats *stats = user;
    stats->n_words += count_words(entry->text);
    return true;
}

/* The latency that the given part of the entries does not exceed; 0: none is known. */
static bool find_latency(history *h, double part, double *ms, char error[HISTORY_ERROR])
{
    sqlite3_stmt *statement =
        history_prepare(h,
                        "SELECT latency_ms FROM entry WHERE latency_ms IS NOT NULL ORDER BY latency_ms LIMIT 1 OFFSET"
                        " max(0, cast((SELECT count(latency_ms) FROM entry) * ? + 0.999 AS INTEGER) - 1)",
                        error);
    if (!statement)
        return false;
    sqlite3_bind_double(statement, 1, part);
    int code = sqlite3_step(statement);
    *ms = code == SQLITE_ROW ? sqlite3_column_double(statement, 0) : 0;
    bool done = code == SQLITE_ROW || code == SQLITE_DONE || history_fail(h, "read", error);
    sqlite3_finalize(statement);
    return done;
}

static int64_t file_bytes(const char *path, const char *ending)
{
    struct stat st;
    size_t size = strlen(path) + strlen(ending) + 1;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s%s", path, ending);
    int64_t bytes = name && stat(name, &st) == 0 ? st.st_size : 0;
    free(name);
    return bytes;
}

bool history_get_stats(history *h, history_stats *stats, char error[HISTORY_ERROR])
{
    *stats = (history_stats){0};
    sqlite3_stmt *statement = history_prepare(h,
                                              "SELECT count(*), total(delivered <> 0), ifnull(min(time_ms), 0), "
                                              "ifnull(max(time_ms), 0), total(speech_seconds)"
                                              " FROM entry",
                                              error);
    if (!statement)
        return false;
    bool done = sqlite3_step(statement) == SQLITE_ROW || history_fail(h, "read", error);
    if (done) {
        stats->n_entries = sqlite3_column_int64(statement, 0);
        stats->n_delivered = sqlite3_column_int64(statement, 1);
        stats->first_ms = sqlite3_column_int64(statement, 2);
        stats->last_ms = sqlite3_column_int64(statement, 3);
        stats->speech_seconds = sqlite3_column_double(statement, 4);
    }
    sqlite3_finalize(statement);
    stats->file_bytes = file_bytes(h->path, "") + file_bytes(h->path, "-wal");
    return done && find_latency(h, 0.5, &stats->latency_p50_ms, error)
           && find_latency(h, 0.95, &stats->latency_p95_ms, error)
           && history_each(h, NULL, 0, 0, add_words, stats, error) >= 0;
}
