/* SPDX-License-Identifier: MIT
 *
 * Forgetting, so that no byte of it stays in the files. secure_delete overwrites what rows and index blocks leave in the
 * pages; but FTS5 only notes a deletion in a newer part of its index and keeps the word in the older one until both are
 * merged, so they are merged at once; and the write-ahead log holds earlier images of the pages until it is written back
 * and cut, so it is. Tried: FTS5's 'rebuild' instead of 'optimize' also works and reads every text again. */
#include "common/clock.h"
#include "history_inside.h"

enum { CUT_WAIT_MS = 5 };

/* After deletions, in the same transaction. */
static bool merge_index(history *h, char error[HISTORY_ERROR])
{
    return history_run(h, "INSERT INTO entry_words(entry_words) VALUES ('optimize')", error);
}

/* After the commit. Waits for readers as long as for any lock. While another process cuts the log SQLite refuses at once. */
static bool cut_log(history *h, char error[HISTORY_ERROR])
{
    const int64_t until_ms = clock_now_ms() + HISTORY_BUSY_MS;
    int code;
    while ((code = sqlite3_wal_checkpoint_v2(h->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL)) == SQLITE_BUSY
           && clock_now_ms() < until_ms)
        sqlite3_sleep(CUT_WAIT_MS);
    if (code == SQLITE_OK)
        return true;
    snprintf(
        error, HISTORY_ERROR,
        "%.200s: deleted, but traces stay in the file's -wal until it is used again, since it cannot be cut now: %.80s",
        h->path, sqlite3_errmsg(h->db));
    return false;
}

/* Commits what the statement deletes, leaving no traces. Finishes it. */
static int64_t forget(history *h, bool done, int64_t n_deleted, char error[HISTORY_ERROR])
{
    if (done && n_deleted > 0)
        done = merge_index(h, error);
    if (!history_end(h, done, error))
        return -1;
    return n_deleted == 0 || cut_log(h, error) ? n_deleted : -1;
}

/* Runs a prepared statement that deletes; adds to *n_deleted. */
static bool run_delete(history *h, sqlite3_stmt *statement, int64_t *n_deleted, char error[HISTORY_ERROR])
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        return history_fail(h, "delete", error);
    *n_deleted += sqlite3_changes(h->db);
    return true;
}

int64_t history_delete(history *h, const int64_t *ids, size_t n_ids, char error[HISTORY_ERROR])
{
    int64_t n_deleted = 0;
    if (!history_begin(h, error))
        return -1;
    sqlite3_stmt *statement = history_prepare(h, "DELETE FROM entry WHERE id = ?", error);
    bool done = statement != NULL;
    for (size_t i = 0; i < n_ids && done; i++) {
        sqlite3_reset(statement);
        sqlite3_bind_int64(statement, 1, ids[i]);
        done = run_delete(h, statement, &n_deleted, error);
    }
    sqlite3_finalize(statement);
    return forget(h, done, n_deleted, error);
}

int64_t history_clear(history *h, char error[HISTORY_ERROR])
{
    int64_t n_deleted = 0;
    if (!history_begin(h, error))
        return -1;
    sqlite3_stmt *statement = history_prepare(h, "DELETE FROM entry", error);
    bool done = statement && run_delete(h, statement, &n_deleted, error);
    sqlite3_finalize(statement);
    n_deleted = forget(h, done, n_deleted, error);
    if (n_deleted > 0
        && sqlite3_exec(h->db, "VACUUM", NULL, NULL, NULL) == SQLITE_OK) /* its space back, if it can be had */
        sqlite3_wal_checkpoint_v2(h->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return n_deleted;
}

int64_t history_retain(history *h, int64_t max_entries, int64_t max_days, int64_t now_ms, char error[HISTORY_ERROR])
{
    static const char *const statements[] = {
        "DELETE FROM entry WHERE time_ms < ?",
        "DELETE FROM entry WHERE id NOT IN (SELECT id FROM entry ORDER BY time_ms DESC, id DESC LIMIT ?)",
    };
    const int64_t day_ms = 86400000, most_days = INT64_MAX / day_ms / 2;
    const bool wanted[] = {max_days > 0 && max_days<most_days, max_entries> 0};
    const int64_t limits[] = {wanted[0] ? now_ms - max_days * day_ms : 0, max_entries};
    int64_t n_deleted = 0;
    if (!wanted[0] && !wanted[1])
        return 0;
    if (!history_begin(h, error))
        return -1;
    bool done = true;
    for (int i = 0; i < 2 && done; i++) {
        sqlite3_stmt *statement = wanted[i] ? history_prepare(h, statements[i], error) : NULL;
        done = !wanted[i] || statement;
        if (statement) {
            sqlite3_bind_int64(statement, 1, limits[i]);
            done = run_delete(h, statement, &n_deleted, error);
        }
        sqlite3_finalize(statement);
    }
    return forget(h, done, n_deleted, error);
}
