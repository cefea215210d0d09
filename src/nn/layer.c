/* SPDX-License-Identifier: MIT
 * The steps of one FastConformer layer on the n columns of x. All activations are panels (ops.h). Batch norm is folded into
 * the depthwise weights; bias, activation and residual are epilogues of the products.
 *
 * Source: NeMo nemo/collections/asr/parts/submodules/conformer_modules.py ConformerLayer, ConformerConvolution;
 * multi_head_attention.py. */
#include "nn/layer.h"

#include <math.h>

/* The next dense layers read x, panels of rows: in a narrow kind it is converted here, once for all of them. */
static void read_from(csi_encoding *s, const float *x, int64_t rows)
{
    s->in = x;
    s->in_rows = rows;
    if (s->kind != CSI_KIND_F32)
        csi_convert_run(s->run, s->kind, x, rows * CSI_PANEL, rows, s->n, &s->narrow_in);
}

csi_linear csi_step_dense(const csi_encoding *s, const csi_dense_weights *w, const float *bias, int64_t n_out, float *y)
{
    return csi_layer(w, bias, n_out, s->in_rows, s->in, s->narrow_in, y, s->n);
}

static void norm(csi_encoding *s, const float *x, float *y, const float *w, const float *b)
{
    csi_layer_norm_run(s->run, x, y, s->e->d, s->n, w, b, false);
    csi_encoding_spent(s, "norms");
}

static void feed_forward(csi_encoding *s, const csi_dense_weights *in_w, const float *in_b,
                         const csi_dense_weights *out_w, const float *out_b)
{
    read_from(s, s->h, s->e->d);
    csi_linear l = csi_step_dense(s, in_w, in_b, s->e->ff, s->wide);
    l.epilogue = CSI_SILU;
    csi_linear_run(s->run, &l, 1);
    read_from(s, s->wide, s->e->ff);
    l = csi_step_dense(s, out_w, out_b, s->e->d, s->x);
    l.epilogue = CSI_RESIDUAL;
    l.scale = 0.5f;
    csi_linear_run(s->run, &l, 1);
    csi_encoding_spent(s, "feed-forward");
}

void csi_step_enter(csi_encoding *s)
{
    const csi_encoder *e = s->e;
    const csi_subsampling *sub = &e->subsampling;
    const csi_linear l =
        csi_dense(sub->out_w, sub->out_b, e->d, (int64_t)sub->channels * sub->n_freq, s->wide, s->x, s->n);
    csi_linear_run(s->run, &l, 1);
    csi_encoding_spent(s, "sub-sampling output");
}

void csi_step_first(csi_encoding *s, const csi_conformer_layer *w)
{
    norm(s, s->x, s->h, w->norm_ff1_w, w->norm_ff1_b);
    feed_forward(s, &w->ff1_in_w, w->ff1_in_b, &w->ff1_out_w, w->ff1_out_b);
}

void csi_step_last(csi_encoding *s, const csi_conformer_layer *w)
{
    norm(s, s->x, s->h, w->norm_ff2_w, w->norm_ff2_b);
    feed_forward(s, &w->ff2_in_w, w->ff2_in_b, &w->ff2_out_w, w->ff2_out_b);
    norm(s, s->x, s->x, w->norm_out_w, w->norm_out_b);
}

void csi_step_look(csi_encoding *s, const csi_conformer_layer *w)
{
    norm(s, s->x, s->h, w->norm_att_w, w->norm_att_b);
    read_from(s, s->h, s->e->d);
}

const float *csi_step_positions(csi_encoding *s, int32_t layer)
{
    const csi_conformer_layer *w = &s->e->layers[layer];
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

csi_attention csi_step_attention(const csi_encoding *s, const csi_conformer_layer *w, const float *positions)
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

void csi_step_attended(csi_encoding *s, const csi_conformer_layer *w)
{
    read_from(s, s->h, s->e->d);
    csi_linear l = csi_step_dense(s, &w->out_w, w->out_b, s->e->d, s->x);
    l.epilogue = CSI_RESIDUAL;
    csi_linear_run(s->run, &l, 1);
    csi_encoding_spent(s, "attention output");
}

typedef struct convolution_job {
    const csi_encoding *s;
    const csi_conformer_layer *w;
    const csi_strip *part; /* NULL: each utterance whole */
    int32_t channels;      /* of a slice */
} convolution_job;

/* Gated linear unit and depthwise convolution of one channel. The panels stand in one line behind room for conv_left
 * frames; what is not the utterance's becomes zero, conv_left and conv_right frames of it. Tap m of frame t reads
 * line[t + m]. */
static void convolve_line(const convolution_job *job, const csi_strip *part, int32_t c, float *line)
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
    const csi_encoding *s = job->s;
    float *line = csi_run_scratch(s->run, worker);
    int32_t end = CSI_MIN((slice + 1) * job->channels, s->e->d);
    for (int32_t c = slice * job->channels; c < end; c++)
        for (int i = 0; i < s->n_utterances; i++) {
            const csi_utterance *u = &s->utterances[i];
            const int64_t lane = u->column % CSI_PANEL, first = u->column / CSI_PANEL;
            const int64_t panels = csi_panels(lane + u->n_frames), d = s->e->d * CSI_PANEL;
            const csi_strip whole = {s->wide + first * 2 * d, s->h + first * d, panels, lane, u->n_frames, 0, panels};
            convolve_line(job, job->part ? job->part : &whole, c, line);
        }
}

/* What follows the convolution's first dense layer, whose result is in s->wide or in *part. */
void csi_step_convolve(csi_encoding *s, const csi_conformer_layer *w, const csi_strip *part)
{
    const csi_encoder *e = s->e;
    convolution_job job = {s, w, part, 16};
    csi_pool_run(s->run->pool, s->run->max_threads, (e->d + 15) / 16, convolution_slice, &job);
    if (w->conv_norm_w)
        csi_layer_norm_run(s->run, s->h, s->h, e->d, s->n, w->conv_norm_w, w->conv_norm_b, true);
    read_from(s, s->h, e->d);
    csi_encoding_spent(s, "depthwise convolution");
    csi_linear l = csi_step_dense(s, &w->pw2_w, w->pw2_b, e->d, s->x);
    l.epilogue = CSI_RESIDUAL;
    csi_linear_run(s->run, &l, 1);
    csi_encoding_spent(s, "convolution products");
}

void csi_step_widen(csi_encoding *s, const csi_conformer_layer *w, float *y)
{
    norm(s, s->x, s->h, w->norm_conv_w, w->norm_conv_b);
    read_from(s, s->h, s->e->d);
    const csi_linear l = csi_step_dense(s, &w->pw1_w, w->pw1_b, 2 * (int64_t)s->e->d, y);
    csi_linear_run(s->run, &l, 1);
    csi_encoding_spent(s, "convolution products");
}
