/* SPDX-License-Identifier: MIT
 * The memory of Canary's decoder: keys and values of the encoder's states, made once per utterance, and room for those of
 * the tokens. All keys of a head lie one after the other, each padded to whole vectors, so that the scores of a query are
 * one product of a matrix and a vector. */
#include "nn/aed.h"

static int64_t wide_rows(const csi_aed *aed)
{
    return csi_aed_wide_rows(&aed->decoder);
}

/* The head's panels, or a vector and the screen's room. */
static size_t logit_floats(const csi_aed *aed, int32_t n_beams)
{
    const size_t vector = ((size_t)aed->d + 15) / 16 * 16;
    return aed->screen.int8.w ? vector + csi_screen_floats(aed->classes, aed->d)
                              : csi_aed_panels(aed->classes, n_beams);
}

static size_t layout(const csi_aed *aed, float *memory, csi_aed_cache *c)
{
    const csi_aed_stack *s = &aed->decoder;
    const csi_aed_room *room = &c->room;
    const size_t head = (size_t)s->n_layers * (size_t)s->n_heads * (size_t)c->pitch;
    const size_t self = head * (size_t)room->n_beams * (size_t)room->n_positions;
    const size_t cross = head * (size_t)room->n_frames, slots = (size_t)room->n_beams * (size_t)room->n_positions;
    const int64_t columns = CSI_MAX(room->n_tokens, room->n_beams);
    float *ints[2];
    const size_t sizes[] = {self,
                            self,
                            cross,
                            cross,
                            slots,
                            slots,
                            csi_aed_panels(aed->d, columns),
                            csi_aed_panels(aed->d, columns),
                            csi_aed_panels(wide_rows(aed), columns),
                            csi_aed_narrow_floats(s, columns),
                            csi_aed_panels(aed->d, room->n_beams),
                            logit_floats(aed, room->n_beams),
                            (size_t)(aed->d * columns)};
    float **const places[] = {&c->self_k, &c->self_v, &c->cross_k, &c->cross_v, &ints[0],   &ints[1],  &c->x,
                              &c->h,      &c->wide,   &c->narrow,  &c->last,    &c->logits, &c->frames};
    const size_t used = csi_floats_place(memory, sizes, places, CSI_COUNT(sizes));
    c->slots = (int32_t *)(void *)ints[0];
    c->other_slots = (int32_t *)(void *)ints[1];
    return used;
}

static csi_aed_cache begin(const csi_aed *aed, const csi_aed_room *room)
{
    return (csi_aed_cache){.room = *room, .pitch = ((int64_t)aed->decoder.head_width + 31) / 32 * 32};
}

size_t csi_aed_cache_floats(const csi_aed *aed, const csi_aed_room *room)
{
    csi_aed_cache cache = begin(aed, room);
    return layout(aed, NULL, &cache);
}

void csi_aed_cache_init(const csi_aed *aed, const csi_aed_room *room, float *memory, csi_aed_cache *cache)
{
    *cache = begin(aed, room);
    layout(aed, memory, cache);
}

/* --------------------------------------------------------------------- cross */

static size_t cross_layout(const csi_aed *aed, int64_t n, float *memory, csi_aed_line *line)
{
    const size_t sizes[] = {csi_aed_panels(2 * (int64_t)aed->d, n), csi_aed_narrow_floats(&aed->decoder, n)};
    float **const places[] = {&line->wide, &line->narrow};
    return csi_floats_place(memory, sizes, places, CSI_COUNT(sizes));
}

size_t csi_aed_cross_floats(const csi_aed *aed, int64_t n_frames)
{
    csi_aed_line line;
    return cross_layout(aed, n_frames, NULL, &line);
}

typedef struct by_head_job {
    const csi_aed_stack *stack;
    const float *panels; /* of H rows */
    float *out;          /* (head, n, pitch) */
    int64_t n, pitch;
} by_head_job;

static void by_head_slice(void *context, int slice, int worker)
{
    const by_head_job *job = context;
    const csi_aed_stack *s = job->stack;
    (void)worker;
    const int64_t head = slice % s->n_heads, panel = slice / s->n_heads, t0 = panel * CSI_PANEL;
    const float *in = job->panels + (panel * s->d + head * s->head_width) * CSI_PANEL;
    float *out = job->out + (head * job->n + t0) * job->pitch;
    for (int64_t t = 0; t < CSI_MIN(job->n - t0, CSI_PANEL); t++, out += job->pitch) {
        for (int64_t r = 0; r < s->head_width; r++)
            out[r] = in[r * CSI_PANEL + t];
        memset(out + s->head_width, 0, (size_t)(job->pitch - s->head_width) * sizeof *out);
    }
}

static void by_head(const csi_run *run, const csi_aed_stack *s, const float *panels, int64_t n, int64_t pitch,
                    float *out)
{
    by_head_job job = {s, panels, out, n, pitch};
    csi_pool_run(run->pool, run->max_threads, (int)(csi_panels(n) * s->n_heads), by_head_slice, &job);
}

void csi_aed_cross(const csi_run *run, const csi_aed *aed, const float *states, csi_aed_cache *c, float *memory)
{
    const csi_aed_stack *s = &aed->decoder;
    const int64_t n = c->room.n_frames, layer_floats = s->n_heads * n * c->pitch;
    csi_aed_line line = {.run = run, .stack = s, .columns = n};
    if (n == 0)
        return;
    cross_layout(aed, n, memory, &line);
    csi_aed_read(&line, &s->layers[0].cross.k_w, states, aed->d);
    float *k = line.wide, *v = k + csi_aed_panels(aed->d, n);
    for (int32_t i = 0; i < s->n_layers; i++) {
        const csi_aed_attention *w = &s->layers[i].cross;
        const csi_linear kv[2] = {csi_aed_dense(&line, &w->k_w, w->k_b, s->d, k),
                                  csi_aed_dense(&line, &w->v_w, w->v_b, s->d, v)};
        csi_linear_run(run, kv, 2);
        by_head(run, s, k, n, c->pitch, c->cross_k + i * layer_floats);
        by_head(run, s, v, n, c->pitch, c->cross_v + i * layer_floats);
    }
}
