/* SPDX-License-Identifier: MIT
 * The FastConformer encoder, top to bottom: one run over one utterance or several at once.
 *
 *     x = out(subsampling(mel)) * xscale
 *     each layer:  x += 1/2 FF1(LN x);  x += MHA(LN x);  x += Conv(LN x);  x += 1/2 FF2(LN x);  x = LN x
 *
 * The layers' dense parts are f32, int8 or bf16 as the model was opened. With either narrow kind, attention multiplies in
 * bf16 on CPUs that do so. All else is f32, the sub-sampling with its output layer too: in int8 it does ten times the harm
 * of all layers together and is 2 % of the arithmetic.
 *
 * Several utterances stand one after the other without gaps: short ones are bound by reading the weights, and these are
 * then read once for all. Dense layers, norms and quantisation run over all columns; sub-sampling, attention and the
 * depthwise convolution are each utterance's own; one table of positions, the longest's, serves all. Attention wants
 * queries, keys and values to begin with a panel, so those of several are copied there.
 *
 * A long utterance goes in blocks: blocks.c. No number changes.
 *
 * Q, K and V are one run on the pool; scores never exist as a matrix. Memory is linear in the length, or bounded when
 * attention is: csi_encoder_bytes().
 *
 * Source: NeMo nemo/collections/asr/modules/conformer_encoder.py ConformerEncoder.forward_internal. */
#include "nn/layer.h"

#include <stdio.h>

/* ------------------------------------------------------------------- memory */

static int64_t wide_rows(const csi_encoder *e)
{
    int64_t rows = CSI_MAX((int64_t)e->ff, 3 * (int64_t)e->d);
    return CSI_MAX(rows, (int64_t)e->subsampling.channels * e->subsampling.n_freq);
}

/* All dense layers are of one kind. */
static csi_kind kind_of(const csi_encoder *e)
{
    return csi_kind_of(&e->layers[0].ff1_in_w);
}

int64_t csi_encoding_kv_rows(const csi_encoder *e)
{
    return e->words ? e->d / 2 : e->d;
}

size_t csi_encoder_scratch(const csi_encoder *e, int64_t n_frames, bool whole)
{
    size_t floats = csi_ops_scratch(e->head_width);
    floats = CSI_MAX(floats, csi_subsampling_scratch(&e->subsampling));
    int64_t panels = csi_panels(n_frames) + 2;
    if (!whole)
        panels = CSI_MIN(panels, CSI_BLOCK + csi_panels(e->conv_left) + csi_panels(e->conv_right) + 2);
    floats = CSI_MAX(floats, (size_t)(panels * CSI_PANEL + e->kernel));
    return (floats + 15) / 16 * 16;
}

/* Floats of the block; places the buffers when memory is there. The products cannot overflow: sizes were
 * range-checked at open and n_frames comes from samples in memory. */
static size_t layout(csi_encoding *s, float *memory, bool own_positions, bool with_frames)
{
    const csi_encoder *e = s->e;
    const bool flowing = s->way == CSI_FLOWING;
    const int64_t d = e->d, block = s->way == CSI_WHOLE ? s->columns : CSI_BLOCK * CSI_PANEL;
    const size_t table = own_positions ? (size_t)(2 * s->reach * CSI_PANEL * d) : 0;
    const size_t narrow_table = own_positions ? csi_positions_narrow_floats(e, s->reach) : 0;
    const size_t narrow_in = csi_narrow_floats(s->kind, CSI_MAX(e->ff, d), block);
    const size_t utterances = (size_t)s->n_utterances, layers = flowing ? (size_t)e->n_layers : 1;
    float *first, *end, *attentions, *moves, *progress, *narrow[2];
    const struct {
        float **place;
        size_t floats;
    } parts[] = {
        {&s->xs.data, (size_t)(d * s->xs.room * CSI_PANEL)},
        {&s->h, (size_t)(d * block)},
        {&s->wide, (size_t)(wide_rows(e) * block)},
        {&s->keys.data, (size_t)(csi_encoding_kv_rows(e) * s->keys.room * CSI_PANEL)},
        {&s->values.data, (size_t)(csi_encoding_kv_rows(e) * s->values.room * CSI_PANEL)},
        {&s->wides.data, (size_t)(2 * d * s->wides.room * CSI_PANEL)},
        {&s->tails, flowing ? layers * csi_blocks_tail_floats(s) : 0},
        {&s->handed, flowing ? (size_t)(d * block) : 0},
        {&s->mel, flowing ? (size_t)(e->subsampling.n_mels * s->mel_room) : 0},
        {&s->table, table},
        {&s->projected, table},
        {&s->frames, with_frames ? (size_t)(s->all_n * d) : 0},
        {&first, (size_t)block},
        {&end, (size_t)block},
        {&attentions, utterances * (sizeof(csi_attention) / sizeof(float))},
        {&moves, utterances * (3 * sizeof(csi_columns) / sizeof(float))},
        {&progress, layers * (sizeof(csi_progress) / sizeof(float))},
        {&s->aligned, 3 * (size_t)(d * s->aligned_columns)},
        {&narrow[0], narrow_in},
        {&narrow[1], narrow_table},
        {&s->position_words, e->words ? table / 2 : 0},
    };
    size_t used = 0;
    for (size_t i = 0; i < CSI_COUNT(parts); i++) {
        *parts[i].place = memory && parts[i].floats ? memory + used : NULL;
        used += (parts[i].floats + 15) / 16 * 16;
    }
    s->first = (int32_t *)(void *)first;
    s->end = (int32_t *)(void *)end;
    s->attentions = (csi_attention *)(void *)attentions;
    s->moves = (csi_columns *)(void *)moves;
    s->progress = (csi_progress *)(void *)progress;
    if (narrow[0])
        s->narrow_in = csi_narrow_place(narrow[0], block);
    if (narrow[1])
        s->narrow_table = csi_narrow_place(narrow[1], 2 * s->reach * CSI_PANEL);
    s->x = s->xs.data;
    return used;
}

/* -------------------------------------------------------------------- hooks */

bool csi_encoding_stopped(csi_encoding *s, double share)
{
    return s->hooks->step && s->hooks->step(s->hooks->user, share);
}

void csi_encoding_show(csi_encoding *s, const char *name)
{
    if (!s->hooks->tensor)
        return;
    csi_panels_to_frames(s->run, s->xs.data, s->e->d, s->all_n, s->frames, s->e->d);
    s->hooks->tensor(s->hooks->user, name, 2, (int64_t[]){s->all_n, s->e->d}, s->frames);
}

void csi_encoding_spent(csi_encoding *s, const char *stage)
{
    if (!s->hooks->stage)
        return;
    uint64_t began = s->clock;
    s->clock = csi_now_ns();
    if (stage)
        s->hooks->stage(s->hooks->user, stage, (double)(s->clock - began) / 1e6);
}

/* -------------------------------------------------------------------- masks */

void csi_allowed_keys(const csi_encoder *e, const csi_context *c, int64_t i, int64_t n, int64_t *first, int64_t *end)
{
    *first = 0;
    *end = n;
    if (e->style == CSI_ATT_CHUNKED && c->right >= 0) {
        int64_t chunk = c->right + 1, index = i / chunk;
        if (c->left >= 0)
            *first = (index - c->left / chunk) * chunk;
        *end = (index + 1) * chunk;
    } else if (e->style == CSI_ATT_CHUNKED_RC && c->chunk > 0) {
        int64_t start = i / c->chunk * c->chunk;
        if (c->left >= 0)
            *first = start - c->left;
        if (c->right >= 0)
            *end = start + c->chunk + c->right;
    } else {
        if (c->left >= 0)
            *first = i - c->left;
        if (c->right >= 0)
            *end = i + c->right + 1;
    }
    *first = CSI_MAX(*first, 0);
    *end = CSI_MIN(*end, n);
}

/* How far the layers reach in the longest utterance. */
static void measure(csi_encoding *s, const csi_context *context)
{
    const csi_encoder *e = s->e;
    s->context = context;
    s->lag = (csi_reach){0, 0, csi_panels(e->conv_left), csi_panels(e->conv_right)};
    for (int64_t i = 0; i < s->longest; i++) {
        int64_t first, end;
        csi_allowed_keys(e, context, i, s->longest, &first, &end);
        s->lag.left = CSI_MAX(s->lag.left, i / CSI_PANEL - first / CSI_PANEL);
        s->lag.right = CSI_MAX(s->lag.right, (end - 1) / CSI_PANEL - i / CSI_PANEL);
    }
    s->reach = CSI_MAX(s->lag.left, s->lag.right) + 1;
}

/* One after the other. */
static void place(csi_encoding *s, csi_utterance *utterances, const csi_context *context)
{
    int64_t panels = 0;
    for (int i = 0; i < s->n_utterances; i++) {
        csi_utterance *u = &utterances[i];
        u->column = s->all_n;
        s->all_n += u->n_frames;
        s->longest = CSI_MAX(s->longest, u->n_frames);
        panels += csi_panels(u->n_frames);
    }
    s->n = s->all_n;
    s->columns = csi_panels(s->all_n) * CSI_PANEL;
    s->aligned_columns = s->n_utterances > 1 ? panels * CSI_PANEL : 0;
    s->utterances = utterances;
    measure(s, context);
}

/* The sizes that follow from the way. */
static void take_way(csi_encoding *s, csi_way way)
{
    const csi_encoder *e = s->e;
    const int64_t panels = s->columns / CSI_PANEL;
    const csi_reach *lag = &s->lag;
    s->way = way;
    s->xs.room = panels;
    s->keys.room = s->values.room = e->words ? CSI_MAX(s->columns, s->aligned_columns) / CSI_PANEL : 0;
    if (way == CSI_WHOLE)
        return;
    s->keys.room = CSI_MIN(panels, CSI_BLOCK + lag->left + lag->right);
    s->values.room = s->keys.room;
    s->wides.room = CSI_MIN(panels, CSI_BLOCK + lag->conv_left + lag->conv_right);
    if (way == CSI_FLOWING) {
        s->xs.room = CSI_MIN(panels, CSI_BLOCK + lag->right + lag->conv_right);
        s->mel_room = csi_subsampling_needs(&e->subsampling, INT64_MAX, s->longest, CSI_BLOCK * CSI_PANEL).n;
    }
}

static csi_encoding begin(const csi_run *run, const csi_encoder *e, const csi_encoder_hooks *hooks, int n_utterances)
{
    return (csi_encoding){
        .run = run, .e = (csi_encoder *)(uintptr_t)e, .hooks = hooks, .n_utterances = n_utterances, .kind = kind_of(e)};
}

/* Bytes of one utterance that goes this way, positions not counted; its features are where it does not flow. */
static size_t bytes_of(const csi_encoder *e, const csi_context *context, int64_t n_frames, csi_way way)
{
    csi_utterance one = {.n_frames = n_frames};
    csi_encoding s = begin(NULL, e, NULL, 1);
    place(&s, &one, context);
    take_way(&s, way);
    size_t floats = layout(&s, NULL, false, false);
    if (way != CSI_FLOWING)
        floats += (size_t)(n_frames * e->factor * e->subsampling.n_mels);
    return floats * sizeof(float);
}

static csi_way way_of(int64_t n_frames)
{
    return csi_panels(n_frames) > CSI_BLOCK ? CSI_BY_LAYER : CSI_WHOLE;
}

bool csi_encoder_flows(const csi_encoder *e, const csi_context *context, int64_t n_frames)
{
    if (way_of(n_frames) != CSI_BY_LAYER)
        return false;
    csi_utterance one = {.n_frames = n_frames};
    csi_encoding s = begin(NULL, e, NULL, 1);
    place(&s, &one, context);
    const int64_t last = csi_panels(n_frames) - 1; /* where attention without a limit reaches from the first */
    return s.lag.left < last && s.lag.right < last
           && bytes_of(e, context, n_frames, CSI_FLOWING) < bytes_of(e, context, n_frames, CSI_BY_LAYER);
}

int64_t csi_encoder_bytes(const csi_encoder *e, int64_t n_frames)
{
    csi_utterance one = {.n_frames = n_frames};
    csi_encoding s = begin(NULL, e, NULL, 1);
    place(&s, &one, &e->contexts[0]);
    const csi_way way = csi_encoder_flows(e, &e->contexts[0], n_frames) ? CSI_FLOWING : way_of(n_frames);
    return (int64_t)bytes_of(e, &e->contexts[0], n_frames, way) + csi_positions_bytes(e, s.reach);
}

/* -------------------------------------------------------------- all at once */

/* Q, K and V, one block each, of each utterance to panels of its own; then there: aligned_columns are the blocks' columns. */
static void align(csi_encoding *s, const float *qkv)
{
    const int64_t d = s->e->d;
    int64_t panel = 0;
    csi_columns *move = s->moves;
    for (int i = 0; i < s->n_utterances; i++) {
        const csi_utterance *u = &s->utterances[i];
        for (int64_t b = 0; b < 3; b++)
            *move++ = (csi_columns){qkv + b * d * s->columns, s->aligned + b * d * s->aligned_columns, u->column,
                                    panel * CSI_PANEL, u->n_frames};
        panel += csi_panels(u->n_frames);
    }
    csi_columns_run(s->run, d, s->moves, 3 * s->n_utterances);
}

/* What attention left there, over its queries, to the columns of all. */
static void unalign(csi_encoding *s, float *out)
{
    int64_t panel = 0;
    for (int i = 0; i < s->n_utterances; i++) {
        const csi_utterance *u = &s->utterances[i];
        s->moves[i] = (csi_columns){s->aligned, out, panel * CSI_PANEL, u->column, u->n_frames};
        panel += csi_panels(u->n_frames);
    }
    csi_columns_run(s->run, s->e->d, s->moves, s->n_utterances);
}

/* Each utterance's attention. qkv: three blocks of so many columns, each utterance from a panel on; out: the same, may be q. */
static void attend(csi_encoding *s, const csi_conformer_layer *w, const float *qkv, int64_t columns,
                   const float *positions, float *out)
{
    const int64_t block = s->e->d * columns;
    int64_t at = 0;
    for (int i = 0; i < s->n_utterances; i++) {
        const csi_utterance *u = &s->utterances[i];
        csi_attention *a = &s->attentions[i];
        *a = csi_step_attention(s, w, positions);
        a->q = qkv + at;
        a->k = a->q + block;
        a->v = a->k + block;
        a->n_queries = a->n_keys = u->n_frames;
        a->first = s->first + u->column;
        a->end = s->end + u->column;
        a->out = out + at;
        at += csi_panels(u->n_frames) * CSI_PANEL * s->e->d;
    }
    if (s->e->words)
        csi_attention_words_run(s->run, s->attentions, s->n_utterances, (uint32_t *)(void *)s->keys.data,
                                (uint32_t *)(void *)s->values.data);
    csi_attention_run(s->run, s->attentions, s->n_utterances);
}

static void self_attention(csi_encoding *s, int32_t layer, const csi_conformer_layer *w)
{
    const csi_encoder *e = s->e;
    const int64_t rows = (int64_t)e->d * s->columns;
    float *q = s->wide, *k = q + rows, *v = k + rows;
    csi_step_look(s, w);
    const csi_linear qkv[3] = {csi_step_dense(s, &w->q_w, w->q_b, e->d, q), csi_step_dense(s, &w->k_w, w->k_b, e->d, k),
                               csi_step_dense(s, &w->v_w, w->v_b, e->d, v)};
    csi_linear_run(s->run, qkv, 3);
    csi_encoding_spent(s, "queries, keys, values");
    const float *positions = csi_step_positions(s, layer);
    csi_encoding_spent(s, "positions");
    if (s->aligned) {
        align(s, q);
        attend(s, w, s->aligned, s->aligned_columns, positions, s->aligned);
        unalign(s, s->h);
    } else {
        attend(s, w, q, s->columns, positions, s->h);
    }
    csi_encoding_spent(s, "attention");
    csi_step_attended(s, w);
}

/* True when the caller wants to stop. */
static bool run_layer(csi_encoding *s, int32_t index)
{
    const csi_conformer_layer *w = &s->e->layers[index];
    const double steps = 1 + 4 * s->e->n_layers, before = 1 + 4 * index;
    csi_step_first(s, w);
    if (csi_encoding_stopped(s, (before + 1) / steps))
        return true;
    self_attention(s, index, w);
    if (csi_encoding_stopped(s, (before + 2) / steps))
        return true;
    csi_step_widen(s, w, s->wide);
    csi_step_convolve(s, w, NULL);
    if (csi_encoding_stopped(s, (before + 3) / steps))
        return true;
    csi_step_last(s, w);
    char name[32];
    snprintf(name, sizeof name, "layer_%02d", index);
    csi_encoding_show(s, name);
    return csi_encoding_stopped(s, (before + 4) / steps);
}

static void fill_columns(csi_encoding *s)
{
    for (int k = 0; k < s->n_utterances; k++) {
        const csi_utterance *u = &s->utterances[k];
        for (int64_t i = 0; i < u->n_frames; i++) {
            int64_t first, end, column = u->column + i;
            csi_allowed_keys(s->e, s->context, i, u->n_frames, &first, &end);
            s->first[column] = (int32_t)first;
            s->end[column] = (int32_t)end;
        }
    }
}

static cs_err run_whole(csi_encoding *s, cs_error *err)
{
    const csi_encoder *e = s->e;
    fill_columns(s);
    csi_subsampling_run(s->run, &e->subsampling, s->utterances, s->n_utterances, s->wide);
    csi_encoding_spent(s, "sub-sampling");
    csi_step_enter(s);
    csi_encoding_show(s, "subsampling");
    if (e->xscale != 1.0f)
        csi_scale_run(s->run, s->x, e->d * s->columns, e->xscale);
    bool stop = csi_encoding_stopped(s, 1 / (1 + 4.0 * e->n_layers));
    for (int32_t i = 0; i < e->n_layers && !stop; i++)
        stop = run_layer(s, i);
    if (stop)
        return csi_fail(err, CS_ECANCELLED, -1, "cancelled");
    csi_encoding_show(s, "encoder");
    return CS_OK;
}

/* --------------------------------------------------------------------- runs */

/* Memory and positions for a run whose way is taken. */
static cs_err settle(csi_encoding *s, csi_floats *work, cs_error *err)
{
    csi_encoder *e = s->e;
    csi_encoding_spent(s, NULL);
    s->kept = csi_positions_get(s->run, e, s->reach, &s->kept_offset, &s->kept_layer);
    bool own_positions = !s->kept, with_frames = s->hooks->tensor != NULL;
    cs_err code =
        csi_floats_reserve(work, layout(s, NULL, own_positions, with_frames), "the encoder's activations", err);
    if (code)
        return code;
    layout(s, work->data, own_positions, with_frames);
    if (own_positions)
        csi_positions_table(e->d, s->reach, s->table);
    if (own_positions && s->kind != CSI_KIND_F32)
        csi_positions_narrow(s->run, e, s->reach, s->table, s->narrow_table.scale);
    csi_encoding_spent(s, "positions");
    return CS_OK;
}

cs_err csi_encoder_run(const csi_run *run, csi_encoder *e, csi_floats *work, const csi_context *context,
                       csi_utterance *utterances, int n, const csi_encoder_hooks *hooks, float **out, cs_error *err)
{
    csi_encoding s = begin(run, e, hooks, n);
    for (int i = 0; i < n; i++) {
        utterances[i].n_frames = csi_encoder_frames(e, utterances[i].n_mel_frames);
        utterances[i].mel_pitch = utterances[i].n_mel_frames;
    }
    place(&s, utterances, context);
    take_way(&s, n == 1 && !hooks->tensor ? way_of(s.all_n) : CSI_WHOLE);
    *out = NULL;
    cs_err code = settle(&s, work, err);
    if (code)
        return code;
    code = s.way == CSI_WHOLE ? run_whole(&s, err) : csi_blocks_by_layer(&s, err);
    if (!code)
        *out = s.xs.data;
    return code;
}

cs_err csi_encoder_flow(const csi_run *run, csi_encoder *e, csi_floats *work, const csi_context *context,
                        int64_t n_mel_frames, const csi_flow *flow, const csi_encoder_hooks *hooks, cs_error *err)
{
    csi_encoding s = begin(run, e, hooks, 1);
    csi_utterance one = {.n_mel_frames = n_mel_frames, .n_frames = csi_encoder_frames(e, n_mel_frames)};
    place(&s, &one, context);
    take_way(&s, CSI_FLOWING);
    cs_err code = settle(&s, work, err);
    return code ? code : csi_blocks_flow(&s, flow, err);
}

int64_t csi_encoder_frames(const csi_encoder *e, int64_t n_mel_frames)
{
    return csi_subsampling_frames(&e->subsampling, n_mel_frames);
}

void csi_encoder_settle(csi_encoder *e, const csi_ops *ops)
{
    e->words = kind_of(e) != CSI_KIND_F32 && ops->narrow[CSI_KIND_BF16]->attention && e->head_width % 2 == 0;
}
