/* SPDX-License-Identifier: MIT
 * What the files of Canary's decoder share: a transformer layer's parts on panels (ops.h), one column per token or frame. */
#ifndef CSI_AED_H
#define CSI_AED_H

#include "nn/nn.h"

/* Tokens or frames on their way through a stack of layers. */
typedef struct csi_aed_line {
    const csi_run *run;
    const csi_aed_stack *stack;
    int64_t columns;
    float *x;        /* panels of H rows: the line itself */
    float *h;        /* panels of H rows: what a part reads, or what attention gives */
    float *wide;     /* panels of csi_aed_wide_rows() */
    float *narrow;   /* csi_aed_narrow_floats() */
    const float *in; /* what the next dense layers read: panels of in_rows rows; */
    int64_t in_rows;
    csi_narrow_panels narrow_in; /* the same in their kind, when that is a narrow one */
    /* One column in a narrow kind, as in most steps: what goes from part to part, all but x, lies as vectors without gaps, since
     * each row of a panel is a cache line that would go from core to core. */
    bool alone;
    float in_scale; /* alone: of narrow_in.w */
} csi_aed_line;

int64_t csi_aed_wide_rows(const csi_aed_stack *stack);
size_t csi_aed_narrow_floats(const csi_aed_stack *stack, int64_t columns);

/* All dense layers are of one kind. */
static inline csi_kind csi_aed_kind(const csi_aed *aed)
{
    return csi_kind_of(&aed->decoder.layers[0].in_w);
}

/* Floats of panels. */
static inline size_t csi_aed_panels(int64_t rows, int64_t columns)
{
    return (size_t)(rows * csi_panels(columns) * CSI_PANEL);
}

/* Where row `row` of a column is in what goes from part to part, rows high; and floats from row to row. */
static inline int64_t csi_aed_pitch(const csi_aed_line *line)
{
    return line->alone ? 1 : CSI_PANEL;
}

static inline int64_t csi_aed_at(const csi_aed_line *line, int64_t rows, int64_t row, int64_t column)
{
    return (column / CSI_PANEL * rows + row) * csi_aed_pitch(line) + column % CSI_PANEL;
}

/* The dense layers that follow read x, panels of rows. w: one of their weights, which tells their kind. */
void csi_aed_read(csi_aed_line *line, const csi_dense_weights *w, const float *x, int64_t rows);
/* y = w in + bias, for csi_aed_multiply(); x += w in + bias. */
csi_linear csi_aed_dense(const csi_aed_line *line, const csi_dense_weights *w, const float *bias, int64_t n_out,
                         float *y);
void csi_aed_multiply(const csi_aed_line *line, const csi_linear *layers, int n_layers);
void csi_aed_add(const csi_aed_line *line, const csi_dense_weights *w, const float *bias);

/* Around a part: before it, its dense layers read the line or its norm; after it, the line is normed. By the stack's order. */
void csi_aed_enter(csi_aed_line *line, const csi_dense_weights *w, const float *norm_w, const float *norm_b);
void csi_aed_leave(csi_aed_line *line, const float *norm_w, const float *norm_b);

/* The whole feed-forward part of a layer. */
void csi_aed_feed_forward(csi_aed_line *line, const csi_aed_layer *layer);

#endif
