/* SPDX-License-Identifier: MIT
 *
 * Opening and closing the database, and what its other files are made of. The file is for the user alone whatever the
 * umask: it is made before SQLite sees it, and SQLite gives the write-ahead log and its index the mode of the file. Only
 * the user's own folder is ever made or has its mode changed. */
#define _XOPEN_SOURCE 700
#include "history_inside.h"

#include "common/outfile.h"
#include "common/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0600, FOLDER_MODE = 0700, OTHERS = 077, WAL_TRIES = 200, WAL_WAIT_MS = 10 };

static bool fail_open(const char *path, const char *what, char error[HISTORY_ERROR])
{
    snprintf(error, HISTORY_ERROR, "%.200s: cannot %s: %s", path, what, strerror(errno));
    return false;
}

bool history_fail(const history *h, const char *what, char error[HISTORY_ERROR])
{
    int code = sqlite3_errcode(h->db);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        snprintf(error, HISTORY_ERROR,
                 "%.200s: is damaged or no SQLite database; nothing was changed: move it away to begin a new one, and "
                 "sqlite3 FILE .recover may save what is in it",
                 h->path);
    else if (code == SQLITE_BUSY)
        snprintf(error, HISTORY_ERROR, "%.200s: cannot %s: another program has had it locked for %d seconds", h->path,
                 what, HISTORY_BUSY_MS / 1000);
    else
        snprintf(error, HISTORY_ERROR, "%.200s: cannot %s: %.120s", h->path, what, sqlite3_errmsg(h->db));
    return false;
}

bool history_run(history *h, const char *sql, char error[HISTORY_ERROR])
{
    return sqlite3_exec(h->db, sql, NULL, NULL, NULL) == SQLITE_OK || history_fail(h, "write", error);
}

sqlite3_stmt *history_prepare(history *h, const char *sql, char error[HISTORY_ERROR])
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(h->db, sql, -1, &statement, NULL) != SQLITE_OK)
        history_fail(h, "read", error);
    return statement;
}

bool history_begin(history *h, char error[HISTORY_ERROR])
{
    return history_run(h, "BEGIN IMMEDIATE", error);
}

bool history_end(history *h, bool done, char error[HISTORY_ERROR])
{
    char ignored[HISTORY_ERROR];
    if (done && history_run(h, "COMMIT", error))
        return true;
    if (!sqlite3_get_autocommit(h->db)) /* a full disk may have rolled back by itself */
        history_run(h, "ROLLBACK", ignored);
    return false;
}

int64_t history_number(history *h, const char *sql, char error[HISTORY_ERROR])
{
    sqlite3_stmt *statement = history_prepare(h, sql, error);
    int64_t number = -1;
    if (statement && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    else if (statement)
        history_fail(h, "read", error);
    sqlite3_finalize(statement);
    return number;
}

/* --------------------------------------------------------------- opening */

char *history_path(void)
{
    return paths_user(PATHS_STATE, "history.db");
}

/* The folder of the user's own database: made, and closed to others if it was made by someone else before. */
static bool prepare_folder(const char *path, char error[HISTORY_ERROR])
{
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    struct stat st;
    if (slash)
        *slash = 0;
    bool done = folder && outfile_make_private_folder(folder) && stat(folder, &st) == 0
                && (!(st.st_mode & OTHERS) || st.st_uid != getuid() || chmod(folder, FOLDER_MODE) == 0);
    if (!done)
        fail_open(folder ? folder : path, "make the folder", error);
    free(folder);
    return done;
}

/* Sees that there is a regular file. fresh: it was made now. */
static bool prepare_file(const char *path, bool *fresh, char error[HISTORY_ERROR])
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    *fresh = fd >= 0;
    if (fd >= 0) {
        bool done = fchmod(fd, FILE_MODE) == 0; /* a umask may have taken too much */
        close(fd);
        return done || fail_open(path, "set the mode", error);
    }
    if (errno != EEXIST || stat(path, &st) != 0)
        return fail_open(path, "open", error);
    if (S_ISREG(st.st_mode))
        return access(path, R_OK | W_OK) == 0 || fail_open(path, "open", error);
    snprintf(error, HISTORY_ERROR, "%.200s: is %s, expected a history database", path,
             S_ISDIR(st.st_mode) ? "a folder" : "no regular file");
    return false;
}

/* A file that was there already and turned out to be a history: what is open to others is closed. */
static void close_to_others(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct stat st;
        size_t size = strlen(path) + sizeof "-wal";
        char *name = malloc(size);
        if (name)
            snprintf(name, size, "%s%s", path, endings[i]);
        if (name && stat(name, &st) == 0 && (st.st_mode & OTHERS) && st.st_uid == getuid() && S_ISREG(st.st_mode))
            chmod(name, st.st_mode & FILE_MODE);
        free(name);
    }
}

/* The switch to write-ahead logging needs the file for itself and is refused at once while others do the same. */
static bool use_write_ahead_log(history *h, char error[HISTORY_ERROR])
{
    int code = SQLITE_BUSY;
    for (int i = 0; i < WAL_TRIES && (code == SQLITE_BUSY || code == SQLITE_LOCKED); i++) {
        if (i > 0)
            sqlite3_sleep(WAL_WAIT_MS);
        code = sqlite3_exec(h->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    }
    return code == SQLITE_OK || history_fail(h, "open", error);
}

/* A name that SQLite takes for a file, whatever it is (":memory:", "file:x"). NULL: out of memory. */
static char *file_name(const char *path)
{
    size_t size = strlen(path) + 3;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s%s", path[0] == '/' ? "" : "./", path);
    return name;
}

static bool open_database(history *h, char error[HISTORY_ERROR])
{
    const int flags = SQLITE_OPEN_READWRITE;
    bool fresh = false;
    if (!prepare_file(h->path, &fresh, error))
        return false;
    if (sqlite3_open_v2(h->path, &h->db, flags, NULL) != SQLITE_OK)
        return h->db ? history_fail(h, "open", error) : (errno = ENOMEM, fail_open(h->path, "open", error));
    sqlite3_busy_timeout(h->db, HISTORY_BUSY_MS);
    sqlite3_limit(h->db, SQLITE_LIMIT_LENGTH, 64 << 20);
    /* A schema that somebody prepared can reach nothing but its own file. (TRUSTED_SCHEMA off would be too much: SQLite
     * 3.40 then lets no trigger write to an FTS5 table.) */
    sqlite3_db_config(h->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!history_run(h, "PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL", error)
        || !history_migrate(h, error))
        return false;
    if (!fresh)
        close_to_others(h->path);
    /* What a run that was killed had deleted may still be in the log. Others at work: it is theirs to clear. */
    sqlite3_busy_timeout(h->db, 0);
    sqlite3_wal_checkpoint_v2(h->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(h->db, HISTORY_BUSY_MS);
    return true;
}

history *history_open(const char *path, char error[HISTORY_ERROR])
{
    history *h = calloc(1, sizeof *h);
    char *own = path ? NULL : history_path();
    bool done = false;
    error[0] = 0;
    if (!path && !own) {
        snprintf(error, HISTORY_ERROR, "there is no home folder for the history; set HOME or XDG_STATE_HOME");
    } else if (!h || !(h->path = file_name(path ? path : own))) {
        snprintf(error, HISTORY_ERROR, "out of memory");
    } else {
        done = (path || prepare_folder(own, error)) && open_database(h, error);
        if (done && !use_write_ahead_log(h, error))
            done = false;
    }
    free(own);
    if (done)
        return h;
    history_close(h);
    return NULL;
}

void history_close(history *h)
{
    if (!h)
        return;
    sqlite3_close(h->db);
    free(h->path);
    free(h);
}
