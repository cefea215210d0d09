/* SPDX-License-Identifier: MIT
 * Results: one block of memory each, the public struct first. */
#include "engine/engine.h"

/* What cs_result_free() gets back: the public struct, then what it stands on. */
typedef struct result_block {
    cs_result result;
    csi_env env;
    csi_arena arena;
} result_block;

cs_result *csi_result_create(const cs_model *model, csi_arena **arena, cs_error *err)
{
    result_block *block = csi_alloc_zero(&model->env, sizeof *block);
    if (!block) {
        csi_fail_memory(err, sizeof *block, "the result");
        return NULL;
    }
    block->env = model->env;
    csi_arena_init(&block->arena, &block->env);
    cs_result *r = &block->result;
    *arena = &block->arena;
    r->precision = model->precision;
    r->text = r->language = r->target_language = "";
    r->n_chunks = 1;
    r->model = csi_arena_text(&block->arena, model->info.name, strlen(model->info.name));
    if (r->model)
        return r;
    csi_fail_memory(err, 64, "the result");
    cs_result_free(r);
    return NULL;
}

void cs_result_free(cs_result *result)
{
    if (!result)
        return;
    result_block *block = (result_block *)(void *)result; /* its first member */
    csi_env env = block->env;
    csi_arena_finish(&block->arena);
    csi_free(&env, block);
}

csi_compose csi_compose_of(const csi_call *c)
{
    const cs_model *model = c->model;
    return (csi_compose){.tokenizer = model->tokenizer,
                         .head = c->head,
                         .frame_stride_seconds = model->mel.window_stride_seconds,
                         .subsampling_factor = model->encoder.factor,
                         .aggregate = c->options.confidence_aggregate,
                         .raw_spacing = c->options.raw_punctuation_spacing != 0,
                         .natural_ctc_times = c->options.natural_ctc_times != 0,
                         .separators = model->separators,
                         .segment_gap = model->segment_gap};
}

cs_err csi_result_make(csi_call *c, csi_item *item)
{
    const csi_compose compose = csi_compose_of(c);
    csi_arena *arena;
    cs_result *r = csi_result_create(c->model, &arena, c->err);
    if (!r)
        return CS_ENOMEM;
    cs_err code = csi_compose_result(arena, &compose, item->emissions.items, item->emissions.n, r, c->err);
    if (code) {
        cs_result_free(r);
        return code;
    }
    r->head = c->head;
    r->target_language = r->language;
    r->has_times = 1;
    r->duration_seconds = item->duration_seconds;
    r->score = item->emissions.score;
    r->n_frames = item->n_frames;
    r->n_steps = item->n_steps;
    item->result = r;
    return CS_OK;
}
