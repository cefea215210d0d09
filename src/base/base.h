/* SPDX-License-Identifier: MIT
 *
 * Layer 0, the door: what every other folder may use. Errors, memory, growing buffers, files, threads, clock, CPU.
 *
 *   csi_env     allocator and log hook of one model or call; passed down, never global
 *   csi_fail    fill a cs_error with one sentence
 *   csi_alloc   memory; csi_alloc_array checks the product
 *   csi_arena   many small pieces, one free
 *   csi_buf     bytes that grow, with a sticky failure flag
 *   csi_file    a whole file as bytes, mapped when it can be
 *   csi_pool    worker threads; csi_pool_run cuts a job into slices
 */
#ifndef CSI_BASE_H
#define CSI_BASE_H

#include "ctrlspeak.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define CSI_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define CSI_PRINTF(a, b)
#endif

#define CSI_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CSI_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define CSI_MAX(a, b)    ((a) > (b) ? (a) : (b))

/* ------------------------------------------------------------ environment */

typedef struct csi_env {
    cs_allocator allocator;
    cs_log_fn log; /* may be NULL */
    void *log_user;
} csi_env;

/* allocator and log may be NULL. */
void csi_env_init(csi_env *env, const cs_allocator *allocator, cs_log_fn log, void *log_user);

void csi_log(const csi_env *env, cs_log_level level, const char *part, const char *format, ...) CSI_PRINTF(4, 5);

/* ----------------------------------------------------------------- errors */

/* Fill err (may be NULL) and return code. A message too long is cut at a whole character. */
cs_err csi_fail(cs_error *err, cs_err code, int64_t where, const char *format, ...) CSI_PRINTF(4, 5);
/* "out of memory (N bytes for WHAT)" */
cs_err csi_fail_memory(cs_error *err, size_t size_bytes, const char *what);

/* For messages: foreign bytes as printable text, control characters and invalid UTF-8 as '?', cut to fit. Returns out. */
const char *csi_printable(char *out, size_t out_size, const void *bytes, size_t n_bytes);

/* ---------------------------------------------------------------- options */

/* Copy a caller's options struct, whose first field is its struct_size, over `size` bytes of defaults. An older caller's
 * shorter struct leaves the rest at its defaults; a newer one may be longer if what is unknown here is zero. options may
 * be NULL. CS_EINVAL names `what`. */
cs_err csi_options_copy(void *defaults, size_t size, const void *options, const char *what, cs_error *err);

/* ---------------------------------------------------------- checked sizes */

static inline bool csi_mul_overflows(size_t a, size_t b, size_t *product)
{
    return __builtin_mul_overflow(a, b, product);
}

static inline bool csi_add_overflows(size_t a, size_t b, size_t *sum)
{
    return __builtin_add_overflow(a, b, sum);
}

/* ----------------------------------------------------------------- memory */

/* 64-byte aligned; contents undefined. NULL when out of memory or size is SIZE_MAX-near. size 0 gives a valid pointer. */
void *csi_alloc(const csi_env *env, size_t size);
void *csi_alloc_zero(const csi_env *env, size_t size);
/* NULL on overflow of n * size as well. */
void *csi_alloc_array(const csi_env *env, size_t n, size_t size);
void csi_free(const csi_env *env, void *memory);

/* Memory that is read over and over: in huge pages where the system has them. *block is what csi_free() wants back; the
 * result, aligned to 64 bytes at least, lies inside it. NULL when out of memory. */
void *csi_alloc_huge(const csi_env *env, size_t size, void **block);

/* Floats that grow to the largest need and are kept: the buffers of a session. */
typedef struct csi_floats {
    const csi_env *env;
    float *data; /* 64-byte aligned */
    size_t n;
} csi_floats;

/* Room for at least n floats; what was there is lost when it grows. CS_ENOMEM speaks of `what`. */
cs_err csi_floats_reserve(csi_floats *floats, size_t n, const char *what, cs_error *err);
void csi_floats_finish(csi_floats *floats);
/* Place buffers of these sizes one after the other, each from a multiple of 16 floats on; memory NULL: only count. Returns the sum. */
size_t csi_floats_place(float *memory, const size_t *sizes, float **const *places, size_t n);

typedef struct csi_arena {
    const csi_env *env;
    struct csi_arena_block *head;
} csi_arena;

void csi_arena_init(csi_arena *arena, const csi_env *env);
void csi_arena_finish(csi_arena *arena);
/* 16-byte aligned, zeroed; NULL when out of memory. */
void *csi_arena_alloc(csi_arena *arena, size_t size);
void *csi_arena_array(csi_arena *arena, size_t n, size_t size);
/* Copy with a NUL after it. */
char *csi_arena_text(csi_arena *arena, const char *text, size_t n_bytes);
/* printf into the arena; NULL when out of memory. */
char *csi_arena_printf(csi_arena *arena, const char *format, ...) CSI_PRINTF(2, 3);

/* Bytes that grow. After a failed allocation `failed` stays set, appends do nothing: test once at the end. */
typedef struct csi_buf {
    const csi_env *env;
    char *data; /* data[size] is 0 once anything was appended */
    size_t size, capacity;
    bool failed;
} csi_buf;

void csi_buf_init(csi_buf *buf, const csi_env *env);
void csi_buf_finish(csi_buf *buf);
void csi_buf_clear(csi_buf *buf); /* size 0, memory and `failed` kept */
void csi_buf_append(csi_buf *buf, const void *bytes, size_t n_bytes);
void csi_buf_text(csi_buf *buf, const char *text);
void csi_buf_printf(csi_buf *buf, const char *format, ...) CSI_PRINTF(2, 3);
/* Make room for n_bytes more and return where they go, or NULL; then csi_buf_grew(). */
void *csi_buf_room(csi_buf *buf, size_t n_bytes);
void csi_buf_grew(csi_buf *buf, size_t n_bytes);

/* ------------------------------------------------------------------- UTF-8 */

/* Decode one character at bytes (n_bytes >= 1 left). Returns its length 1..4 and *character, or 0 when the bytes are
 * not valid UTF-8 (overlong, surrogate, above U+10FFFF, cut off). */
int csi_utf8_decode(const void *bytes, size_t n_bytes, uint32_t *character);
/* Encode; returns length 1..4. character must be valid. */
int csi_utf8_encode(uint32_t character, char out[4]);

/* ------------------------------------------------------------------- files */

/* What the system knows of a file without reading it. All zero: not known. */
typedef struct csi_stamp {
    int64_t bytes, mtime_ns,
        ctime_ns; /* contents changed; contents, name or mode changed, which no program can set back */
    uint64_t device, inode;
} csi_stamp;

/* A file's bytes: a private read-only mapping of a regular file, or a copy of anything else (pipe, device). */
typedef struct csi_file {
    const uint8_t *data;
    size_t size;
    bool mapped;
    csi_stamp stamp;
} csi_file;

/* CS_EIO: cannot open or read, is a directory. The descriptor is opened close-on-exec, never lands on 0-2, and is
 * closed before return. */
cs_err csi_file_open(const csi_env *env, const char *path, csi_file *file, cs_error *err);
void csi_file_close(const csi_env *env, csi_file *file);
/* n bytes from offset of a mapping are not needed: whole pages go back to the system, and come again when read. */
void csi_file_release(const csi_file *file, size_t offset, size_t n);

/* These n bytes of a mapping are read next: their page table entries are made at once where the system can, not at every few
 * pages' first touch. Reads them from the disk. */
void csi_will_read(const void *bytes, size_t n);

/* open(2) with O_CLOEXEC that never returns 0, 1 or 2. -1 and errno on failure. */
int csi_open_fd(const char *path, int flags, int mode);

/* ------------------------------------------------------------------- clock */

uint64_t csi_now_ns(void); /* monotonic */

/* ----------------------------------------------------------------- threads */

/* Worker threads that run slices of jobs. Any number of threads may call csi_pool_run at once; each works on its own
 * job and idle workers help. Waiting spins for a bounded time, then sleeps. */
typedef struct csi_pool csi_pool;

/* n_threads counts the caller: 1 makes no thread. CS_ESYSTEM when a thread cannot be had, CS_ENOMEM. */
cs_err csi_pool_create(const csi_env *env, int n_threads, csi_pool **pool, cs_error *err);
void csi_pool_free(csi_pool *pool);
int csi_pool_threads(const csi_pool *pool);

/* slice in [0, n_slices); worker in [0, max_threads) differs between slices that run at the same time. */
typedef void (*csi_slice_fn)(void *context, int slice, int worker);

/* Run all slices and return when all are done. max_threads <= 0: all threads of the pool. pool may be NULL: the caller
 * runs everything. No allocation, never fails. */
void csi_pool_run(csi_pool *pool, int max_threads, int n_slices, csi_slice_fn fn, void *context);

/* Physical cores that this process may use: affinity mask, hyper-threads and cgroup quota considered. At least 1. */
int csi_physical_cores(void);

/* --------------------------------------------------------------------- CPU */

typedef enum csi_cpu_path { CSI_CPU_C, CSI_CPU_SSE2, CSI_CPU_AVX2, CSI_CPU_AVX512, CSI_CPU_NEON } csi_cpu_path;

/* The best path that this CPU and operating system can run. */
csi_cpu_path csi_cpu_best(void);
/* Lower it to `name` ("c", "sse2", ...). CS_EINVAL: unknown name, or this CPU cannot run it. NULL name: the best. */
cs_err csi_cpu_choose(const char *name, csi_cpu_path *path, cs_error *err);
const char *csi_cpu_name(csi_cpu_path path);
/* Whether this CPU has the instruction for sums of four products of bytes that goes with a path that it can run:
 * AVX-VNNI with avx2, AVX-512 VNNI with avx512, SDOT with neon. */
bool csi_cpu_has_dot(csi_cpu_path path);
/* Whether it has the instruction for sums of two products of bf16: AVX-512 BF16 with avx512. */
bool csi_cpu_has_bf16(csi_cpu_path path);

#endif
