/* SPDX-License-Identifier: MIT
 * For tests of what lies beside a Canary model's network: the golden data of one folder, and of its archive the config and the
 * vocabulary. */
#ifndef GOLDEN_PARTS_H
#define GOLDEN_PARTS_H

#include "engine/engine.h"
#include "golden_data.h"

typedef struct golden_parts {
    golden_data data;
    csi_env env;
    csi_arena arena;
    csi_archive *archive;
    csi_loader loader; /* of the archive into the arena, its errors into err */
    csi_tokenizer *tokenizer;
    cs_error err;
} golden_parts;

/* 0, or -1 after a TAP comment or with err filled. golden_parts_close() is for the first alone. */
static inline int golden_parts_open(golden_parts *f, const char *folder)
{
    if (golden_load(&f->data, folder) < 0)
        return -1;
    csi_env_init(&f->env, NULL, NULL, NULL);
    csi_arena_init(&f->arena, &f->env);
    if (csi_archive_open(&f->env, f->data.model_path, &f->archive, &f->err))
        return -1;
    f->loader = (csi_loader){.archive = f->archive, .arena = &f->arena, .err = &f->err};
    return csi_vocabulary_load(&f->env, &f->loader, &f->tokenizer) ? -1 : 0;
}

static inline void golden_parts_close(golden_parts *f)
{
    csi_tokenizer_free(f->tokenizer);
    csi_archive_close(f->archive);
    csi_arena_finish(&f->arena);
    golden_unload(&f->data);
}

#endif
