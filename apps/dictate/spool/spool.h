/* SPDX-License-Identifier: MIT
 *
 * Sound on disk until its text is delivered: one file per utterance in a folder of mode 0700, each of mode 0600, so that
 * neither a crash of the worker, nor of the program, nor of the machine (but for the last second) loses a word. The file's
 * layout is in docs/FORMAT.md: a header, then 16-bit samples at 16 kHz; what was written before a crash is readable. */
#ifndef DICTATE_SPOOL_H
#define DICTATE_SPOOL_H

#include "common/spoken.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPOOL_ERROR = 400 };

typedef struct spool spool; /* one utterance being written */

typedef struct spool_item {
    char *path;             /* the caller's, spool_items_free() */
    int64_t id, started_ms; /* started: Unix time */
    int64_t n_samples;
    char reason[64]; /* "recording", "undelivered", "cancelled", "failed" */
    bool is_told;    /* the file says how it is to be heard; those of earlier programs do not */
    spoken_as spoken;
} spool_item;

/* folder is made if absent (a folder that is there keeps its mode). how: it is to be heard. NULL: error is one sentence (disk full, read-only...).
 * The utterance then lives in memory alone and the user is told. While it is open the file is locked (flock), so that no
 * other program, nor spool_list() of this one, takes it for one that was left behind. */
spool *spool_create(const char *folder, const spoken_as *how, char error[SPOOL_ERROR]);
/* False: the disk is full or gone; the caller keeps the samples in memory. The file then ends with the call before, and
 * stays so: later calls return false and leave error, which the first one filled, as it is. Samples that are not numbers
 * become 0, those beyond [-1, 1] are clipped. Goes to the disk itself at most once a second, which may take as long as the
 * disk does. */
bool spool_write(spool *s, const float *pcm, size_t n, char error[SPOOL_ERROR]);
int64_t spool_id(const spool *s);
const char *spool_path(const spool *s);
/* Why it still lies there, for `last` and the next start; at most 63 bytes of it. False: it cannot be written. */
bool spool_set_reason(spool *s, const char *reason);
/* Delivered: overwrite and remove. What a file system that never writes in place, or the flash below it, still holds is out
 * of reach. NULL is allowed here and in spool_close(). */
void spool_remove(spool *s);
/* Close and keep. */
void spool_close(spool *s);

/* What was left behind in the folder, oldest first: without those that are being recorded, by whomever, and without files
 * that are not ours. Of a damaged one id is 0, started the file's own time and the reason "recording"; its samples are listed as far as they can be
 * read. No such folder: 0. -1: error. */
int32_t spool_list(const char *folder, spool_item **items, char error[SPOOL_ERROR]);
void spool_items_free(spool_item *items, int32_t n_items);
/* All samples of a file; the caller frees. NULL: error. */
float *spool_read(const char *path, size_t *n_samples, char error[SPOOL_ERROR]);
/* Overwrite and remove one that was listed. */
bool spool_forget(const char *path, char error[SPOOL_ERROR]);
/* Another reason for one that was listed; a damaged header is made anew. False: error. */
bool spool_mark(const char *path, const char *reason, char error[SPOOL_ERROR]);
/* Remove those older than keep_seconds whose reason is not "recording", and what a crash in the middle of making or removing
 * one left. Returns how many of the former. */
int32_t spool_sweep(const char *folder, int64_t now_ms, int64_t keep_seconds);

#endif
