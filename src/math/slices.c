/* SPDX-License-Identifier: MIT
 * Cutting ops into slices for the worker pool. How an op is cut never changes its result: see ops.h. */
#include "math/ops.h"

/* Rows and panels of a slice of a dense layer. The last rows of a run are cut finer, so that no worker is left with a
 * large slice when the others are done. */
enum { ROW_CHUNK = 128, TAIL_CHUNK = 32, PANEL_CHUNK = CSI_PANEL_BLOCK };

size_t csi_attention_scratch(int32_t head_width)
{
    return (2 * (size_t)head_width + 3 * CSI_PANEL) * CSI_PANEL;
}

size_t csi_ops_scratch(int32_t head_width)
{
    return CSI_MAX((size_t)ROW_CHUNK * PANEL_CHUNK * CSI_PANEL, csi_attention_scratch(head_width));
}

/* ------------------------------------------------------------ dense layers */

typedef struct linear_job {
    const csi_run *run;
    const csi_linear *layers;
    int64_t panel_chunks, tail_rows; /* of the last layer */
    int n_layers;
} linear_job;

/* Rows of a layer that are cut coarsely; the rest of the last layer is the tail. */
static int64_t coarse_rows(const linear_job *job, int layer)
{
    int64_t rows = job->layers[layer].n_out;
    return layer == job->n_layers - 1 ? CSI_MAX(0, rows - job->tail_rows) / ROW_CHUNK * ROW_CHUNK : rows;
}

static int64_t linear_slices(const linear_job *job, int layer)
{
    int64_t coarse = coarse_rows(job, layer), fine = job->layers[layer].n_out - coarse;
    if (layer < job->n_layers - 1)
        return (coarse + ROW_CHUNK - 1) / ROW_CHUNK * job->panel_chunks;
    return (coarse / ROW_CHUNK + (fine + TAIL_CHUNK - 1) / TAIL_CHUNK) * job->panel_chunks;
}

static void linear_slice(void *context, int slice, int worker)
{
    const linear_job *job = context;
    int layer = 0;
    int64_t index = slice;
    while (index >= linear_slices(job, layer))
        index -= linear_slices(job, layer++);
    const csi_linear *l = &job->layers[layer];
    int64_t block = index / job->panel_chunks, panel = index % job->panel_chunks * PANEL_CHUNK;
    int64_t coarse = coarse_rows(job, layer), row = block * ROW_CHUNK, chunk = ROW_CHUNK;
    if (row >= coarse) {
        row = coarse + (block - coarse / ROW_CHUNK) * TAIL_CHUNK;
        chunk = TAIL_CHUNK;
    }
    int64_t row_end = CSI_MIN(row + chunk, l->n_out), panel_end = CSI_MIN(panel + PANEL_CHUNK, csi_panels(l->columns));
    if (l->narrow)
        job->run->ops->narrow[l->narrow->kind]->linear(l, row, row_end, panel, panel_end);
    else
        job->run->ops->linear(l, row, row_end, panel, panel_end, csi_run_scratch(job->run, worker));
}

void csi_linear_run(const csi_run *run, const csi_linear *layers, int n_layers)
{
    linear_job job = {.run = run, .layers = layers, .n_layers = n_layers};
    job.panel_chunks = (csi_panels(layers[0].columns) + PANEL_CHUNK - 1) / PANEL_CHUNK;
    job.tail_rows = run->max_threads > 1 ? (int64_t)ROW_CHUNK * run->max_threads : 0;
    int64_t slices = 0;
    for (int i = 0; i < n_layers; i++)
        slices += linear_slices(&job, i);
    csi_pool_run(run->pool, run->max_threads, (int)slices, linear_slice, &job);
}

/* ------------------------------------------------------------ narrow kinds */

enum { STRIPS = CSI_PANEL / CSI_STRIP };

typedef struct convert_job {
    const csi_run *run;
    const csi_narrow_panels *out;
    const float *x;
    int64_t x_panel, rows, columns;
    csi_kind kind;
} convert_job;

static void convert_slice(void *context, int slice, int worker)
{
    const convert_job *job = context;
    (void)worker;
    int64_t panel = slice / STRIPS, lane = slice % STRIPS * CSI_STRIP, at = panel * CSI_PANEL + lane;
    int64_t words = csi_narrow_words(job->kind, job->rows);
    job->run->ops->narrow[job->kind]->convert(
        job->x + panel * job->x_panel + lane, job->rows, CSI_MIN(job->columns - at, CSI_STRIP),
        job->out->w + panel * words * CSI_PANEL + lane, job->out->scale ? job->out->scale + at : NULL);
}

void csi_convert_run(const csi_run *run, csi_kind kind, const float *x, int64_t x_panel, int64_t rows, int64_t columns,
                     const csi_narrow_panels *out)
{
    convert_job job = {run, out, x, x_panel, rows, columns, kind};
    csi_pool_run(run->pool, run->max_threads, (int)csi_strips(columns), convert_slice, &job);
}

/* -------------------------------------------------------------- layer norm */

typedef struct norm_job {
    const csi_run *run;
    const float *x;
    float *y;
    const float *weight, *bias;
    int64_t rows;
    bool silu;
} norm_job;

static void norm_slice(void *context, int slice, int worker)
{
    const norm_job *job = context;
    (void)worker;
    int64_t panel = slice / STRIPS * job->rows * CSI_PANEL;
    job->run->ops->layer_norm(job->x + panel, job->y + panel, job->rows, slice % STRIPS * CSI_STRIP, job->weight,
                              job->bias, 1e-5f, job->silu);
}

void csi_layer_norm_run(const csi_run *run, const float *x, float *y, int64_t rows, int64_t columns,
                        const float *weight, const float *bias, bool silu)
{
    norm_job job = {run, x, y, weight, bias, rows, silu};
    csi_pool_run(run->pool, run->max_threads, (int)csi_strips(columns), norm_slice, &job);
}

/* --------------------------------------------------------------- attention */

typedef struct attention_job {
    const csi_run *run;
    const csi_attention *attentions;
} attention_job;

static void attention_slice(void *context, int slice, int worker)
{
    const attention_job *job = context;
    const csi_attention *a = job->attentions;
    int64_t index = slice;
    for (; index >= csi_panels(a->n_queries) * a->n_heads; a++)
        index -= csi_panels(a->n_queries) * a->n_heads;
    /* Head after head: the keys, values and positions of one stay in a cache that all heads' would not fit. */
    const int64_t panels = csi_panels(a->n_queries);
    const csi_ops *ops = job->run->ops;
    (a->k_words ? ops->narrow[CSI_KIND_BF16]->attention : ops->attention)(a, (int32_t)(index / panels), index % panels,
                                                                          csi_run_scratch(job->run, worker));
}

void csi_attention_run(const csi_run *run, const csi_attention *attentions, int n_attentions)
{
    attention_job job = {run, attentions};
    int64_t panels = 0;
    for (int i = 0; i < n_attentions; i++)
        panels += csi_panels(attentions[i].n_queries);
    csi_pool_run(run->pool, run->max_threads, (int)(panels * attentions->n_heads), attention_slice, &job);
}

static void words_slice(void *context, int slice, int worker)
{
    const attention_job *job = context;
    const csi_attention *a = job->attentions;
    (void)worker;
    int64_t panel = slice;
    for (; panel >= csi_panels(a->n_keys); a++)
        panel -= csi_panels(a->n_keys);
    const int64_t size = a->d * CSI_PANEL, columns = CSI_MIN(a->n_keys - panel * CSI_PANEL, CSI_PANEL);
    const csi_narrow_ops *ops = job->run->ops->narrow[CSI_KIND_BF16];
    ops->convert(a->k + panel * size, a->d, columns, (uint32_t *)(uintptr_t)a->k_words + panel * size / 2, NULL);
    ops->convert_values(a->v + panel * size, a->d, columns, (uint32_t *)(uintptr_t)a->v_words + panel * size / 2);
}

void csi_attention_words_run(const csi_run *run, csi_attention *attentions, int n_attentions, uint32_t *k_words,
                             uint32_t *v_words)
{
    attention_job job = {run, attentions};
    int64_t panels = 0;
    for (int i = 0; i < n_attentions; i++) {
        csi_attention *a = &attentions[i];
        a->k_words = k_words + panels * a->d / 2 * CSI_PANEL;
        a->v_words = v_words + panels * a->d / 2 * CSI_PANEL;
        panels += csi_panels(a->n_keys);
    }
    csi_pool_run(run->pool, run->max_threads, (int)panels, words_slice, &job);
}

/* ------------------------------------------------------- matrix times vector */

enum { MATVEC_MOST = 4 };

typedef struct matvec_job {
    const csi_run *run;
    const csi_matvec *products;
    int64_t chunk[MATVEC_MOST]; /* rows of a slice */
} matvec_job;

static int64_t matvec_slices(const matvec_job *job, int product)
{
    return (job->products[product].n_out + job->chunk[product] - 1) / job->chunk[product];
}

static void matvec_slice(void *context, int slice, int worker)
{
    const matvec_job *job = context;
    (void)worker;
    int i = 0;
    int64_t index = slice;
    while (index >= matvec_slices(job, i))
        index -= matvec_slices(job, i++);
    const csi_matvec *p = &job->products[i];
    int64_t row = index * job->chunk[i], end = CSI_MIN(row + job->chunk[i], p->n_out);
    if (p->narrow)
        job->run->ops->narrow[p->narrow->kind]->matvec(p->narrow, row, end, p->narrow_x, p->x_scale, p->bias, p->y);
    else
        job->run->ops->matvec(p->w, p->n_in, row, end, p->x, p->bias, p->y);
}

void csi_matvec_run(const csi_run *run, const csi_matvec *products, int n_products)
{
    /* Waking a worker costs about what reading 100 kB of weights does. Chunks are whole row blocks, so that every
     * row is computed the same way however many there are. */
    matvec_job job = {.run = run, .products = products};
    int64_t slices = 0;
    for (int i = 0; i < n_products; i++) {
        const csi_matvec *p = &products[i];
        int64_t words = p->narrow ? p->narrow->words : p->n_in;
        bool shared = p->n_out * words > 128 * 1024;
        job.chunk[i] =
            shared ? csi_row_blocks(CSI_MAX(1, p->n_out / (4 * run->max_threads))) * CSI_ROW_BLOCK : p->n_out;
        slices += matvec_slices(&job, i);
    }
    csi_pool_run(run->pool, run->max_threads, (int)slices, matvec_slice, &job);
}

/* -------------------------------------------------------------- element-wise */

typedef struct scale_job {
    const csi_run *run;
    float *x;
    int64_t n;
    float factor;
} scale_job;

enum { SCALE_CHUNK = 1 << 16 };

static void scale_slice(void *context, int slice, int worker)
{
    const scale_job *job = context;
    (void)worker;
    int64_t start = (int64_t)slice * SCALE_CHUNK;
    job->run->ops->scale(job->x + start, CSI_MIN(SCALE_CHUNK, job->n - start), job->factor);
}

void csi_scale_run(const csi_run *run, float *x, int64_t n, float factor)
{
    scale_job job = {run, x, n, factor};
    csi_pool_run(run->pool, run->max_threads, (int)((n + SCALE_CHUNK - 1) / SCALE_CHUNK), scale_slice, &job);
}

/* --------------------------------------------------------------- transposes */

typedef struct transpose_job {
    const float *panels;
    float *frames;
    int64_t rows, columns, pitch;
} transpose_job;

/* One panel, in 16 x 48 pieces that stay in the first-level cache. */
static void transpose_slice(void *context, int slice, int worker)
{
    const transpose_job *job = context;
    (void)worker;
    int64_t t0 = (int64_t)slice * CSI_PANEL, n = CSI_MIN(CSI_PANEL, job->columns - t0);
    const float *in = job->panels + t0 * job->rows;
    float *out = job->frames + t0 * job->pitch;
    for (int64_t r0 = 0; r0 < job->rows; r0 += 16) {
        int64_t r1 = CSI_MIN(r0 + 16, job->rows);
        for (int64_t t = 0; t < n; t++)
            for (int64_t r = r0; r < r1; r++)
                out[t * job->pitch + r] = in[r * CSI_PANEL + t];
    }
}

void csi_panels_to_frames(const csi_run *run, const float *panels, int64_t rows, int64_t columns, float *frames,
                          int64_t pitch)
{
    transpose_job job = {panels, frames, rows, columns, pitch};
    csi_pool_run(run->pool, run->max_threads, (int)csi_panels(columns), transpose_slice, &job);
}

typedef struct columns_job {
    const csi_columns *moves;
    int64_t rows;
} columns_job;

static void columns_slice(void *context, int slice, int worker)
{
    const columns_job *job = context;
    const csi_columns *m = &job->moves[slice];
    (void)worker;
    for (int64_t done = 0, n; done < m->n; done += n) { /* a piece is in one panel on both sides */
        int64_t from = m->from + done, to = m->to + done;
        int64_t room = CSI_PANEL - CSI_MAX(from % CSI_PANEL, to % CSI_PANEL);
        const float *x = m->x + from / CSI_PANEL * job->rows * CSI_PANEL + from % CSI_PANEL;
        float *y = m->y + to / CSI_PANEL * job->rows * CSI_PANEL + to % CSI_PANEL;
        n = CSI_MIN(m->n - done, room);
        for (int64_t r = 0; r < job->rows; r++)
            memcpy(y + r * CSI_PANEL, x + r * CSI_PANEL, (size_t)n * sizeof *y);
    }
}

void csi_columns_run(const csi_run *run, int64_t rows, const csi_columns *moves, int n_moves)
{
    columns_job job = {moves, rows};
    csi_pool_run(run->pool, run->max_threads, n_moves, columns_slice, &job);
}
