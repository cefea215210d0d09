/* SPDX-License-Identifier: MIT
 *
 * For the tests of the history: a folder of its own, what is in files, entries made in a line. */
#ifndef HISTORY_KIT_H
#define HISTORY_KIT_H

#include "check.h"
#include "dictate/history/history_inside.h"

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

static char kit_place[200], kit_error[HISTORY_ERROR];

static inline char *kit_at(const char *name)
{
    static char paths[8][300];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", kit_place, name);
    return path;
}

static inline bool kit_begin(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(kit_place, sizeof kit_place, "%.150s/history-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
    setenv("TZ", "Europe/Berlin", 1);
    return mkdtemp(kit_place) != NULL;
}

/* An empty place, which the user's own folders are below. */
static inline void kit_fresh(void)
{
    char command[500];
    snprintf(command, sizeof command, "chmod -R u+rwx '%s' && rm -rf '%s'/*", kit_place, kit_place);
    CHECK_INT(system(command), 0);
    setenv("XDG_STATE_HOME", kit_at("state"), 1);
}

static inline int kit_end(void)
{
    kit_fresh();
    rmdir(kit_place);
    return check_done();
}

static inline unsigned kit_mode(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (unsigned)st.st_mode & 07777u : 0;
}

/* The file's bytes, with a 0 behind them; *n 0: none. The caller frees. */
static inline char *kit_bytes(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    *n = 0;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        rewind(file);
        bytes = malloc((size_t)size + 1);
        *n = fread(bytes, 1, (size_t)size, file);
        bytes[*n] = 0;
    }
    if (file)
        fclose(file);
    return bytes;
}

static inline void kit_put(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

/* How often the word stands in the database's files. */
static inline int kit_count(const char *db, const char *word)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    int found = 0;
    size_t n_word = strlen(word);
    for (size_t i = 0; i < 4; i++) {
        char name[400];
        size_t n;
        snprintf(name, sizeof name, "%s%s", db, endings[i]);
        char *bytes = kit_bytes(name, &n);
        for (size_t at = 0; at + n_word <= n; at++)
            found += memcmp(bytes + at, word, n_word) == 0;
        free(bytes);
    }
    return found;
}

static inline int64_t kit_add(history *h, const char *text, int64_t time_ms)
{
    const history_entry entry = {.time_ms = time_ms,
                                 .text = text,
                                 .model = "small",
                                 .language = "en",
                                 .target = "xterm",
                                 .source = "dictate",
                                 .speech_seconds = 1.5,
                                 .latency_ms = 200,
                                 .delivered = true};
    return history_add(h, &entry, kit_error);
}

static inline bool kit_nothing(void *user, const history_entry *entry)
{
    (void)user;
    (void)entry;
    return true;
}

static inline int64_t kit_found(history *h, const char *query)
{
    return history_each(h, query, 0, 0, kit_nothing, NULL, kit_error);
}

/* SQLite's and FTS5's own checks. */
static inline bool kit_sound(history *h)
{
    sqlite3_stmt *check = history_prepare(h, "PRAGMA integrity_check", kit_error);
    bool sound =
        check && sqlite3_step(check) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0;
    sqlite3_finalize(check);
    return sound
           && history_run(h, "INSERT INTO entry_words(entry_words, rank) VALUES ('integrity-check', 1)", kit_error);
}

/* A fixed sequence. */
static inline uint32_t kit_pick(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

#endif
