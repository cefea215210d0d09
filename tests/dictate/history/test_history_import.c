/* SPDX-License-Identifier: MIT
 *
 * The Python program's history taken over: what is taken, what is left out, and files that only look like it. The source is
 * never changed. */
#define _XOPEN_SOURCE 700
#include "history_kit.h"

#include <time.h>

#define SCHEMA                                                                                          \
    "CREATE TABLE schema_version(version INTEGER); INSERT INTO schema_version VALUES (1);"              \
    "CREATE TABLE history(id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, text TEXT, model TEXT," \
    " duration_seconds REAL, language TEXT DEFAULT 'en');"                                              \
    "CREATE INDEX idx_timestamp ON history(timestamp DESC);"

static char source[250], db[250];

static void begin(const char *sql)
{
    sqlite3 *made = NULL;
    char *why = NULL;
    kit_fresh();
    snprintf(source, sizeof source, "%.200s", kit_at("history.db"));
    snprintf(db, sizeof db, "%.200s", kit_at("ours.db"));
    if (!sql)
        return;
    CHECK(sqlite3_open(source, &made) == SQLITE_OK && sqlite3_exec(made, sql, NULL, NULL, &why) == SQLITE_OK);
    if (why)
        printf("# %s\n", why);
    sqlite3_free(why);
    sqlite3_close(made);
}

typedef struct rows {
    char text[2000];
    int64_t first_ms;
} rows;

static bool collect(void *user, const history_entry *entry)
{
    rows *r = user;
    size_t n = strlen(r->text);
    if (!r->first_ms)
        r->first_ms = entry->time_ms;
    snprintf(r->text + n, sizeof r->text - n, "[%.60s|%s|%s|%s|%.2f|%d]", entry->text, entry->model, entry->language,
             entry->source, entry->speech_seconds, entry->delivered);
    return true;
}

static const char *all(history *h)
{
    static rows r;
    r = (rows){0};
    CHECK(history_select(h, NULL, HISTORY_OLDEST, 0, 0, collect, &r, kit_error) >= 0);
    return r.text;
}

static void rows_are_taken_once(void)
{
    begin(SCHEMA "INSERT INTO history(timestamp, text, model, duration_seconds) VALUES"
                 " ('2026-01-08T12:34:56.789012', 'Hello there.', 'parakeet', 3.25),"
                 " ('2026-01-08T12:35:56', 'Second', 'nvidia/parakeet-tdt-0.6b-v3', NULL);"
                 "INSERT INTO history(timestamp, text, model, duration_seconds, language) VALUES"
                 " ('2026-07-08 12:35', 'Sommer', NULL, 1, 'de')");
    size_t n, n_after;
    char *before = kit_bytes(source, &n);
    history *h = history_open(db, kit_error);
    history_imported counts;
    CHECK_INT(kit_add(h, "ours", 1), 1);
    CHECK_INT(history_import(h, source, kit_error), 3);
    CHECK_STR(all(h), "[ours|small|en|dictate|1.50|1][Hello there.|parakeet|en|import|3.25|1]"
                      "[Second|nvidia/parakeet-tdt-0.6b-v3|en|import|0.00|1][Sommer||de|import|1.00|1]");
    CHECK(history_import_counted(h, source, &counts, kit_error));
    CHECK_INT(counts.n_taken, 0);
    CHECK_INT(counts.n_known, 3);
    CHECK_INT(kit_found(h, "hello"), 1);
    CHECK(kit_sound(h));
    char *after = kit_bytes(source, &n_after);
    CHECK(n == n_after && memcmp(before, after, n) == 0);
    CHECK(kit_mode(kit_at("history.db-wal")) == 0 && kit_mode(kit_at("history.db-journal")) == 0);
    free(before);
    free(after);
    history_close(h);
}

static void odd_rows_are_left_out_or_cleaned(void)
{
    begin(SCHEMA "INSERT INTO history(timestamp, text, model, duration_seconds, language) VALUES"
                 " ('2026-01-08T12:00:00', 'a' || char(0) || 'b' || char(27) || '[2J', 'm', 9e999, 'en'),"
                 " ('2026-01-08T12:00:01', CAST(x'61FF62' AS TEXT), x'FFFE', -5, NULL),"
                 " ('2026-01-08T12:00:02', 'text for a number', 7, 'x', 3),"
                 " ('2026-01-08T12:00:03', '', 'm', 1, 'en'),"
                 " ('2026-01-08T12:00:04', '  ', 'm', 1, 'en'),"
                 " ('2026-01-08T12:00:05', NULL, 'm', 1, 'en'),"
                 " ('2026-01-08T12:00:06', x'0011', 'm', 1, 'en'),"
                 " ('2026-01-08T12:00:07', hex(zeroblob(600000)), 'm', 1, 'en'),"
                 " ('2026-01-08T12:00:08', hex(zeroblob(9000000)), 'm', 1, 'en'),"
                 " ('yesterday', 'no time', 'm', 1, 'en'),"
                 " ('2026-01-08T12:00:00' || char(0) || 'x', 'NUL in the time', 'm', 1, 'en'),"
                 " (NULL, 'no time', 'm', 1, 'en'),"
                 " (12345, 'a number for a time', 'm', 1, 'en'),"
                 " ('2026-01-08T12:00:09', 'last', hex(zeroblob(600000)), 1e300, 'en')");
    history *h = history_open(db, kit_error);
    history_imported counts;
    if (!CHECK(history_import_counted(h, source, &counts, kit_error)))
        printf("# %s\n", kit_error);
    CHECK_INT(counts.n_taken, 4);
    CHECK_INT(counts.n_unusable, 10);
    CHECK_STR(all(h), "[a b [2J|m|en|import|0.00|1][a\xEF\xBF\xBD"
                      "b|||import|0.00|1][text for a number|7|3|import|0.00|1][last||en|import|0.00|1]");
    history_close(h);
}

/* No entry is added, and the sentence names the file. */
static void refused(const char *what, const char *sql, const char *expected)
{
    begin(sql);
    history *h = history_open(db, kit_error);
    kit_add(h, "ours", 1);
    CHECK_INT(history_import(h, source, kit_error), -1);
    if (!CHECK(strstr(kit_error, expected) && strstr(kit_error, source)))
        printf("# %s: %s\n", what, kit_error);
    CHECK_INT(kit_found(h, NULL), 1);
    CHECK_INT(kit_add(h, "still works", 2), 2);
    history_close(h);
}

static void other_files_are_refused(void)
{
    static const char not_it[] = "is not the Python program's history: expected its tables";
    refused("nothing", NULL, "cannot open: No such file or directory");
    refused("empty", "", not_it);
    refused("other tables", "CREATE TABLE notes(x)", not_it);
    refused("a column is missing",
            "CREATE TABLE schema_version(version); INSERT INTO schema_version VALUES (1);"
            "CREATE TABLE history(id, timestamp, text, model, language)",
            not_it);
    refused(
        "a view",
        "CREATE TABLE schema_version(version); INSERT INTO schema_version VALUES (1); CREATE VIEW history AS SELECT 1 "
        "AS"
        " id, '2026-01-08T12:00:00' AS timestamp, 'x' AS text, 'm' AS model, 1 AS duration_seconds, 'en' AS language",
        not_it);
    refused("a virtual table",
            "CREATE TABLE schema_version(version); INSERT INTO schema_version VALUES (1);"
            "CREATE VIRTUAL TABLE history USING fts5(id, timestamp, text, model, duration_seconds, language)",
            not_it);
    refused("computed columns",
            "CREATE TABLE schema_version(version); INSERT INTO schema_version VALUES (1);"
            "CREATE TABLE history(id, timestamp, text AS ('x'), model, duration_seconds, language)",
            not_it);
    refused("another version", SCHEMA "UPDATE schema_version SET version = 2", "has schema version 2, expected 1");
    refused("no version", SCHEMA "DELETE FROM schema_version", "has schema version 0, expected 1");
    begin(NULL);
    kit_put(source, "Dear diary, this is no database at all.", 39);
    history *h = history_open(db, kit_error);
    CHECK_INT(history_import(h, source, kit_error), -1);
    CHECK(strstr(kit_error, "is damaged or no SQLite database; nothing was taken") != NULL);
    CHECK_INT(history_import(h, kit_place, kit_error), -1);
    CHECK(strstr(kit_error, "is a folder, expected a file") != NULL);
    mkfifo(kit_at("pipe"), 0600);
    CHECK_INT(history_import(h, kit_at("pipe"), kit_error), -1);
    CHECK(strstr(kit_error, "is no regular file") != NULL);
    CHECK_INT(history_import(h, db, kit_error), -1); /* our own, open */
    CHECK(strstr(kit_error, not_it) != NULL);
    history_close(h);
}

/* Turned over bytes all through the file: all rows, or some that are whole, or none at all; never half a file. */
static void damaged_files_add_all_or_nothing(void)
{
    begin(SCHEMA "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
                 "INSERT INTO history(timestamp, text, model, duration_seconds)"
                 " SELECT strftime('%Y-%m-%dT%H:%M:%S', 1767872096 + i, 'unixepoch'), 'entry ' || i || ' zebra',"
                 " 'parakeet', 1 FROM n");
    size_t n;
    char *whole = kit_bytes(source, &n);
    int n_refused = 0, n_taken = 0;
    history *h = history_open(db, kit_error);
    CHECK(history_run(h, "PRAGMA synchronous = OFF", kit_error));
    for (size_t at = 0; at < n; at += 797) {
        char *bytes = malloc(n);
        memcpy(bytes, whole, n);
        for (size_t i = at; i < n && i < at + 16; i++)
            bytes[i] = (char)(bytes[i] ^ 0xA5);
        kit_put(source, bytes, n);
        free(bytes);
        int64_t taken = history_import(h, source, kit_error);
        CHECK_INT(kit_found(h, NULL), taken < 0 ? 0 : taken);
        n_refused += taken < 0;
        n_taken += taken > 0;
        CHECK(history_clear(h, kit_error) >= 0);
    }
    CHECK(n_refused > 3 && n_taken > 3);
    history_close(h);
    free(whole);
}

static void times_are_read_as_python_writes_them(void)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"2026-01-08T12:34:56.789012", 1767872096789},
        {"2026-01-08T12:34:56", 1767872096000},
        {"2026-01-08 12:34:56.7", 1767872096700},
        {"2026-01-08T12:34", 1767872040000},
        {"2026-01-08T12:34:56Z", 1767875696000},
        {"2026-01-08T12:34:56+00:00", 1767875696000},
        {"2026-01-08T12:34:56.789-05:30", 1767895496789},
        {"2026-01-08T12:34:56+0100", 1767872096000},
        {"2026-07-08T12:34:56", 1783506896000},
        {"2024-02-29T00:00:00", 1709161200000},
        {"", -1},
        {"2026", -1},
        {"2026-01-08", -1},
        {"2026-13-08T12:34:56", -1},
        {"2026-00-08T12:34:56", -1},
        {"2026-01-32T12:34:56", -1},
        {"2026-02-30T12:34:56", -1},
        {"2025-02-29T12:34:56", -1},
        {"2026-01-08T24:00:00", -1},
        {"2026-01-08T12:60:00", -1},
        {"2026-01-08T12:34:60", -1},
        {"2026-01-08T12:34:56.", -1},
        {"2026-01-08T12:34:56 ", -1},
        {"2026-01-08T12:34:56+1", -1},
        {"-026-01-08T12:34:56", -1},
        {"1926-01-08T12:34:56", -1},
        {"99999-01-08T12:34:56", -1},
        {"2026-01-08T12:34:56.1234567890123", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        bool read = history_parse_time(cases[i].text, &ms);
        if (!CHECK_INT(read ? ms : -1, cases[i].ms))
            printf("# %s\n", cases[i].text);
    }
}

int main(void)
{
    if (!kit_begin())
        return check_skip_all("no folder for temporary files");
    tzset();
    RUN(rows_are_taken_once);
    RUN(odd_rows_are_left_out_or_cleaned);
    RUN(other_files_are_refused);
    RUN(damaged_files_add_all_or_nothing);
    RUN(times_are_read_as_python_writes_them);
    return kit_end();
}
