/* SPDX-License-Identifier: MIT
 * The FastConformer encoder, top to bottom, for one utterance or several at once.
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
 * A long utterance goes through each step of a layer block by block: only x is held for its whole length, and keys and
 * values as far as attention reaches. What is needed of neighbouring blocks waits in windows. No number changes.
 *
 * All activations are panels (ops.h). Q, K and V are one run on the pool; scores never exist as a matrix; batch norm is
 * folded into the depthwise weights; bias, activation and residual are epilogues of the products. Memory is linear in
 * the length: csi_encoder_bytes().
 *
 * Streaming will use the same steps: a step reads keys and values up to n_keys with queries at the end of them, and
 * the convolution's line has conv_left frames in front that are zero here and the last chunk's there.
 *
 * Source: NeMo nemo/collections/asr/modules/conformer_encoder.py ConformerEncoder.forward_internal;
 * parts/submodules/conformer_modules.py ConformerLayer, ConformerConvolution; multi_head_attention.py. */
#include "nn/nn.h"

#include <math.h>
#include <stdio.h>

/* Panels of a block. */
enum { BLOCK = 2 * CSI_PANEL_BLOCK };

/* Panels [base, filled) of an utterance, `room` at most. */
typedef struct window {
    float *data; /* by panel */
    int64_t base, filled, room;
} window;

/* Everything one run needs, laid out in one block. A step works on the n columns from x on: of all, or of a block. */
typedef struct state {
    const csi_run *run;
    csi_encoder *e;
    const csi_encoder_hooks *hooks;
    const csi_context *context;
    const csi_utterance *utterances;
    int n_utterances;
    int64_t n, columns; /* frames of all; rounded up to panels */
    int64_t longest;    /* frames of the longest utterance */
    bool by_blocks;     /* of one utterance */
    float *all_x;       /* what x is in the end */
    int64_t all_n;
    int64_t block;   /* panel of x in all_x */
    csi_kind kind;   /* of the dense layers */
    const float *in; /* what the next dense layers read: panels of in_rows rows; */
    int64_t in_rows;
    csi_narrow_panels narrow_in;    /* the same in their kind, when that is a narrow one */
    csi_narrow_panels narrow_table; /* likewise */
    float *x, *h;                   /* panels of d rows */
    float *wide;                    /* panels of the widest rows: feed-forward, Q K V, the sub-sampling's output */
    window keys, values;            /* by blocks, K and V: panels of kv_rows(); whole, room for them as words */
    window wides;                   /* the convolution's input, panels of 2 d rows */
    float *frames;                  /* (n, d) for the tensor hook, else NULL */
    float *table, *projected;       /* positions of one layer, when they are not kept */
    float *position_words;          /* of them, when attention wants words */
    int32_t *first, *end;           /* keys that a column may look at, counted from its utterance's first */
    csi_attention *attentions;      /* one per utterance */
    float *aligned; /* Q, K and V of several utterances, each from a panel on: 3 blocks of aligned_columns */
    int64_t aligned_columns;
    csi_columns *moves; /* 3 per utterance */
    int64_t reach;
    const float *kept; /* positions of all layers, or NULL */
    int64_t kept_offset, kept_layer;
    int steps_done, steps;
    uint64_t clock; /* when the stage in progress began, for the stage hook */
} state;

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

/* Rows of floats, or of words of two, in which attention gets a panel of keys or values. */
static int64_t kv_rows(const csi_encoder *e)
{
    return e->words ? e->d / 2 : e->d;
}

size_t csi_encoder_scratch(const csi_encoder *e, int64_t n_frames)
{
    size_t floats = csi_ops_scratch(e->head_width);
    floats = CSI_MAX(floats, csi_subsampling_scratch(&e->subsampling));
    floats = CSI_MAX(floats, (size_t)((csi_panels(n_frames) + 2) * CSI_PANEL + e->kernel));
    return (floats + 15) / 16 * 16;
}

/* Floats of the block; places the buffers when memory is there. The products cannot overflow: sizes were
 * range-checked at open and n_frames comes from samples in memory. */
static size_t layout(state *s, float *memory, bool own_positions, bool with_frames)
{
    const csi_encoder *e = s->e;
    size_t c = (size_t)s->columns, b = s->by_blocks ? BLOCK * CSI_PANEL : c,
           table = own_positions ? (size_t)(2 * s->reach * CSI_PANEL * e->d) : 0;
    size_t narrow_table = own_positions ? csi_positions_narrow_floats(e, s->reach) : 0;
    size_t narrow_in = csi_narrow_floats(s->kind, CSI_MAX(e->ff, e->d), (int64_t)b);
    const size_t sizes[] = {(size_t)e->d * c,
                            (size_t)e->d * b,
                            (size_t)wide_rows(e) * b,
                            (size_t)(kv_rows(e) * s->keys.room * CSI_PANEL),
                            (size_t)(kv_rows(e) * s->values.room * CSI_PANEL),
                            (size_t)(2 * e->d * s->wides.room * CSI_PANEL),
                            table,
                            table,
                            with_frames ? (size_t)s->n * (size_t)e->d : 0,
                            c,
                            c,
                            (size_t)s->n_utterances * (sizeof(csi_attention) / sizeof(float)),
                            (size_t)s->n_utterances * (3 * sizeof(csi_columns) / sizeof(float)),
                            3 * (size_t)(e->d * s->aligned_columns),
                            narrow_in,
                            narrow_table,
                            e->words ? table / 2 : 0};
    float *ints[2], *structs[2], *words[2];
    float **places[] = {&s->all_x,   &s->h,         &s->wide,   &s->keys.data, &s->values.data,   &s->wides.data,
                        &s->table,   &s->projected, &s->frames, &ints[0],      &ints[1],          &structs[0],
                        &structs[1], &s->aligned,   &words[0],  &words[1],     &s->position_words};
    size_t used = 0;
    for (size_t i = 0; i < CSI_COUNT(sizes); i++) {
        *places[i] = memory && sizes[i] ? memory + used : NULL;
        used += (sizes[i] + 15) / 16 * 16;
    }
    s->first = (int32_t *)(void *)ints[0];
    s->end = (int32_t *)(void *)ints[1];
    s->attentions = (csi_attention *)(void *)structs[0];
    s->moves = (csi_columns *)(void *)structs[1];
    if (words[0])
        s->narrow_in = csi_narrow_place(words[0], (int64_t)b);
    s->x = s->all_x;
    if (words[1])
        s->narrow_table = csi_narrow_place(words[1], 2 * s->reach * CSI_PANEL);
    return used;
}

/* -------------------------------------------------------------------- hooks */

static bool stopped(state *s)
{
    return s->hooks->step && s->hooks->step(s->hooks->user, (double)++s->steps_done / s->steps);
}

static void show(state *s, const char *name)
{
    if (!s->hooks->tensor)
        return;
    csi_panels_to_frames(s->run, s->all_x, s->e->d, s->all_n, s->frames, s->e->d);
    s->hooks->tensor(s->hooks->user, name, 2, (int64_t[]){s->all_n, s->e->d}, s->frames);
}

/* What was done since the last call was this stage. */
static void spent(state *s, const char *stage)
{
    if (!s->hooks->stage)
        return;
    uint64_t began = s->clock;
    s->clock = csi_now_ns();
    if (stage)
        s->hooks->stage(s->hooks->user, stage, (double)(s->clock - began) / 1e6);
}

/* -------------------------------------------------------------------- masks */

/* Keys that frame i may look at; every style allows one run of them. */
static void allowed(const csi_encoder *e, const csi_context *c, int64_t i, int64_t n, int64_t *first, int64_t *end)
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

/* In panels, how far apart a query and a key can be, plus one. */
static int64_t reach_of(const csi_encoder *e, const csi_context *c, int64_t n)
{
    int64_t reach = 1;
    for (int64_t i = 0; i < n; i++) {
        int64_t first, end;
        allowed(e, c, i, n, &first, &end);
        reach = CSI_MAX(reach, i / CSI_PANEL - first / CSI_PANEL + 1);
        reach = CSI_MAX(reach, (end - 1) / CSI_PANEL - i / CSI_PANEL + 1);
    }
    return reach;
}

/* One after the other. */
static void place(state *s, csi_utterance *utterances)
{
    int64_t panels = 0;
    for (int i = 0; i < s->n_utterances; i++) {
        csi_utterance *u = &utterances[i];
        u->column = s->n;
        s->n += u->n_frames;
        s->longest = CSI_MAX(s->longest, u->n_frames);
        panels += csi_panels(u->n_frames);
    }
    s->all_n = s->n;
    s->columns = csi_panels(s->n) * CSI_PANEL;
    s->aligned_columns = s->n_utterances > 1 ? panels * CSI_PANEL : 0;
    s->utterances = utterances;
}

/* How far attention reaches, and whether by blocks; the sizes that follow from it. */
static void plan_blocks(state *s, const csi_context *context, bool allowed_to)
{
    const csi_encoder *e = s->e;
    const int64_t panels = s->columns / CSI_PANEL;
    s->reach = reach_of(e, context, s->longest);
    s->by_blocks = allowed_to && s->n_utterances == 1 && panels > BLOCK;
    s->keys.room = s->values.room = e->words ? CSI_MAX(s->columns, s->aligned_columns) / CSI_PANEL : 0;
    if (!s->by_blocks)
        return;
    s->keys.room = CSI_MIN(panels, 2 * BLOCK + 2 * s->reach);
    s->values.room = s->keys.room;
    s->wides.room = CSI_MIN(panels, 2 * BLOCK + csi_panels(e->conv_left) + csi_panels(e->conv_right));
}

int64_t csi_encoder_bytes(const csi_encoder *e, int64_t n_frames)
{
    csi_utterance one = {.n_frames = n_frames};
    state s = {.e = (csi_encoder *)(uintptr_t)e, .n_utterances = 1, .kind = kind_of(e)};
    place(&s, &one);
    plan_blocks(&s, &e->contexts[0], true);
    return (int64_t)(layout(&s, NULL, false, false) * sizeof(float)) + csi_positions_bytes(e, s.reach);
}

/* -------------------------------------------------------------------- blocks */

/* x and n are those of the block that begins with this panel. */
static void go_to(state *s, int64_t panel)
{
    s->block = panel;
    s->x = s->all_x + panel * CSI_PANEL * s->e->d;
    s->n = CSI_MIN(s->all_n - panel * CSI_PANEL, BLOCK * CSI_PANEL);
}

/* The next block, from first_block() on; false: that was the last, and x is all again. */
static void first_block(state *s)
{
    if (s->by_blocks)
        go_to(s, 0);
}

static bool next_block(state *s)
{
    if (s->by_blocks && s->block + BLOCK < csi_panels(s->all_n)) {
        go_to(s, s->block + BLOCK);
        return true;
    }
    s->x = s->all_x;
    s->n = s->all_n;
    return false;
}

/* Forget panels before `base`; rows of a panel. */
static void window_forget(window *w, int64_t base, int64_t rows)
{
    if (base <= w->base)
        return;
    memmove(w->data, w->data + (base - w->base) * rows * CSI_PANEL,
            (size_t)((w->filled - base) * rows * CSI_PANEL) * sizeof *w->data);
    w->base = base;
}

static float *window_end(const window *w, int64_t rows)
{
    return w->data + (w->filled - w->base) * rows * CSI_PANEL;
}

/* ------------------------------------------------------------------- modules */

/* The next dense layers read x, panels of rows: in a narrow kind it is converted here, once for all of them. */
static void read_from(state *s, const float *x, int64_t rows)
{
    s->in = x;
    s->in_rows = rows;
    if (s->kind != CSI_KIND_F32)
        csi_convert_run(s->run, s->kind, x, rows * CSI_PANEL, rows, s->n, &s->narrow_in);
}

static csi_linear dense(const state *s, const csi_dense_weights *w, const float *bias, int64_t n_out, float *y)
{
    return csi_layer(w, bias, n_out, s->in_rows, s->in, s->narrow_in, y, s->n);
}

static void norm(state *s, const float *x, float *y, const float *w, const float *b)
{
    csi_layer_norm_run(s->run, x, y, s->e->d, s->n, w, b, false);
    spent(s, "norms");
}

static void feed_forward(state *s, const csi_dense_weights *in_w, const float *in_b, const csi_dense_weights *out_w,
                         const float *out_b)
{
    read_from(s, s->h, s->e->d);
    csi_linear l = dense(s, in_w, in_b, s->e->ff, s->wide);
    l.epilogue = CSI_SILU;
    csi_linear_run(s->run, &l, 1);
    read_from(s, s->wide, s->e->ff);
    l = dense(s, out_w, out_b, s->e->d, s->x);
    l.epilogue = CSI_RESIDUAL;
    l.scale = 0.5f;
    csi_linear_run(s->run, &l, 1);
    spent(s, "feed-forward");
}

static const float *layer_positions(state *s, int32_t layer, const csi_conformer_layer *w)
{
    if (s->kept)
        return s->kept + layer * s->kept_layer + s->kept_offset;
    const csi_linear l =
        csi_layer(&w->pos_w, NULL, s->e->d, s->e->d, s->table, s->narrow_table, s->projected, 2 * s->reach * CSI_PANEL);
    csi_linear_run(s->run, &l, 1);
    if (!s->e->words)
        return s->projected;
    csi_positions_words(s->run, s->e, s->reach, s->projected, (uint32_t *)(void *)s->position_words);
    return s->position_words;
}

/* Q, K and V, one block each, of each utterance to panels of its own; then there: aligned_columns are the blocks' columns. */
static void align(state *s, const float *qkv)
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
static void unalign(state *s, float *out)
{
    int64_t panel = 0;
    for (int i = 0; i < s->n_utterances; i++) {
        const csi_utterance *u = &s->utterances[i];
        s->moves[i] = (csi_columns){s->aligned, out, panel * CSI_PANEL, u->column, u->n_frames};
        panel += csi_panels(u->n_frames);
    }
    csi_columns_run(s->run, s->e->d, s->moves, s->n_utterances);
}

static csi_attention attention_of(const state *s, const csi_conformer_layer *w, const float *positions)
{
    const csi_encoder *e = s->e;
    return (csi_attention){.d = e->d,
                           .p = positions,
                           .p_words = (const uint32_t *)(const void *)positions,
                           .reach = s->reach,
                           .bias_u = w->bias_u,
                           .bias_v = w->bias_v,
                           .n_heads = e->n_heads,
                           .head_width = e->head_width,
                           .scale = 1.0f / sqrtf((float)e->head_width)};
}

/* Each utterance's attention. qkv: three blocks of so many columns, each utterance from a panel on; out: the same, may be q. */
static void attend(state *s, const csi_conformer_layer *w, const float *qkv, int64_t columns, const float *positions,
                   float *out)
{
    const int64_t block = s->e->d * columns;
    int64_t at = 0;
    for (int i = 0; i < s->n_utterances; i++) {
        const csi_utterance *u = &s->utterances[i];
        csi_attention *a = &s->attentions[i];
        *a = attention_of(s, w, positions);
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

static void attention_out(state *s, const csi_conformer_layer *w)
{
    read_from(s, s->h, s->e->d);
    csi_linear l = dense(s, &w->out_w, w->out_b, s->e->d, s->x);
    l.epilogue = CSI_RESIDUAL;
    csi_linear_run(s->run, &l, 1);
    spent(s, "attention output");
}

static void self_attention(state *s, int32_t layer, const csi_conformer_layer *w)
{
    const csi_encoder *e = s->e;
    int64_t rows = (int64_t)e->d * s->columns;
    float *q = s->wide, *k = q + rows, *v = k + rows;
    norm(s, s->x, s->h, w->norm_att_w, w->norm_att_b);
    read_from(s, s->h, e->d);
    const csi_linear qkv[3] = {dense(s, &w->q_w, w->q_b, e->d, q), dense(s, &w->k_w, w->k_b, e->d, k),
                               dense(s, &w->v_w, w->v_b, e->d, v)};
    csi_linear_run(s->run, qkv, 3);
    spent(s, "queries, keys, values");
    const float *positions = layer_positions(s, layer, w);
    spent(s, "positions");
    if (s->aligned) {
        align(s, q);
        attend(s, w, s->aligned, s->aligned_columns, positions, s->aligned);
        unalign(s, s->h);
    } else {
        attend(s, w, q, s->columns, positions, s->h);
    }
    spent(s, "attention");
    attention_out(s, w);
}

/* Keys and values up to panel `need`, a block at a time. Nothing before `base` is wanted any more. */
static void fill_keys(state *s, const csi_conformer_layer *w, int64_t base, int64_t need)
{
    const csi_encoder *e = s->e;
    window *keys = &s->keys, *values = &s->values;
    const int64_t size = (int64_t)e->d * BLOCK * CSI_PANEL;
    window_forget(keys, base, kv_rows(e));
    window_forget(values, base, kv_rows(e));
    while (keys->filled < need) {
        go_to(s, keys->filled);
        norm(s, s->x, s->h, w->norm_att_w, w->norm_att_b);
        read_from(s, s->h, e->d);
        float *k = window_end(keys, kv_rows(e)), *v = window_end(values, kv_rows(e));
        csi_attention part = {.k = s->wide, .v = s->wide + size, .d = e->d, .n_keys = s->n};
        const csi_linear kv[2] = {dense(s, &w->k_w, w->k_b, e->d, e->words ? s->wide : k),
                                  dense(s, &w->v_w, w->v_b, e->d, e->words ? s->wide + size : v)};
        csi_linear_run(s->run, kv, 2);
        if (e->words)
            csi_attention_words_run(s->run, &part, 1, (uint32_t *)(void *)k, (uint32_t *)(void *)v);
        spent(s, "queries, keys, values");
        keys->filled += csi_panels(s->n);
        values->filled = keys->filled;
    }
}

/* The same block by block. A block's x is changed only when no later block wants keys of it: they are in the window. */
static void attention_by_blocks(state *s, int32_t layer, const csi_conformer_layer *w)
{
    const csi_encoder *e = s->e;
    const float *positions = layer_positions(s, layer, w);
    const int64_t panels = csi_panels(s->all_n);
    window *keys = &s->keys;
    spent(s, "positions");
    keys->base = keys->filled = s->values.base = s->values.filled = 0;
    first_block(s);
    do {
        const int64_t block = s->block, base = CSI_MAX(block - s->reach + 1, 0);
        fill_keys(s, w, base, CSI_MIN(block + BLOCK - 1 + s->reach, panels));
        go_to(s, block);
        norm(s, s->x, s->h, w->norm_att_w, w->norm_att_b);
        read_from(s, s->h, e->d);
        const csi_linear l = dense(s, &w->q_w, w->q_b, e->d, s->wide);
        csi_linear_run(s->run, &l, 1);
        spent(s, "queries, keys, values");
        for (int64_t i = 0; i < s->n; i++) {
            int64_t first, end;
            allowed(e, s->context, block * CSI_PANEL + i, s->all_n, &first, &end);
            s->first[i] = (int32_t)(first - keys->base * CSI_PANEL);
            s->end[i] = (int32_t)(end - keys->base * CSI_PANEL);
        }
        csi_attention a = attention_of(s, w, positions);
        a.q = s->wide;
        a.k = keys->data;
        a.v = s->values.data;
        if (e->words) {
            a.k_words = (const uint32_t *)(const void *)a.k;
            a.v_words = (const uint32_t *)(const void *)a.v;
        }
        a.n_queries = s->n;
        a.n_keys = CSI_MIN(keys->filled * CSI_PANEL, s->all_n) - keys->base * CSI_PANEL;
        a.first = s->first;
        a.end = s->end;
        a.out = s->h;
        a.q_panel = block - keys->base;
        csi_attention_run(s->run, &a, 1);
        spent(s, "attention");
        attention_out(s, w);
    } while (next_block(s));
}

/* Panels of one utterance to convolve: read `panels` of them, the utterance's frames in lanes [lane, lane + frames) of
 * these; write n_out after the first `skip`. */
typedef struct strip {
    const float *in; /* panels of 2 d rows */
    float *out;      /* panels of d rows, of the first that is written */
    int64_t panels, lane, frames, skip, n_out;
} strip;

typedef struct convolution_job {
    const state *s;
    const csi_conformer_layer *w;
    const strip *part; /* NULL: each utterance whole */
    int32_t channels;  /* of a slice */
} convolution_job;

/* Gated linear unit and depthwise convolution of one channel. The panels stand in one line behind room for conv_left
 * frames; what is not the utterance's becomes zero, conv_left and conv_right frames of it. Tap m of frame t reads
 * line[t + m]. */
static void convolve_line(const convolution_job *job, const strip *part, int32_t c, float *line)
{
    const csi_encoder *e = job->s->e;
    const csi_ops *ops = job->s->run->ops;
    for (int64_t p = 0; p < part->panels; p++) {
        const float *a = part->in + (p * 2 * e->d + c) * CSI_PANEL;
        ops->glu(a, a + (int64_t)e->d * CSI_PANEL, line + e->conv_left + p * CSI_PANEL, CSI_PANEL);
    }
    memset(line, 0, (size_t)(e->conv_left + part->lane) * sizeof *line);
    memset(line + e->conv_left + part->lane + part->frames, 0,
           (size_t)(e->conv_right + part->panels * CSI_PANEL - part->lane - part->frames) * sizeof *line);
    for (int64_t p = 0; p < part->n_out; p++) {
        const float *taps[256];
        float others[CSI_PANEL], *y = part->out + (p * e->d + c) * CSI_PANEL;
        size_t before = p == 0 ? (size_t)part->lane * sizeof *others : 0; /* of the utterance in front */
        for (int32_t m = 0; m < e->kernel; m++)
            taps[m] = line + (part->skip + p) * CSI_PANEL + m;
        memcpy(others, y, before);
        ops->combine(taps, job->w->dw_w + (int64_t)c * e->kernel, e->kernel, job->w->dw_b ? job->w->dw_b[c] : 0, y,
                     CSI_PANEL, job->w->conv_norm_w ? CSI_STORE : CSI_SILU);
        memcpy(y, others, before);
    }
}

static void convolution_slice(void *context, int slice, int worker)
{
    const convolution_job *job = context;
    const state *s = job->s;
    float *line = csi_run_scratch(s->run, worker);
    int32_t end = CSI_MIN((slice + 1) * job->channels, s->e->d);
    for (int32_t c = slice * job->channels; c < end; c++)
        for (int i = 0; i < s->n_utterances; i++) {
            const csi_utterance *u = &s->utterances[i];
            const int64_t lane = u->column % CSI_PANEL, first = u->column / CSI_PANEL;
            const int64_t panels = csi_panels(lane + u->n_frames), d = s->e->d * CSI_PANEL;
            const strip whole = {s->wide + first * 2 * d, s->h + first * d, panels, lane, u->n_frames, 0, panels};
            convolve_line(job, job->part ? job->part : &whole, c, line);
        }
}

/* What follows the convolution's first dense layer, whose result is in s->wide or in *part. */
static void convolve(state *s, const csi_conformer_layer *w, const strip *part)
{
    const csi_encoder *e = s->e;
    convolution_job job = {s, w, part, 16};
    csi_pool_run(s->run->pool, s->run->max_threads, (e->d + 15) / 16, convolution_slice, &job);
    if (w->conv_norm_w)
        csi_layer_norm_run(s->run, s->h, s->h, e->d, s->n, w->conv_norm_w, w->conv_norm_b, true);
    read_from(s, s->h, e->d);
    spent(s, "depthwise convolution");
    csi_linear l = dense(s, &w->pw2_w, w->pw2_b, e->d, s->x);
    l.epilogue = CSI_RESIDUAL;
    csi_linear_run(s->run, &l, 1);
    spent(s, "convolution products");
}

/* The convolution's first dense layer over x, to y. */
static void widen(state *s, const csi_conformer_layer *w, float *y)
{
    norm(s, s->x, s->h, w->norm_conv_w, w->norm_conv_b);
    read_from(s, s->h, s->e->d);
    const csi_linear l = dense(s, &w->pw1_w, w->pw1_b, 2 * (int64_t)s->e->d, y);
    csi_linear_run(s->run, &l, 1);
    spent(s, "convolution products");
}

static void convolution(state *s, const csi_conformer_layer *w)
{
    const csi_encoder *e = s->e;
    const int64_t rows = 2 * (int64_t)e->d, panels = csi_panels(s->all_n);
    window *wides = &s->wides;
    if (!s->by_blocks) {
        widen(s, w, s->wide);
        convolve(s, w, NULL);
        return;
    }
    wides->base = wides->filled = 0;
    first_block(s);
    do {
        const int64_t block = s->block, base = CSI_MAX(block - csi_panels(e->conv_left), 0);
        const int64_t end = CSI_MIN(block + BLOCK + csi_panels(e->conv_right), panels);
        window_forget(wides, base, rows);
        while (wides->filled < end) {
            go_to(s, wides->filled);
            widen(s, w, window_end(wides, rows));
            wides->filled += csi_panels(s->n);
        }
        go_to(s, block);
        const strip part = {.in = wides->data,
                            .out = s->h,
                            .panels = end - base,
                            .frames = CSI_MIN(s->all_n, end * CSI_PANEL) - base * CSI_PANEL,
                            .skip = block - base,
                            .n_out = csi_panels(s->n)};
        convolve(s, w, &part);
    } while (next_block(s));
}

/* True when the caller wants to stop. */
static bool run_layer(state *s, int32_t index)
{
    const csi_conformer_layer *w = &s->e->layers[index];
    first_block(s);
    do {
        norm(s, s->x, s->h, w->norm_ff1_w, w->norm_ff1_b);
        feed_forward(s, &w->ff1_in_w, w->ff1_in_b, &w->ff1_out_w, w->ff1_out_b);
    } while (next_block(s));
    if (stopped(s))
        return true;
    if (s->by_blocks)
        attention_by_blocks(s, index, w);
    else
        self_attention(s, index, w);
    if (stopped(s))
        return true;
    convolution(s, w);
    if (stopped(s))
        return true;
    first_block(s);
    do {
        norm(s, s->x, s->h, w->norm_ff2_w, w->norm_ff2_b);
        feed_forward(s, &w->ff2_in_w, w->ff2_in_b, &w->ff2_out_w, w->ff2_out_b);
        norm(s, s->x, s->x, w->norm_out_w, w->norm_out_b);
    } while (next_block(s));
    char name[32];
    snprintf(name, sizeof name, "layer_%02d", index);
    show(s, name);
    return stopped(s);
}

static void pre_encode(state *s)
{
    const csi_encoder *e = s->e;
    int64_t rows = (int64_t)e->subsampling.channels * e->subsampling.n_freq;
    first_block(s);
    do {
        if (s->by_blocks)
            csi_subsampling_part(s->run, &e->subsampling, s->utterances, s->block * CSI_PANEL, s->n, s->wide);
        else
            csi_subsampling_run(s->run, &e->subsampling, s->utterances, s->n_utterances, s->wide);
        spent(s, "sub-sampling");
        const csi_linear l = csi_dense(e->subsampling.out_w, e->subsampling.out_b, e->d, rows, s->wide, s->x, s->n);
        csi_linear_run(s->run, &l, 1);
        spent(s, "sub-sampling output");
    } while (next_block(s));
    show(s, "subsampling");
    if (e->xscale != 1.0f)
        csi_scale_run(s->run, s->x, e->d * s->columns, e->xscale);
}

static void fill_columns(state *s, const csi_context *context)
{
    for (int k = 0; k < s->n_utterances; k++) {
        const csi_utterance *u = &s->utterances[k];
        for (int64_t i = 0; i < u->n_frames; i++) {
            int64_t first, end, column = u->column + i;
            allowed(s->e, context, i, u->n_frames, &first, &end);
            s->first[column] = (int32_t)first;
            s->end[column] = (int32_t)end;
        }
    }
}

cs_err csi_encoder_run(const csi_run *run, csi_encoder *e, csi_floats *work, const csi_context *context,
                       csi_utterance *utterances, int n, const csi_encoder_hooks *hooks, float **out, cs_error *err)
{
    state s = {.run = run, .e = e, .hooks = hooks, .n_utterances = n, .kind = kind_of(e)};
    s.steps = 1 + 4 * e->n_layers;
    spent(&s, NULL);
    s.context = context;
    for (int i = 0; i < n; i++)
        utterances[i].n_frames = csi_encoder_frames(e, utterances[i].n_mel_frames);
    place(&s, utterances);
    plan_blocks(&s, context, hooks->tensor == NULL);
    *out = NULL;
    s.kept = csi_positions_get(run, e, s.reach, &s.kept_offset, &s.kept_layer);
    bool own_positions = !s.kept, with_frames = hooks->tensor != NULL;
    cs_err code =
        csi_floats_reserve(work, layout(&s, NULL, own_positions, with_frames), "the encoder's activations", err);
    if (code)
        return code;
    layout(&s, work->data, own_positions, with_frames);
    if (!s.by_blocks)
        fill_columns(&s, context);
    if (own_positions)
        csi_positions_table(e->d, s.reach, s.table);
    if (own_positions && s.kind != CSI_KIND_F32)
        csi_positions_narrow(run, e, s.reach, s.table, s.narrow_table.scale);
    spent(&s, "positions");
    pre_encode(&s);
    bool stop = stopped(&s);
    for (int32_t i = 0; i < e->n_layers && !stop; i++)
        stop = run_layer(&s, i);
    if (stop)
        return csi_fail(err, CS_ECANCELLED, -1, "cancelled");
    show(&s, "encoder");
    *out = s.all_x;
    return CS_OK;
}

void csi_encoder_settle(csi_encoder *e, const csi_ops *ops)
{
    e->words = kind_of(e) != CSI_KIND_F32 && ops->narrow[CSI_KIND_BF16]->attention && e->head_width % 2 == 0;
}

int64_t csi_encoder_frames(const csi_encoder *e, int64_t n_mel_frames)
{
    return csi_subsampling_frames(&e->subsampling, n_mel_frames);
}
