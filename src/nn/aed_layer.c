/* SPDX-License-Identifier: MIT
 * A transformer layer's parts on panels, for the decoder and for layers between encoder and decoder.
 *
 *     pre-norm   x += part(LN x)             post-norm   x = LN(x + part(x))
 *
 * Source: NeMo nemo/collections/asr/modules/transformer/transformer_modules.py, transformer_decoders.py,
 * transformer_encoders.py. */
#include "nn/aed.h"

#include <math.h>

int64_t csi_aed_wide_rows(const csi_aed_stack *s)
{
    return CSI_MAX((int64_t)s->inner, 3 * (int64_t)s->d);
}

size_t csi_aed_narrow_floats(const csi_aed_stack *s, int64_t columns)
{
    return s->n_layers ? csi_narrow_floats(csi_kind_of(&s->layers[0].in_w), CSI_MAX(s->inner, s->d), columns) : 0;
}

void csi_aed_read(csi_aed_line *line, const csi_dense_weights *w, const float *x, int64_t rows)
{
    const csi_kind kind = csi_kind_of(w);
    line->in = x;
    line->in_rows = rows;
    if (kind == CSI_KIND_F32)
        return;
    line->narrow_in = csi_narrow_place(line->narrow, line->columns);
    if (line->alone)
        line->in_scale = csi_narrow_vector(kind, x, rows, line->narrow_in.w);
    else
        csi_convert_run(line->run, kind, x, rows * CSI_PANEL, rows, line->columns, &line->narrow_in);
}

/* Products with one vector; what a layer adds to x goes by h, which none reads any more. */
static void run_alone(const csi_aed_line *line, const csi_linear *layers, int n_layers)
{
    enum { MOST = 3 };
    csi_matvec products[MOST] = {{0}};
    for (int i = 0; i < n_layers; i++) {
        const csi_linear *l = &layers[i];
        products[i] = (csi_matvec){.bias = l->bias,
                                   .y = l->epilogue == CSI_RESIDUAL ? line->h : l->y,
                                   .n_out = l->n_out,
                                   .n_in = l->n_in,
                                   .narrow = l->narrow,
                                   .narrow_x = line->narrow_in.w,
                                   .x_scale = line->in_scale};
    }
    csi_matvec_run(line->run, products, n_layers);
    for (int i = 0; i < n_layers; i++) {
        float *y = products[i].y;
        if (layers[i].epilogue == CSI_RELU)
            for (int64_t r = 0; r < layers[i].n_out; r++)
                y[r] = y[r] > 0 ? y[r] : 0;
        else if (layers[i].epilogue == CSI_RESIDUAL)
            for (int64_t r = 0; r < layers[i].n_out; r++)
                layers[i].y[r * CSI_PANEL] += y[r];
    }
}

void csi_aed_multiply(const csi_aed_line *line, const csi_linear *layers, int n_layers)
{
    if (line->alone)
        run_alone(line, layers, n_layers);
    else
        csi_linear_run(line->run, layers, n_layers);
}

csi_linear csi_aed_dense(const csi_aed_line *line, const csi_dense_weights *w, const float *bias, int64_t n_out,
                         float *y)
{
    return csi_layer(w, bias, n_out, line->in_rows, line->in, line->narrow_in, y, line->columns);
}

void csi_aed_add(const csi_aed_line *line, const csi_dense_weights *w, const float *bias)
{
    csi_linear l = csi_aed_dense(line, w, bias, line->stack->d, line->x);
    l.epilogue = CSI_RESIDUAL;
    csi_aed_multiply(line, &l, 1);
}

static void norm(const csi_aed_line *line, float *y, const float *w, const float *b)
{
    csi_layer_norm_run(line->run, line->x, y, line->stack->d, line->columns, w, b, false);
}

void csi_aed_enter(csi_aed_line *line, const csi_dense_weights *w, const float *norm_w, const float *norm_b)
{
    const float *x = line->stack->pre_norm ? line->h : line->x;
    if (line->stack->pre_norm)
        norm(line, line->h, norm_w, norm_b);
    if (line->alone) {
        for (int64_t r = 0; r < line->stack->d; r++)
            line->h[r] = x[r * CSI_PANEL]; /* x may be h: no row is overwritten before it is read */
        x = line->h;
    }
    csi_aed_read(line, w, x, line->stack->d);
}

void csi_aed_leave(csi_aed_line *line, const float *norm_w, const float *norm_b)
{
    if (!line->stack->pre_norm)
        norm(line, line->x, norm_w, norm_b);
}

/* ---------------------------------------------------------------------- gelu */

typedef struct gelu_job {
    float *x; /* panels of rows */
    int64_t rows, columns, pitch;
} gelu_job;

enum { GELU_ROWS = 64 };

static void gelu_slice(void *context, int slice, int worker)
{
    const gelu_job *job = context;
    (void)worker;
    const int64_t blocks = (job->rows + GELU_ROWS - 1) / GELU_ROWS, panel = slice / blocks;
    const int64_t row = slice % blocks * GELU_ROWS, end = CSI_MIN(row + GELU_ROWS, job->rows);
    const int64_t n = CSI_MIN(job->columns - panel * CSI_PANEL, CSI_PANEL);
    for (int64_t r = row; r < end; r++) {
        float *x = job->x + (panel * job->rows + r) * job->pitch;
        for (int64_t i = 0; i < n; i++)
            x[i] = x[i] * 0.5f * (1.0f + erff(x[i] * 0.70710678f));
    }
}

static void gelu(const csi_aed_line *line, float *x, int64_t rows)
{
    gelu_job job = {x, rows, line->columns, csi_aed_pitch(line)};
    const int64_t blocks = (rows + GELU_ROWS - 1) / GELU_ROWS;
    csi_pool_run(line->run->pool, line->run->max_threads, (int)(csi_panels(line->columns) * blocks), gelu_slice, &job);
}

void csi_aed_feed_forward(csi_aed_line *line, const csi_aed_layer *layer)
{
    const csi_aed_stack *s = line->stack;
    csi_aed_enter(line, &layer->in_w, layer->norm_ff_w, layer->norm_ff_b);
    csi_linear l = csi_aed_dense(line, &layer->in_w, layer->in_b, s->inner, line->wide);
    l.epilogue = s->gelu ? CSI_STORE : CSI_RELU;
    csi_aed_multiply(line, &l, 1);
    if (s->gelu)
        gelu(line, line->wide, s->inner);
    csi_aed_read(line, &layer->out_w, line->wide, s->inner);
    csi_aed_add(line, &layer->out_w, layer->out_b);
    csi_aed_leave(line, layer->norm_ff_w, layer->norm_ff_b);
}
