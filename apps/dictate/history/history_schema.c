/* SPDX-License-Identifier: MIT
 *
 * The layout, as steps: step n leads from version n to n + 1, and the file says which it has (user_version). What a file
 * says of itself (application_id) tells ours from others'. docs/FORMAT.md describes the result.
 *
 * The search index takes its text from the entries (external content), so that no text is kept twice; triggers keep the
 * two alike. FTS5's own "secure-delete" is not used: files with it cannot be read by SQLite before 3.42, and merging the
 * index after deletions (history_delete.c) does the same in every version. */
#include "history_inside.h"

#include <stdlib.h>
#include <string.h>

#define APPLICATION_ID 1668506475 /* "cspk" */
#define TEXT(x)        #x
#define NUMBER(x)      TEXT(x)

static const char *const steps[] = {
    "CREATE TABLE entry("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time_ms INTEGER NOT NULL,"
    " text TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " language TEXT NOT NULL,"
    " target TEXT NOT NULL,"
    " source TEXT NOT NULL,"
    " speech_seconds REAL NOT NULL,"
    " latency_ms REAL,"
    " delivered INTEGER NOT NULL);"
    "CREATE INDEX entry_time ON entry(time_ms);"
    "CREATE VIRTUAL TABLE entry_words USING fts5(text, content = 'entry', content_rowid = 'id',"
    " tokenize = 'unicode61 remove_diacritics 2');"
    "CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN"
    " INSERT INTO entry_words(rowid, text) VALUES (new.id, new.text); END;"
    "CREATE TRIGGER entry_deleted AFTER DELETE ON entry BEGIN"
    " INSERT INTO entry_words(entry_words, rowid, text) VALUES ('delete', old.id, old.text); END;"
    "CREATE TRIGGER entry_changed AFTER UPDATE OF text ON entry BEGIN"
    " INSERT INTO entry_words(entry_words, rowid, text) VALUES ('delete', old.id, old.text);"
    " INSERT INTO entry_words(rowid, text) VALUES (new.id, new.text); END;"
    "PRAGMA application_id = " NUMBER(APPLICATION_ID) ";"
                                                      "PRAGMA user_version = 1",
};

enum { N_STEPS = sizeof steps / sizeof *steps };

/* A database with tables that does not say that it is ours. */
static bool refuse_other(history *h, char error[HISTORY_ERROR])
{
    int64_t original = history_number(
        h, "SELECT count(*) = 2 FROM sqlite_master WHERE type = 'table' AND name IN ('history', 'schema_version')",
        error);
    if (original == 1)
        snprintf(error, HISTORY_ERROR,
                 "%.150s: is the history of the Python program; ctrlspeak history import FILE takes it over", h->path);
    else if (original == 0)
        snprintf(error, HISTORY_ERROR, "%.200s: is an SQLite database, but not a history of ctrlspeak", h->path);
    return false;
}

/* The version that the file has; -1: not ours, or error. */
static int64_t version_of(history *h, char error[HISTORY_ERROR])
{
    int64_t n_tables = history_number(h, "SELECT count(*) FROM sqlite_master", error);
    int64_t id = n_tables < 0 ? -1 : history_number(h, "PRAGMA application_id", error);
    int64_t version = id < 0 ? -1 : history_number(h, "PRAGMA user_version", error);
    if (n_tables < 0 || id < 0 || version < 0)
        return error[0] ? -1 : (refuse_other(h, error), -1);
    if (n_tables > 0 && id != APPLICATION_ID)
        return refuse_other(h, error), -1;
    if (n_tables > 0 && (version == 0 || version > N_STEPS)) {
        snprintf(error, HISTORY_ERROR, "%.200s: has layout %lld, this version of ctrlspeak knows 1 to %d", h->path,
                 (long long)version, (int)N_STEPS);
        return -1;
    }
    return n_tables > 0 ? version : 0;
}

bool history_migrate(history *h, char error[HISTORY_ERROR])
{
    int64_t version = version_of(h, error);
    if (version < 0 || version == N_STEPS)
        return version == N_STEPS;
    if (!history_begin(h, error))
        return false;
    version = version_of(h, error); /* another process may have been faster */
    bool done = version >= 0;
    for (; done && version < N_STEPS; version++)
        done = history_run(h, steps[version], error);
    return history_end(h, done, error);
}
