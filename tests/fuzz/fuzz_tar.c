/* SPDX-License-Identifier: MIT
 * A whole archive, tar or gzip'd tar, down to the values of its tensors. The first byte's low bit asks that the tar
 * checksums be made right before: mutations would hardly ever get past them otherwise. */
#define _POSIX_C_SOURCE 200809L
#include "format/inside.h"
#include "limited.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, SIZE = 124, CHECKSUM = 148 };

static void repair_checksums(uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at >= BLOCK;) {
        uint8_t *block = data + at;
        unsigned sum = 0, n_bytes = 0;
        memset(block + CHECKSUM, ' ', 8);
        for (size_t i = 0; i < BLOCK; i++)
            sum += block[i];
        if (sum == 8 * ' ') { /* a zero block: the end */
            memset(block + CHECKSUM, 0, 8);
            return;
        }
        char text[8];
        snprintf(text, sizeof text, "%06o", sum);
        memcpy(block + CHECKSUM, text, 7);
        for (size_t i = SIZE; i < SIZE + 11 && block[i] >= '0' && block[i] <= '7'; i++)
            n_bytes = n_bytes << 3 | (unsigned)(block[i] - '0');
        size_t step = BLOCK + ((size_t)n_bytes + BLOCK - 1) / BLOCK * BLOCK;
        if (step > size - at)
            return;
        at += step;
    }
}

static void use(csi_archive *archive)
{
    int64_t any[CSI_MAX_DIMS];
    memset(any, 0xFF, sizeof any);
    csi_node_at(csi_archive_config(archive), "encoder.d_model");
    for (size_t i = 0; i < csi_archive_n_tensors(archive); i++) {
        const csi_tensor *t = csi_archive_tensor_at(archive, i);
        const float *values;
        if (csi_archive_f32(archive, t->name, t->n_dims, any, &values, NULL) == CS_OK && t->n_elements > 0
            && values[t->n_elements - 1] == 12345)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t live;
    csi_env env;
    csi_arena arena;
    csi_tar tar;
    csi_archive *archive;
    cs_error err;
    if (size < 2)
        return 0;
    uint8_t *copy = malloc(size - 1);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    if (data[0] & 1)
        repair_checksums(copy, size - 1);
    limited_begin(&env, &live);
    csi_arena_init(&arena, &env);
    csi_tar_index(&arena, "fuzz", copy, size - 1, &tar, &err);
    csi_arena_finish(&arena);
    if (csi_archive_open_memory(&env, "fuzz", copy, size - 1, &archive, &err) == CS_OK)
        use(archive);
    csi_archive_close(archive);
    limited_end(&live);
    free(copy);
    return 0;
}
