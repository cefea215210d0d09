/* SPDX-License-Identifier: MIT
 * zlib behind the allocator hook: whole gzip files (archives of NeMo before 1.7) and one deflated zip entry. */
#include "format/inside.h"

#include <limits.h>
#include <zlib.h>

/* Weights hardly shrink, so a small file that wants to become huge is a bomb, not a model. */
#define GUNZIP_LIMIT       ((size_t)64 << 30)
#define GUNZIP_SMALL_LIMIT ((size_t)1 << 30)
enum { GUNZIP_RATIO = 100, DEFLATE_MAX_RATIO = 1032, STEP = 1 << 20 };

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size)
{
    return csi_alloc_array(opaque, items, size);
}

static void zlib_free(voidpf opaque, voidpf memory)
{
    csi_free(opaque, memory);
}

static bool start(z_stream *z, const csi_env *env, int window_bits)
{
    *z = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = (voidpf)(uintptr_t)env};
    return inflateInit2(z, window_bits) == Z_OK;
}

/* zlib counts in 32 bits: hand the input over in pieces. */
static void feed(z_stream *z, const uint8_t *data, size_t size, size_t *at)
{
    if (z->avail_in)
        return;
    size_t n = CSI_MIN(size - *at, (size_t)UINT_MAX);
    z->next_in = (z_const Bytef *)(uintptr_t)(data + *at);
    z->avail_in = (uInt)n;
    *at += n;
}

static size_t gunzip_limit(size_t size)
{
    size_t limit = size < GUNZIP_LIMIT / GUNZIP_RATIO ? size * GUNZIP_RATIO : GUNZIP_LIMIT;
    return CSI_MAX(limit, GUNZIP_SMALL_LIMIT);
}

/* The trailer holds the size modulo 4 GiB: one allocation instead of a series, when it is believable. */
static void reserve(csi_buf *out, const uint8_t *data, size_t size, size_t limit)
{
    size_t hint = size >= 18 ? csi_le32(data + size - 4) : 0;
    if (hint / DEFLATE_MAX_RATIO <= size)
        csi_buf_room(out, CSI_MIN(hint, limit));
}

/* One step: room in out, as much as is there or STEP more, filled by inflate(). *status is zlib's. */
static cs_err gunzip_step(z_stream *z, const char *label, size_t limit, csi_buf *out, int *status, cs_error *err)
{
    size_t n = CSI_MIN(limit - out->size, (size_t)STEP);
    if (out->capacity > out->size + 1)
        n = CSI_MIN(n, out->capacity - out->size - 1); /* fill what is there before it grows */
    if (n == 0)
        return csi_fail(err, CS_EMODEL, -1, "%s: the gzip data inflates to more than %zu MiB, expected a model", label,
                        limit >> 20);
    void *room = csi_buf_room(out, n);
    if (!room)
        return csi_fail_memory(err, out->size + n, "the inflated archive");
    z->next_out = room;
    z->avail_out = (uInt)n;
    *status = inflate(z, Z_NO_FLUSH);
    csi_buf_grew(out, n - z->avail_out);
    return *status == Z_MEM_ERROR ? csi_fail_memory(err, STEP, "inflating") : CS_OK;
}

cs_err csi_gunzip(const csi_env *env, const char *label, const uint8_t *data, size_t size, csi_buf *out, cs_error *err)
{
    z_stream z;
    size_t at = 0, limit = gunzip_limit(size);
    if (!start(&z, env, 16 + MAX_WBITS))
        return csi_fail_memory(err, sizeof z, "inflating");
    reserve(out, data, size, limit);
    cs_err code;
    for (;;) {
        int status = Z_OK;
        feed(&z, data, size, &at);
        code = gunzip_step(&z, label, limit, out, &status, err);
        if (code != CS_OK)
            break;
        size_t met = at - z.avail_in;
        if (status == Z_STREAM_END) {
            /* another gzip member may follow; anything else after the end is padding */
            if (size - met >= 2 && data[met] == 0x1F && data[met + 1] == 0x8B && inflateReset(&z) == Z_OK)
                continue;
            break;
        }
        if (status != Z_OK && status != Z_BUF_ERROR) {
            code = csi_fail(err, CS_EMODEL, (int64_t)met, "%s: the gzip data is damaged at byte %zu: %s", label, met,
                            z.msg ? z.msg : "not a deflate stream");
            break;
        }
        if (z.avail_in == 0 && at == size && z.avail_out != 0) {
            code = csi_fail(err, CS_EMODEL, (int64_t)size,
                            "%s: the gzip data breaks off at byte %zu, expected its end (an incomplete download?)",
                            label, size);
            break;
        }
    }
    inflateEnd(&z);
    return code;
}

cs_err csi_inflate(const csi_env *env, const char *label, const uint8_t *data, size_t size, uint8_t *out,
                   size_t out_size, cs_error *err)
{
    z_stream z;
    if (size > UINT_MAX || out_size > UINT_MAX)
        return csi_fail(err, CS_EMODEL, -1, "%s: deflated entry of %zu bytes is too large", label, size);
    if (!start(&z, env, -MAX_WBITS))
        return csi_fail_memory(err, sizeof z, "inflating");
    uint8_t none;
    z.next_in = (z_const Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)size;
    z.next_out = out_size ? out : &none;
    z.avail_out = (uInt)out_size;
    int status = inflate(&z, Z_FINISH);
    size_t left = z.avail_out;
    inflateEnd(&z);
    if (status == Z_MEM_ERROR)
        return csi_fail_memory(err, out_size, "inflating");
    if (status != Z_STREAM_END || left != 0)
        return csi_fail(err, CS_EMODEL, -1, "%s: the deflated data is damaged, expected it to inflate to %zu bytes",
                        label, out_size);
    return CS_OK;
}
