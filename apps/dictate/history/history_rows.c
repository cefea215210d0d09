/* SPDX-License-Identifier: MIT
 *
 * Entries in and out. */
#define _XOPEN_SOURCE 700
#include "history_inside.h"

#include "common/utf8_text.h"

#include <math.h>
#include <string.h>

void history_clean(textbuf *out, const char *text, size_t n_bytes)
{
    textbuf copy = {0};
    textbuf_append(&copy, text ? text : "", n_bytes); /* with a 0 behind it */
    textbuf_append(out, "", 0);
    out->failed = out->failed || copy.failed;
    for (size_t at = 0, n; at < copy.size && !copy.failed; at += n) {
        unsigned char c = (unsigned char)copy.data[at];
        n = utf8_bytes(copy.data + at);
        bool control = c < 0x20 || c == 0x7F || (c == 0xC2 && n == 2 && (unsigned char)copy.data[at + 1] < 0xA0);
        if (n == 0) {
            textbuf_append(out, "\xEF\xBF\xBD", 3);
            n = 1;
        } else if (control && c != '\n' && c != '\t') {
            textbuf_append(out, " ", 1);
        } else {
            textbuf_append(out, copy.data + at, n);
        }
    }
    textbuf_free(&copy);
}

bool history_is_blank(const char *text)
{
    return !text || strspn(text, " \t\r\n\v\f") == strlen(text);
}

/* Cleaned and bound; "" for NULL. */
static void bind_text(sqlite3_stmt *statement, int at, const char *text, bool *failed)
{
    textbuf clean = {0};
    history_clean(&clean, text, text ? strlen(text) : 0);
    *failed = *failed || clean.failed
              || sqlite3_bind_text(statement, at, clean.data ? clean.data : "", (int)clean.size, SQLITE_TRANSIENT)
                     != SQLITE_OK;
    textbuf_free(&clean);
}

static double sane(double number)
{
    return isfinite(number) && number >= 0 ? number : 0;
}

int64_t history_add(history *h, const history_entry *entry, char error[HISTORY_ERROR])
{
    if (history_is_blank(entry->text))
        return 0;
    if (strlen(entry->text) > HISTORY_TEXT_MAX) {
        snprintf(error, HISTORY_ERROR, "%.200s: a text of %zu bytes is too long to keep, expected at most %d", h->path,
                 strlen(entry->text), (int)HISTORY_TEXT_MAX);
        return -1;
    }
    sqlite3_stmt *statement = history_prepare(
        h,
        "INSERT INTO entry(time_ms, text, model, language, target, source, speech_seconds, latency_ms, delivered)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        error);
    const char *const texts[] = {entry->text, entry->model, entry->language, entry->target, entry->source};
    bool failed = !statement;
    int64_t id = -1;
    for (int i = 0; i < 5 && !failed; i++)
        bind_text(statement, 2 + i, texts[i], &failed);
    if (!failed) {
        sqlite3_bind_int64(statement, 1, entry->time_ms);
        sqlite3_bind_double(statement, 7, sane(entry->speech_seconds));
        if (isfinite(entry->latency_ms) && entry->latency_ms >= 0)
            sqlite3_bind_double(statement, 8, entry->latency_ms);
        sqlite3_bind_int(statement, 9, entry->delivered);
        if (sqlite3_step(statement) == SQLITE_DONE)
            id = sqlite3_last_insert_rowid(h->db);
    }
    if (statement && id < 0)
        history_fail(h, "write", error);
    sqlite3_finalize(statement);
    return id;
}

bool history_set_delivered(history *h, int64_t id, bool delivered, char error[HISTORY_ERROR])
{
    sqlite3_stmt *statement = history_prepare(h, "UPDATE entry SET delivered = ? WHERE id = ?", error);
    if (!statement)
        return false;
    sqlite3_bind_int(statement, 1, delivered);
    sqlite3_bind_int64(statement, 2, id);
    bool done = sqlite3_step(statement) == SQLITE_DONE || history_fail(h, "write", error);
    if (done && sqlite3_changes(h->db) == 0) {
        snprintf(error, HISTORY_ERROR, "%.200s: there is no entry %lld", h->path, (long long)id);
        done = false;
    }
    sqlite3_finalize(statement);
    return done;
}

/* ------------------------------------------------------------------- out */

#define COLUMNS "id, time_ms, text, model, language, target, source, speech_seconds, latency_ms, delivered"

static const char *column(sqlite3_stmt *statement, int at)
{
    const char *text = (const char *)sqlite3_column_text(statement, at);
    return text ? text : "";
}

static history_entry entry_of(sqlite3_stmt *statement)
{
    return (history_entry){
        .id = sqlite3_column_int64(statement, 0),
        .time_ms = sqlite3_column_int64(statement, 1),
        .text = column(statement, 2),
        .model = column(statement, 3),
        .language = column(statement, 4),
        .target = column(statement, 5),
        .source = column(statement, 6),
        .speech_seconds = sane(sqlite3_column_double(statement, 7)),
        .latency_ms = sqlite3_column_type(statement, 8) == SQLITE_NULL ? -1 : sane(sqlite3_column_double(statement, 8)),
        .delivered = sqlite3_column_int(statement, 9) != 0,
    };
}

/* Rows to each(), until it has enough. Number of rows, -1: error. Finishes the statement. */
static int64_t hand_out(history *h, sqlite3_stmt *statement, bool (*each)(void *user, const history_entry *entry),
                        void *user, char error[HISTORY_ERROR])
{
    int64_t n = 0;
    int code;
    bool more = true;
    while (more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        history_entry entry = entry_of(statement);
        n++;
        more = each(user, &entry);
    }
    if (more && code != SQLITE_DONE) {
        history_fail(h, "read", error);
        n = -1;
    }
    sqlite3_finalize(statement);
    return n;
}

int64_t history_select(history *h, const char *query, history_order order, int64_t limit, int64_t offset,
                       bool (*each)(void *user, const history_entry *entry), void *user, char error[HISTORY_ERROR])
{
#define FOUND      " WHERE id IN (SELECT rowid FROM entry_words WHERE entry_words MATCH ?3)"
#define ASCENDING  " ORDER BY time_ms, id LIMIT ?1 OFFSET ?2"
#define DESCENDING " ORDER BY time_ms DESC, id DESC LIMIT ?1 OFFSET ?2"
    static const char *const statements[2][2] = {
        {"SELECT " COLUMNS " FROM entry" DESCENDING, "SELECT " COLUMNS " FROM entry" ASCENDING},
        {"SELECT " COLUMNS " FROM entry" FOUND DESCENDING, "SELECT " COLUMNS " FROM entry" FOUND ASCENDING},
    };
#undef FOUND
#undef ASCENDING
#undef DESCENDING
    bool searching = !history_is_blank(query);
    textbuf match = {0};
    if (searching && !history_query(&match, query)) {
        snprintf(error, HISTORY_ERROR, "out of memory");
        textbuf_free(&match);
        return -1;
    }
    int64_t n = searching && !match.size ? 0 : -1; /* nothing that could be searched for: nothing is found */
    sqlite3_stmt *statement = n == 0 ? NULL : history_prepare(h, statements[searching][order], error);
    if (statement) {
        sqlite3_bind_int64(statement, 1, limit > 0 ? limit : -1);
        sqlite3_bind_int64(statement, 2, offset > 0 ? offset : 0);
        if (searching)
            sqlite3_bind_text(statement, 3, match.data, (int)match.size, SQLITE_TRANSIENT);
        n = hand_out(h, statement, each, user, error);
    }
    textbuf_free(&match);
    return n;
}

int64_t history_each(history *h, const char *query, int64_t limit, int64_t offset,
                     bool (*each)(void *user, const history_entry *entry), void *user, char error[HISTORY_ERROR])
{
    return history_select(h, query, HISTORY_NEWEST, limit, offset, each, user, error);
}

bool history_get(history *h, int64_t id, bool (*each)(void *user, const history_entry *entry), void *user,
                 char error[HISTORY_ERROR])
{
    sqlite3_stmt *statement = history_prepare(h, "SELECT " COLUMNS " FROM entry WHERE id = ?", error);
    if (!statement)
        return false;
    sqlite3_bind_int64(statement, 1, id);
    int64_t n = hand_out(h, statement, each, user, error);
    if (n == 0)
        snprintf(error, HISTORY_ERROR, "%.200s: there is no entry %lld", h->path, (long long)id);
    return n == 1;
}
