/* SPDX-License-Identifier: MIT
 * The FastConformer encoder, top to bottom, for one utterance or several at once.
 *
 *     x = out(subsampling(mel)) * xscale
 *     each layer:  x += 1/2 FF1(LN x);  x += MHA(LN x);  x += Conv(LN x);  x += 1/2 FF2(LN x);  x = LN x
 *
 * The layers' dense parts are f32, int8 or bf16 as the model was opened; all else is f32, the sub-sampling with its output
 * layer too: in int8 it does ten times the harm of all layers together and is 2 % of the arithmetic.
 *
 * Several utterances stand one after the other, each from a panel of its own on: short ones are bound by reading the
 * weights, and these are then read once for all. Dense layers, norms and quantisation run over all panels and leave out
 * the lanes that no utterance has; sub-sampling, attention and the depthwise convolution are each utterance's own; one
 * table of positions, the longest's, serves all.
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

/* Everything one run needs, laid out in one block. */
typedef struct state {
    const csi_run *run;
    csi_encoder *e;
    const csi_encoder_hooks *hooks;
    const csi_utterance *utterances;
    int n_utterances;
    int64_t n, columns; /* columns up to the last frame; rounded up to panels */
    int64_t longest;    /* frames of the longest utterance */
    int32_t *used;      /* frames in each panel */
    csi_kind kind;      /* of the dense layers */
    const float *in;    /* what the next dense layers read: panels of in_rows rows; */
    int64_t in_rows;
    csi_narrow_panels narrow_in;    /* the same in their kind, when that is a narrow one */
    csi_narrow_panels narrow_table; /* likewise */
    float *x, *h;                   /* panels of d rows */
    float *wide;                    /* panels of the widest rows: feed-forward, Q K V, the sub-sampling's output */
    float *values;                  /* (H, columns, pitch) */
    float *frames;                  /* (n, d) for the tensor hook, else NULL */
    float *table, *projected;       /* positions of one layer, when they are not kept */
    int32_t *first, *end;           /* keys that a column may look at, counted from its utterance's first */
    csi_attention *attentions;      /* one per utterance */
    int64_t reach, pitch;
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

static int64_t value_pitch(const csi_encoder *e)
{
    return ((int64_t)e->head_width + 15) / 16 * 16;
}

size_t csi_encoder_scratch(const csi_encoder *e, int64_t n_frames)
{
    size_t floats = csi_ops_scratch(e->head_width);
    floats = CSI_MAX(floats, csi_subsampling_scratch(&e->subsampling));
    floats = CSI_MAX(floats, (size_t)(csi_panels(n_frames) * CSI_PANEL + e->kernel + CSI_PANEL));
    return (floats + 15) / 16 * 16;
}

/* Floats of the block; places the buffers when memory is there. The products cannot overflow: sizes were
 * range-checked at open and n_frames comes from samples in memory. */
static size_t layout(state *s, float *memory, bool own_positions, bool with_frames)
{
    const csi_encoder *e = s->e;
    size_t c = (size_t)s->columns, table = own_positions ? (size_t)(2 * s->reach * CSI_PANEL * e->d) : 0;
    size_t narrow_table = own_positions ? csi_positions_narrow_floats(e, s->reach) : 0;
    size_t narrow_in = csi_narrow_floats(s->kind, CSI_MAX(e->ff, e->d), s->columns);
    const size_t sizes[] = {(size_t)e->d * c,
                            (size_t)e->d * c,
                            (size_t)wide_rows(e) * c,
                            (size_t)e->n_heads * c * (size_t)s->pitch + 64,
                            table,
                            table,
                            with_frames ? (size_t)s->n * (size_t)e->d : 0,
                            c,
                            c,
                            c / CSI_PANEL,
                            (size_t)s->n_utterances * (sizeof(csi_attention) / sizeof(float)),
                            narrow_in,
                            narrow_table};
    float *ints[3], *structs, *words[2];
    float **places[] = {&s->x,    &s->h,    &s->wide, &s->values, &s->table, &s->projected, &s->frames,
                        &ints[0], &ints[1], &ints[2], &structs,   &words[0], &words[1]};
    size_t used = 0;
    for (size_t i = 0; i < CSI_COUNT(sizes); i++) {
        *places[i] = memory && sizes[i] ? memory + used : NULL;
        used += (sizes[i] + 15) / 16 * 16;
    }
    s->first = (int32_t *)(void *)ints[0];
    s->end = (int32_t *)(void *)ints[1];
    s->used = (int32_t *)(void *)ints[2];
    s->attentions = (csi_attention *)(void *)structs;
    if (words[0])
        s->narrow_in = csi_narrow_place(words[0], s->columns);
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
    csi_panels_to_frames(s->run, s->x, s->e->d, s->n, s->frames, s->e->d);
    s->hooks->tensor(s->hooks->user, name, 2, (int64_t[]){s->n, s->e->d}, s->frames);
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

int64_t csi_encoder_bytes(const csi_encoder *e, int64_t n_frames)
{
    state s = {.e = (csi_encoder *)(uintptr_t)e,
               .n = n_frames,
               .n_utterances = 1,
               .columns = csi_panels(n_frames) * CSI_PANEL,
               .pitch = value_pitch(e),
               .kind = kind_of(e)};
    int64_t reach = reach_of(e, &e->contexts[0], n_frames);
    return (int64_t)(layout(&s, NULL, false, false) * sizeof(float)) + csi_positions_bytes(e, reach);
}

/* ------------------------------------------------------------------- modules */

/* The next dense layers read x, panels of rows: in a narrow kind it is converted here, once for all of them. */
static void read_from(state *s, const float *x, int64_t rows)
{
    s->in = x;
    s->in_rows = rows;
    if (s->kind != CSI_KIND_F32)
        csi_convert_run(s->run, s->kind, x, rows * CSI_PANEL, rows, s->n, s->used, &s->narrow_in);
}

static csi_linear dense(const state *s, const csi_dense_weights *w, const float *bias, int64_t n_out, float *y)
{
    csi_linear l = csi_layer(w, bias, n_out, s->in_rows, s->in, s->narrow_in, y, s->n);
    l.used = s->used;
    return l;
}

static void norm(state *s, const float *x, float *y, const float *w, const float *b)
{
    csi_layer_norm_run(s->run, x, y, s->e->d, s->n, s->used, w, b, false);
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
    return s->projected;
}

static void self_attention(state *s, int32_t layer, const csi_conformer_layer *w)
{
    const csi_encoder *e = s->e;
    int64_t rows = (int64_t)e->d * s->columns;
    float *q = s->wide, *k = q + rows, *v = k + rows;
    read_from(s, s->h, e->d);
    const csi_linear qkv[3] = {dense(s, &w->q_w, w->q_b, e->d, q), dense(s, &w->k_w, w->k_b, e->d, k),
                               dense(s, &w->v_w, w->v_b, e->d, v)};
    csi_linear_run(s->run, qkv, 3);
    csi_panels_to_values(s->run, v, e->n_heads, e->head_width, s->columns, s->pitch, s->values);
    spent(s, "queries, keys, values");
    const float *positions = layer_positions(s, layer, w);
    spent(s, "positions");
    for (int i = 0; i < s->n_utterances; i++) {
        int64_t panel = s->utterances[i].panel, at = panel * e->d * CSI_PANEL;
        s->attentions[i] = (csi_attention){.q = q + at,
                                           .k = k + at,
                                           .d = e->d,
                                           .v = s->values + panel * CSI_PANEL * s->pitch,
                                           .v_head = s->columns * s->pitch,
                                           .v_pitch = s->pitch,
                                           .p = positions,
                                           .reach = s->reach,
                                           .bias_u = w->bias_u,
                                           .bias_v = w->bias_v,
                                           .n_heads = e->n_heads,
                                           .head_width = e->head_width,
                                           .n_queries = s->utterances[i].n_frames,
                                           .n_keys = s->utterances[i].n_frames,
                                           .first = s->first + panel * CSI_PANEL,
                                           .end = s->end + panel * CSI_PANEL,
                                           .scale = 1.0f / sqrtf((float)e->head_width),
                                           .out = s->h + at};
    }
    csi_attention_run(s->run, s->attentions, s->n_utterances);
    spent(s, "attention");
    read_from(s, s->h, e->d);
    csi_linear l = dense(s, &w->out_w, w->out_b, e->d, s->x);
    l.epilogue = CSI_RESIDUAL;
    csi_linear_run(s->run, &l, 1);
    spent(s, "attention output");
}

typedef struct convolution_job {
    const state *s;
    const csi_conformer_layer *w;
    int32_t channels; /* of a slice */
} convolution_job;

/* Gated linear unit and depthwise convolution of one channel of one utterance. Its frames stand in one line, conv_left
 * and conv_right zeros around them; tap m of output frame t reads line[t + m]. */
static void convolve_line(const convolution_job *job, const csi_utterance *u, int32_t c, float *line)
{
    const state *s = job->s;
    const csi_encoder *e = s->e;
    const csi_ops *ops = s->run->ops;
    const int64_t panels = csi_panels(u->n_frames);
    const float *wide = s->wide + (u->panel * 2 * e->d + c) * CSI_PANEL;
    float *h = s->h + (u->panel * e->d + c) * CSI_PANEL;
    for (int64_t p = 0; p < panels; p++) {
        const float *a = wide + p * 2 * e->d * CSI_PANEL;
        ops->glu(a, a + (int64_t)e->d * CSI_PANEL, line + e->conv_left + p * CSI_PANEL, CSI_PANEL);
    }
    memset(line + e->conv_left + u->n_frames, 0,
           (size_t)(e->conv_right + panels * CSI_PANEL - u->n_frames) * sizeof *line);
    for (int64_t p = 0; p < panels; p++) {
        const float *taps[256];
        for (int32_t m = 0; m < e->kernel; m++)
            taps[m] = line + p * CSI_PANEL + m;
        ops->combine(taps, job->w->dw_w + (int64_t)c * e->kernel, e->kernel, job->w->dw_b ? job->w->dw_b[c] : 0,
                     h + p * e->d * CSI_PANEL, CSI_PANEL, job->w->conv_norm_w ? CSI_STORE : CSI_SILU);
    }
}

static void convolution_slice(void *context, int slice, int worker)
{
    const convolution_job *job = context;
    const state *s = job->s;
    float *line = csi_run_scratch(s->run, worker);
    int32_t end = CSI_MIN((slice + 1) * job->channels, s->e->d);
    memset(line, 0, (size_t)s->e->conv_left * sizeof *line);
    for (int32_t c = slice * job->channels; c < end; c++)
        for (int i = 0; i < s->n_utterances; i++)
            convolve_line(job, &s->utterances[i], c, line);
}

static void convolution(state *s, const csi_conformer_layer *w)
{
    const csi_encoder *e = s->e;
    read_from(s, s->h, e->d);
    csi_linear l = dense(s, &w->pw1_w, w->pw1_b, 2 * (int64_t)e->d, s->wide);
    csi_linear_run(s->run, &l, 1);
    spent(s, "convolution products");
    convolution_job job = {s, w, 16};
    csi_pool_run(s->run->pool, s->run->max_threads, (e->d + 15) / 16, convolution_slice, &job);
    if (w->conv_norm_w)
        csi_layer_norm_run(s->run, s->h, s->h, e->d, s->n, s->used, w->conv_norm_w, w->conv_norm_b, true);
    read_from(s, s->h, e->d);
    spent(s, "depthwise convolution");
    l = dense(s, &w->pw2_w, w->pw2_b, e->d, s->x);
    l.epilogue = CSI_RESIDUAL;
    csi_linear_run(s->run, &l, 1);
    spent(s, "convolution products");
}

/* True when the caller wants to stop. */
static bool run_layer(state *s, int32_t index)
{
    const csi_conformer_layer *w = &s->e->layers[index];
    norm(s, s->x, s->h, w->norm_ff1_w, w->norm_ff1_b);
    feed_forward(s, &w->ff1_in_w, w->ff1_in_b, &w->ff1_out_w, w->ff1_out_b);
    if (stopped(s))
        return true;
    norm(s, s->x, s->h, w->norm_att_w, w->norm_att_b);
    self_attention(s, index, w);
    if (stopped(s))
        return true;
    norm(s, s->x, s->h, w->norm_conv_w, w->norm_conv_b);
    convolution(s, w);
    if (stopped(s))
        return true;
    norm(s, s->x, s->h, w->norm_ff2_w, w->norm_ff2_b);
    feed_forward(s, &w->ff2_in_w, w->ff2_in_b, &w->ff2_out_w, w->ff2_out_b);
    norm(s, s->x, s->x, w->norm_out_w, w->norm_out_b);
    char name[32];
    snprintf(name, sizeof name, "layer_%02d", index);
    show(s, name);
    return stopped(s);
}

static void pre_encode(state *s)
{
    const csi_encoder *e = s->e;
    int64_t rows = (int64_t)e->subsampling.channels * e->subsampling.n_freq;
    csi_subsampling_run(s->run, &e->subsampling, s->utterances, s->n_utterances, s->wide);
    spent(s, "sub-sampling");
    csi_linear l = csi_dense(e->subsampling.out_w, e->subsampling.out_b, e->d, rows, s->wide, s->x, s->n);
    l.used = s->used;
    csi_linear_run(s->run, &l, 1);
    spent(s, "sub-sampling output");
    show(s, "subsampling");
    if (e->xscale != 1.0f)
        csi_scale_run(s->run, s->x, e->d * s->columns, e->xscale);
}

/* One after the other, each from a panel of its own on. */
static void place(state *s, csi_utterance *utterances)
{
    int64_t panel = 0;
    for (int i = 0; i < s->n_utterances; i++) {
        csi_utterance *u = &utterances[i];
        u->n_frames = csi_encoder_frames(s->e, u->n_mel_frames);
        u->panel = panel;
        panel += csi_panels(u->n_frames);
        s->longest = CSI_MAX(s->longest, u->n_frames);
        s->n = u->panel * CSI_PANEL + u->n_frames;
    }
    s->columns = panel * CSI_PANEL;
    s->utterances = utterances;
}

static void fill_columns(state *s, const csi_context *context)
{
    for (int k = 0; k < s->n_utterances; k++) {
        const csi_utterance *u = &s->utterances[k];
        for (int64_t i = 0; i < u->n_frames; i++) {
            int64_t first, end, column = u->panel * CSI_PANEL + i;
            allowed(s->e, context, i, u->n_frames, &first, &end);
            s->first[column] = (int32_t)first;
            s->end[column] = (int32_t)end;
        }
        for (int64_t p = 0; p < csi_panels(u->n_frames); p++)
            s->used[u->panel + p] = (int32_t)csi_panel_used(NULL, u->n_frames, p);
    }
}

cs_err csi_encoder_run(const csi_run *run, csi_encoder *e, csi_floats *work, const csi_context *context,
                       csi_utterance *utterances, int n, const csi_encoder_hooks *hooks, float **out, cs_error *err)
{
    state s = {.run = run, .e = e, .hooks = hooks, .n_utterances = n, .pitch = value_pitch(e), .kind = kind_of(e)};
    s.steps = 1 + 4 * e->n_layers;
    spent(&s, NULL);
    place(&s, utterances);
    *out = NULL;
    s.reach = reach_of(e, context, s.longest);
    s.kept = csi_positions_get(run, e, s.reach, &s.kept_offset, &s.kept_layer);
    bool own_positions = !s.kept, with_frames = hooks->tensor != NULL;
    cs_err code =
        csi_floats_reserve(work, layout(&s, NULL, own_positions, with_frames), "the encoder's activations", err);
    if (code)
        return code;
    layout(&s, work->data, own_positions, with_frames);
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
    *out = s.x;
    return CS_OK;
}

int64_t csi_encoder_frames(const csi_encoder *e, int64_t n_mel_frames)
{
    return csi_subsampling_frames(&e->subsampling, n_mel_frames);
}
