/* SPDX-License-Identifier: MIT
 * Environment, errors and memory: the allocator and log hooks that are passed down every call. */
#define _DEFAULT_SOURCE
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *default_alloc(void *user, size_t size, size_t alignment)
{
    void *memory = NULL;
    (void)user;
    return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) == 0 ? memory : NULL;
}

static void default_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

void csi_env_init(csi_env *env, const cs_allocator *allocator, cs_log_fn log, void *log_user)
{
    static const cs_allocator fallback = {default_alloc, default_release, NULL};
    env->allocator = allocator && allocator->alloc && allocator->release ? *allocator : fallback;
    env->log = log;
    env->log_user = log_user;
}

void csi_log(const csi_env *env, cs_log_level level, const char *part, const char *format, ...)
{
    if (!env->log)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    env->log(env->log_user, level, part, text);
}

const char *cs_err_text(cs_err code)
{
    switch (code) {
#define CASE(name, number, meaning) \
    case name:                      \
        return meaning;
        CS_ERRORS(CASE)
#undef CASE
    }
    return "unknown error";
}

/* A cut message must stay UTF-8: drop the tail of a character that does not fit. */
static void trim_partial_character(char *text)
{
    size_t n = strlen(text), back = 0;
    while (back < n && back < 4 && ((unsigned char)text[n - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back < n && (unsigned char)text[n - 1 - back] >= 0xC0) {
        uint32_t character;
        if (!csi_utf8_decode(text + n - 1 - back, back + 1, &character))
            text[n - 1 - back] = 0;
    }
}

cs_err csi_fail(cs_error *err, cs_err code, int64_t where, const char *format, ...)
{
    if (!err)
        return code;
    err->code = code;
    err->where = where;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (n >= (int)sizeof err->message)
        trim_partial_character(err->message);
    return code;
}

cs_err csi_fail_memory(cs_error *err, size_t size_bytes, const char *what)
{
    return csi_fail(err, CS_ENOMEM, -1, "out of memory: %zu bytes for %s", size_bytes, what);
}

const char *csi_printable(char *out, size_t out_size, const void *bytes, size_t n_bytes)
{
    const unsigned char *in = bytes;
    size_t used = 0;
    for (size_t i = 0; i < n_bytes;) {
        uint32_t character;
        int n = csi_utf8_decode(in + i, n_bytes - i, &character);
        bool plain = n > 0 && character >= 0x20 && character != 0x7F && !(character >= 0x80 && character < 0xA0);
        size_t width = plain ? (size_t)n : 1;
        if (used + width + 1 > out_size)
            break;
        if (plain)
            memcpy(out + used, in + i, width);
        else
            out[used] = '?';
        used += width;
        i += n > 0 ? (size_t)n : 1;
    }
    if (out_size)
        out[used] = 0;
    return out;
}

/* ---------------------------------------------------------------- options */

cs_err csi_options_copy(void *defaults, size_t size, const void *options, const char *what, cs_error *err)
{
    if (!options)
        return CS_OK;
    size_t given;
    memcpy(&given, options, sizeof given);
    if (given < sizeof given || given > 4096)
        return csi_fail(err, CS_EINVAL, -1, "%s: struct_size is %zu; fill the struct with its _init() function", what,
                        given);
    /* Fields that this library does not know yet may be there as long as they ask for nothing. */
    for (size_t i = size; i < given; i++)
        if (((const char *)options)[i] != 0)
            return csi_fail(err, CS_EINVAL, -1, "%s: an option of a newer library is set; this is %d.%d.%d", what,
                            CS_VERSION_MAJOR, CS_VERSION_MINOR, CS_VERSION_PATCH);
    memcpy(defaults, options, CSI_MIN(size, given));
    return CS_OK;
}

/* ----------------------------------------------------------------- memory */

void *csi_alloc(const csi_env *env, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    return env->allocator.alloc(env->allocator.user, size ? size : 1, 64);
}

void *csi_alloc_zero(const csi_env *env, size_t size)
{
    void *memory = csi_alloc(env, size);
    if (memory)
        memset(memory, 0, size ? size : 1);
    return memory;
}

void *csi_alloc_array(const csi_env *env, size_t n, size_t size)
{
    size_t bytes;
    return csi_mul_overflows(n, size, &bytes) ? NULL : csi_alloc(env, bytes);
}

void csi_free(const csi_env *env, void *memory)
{
    if (memory)
        env->allocator.release(env->allocator.user, memory);
}

void *csi_alloc_huge(const csi_env *env, size_t size, void **block)
{
    const size_t page = (size_t)2 << 20;
    if (size < page || size > SIZE_MAX / 2)
        return *block = csi_alloc(env, size);
    *block = csi_alloc(env, size + page);
    if (!*block)
        return NULL;
    char *start = (char *)(((uintptr_t)*block + page - 1) & ~(uintptr_t)(page - 1));
#if defined(MADV_HUGEPAGE)
    madvise(start, size / page * page, MADV_HUGEPAGE); /* a wish: nothing is lost when it is not heard */
#endif
    return start;
}

cs_err csi_floats_reserve(csi_floats *floats, size_t n, const char *what, cs_error *err)
{
    if (n <= floats->n)
        return CS_OK;
    csi_floats_finish(floats);
    floats->data = csi_alloc_array(floats->env, n, sizeof *floats->data);
    if (!floats->data)
        return csi_fail_memory(err, n > SIZE_MAX / sizeof(float) ? SIZE_MAX : n * sizeof(float), what);
    floats->n = n;
    return CS_OK;
}

size_t csi_floats_place(float *memory, const size_t *sizes, float **const *places, size_t n)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        *places[i] = memory && sizes[i] ? memory + used : NULL;
        used += (sizes[i] + 15) / 16 * 16;
    }
    return used;
}

void csi_floats_finish(csi_floats *floats)
{
    if (floats->env)
        csi_free(floats->env, floats->data);
    floats->data = NULL;
    floats->n = 0;
}

/* ------------------------------------------------------------------ arena */

struct csi_arena_block {
    struct csi_arena_block *next;
    size_t used, size; /* of the bytes after this header */
};

enum { ARENA_BLOCK = 16 * 1024, ARENA_HEADER = 64 };

void csi_arena_init(csi_arena *arena, const csi_env *env)
{
    arena->env = env;
    arena->head = NULL;
}

void csi_arena_finish(csi_arena *arena)
{
    while (arena->head) {
        struct csi_arena_block *next = arena->head->next;
        csi_free(arena->env, arena->head);
        arena->head = next;
    }
}

void *csi_arena_alloc(csi_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    size_t need = (size + 15) & ~(size_t)15;
    struct csi_arena_block *block = arena->head;
    if (!block || block->size - block->used < need) {
        size_t block_size = CSI_MAX(need, (size_t)ARENA_BLOCK);
        block = csi_alloc(arena->env, ARENA_HEADER + block_size);
        if (!block)
            return NULL;
        block->used = 0;
        block->size = block_size;
        if (arena->head && need > ARENA_BLOCK) { /* a large piece: keep filling the block in front */
            block->next = arena->head->next;
            arena->head->next = block;
        } else {
            block->next = arena->head;
            arena->head = block;
        }
    }
    void *memory = (char *)block + ARENA_HEADER + block->used;
    block->used += need;
    return memset(memory, 0, size);
}

void *csi_arena_array(csi_arena *arena, size_t n, size_t size)
{
    size_t bytes;
    return csi_mul_overflows(n, size, &bytes) ? NULL : csi_arena_alloc(arena, bytes);
}

char *csi_arena_text(csi_arena *arena, const char *text, size_t n_bytes)
{
    char *copy = n_bytes < SIZE_MAX ? csi_arena_alloc(arena, n_bytes + 1) : NULL;
    if (copy && n_bytes)
        memcpy(copy, text, n_bytes);
    return copy;
}

char *csi_arena_printf(csi_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : csi_arena_alloc(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

/* ----------------------------------------------------------------- buffer */

void csi_buf_init(csi_buf *buf, const csi_env *env)
{
    *buf = (csi_buf){.env = env};
}

void csi_buf_finish(csi_buf *buf)
{
    if (buf->env)
        csi_free(buf->env, buf->data);
    buf->data = NULL;
    buf->size = buf->capacity = 0;
}

void csi_buf_clear(csi_buf *buf)
{
    buf->size = 0;
    if (buf->data)
        buf->data[0] = 0;
}

void *csi_buf_room(csi_buf *buf, size_t n_bytes)
{
    size_t need;
    if (buf->failed || csi_add_overflows(buf->size, n_bytes, &need) || need > SIZE_MAX / 4) {
        buf->failed = true;
        return NULL;
    }
    if (need + 1 > buf->capacity) {
        size_t capacity = CSI_MAX(need + 1, buf->capacity + buf->capacity / 2 + 64);
        char *data = csi_alloc(buf->env, capacity);
        if (!data) {
            buf->failed = true;
            return NULL;
        }
        if (buf->size)
            memcpy(data, buf->data, buf->size);
        data[buf->size] = 0;
        csi_free(buf->env, buf->data);
        buf->data = data;
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void csi_buf_grew(csi_buf *buf, size_t n_bytes)
{
    buf->size += n_bytes;
    buf->data[buf->size] = 0;
}

void csi_buf_append(csi_buf *buf, const void *bytes, size_t n_bytes)
{
    void *room = csi_buf_room(buf, n_bytes);
    if (!room)
        return;
    if (n_bytes)
        memcpy(room, bytes, n_bytes);
    csi_buf_grew(buf, n_bytes);
}

void csi_buf_text(csi_buf *buf, const char *text)
{
    csi_buf_append(buf, text, strlen(text));
}

void csi_buf_printf(csi_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room = n < 0 ? NULL : csi_buf_room(buf, (size_t)n);
    if (room) {
        vsnprintf(room, (size_t)n + 1, format, again);
        csi_buf_grew(buf, (size_t)n);
    }
    va_end(again);
}
