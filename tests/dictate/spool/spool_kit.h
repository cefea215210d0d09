/* SPDX-License-Identifier: MIT
 * Folders and sound for the tests of the spool; include it first, below _GNU_SOURCE. */
#ifndef DICTATE_SPOOL_KIT_H
#define DICTATE_SPOOL_KIT_H

#include "check.h"
#include "dictate/spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIT_CHUNK = 160 };

static inline void kit_make_folder(char *folder, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, size, "%s/spool-test-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
    if (!mkdtemp(folder))
        abort();
}

static inline int kit_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

/* With all that is in it. */
static inline void kit_remove_folder(const char *folder)
{
    nftw(folder, kit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int kit_n_files(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (dir)
        closedir(dir);
    return n;
}

/* Sample i of the sound that tests write: every value differs from its neighbours and is kept exactly in 16 bits. */
static inline float kit_sample(int64_t i)
{
    return (float)(i * 7919 % 60001 - 30000) / 32768.0F;
}

static inline bool kit_write(spool *s, int64_t first, int64_t n, char error[SPOOL_ERROR])
{
    float pcm[KIT_CHUNK];
    bool ok = true;
    for (int64_t at = first; ok && at < first + n;) {
        int64_t part = first + n - at < KIT_CHUNK ? first + n - at : KIT_CHUNK;
        for (int64_t i = 0; i < part; i++)
            pcm[i] = kit_sample(at + i);
        ok = spool_write(s, pcm, (size_t)part, error);
        at += part;
    }
    return ok;
}

/* How many of a file's samples are there, all as written; -1: it cannot be read, or one differs. */
static inline int64_t kit_read(const char *path)
{
    char error[SPOOL_ERROR] = "";
    size_t n;
    float *pcm = spool_read(path, &n, error);
    int64_t n_read = pcm ? (int64_t)n : -1;
    if (!pcm)
        printf("# %s\n", error);
    for (size_t i = 0; pcm && i < n; i++)
        if (pcm[i] != kit_sample((int64_t)i)) {
            printf("# sample %zu of %zu differs\n", i, n);
            n_read = -1;
            break;
        }
    free(pcm);
    return n_read;
}

#endif
