/* SPDX-License-Identifier: MIT
 *
 * Reader of the fixtures that tools/golden/make_text_fixtures.py writes, and an allocator that counts and can fail.
 * Trusted bytes: a read past the end ends the program. */
#ifndef TEXT_DATA_H
#define TEXT_DATA_H

#include "base/base.h"
#include "check.h"
#include "text/text.h"

/* ------------------------------------------------------------------- files */

static const char *text_data_folder = "tests/unit/text_data";

typedef struct fixture {
    csi_file file;
    size_t at;
} fixture;

static inline csi_file open_bytes(const csi_env *env, const char *name, const char *ending)
{
    char path[512];
    csi_file file;
    cs_error err;
    snprintf(path, sizeof path, "%s/%s%s", text_data_folder, name, ending);
    if (csi_file_open(env, path, &file, &err)) {
        printf("Bail out! %s\n", err.message);
        exit(1);
    }
    return file;
}

static inline const void *take(fixture *d, size_t n_bytes)
{
    if (d->file.size - d->at < n_bytes) {
        printf("Bail out! fixture ends early\n");
        exit(1);
    }
    d->at += n_bytes;
    return d->file.data + d->at - n_bytes;
}

static inline fixture open_data(const csi_env *env, const char *name, const char *ending)
{
    fixture d = {open_bytes(env, name, ending), 0};
    if (memcmp(take(&d, 4), "CSTX", 4) != 0) {
        printf("Bail out! %s%s is no fixture\n", name, ending);
        exit(1);
    }
    return d;
}

static inline unsigned take_u8(fixture *d)
{
    return *(const uint8_t *)take(d, 1);
}

static inline unsigned take_u16(fixture *d)
{
    uint16_t v;
    memcpy(&v, take(d, sizeof v), sizeof v);
    return v;
}

static inline int32_t take_i32(fixture *d)
{
    int32_t v;
    memcpy(&v, take(d, sizeof v), sizeof v);
    return v;
}

static inline float take_f32(fixture *d)
{
    float v;
    memcpy(&v, take(d, sizeof v), sizeof v);
    return v;
}

static inline double take_f64(fixture *d)
{
    double v;
    memcpy(&v, take(d, sizeof v), sizeof v);
    return v;
}

/* A string with its length; copied and ended with a NUL. */
typedef struct fixture_text {
    size_t n_bytes;
    char bytes[4096];
} fixture_text;

static inline void take_text(fixture *d, fixture_text *t)
{
    t->n_bytes = take_u16(d);
    if (t->n_bytes >= sizeof t->bytes) {
        printf("Bail out! fixture text of %zu bytes\n", t->n_bytes);
        exit(1);
    }
    memcpy(t->bytes, take(d, t->n_bytes), t->n_bytes);
    t->bytes[t->n_bytes] = 0;
}

/* The same without NULs, as results show it. */
static inline void take_string(fixture *d, fixture_text *t)
{
    size_t kept = 0;
    take_text(d, t);
    for (size_t i = 0; i < t->n_bytes; i++)
        if (t->bytes[i])
            t->bytes[kept++] = t->bytes[i];
    t->bytes[kept] = 0;
    t->n_bytes = kept;
}

static inline size_t take_ids(fixture *d, int32_t *ids, size_t capacity)
{
    size_t n = take_u16(d);
    for (size_t i = 0; i < n; i++) {
        int32_t id = (int32_t)take_u16(d);
        if (i < capacity)
            ids[i] = id;
    }
    return n;
}

static inline csi_tokenizer *open_model(const csi_env *env, const char *name)
{
    csi_file file = open_bytes(env, name, ".model");
    csi_tokenizer *tokenizer = NULL;
    cs_error err = {0};
    if (csi_tokenizer_open(env, name, file.data, file.size, &tokenizer, &err))
        printf("# %s\n", err.message);
    csi_file_close(env, &file);
    return tokenizer;
}

/* --------------------------------------------------------------- allocator */

/* Counts what is out; the allocation number fail_at (from 1) gives NULL, 0 never. */
typedef struct counter {
    long n_calls, fail_at, n_out;
} counter;

static inline void *counted_alloc(void *user, size_t size, size_t alignment)
{
    counter *c = user;
    if (++c->n_calls == c->fail_at)
        return NULL;
    void *memory = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    c->n_out += memory != NULL;
    return memory;
}

static inline void counted_release(void *user, void *memory)
{
    counter *c = user;
    c->n_out--;
    free(memory);
}

static inline csi_env counted_env(counter *c)
{
    const cs_allocator allocator = {counted_alloc, counted_release, c};
    csi_env env;
    csi_env_init(&env, &allocator, NULL, NULL);
    return env;
}

#endif
