/* SPDX-License-Identifier: MIT
 *
 * What was left behind: listing, reading, removing. Nothing in the folder is trusted: links are not followed, pipes are not
 * waited for, lengths come from the file system alone, and what has not our name and our magic is not touched. */
#define _GNU_SOURCE
#include "dictate/spool/spool_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_HOURS = 12, UNFINISHED_SECONDS = 3600 };
static const int64_t most_samples = (int64_t)MOST_HOURS * 3600 * SPOOL_RATE_HZ;

/* A regular file of ours; its header is in item, all but the path. -1: errno, 0 for a file that is not ours. */
static int open_ours(int folder, const char *name, int flags, spool_item *item, spool_kind *kind)
{
    uint8_t header[SPOOL_HEADER];
    struct stat st;
    int fd = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int64_t n = -1;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (regular)
        n = spool_get(fd, header, sizeof header, 0);
    int code = regular && n < 0 ? errno : 0;
    *kind = n < 0 ? SPOOL_FOREIGN : spool_header_read(header, (size_t)n, item);
    if (*kind == SPOOL_FOREIGN) {
        close(fd);
        errno = code;
        return -1;
    }
    if (*kind == SPOOL_DAMAGED)
        item->started_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    item->n_samples = (st.st_size - SPOOL_HEADER) / 2;
    return fd;
}

static bool has_ending(const char *name)
{
    size_t n = strlen(name);
    return name[0] != '.' && n > strlen(SPOOL_ENDING) && strcmp(name + n - strlen(SPOOL_ENDING), SPOOL_ENDING) == 0;
}

static int by_age(const void *left, const void *right)
{
    const spool_item *a = left, *b = right;
    if (a->started_ms != b->started_ms)
        return a->started_ms < b->started_ms ? -1 : 1;
    return strcmp(a->path, b->path);
}

/* 1: item is one that was left behind; 0: it is not; -1: out of memory. */
static int look_at(const char *folder, int dir, const char *name, spool_item *item)
{
    spool_kind kind;
    if (!has_ending(name))
        return 0;
    int fd = open_ours(dir, name, O_RDONLY, item, &kind);
    if (fd < 0)
        return 0;
    bool free_to_take = flock(fd, LOCK_SH | LOCK_NB) == 0;
    close(fd);
    if (!free_to_take || (kind == SPOOL_GOOD && strcmp(item->reason, SPOOL_DELIVERED) == 0))
        return 0;
    size_t size = strlen(folder) + strlen(name) + 2;
    item->path = malloc(size);
    if (!item->path)
        return -1;
    snprintf(item->path, size, "%s/%s", folder, name);
    return 1;
}

int32_t spool_list(const char *folder, spool_item **items, char error[SPOOL_ERROR])
{
    int32_t n = 0, capacity = 0;
    bool ok = true;
    *items = NULL;
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir) {
        snprintf(error, SPOOL_ERROR, "cannot read %.250s: %s", folder, strerror(errno));
        return -1;
    }
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        spool_item item = {0};
        int found = look_at(folder, dirfd(dir), entry->d_name, &item);
        if (found > 0 && n == capacity) {
            capacity = capacity * 2 + 16;
            spool_item *more = realloc(*items, (size_t)capacity * sizeof *more);
            *items = more ? more : *items;
            found = more ? 1 : -1;
        }
        if (found > 0)
            (*items)[n++] = item;
        else
            free(item.path);
        ok = found >= 0;
    }
    closedir(dir);
    if (!ok) {
        spool_items_free(*items, n);
        *items = NULL;
        snprintf(error, SPOOL_ERROR, "out of memory for what lies in %.250s", folder);
        return -1;
    }
    if (n > 1)
        qsort(*items, (size_t)n, sizeof **items, by_age);
    return n;
}

void spool_items_free(spool_item *items, int32_t n_items)
{
    for (int32_t i = 0; i < n_items; i++)
        free(items[i].path);
    free(items);
}

/* All whole samples from the file's header on; *n is what was read. False: errno. */
static bool read_samples(int fd, float *pcm, size_t most, size_t *n)
{
    uint8_t bytes[1 << 14];
    for (*n = 0; *n < most;) {
        size_t wanted = most - *n < sizeof bytes / 2 ? most - *n : sizeof bytes / 2;
        int64_t met = spool_get(fd, bytes, wanted * 2, SPOOL_HEADER + (int64_t)*n * 2);
        if (met < 0)
            return false;
        for (size_t i = 0; i < (size_t)met / 2; i++) {
            int value = bytes[2 * i] | bytes[2 * i + 1] << 8;
            pcm[*n + i] = (float)(value >= 32768 ? value - 65536 : value) / 32768.0F;
        }
        *n += (size_t)met / 2;
        if ((size_t)met < wanted * 2)
            break; /* it has become shorter meanwhile */
    }
    return true;
}

float *spool_read(const char *path, size_t *n_samples, char error[SPOOL_ERROR])
{
    spool_item item = {0};
    spool_kind kind;
    float *pcm = NULL;
    *n_samples = 0;
    int fd = open_ours(AT_FDCWD, path, O_RDONLY, &item, &kind);
    if (fd < 0) {
        snprintf(error, SPOOL_ERROR, "cannot read %.250s: %s", path,
                 errno ? strerror(errno) : "it is no kept sound of this program");
        return NULL;
    }
    if (item.n_samples > most_samples) {
        snprintf(error, SPOOL_ERROR, "cannot read %.250s: %lld samples are more than %d hours", path,
                 (long long)item.n_samples, MOST_HOURS);
        close(fd);
        return NULL;
    }
    pcm = malloc(((size_t)item.n_samples + 1) * sizeof *pcm);
    if (!pcm)
        errno = ENOMEM;
    if (!pcm || !read_samples(fd, pcm, (size_t)item.n_samples, n_samples)) {
        snprintf(error, SPOOL_ERROR, "cannot read %.250s: %s", path, strerror(errno));
        free(pcm);
        pcm = NULL;
        *n_samples = 0;
    }
    close(fd);
    return pcm;
}

bool spool_forget(const char *path, char error[SPOOL_ERROR])
{
    spool_item item = {0};
    spool_kind kind;
    const char *why = NULL;
    int fd = open_ours(AT_FDCWD, path, O_RDWR, &item, &kind);
    if (fd < 0)
        why = errno ? strerror(errno) : "it is no kept sound of this program";
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        why = "it is being recorded";
    if (!why) {
        spool_overwrite(fd);
        if (unlink(path) != 0)
            why = strerror(errno);
    }
    if (why)
        snprintf(error, SPOOL_ERROR, "cannot remove %.250s: %s", path, why);
    if (fd >= 0)
        close(fd);
    return !why;
}

bool spool_mark(const char *path, const char *reason, char error[SPOOL_ERROR])
{
    spool_item item = {0};
    spool_kind kind;
    uint8_t header[SPOOL_HEADER];
    const char *why = NULL;
    int fd = open_ours(AT_FDCWD, path, O_RDWR, &item, &kind);
    if (fd < 0)
        why = errno ? strerror(errno) : "it is no kept sound of this program";
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        why = "it is being recorded";
    if (!why) {
        const int64_t at = kind == SPOOL_GOOD ? SPOOL_REASON_CRC_AT : 0;
        spool_header_write(header, item.id, item.started_ms, reason);
        if (!spool_put(fd, header + at, SPOOL_REASON_AT + SPOOL_REASON_SIZE - (size_t)at, at) || fdatasync(fd) != 0)
            why = strerror(errno);
    }
    if (why)
        snprintf(error, SPOOL_ERROR, "cannot mark %.250s as %.30s: %s", path, reason, why);
    if (fd >= 0)
        close(fd);
    return !why;
}

/* What a crash left: a file without a header, an hour old; one that was overwritten and not yet unlinked. */
static void sweep_remains(int dir, const char *name, int64_t now_ms)
{
    spool_item item = {0};
    spool_kind kind;
    struct stat st;
    int fd = -1;
    if (strncmp(name, SPOOL_UNFINISHED, strlen(SPOOL_UNFINISHED)) == 0 && has_ending(name + strlen(SPOOL_UNFINISHED))) {
        fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= SPOOL_HEADER
            && now_ms / 1000 - (int64_t)st.st_mtim.tv_sec > UNFINISHED_SECONDS && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dir, name, 0);
    } else if (has_ending(name)) {
        fd = open_ours(dir, name, O_RDWR, &item, &kind);
        if (fd >= 0 && kind == SPOOL_GOOD && strcmp(item.reason, SPOOL_DELIVERED) == 0
            && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            spool_overwrite(fd);
            unlinkat(dir, name, 0);
        }
    }
    if (fd >= 0)
        close(fd);
}

int32_t spool_sweep(const char *folder, int64_t now_ms, int64_t keep_seconds)
{
    spool_item *items;
    char error[SPOOL_ERROR];
    int32_t n_removed = 0, n = spool_list(folder, &items, error);
    for (int32_t i = 0; i < n; i++)
        if (strcmp(items[i].reason, "recording") != 0 && items[i].started_ms <= now_ms
            && (now_ms - items[i].started_ms) / 1000 > keep_seconds)
            n_removed += spool_forget(items[i].path, error);
    spool_items_free(items, n);
    DIR *dir = opendir(folder);
    if (!dir)
        return n_removed;
    for (struct dirent *entry; (entry = readdir(dir));)
        sweep_remains(dirfd(dir), entry->d_name, now_ms);
    closedir(dir);
    return n_removed;
}
