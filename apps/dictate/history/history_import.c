/* SPDX-License-Identifier: MIT
 *
 * The history of the Python program of this name: ~/.ctrlspeak/history.db, schema version 1,
 *
 *     schema_version(version); history(id, timestamp, text, model, duration_seconds, language)
 *
 * with local times as Python's isoformat() writes them. The file is foreign: it is opened read-only, nothing in its schema
 * may run, only tables count, and every value is looked at before it is taken. All or nothing: a file that turns out to be
 * damaged half-way adds no entry. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include "history_inside.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { VERSION_KNOWN = 1, FIRST_YEAR = 1970, LAST_YEAR = 9999, SOURCE_VALUE_MAX = 256 << 20 };
#define LONGEST_SECONDS 1e7

/* ------------------------------------------------------------------ time */

/* Exactly n digits, at most high. */
static bool take_number(const char **text, int n, int high, int *number)
{
    *number = 0;
    for (int i = 0; i < n; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *number = *number * 10 + (**text - '0');
    }
    return *number <= high;
}

static bool take_char(const char **text, const char *choices)
{
    bool found = **text && strchr(choices, **text);
    *text += found;
    return found;
}

/* ".123456": the first three digits count. */
static bool take_fraction(const char **text, int *ms)
{
    *ms = 0;
    if (!take_char(text, ".,"))
        return true;
    int n = 0;
    for (; **text >= '0' && **text <= '9' && n < 12; n++, (*text)++)
        *ms = n < 3 ? *ms * 10 + (**text - '0') : *ms;
    for (int i = n; i < 3; i++)
        *ms *= 10;
    return n > 0;
}

bool history_parse_time(const char *text, int64_t *time_ms)
{
    struct tm tm = {.tm_isdst = -1};
    int ms = 0, hours = 0, minutes = 0;
    bool date = take_number(&text, 4, LAST_YEAR, &tm.tm_year) && take_char(&text, "-")
                && take_number(&text, 2, 12, &tm.tm_mon) && take_char(&text, "-")
                && take_number(&text, 2, 31, &tm.tm_mday);
    if (!date || tm.tm_year < FIRST_YEAR || tm.tm_mon < 1 || tm.tm_mday < 1 || !take_char(&text, "T ")
        || !take_number(&text, 2, 23, &tm.tm_hour) || !take_char(&text, ":") || !take_number(&text, 2, 59, &tm.tm_min))
        return false;
    if (take_char(&text, ":") && (!take_number(&text, 2, 59, &tm.tm_sec) || !take_fraction(&text, &ms)))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    bool utc = take_char(&text, "Z"), east = !utc && *text == '+', zone = !utc && take_char(&text, "+-");
    if (zone && (!take_number(&text, 2, 23, &hours) || (take_char(&text, ":"), !take_number(&text, 2, 59, &minutes))))
        return false;
    if (*text)
        return false;
    int day = tm.tm_mday;
    time_t seconds = utc || zone ? timegm(&tm) : mktime(&tm);
    if (tm.tm_mday != day) /* 31 February */
        return false;
    if (zone)
        seconds += (east ? -1 : 1) * (hours * 60 + minutes) * 60;
    *time_ms = (int64_t)seconds * 1000 + ms;
    return *time_ms >= 0;
}

/* ---------------------------------------------------------------- source */

static bool refuse(const char *path, const char *why, char error[HISTORY_ERROR])
{
    snprintf(error, HISTORY_ERROR, "%.200s: %s", path, why);
    return false;
}

static bool source_fail(sqlite3 *source, const char *path, char error[HISTORY_ERROR])
{
    int code = sqlite3_errcode(source);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return refuse(path, "is damaged or no SQLite database; nothing was taken", error);
    snprintf(error, HISTORY_ERROR, "%.200s: cannot read: %.120s", path, sqlite3_errmsg(source));
    return false;
}

/* The statement's one number, or fallback when it has none. -1: error. */
static int64_t source_number(sqlite3 *source, const char *path, const char *sql, char error[HISTORY_ERROR])
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(source, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    else
        source_fail(source, path, error);
    sqlite3_finalize(statement);
    return number;
}

/* Two plain tables with the columns that are read, and the version that is known. */
static bool check_source(sqlite3 *source, const char *path, char error[HISTORY_ERROR])
{
    int64_t n_tables = source_number(source, path,
                                     "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
                                     " AND name IN ('history', 'schema_version')",
                                     error);
    if (n_tables < 0)
        return false;
    int64_t n_columns =
        source_number(source, path,
                      "SELECT count(*) FROM pragma_table_xinfo('history') WHERE hidden = 0"
                      " AND name IN ('id', 'timestamp', 'text', 'model', 'duration_seconds', 'language')",
                      error);
    if (n_columns < 0)
        return false;
    if (n_tables != 2 || n_columns != 6)
        return refuse(path, "is not the Python program's history: expected its tables history and schema_version",
                      error);
    int64_t version = source_number(source, path, "SELECT ifnull(max(version), 0) FROM schema_version", error);
    if (version >= 0 && version != VERSION_KNOWN)
        snprintf(error, HISTORY_ERROR, "%.200s: has schema version %lld, expected %d", path, (long long)version,
                 VERSION_KNOWN);
    return version == VERSION_KNOWN;
}

static bool open_source(const char *path, sqlite3 **source, char error[HISTORY_ERROR])
{
    struct stat st;
    char name[PATH_MAX + 3];
    if (stat(path, &st) != 0) {
        snprintf(error, HISTORY_ERROR, "%.200s: cannot open: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode))
        return refuse(path, S_ISDIR(st.st_mode) ? "is a folder, expected a file" : "is no regular file", error);
    if ((size_t)snprintf(name, sizeof name, "%s%s", path[0] == '/' ? "" : "./", path) >= sizeof name)
        return refuse(path, "the name is too long", error);
    if (sqlite3_open_v2(name, source, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return *source ? source_fail(*source, path, error) : refuse(path, "out of memory", error);
    return true;
}

/* ------------------------------------------------------------------ rows */

/* A text column into out, cleaned; false: it is none, or longer than what is kept. */
static bool read_text(sqlite3_stmt *row, int column, textbuf *out)
{
    int n = sqlite3_column_type(row, column) == SQLITE_TEXT ? sqlite3_column_bytes(row, column) : -1;
    out->size = 0;
    if (n < 0 || n > HISTORY_TEXT_MAX)
        return false;
    history_clean(out, (const char *)sqlite3_column_text(row, column), (size_t)n);
    return true;
}

typedef struct taker {
    history *h;
    sqlite3_stmt *known;
    textbuf time, text, model, language;
} taker;

/* An entry of the same time and text? -1: error. */
static int is_known(taker *t, int64_t time_ms)
{
    sqlite3_reset(t->known);
    sqlite3_bind_int64(t->known, 1, time_ms);
    sqlite3_bind_text(t->known, 2, t->text.data, (int)t->text.size, SQLITE_STATIC);
    int code = sqlite3_step(t->known);
    sqlite3_reset(t->known);
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -1;
}

static bool take_row(taker *t, sqlite3_stmt *row, history_imported *counts, char error[HISTORY_ERROR])
{
    int64_t time_ms = 0;
    bool usable = read_text(row, 0, &t->time) && history_parse_time(t->time.data, &time_ms)
                  && read_text(row, 1, &t->text) && t->text.size <= HISTORY_TEXT_MAX && !history_is_blank(t->text.data);
    if (!read_text(row, 2, &t->model))
        t->model.size = 0;
    if (!read_text(row, 4, &t->language))
        t->language.size = 0;
    if (t->time.failed || t->text.failed || t->model.failed || t->language.failed) {
        snprintf(error, HISTORY_ERROR, "out of memory");
        return false;
    }
    if (!usable) {
        counts->n_unusable++;
        return true;
    }
    int known = is_known(t, time_ms);
    if (known < 0)
        return history_fail(t->h, "read", error);
    if (known) {
        counts->n_known++;
        return true;
    }
    double seconds = sqlite3_column_double(row, 3);
    const history_entry entry = {
        .time_ms = time_ms,
        .text = t->text.data,
        .model = t->model.size ? t->model.data : "",
        .language = t->language.size ? t->language.data : "",
        .source = "import",
        .speech_seconds = isfinite(seconds) && seconds >= 0 && seconds <= LONGEST_SECONDS ? seconds : 0,
        .latency_ms = -1,
        .delivered = true,
    };
    counts->n_taken++;
    return history_add(t->h, &entry, error) > 0;
}

static bool take_rows(history *h, sqlite3 *source, const char *path, history_imported *counts,
                      char error[HISTORY_ERROR])
{
    taker t = {.h = h};
    sqlite3_stmt *rows = NULL;
    int code = SQLITE_ERROR;
    bool done = sqlite3_prepare_v2(source,
                                   "SELECT timestamp, text, model, duration_seconds, language FROM main.history"
                                   " ORDER BY rowid",
                                   -1, &rows, NULL)
                    == SQLITE_OK
                || source_fail(source, path, error);
    t.known = done ? history_prepare(h, "SELECT 1 FROM entry WHERE time_ms = ? AND text = ?", error) : NULL;
    done = done && t.known;
    while (done && (code = sqlite3_step(rows)) == SQLITE_ROW)
        done = take_row(&t, rows, counts, error);
    if (done && code != SQLITE_DONE)
        done = source_fail(source, path, error);
    textbuf_free(&t.time);
    textbuf_free(&t.text);
    textbuf_free(&t.model);
    textbuf_free(&t.language);
    sqlite3_finalize(t.known);
    sqlite3_finalize(rows);
    return done;
}

bool history_import_from(history *h, sqlite3 *source, const char *path, history_imported *counts,
                         char error[HISTORY_ERROR])
{
    sqlite3_busy_timeout(source, HISTORY_BUSY_MS);
    sqlite3_limit(source, SQLITE_LIMIT_LENGTH, SOURCE_VALUE_MAX);
    sqlite3_db_config(source, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(source, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(source, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_exec(source, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
    return check_source(source, path, error) && history_begin(h, error)
           && history_end(h, take_rows(h, source, path, counts, error), error);
}

bool history_import_counted(history *h, const char *path, history_imported *counts, char error[HISTORY_ERROR])
{
    sqlite3 *source = NULL;
    *counts = (history_imported){0};
    bool done = open_source(path, &source, error) && history_import_from(h, source, path, counts, error);
    sqlite3_close(source);
    return done;
}

int64_t history_import(history *h, const char *path, char error[HISTORY_ERROR])
{
    history_imported counts;
    return history_import_counted(h, path, &counts, error) ? counts.n_taken : -1;
}
