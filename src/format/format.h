/* SPDX-License-Identifier: MIT
 *
 * Layer 1, the door to model files: a tensor by name, the config as a tree, a member's bytes.
 * The bytes come from strangers: everything is bounds-checked, nothing is executed, every error is one sentence that
 * names the file.
 */
#ifndef CSI_FORMAT_H
#define CSI_FORMAT_H

#include "base/base.h"

/* ------------------------------------------------------------ config tree */

typedef enum csi_node_kind { CSI_NODE_NULL, CSI_NODE_SCALAR, CSI_NODE_LIST, CSI_NODE_MAP } csi_node_kind;

/* A YAML node. Maps keep the file's order. */
typedef struct csi_node {
    csi_node_kind kind;
    const char *key;               /* in a map; NULL elsewhere */
    const char *text;              /* scalar: its text, quotes resolved */
    bool quoted;                   /* scalar: was in quotes, so never a number, boolean or null */
    struct csi_node *first, *next; /* children of list and map, in order; next sibling */
    size_t n_children;
    size_t line; /* 1-based line in the file */
} csi_node;

/* Parse YAML text (name is for messages). Memory comes from the arena. Caps: 64 MiB, depth 64, scalar 16 MiB, 2 M nodes.
 * Anchors and aliases, several documents, tags and duplicate keys: CS_EMODEL with the line. */
cs_err csi_yaml_parse(csi_arena *arena, const char *name, const void *data, size_t size, csi_node **root,
                      cs_error *err);

/* Follow a dotted path of map keys ("encoder.d_model"); NULL when any step is absent or node is NULL. */
const csi_node *csi_node_at(const csi_node *node, const char *path);
/* The index-th child of a list; NULL past the end. */
const csi_node *csi_node_item(const csi_node *list, size_t index);
/* True for an absent node, an explicit null, and NULL. */
bool csi_node_is_null(const csi_node *node);
/* Whole text as a number or boolean ("8", "-1", "1e-05", "0.01", "true", "False", "yes"); false when it is none. */
bool csi_node_int(const csi_node *node, int64_t *value);
bool csi_node_double(const csi_node *node, double *value);
bool csi_node_bool(const csi_node *node, bool *value);
/* NULL when not a scalar. */
const char *csi_node_text(const csi_node *node);

/* ---------------------------------------------------------------- tensors */

typedef enum csi_dtype {
    CSI_F32,
    CSI_F16,
    CSI_BF16,
    CSI_F64,
    CSI_I64,
    CSI_I32,
    CSI_I16,
    CSI_I8,
    CSI_U8,
    CSI_BOOL
} csi_dtype;

const char *csi_dtype_name(csi_dtype dtype); /* "f32" */
size_t csi_dtype_size(csi_dtype dtype);      /* bytes of one element */

enum { CSI_MAX_DIMS = 8 };

typedef struct csi_tensor {
    const char *name;
    csi_dtype dtype;
    int32_t n_dims;
    int64_t dims[CSI_MAX_DIMS];
    int64_t strides[CSI_MAX_DIMS]; /* in elements, >= 0 */
    int64_t n_elements;
    const uint8_t *data; /* first element; may be misaligned */
    bool contiguous;     /* row-major without gaps */
} csi_tensor;

/* -------------------------------------------------------------- the archive */

typedef struct csi_archive csi_archive;

/* Open a .nemo file: tar or gzip'd tar, its model_config.yaml and the index of its model_weights.ckpt.
 * env must outlive the archive. Errors: CS_EIO, CS_EMODEL, CS_EUNSUPPORTED, CS_ENOMEM. */
cs_err csi_archive_open(const csi_env *env, const char *path, csi_archive **archive, cs_error *err);
/* The same on bytes in memory, which must outlive the archive (name is for messages). For tests and fuzzing. */
cs_err csi_archive_open_memory(const csi_env *env, const char *name, const void *data, size_t size,
                               csi_archive **archive, cs_error *err);
void csi_archive_close(csi_archive *archive);

/* A second model inside an archive: members NAME_config.yaml and NAME_weights.ckpt beside the tokenizer files of both
 * (Canary's aligner: "timestamps_asr_model"). Both must be there, else it has none. The part is an archive like any other,
 * is closed before the whole, and names itself "FILE (NAME)". */
bool csi_archive_has_part(const csi_archive *whole, const char *name);
cs_err csi_archive_part(const csi_archive *whole, const char *name, csi_archive **part, cs_error *err);

/* The configuration; of older files that nest it below `model`, that map. */
const csi_node *csi_archive_config(const csi_archive *archive);
const char *csi_archive_path(const csi_archive *archive);        /* for messages */
const char *csi_archive_config_name(const csi_archive *archive); /* "model_config.yaml" */
int64_t csi_archive_file_bytes(const csi_archive *archive);
/* Sum of f32 copies made so far by csi_archive_f32(). */
int64_t csi_archive_copied_bytes(const csi_archive *archive);

size_t csi_archive_n_tensors(const csi_archive *archive);
const csi_tensor *csi_archive_tensor_at(const csi_archive *archive, size_t index);  /* order of the file */
const csi_tensor *csi_archive_tensor(const csi_archive *archive, const char *name); /* NULL: none */

/* A tensor's values as contiguous row-major f32: a pointer into the mapping when they are that already and aligned to
 * 4 bytes, else converted or gathered into memory that the archive owns. dims[i] < 0 means any size; the real ones
 * are in csi_archive_tensor(). Missing or of another shape: CS_EMODEL naming the tensor, its shape and the wanted one.
 * Integer and boolean tensors: CS_EMODEL. values NULL: the checks alone, nothing is read. One thread at a time. */
cs_err csi_archive_f32(csi_archive *archive, const char *name, int32_t n_dims, const int64_t *dims,
                       const float **values, cs_error *err);

/* Nobody will read the f32 values of this tensor any more: a copy is freed, pages of the mapping go back to the system. Pointers
 * from csi_archive_f32() to them are dead. Of a gzip'd archive nothing is given back: its weights lie in one block. */
void csi_archive_release(csi_archive *archive, const char *name);

/* What tells this model from any other without reading its weights: SHA-256 over `more`, the file's size and time of change,
 * the names, sizes and bytes of all members but checkpoints, and of its own the names, sizes, places and CRC-32s of its
 * entries and the bytes of those that are no storages. Of a checkpoint whose storages have no CRC-32s the file's inode
 * and its last change of any kind count, too. */
enum { CSI_DIGEST_BYTES = 32 };
void csi_archive_digest(const csi_archive *archive, const void *more, size_t more_bytes,
                        uint8_t digest[CSI_DIGEST_BYTES]);

/* A member's bytes by its name without "./"; a leading "nemo:" of name is dropped, and when nothing fits the base name
 * is tried. CS_EMODEL when it is not there. The bytes live as long as the archive. */
cs_err csi_archive_member(const csi_archive *archive, const char *name, const uint8_t **data, size_t *size,
                          cs_error *err);

#endif
