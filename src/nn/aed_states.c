/* SPDX-License-Identifier: MIT
 * From the encoder's output to what Canary's decoder attends to: a projection where the widths differ, and layers of a
 * transformer where the model has some (no release does). No norm in between, no scaling.
 *
 * The layers' attention is the encoder's with all positions and biases zero.
 *
 * Source: NeMo nemo/collections/asr/models/aed_multitask_models.py EncDecMultiTaskModel.forward; TransformerEncoder. */
#include "nn/aed.h"

#include <math.h>

typedef struct states {
    csi_aed_line line;
    float *own;            /* panels of D rows: the utterance's columns from a panel's first on */
    float *narrow, *zeros; /* conversion of the encoder's output; positions and biases */
    int32_t *first, *end;
} states;

/* Position panels and biases: all of them read the same zeros. */
static size_t zero_floats(const csi_aed_stack *s, int64_t n)
{
    return (size_t)(2 * csi_panels(n) * CSI_PANEL * s->d);
}

static size_t layout(const csi_aed *aed, int64_t n, float *memory, states *s)
{
    const csi_aed_stack *b = &aed->between;
    const bool layers = b->n_layers > 0;
    const int64_t columns = csi_panels(n) * CSI_PANEL;
    float *ints = NULL;
    const size_t sizes[] = {csi_aed_panels(aed->d_model, n),
                            layers || aed->proj_b ? csi_aed_panels(aed->d, n) : 0,
                            aed->proj_b ? csi_narrow_floats(csi_aed_kind(aed), aed->d_model, n) : 0,
                            layers ? csi_aed_panels(aed->d, n) : 0,
                            layers ? csi_aed_panels(csi_aed_wide_rows(b), n) : 0,
                            csi_aed_narrow_floats(b, n),
                            layers ? zero_floats(b, n) : 0,
                            layers ? (size_t)(2 * columns) : 0};
    float **const places[] = {&s->own,       &s->line.x,      &s->narrow, &s->line.h,
                              &s->line.wide, &s->line.narrow, &s->zeros,  &ints};
    const size_t used = csi_floats_place(memory, sizes, places, CSI_COUNT(sizes));
    s->first = (int32_t *)(void *)ints;
    s->end = ints ? s->first + columns : NULL;
    return used;
}

size_t csi_aed_states_floats(const csi_aed *aed, int64_t n_frames)
{
    states s;
    return layout(aed, n_frames, NULL, &s);
}

/* Columns [column, column + n) of panels of rows to panels. */
static void own_columns(const float *panels, int64_t rows, int64_t column, int64_t n, float *own)
{
    const int64_t shift = column % CSI_PANEL, left = CSI_PANEL - shift;
    for (int64_t p = 0; p < csi_panels(n); p++) {
        const float *in = panels + (column / CSI_PANEL + p) * rows * CSI_PANEL;
        const bool both = n - p * CSI_PANEL > left; /* the next panel is there, and wanted */
        for (int64_t r = 0; r < rows; r++, in += CSI_PANEL, own += CSI_PANEL) {
            memcpy(own, in + shift, (size_t)left * sizeof *own);
            if (both)
                memcpy(own + left, in + rows * CSI_PANEL, (size_t)shift * sizeof *own);
            else
                memset(own + left, 0, (size_t)shift * sizeof *own);
        }
    }
}

static void project(const csi_run *run, const csi_aed *aed, const float *encoder, int64_t n, states *s)
{
    csi_narrow_panels narrow = {0};
    const csi_kind kind = csi_kind_of(&aed->proj_w);
    if (kind != CSI_KIND_F32) {
        narrow = csi_narrow_place(s->narrow, n);
        csi_convert_run(run, kind, encoder, (int64_t)aed->d_model * CSI_PANEL, aed->d_model, n, &narrow);
    }
    const csi_linear l = csi_layer(&aed->proj_w, aed->proj_b, aed->d, aed->d_model, encoder, narrow, s->line.x, n);
    csi_linear_run(run, &l, 1);
}

static void self_attention(states *s, const csi_aed_layer *layer)
{
    csi_aed_line *line = &s->line;
    const csi_aed_stack *b = line->stack;
    const csi_aed_attention *w = &layer->self;
    const int64_t n = line->columns, columns = csi_panels(n) * CSI_PANEL, rows = b->d * columns;
    float *q = line->wide, *k = q + rows, *v = k + rows;
    csi_aed_enter(line, &w->q_w, layer->norm_self_w, layer->norm_self_b);
    const csi_linear qkv[3] = {csi_aed_dense(line, &w->q_w, w->q_b, b->d, q),
                               csi_aed_dense(line, &w->k_w, w->k_b, b->d, k),
                               csi_aed_dense(line, &w->v_w, w->v_b, b->d, v)};
    csi_linear_run(line->run, qkv, 3);
    const csi_attention a = {.q = q,
                             .k = k,
                             .d = b->d,
                             .v = v,
                             .p = s->zeros,
                             .reach = csi_panels(n),
                             .bias_u = s->zeros,
                             .bias_v = s->zeros,
                             .n_heads = b->n_heads,
                             .head_width = b->head_width,
                             .n_queries = n,
                             .n_keys = n,
                             .first = s->first,
                             .end = s->end,
                             .scale = 1.0f / sqrtf((float)b->head_width),
                             .out = line->h};
    csi_attention_run(line->run, &a, 1);
    csi_aed_read(line, &w->out_w, line->h, b->d);
    csi_aed_add(line, &w->out_w, w->out_b);
    csi_aed_leave(line, layer->norm_self_w, layer->norm_self_b);
}

const float *csi_aed_states(const csi_run *run, const csi_aed *aed, const float *encoder, int64_t column, int64_t n,
                            float *memory)
{
    const csi_aed_stack *b = &aed->between;
    states s = {.own = NULL};
    layout(aed, n, memory, &s);
    if (column % CSI_PANEL) {
        own_columns(encoder, aed->d_model, column, n, s.own);
        encoder = s.own;
    } else
        encoder += column * aed->d_model;
    if (n == 0 || (!aed->proj_b && !b->n_layers))
        return encoder;
    if (aed->proj_b)
        project(run, aed, encoder, n, &s);
    else
        memcpy(s.line.x, encoder, csi_aed_panels(aed->d, n) * sizeof *encoder);
    if (!b->n_layers)
        return s.line.x;
    s.line.run = run;
    s.line.stack = b;
    s.line.columns = n;
    memset(s.zeros, 0, zero_floats(b, n) * sizeof *s.zeros);
    for (int64_t i = 0; i < n; i++) {
        s.first[i] = 0;
        s.end[i] = (int32_t)(b->causal ? i + 1 : n);
    }
    for (int32_t i = 0; i < b->n_layers; i++) {
        self_attention(&s, &b->layers[i]);
        csi_aed_feed_forward(&s.line, &b->layers[i]);
    }
    if (b->final_w)
        csi_layer_norm_run(run, s.line.x, s.line.x, b->d, n, b->final_w, b->final_b, false);
    return s.line.x;
}
