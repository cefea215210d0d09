/* SPDX-License-Identifier: MIT
 * A whole checkpoint: zip directory, data.pkl, storages. The first and last byte of each tensor are touched. */
#define _POSIX_C_SOURCE 200809L
#include "format/inside.h"
#include "limited.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t live;
    csi_env env;
    csi_arena arena;
    csi_tensor_list list;
    cs_error err;
    limited_begin(&env, &live);
    csi_arena_init(&arena, &env);
    if (csi_checkpoint_index(&arena, "fuzz", data, size, &list, &err) == CS_OK) {
        for (size_t i = 0; i < list.n_tensors; i++) {
            const csi_tensor *t = &list.tensors[i];
            size_t n_bytes = csi_dtype_size(t->dtype), last = 0;
            for (int32_t axis = 0; t->n_elements && axis < t->n_dims; axis++)
                last += (size_t)(t->dims[axis] - 1) * (size_t)t->strides[axis];
            if (t->n_elements && (t->data < data || t->data + (last + 1) * n_bytes > data + size))
                abort();
        }
    }
    csi_arena_finish(&arena);
    limited_end(&live);
    return 0;
}
