/* SPDX-License-Identifier: MIT
 * Depthwise-striding sub-sampling: a 3x3 convolution of stride 2 on one channel, then stages of a depthwise 3x3 of
 * stride 2 and a pointwise one; ReLU after the first and after each pointwise.
 *
 * It works in tiles of 16 output frames, so memory does not grow with the audio and tiles run on different threads. A
 * tile needs a little more input at each stage than it gives output (2 or 3 frames); that is computed again by the
 * neighbour. Outside [0, length) every stage sees zeros: NeMo masks between the convolutions, which for one utterance is
 * the same.
 *
 * Stride 2 along time is turned into unit stride by splitting a row into its even and odd frames: a tap then reads
 * either of the two, shifted by 0 or 1. Columns of a pointwise product are (frequency, frame) pairs, frequency-major.
 *
 * Source: NeMo nemo/collections/asr/parts/submodules/subsampling.py, ConvSubsampling (dw_striding), MaskedConvSequential. */
#include "nn/nn.h"

enum { TILE = 16, MAX_STAGES = 8, PIECE = 128 /* rows of a product at once: see ops.h */ };

int64_t csi_subsampling_frames(const csi_subsampling *s, int64_t n)
{
    for (int32_t i = 0; i < s->stages; i++)
        n = (n + s->pad_left + 1 - 3 + 2) / 2; /* floor((n + pads - 3) / 2) + 1 */
    return n;
}

/* Where a tile lies at each stage, and the sizes there. Index 0 is the mel input. */
typedef struct tile {
    int64_t from[MAX_STAGES + 1], to[MAX_STAGES + 1]; /* frames wanted, may reach outside [0, length) */
    int64_t length[MAX_STAGES + 1];                   /* of the whole utterance */
    int32_t freq[MAX_STAGES + 1];
    int64_t column; /* of the output's frame 0 */
} tile;

static void plan(const csi_subsampling *s, int64_t n_mel_frames, int64_t first, int64_t n, tile *t)
{
    const csi_subsampling one = {.stages = 1, .pad_left = s->pad_left};
    t->length[0] = n_mel_frames;
    t->freq[0] = s->n_mels;
    for (int32_t i = 0; i < s->stages; i++) {
        t->length[i + 1] = csi_subsampling_frames(&one, t->length[i]);
        t->freq[i + 1] = (int32_t)csi_subsampling_frames(&one, t->freq[i]);
    }
    t->from[s->stages] = first;
    t->to[s->stages] = first + n;
    for (int32_t i = s->stages; i > 0; i--) {
        t->from[i - 1] = 2 * t->from[i] - s->pad_left;
        t->to[i - 1] = 2 * (t->to[i] - 1) - s->pad_left + 3;
    }
}

csi_span csi_subsampling_needs(const csi_subsampling *s, int64_t n_mel_frames, int64_t first, int64_t n)
{
    csi_span span = {first, first + n};
    for (int32_t i = s->stages; i > 0; i--)
        span = (csi_span){2 * span.first - s->pad_left, 2 * (span.n - 1) - s->pad_left + 3};
    span.first = CSI_MAX(span.first, 0);
    span.n = CSI_MIN(span.n, n_mel_frames) - span.first;
    return span;
}

static int64_t width(const tile *t, int stage)
{
    return t->to[stage] - t->from[stage];
}

/* Floats of one phase-split row of `stage`: even frames, then odd ones, each with room for a shift. */
static int64_t phase(const tile *t, int stage)
{
    return (width(t, stage) + 1) / 2 + 1;
}

typedef struct buffers {
    float *mel;     /* (freq 0, 2, phase 0) */
    float *first;   /* (freq 1, 2, phase 1): one channel after the first convolution */
    float *row;     /* one output row */
    float *a, *b;   /* panels of C rows, (frequency, frame) columns */
    float *product; /* scratch of a product */
} buffers;

static int64_t columns_at(const tile *t, int stage)
{
    return t->freq[stage] * width(t, stage);
}

/* Sizes in floats of each buffer for a whole tile; returns their sum. */
static size_t layout(const csi_subsampling *s, const tile *t, float *memory, buffers *b)
{
    int64_t most = 0, widest = width(t, 1);
    for (int32_t i = 2; i <= s->stages; i++)
        most = CSI_MAX(most, csi_panels(columns_at(t, i)) * CSI_PANEL * s->channels);
    int64_t later = 0; /* rows split from a panel, stage 2 on */
    for (int32_t i = 2; i < s->stages; i++)
        later = CSI_MAX(later, t->freq[i] * 2 * phase(t, i));
    const int64_t sizes[6] = {t->freq[0] * 2 * phase(t, 0),
                              CSI_MAX(t->freq[1] * 2 * phase(t, 1), later),
                              widest + 16,
                              most,
                              most,
                              (int64_t)PIECE * CSI_PANEL_BLOCK * CSI_PANEL};
    float **places[6] = {&b->mel, &b->first, &b->row, &b->a, &b->b, &b->product};
    size_t used = 0;
    for (int i = 0; i < 6; i++) {
        *places[i] = memory ? memory + used : NULL;
        used += ((size_t)sizes[i] + 15) / 16 * 16;
    }
    return used;
}

size_t csi_subsampling_scratch(const csi_subsampling *s)
{
    tile t;
    buffers b;
    plan(s, 1 << 20, 1000, TILE, &t);
    return layout(s, &t, NULL, &b);
}

/* Split a row that starts at frame `from` into phases, zero outside [0, length). in(frame) = row[frame - row_from]. */
static void split_row(const float *row, int64_t row_from, int64_t from, int64_t to, int64_t length,
                      int64_t phase_floats, float *out)
{
    memset(out, 0, (size_t)(2 * phase_floats) * sizeof *out);
    int64_t first = CSI_MAX(from, 0) - from, end = CSI_MIN(to, length) - from;
    int64_t shift = from - row_from;
    for (int64_t i = (first + 1) / 2; 2 * i < end; i++)
        out[i] = row[shift + 2 * i];
    for (int64_t i = first / 2; 2 * i + 1 < end; i++)
        out[phase_floats + i] = row[shift + 2 * i + 1];
}

/* One output row of a 3x3 stride-2 convolution: rows (n_freq, 2, phase_floats), output frequency f, n frames. */
static void convolve(const csi_ops *ops, const csi_subsampling *s, const float *rows, int32_t n_freq,
                     int64_t phase_floats, int32_t f, const float *w, float bias, float *out, int64_t n,
                     csi_epilogue epilogue)
{
    const float *terms[9];
    float weights[9];
    int used = 0;
    for (int j = 0; j < 3; j++) {
        int32_t in = 2 * f - s->pad_left + j;
        if (in < 0 || in >= n_freq)
            continue;
        for (int i = 0; i < 3; i++) { /* kernel axis 0 is time, axis 1 is frequency */
            terms[used] = rows + (in * 2 + i % 2) * phase_floats + i / 2;
            weights[used++] = w[i * 3 + j];
        }
    }
    ops->combine(terms, weights, used, bias, out, n, epilogue);
}

/* A row to its columns of a panel matrix with C rows, and back. */
static void put_row(float *panels, int64_t channels, int64_t channel, int64_t column, const float *row, int64_t n)
{
    while (n > 0) {
        int64_t lane = column % CSI_PANEL, piece = CSI_MIN(n, CSI_PANEL - lane);
        memcpy(panels + (column / CSI_PANEL * channels + channel) * CSI_PANEL + lane, row, (size_t)piece * sizeof *row);
        column += piece;
        row += piece;
        n -= piece;
    }
}

static void get_row(const float *panels, int64_t channels, int64_t channel, int64_t column, float *row, int64_t n)
{
    while (n > 0) {
        int64_t lane = column % CSI_PANEL, piece = CSI_MIN(n, CSI_PANEL - lane);
        memcpy(row, panels + (column / CSI_PANEL * channels + channel) * CSI_PANEL + lane, (size_t)piece * sizeof *row);
        column += piece;
        row += piece;
        n -= piece;
    }
}

static void pointwise(const csi_ops *ops, const csi_subsampling *s, int stage, int64_t columns, const buffers *b)
{
    const int64_t c = s->channels;
    csi_linear l = csi_dense(s->pw_w[stage], s->pw_b[stage], c, c, b->a, b->b, columns);
    l.epilogue = CSI_RELU;
    for (int64_t row = 0; row < c; row += PIECE)
        ops->linear(&l, row, CSI_MIN(row + PIECE, c), 0, csi_panels(columns), b->product);
}

typedef struct job {
    const csi_run *run;
    const csi_subsampling *s;
    const csi_utterance *utterances;
    int64_t first; /* frame of the first, whose column is 0 of what comes out; of several 0 */
    float *out;    /* panels of C * n_freq rows */
} job;

static int n_tiles(const csi_utterance *u)
{
    return (int)((u->n_frames + TILE - 1) / TILE);
}

/* First convolution of one channel: all frequencies, frames of stage 1, as phases (a later stage follows). */
static void first_rows(const job *j, const tile *t, const buffers *b, int32_t channel)
{
    for (int32_t f = 0; f < t->freq[1]; f++) {
        convolve(j->run->ops, j->s, b->mel, t->freq[0], phase(t, 0), f, j->s->first_w + channel * 9,
                 j->s->first_b[channel], b->row, width(t, 1), CSI_RELU);
        split_row(b->row, t->from[1], t->from[1], t->to[1], t->length[1], phase(t, 1), b->first + f * 2 * phase(t, 1));
    }
}

static void write_out(const job *j, const tile *t, int32_t channel, int32_t f, const float *row)
{
    int64_t rows = (int64_t)j->s->channels * j->s->n_freq, first = t->column + t->from[j->s->stages];
    put_row(j->out, rows, (int64_t)channel * j->s->n_freq + f, first, row, width(t, j->s->stages));
}

static void tile_slice(void *context, int slice, int worker)
{
    const job *j = context;
    const csi_subsampling *s = j->s;
    tile t;
    buffers b;
    const csi_utterance *u = j->utterances;
    for (; slice >= n_tiles(u); u++)
        slice -= n_tiles(u);
    int64_t first = j->first + (int64_t)slice * TILE;
    plan(s, u->n_mel_frames, first, CSI_MIN(TILE, u->n_frames - first), &t);
    t.column = u->column - j->first;
    layout(s, &t, csi_run_scratch(j->run, worker), &b);
    for (int32_t f = 0; f < t.freq[0]; f++)
        split_row(u->mel + f * u->mel_pitch, u->mel_first, t.from[0], t.to[0], t.length[0], phase(&t, 0),
                  b.mel + f * 2 * phase(&t, 0));
    if (s->stages == 1) {
        for (int32_t c = 0; c < s->channels; c++)
            for (int32_t f = 0; f < t.freq[1]; f++) {
                convolve(j->run->ops, s, b.mel, t.freq[0], phase(&t, 0), f, s->first_w + c * 9, s->first_b[c], b.row,
                         width(&t, 1), CSI_RELU);
                write_out(j, &t, c, f, b.row);
            }
        return;
    }
    for (int stage = 1; stage < s->stages; stage++) {
        int64_t n = width(&t, stage + 1);
        for (int32_t c = 0; c < s->channels; c++) {
            if (stage == 1)
                first_rows(j, &t, &b, c);
            else
                for (int32_t f = 0; f < t.freq[stage]; f++) {
                    get_row(b.b, s->channels, c, f * width(&t, stage), b.row, width(&t, stage));
                    split_row(b.row, t.from[stage], t.from[stage], t.to[stage], t.length[stage], phase(&t, stage),
                              b.first + f * 2 * phase(&t, stage));
                }
            for (int32_t f = 0; f < t.freq[stage + 1]; f++) {
                convolve(j->run->ops, s, b.first, t.freq[stage], phase(&t, stage), f, s->dw_w[stage] + c * 9,
                         s->dw_b[stage][c], b.row, n, CSI_STORE);
                put_row(b.a, s->channels, c, f * n, b.row, n);
            }
        }
        pointwise(j->run->ops, s, stage, columns_at(&t, stage + 1), &b);
    }
    for (int32_t c = 0; c < s->channels; c++)
        for (int32_t f = 0; f < s->n_freq; f++) {
            get_row(b.b, s->channels, c, f * width(&t, s->stages), b.row, width(&t, s->stages));
            write_out(j, &t, c, f, b.row);
        }
}

void csi_subsampling_run(const csi_run *run, const csi_subsampling *s, const csi_utterance *utterances, int n,
                         float *panels)
{
    job j = {run, s, utterances, 0, panels};
    int tiles = 0;
    for (int i = 0; i < n; i++)
        tiles += n_tiles(&utterances[i]);
    csi_pool_run(run->pool, run->max_threads, tiles, tile_slice, &j);
}

void csi_subsampling_part(const csi_run *run, const csi_subsampling *s, const csi_utterance *utterance, int64_t first,
                          int64_t n, float *panels)
{
    job j = {run, s, utterance, first, panels};
    csi_pool_run(run->pool, run->max_threads, (int)((n + TILE - 1) / TILE), tile_slice, &j);
}
