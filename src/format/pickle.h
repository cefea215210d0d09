/* SPDX-License-Identifier: MIT
 *
 * Between pickle.c (the stack machine) and rebuild.c (what the few allowed globals mean). Values are 16 bytes and are
 * copied; what they point to lives in the machine's scratch arena, text in the pickle's own bytes.
 */
#ifndef CSI_FORMAT_PICKLE_H
#define CSI_FORMAT_PICKLE_H

#include "format/inside.h"

enum { CSI_PICKLE_MAX_DEPTH = 64, CSI_PICKLE_MAX_TENSORS = 100000 };

typedef enum csi_pickle_kind {
    CSI_PICKLE_UNSET, /* a memo entry that was never put */
    CSI_PICKLE_NONE,
    CSI_PICKLE_BOOL,
    CSI_PICKLE_INT,
    CSI_PICKLE_FLOAT, /* its value is never needed */
    CSI_PICKLE_TEXT,
    CSI_PICKLE_TUPLE,
    CSI_PICKLE_LIST,
    CSI_PICKLE_MAP,
    CSI_PICKLE_GLOBAL,
    CSI_PICKLE_STORAGE,
    CSI_PICKLE_TENSOR
} csi_pickle_kind;

typedef struct csi_pickle_value {
    uint8_t kind;
    uint8_t depth; /* tuple: levels of containers, itself among them */
    uint32_t n;    /* text: bytes; tuple: items */
    union {
        int64_t number; /* int, bool */
        const char *text;
        const struct csi_pickle_value *items;
        struct csi_pickle_list *list;
        struct csi_pickle_map *map;
        const struct csi_pickle_global *global;
        const struct csi_pickle_storage *storage;
        csi_tensor *tensor;
    } is;
} csi_pickle_value;

/* Nothing in a checkpoint that matters is in a list, so what is appended is dropped. */
typedef struct csi_pickle_list {
    uint8_t depth;
} csi_pickle_list;

typedef struct csi_pickle_pair {
    csi_pickle_value key, value;
    struct csi_pickle_pair *next;
} csi_pickle_pair;

typedef struct csi_pickle_map {
    csi_pickle_pair *first, *last;
    size_t n_pairs;
    uint8_t depth;
    bool ordered; /* an OrderedDict, which may have attributes */
} csi_pickle_map;

typedef enum csi_pickle_role {
    CSI_PICKLE_ORDERED_DICT,
    CSI_PICKLE_REBUILD_TENSOR,
    CSI_PICKLE_REBUILD_PARAMETER,
    CSI_PICKLE_STORAGE_CLASS
} csi_pickle_role;

typedef struct csi_pickle_global {
    const char *module, *name;
    csi_pickle_role role;
    csi_dtype dtype; /* of a storage class */
} csi_pickle_global;

typedef struct csi_pickle_storage {
    csi_dtype dtype;
    const uint8_t *data;
    int64_t n_elements;
} csi_pickle_storage;

typedef struct csi_pickle {
    const csi_env *env;
    csi_arena scratch;
    const char *label;
    const uint8_t *data;
    size_t size, at;
    size_t opcode_at; /* of the opcode that runs, for messages */
    csi_storage_fn find;
    void *find_context;
    size_t n_tensors, n_objects;

    csi_pickle_value *stack, *memo;
    size_t n_stack, stack_capacity, n_memo, memo_capacity; /* n_memo: entries that are set */
    size_t marks[CSI_PICKLE_MAX_DEPTH], n_marks;           /* stack heights */
    cs_error *err;
} csi_pickle;

/* "LABEL: data.pkl: WHAT at byte N" as CS_EMODEL. */
cs_err csi_pickle_fail(csi_pickle *p, const char *format, ...) CSI_PRINTF(2, 3);
/* Zeroed scratch memory, counted against the cap on objects. NULL: out of memory, and the error is set. */
void *csi_pickle_new(csi_pickle *p, size_t size);

/* The allowed global, or NULL. */
const csi_pickle_global *csi_pickle_find_global(const char *module, size_t module_bytes, const char *name,
                                                size_t name_bytes);
/* A persistent id (a tuple) becomes a storage. */
cs_err csi_pickle_load_storage(csi_pickle *p, const csi_pickle_value *id, csi_pickle_value *result);
/* A global is called with arguments (a tuple). */
cs_err csi_pickle_call(csi_pickle *p, const csi_pickle_global *global, const csi_pickle_value *arguments,
                       csi_pickle_value *result);
/* The tensors of the state dict that the pickle left, into the caller's arena. */
cs_err csi_pickle_tensors(csi_pickle *p, csi_arena *arena, const csi_pickle_value *result, csi_tensor_list *list);

#endif
