/* SPDX-License-Identifier: MIT
 *
 * Packed weights that outlive the process: one file per model and precision in a folder of the caller's, mapped by every
 * process that opens the model later.
 *
 *   KEY.pack            header, then the block of memory that weights.c made, byte by byte
 *   KEY.pack.WHO.tmp    one that is being written, locked by its writer; without a lock it is a dead writer's
 *
 * KEY is the model's digest with the packing's version, the precision and the names and sizes of what is packed: another
 * model, or another way of packing, has another name. The file says nothing about where what lies: that is weights.c's
 * layout alone, so that wrong bytes can give wrong numbers and nothing else. And wrong bytes are found: the header has a
 * sum of its own and one of the block, which is looked at whole at every open. That is also why nothing is synced to the
 * disk: what a power cut leaves is no file, a whole one, or one whose sum is wrong.
 *
 * No error leaves these files: without a cache a model opens as it would have, and the log says why there was none. */
#ifndef CSI_CACHE_H
#define CSI_CACHE_H

#include "base/base.h"

enum { CSI_CACHE_KEY = 32, CSI_CACHE_MODEL = 128, CSI_CACHE_PRECISION = 16 };
#define CSI_CACHE_ENDING ".pack"

typedef struct csi_cache {
    const csi_env *env;
    csi_pool *pool;     /* for the sum of a block */
    const char *folder; /* NULL: nothing is kept */
    int64_t max_bytes;  /* of all files in the folder */
    int64_t min_bytes;  /* of a block that is worth a file */
    uint8_t key[CSI_CACHE_KEY];
    const char *model, *precision; /* for lists */
} csi_cache;

/* What was found: size bytes, read-only, shared with other processes, 64-byte aligned at least. */
typedef struct csi_cached {
    const char *block;
    size_t size;
} csi_cached;

/* Where in its file the block begins: a multiple of every page size, huge ones too, so that a system with large pages can map the block by them. */
#define CSI_CACHE_BLOCK ((uint64_t)2 << 20)

/* True when a block of so many bytes is kept at all. */
static inline bool csi_cache_keeps(const csi_cache *cache, size_t size)
{
    return cache->folder && size > 0 && (int64_t)size >= cache->min_bytes
           && (int64_t)(size + CSI_CACHE_BLOCK) <= cache->max_bytes;
}

/* The block of cache->key, whole and of this size; else false. One that is damaged is removed. */
bool csi_cache_get(const csi_cache *cache, size_t size, csi_cached *found);
void csi_cache_release(csi_cached *found);

/* A block on its way to a file, written while it is made: begin, write every byte of it once, then end or drop. Between
 * these the file has another name, which goes with a writer that is killed. What fails gives the draft up, and the other
 * calls then do nothing. cache must outlive it. */
typedef struct csi_draft {
    const csi_cache *cache;
    size_t size;       /* of the block */
    char *temporary;   /* where it is */
    int fd;            /* -1: given up, or never begun */
    atomic_int failed; /* errno of a write */
} csi_draft;

/* Removes the files that were used least recently until max_bytes hold all. */
void csi_cache_begin(const csi_cache *cache, size_t size, csi_draft *draft);
/* Bytes [at, at + size) of the block. Any thread. */
void csi_cache_write(csi_draft *draft, const void *bytes, size_t size, size_t at);
/* Keep the block; all of it was written. */
void csi_cache_end(csi_draft *draft, const void *block);
/* Leave no trace. */
void csi_cache_drop(csi_draft *draft);

/* ---------------------------------------------------------------- parts */

/* In front of the block, little-endian as all that is packed; zeros up to CSI_CACHE_BLOCK. */
typedef struct csi_cache_header {
    char magic[8];
    uint32_t version, header_bytes;
    uint8_t key[CSI_CACHE_KEY];
    uint64_t block_offset, block_bytes, block_sum;
    char precision[CSI_CACHE_PRECISION]; /* these two are text that ends in zeros */
    char model[CSI_CACHE_MODEL];
    uint64_t header_sum; /* of all before it */
} csi_cache_header;

/* False when bytes are not a whole and plausible header of this version. */
bool csi_cache_header_read(const void *bytes, size_t size, csi_cache_header *header);

/* cache_sum.c: 64 bits that tell damage, not malice. The second cuts the work into slices of 1 MiB for the pool; sums
 * has room for csi_cache_sums(size) numbers. The result does not depend on the threads. */
uint64_t csi_cache_sum(const void *bytes, size_t size);
size_t csi_cache_sums(size_t size);
uint64_t csi_cache_sum_run(csi_pool *pool, const void *bytes, size_t size, uint64_t *sums);

/* cache_folder.c: what is in the folder. */
typedef struct csi_cache_file {
    char name[2 * CSI_CACHE_KEY + 8];
    int64_t bytes, used_ns; /* used_ns: since 1970 */
    bool whole;             /* the header is right, and the file as long as it says */
    csi_cache_header header;
} csi_cache_file;

/* KEY.pack of a key; KEY in hexadecimal. */
void csi_cache_name(const uint8_t key[CSI_CACHE_KEY], char name[2 * CSI_CACHE_KEY + 8]);
/* Appends a csi_cache_file for each of our files that `folder` holds to files, the least recently used first, and removes what dead
 * writers left. False: the folder cannot be read; errno says why. */
bool csi_cache_files(const char *folder, csi_buf *files);
/* Make the folder, for the user alone; false unless it is a folder of the user's own that nobody else may write to. */
bool csi_cache_make_folder(const csi_cache *cache);
/* Remove the least recently used files until `more` bytes fit; false when they do not. */
bool csi_cache_make_room(const csi_cache *cache, int64_t more);

#endif
