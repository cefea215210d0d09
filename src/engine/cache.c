/* SPDX-License-Identifier: MIT
 * One file of packed weights: found, looked at whole and mapped; or written under another name and then renamed. */
#define _GNU_SOURCE
#include "engine/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1 };
static const char magic[8] = "cspack\r\n";

static uint64_t header_sum(const csi_cache_header *header)
{
    return csi_cache_sum(header, offsetof(csi_cache_header, header_sum));
}

static bool is_text(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    for (size_t i = n; i < size; i++)
        if (text[i])
            return false;
    return n < size;
}

bool csi_cache_header_read(const void *bytes, size_t size, csi_cache_header *header)
{
    if (size < sizeof *header)
        return false;
    memcpy(header, bytes, sizeof *header);
    return memcmp(header->magic, magic, sizeof magic) == 0 && header->version == VERSION
           && header->header_bytes == sizeof *header && header->header_sum == header_sum(header)
           && header->block_offset == CSI_CACHE_BLOCK && header->block_bytes > 0
           && header->block_bytes <= INT64_MAX - CSI_CACHE_BLOCK && is_text(header->precision, sizeof header->precision)
           && is_text(header->model, sizeof header->model);
}

static void fill_header(const csi_cache *cache, size_t size, uint64_t sum, csi_cache_header *header)
{
    *header = (csi_cache_header){.version = VERSION,
                                 .header_bytes = sizeof *header,
                                 .block_offset = CSI_CACHE_BLOCK,
                                 .block_bytes = size,
                                 .block_sum = sum};
    memcpy(header->magic, magic, sizeof magic);
    memcpy(header->key, cache->key, sizeof header->key);
    snprintf(header->precision, sizeof header->precision, "%s", cache->precision);
    csi_printable(header->model, sizeof header->model, cache->model, strlen(cache->model));
    memset(header->model + strlen(header->model), 0, sizeof header->model - strlen(header->model));
    header->header_sum = header_sum(header);
}

static char *join(const csi_cache *cache, const char *name)
{
    size_t size = strlen(cache->folder) + strlen(name) + 2;
    char *path = csi_alloc(cache->env, size);
    if (path)
        snprintf(path, size, "%s/%s", cache->folder, name);
    return path;
}

static void tell(const csi_cache *cache, cs_log_level level, const char *path, const char *what)
{
    csi_log(cache->env, level, "cache", "%s: %s", path, what);
}

/* ------------------------------------------------------------------- getting */

/* NULL, or why the open file is not to be trusted; *found when it is. */
static const char *look(const csi_cache *cache, int fd, size_t size, csi_cached *found)
{
    struct stat st;
    csi_cache_header header;
    uint8_t bytes[sizeof header];
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return "is no file";
    if (st.st_uid != geteuid())
        return "belongs to another user";
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return "may be written by others";
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    if (n < 0 || !csi_cache_header_read(bytes, (size_t)n, &header)
        || memcmp(header.key, cache->key, sizeof header.key) != 0 || header.block_bytes != size
        || (uint64_t)st.st_size != CSI_CACHE_BLOCK + size)
        return "is damaged";
    uint64_t *sums = csi_alloc_array(cache->env, csi_cache_sums(size), sizeof *sums);
    void *block = sums ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t)CSI_CACHE_BLOCK) : MAP_FAILED;
    bool right = block != MAP_FAILED && csi_cache_sum_run(cache->pool, block, size, sums) == header.block_sum;
    csi_free(cache->env, sums);
    if (right) {
        *found = (csi_cached){block, size};
        return NULL;
    }
    if (block == MAP_FAILED)
        return "cannot be mapped";
    munmap(block, size);
    return "is damaged";
}

bool csi_cache_get(const csi_cache *cache, size_t size, csi_cached *found)
{
    char name[2 * CSI_CACHE_KEY + 8];
    *found = (csi_cached){0};
    if (!csi_cache_keeps(cache, size))
        return false;
    csi_cache_name(cache->key, name);
    char *path = join(cache, name);
    if (!path)
        return false;
    int fd = csi_open_fd(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    const char *wrong = fd >= 0 ? look(cache, fd, size, found) : errno == ENOENT ? NULL : strerror(errno);
    if (wrong) {
        tell(cache, CS_LOG_INFO, path, wrong);
        unlink(path); /* made again; what cannot be removed, as a folder, stays */
    } else if (fd >= 0) {
        futimens(fd, NULL); /* when it was used; the access time is not kept everywhere */
    }
    if (fd >= 0)
        close(fd);
    csi_free(cache->env, path);
    return found->block != NULL;
}

void csi_cache_release(csi_cached *found)
{
    if (found->block)
        munmap((void *)(uintptr_t)found->block, found->size);
    *found = (csi_cached){0};
}

/* ------------------------------------------------------------------- putting */

/* The draft is given up, with a line of the log; errno says why. */
static void give_up(csi_draft *draft)
{
    tell(draft->cache, CS_LOG_INFO, draft->temporary, strerror(errno));
    csi_cache_drop(draft);
}

static bool write_at(int fd, const void *bytes, size_t size, uint64_t at)
{
    const size_t piece = (size_t)64 << 20; /* Linux writes less than 2 GiB at a time */
    const char *p = bytes;
    while (size) {
        ssize_t n = pwrite(fd, p, CSI_MIN(size, piece), (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

/* A temporary of this draft alone: created here and locked, so that nobody takes it for a dead writer's. */
static void open_temporary(csi_draft *draft)
{
    draft->fd = csi_open_fd(draft->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (draft->fd < 0) {
        tell(draft->cache, CS_LOG_INFO, draft->temporary, strerror(errno));
        return;
    }
    bool done = flock(draft->fd, LOCK_EX | LOCK_NB) == 0;
    if (done && fallocate(draft->fd, 0, (off_t)CSI_CACHE_BLOCK, (off_t)draft->size) != 0)
        done = errno == EOPNOTSUPP || errno == ENOSYS; /* a full disk is known before it is full */
    if (!done)
        give_up(draft);
}

void csi_cache_begin(const csi_cache *cache, size_t size, csi_draft *draft)
{
    char name[2 * CSI_CACHE_KEY + 8], unique[2 * CSI_CACHE_KEY + 64];
    *draft = (csi_draft){.cache = cache, .size = size, .fd = -1};
    atomic_init(&draft->failed, 0);
    if (!csi_cache_keeps(cache, size) || !csi_cache_make_folder(cache)
        || !csi_cache_make_room(cache, (int64_t)(CSI_CACHE_BLOCK + size)))
        return;
    csi_cache_name(cache->key, name);
    snprintf(unique, sizeof unique, "%s.%ld-%llx-%llx.tmp", name, (long)getpid(), (unsigned long long)(uintptr_t)draft,
             (unsigned long long)csi_now_ns()); /* no other thread's draft is here */
    draft->temporary = join(cache, unique);
    if (draft->temporary)
        open_temporary(draft);
}

void csi_cache_write(csi_draft *draft, const void *bytes, size_t size, size_t at)
{
    if (draft->fd >= 0 && !atomic_load(&draft->failed) && !write_at(draft->fd, bytes, size, CSI_CACHE_BLOCK + at))
        atomic_store(&draft->failed, errno ? errno : EIO);
}

/* False: errno says why. */
static bool publish(csi_draft *draft, const char *path, const csi_cache_header *header)
{
    errno = atomic_load(&draft->failed);
    return !errno && write_at(draft->fd, header, sizeof *header, 0) && rename(draft->temporary, path) == 0;
}

static void close_draft(csi_draft *draft)
{
    if (draft->fd >= 0)
        close(draft->fd);
    draft->fd = -1;
    csi_free(draft->cache->env, draft->temporary);
    draft->temporary = NULL;
}

void csi_cache_end(csi_draft *draft, const void *block)
{
    const csi_cache *cache = draft->cache;
    char name[2 * CSI_CACHE_KEY + 8];
    csi_cache_header header;
    if (draft->fd >= 0) {
        csi_cache_name(cache->key, name);
        char *path = join(cache, name);
        uint64_t *sums = csi_alloc_array(cache->env, csi_cache_sums(draft->size), sizeof *sums);
        errno = ENOMEM;
        if (path && sums)
            fill_header(cache, draft->size, csi_cache_sum_run(cache->pool, block, draft->size, sums), &header);
        if (path && sums && publish(draft, path, &header))
            tell(cache, CS_LOG_DEBUG, path, "written");
        else
            give_up(draft);
        csi_free(cache->env, sums);
        csi_free(cache->env, path);
    }
    close_draft(draft);
}

void csi_cache_drop(csi_draft *draft)
{
    if (draft->fd >= 0)
        unlink(draft->temporary);
    close_draft(draft);
}
