/* SPDX-License-Identifier: MIT
 *
 * A file that is coming in: TARGET.part holds what is there, TARGET.part.meta what the server said of it, so that a
 * later run can go on. Whoever writes holds a lock on the part; it becomes the target by one rename, when all is
 * right. */
#ifndef APPS_FETCH_PART_H
#define APPS_FETCH_PART_H

#include "common/digest.h"

#include <stdint.h>

enum { FETCH_ETAG = 300 };

typedef struct fetch_part {
    char *target, *path, *notes; /* notes: the .meta file */
    char *url;
    int fd;
    int64_t bytes; /* in the part */
    /* What the server said. */
    char etag[FETCH_ETAG];   /* as in the header, "" when none that is strong */
    char sha256[DIGEST_HEX]; /* "" when none */
    int64_t total;           /* 0: not known */
    char error[400];
} fetch_part;

/* Open and lock; what is there counts only if it came from the same url. False: see error. */
bool fetch_part_open(fetch_part *part, const char *target, const char *url);
/* Write down etag, sha256 and total. */
bool fetch_part_note(fetch_part *part);
bool fetch_part_write(fetch_part *part, const char *bytes, size_t n_bytes);
/* Drop what is there and what was said. */
bool fetch_part_restart(fetch_part *part);
/* Rename to the target. False: see error; the part is gone nonetheless. Closed after these three: */
bool fetch_part_commit(fetch_part *part);
void fetch_part_remove(fetch_part *part);
void fetch_part_keep(fetch_part *part); /* for a later run, if there is anything in it */

#endif
