/* SPDX-License-Identifier: MIT
 * Once over every weight that a model uses, on all threads: no number may be infinite or NaN, and dense layers become int8
 * or bf16 where they shall. What is packed is not read again in f32, so its memory goes back as the walk goes on: such a
 * model never holds more than that and one tensor in f32. In f32 the walk also brings the mapping into memory before the
 * first call.
 *
 * All that is packed lies in one block, each layer's part where layout() says, and a cache may keep the block (cache.h). With a
 * block from there nothing is walked: its key stands for a model whose weights were found finite, and the dense layers'
 * f32 values are never touched. */
#include "engine/engine.h"

enum { SLICE = 1 << 18 }; /* numbers: what the second look finds in a core's cache */

typedef struct walk {
    const cs_model *model;
    csi_draft *draft;  /* NULL: not kept */
    const char *block; /* whose bytes are the draft's */
    const csi_weights_used *used;
    int64_t slice_rows;
    csi_narrow narrow; /* used->dense in its new kind; w NULL: stays f32 */
    atomic_bool bad;
} walk;

/* Part of the block is as it will stay: to its file, while the other workers pack. */
static void keep(const walk *k, const void *part, size_t size)
{
    csi_cache_write(k->draft, part, size, (size_t)((const char *)part - k->block));
}

static void walk_slice(void *context, int slice, int worker)
{
    walk *k = context;
    const csi_weights_used *u = k->used;
    int64_t row0 = slice * k->slice_rows, row1 = CSI_MIN(row0 + k->slice_rows, u->n / u->n_in);
    (void)worker;
    if (!k->model->ops->all_finite(u->values + row0 * u->n_in, (row1 - row0) * u->n_in))
        atomic_store(&k->bad, true);
    else if (k->narrow.w) {
        csi_narrow_pack(&k->narrow, u->values, row0, row1);
        if (k->draft)
            keep(k, k->narrow.w + row0 * k->narrow.words,
                 (size_t)((csi_row_blocks(row1) * CSI_ROW_BLOCK - row0) * k->narrow.words) * sizeof *k->narrow.w);
    }
}

/* One array. Its first number that is none is looked for only when there is one. */
static cs_err walk_array(walk *k, csi_loader *loader)
{
    const csi_weights_used *u = k->used;
    int64_t rows = u->n / u->n_in;
    k->slice_rows = csi_row_blocks(CSI_MAX(1, SLICE / u->n_in)) * CSI_ROW_BLOCK;
    csi_pool_run(k->model->pool, 0, (int)((rows + k->slice_rows - 1) / k->slice_rows), walk_slice, k);
    if (!atomic_load(&k->bad))
        return CS_OK;
    int64_t at = 0;
    while (at < u->n && k->model->ops->all_finite(u->values + at, 1))
        at++;
    return csi_fail(loader->err, CS_EMODEL, at, "%s: tensor %s holds %g at element %lld, expected finite weights",
                    csi_archive_path(loader->archive), u->name, (double)u->values[at], (long long)at);
}

/* Bytes of u's dense layer in a narrow kind; places its parts when memory is there. */
static size_t layout(const csi_weights_used *u, csi_kind kind, char *memory, csi_narrow *narrow)
{
    const int64_t n_out = u->n / u->n_in, words = csi_narrow_words(kind, u->n_in);
    const size_t rows = (size_t)csi_row_blocks(n_out) * CSI_ROW_BLOCK;
    const size_t w = rows * (size_t)words * sizeof(uint32_t);
    const size_t scale = kind == CSI_KIND_INT8 ? rows * sizeof(float) : 0,
                 sum = kind == CSI_KIND_INT8 ? rows * sizeof(int32_t) : 0;
    if (memory)
        *narrow = (csi_narrow){.kind = kind,
                               .w = (uint32_t *)(void *)memory,
                               .scale = scale ? (float *)(void *)(memory + w) : NULL,
                               .sum = sum ? (int32_t *)(void *)(memory + w + scale) : NULL,
                               .n_out = n_out,
                               .n_in = u->n_in,
                               .words = words};
    return w + scale + sum;
}

/* The layer is narrow from now on. */
static void hand_over(const walk *k, csi_loader *loader)
{
    k->used->dense->narrow = k->narrow;
    k->used->dense->f32 = NULL;
    csi_archive_release(loader->archive, k->used->name);
}

csi_kind csi_model_kind(const cs_model *model)
{
    return model->precision == CS_PRECISION_INT8   ? CSI_KIND_INT8
           : model->precision == CS_PRECISION_BF16 ? CSI_KIND_BF16
                                                   : CSI_KIND_F32;
}

static bool is_packed(const cs_model *model, const csi_weights_used *u)
{
    return u->dense && csi_model_kind(model) != CSI_KIND_F32;
}

/* Bytes of the whole block. */
static size_t block_bytes(const cs_model *model, const csi_loader *loader)
{
    size_t size = 0;
    for (const csi_weights_used *u = loader->used; u; u = u->next)
        size += is_packed(model, u) ? layout(u, csi_model_kind(model), NULL, NULL) : 0;
    return size;
}

/* The model and how it is packed. The number changes when packing gives other bytes; the bytes depend on no CPU path. False:
 * out of memory. */
static bool cache_key(const cs_model *model, const csi_loader *loader, csi_cache *cache)
{
    enum { PACKING = 2 };
    csi_buf what;
    csi_buf_init(&what, &model->env);
    csi_buf_printf(&what, "packing %d precision %s\n", PACKING, cache->precision);
    for (const csi_weights_used *u = loader->used; u; u = u->next)
        if (is_packed(model, u))
            csi_buf_printf(&what, "%s %lld %lld\n", u->name, (long long)u->n, (long long)u->n_in);
    if (!what.failed)
        csi_archive_digest(loader->archive, what.data, what.size, cache->key);
    csi_buf_finish(&what);
    return !what.failed;
}

/* Walk everything, packing into block and, unless draft is NULL, writing that. */
static cs_err pack(cs_model *model, csi_loader *loader, char *block, csi_draft *draft)
{
    const char *whole = block;
    for (csi_weights_used *u = loader->used; u; u = u->next) {
        walk k = {.model = model, .draft = draft, .block = whole, .used = u};
        atomic_init(&k.bad, false);
        if (is_packed(model, u))
            block += layout(u, csi_model_kind(model), block, &k.narrow);
        cs_err code = csi_load_values(loader, u);
        if (!code)
            code = walk_array(&k, loader);
        if (code)
            return code;
        if (k.narrow.w && draft) { /* what stands after the words */
            const char *rest =
                (const char *)(k.narrow.w + csi_row_blocks(k.narrow.n_out) * CSI_ROW_BLOCK * k.narrow.words);
            keep(&k, rest, (size_t)(block - rest));
        }
        if (k.narrow.w)
            hand_over(&k, loader);
        else if (u->dense)
            u->dense->f32 = u->values;
    }
    return CS_OK;
}

/* The same with a block that was found. */
static void unpack(cs_model *model, csi_loader *loader)
{
    char *block = (char *)(uintptr_t)model->cached.block; /* read-only, as all that is packed from now on */
    for (const csi_weights_used *u = loader->used; u; u = u->next) {
        walk k = {.model = model, .used = u};
        if (!is_packed(model, u))
            continue;
        block += layout(u, csi_model_kind(model), block, &k.narrow);
        hand_over(&k, loader);
    }
}

cs_err csi_weights_settle(cs_model *model, csi_loader *loader, csi_cache *cache)
{
    const size_t size = block_bytes(model, loader);
    const bool keeps = csi_cache_keeps(cache, size) && cache_key(model, loader, cache);
    model->info.weight_bytes = (int64_t)size;
    for (const csi_weights_used *u = loader->used; u; u = u->next)
        model->info.weight_bytes += is_packed(model, u) ? 0 : u->n * (int64_t)sizeof(float);
    model->info.opened = size ? "packed now" : "mapped";
    if (keeps && csi_cache_get(cache, size, &model->cached)) {
        model->info.opened = "from the cache";
        unpack(model, loader);
        return CS_OK;
    }
    char *block = size ? csi_alloc_huge(&model->env, size, &model->block) : NULL;
    if (size && !block)
        return csi_fail_memory(loader->err, size, "the packed weights");
    if (!keeps)
        return pack(model, loader, block, NULL);
    csi_draft draft;
    csi_cache_begin(cache, size, &draft);
    cs_err code = pack(model, loader, block, &draft);
    if (code)
        csi_cache_drop(&draft);
    else
        csi_cache_end(&draft, block);
    return code;
}
