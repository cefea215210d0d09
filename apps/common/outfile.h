/* SPDX-License-Identifier: MIT
 *
 * An output that is written whole or not at all. A regular file is written under a temporary name beside its target,
 * flushed to disk and renamed over it; a file that was there stays as it is until then, and for ever if anything
 * fails. Standard output, pipes and devices are written directly. */
#ifndef APPS_OUTFILE_H
#define APPS_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct outfile {
    const char *name; /* for messages */
    int fd;
    char *target, *temporary; /* NULL: direct */
    bool reader_gone;         /* the pipe was closed: end quietly */
    char error[400];          /* the first failure, one sentence; "" while all is well */
} outfile;

/* path NULL or "-": standard output. False: see error. */
bool outfile_open(outfile *out, const char *path);
/* The same, and a file that did not exist gets this mode, whatever the umask. One that did keeps its own. */
bool outfile_open_mode(outfile *out, const char *path, int mode);
/* A cs_sink: user is the outfile. Returns non-zero after a failure. */
int outfile_write(void *user, const char *bytes, size_t n_bytes);
/* Put the file in its place and close. False: see error; nothing was put there. */
bool outfile_commit(outfile *out);
/* Close and remove the temporary file. After commit: nothing. */
void outfile_discard(outfile *out);

/* Make the folder and its parents. False: errno tells. */
bool outfile_make_folders(const char *path);
/* The same, and the last of them, where it did not exist, is for the user alone: 0700. */
bool outfile_make_private_folder(const char *path);

#endif
