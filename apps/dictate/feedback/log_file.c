/* SPDX-License-Identifier: MIT
 *
 * The log: see log_file.h. A line is made in one buffer and written by one write(2) to a file opened for appending, so a
 * reader never sees half of one, and a crash loses none that was reported as written. What cannot be written (a full disk)
 * is dropped and counted, and the next line that can be written is preceded by one that says how many are missing.
 *
 * The lock is held over the write: a disk that hangs holds up whoever logs, so the audio callback logs nothing. Rotation is a
 * rename under the same lock; where that fails (a folder that is read-only by now) the file is emptied instead, for the
 * log must not grow without bound. */
#define _GNU_SOURCE
#include "dictate/feedback/log_file.h"

#include "common/outfile.h"
#include "common/paths.h"
#include "common/say.h"
#include "common/visible.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 4000, MODE_FILE = 0600 };

static struct {
    pthread_mutex_t lock; /* guards all below but the two switches */
    int fd;               /* -1: no file */
    char *path, *old_path;
    bool to_stderr, journal; /* journal: the <N> prefixes */
    int64_t size_bytes, n_dropped;
    int dropped_errno;
    atomic_int level; /* -1: closed */
    atomic_bool text_allowed;
} the_log = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .level = -1};

static const char *const level_names[] = {"error", "warning", "info", "debug", "trace"};
static const int journal_levels[] = {3, 4, 6, 7, 7}; /* sd-daemon(3): SD_ERR, SD_WARNING, SD_INFO, SD_DEBUG */

/* Is stderr the journal's own stream? systemd says which one it made in JOURNAL_STREAM=DEVICE:INODE. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(2, &st) == 0 && st.st_dev == device
           && st.st_ino == inode;
}

/* The user's own log, its folder made and closed to others; *trouble: why that failed, an errno. NULL: no home, or memory. */
static char *own_path(int *trouble)
{
    char *path = paths_user(PATHS_STATE, "dictate.log");
    char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash)
        return path;
    *slash = 0;
    *trouble = outfile_make_private_folder(path) ? 0 : errno;
    *slash = '/';
    return path;
}

static char *with_ending(const char *path, const char *ending)
{
    size_t size = strlen(path) + strlen(ending) + 1;
    char *whole = malloc(size);
    if (whole)
        snprintf(whole, size, "%s%s", path, ending);
    return whole;
}

/* An open file for appending, for the user alone; a pipe or device is no log. -1: errno tells. */
static int open_file(const char *path, int64_t *size_bytes)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, MODE_FILE);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    if ((st.st_mode & 0777) != MODE_FILE && fchmod(fd, MODE_FILE) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    *size_bytes = st.st_size;
    return fd;
}

static void close_locked(void)
{
    atomic_store(&the_log.level, -1);
    if (the_log.fd >= 0)
        close(the_log.fd);
    the_log.fd = -1;
    free(the_log.path);
    free(the_log.old_path);
    the_log.path = the_log.old_path = NULL;
    the_log.n_dropped = 0;
}

/* The lock is held. */
static bool open_locked(const char *path, char error[300])
{
    int trouble = 0;
    the_log.path = path ? strdup(path) : own_path(&trouble);
    the_log.old_path = the_log.path ? with_ending(the_log.path, ".old") : NULL;
    if (!the_log.path || !the_log.old_path) {
        snprintf(error, 300, "no log: there is no home folder to keep it in, or no memory");
        return false;
    }
    the_log.fd = open_file(the_log.path, &the_log.size_bytes);
    if (the_log.fd >= 0)
        return true;
    const int why = errno == ENOENT && trouble ? trouble : errno; /* no folder: why there is none */
    snprintf(error, 300, "cannot write the log %.200s: %s", the_log.path,
             why == EINVAL ? "it is not a regular file" : strerror(why));
    return false;
}

bool log_open(const char *path, log_level level, bool also_stderr, char error[300])
{
    pthread_mutex_lock(&the_log.lock);
    close_locked();
    error[0] = 0;
    the_log.journal = stderr_is_journal();
    bool journal_alone = the_log.journal && !path;
    bool ok = journal_alone || open_locked(path, error);
    the_log.to_stderr = also_stderr || journal_alone;
    if (!ok) {
        free(the_log.path);
        free(the_log.old_path);
        the_log.path = the_log.old_path = NULL;
    }
    atomic_store(&the_log.level, (int)level);
    pthread_mutex_unlock(&the_log.lock);
    return ok;
}

void log_close(void)
{
    pthread_mutex_lock(&the_log.lock);
    close_locked();
    pthread_mutex_unlock(&the_log.lock);
}

bool log_wants(log_level level)
{
    return (int)level <= atomic_load_explicit(&the_log.level, memory_order_relaxed);
}

void log_set_level(log_level level)
{
    pthread_mutex_lock(&the_log.lock);
    if (atomic_load(&the_log.level) >= 0)
        atomic_store(&the_log.level, (int)level);
    pthread_mutex_unlock(&the_log.lock);
}

void log_allow_text(bool allowed)
{
    atomic_store(&the_log.text_allowed, allowed);
}

const char *log_path(void)
{
    pthread_mutex_lock(&the_log.lock);
    const char *path = the_log.path ? the_log.path : "";
    pthread_mutex_unlock(&the_log.lock);
    return path;
}

/* Begin anew; what was there becomes the old file in one step. The lock is held. */
static void rotate(void)
{
    int64_t size_bytes = 0;
    int fd = rename(the_log.path, the_log.old_path) == 0 ? open_file(the_log.path, &size_bytes) : -1;
    if (fd >= 0) {
        close(the_log.fd);
        the_log.fd = fd;
        the_log.size_bytes = size_bytes;
    } else if (ftruncate(the_log.fd, 0) == 0) {
        the_log.size_bytes = 0;
    }
}

/* The lock is held. */
static bool write_whole(const char *line, size_t n_bytes)
{
    if (the_log.size_bytes + (int64_t)n_bytes > LOG_BYTES && the_log.size_bytes > 0)
        rotate();
    ssize_t n;
    do
        n = write(the_log.fd, line, n_bytes);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)n_bytes) {
        the_log.size_bytes += n;
        return true;
    }
    the_log.dropped_errno = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(the_log.fd, the_log.size_bytes) != 0)
        the_log.size_bytes += n;
    return false;
}

static size_t begin_line(char line[LINE_BYTES], log_level level, const char *part)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return (size_t)snprintf(line, LINE_BYTES, "%lld %s %.40s ", ms, level_names[level], part);
}

/* The lock is held. */
static void to_file(const char *line, size_t n_bytes)
{
    char lost[LINE_BYTES];
    if (the_log.n_dropped > 0) {
        size_t n = begin_line(lost, LOG_WARNING, "log");
        n += (size_t)snprintf(lost + n, sizeof lost - n, "%lld lines are missing here: %s\n",
                              (long long)the_log.n_dropped, strerror(the_log.dropped_errno));
        if (!write_whole(lost, n)) {
            the_log.n_dropped++;
            return;
        }
        the_log.n_dropped = 0;
    }
    if (!write_whole(line, n_bytes))
        the_log.n_dropped++;
}

static void put(log_level level, const char *part, const char *text)
{
    char line[LINE_BYTES], prefixed[LINE_BYTES + 8];
    size_t n = begin_line(line, level, part);
    n += visible_clean(line + n, sizeof line - n - 1, text, false);
    line[n++] = '\n';
    line[n] = 0;
    pthread_mutex_lock(&the_log.lock);
    if (the_log.fd >= 0)
        to_file(line, n);
    if (the_log.to_stderr) {
        int mark = the_log.journal ? snprintf(prefixed, sizeof prefixed, "<%d>", journal_levels[level]) : 0;
        memcpy(prefixed + mark, line, n);
        say_bytes(prefixed, n + (size_t)mark);
    }
    pthread_mutex_unlock(&the_log.lock);
}

void log_line(log_level level, const char *part, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    if (!log_wants(level))
        return;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n >= 0)
        put(level, part, text);
}

void log_text(const char *part, const char *text)
{
    if (atomic_load(&the_log.text_allowed) && log_wants(LOG_INFO))
        put(LOG_INFO, part, text);
}
