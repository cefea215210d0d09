/* SPDX-License-Identifier: MIT
 *
 * Inside of the format folder: the layers that a model file is peeled through, each callable alone so that tests and
 * fuzz targets reach it without the others.
 *
 *   file bytes -> csi_gunzip -> csi_tar -> csi_yaml (format.h)
 *                                       -> csi_checkpoint = csi_zip + csi_pickle -> csi_tensor_list
 *
 * In all of them `label` opens the message ("talk.nemo" or "talk.nemo: model_weights.ckpt"), data is foreign and is
 * pointed into by the results, and arena owns everything that is made.
 */
#ifndef CSI_FORMAT_INSIDE_H
#define CSI_FORMAT_INSIDE_H

#include "format/format.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are used in place as the file stores them, little-endian"
#endif

/* ---------------------------------------------------------------- bytes */

static inline uint16_t csi_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t csi_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t csi_le64(const uint8_t *p)
{
    return (uint64_t)csi_le32(p) | (uint64_t)csi_le32(p + 4) << 32;
}

/* Room for a foreign name inside a message. */
typedef struct csi_quote {
    char text[100];
} csi_quote;

/* Foreign bytes made printable, cut with "..." when long. */
const char *csi_quote_bytes(csi_quote *quote, const void *bytes, size_t n_bytes);

/* ---------------------------------------------------------------- names */

/* A sorted array of names. Sorting and search keep n log n whatever a stranger chose, which hashing would not. */
typedef struct csi_name {
    const char *text; /* n_bytes, not terminated */
    uint32_t n_bytes;
    uint32_t index; /* the caller's */
} csi_name;

void csi_names_sort(csi_name *names, size_t n);
/* Of sorted names: the first that occurs twice, or NULL. */
const csi_name *csi_names_duplicate(const csi_name *names, size_t n);
const csi_name *csi_names_find(const csi_name *names, size_t n, const char *text, size_t n_bytes);

/* -------------------------------------------------------------- inflate */

/* A whole gzip file, of one or more members, into out. Cap: 64 GiB, and 1 GiB for small files. */
cs_err csi_gunzip(const csi_env *env, const char *label, const uint8_t *data, size_t size, csi_buf *out, cs_error *err);
/* Raw deflate data that must give exactly out_size bytes. */
cs_err csi_inflate(const csi_env *env, const char *label, const uint8_t *data, size_t size, uint8_t *out,
                   size_t out_size, cs_error *err);

/* ------------------------------------------------------------------ tar */

typedef struct csi_tar_member {
    const char *name; /* without "./" */
    const uint8_t *data;
    size_t size;
} csi_tar_member;

typedef struct csi_tar {
    csi_tar_member *members; /* regular files, in file order */
    size_t n_members;
    bool ended; /* the closing zero block was there */
} csi_tar;

/* True when data begins with a tar header whose checksum is right. */
bool csi_tar_begins(const uint8_t *data, size_t size);
cs_err csi_tar_index(csi_arena *arena, const char *label, const uint8_t *data, size_t size, csi_tar *tar,
                     cs_error *err);
/* NULL: none. Of several with one name the last counts, as for tar itself. */
const csi_tar_member *csi_tar_find(const csi_tar *tar, const char *name);

/* ------------------------------------------------------------------ zip */

typedef struct csi_zip_entry {
    const char *name; /* name_bytes, not terminated */
    uint32_t name_bytes;
    uint16_t method; /* 0 stored, 8 deflated; others are refused when used */
    uint32_t crc;    /* CRC-32 of the contents as the directory states it; not checked, 0 from writers that skip it */
    uint64_t header; /* local header's offset */
    const uint8_t *data; /* packed_size bytes */
    size_t packed_size;
    size_t size;
} csi_zip_entry;

typedef struct csi_zip {
    csi_zip_entry *entries;
    csi_name *names; /* sorted; index into entries */
    size_t n_entries;
} csi_zip;

cs_err csi_zip_index(csi_arena *arena, const char *label, const uint8_t *data, size_t size, csi_zip *zip,
                     cs_error *err);
const csi_zip_entry *csi_zip_find(const csi_zip *zip, const char *name, size_t name_bytes);

/* --------------------------------------------------------------- pickle */

typedef struct csi_tensor_list {
    csi_tensor *tensors; /* in file order */
    csi_name *names;     /* sorted; index into tensors */
    size_t n_tensors;
    csi_zip zip; /* the checkpoint that they are in */
} csi_tensor_list;

/* Find a storage's bytes by its key. */
typedef cs_err (*csi_storage_fn)(void *context, const char *key, size_t key_bytes, const uint8_t **data, size_t *size,
                                 cs_error *err);

/* Run data.pkl and list the tensors of its state dict. The tensors point into what find returned. */
cs_err csi_pickle_read(csi_arena *arena, const char *label, const uint8_t *data, size_t size, csi_storage_fn find,
                       void *context, csi_tensor_list *list, cs_error *err);

/* A PyTorch checkpoint: the zip, its data.pkl, its storages. */
cs_err csi_checkpoint_index(csi_arena *arena, const char *label, const uint8_t *data, size_t size,
                            csi_tensor_list *list, cs_error *err);

/* -------------------------------------------------------------- archive */

struct csi_archive {
    const csi_env *env;
    csi_arena arena;
    const char *path;  /* as given */
    const char *label; /* printable, cut at its front when long: messages keep room for what is wrong */
    const char *config_name, *weights_name; /* of its members */
    const csi_archive *whole;               /* of a part: whose bytes these are, else NULL */
    csi_file file;
    csi_stamp stamp;  /* of the file */
    csi_buf inflated; /* of a gzip'd archive; the file is closed then */
    int64_t file_bytes;
    csi_tar tar;
    csi_node *config;
    csi_tensor_list weights;
    float **copies; /* per tensor: its f32 copy once made */
    int64_t copied_bytes;
};

/* Fail with a sentence on what data, which is no tar, seems to be. */
cs_err csi_fail_not_an_archive(const char *label, const uint8_t *data, size_t size, cs_error *err);

#endif
