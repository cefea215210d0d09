/* SPDX-License-Identifier: MIT
 * See outfile.h. */
#define _XOPEN_SOURCE 700
#include "common/outfile.h"
#include "common/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_ALL = 0666, MODE_BITS = 0777, MODE_PRIVATE_FOLDER = 0700, MODE_BY_UMASK = -1, TEMPORARY_TRIES = 100 };

static bool fail(outfile *out, const char *what)
{
    if (!out->error[0])
        snprintf(out->error, sizeof out->error, "%.250s: cannot %s: %s", out->name, what, strerror(errno));
    return false;
}

/* A name beside the target that does not exist yet, opened for writing. */
static bool open_temporary(outfile *out, int mode)
{
    size_t size = strlen(out->target) + 40;
    const char *slash = strrchr(out->target, '/');
    int n_folder = slash ? (int)(slash - out->target) + 1 : 0;
    out->temporary = malloc(size);
    if (!out->temporary)
        return fail(out, "write");
    for (unsigned i = 0; i < TEMPORARY_TRIES; i++) {
        /* The name alone may be as long as the folder allows: keep the head of it. */
        snprintf(out->temporary, size, "%.*s.%.200s.%ld-%u", n_folder, out->target, out->target + n_folder,
                 (long)getpid(), i);
        out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                       mode == MODE_BY_UMASK ? MODE_ALL : mode & MODE_ALL);
        if (out->fd >= 0 || errno != EEXIST)
            break;
    }
    if (out->fd < 0) {
        int reason = errno;
        free(out->temporary);
        out->temporary = NULL;
        errno = reason;
        return fail(out, "create");
    }
    interrupt_remove_on_exit(out->temporary);
    if (mode != MODE_BY_UMASK && fchmod(out->fd, (mode_t)mode) != 0)
        return fail(out, "set the mode");
    return true;
}

bool outfile_open(outfile *out, const char *path)
{
    return outfile_open_mode(out, path, MODE_BY_UMASK);
}

bool outfile_open_mode(outfile *out, const char *path, int mode)
{
    bool is_stdout = !path || strcmp(path, "-") == 0;
    *out = (outfile){.name = is_stdout ? "standard output" : path, .fd = is_stdout ? 1 : -1};
    if (is_stdout)
        return true;
    struct stat before;
    bool exists = stat(path, &before) == 0;
    if (!exists && errno != ENOENT)
        return fail(out, "create");
    if (exists && !S_ISREG(before.st_mode)) {
        out->fd = open(path, O_WRONLY | O_CLOEXEC);
        return out->fd >= 0 || fail(out, "open");
    }
    if (exists && access(path, W_OK) != 0)
        return fail(out, "write");
    out->target = exists ? realpath(path, NULL) : strdup(path); /* through links: they stay links */
    if (!out->target)
        return fail(out, "create");
    if (open_temporary(out, exists ? (int)(before.st_mode & MODE_BITS) : mode))
        return true;
    outfile_discard(out);
    return false;
}

int outfile_write(void *user, const char *bytes, size_t n_bytes)
{
    outfile *out = user;
    while (n_bytes && !out->error[0] && !out->reader_gone) {
        ssize_t n = write(out->fd, bytes, n_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE)
            out->reader_gone = true;
        else if (n < 0)
            fail(out, "write");
        else {
            bytes += n;
            n_bytes -= (size_t)n;
        }
    }
    return out->error[0] || out->reader_gone;
}

bool outfile_commit(outfile *out)
{
    if (!out->error[0] && out->temporary) {
        /* What the disk says only now must count: some file systems report a full disk at fsync or close. */
        bool closed = fsync(out->fd) == 0 || errno == EINVAL || errno == EROFS;
        if (close(out->fd) != 0 || !closed)
            fail(out, "write");
        else if (rename(out->temporary, out->target) != 0)
            fail(out, "put in place");
        out->fd = -1;
        if (!out->error[0]) {
            interrupt_remove_on_exit(NULL);
            free(out->temporary);
            out->temporary = NULL;
        }
    } else if (!out->error[0] && out->fd > 2) {
        int fd = out->fd;
        out->fd = -1;
        if (close(fd) != 0)
            fail(out, "write");
    }
    bool done = !out->error[0];
    outfile_discard(out);
    return done;
}

void outfile_discard(outfile *out)
{
    if (out->fd > 2)
        close(out->fd);
    out->fd = -1;
    if (out->temporary) {
        unlink(out->temporary);
        interrupt_remove_on_exit(NULL);
    }
    free(out->temporary);
    free(out->target);
    out->temporary = out->target = NULL;
}

bool outfile_make_folders(const char *path)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        char kept = part[i];
        part[i] = 0;
        if (mkdir(part, MODE_BITS) != 0 && errno != EEXIST)
            return false;
        part[i] = kept;
    }
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    errno = ENOTDIR;
    return S_ISDIR(st.st_mode);
}

bool outfile_make_private_folder(const char *path)
{
    char parent[PATH_MAX];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    if (n >= sizeof parent) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(parent, path, n);
    parent[n] = 0;
    if (n > 0 && !outfile_make_folders(parent))
        return false;
    if (mkdir(path, MODE_PRIVATE_FOLDER) == 0)
        return chmod(path, MODE_PRIVATE_FOLDER) == 0; /* a umask may have taken too much */
    struct stat st;
    if (errno != EEXIST || stat(path, &st) != 0)
        return false;
    errno = ENOTDIR;
    return S_ISDIR(st.st_mode);
}
