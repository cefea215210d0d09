/* SPDX-License-Identifier: MIT
 * Relative positions: the sine table and its projection by each layer's linear_pos.
 *
 * Neither depends on the audio, only on how far apart two frames can be, so the projections are kept with the model and
 * shared by its sessions: 7.7 % of the encoder's work that is then done once. They are kept for a few reaches (in
 * panels of 48 frames); a shorter one reads the middle of a longer one. Beyond KEEP_BYTES they are not kept, and a
 * layer projects its own.
 *
 * Column m of a table of `reach` panels on either side is position reach * 48 - 1 - m, positive when the key is older
 * than the query.
 *
 * Source: NeMo nemo/collections/asr/parts/submodules/multi_head_attention.py, RelPositionalEncoding. */
#include "nn/nn.h"

#include <math.h>
#include <pthread.h>

enum { KEEP_ENTRIES = 8 };
static const int64_t keep_bytes = (int64_t)192 << 20;

typedef struct entry {
    int64_t reach;
    float *projected; /* (n_layers) x panels of d rows of floats or d / 2 of words, 2 * reach panels */
} entry;

struct csi_position_cache {
    const csi_env *env;
    pthread_mutex_t lock;
    entry entries[KEEP_ENTRIES]; /* guard: lock; an entry once filled never changes until the cache is freed */
    int n_entries;               /* guard: lock */
    int32_t n_layers;
};

struct csi_position_cache *csi_positions_create(const csi_env *env, int32_t n_layers)
{
    struct csi_position_cache *cache = csi_alloc_zero(env, sizeof *cache);
    if (cache) {
        cache->env = env;
        cache->n_layers = n_layers;
        pthread_mutex_init(&cache->lock, NULL);
    }
    return cache;
}

void csi_positions_free(struct csi_position_cache *cache)
{
    if (!cache)
        return;
    for (int i = 0; i < cache->n_entries; i++)
        csi_free(cache->env, cache->entries[i].projected);
    pthread_mutex_destroy(&cache->lock);
    csi_free(cache->env, cache);
}

void csi_positions_table(int64_t d, int64_t reach, float *table)
{
    int64_t n = 2 * reach * CSI_PANEL;
    for (int64_t i = 0; i < d / 2; i++) {
        double rate = exp(-2.0 * (double)i * log(10000.0) / (double)d);
        for (int64_t m = 0; m < n; m++) {
            double angle = (double)(reach * CSI_PANEL - 1 - m) * rate;
            float *at = table + (m / CSI_PANEL * d + 2 * i) * CSI_PANEL + m % CSI_PANEL;
            at[0] = (float)sin(angle);
            at[CSI_PANEL] = (float)cos(angle);
        }
    }
}

size_t csi_positions_narrow_floats(const csi_encoder *e, int64_t reach)
{
    return csi_narrow_floats(csi_kind_of(&e->layers[0].pos_w), e->d, 2 * reach * CSI_PANEL);
}

csi_narrow_panels csi_positions_narrow(const csi_run *run, const csi_encoder *e, int64_t reach, const float *table,
                                       float *buffer)
{
    const csi_kind kind = csi_kind_of(&e->layers[0].pos_w);
    const csi_narrow_panels narrow = csi_narrow_place(buffer, 2 * reach * CSI_PANEL);
    if (kind != CSI_KIND_F32)
        csi_convert_run(run, kind, table, (int64_t)e->d * CSI_PANEL, e->d, 2 * reach * CSI_PANEL, &narrow);
    return narrow;
}

void csi_positions_words(const csi_run *run, const csi_encoder *e, int64_t reach, const float *projected,
                         uint32_t *words)
{
    const csi_narrow_panels out = {.w = words, .scale = NULL};
    csi_convert_run(run, CSI_KIND_BF16, projected, (int64_t)e->d * CSI_PANEL, e->d, 2 * reach * CSI_PANEL, &out);
}

/* Floats of one layer's projections as they are kept. */
static int64_t layer_size(const csi_encoder *e, int64_t reach)
{
    return 2 * reach * CSI_PANEL * (e->words ? e->d / 2 : e->d);
}

static void project(const csi_run *run, const csi_encoder *e, int64_t reach, int32_t layer, const float *table,
                    csi_narrow_panels narrow, float *out)
{
    const csi_linear l =
        csi_layer(&e->layers[layer].pos_w, NULL, e->d, e->d, table, narrow, out, 2 * reach * CSI_PANEL);
    csi_linear_run(run, &l, 1);
}

static float *project_all(const csi_run *run, const csi_encoder *e, const csi_env *env, int64_t reach)
{
    const size_t floats = (size_t)(2 * reach * CSI_PANEL * e->d), kept = (size_t)layer_size(e, reach),
                 narrow_floats = csi_positions_narrow_floats(e, reach);
    float *table = csi_alloc(env, (floats + narrow_floats + (e->words ? floats : 0)) * sizeof *table);
    float *all = csi_alloc(env, kept * (size_t)e->n_layers * sizeof *all);
    if (table && all) {
        float *projected = table + floats + narrow_floats; /* of one layer, to be words */
        csi_positions_table(e->d, reach, table);
        const csi_narrow_panels narrow = csi_positions_narrow(run, e, reach, table, table + floats);
        for (int32_t i = 0; i < e->n_layers; i++) {
            float *out = all + kept * (size_t)i;
            project(run, e, reach, i, table, narrow, e->words ? projected : out);
            if (e->words)
                csi_positions_words(run, e, reach, projected, (uint32_t *)(void *)out);
        }
    } else {
        csi_free(env, all);
        all = NULL;
    }
    csi_free(env, table);
    return all;
}

static int64_t kept_bytes(const csi_encoder *e, int64_t reach)
{
    return layer_size(e, reach) * (int64_t)sizeof(float) * e->n_layers;
}

/* The reach that is computed and kept for one that is wanted, or 0: too large to keep. */
static int64_t kept_reach(const csi_encoder *e, int64_t reach)
{
    int64_t rounded = 2; /* powers of two: few entries serve every length */
    while (rounded < reach)
        rounded *= 2;
    if (kept_bytes(e, rounded) <= keep_bytes)
        return rounded;
    return kept_bytes(e, reach) <= keep_bytes ? reach : 0;
}

int64_t csi_positions_bytes(const csi_encoder *e, int64_t reach)
{
    int64_t kept = kept_reach(e, reach);
    if (kept)
        return kept_bytes(e, kept);
    const int64_t floats = 2 * reach * CSI_PANEL * e->d;
    return (2 * floats + (e->words ? layer_size(e, reach) : 0) + (int64_t)csi_positions_narrow_floats(e, reach))
           * (int64_t)sizeof(float);
}

const float *csi_positions_get(const csi_run *run, csi_encoder *e, int64_t reach, int64_t *offset_floats,
                               int64_t *layer_floats)
{
    struct csi_position_cache *cache = e->positions;
    int64_t rounded = kept_reach(e, reach);
    if (!rounded)
        return NULL;
    pthread_mutex_lock(&cache->lock);
    const entry *best = NULL;
    for (int i = 0; i < cache->n_entries; i++)
        if (cache->entries[i].reach >= reach && (!best || cache->entries[i].reach < best->reach))
            best = &cache->entries[i];
    if (!best && cache->n_entries < KEEP_ENTRIES) {
        float *projected = project_all(run, e, cache->env, rounded);
        if (projected) {
            cache->entries[cache->n_entries] = (entry){rounded, projected};
            best = &cache->entries[cache->n_entries++];
        }
    }
    pthread_mutex_unlock(&cache->lock);
    if (!best)
        return NULL;
    *layer_floats = layer_size(e, best->reach);
    *offset_floats = (*layer_floats - layer_size(e, reach)) / 2;
    return best->projected;
}
