/* SPDX-License-Identifier: MIT
 * data.pkl alone. Every storage exists, with as many bytes as its key says, and ends where the memory ends, so that a
 * tensor that reaches out of it is seen when its values are read. */
#define _POSIX_C_SOURCE 200809L
#include "format/inside.h"
#include "limited.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORAGE_BYTES = 4096 };

static cs_err find_storage(void *context, const char *key, size_t key_bytes, const uint8_t **data, size_t *size,
                           cs_error *err)
{
    const uint8_t *storage = context;
    size_t wanted = 0;
    for (size_t i = 0; i < key_bytes && i < 4; i++)
        wanted = wanted * 10 + (size_t)(key[i] >= '0' && key[i] <= '9' ? key[i] - '0' : 0);
    if (wanted > STORAGE_BYTES)
        return csi_fail(err, CS_EMODEL, -1, "no such storage");
    *data = storage + STORAGE_BYTES - wanted;
    *size = wanted;
    return CS_OK;
}

/* Read each tensor as f32, as the engine would. */
static void read_values(const csi_env *env, const csi_tensor_list *list)
{
    csi_archive archive = {.env = env, .label = "fuzz", .weights = *list};
    int64_t any[CSI_MAX_DIMS];
    memset(any, 0xFF, sizeof any);
    archive.copies = csi_alloc_zero(env, list->n_tensors * sizeof *archive.copies);
    for (size_t i = 0; archive.copies && i < list->n_tensors; i++) {
        const csi_tensor *t = &list->tensors[i];
        const float *values;
        if (csi_archive_f32(&archive, t->name, t->n_dims, any, &values, NULL) == CS_OK && t->n_elements > 0
            && values[t->n_elements - 1] == 12345)
            abort();
        if (archive.copies[i]) {
            csi_free(env, archive.copies[i]);
            archive.copies[i] = NULL;
        }
    }
    csi_free(env, archive.copies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *storage;
    size_t live;
    csi_env env;
    csi_arena arena;
    csi_tensor_list list;
    cs_error err;
    if (!storage && !(storage = calloc(1, STORAGE_BYTES)))
        return 0;
    limited_begin(&env, &live);
    csi_arena_init(&arena, &env);
    if (csi_pickle_read(&arena, "fuzz", data, size, find_storage, storage, &list, &err) == CS_OK)
        read_values(&env, &list);
    csi_arena_finish(&arena);
    limited_end(&live);
    return 0;
}
