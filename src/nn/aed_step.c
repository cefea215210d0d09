/* SPDX-License-Identifier: MIT
 * Canary's decoder: a prompt in one pass, then token after token, for one line or several (beams).
 *
 *     x = LN(embedding[id] + position);  each layer:  self-attention, cross-attention, feed-forward;  LN
 *     scores = log_softmax(W x + b)
 *
 * Tokens are columns of panels, like the encoder's frames: a step of one token is bound by reading the weights, and a step
 * of several beams reads them once for all. NeMo keeps the inputs of each layer and makes keys and values anew in
 * every step; those of a position never change, so here they are kept.
 *
 * Beams. Each beam has a slot with room for every position, and writes what it computes to its own slot alone. Where the
 * positions of its line lie, in whose slot each, is a list of numbers; when a beam goes on with another's line it
 * takes over the list, and keys and values stay where they are. Nobody writes to a position of a slot that was passed. So
 * a line's keys are a few runs of slots.
 *
 * Each number of a column is made by the same operations in the same order whatever the other columns are.
 *
 * Source: NeMo nemo/collections/asr/modules/transformer/transformer_decoders.py, transformer_modules.py
 * (MultiHeadAttention, TransformerEmbedding), text_generation by transformer_generators.py. */
#include "nn/aed.h"

#include <math.h>
#include <stdio.h>

typedef struct step {
    const csi_run *run;
    const csi_aed *aed;
    csi_aed_cache *cache;
    csi_aed_line line;
    int64_t n, position; /* tokens of a line, and the first one's position */
    int32_t n_beams;
} step;

/* ----------------------------------------------------------------- attention */

typedef struct attend_job {
    const step *s;
    const float *q;              /* panels of H rows */
    const float *k, *v;          /* of this layer */
    const int32_t *slots;        /* NULL: the states */
    int64_t n_keys, slot_floats; /* keys that a head has room for; floats between slots */
} attend_job;

/* One head of one column to h. scratch: scores (keys), places of values (keys), query and result (pitch). */
static void attend(const attend_job *job, int64_t column, int32_t head, float *scratch)
{
    const step *s = job->s;
    const csi_aed_stack *stack = &s->aed->decoder;
    const csi_ops *ops = s->run->ops;
    const int64_t width = stack->head_width, pitch = s->cache->pitch;
    const int64_t keys = job->slots ? s->position + column % s->n + 1 : job->n_keys;
    const int32_t *slots = job->slots ? job->slots + column / s->n * job->n_keys : NULL;
    const int64_t at = csi_aed_at(&s->line, stack->d, head * width, column), row = csi_aed_pitch(&s->line);
    const float scale = 1.0f / sqrtf((float)width);
    float *q = scratch, *out = q + pitch, *scores = out + pitch;
    const float **values = (const float **)(void *)(scores + (keys + 15) / 16 * 16);
    for (int64_t r = 0; r < pitch; r++)
        q[r] = r < width ? job->q[at + r * row] * scale : 0;
    for (int64_t j = 0, end; j < keys; j = end) {
        end = j + 1;
        while (end < keys && (!slots || slots[end] == slots[j]))
            end++;
        const int64_t base = (slots ? slots[j] * job->slot_floats : 0) + head * job->n_keys * pitch;
        ops->matvec(job->k + base, pitch, j, end, q, NULL, scores);
        for (int64_t i = j; i < end; i++)
            values[i] = job->v + base + i * pitch;
    }
    if (keys)
        ops->softmax(scores, keys);
    ops->combine(values, scores, keys, 0, out, pitch, CSI_STORE);
    for (int64_t r = 0; r < width; r++)
        s->line.h[at + r * row] = out[r];
}

static void attend_slice(void *context, int slice, int worker)
{
    const attend_job *job = context;
    const int32_t heads = job->s->aed->decoder.n_heads;
    attend(job, slice / heads, slice % heads, csi_run_scratch(job->s->run, worker));
}

/* Keys that are worth sharing, times the width of a head: between dense layers workers are awake. */
enum { SHARED_WORK = 32 * 1024 };

static void attend_all(const step *s, const attend_job *job, int64_t most_keys)
{
    const int64_t slices = s->line.columns * s->aed->decoder.n_heads;
    const bool shared = slices * most_keys * s->cache->pitch > SHARED_WORK;
    csi_pool_run(s->run->pool, shared ? s->run->max_threads : 1, (int)slices, attend_slice, (void *)(uintptr_t)job);
}

/* Keys or values of the step's tokens (panels of H rows) to their slots of a layer. */
static void keep(const step *s, const float *panels, float *kept, int64_t slot_floats)
{
    const csi_aed_stack *stack = &s->aed->decoder;
    const int64_t pitch = s->cache->pitch, width = stack->head_width, room = s->cache->room.n_positions;
    const int64_t row = csi_aed_pitch(&s->line);
    for (int64_t c = 0; c < s->line.columns; c++)
        for (int32_t head = 0; head < stack->n_heads; head++) {
            const float *in = panels + csi_aed_at(&s->line, stack->d, head * width, c);
            float *out = kept + c / s->n * slot_floats + (head * room + s->position + c % s->n) * pitch;
            for (int64_t r = 0; r < width; r++)
                out[r] = in[r * row];
            memset(out + width, 0, (size_t)(pitch - width) * sizeof *out);
        }
}

static void self_attention(step *s, int32_t index)
{
    const csi_aed_layer *layer = &s->aed->decoder.layers[index];
    const csi_aed_attention *w = &layer->self;
    const csi_aed_room *room = &s->cache->room;
    const int64_t d = s->aed->d, rows = (int64_t)csi_aed_panels(d, s->line.columns);
    const int64_t slot = s->aed->decoder.n_heads * (int64_t)room->n_positions * s->cache->pitch;
    float *q = s->line.wide, *k = q + rows, *v = k + rows;
    csi_aed_enter(&s->line, &w->q_w, layer->norm_self_w, layer->norm_self_b);
    const csi_linear qkv[3] = {csi_aed_dense(&s->line, &w->q_w, w->q_b, d, q),
                               csi_aed_dense(&s->line, &w->k_w, w->k_b, d, k),
                               csi_aed_dense(&s->line, &w->v_w, w->v_b, d, v)};
    csi_aed_multiply(&s->line, qkv, 3);
    float *kept_k = s->cache->self_k + index * room->n_beams * slot,
          *kept_v = s->cache->self_v + index * room->n_beams * slot;
    keep(s, k, kept_k, slot);
    keep(s, v, kept_v, slot);
    const attend_job job = {s, q, kept_k, kept_v, s->cache->slots, room->n_positions, slot};
    attend_all(s, &job, s->position + s->n);
    csi_aed_read(&s->line, &w->out_w, s->line.h, d);
    csi_aed_add(&s->line, &w->out_w, w->out_b);
    csi_aed_leave(&s->line, layer->norm_self_w, layer->norm_self_b);
}

static void cross_attention(step *s, int32_t index)
{
    const csi_aed_layer *layer = &s->aed->decoder.layers[index];
    const csi_aed_attention *w = &layer->cross;
    const int64_t n = s->cache->room.n_frames, at = index * s->aed->decoder.n_heads * n * s->cache->pitch;
    csi_aed_enter(&s->line, &w->q_w, layer->norm_cross_w, layer->norm_cross_b);
    const csi_linear q = csi_aed_dense(&s->line, &w->q_w, w->q_b, s->aed->d, s->line.wide);
    csi_aed_multiply(&s->line, &q, 1);
    const attend_job job = {s, s->line.wide, s->cache->cross_k + at, s->cache->cross_v + at, NULL, n, 0};
    attend_all(s, &job, n);
    csi_aed_read(&s->line, &w->out_w, s->line.h, s->aed->d);
    csi_aed_add(&s->line, &w->out_w, w->out_b);
    csi_aed_leave(&s->line, layer->norm_cross_w, layer->norm_cross_b);
}

enum { PLACE_FLOATS = 2 }; /* of the place of a value */

size_t csi_aed_scratch(const csi_aed *aed, int64_t n_frames)
{
    const size_t keys = ((size_t)CSI_MAX(n_frames, (int64_t)aed->max_positions) + 15) / 16 * 16;
    const size_t pitch = ((size_t)aed->decoder.head_width + 31) / 32 * 32;
    const size_t attend_floats = 2 * pitch + keys + keys * PLACE_FLOATS;
    const size_t ops = CSI_MAX(csi_ops_scratch(aed->decoder.head_width), csi_ops_scratch(aed->between.head_width));
    return (CSI_MAX(attend_floats, ops) + 15) / 16 * 16;
}

/* --------------------------------------------------------------------- beams */

static void go_on(csi_aed_cache *c, int32_t n_beams, const int32_t *parents, int64_t n, int64_t position)
{
    const int64_t room = c->room.n_positions;
    if (parents) {
        for (int32_t b = 0; b < n_beams; b++)
            memcpy(c->other_slots + b * room, c->slots + parents[b] * room, (size_t)position * sizeof *c->slots);
        int32_t *slots = c->slots;
        c->slots = c->other_slots;
        c->other_slots = slots;
    }
    for (int32_t b = 0; b < n_beams; b++)
        for (int64_t i = position; i < position + n; i++)
            c->slots[b * room + i] = b;
}

/* ---------------------------------------------------------------- both ends */

static void embed(step *s, const int32_t *ids)
{
    const int64_t d = s->aed->d;
    for (int64_t c = 0; c < s->line.columns; c++) {
        const float *token = s->aed->embed + ids[c] * d, *place = s->aed->positions + (s->position + c % s->n) * d;
        float *x = s->line.x + c / CSI_PANEL * d * CSI_PANEL + c % CSI_PANEL;
        for (int64_t r = 0; r < d; r++)
            x[r * CSI_PANEL] = token[r] + place[r];
    }
    csi_layer_norm_run(s->run, s->line.x, s->line.x, d, s->line.columns, s->aed->norm_w, s->aed->norm_b, false);
}

static void show(const step *s, const char *name)
{
    const csi_encoder_hooks *hooks = s->cache->hooks;
    const int64_t d = s->aed->d;
    if (!hooks || !hooks->tensor)
        return;
    csi_panels_to_frames(s->run, s->line.x, d, s->line.columns, s->cache->frames, d);
    hooks->tensor(hooks->user, name, 2, (int64_t[]){s->line.columns, d}, s->cache->frames);
}

/* Each line's last token (panels of H rows) through the head, to scores (n_beams, classes). */
static void screen(const step *s, const float *last, float *scores)
{
    const int64_t d = s->aed->d, classes = s->aed->classes;
    float *x = s->cache->logits, *work = x + (d + 15) / 16 * 16;
    for (int32_t b = 0; b < s->n_beams; b++) {
        const float *in = last + b / CSI_PANEL * d * CSI_PANEL + b % CSI_PANEL;
        for (int64_t r = 0; r < d; r++)
            x[r] = in[r * CSI_PANEL];
        const csi_matvec head = {
            .w = s->aed->embed, .bias = s->aed->head_b, .x = x, .y = scores + b * classes, .n_out = classes, .n_in = d};
        csi_screen_run(s->run, &s->aed->screen, &head, s->cache->room.n_beams, CSI_AED_MARGIN, work);
    }
}

/* The head over each line's last token. */
static void score(step *s, float *scores)
{
    const int64_t d = s->aed->d, classes = s->aed->classes;
    const csi_aed_stack *stack = &s->aed->decoder;
    float *last = s->cache->last, *logits = s->cache->logits;
    for (int32_t b = 0; b < s->n_beams; b++) {
        const int64_t c = (b + 1) * s->n - 1;
        const float *x = s->line.x + c / CSI_PANEL * d * CSI_PANEL + c % CSI_PANEL;
        float *y = last + b / CSI_PANEL * d * CSI_PANEL + b % CSI_PANEL;
        for (int64_t r = 0; r < d; r++)
            y[r * CSI_PANEL] = x[r * CSI_PANEL];
    }
    if (stack->final_w)
        csi_layer_norm_run(s->run, last, last, d, s->n_beams, stack->final_w, stack->final_b, false);
    if (s->aed->screen.int8.w)
        screen(s, last, scores);
    else {
        const csi_linear head = csi_dense(s->aed->embed, s->aed->head_b, classes, d, last, logits, s->n_beams);
        csi_linear_run(s->run, &head, 1);
        csi_panels_to_frames(s->run, logits, classes, s->n_beams, scores, classes);
    }
    for (int32_t b = 0; b < s->n_beams; b++) {
        float *row = scores + b * classes;
        csi_softmax_sums sums;
        s->run->ops->softmax_sums(row, classes, 1, &sums);
        for (int64_t i = 0; i < classes; i++)
            row[i] = (float)((double)row[i] - sums.log_sum);
    }
}

void csi_aed_step(const csi_run *run, const csi_aed *aed, csi_aed_cache *cache, int32_t n_beams, const int32_t *parents,
                  const int32_t *ids, int32_t n, int32_t position, float *scores)
{
    step s = {.run = run, .aed = aed, .cache = cache, .n = n, .position = position, .n_beams = n_beams};
    s.line = (csi_aed_line){.run = run,
                            .stack = &aed->decoder,
                            .columns = (int64_t)n_beams * n,
                            .x = cache->x,
                            .h = cache->h,
                            .wide = cache->wide,
                            .narrow = cache->narrow,
                            .alone = n_beams * n == 1 && csi_aed_kind(aed) != CSI_KIND_F32};
    go_on(cache, n_beams, parents, n, position);
    embed(&s, ids);
    show(&s, "embedding");
    for (int32_t i = 0; i < aed->decoder.n_layers; i++) {
        char name[24];
        self_attention(&s, i);
        cross_attention(&s, i);
        csi_aed_feed_forward(&s.line, &aed->decoder.layers[i]);
        snprintf(name, sizeof name, "decoder_%02d", i);
        show(&s, name);
    }
    score(&s, scores);
}
