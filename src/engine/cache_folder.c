/* SPDX-License-Identifier: MIT
 * The folder of packed weights: made, listed, kept within its bound, emptied. */
#define _GNU_SOURCE
#include "engine/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 4096 };

void csi_cache_name(const uint8_t key[CSI_CACHE_KEY], char name[2 * CSI_CACHE_KEY + 8])
{
    for (size_t i = 0; i < CSI_CACHE_KEY; i++)
        snprintf(name + 2 * i, 3, "%02x", key[i]);
    strcpy(name + 2 * CSI_CACHE_KEY, CSI_CACHE_ENDING);
}

/* KEY.pack, or KEY.pack and more that ends in .tmp. Nothing else in the folder is ours. */
static bool is_ours(const char *name, bool *temporary)
{
    const size_t key = 2 * CSI_CACHE_KEY, ending = sizeof CSI_CACHE_ENDING - 1, n = strlen(name);
    if (strspn(name, "0123456789abcdef") != key || strncmp(name + key, CSI_CACHE_ENDING, ending) != 0)
        return false;
    *temporary = n > key + ending + 5 && name[key + ending] == '.' && strcmp(name + n - 4, ".tmp") == 0;
    return *temporary || n == key + ending;
}

/* --------------------------------------------------------------------- folder */

/* Each part of the path that is not there, 0700 as the XDG specification asks. */
static bool make_parts(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0700);
        *slash = '/';
        if (failed && errno != EEXIST && errno != EROFS && errno != EACCES)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool csi_cache_make_folder(const csi_cache *cache)
{
    struct stat st;
    const char *wrong = NULL;
    size_t n = strlen(cache->folder);
    char *path = n ? csi_alloc(cache->env, n + 1) : NULL;
    if (!path)
        return false;
    memcpy(path, cache->folder, n + 1);
    if (!make_parts(path) || stat(path, &st) != 0)
        wrong = strerror(errno);
    else if (!S_ISDIR(st.st_mode))
        wrong = "is no folder";
    else if (st.st_uid != geteuid())
        wrong = "belongs to another user";
    else if (st.st_mode & (S_IWGRP | S_IWOTH))
        wrong = "may be written by others";
    if (wrong)
        csi_log(cache->env, CS_LOG_INFO, "cache", "%s: %s; packed weights are not kept", cache->folder, wrong);
    csi_free(cache->env, path);
    return !wrong;
}

/* ---------------------------------------------------------------------- files */

/* A temporary that nobody holds. */
static void remove_if_dead(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(folder, name, 0);
    if (fd >= 0)
        close(fd);
}

static bool read_file(int folder, const char *name, csi_cache_file *file)
{
    struct stat st;
    uint8_t bytes[sizeof file->header];
    *file = (csi_cache_file){0};
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode))
        return false;
    memcpy(file->name, name, strnlen(name, sizeof file->name - 1)); /* is_ours() knows its length */
    file->bytes = st.st_size;
    file->used_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    int fd = S_ISREG(st.st_mode) ? openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? pread(fd, bytes, sizeof bytes, 0) : -1;
    file->whole = n > 0 && csi_cache_header_read(bytes, (size_t)n, &file->header)
                  && file->header.block_bytes + CSI_CACHE_BLOCK == (uint64_t)st.st_size;
    if (!file->whole)
        file->header = (csi_cache_header){0};
    if (fd >= 0)
        close(fd);
    return true;
}

static int by_use(const void *a, const void *b)
{
    const csi_cache_file *x = a, *y = b;
    return x->used_ns != y->used_ns ? (x->used_ns > y->used_ns) - (x->used_ns < y->used_ns) : strcmp(x->name, y->name);
}

bool csi_cache_files(const char *folder, csi_buf *files)
{
    int fd = csi_open_fd(folder, O_RDONLY | O_DIRECTORY, 0);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        errno = reason;
        return false;
    }
    size_t n = 0;
    for (const struct dirent *entry; n < MOST_FILES && (entry = readdir(entries));) {
        csi_cache_file file;
        bool temporary = false;
        if (!is_ours(entry->d_name, &temporary))
            continue;
        if (temporary)
            remove_if_dead(fd, entry->d_name);
        else if (read_file(fd, entry->d_name, &file)) {
            csi_buf_append(files, &file, sizeof file);
            n++;
        }
    }
    closedir(entries);
    if (!files->failed && files->size)
        qsort(files->data, files->size / sizeof(csi_cache_file), sizeof(csi_cache_file), by_use);
    return true;
}

static bool remove_file(const char *folder, const char *name)
{
    int fd = csi_open_fd(folder, O_RDONLY | O_DIRECTORY, 0);
    bool done = fd >= 0 && (unlinkat(fd, name, 0) == 0 || errno == ENOENT);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    errno = reason;
    return done;
}

bool csi_cache_make_room(const csi_cache *cache, int64_t more)
{
    csi_buf files;
    char name[2 * CSI_CACHE_KEY + 8];
    csi_cache_name(cache->key, name);
    csi_buf_init(&files, cache->env);
    bool known = csi_cache_files(cache->folder, &files) && !files.failed;
    const csi_cache_file *file = (const void *)files.data;
    size_t n = files.size / sizeof *file;
    int64_t total = known ? more : INT64_MAX;
    for (size_t i = 0; known && i < n; i++)
        total += strcmp(file[i].name, name) != 0 ? file[i].bytes : 0; /* ours is replaced */
    for (size_t i = 0; known && i < n && total > cache->max_bytes; i++) {
        if (strcmp(file[i].name, name) == 0 || !remove_file(cache->folder, file[i].name))
            continue;
        csi_log(cache->env, CS_LOG_DEBUG, "cache", "%s/%s: removed to make room", cache->folder, file[i].name);
        total -= file[i].bytes;
    }
    csi_buf_finish(&files);
    return total <= cache->max_bytes;
}

/* --------------------------------------------------------------------- public */

cs_err cs_cache_list(const char *folder, cs_cache_entry **entries, size_t *n_entries, cs_error *err)
{
    csi_env env;
    csi_buf files;
    if (!folder || !entries || !n_entries)
        return csi_fail(err, CS_EINVAL, -1, "cs_cache_list: an argument is NULL");
    *entries = NULL;
    *n_entries = 0;
    csi_env_init(&env, NULL, NULL, NULL);
    csi_buf_init(&files, &env);
    if (!csi_cache_files(folder, &files))
        return errno == ENOENT ? CS_OK : csi_fail(err, CS_EIO, -1, "%s: cannot list: %s", folder, strerror(errno));
    enum { TEXT = CSI_CACHE_MODEL + CSI_CACHE_PRECISION + sizeof((csi_cache_file *)0)->name };
    const size_t n = files.size / sizeof(csi_cache_file);
    char *block = files.failed ? NULL : csi_alloc_zero(&env, n * (sizeof **entries + TEXT));
    char *text = block ? block + n * sizeof **entries : NULL;
    cs_cache_entry *out = (cs_cache_entry *)(void *)block;
    for (size_t i = 0; block && i < n; i++, text += TEXT) {
        const csi_cache_file *file = (const csi_cache_file *)(const void *)files.data + n - 1 - i;
        out[i] = (cs_cache_entry){.file = text,
                                  .model = text + sizeof file->name,
                                  .precision = text + sizeof file->name + CSI_CACHE_MODEL,
                                  .bytes = file->bytes,
                                  .used_seconds = file->used_ns / 1000000000};
        memcpy(text, file->name, sizeof file->name);
        memcpy(text + sizeof file->name, file->header.model, CSI_CACHE_MODEL);
        memcpy(text + sizeof file->name + CSI_CACHE_MODEL, file->header.precision, CSI_CACHE_PRECISION);
    }
    csi_buf_finish(&files);
    if (!block)
        return csi_fail_memory(err, n * (sizeof **entries + TEXT), "the list of packed weights");
    *entries = out;
    *n_entries = n;
    return CS_OK;
}

void cs_cache_list_free(cs_cache_entry *entries)
{
    csi_env env;
    csi_env_init(&env, NULL, NULL, NULL);
    csi_free(&env, entries);
}

cs_err cs_cache_remove(const char *folder, const char *file, cs_error *err)
{
    bool temporary;
    if (!folder || !file || !is_ours(file, &temporary))
        return csi_fail(err, CS_EINVAL, -1, "cs_cache_remove: %s is no file of packed weights", file ? file : "NULL");
    return remove_file(folder, file)
               ? CS_OK
               : csi_fail(err, CS_EIO, -1, "%s/%s: cannot remove: %s", folder, file, strerror(errno));
}
