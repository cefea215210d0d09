/* SPDX-License-Identifier: MIT
 *
 * The history: entries, search, forgetting without traces, modes of files and folders, files that are not ours. */
#define _XOPEN_SOURCE 700
#include "history_kit.h"

#include <math.h>

/* --------------------------------------------------------------- entries */

typedef struct seen {
    int64_t ids[20];
    int32_t n, stop_after;
    history_entry last;
    char text[300];
} seen;

static bool see(void *user, const history_entry *entry)
{
    seen *s = user;
    s->ids[s->n++ % 20] = entry->id;
    s->last = *entry;
    snprintf(s->text, sizeof s->text, "%s|%s|%s|%s|%s", entry->text, entry->model, entry->language, entry->target,
             entry->source);
    return s->n != s->stop_after;
}

static void entries_come_back(void)
{
    kit_fresh();
    history *h = history_open(NULL, kit_error);
    seen s = {0};
    CHECK(h != NULL);
    CHECK_INT(history_each(h, NULL, 0, 0, see, &s, kit_error), 0);
    int64_t id = kit_add(h, "Well, I don't wish to see it.\n\tNo.", 1767872096789);
    CHECK_INT(id, 1);
    CHECK(history_get(h, id, see, &s, kit_error));
    CHECK_STR(s.text, "Well, I don't wish to see it.\n\tNo.|small|en|xterm|dictate");
    CHECK_INT(s.last.time_ms, 1767872096789);
    CHECK_NEAR(s.last.speech_seconds, 1.5, 0);
    CHECK_NEAR(s.last.latency_ms, 200, 0);
    CHECK(s.last.delivered);
    CHECK(history_set_delivered(h, id, false, kit_error) && history_get(h, id, see, &s, kit_error));
    CHECK(!s.last.delivered);
    CHECK(!history_set_delivered(h, 99, false, kit_error) && strstr(kit_error, "there is no entry 99"));
    CHECK(!history_get(h, 99, see, &s, kit_error) && strstr(kit_error, "there is no entry 99"));
    history_close(h);
    h = history_open(NULL, kit_error);
    CHECK_INT(kit_found(h, NULL), 1);
    history_close(h);
    history_close(NULL);
}

static void odd_entries_are_refused_or_cleaned(void)
{
    kit_fresh();
    history *h = history_open(NULL, kit_error);
    seen s = {0};
    static char huge[HISTORY_TEXT_MAX + 2];
    memset(huge, 'a', sizeof huge - 1);
    CHECK_INT(kit_add(h, "", 1), 0);
    CHECK_INT(kit_add(h, " \n\t ", 1), 0);
    CHECK_INT(kit_add(h, NULL, 1), 0);
    CHECK_INT(kit_add(h, huge, 1), -1);
    CHECK(strstr(kit_error, "a text of 1048577 bytes is too long to keep") != NULL);
    const history_entry odd = {.text = "a\x1b[2Jb\xff"
                                       "c\xc2\x9b"
                                       "d\x7f",
                               .speech_seconds = NAN,
                               .latency_ms = INFINITY};
    int64_t id = history_add(h, &odd, kit_error);
    CHECK(history_get(h, id, see, &s, kit_error));
    CHECK_STR(s.text, "a [2Jb\xEF\xBF\xBD"
                      "c d ||||");
    CHECK_NEAR(s.last.speech_seconds, 0, 0);
    CHECK_NEAR(s.last.latency_ms, -1, 0);
    history_close(h);
}

static void the_newest_come_first(void)
{
    kit_fresh();
    history *h = history_open(NULL, kit_error);
    kit_add(h, "one", 1000);
    kit_add(h, "three", 3000);
    kit_add(h, "two", 2000);
    kit_add(h, "three again", 3000);
    seen s = {0};
    CHECK_INT(history_each(h, "", 0, 0, see, &s, kit_error), 4);
    CHECK_INT(s.ids[0] * 1000 + s.ids[1] * 100 + s.ids[2] * 10 + s.ids[3], 4231);
    s = (seen){0};
    CHECK_INT(history_each(h, NULL, 2, 1, see, &s, kit_error), 2);
    CHECK_INT(s.ids[0] * 10 + s.ids[1], 23);
    s = (seen){.stop_after = 1};
    CHECK_INT(history_each(h, NULL, 0, 0, see, &s, kit_error), 1);
    s = (seen){0};
    CHECK_INT(history_each(h, "three", 0, 0, see, &s, kit_error), 2);
    CHECK_INT(s.ids[0] * 10 + s.ids[1], 42);
    s = (seen){0};
    CHECK_INT(history_select(h, NULL, HISTORY_OLDEST, 0, 0, see, &s, kit_error), 4);
    CHECK_INT(s.ids[0] * 1000 + s.ids[1] * 100 + s.ids[2] * 10 + s.ids[3], 1324);
    history_close(h);
}

static void ids_are_never_used_again(void)
{
    kit_fresh();
    history *h = history_open(NULL, kit_error);
    kit_add(h, "one", 1);
    int64_t two = kit_add(h, "two", 2);
    CHECK_INT(history_delete(h, &two, 1, kit_error), 1);
    CHECK_INT(kit_add(h, "three", 3), 3);
    CHECK_INT(history_clear(h, kit_error), 2);
    CHECK_INT(kit_add(h, "four", 4), 4);
    history_close(h);
}

/* ---------------------------------------------------------------- search */

static void words_phrases_and_beginnings_are_found(void)
{
    static const struct {
        const char *query;
        int64_t n;
    } cases[] = {
        {"report", 2},
        {"REPORT", 2},
        {"report quarterly", 1},
        {"\"quarterly report\"", 1},
        {"\"report quarterly\"", 0},
        {"rep*", 3},
        {"rep", 0},
        {"reply rep*", 1},
        {"cafe", 1},
        {"CAF\xC3\x89", 1},
        {"caf\xC3\xA9", 1},
        {"strasse", 0},
        {"stra\xC3\x9F*", 1},
        {"don't", 1},
        {"don", 1},
        {"\"quarterly rep\"*", 1},
        {"\"quarterly", 1},
        {"report !!!", 2},
        {"report \xE2\x80\x94", 2},
        {"!!!", 0},
        {"*", 0},
        {"C++", 1},
        {"(report)", 2},
        {"text:report", 0},
        {"report OR reply", 0},
        {"NOT report", 0},
        {"\"\"", 0},
        {"   ", 5},
    };
    kit_fresh();
    history *h = history_open(NULL, kit_error);
    kit_add(h, "The quarterly report, please.", 1);
    kit_add(h, "Report to me.", 2);
    kit_add(h, "Reply at the caf\xC3\xA9 in C++!", 3);
    kit_add(h,
            "Die Stra\xC3\x9F"
            "e",
            4);
    kit_add(h, "I don't know.", 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!CHECK_INT(kit_found(h, cases[i].query), cases[i].n))
            printf("# query: %s\n", cases[i].query);
    history_close(h);
}

static void no_query_is_a_syntax_error(void)
{
    static const char *const queries[] = {
        "AND",
        "OR",
        "NOT",
        "AND OR NOT",
        "a AND",
        "OR a",
        "NEAR(",
        "NEAR(a b, 3)",
        "text:",
        "text : a",
        "{text}: a",
        "^a",
        "^",
        "a + b",
        "-",
        "- text : a",
        "'",
        "\"",
        "\"\"\"",
        "a\"b",
        "a\"",
        "\"a",
        "\"a\"\"b\"",
        "*",
        "**",
        "a**",
        "\"a\"**",
        "* a",
        "(",
        ")",
        "()",
        "a)",
        ";",
        "a; DROP TABLE entry; --",
        "%s%n",
        "\\",
        "\\\"",
        "\xff",
        "\xff\xfe*",
        "\"\xc3\"",
        "\xf0\x9f\x98\x80",
        "\xf0\x9f\x98\x80*",
        "a\nb\tc",
        "rank",
        "rowid:1",
        "entry_words",
    };
    kit_fresh();
    history *h = history_open(NULL, kit_error);
    kit_add(h, "a b c", 1);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (!CHECK(kit_found(h, queries[i]) >= 0))
            printf("# query %s: %s\n", queries[i], kit_error);
    static char longer[200001];
    for (size_t i = 0; i < sizeof longer - 1; i++)
        longer[i] = "a \"b*"[i % 5];
    CHECK(kit_found(h, longer) >= 0);
    memset(longer, '"', sizeof longer - 1);
    CHECK(kit_found(h, longer) >= 0);
    memset(longer, 'a', sizeof longer - 1);
    CHECK(kit_found(h, longer) >= 0);
    uint32_t state = 7;
    for (int round = 0; round < 5000; round++) {
        static const char letters[] = "ab \"*'()^:+-{}\\;,.NEARORANDT\xc3\xa9\xff\x01";
        char query[40];
        uint32_t n = kit_pick(&state, sizeof query);
        for (uint32_t i = 0; i < n; i++)
            query[i] = letters[kit_pick(&state, sizeof letters - 1)];
        query[n] = 0;
        if (!CHECK(kit_found(h, query) >= 0)) {
            printf("# query %s: %s\n", query, kit_error);
            break;
        }
    }
    history_close(h);
}

/* ------------------------------------------------------------ forgetting */

/* The index keeps what a word shares with the one before it only once: look for the rest of it, too. */
static int traces(const char *db)
{
    return kit_count(db, "Zqxjkvgeheim") + kit_count(db, "zqxjkvgeheim") + kit_count(db, "jkvgeheim");
}

static void fill(history *h, int n)
{
    char text[400];
    CHECK(history_begin(h, kit_error));
    for (int i = 0; i < n; i++) {
        snprintf(text, sizeof text, "entry %d keeps its words: alpha beta gamma delta zqxj zqxa number%d", i, i);
        kit_add(h, text, 1000 + i);
    }
    CHECK(history_end(h, true, kit_error));
}

static void deleted_text_is_in_no_byte_of_the_files(void)
{
    enum { ONE, SEVERAL, CLEAR, BY_AGE, BY_NUMBER, WAYS };
    for (int around = 0; around <= 400; around += 200) {
        for (int way = 0; way < WAYS; way++) {
            kit_fresh();
            const char *db = kit_at("h.db");
            history *h = history_open(db, kit_error), *other = history_open(db, kit_error);
            int64_t ids[3], n = 0;
            char text[3000] = "Zqxjkvgeheim";
            fill(h, around / 2);
            ids[0] = kit_add(h, text, 1);
            for (int i = 0; i < 100; i++)
                strcat(text, " long words zqxjkvgeheim7");
            ids[1] = kit_add(h, text, 2); /* longer than a page holds */
            ids[2] = kit_add(h, "and zqxjkvgeheim8 too", 3);
            fill(h, around / 2);
            CHECK_INT(kit_found(other, "zqxjkvgeheim*"), 3); /* another reader has the log open */
            CHECK(traces(db) > 0);
            if (way == ONE)
                for (int i = 0; i < 3; i++)
                    n += history_delete(h, &ids[i], 1, kit_error);
            else if (way == SEVERAL)
                n = history_delete(h, ids, 3, kit_error);
            else if (way == CLEAR)
                n = history_clear(h, kit_error) - around;
            else if (way == BY_AGE)
                n = history_retain(h, 0, 1, 86400000 + 500, kit_error);
            else
                n = history_retain(h, around ? around : 1, 0, 0, kit_error) + !around;
            if (way == BY_NUMBER && !around) /* the newest of the three stays */
                n += history_delete(h, &ids[2], 1, kit_error) - 1;
            if (!CHECK_INT(n, 3) || !CHECK_INT(traces(db), 0))
                printf("# around %d, way %d: %s\n", around, way, kit_error);
            CHECK_INT(kit_found(h, NULL), way == CLEAR ? 0 : around);
            CHECK_INT(kit_found(other, "alpha"), way == CLEAR ? 0 : around);
            CHECK(kit_sound(h));
            history_close(other);
            history_close(h);
            CHECK_INT(traces(db), 0);
        }
    }
}

/* A reader in the middle of a query keeps the log from being cut: said, and made good later. */
static void traces_left_by_a_reader_are_told_and_cut_later(void)
{
    kit_fresh();
    const char *db = kit_at("h.db");
    history *h = history_open(db, kit_error), *other = history_open(db, kit_error);
    int64_t id = kit_add(h, "zqxjkvgeheim", 1);
    kit_add(h, "stays", 2);
    sqlite3_stmt *reading = history_prepare(other, "SELECT * FROM entry", kit_error);
    CHECK_INT(sqlite3_step(reading), SQLITE_ROW);
    sqlite3_busy_timeout(h->db, 1);
    CHECK_INT(history_delete(h, &id, 1, kit_error), -1);
    CHECK(strstr(kit_error, "deleted, but traces stay in the file's -wal") != NULL);
    CHECK(traces(db) > 0);
    CHECK_INT(kit_found(h, NULL), 1);
    sqlite3_finalize(reading);
    history *third = history_open(db, kit_error); /* opening cuts what was left */
    CHECK_INT(traces(db), 0);
    history_close(third);
    history_close(other);
    history_close(h);
}

static void retention_keeps_the_newest(void)
{
    const int64_t day = 86400000, now = 100 * day;
    kit_fresh();
    history *h = history_open(NULL, kit_error);
    for (int i = 0; i < 50; i++)
        kit_add(h, "x", now - i * day);
    CHECK_INT(history_retain(h, 0, 0, now, kit_error), 0);
    CHECK_INT(history_retain(h, 60, 60, now, kit_error), 0);
    CHECK_INT(history_retain(h, 0, 30, now, kit_error), 19); /* 31 to 49 days old */
    CHECK_INT(history_retain(h, 10, 0, now, kit_error), 21);
    seen s = {0};
    CHECK_INT(history_each(h, NULL, 0, 0, see, &s, kit_error), 10);
    CHECK_INT(s.last.time_ms, now - 9 * day);
    CHECK_INT(history_retain(h, 5, 3, now, kit_error), 6);
    CHECK_INT(history_retain(h, INT64_MAX, INT64_MAX, now, kit_error), 0);
    history_close(h);
}

static void statistics_add_up(void)
{
    kit_fresh();
    history *h = history_open(NULL, kit_error);
    history_stats stats;
    CHECK(history_get_stats(h, &stats, kit_error));
    CHECK_INT(stats.n_entries + stats.n_words + stats.n_delivered + stats.first_ms + stats.last_ms, 0);
    for (int i = 1; i <= 100; i++) {
        const history_entry entry = {.time_ms = 1000 * i,
                                     .text = " two\n words ",
                                     .speech_seconds = 0.5,
                                     .latency_ms = i % 2 ? -1 : i,
                                     .delivered = i > 60};
        history_add(h, &entry, kit_error);
    }
    CHECK(history_get_stats(h, &stats, kit_error));
    CHECK_INT(stats.n_entries, 100);
    CHECK_INT(stats.n_words, 200);
    CHECK_INT(stats.n_delivered, 40);
    CHECK_INT(stats.first_ms, 1000);
    CHECK_INT(stats.last_ms, 100000);
    CHECK_NEAR(stats.speech_seconds, 50, 1e-9);
    CHECK_NEAR(stats.latency_p50_ms, 50, 0); /* the 25th of 2, 4 ... 100 */
    CHECK_NEAR(stats.latency_p95_ms, 96, 0); /* the 48th */
    CHECK(stats.file_bytes > 4096);
    history_close(h);
}

/* ----------------------------------------------------------------- files */

static void files_are_for_the_user_alone_whatever_the_umask(void)
{
    static const mode_t masks[] = {0, 022, 0777};
    for (size_t i = 0; i < 3; i++) {
        kit_fresh();
        mkdir(kit_at("state"), 0755);
        mode_t before = umask(masks[i]);
        history *h = history_open(NULL, kit_error);
        CHECK(h && kit_add(h, "x", 1) == 1);
        umask(before);
        CHECK_INT(kit_mode(kit_at("state/ctrlspeak")), 0700);
        CHECK_INT(kit_mode(kit_at("state")), 0755);
        CHECK_INT(kit_mode(kit_at("state/ctrlspeak/history.db")), 0600);
        CHECK_INT(kit_mode(kit_at("state/ctrlspeak/history.db-wal")), 0600);
        CHECK_INT(kit_mode(kit_at("state/ctrlspeak/history.db-shm")), 0600);
        history_close(h);
    }
    chmod(kit_at("state/ctrlspeak"), 0755);
    chmod(kit_at("state/ctrlspeak/history.db"), 0664);
    history_close(history_open(NULL, kit_error)); /* what is ours and open to others is closed */
    CHECK_INT(kit_mode(kit_at("state/ctrlspeak")), 0700);
    CHECK_INT(kit_mode(kit_at("state/ctrlspeak/history.db")), 0600);
}

/* The Python program made the parent of any database 0700. */
static void a_folder_elsewhere_keeps_its_mode(void)
{
    static const mode_t modes[] = {0755, 0777, 01777, 0750};
    for (size_t i = 0; i < 4; i++) {
        char where[200];
        kit_fresh();
        snprintf(where, sizeof where, "%.150s", kit_at("shared"));
        mkdir(where, 0700);
        chmod(where, modes[i]);
        history *h = history_open(kit_at("shared/x.db"), kit_error);
        CHECK(h && kit_add(h, "x", 1) == 1);
        history_close(h);
        CHECK_INT(kit_mode(where), modes[i]);
        CHECK_INT(kit_mode(kit_at("shared/x.db")), 0600);
        CHECK(kit_mode(kit_at("state/ctrlspeak")) == 0); /* and our own is not made for it */
    }
    CHECK(history_open(kit_at("absent/x.db"), kit_error) == NULL); /* nor any other */
    CHECK(strstr(kit_error, "absent/x.db: cannot open: No such file") != NULL);
}

static void names_are_only_names(void)
{
    static const char *const names[] = {":memory:", "file:x.db?mode=memory", "-x.db", "a b'c\"d.db", "\xff.db"};
    char before[4096];
    kit_fresh();
    CHECK(getcwd(before, sizeof before) && chdir(kit_place) == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        history *h = history_open(names[i], kit_error);
        CHECK(h && kit_add(h, "x", 1) == 1);
        history_close(h);
        CHECK_INT(kit_mode(names[i]), 0600);
    }
    CHECK_INT(chdir(before), 0);
}

static void make(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    CHECK(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

/* Refused with the sentence, and not one byte of it changed. */
static void refused(const char *path, const char *expected)
{
    size_t n, n_after;
    unsigned mode = kit_mode(path);
    char *before = kit_bytes(path, &n);
    CHECK(history_open(path, kit_error) == NULL);
    if (!CHECK(strstr(kit_error, expected) != NULL && strstr(kit_error, path) != NULL))
        printf("# error: %s\n", kit_error);
    char *after = kit_bytes(path, &n_after);
    CHECK(n == n_after && (n == 0 || memcmp(before, after, n) == 0));
    CHECK_INT(kit_mode(path), mode);
    free(after);
    free(before);
}

static void what_is_not_ours_is_left_alone(void)
{
    kit_fresh();
    char path[250];
    snprintf(path, sizeof path, "%.200s", kit_at("x.db"));
    make(path, "CREATE TABLE notes(x); PRAGMA user_version = 1");
    refused(path, "is an SQLite database, but not a history of ctrlspeak");
    unlink(path);
    make(path, "CREATE TABLE schema_version(version); CREATE TABLE history(id, text)");
    refused(path, "is the history of the Python program; ctrlspeak history import FILE takes it over");
    unlink(path);
    make(path, "CREATE TABLE entry(id); PRAGMA application_id = 1668506475; PRAGMA user_version = 99");
    refused(path, "has layout 99, this version of ctrlspeak knows 1 to 1");
    unlink(path);
    make(path, "CREATE TABLE entry(id); PRAGMA application_id = 1668506475; PRAGMA user_version = -5");
    refused(path, "not a history of ctrlspeak");
    unlink(path);
    kit_put(path, "Dear diary, this is no database at all.", 39);
    refused(path, "is damaged or no SQLite database; nothing was changed");
    unlink(path);
    mkdir(path, 0700);
    CHECK(history_open(path, kit_error) == NULL && strstr(kit_error, "is a folder, expected a history database"));
    rmdir(path);
    mkfifo(path, 0600);
    CHECK(history_open(path, kit_error) == NULL && strstr(kit_error, "is no regular file"));
    if (getuid() != 0) {
        mkdir(kit_at("locked"), 0500);
        CHECK(history_open(kit_at("locked/x.db"), kit_error) == NULL && strstr(kit_error, "Permission denied"));
    }
}

/* Bytes of a history turned over, all through the file: every call gives an answer or one sentence. */
static void a_damaged_file_gives_a_sentence(void)
{
    kit_fresh();
    char path[250];
    size_t n;
    snprintf(path, sizeof path, "%.200s", kit_at("x.db"));
    history *h = history_open(path, kit_error);
    fill(h, 300);
    history_close(h);
    char *whole = kit_bytes(path, &n);
    int n_said = 0;
    for (size_t at = 0; at < n; at += 1511) {
        char *bytes = malloc(n);
        memcpy(bytes, whole, n);
        for (size_t i = at; i < n && i < at + 200; i++)
            bytes[i] = (char)(bytes[i] ^ 0x5A);
        kit_put(path, bytes, n);
        free(bytes);
        kit_error[0] = 0;
        h = history_open(path, kit_error);
        bool said = !h;
        if (h) {
            history_stats stats;
            int64_t id = 7;
            said = kit_found(h, NULL) < 0;
            said = kit_found(h, "alpha numb*") < 0 || said;
            said = !history_get_stats(h, &stats, kit_error) || said;
            said = kit_add(h, "more", 5) < 0 || said;
            said = history_delete(h, &id, 1, kit_error) < 0 || said;
        }
        n_said += said;
        CHECK(!said || strstr(kit_error, path));
        history_close(h);
    }
    CHECK(n_said > 10);
    for (size_t size = 1; size < n; size += n / 40) { /* broken off */
        kit_put(path, whole, size);
        h = history_open(path, kit_error);
        CHECK(!h || kit_found(h, "alpha") >= -1);
        history_close(h);
    }
    free(whole);
}

int main(void)
{
    if (!kit_begin())
        return check_skip_all("no folder for temporary files");
    RUN(entries_come_back);
    RUN(odd_entries_are_refused_or_cleaned);
    RUN(the_newest_come_first);
    RUN(ids_are_never_used_again);
    RUN(words_phrases_and_beginnings_are_found);
    RUN(no_query_is_a_syntax_error);
    RUN(deleted_text_is_in_no_byte_of_the_files);
    RUN(traces_left_by_a_reader_are_told_and_cut_later);
    RUN(retention_keeps_the_newest);
    RUN(statistics_add_up);
    RUN(files_are_for_the_user_alone_whatever_the_umask);
    RUN(a_folder_elsewhere_keeps_its_mode);
    RUN(names_are_only_names);
    RUN(what_is_not_ours_is_left_alone);
    RUN(a_damaged_file_gives_a_sentence);
    return kit_end();
}
