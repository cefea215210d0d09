/* SPDX-License-Identifier: MIT
 *
 * See fetch_part.h. The lock is flock's: it goes with the process, however that ends. Between opening the part and
 * having the lock, its former holder may have renamed or removed the file; so the name is looked up again afterwards
 * and must still mean the file that is locked. The notes know the URL by its digest alone: it may hold a password. */
#define _DEFAULT_SOURCE
#include "common/fetch_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_ALL = 0666, LINE_BYTES = 600 };

static bool fail(fetch_part *part, const char *what)
{
    if (!part->error[0])
        snprintf(part->error, sizeof part->error, "%.300s: cannot %s: %s", part->target, what, strerror(errno));
    return false;
}

static void close_all(fetch_part *part)
{
    if (part->fd >= 0)
        close(part->fd);
    part->fd = -1;
    free(part->target);
    free(part->path);
    free(part->notes);
    free(part->url);
    part->target = part->path = part->notes = part->url = NULL;
}

static bool open_locked(fetch_part *part)
{
    struct stat locked, named;
    for (;;) {
        part->fd = open(part->path, O_RDWR | O_CREAT | O_CLOEXEC, MODE_ALL);
        if (part->fd < 0)
            return fail(part, "create");
        if (flock(part->fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK)
                return fail(part, "lock");
            snprintf(part->error, sizeof part->error, "%.300s: another ctrlspeak is fetching it just now",
                     part->target);
            return false;
        }
        if (fstat(part->fd, &locked) != 0)
            return fail(part, "read");
        if (stat(part->path, &named) == 0 && named.st_dev == locked.st_dev && named.st_ino == locked.st_ino)
            break;
        close(part->fd);
    }
    part->bytes = locked.st_size;
    return true;
}

/* The value after "KEY ", without the end of the line; NULL for other keys. */
static const char *value_of(char *line, const char *key)
{
    size_t n = strlen(key);
    line[strcspn(line, "\n")] = 0;
    return strncmp(line, key, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

/* False: there are no notes of this url. */
static bool read_notes(fetch_part *part)
{
    char line[LINE_BYTES], asked[DIGEST_HEX];
    bool same = false;
    digest_text(part->url, asked);
    const char *value;
    FILE *file = fopen(part->notes, "re");
    while (file && fgets(line, sizeof line, file)) {
        if ((value = value_of(line, "url")))
            same = strcmp(value, asked) == 0;
        else if ((value = value_of(line, "etag")))
            snprintf(part->etag, sizeof part->etag, "%.*s", FETCH_ETAG - 1, value);
        else if ((value = value_of(line, "sha256")))
            digest_parse(value, strlen(value), part->sha256);
        else if ((value = value_of(line, "bytes")))
            part->total = strtoll(value, NULL, 10);
    }
    if (file)
        fclose(file);
    return same && part->total >= 0;
}

bool fetch_part_open(fetch_part *part, const char *target, const char *url)
{
    *part = (fetch_part){.fd = -1};
    part->target = strdup(target);
    part->url = strdup(url);
    size_t size = strlen(target) + sizeof ".part.meta";
    part->path = malloc(size);
    part->notes = malloc(size);
    if (!part->target || !part->url || !part->path || !part->notes) {
        snprintf(part->error, sizeof part->error, "out of memory");
        close_all(part);
        return false;
    }
    snprintf(part->path, size, "%s.part", target);
    snprintf(part->notes, size, "%s.part.meta", target);
    if (open_locked(part) && (read_notes(part) || fetch_part_restart(part)))
        return true;
    close_all(part);
    return false;
}

bool fetch_part_note(fetch_part *part)
{
    char asked[DIGEST_HEX];
    FILE *file = fopen(part->notes, "we");
    digest_text(part->url, asked);
    if (!file)
        return fail(part, "write");
    fprintf(file, "url %s\netag %s\nsha256 %s\nbytes %lld\n", asked, part->etag, part->sha256, (long long)part->total);
    return fclose(file) == 0 || fail(part, "write");
}

bool fetch_part_write(fetch_part *part, const char *bytes, size_t n_bytes)
{
    while (n_bytes) {
        ssize_t n = pwrite(part->fd, bytes, n_bytes, part->bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(part, "write");
        part->bytes += n;
        bytes += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

bool fetch_part_restart(fetch_part *part)
{
    part->bytes = part->total = 0;
    part->etag[0] = part->sha256[0] = 0;
    return ftruncate(part->fd, 0) == 0 || fail(part, "write");
}

bool fetch_part_commit(fetch_part *part)
{
    bool done = (fsync(part->fd) == 0 || errno == EINVAL || fail(part, "write"))
                && (rename(part->path, part->target) == 0 || fail(part, "put in place"));
    if (!done)
        unlink(part->path);
    unlink(part->notes);
    close_all(part);
    return done;
}

void fetch_part_remove(fetch_part *part)
{
    if (part->path) {
        unlink(part->path);
        unlink(part->notes);
    }
    close_all(part);
}

void fetch_part_keep(fetch_part *part)
{
    if (part->bytes == 0)
        fetch_part_remove(part);
    else
        close_all(part);
}
