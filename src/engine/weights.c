/* SPDX-License-Identifier: MIT
 * Once over every weight that a model uses, on all threads: no number may be infinite or NaN, and dense layers become int8
 * where they shall. What is packed is not read again in f32, so its memory goes back as the walk goes on: a model in int8
 * never holds more than that and one tensor in f32. In f32 the walk also brings the mapping into memory before the first
 * call. */
#include "engine/engine.h"

enum { SLICE = 1 << 18 }; /* numbers: what the second look finds in a core's cache */

typedef struct walk {
    const cs_model *model;
    const csi_weights_used *used;
    int64_t slice_rows;
    int8_t *w; /* of used->dense in int8, NULL: stays f32 */
    float *scale;
    int32_t *sum;
    atomic_bool bad;
} walk;

static void walk_slice(void *context, int slice, int worker)
{
    walk *k = context;
    const csi_weights_used *u = k->used;
    int64_t row0 = slice * k->slice_rows, row1 = CSI_MIN(row0 + k->slice_rows, u->n / u->n_in);
    (void)worker;
    if (!k->model->ops->all_finite(u->values + row0 * u->n_in, (row1 - row0) * u->n_in))
        atomic_store(&k->bad, true);
    else if (k->w)
        csi_int8_pack(u->values, u->n_in, row0, row1, k->w, k->scale, k->sum);
}

/* One array. Its first number that is none is looked for only when there is one. */
static cs_err walk_array(walk *k, csi_loader *loader)
{
    const csi_weights_used *u = k->used;
    int64_t rows = u->n / u->n_in;
    k->slice_rows = CSI_MAX(1, SLICE / u->n_in);
    csi_pool_run(k->model->pool, 0, (int)((rows + k->slice_rows - 1) / k->slice_rows), walk_slice, k);
    if (!atomic_load(&k->bad))
        return CS_OK;
    int64_t at = 0;
    while (at < u->n && k->model->ops->all_finite(u->values + at, 1))
        at++;
    return csi_fail(loader->err, CS_EMODEL, at, "%s: tensor %s holds %g at element %lld, expected finite weights",
                    csi_archive_path(loader->archive), u->name, (double)u->values[at], (long long)at);
}

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Bytes of u's dense layer in int8; places its parts when memory is there. */
static size_t layout(const csi_weights_used *u, char *memory, walk *k)
{
    size_t rows = (size_t)(u->n / u->n_in), w = rounded(rows * (size_t)csi_int8_pitch(u->n_in));
    if (memory) {
        k->w = (int8_t *)memory;
        k->scale = (float *)(void *)(memory + w);
        k->sum = (int32_t *)(void *)(memory + w + rounded(rows * sizeof *k->scale));
    }
    return w + rounded(rows * sizeof *k->scale) + rounded(rows * sizeof *k->sum);
}

/* The walked array is int8 from now on. */
static void hand_over(const walk *k, csi_loader *loader)
{
    const csi_weights_used *u = k->used;
    u->dense->int8 = (csi_int8_weights){.w = k->w,
                                        .scale = k->scale,
                                        .sum = k->sum,
                                        .n_out = u->n / u->n_in,
                                        .n_in = u->n_in,
                                        .pitch = csi_int8_pitch(u->n_in)};
    u->dense->f32 = NULL;
    csi_archive_release(loader->archive, u->name);
}

cs_err csi_weights_settle(cs_model *model, csi_loader *loader)
{
    bool int8 = model->precision == CS_PRECISION_INT8;
    size_t size = 0;
    for (const csi_weights_used *u = loader->used; int8 && u; u = u->next)
        size += u->dense ? layout(u, NULL, NULL) : 0;
    char *memory = int8 ? csi_alloc_huge(&model->env, size, &model->int8) : NULL;
    if (int8 && !memory)
        return csi_fail_memory(loader->err, size, "the weights in int8");
    model->info.weight_bytes = (int64_t)size;
    for (const csi_weights_used *u = loader->used; u; u = u->next) {
        walk k = {.model = model, .used = u};
        atomic_init(&k.bad, false);
        if (int8 && u->dense)
            memory += layout(u, memory, &k);
        cs_err code = walk_array(&k, loader);
        if (code)
            return code;
        if (k.w)
            hand_over(&k, loader);
        else
            model->info.weight_bytes += u->n * (int64_t)sizeof(float);
    }
    return CS_OK;
}
