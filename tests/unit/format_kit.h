/* SPDX-License-Identifier: MIT
 * For the tests of src/format: memory that is counted and can fail, and writers of small tars, zips and pickles. */
#ifndef FORMAT_KIT_H
#define FORMAT_KIT_H

#include "format/inside.h"

#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- memory */

typedef struct kit_memory {
    long n_live, n_calls;
    long fail_at;      /* the call that fails, 1-based; 0: none */
    int fail_from_now; /* and all after it */
} kit_memory;

static inline void *kit_alloc(void *user, size_t size, size_t alignment)
{
    kit_memory *memory = user;
    void *block = NULL;
    long call = ++memory->n_calls;
    if (memory->fail_at && (call == memory->fail_at || (memory->fail_from_now && call > memory->fail_at)))
        return NULL;
    if (size > (size_t)1 << 30 || posix_memalign(&block, alignment, size) != 0)
        return NULL;
    memory->n_live++;
    return block;
}

static inline void kit_release(void *user, void *block)
{
    kit_memory *memory = user;
    memory->n_live--;
    free(block);
}

static inline void kit_env(csi_env *env, kit_memory *memory)
{
    const cs_allocator allocator = {kit_alloc, kit_release, memory};
    *memory = (kit_memory){0};
    csi_env_init(env, &allocator, NULL, NULL);
}

/* ------------------------------------------------------------------- tar */

static inline void kit_tar_checksum(uint8_t *block)
{
    unsigned sum = 0;
    memset(block + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
}

/* magic: "ustar" for POSIX, NULL for the old format. */
static inline void kit_tar_add(csi_buf *tar, const char *magic, char type, const char *name, const void *data,
                               size_t size)
{
    static const uint8_t zeros[512];
    uint8_t block[512] = {0};
    memcpy(block, name, CSI_MIN(strlen(name), (size_t)100));
    memcpy(block + 100, "0000644", 7);
    snprintf((char *)block + 124, 12, "%011o", (unsigned)size);
    block[156] = (uint8_t)type;
    if (magic)
        memcpy(block + 257, magic, strlen(magic) + 1);
    kit_tar_checksum(block);
    csi_buf_append(tar, block, sizeof block);
    csi_buf_append(tar, data, size);
    csi_buf_append(tar, zeros, (512 - size % 512) % 512);
}

static inline void kit_tar_end(csi_buf *tar)
{
    static const uint8_t zeros[1024];
    csi_buf_append(tar, zeros, sizeof zeros);
}

/* ------------------------------------------------------------------- zip */

typedef struct kit_zip {
    csi_buf out, directory;
    uint16_t n_entries;
    uint16_t method, flags; /* written for the entries that follow */
} kit_zip;

static inline void kit_u16(csi_buf *buf, uint32_t value)
{
    uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    csi_buf_append(buf, bytes, 2);
}

static inline void kit_u32(csi_buf *buf, uint32_t value)
{
    kit_u16(buf, value & 0xFFFF);
    kit_u16(buf, value >> 16);
}

static inline void kit_zip_begin(kit_zip *zip, const csi_env *env)
{
    *zip = (kit_zip){0};
    csi_buf_init(&zip->out, env);
    csi_buf_init(&zip->directory, env);
}

/* The part that both headers share: flags to the name's length. */
static inline void kit_zip_common(csi_buf *buf, const kit_zip *zip, const char *name, size_t size)
{
    kit_u16(buf, zip->flags);
    kit_u16(buf, zip->method);
    kit_u32(buf, 0); /* time, date */
    kit_u32(buf, 0); /* checksum */
    kit_u32(buf, (uint32_t)size);
    kit_u32(buf, (uint32_t)size);
    kit_u16(buf, (uint32_t)strlen(name));
    kit_u16(buf, 0);
}

static inline void kit_zip_add(kit_zip *zip, const char *name, const void *data, size_t size)
{
    uint32_t at = (uint32_t)zip->out.size;
    kit_u32(&zip->out, 0x04034b50);
    kit_u16(&zip->out, 20);
    kit_zip_common(&zip->out, zip, name, size);
    csi_buf_text(&zip->out, name);
    csi_buf_append(&zip->out, data, size);
    kit_u32(&zip->directory, 0x02014b50);
    kit_u16(&zip->directory, 20); /* made by */
    kit_u16(&zip->directory, 20); /* needed */
    kit_zip_common(&zip->directory, zip, name, size);
    kit_u16(&zip->directory, 0);
    kit_u32(&zip->directory, 0);
    kit_u32(&zip->directory, 0);
    kit_u32(&zip->directory, at);
    csi_buf_text(&zip->directory, name);
    zip->n_entries++;
}

/* out is the file then. */
static inline void kit_zip_end(kit_zip *zip)
{
    uint32_t at = (uint32_t)zip->out.size;
    csi_buf_append(&zip->out, zip->directory.data, zip->directory.size);
    kit_u32(&zip->out, 0x06054b50);
    kit_u32(&zip->out, 0);
    kit_u16(&zip->out, zip->n_entries);
    kit_u16(&zip->out, zip->n_entries);
    kit_u32(&zip->out, (uint32_t)zip->directory.size);
    kit_u32(&zip->out, at);
    kit_u16(&zip->out, 0);
    csi_buf_finish(&zip->directory);
}

/* ---------------------------------------------------------------- pickle */

static inline void kit_pickle_text(csi_buf *pickle, const char *text)
{
    csi_buf_append(pickle, "X", 1);
    kit_u32(pickle, (uint32_t)strlen(text));
    csi_buf_text(pickle, text);
}

static inline void kit_pickle_int(csi_buf *pickle, int64_t value)
{
    csi_buf_append(pickle, "\x8a\x08", 2);
    kit_u32(pickle, (uint32_t)value);
    kit_u32(pickle, (uint32_t)((uint64_t)value >> 32));
}

/* An OrderedDict, open for items: kit_pickle_tensor(), then kit_pickle_end(). */
static inline void kit_pickle_begin(csi_buf *pickle)
{
    csi_buf_text(pickle, "\x80\x02"
                         "ccollections\nOrderedDict\n)R(");
}

/* A tensor value; kind "Float", dims and strides 0-terminated by n. */
static inline void kit_pickle_tensor(csi_buf *pickle, const char *name, const char *kind, const char *key,
                                     int64_t numel, int64_t offset, int n, const int64_t *dims, const int64_t *strides)
{
    kit_pickle_text(pickle, name);
    csi_buf_text(pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
    kit_pickle_text(pickle, "storage");
    csi_buf_printf(pickle, "ctorch\n%sStorage\n", kind);
    kit_pickle_text(pickle, key);
    kit_pickle_text(pickle, "cpu");
    kit_pickle_int(pickle, numel);
    csi_buf_text(pickle, "tQ");
    kit_pickle_int(pickle, offset);
    for (int pass = 0; pass < 2; pass++) {
        csi_buf_text(pickle, "(");
        for (int i = 0; i < n; i++)
            kit_pickle_int(pickle, pass ? strides[i] : dims[i]);
        csi_buf_text(pickle, "t");
    }
    csi_buf_text(pickle, "\x89)tR"); /* hooks: anything */
}

static inline void kit_pickle_end(csi_buf *pickle)
{
    csi_buf_text(pickle, "u.");
}

/* -------------------------------------------------------------- archives */

/* A checkpoint of this pickle and one storage "0". */
static inline void kit_checkpoint(csi_buf *out, const csi_env *env, const void *pickle, size_t pickle_bytes,
                                  const void *storage, size_t storage_bytes)
{
    kit_zip zip;
    kit_zip_begin(&zip, env);
    kit_zip_add(&zip, "m/data.pkl", pickle, pickle_bytes);
    kit_zip_add(&zip, "m/byteorder", "little", 6);
    kit_zip_add(&zip, "m/data/0", storage, storage_bytes);
    kit_zip_end(&zip);
    *out = zip.out;
}

/* A whole archive; tokenizer "tok" comes last, so that a cut loses it. */
static inline void kit_archive(csi_buf *tar, const csi_env *env, const char *config, const csi_buf *checkpoint)
{
    csi_buf_init(tar, env);
    kit_tar_add(tar, "ustar", '5', "./", "", 0);
    kit_tar_add(tar, "ustar", '0', "./model_config.yaml", config, strlen(config));
    kit_tar_add(tar, "ustar", '0', "./model_weights.ckpt", checkpoint->data, checkpoint->size);
    kit_tar_add(tar, "ustar", '0', "./tok", "pieces", 6);
    kit_tar_end(tar);
}

/* The archive that most tests damage: w (2, 2) f32, h (2) f16 in one storage. */
static inline void kit_small_archive(csi_buf *tar, const csi_env *env)
{
    static const uint8_t storage[16] = {0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64}; /* 1, 2, 3, 4 */
    csi_buf pickle, checkpoint;
    csi_buf_init(&pickle, env);
    kit_pickle_begin(&pickle);
    kit_pickle_tensor(&pickle, "w", "Float", "0", 4, 0, 2, (int64_t[]){2, 2}, (int64_t[]){2, 1});
    kit_pickle_tensor(&pickle, "h", "Half", "0", 8, 3, 1, (int64_t[]){2}, (int64_t[]){2});
    kit_pickle_end(&pickle);
    kit_checkpoint(&checkpoint, env, pickle.data, pickle.size, storage, sizeof storage);
    kit_archive(tar, env, "encoder: {d_model: 8}\ntokenizer: {model_path: 'nemo:tok'}\n", &checkpoint);
    csi_buf_finish(&pickle);
    csi_buf_finish(&checkpoint);
}

/* A file of tests/unit/data/format; the program runs in the source root. */
static inline void kit_read(const csi_env *env, const char *name, csi_file *file)
{
    char path[256];
    cs_error err;
    snprintf(path, sizeof path, "tests/unit/data/format/%s", name);
    if (csi_file_open(env, path, file, &err) != CS_OK) {
        printf("Bail out! %s\n", err.message);
        exit(1);
    }
}

#endif
