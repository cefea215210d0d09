/* SPDX-License-Identifier: MIT
 *
 * Writing one utterance. Each call's samples are given to the kernel at once, so that only the machine itself can take the last
 * second with it, never a kill.
 *
 * A file appears under its name only when it has a header and is locked: until then it has another, which no reader takes.
 * Its name is the time, for people, and 64 random bits. */
#define _GNU_SOURCE
#include "dictate/spool/spool_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct spool {
    int fd;
    bool failed;
    int64_t id, size; /* bytes, header included */
    struct timespec synced;
    char *path;
};

/* folder and what is above it, 0700 what has to be made. */
static bool make_folder(const char *folder)
{
    char path[PATH_MAX];
    size_t n = strlen(folder);
    if (n == 0 || n >= sizeof path) {
        errno = n ? ENAMETOOLONG : ENOENT;
        return false;
    }
    memcpy(path, folder, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        char kept = path[i];
        path[i] = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST && (kept == 0 || errno != EROFS))
            return false;
        path[i] = kept;
    }
    return true;
}

static bool random_bits(uint64_t *bits)
{
    ssize_t n;
    while ((n = getrandom(bits, sizeof *bits, 0)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)sizeof *bits;
}

/* "20261124T193000Z-0123456789abcdef.cspool" */
static void make_name(char *name, size_t size, time_t now, uint64_t bits)
{
    struct tm utc = {0};
    char stamp[32];
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    snprintf(name, size, "%s-%016llx" SPOOL_ENDING, stamp, (unsigned long long)bits);
}

/* Make, lock, write the header, give it its name. False: errno, and nothing is left. */
static bool make_file(spool *s, int folder, const char *name, int64_t started_ms, const spoken_as *how)
{
    char unfinished[80];
    uint8_t header[SPOOL_HEADER];
    snprintf(unfinished, sizeof unfinished, SPOOL_UNFINISHED "%s", name);
    spool_header_write(header, s->id, started_ms, "recording");
    spool_spoken_write(header, how);
    s->fd = openat(folder, unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s->fd < 0)
        return false;
    if (flock(s->fd, LOCK_EX | LOCK_NB) == 0 && fchmod(s->fd, 0600) == 0 && spool_put(s->fd, header, sizeof header, 0)
        && fdatasync(s->fd) == 0 && renameat(folder, unfinished, folder, name) == 0) {
        fsync(folder);
        s->size = SPOOL_HEADER;
        return true;
    }
    int code = errno;
    unlinkat(folder, unfinished, 0);
    errno = code;
    return false;
}

spool *spool_create(const char *folder, const spoken_as *how, char error[SPOOL_ERROR])
{
    struct timespec now;
    uint64_t bits = 0;
    char name[64];
    int dir = -1;
    spool *s = calloc(1, sizeof *s);
    clock_gettime(CLOCK_REALTIME, &now);
    if (s) {
        s->fd = -1;
        s->path = malloc(strlen(folder) + sizeof name + 2);
    }
    if (!s || !s->path) {
        errno = ENOMEM;
    } else if (random_bits(&bits) && make_folder(folder)
               && (dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
        make_name(name, sizeof name, now.tv_sec, bits);
        s->id = (int64_t)(bits >> 1);
        sprintf(s->path, "%s/%s", folder, name);
        if (make_file(s, dir, name, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, how)) {
            clock_gettime(CLOCK_MONOTONIC, &s->synced);
            close(dir);
            return s;
        }
    }
    snprintf(error, SPOOL_ERROR, "sound cannot be kept in %.200s and is in memory alone: %s", folder, strerror(errno));
    if (dir >= 0)
        close(dir);
    spool_close(s);
    return NULL;
}

static bool sync_if_due(spool *s)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if ((now.tv_sec - s->synced.tv_sec) * 1000 + (now.tv_nsec - s->synced.tv_nsec) / 1000000 < 1000)
        return true;
    s->synced = now;
    return fdatasync(s->fd) == 0;
}

bool spool_write(spool *s, const float *pcm, size_t n, char error[SPOOL_ERROR])
{
    uint8_t bytes[4096];
    int64_t at = s->size;
    bool ok = !s->failed;
    if (s->failed)
        return false;
    for (size_t done = 0; ok && done < n;) {
        size_t part = n - done < sizeof bytes / 2 ? n - done : sizeof bytes / 2;
        for (size_t i = 0; i < part; i++) {
            float x = pcm[done + i] * 32768.0F;
            long value = x >= 32767 ? 32767 : x <= -32768 ? -32768 : x == x ? lrintf(x) : 0;
            bytes[2 * i] = (uint8_t)(value & 0xFF);
            bytes[2 * i + 1] = (uint8_t)(value >> 8 & 0xFF);
        }
        ok = spool_put(s->fd, bytes, 2 * part, at);
        at += (int64_t)(2 * part);
        done += part;
    }
    if (ok && sync_if_due(s)) {
        s->size = at;
        return true;
    }
    s->failed = true;
    snprintf(error, SPOOL_ERROR, "the sound from here on is in memory alone: cannot write %.200s: %s", s->path,
             strerror(errno));
    (void)(ftruncate(s->fd, (off_t)s->size) == 0); /* else some more good sound is in the file */
    return false;
}

int64_t spool_id(const spool *s)
{
    return s->id;
}

const char *spool_path(const spool *s)
{
    return s->path;
}

bool spool_set_reason(spool *s, const char *reason)
{
    uint8_t bytes[SPOOL_REASON_SIZE + 4];
    spool_reason_write(bytes, reason);
    return spool_put(s->fd, bytes, sizeof bytes, SPOOL_REASON_CRC_AT) && fdatasync(s->fd) == 0;
}

void spool_remove(spool *s)
{
    if (!s)
        return;
    spool_overwrite(s->fd);
    unlink(s->path);
    s->failed = true;
    spool_close(s);
}

void spool_close(spool *s)
{
    if (!s)
        return;
    if (s->fd >= 0) {
        if (!s->failed)
            fdatasync(s->fd);
        close(s->fd);
    }
    free(s->path);
    free(s);
}
