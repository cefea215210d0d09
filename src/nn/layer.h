/* SPDX-License-Identifier: MIT
 *
 * Inside the encoder: one run, and the steps of a layer that work on it. conformer.c runs utterances whole, blocks.c long
 * ones block by block.
 *
 * A step works on the n columns of x: those of all utterances, or of a block. */
#ifndef CSI_LAYER_H
#define CSI_LAYER_H

#include "nn/nn.h"

/* Panels [base, filled) of an utterance, in room for `room`. */
typedef struct csi_window {
    float *data;
    int64_t base, filled, room;
} csi_window;

/* How far the layers reach, in panels: the farthest key behind and before a query's panel; the convolution's. */
typedef struct csi_reach {
    int64_t left, right, conv_left, conv_right;
} csi_reach;

/* What becomes of a run: all columns at once; each layer block by block over all of x; or each block through all layers. */
typedef enum csi_way { CSI_WHOLE, CSI_BY_LAYER, CSI_FLOWING } csi_way;

/* Panels of a block. */
enum { CSI_BLOCK = 2 * CSI_PANEL_BLOCK };

/* How far a layer has come with an utterance: panels that came in, that have had their attention, that are done. */
typedef struct csi_progress {
    int64_t filled, attended, done;
} csi_progress;

/* Everything one run needs; its buffers lie in one block of memory. */
typedef struct csi_encoding {
    const csi_run *run;
    csi_encoder *e;
    const csi_encoder_hooks *hooks;
    const csi_context *context;
    const csi_utterance *utterances;
    int n_utterances;
    csi_way way;
    csi_reach lag;
    int64_t all_n, columns; /* frames of all; rounded up to panels */
    int64_t longest;        /* frames of the longest utterance */
    int64_t n;              /* columns of x */
    float *x, *h;           /* panels of d rows */
    float *wide;            /* panels of the widest rows: feed-forward, Q K V, the sub-sampling's output */
    csi_kind kind;          /* of the dense layers */
    const float *in;        /* what the next dense layers read: panels of in_rows rows; */
    int64_t in_rows;
    csi_narrow_panels narrow_in;     /* the same in their kind, when that is a narrow one */
    csi_narrow_panels narrow_table;  /* likewise */
    float *table, *projected;        /* positions of one layer, when they are not kept */
    float *position_words;           /* of them, when attention wants words */
    const float *kept;               /* positions of all layers, or NULL */
    int64_t kept_offset, kept_layer; /* see csi_positions_get() */
    int64_t reach;                   /* of csi_attention */
    int32_t *first, *end;    /* keys that a column may look at, counted from its utterance's or window's first */
    csi_window xs;           /* panels of d rows. CSI_WHOLE, CSI_BY_LAYER: of all columns */
    csi_window keys, values; /* panels of csi_encoding_kv_rows(). CSI_WHOLE: room for them as words */
    csi_window wides;        /* panels of 2 d rows: the convolution's input; not CSI_WHOLE */
    csi_progress *progress;  /* CSI_FLOWING: of each layer; else of one */
    float *tails;            /* CSI_FLOWING: per layer, what stays in its windows from block to block */
    float *handed;           /* CSI_FLOWING: a block on its way from layer to layer */
    float *mel;              /* CSI_FLOWING: features of a block, mel_room frames at most */
    int64_t mel_room;
    float *frames;             /* (n, d) for the tensor hook, else NULL */
    csi_attention *attentions; /* one per utterance */
    float *aligned;            /* Q, K and V of several utterances, each from a panel on: 3 blocks of aligned_columns */
    int64_t aligned_columns;
    csi_columns *moves; /* 3 per utterance */
    uint64_t clock;     /* when the stage in progress began, for the stage hook */
} csi_encoding;

/* ------------------------------------------------------------- conformer.c */

/* Keys [*first, *end) that frame i of n may look at: every style allows one run of them. */
void csi_allowed_keys(const csi_encoder *e, const csi_context *context, int64_t i, int64_t n, int64_t *first,
                      int64_t *end);
/* Rows of floats, or of words of two, in which attention gets a panel of keys or values. */
int64_t csi_encoding_kv_rows(const csi_encoder *e);
/* True when the caller wants to stop; share of the work that is done. */
bool csi_encoding_stopped(csi_encoding *s, double share);
/* What was done since the last call was this stage; NULL: somebody else's. */
void csi_encoding_spent(csi_encoding *s, const char *stage);
/* All of x to the tensor hook. */
void csi_encoding_show(csi_encoding *s, const char *name);

/* ---------------------------------------------------------------- layer.c */

/* The sub-sampling's output layer over wide, to x. */
void csi_step_enter(csi_encoding *s);
/* x += 1/2 FF1(x); x += 1/2 FF2(x), then the layer's last norm. */
void csi_step_first(csi_encoding *s, const csi_conformer_layer *w);
void csi_step_last(csi_encoding *s, const csi_conformer_layer *w);
/* LN x, which is what csi_step_dense() then reads. */
void csi_step_look(csi_encoding *s, const csi_conformer_layer *w);
csi_linear csi_step_dense(const csi_encoding *s, const csi_dense_weights *w, const float *bias, int64_t n_out,
                          float *y);
/* Projected positions of a layer, as csi_attention.p. */
const float *csi_step_positions(csi_encoding *s, int32_t layer);
/* What all attentions of a layer have in common. */
csi_attention csi_step_attention(const csi_encoding *s, const csi_conformer_layer *w, const float *positions);
/* x += out(h), h what attention gave. */
void csi_step_attended(csi_encoding *s, const csi_conformer_layer *w);
/* The convolution's first dense layer over LN x, to y, panels of 2 d rows. */
void csi_step_widen(csi_encoding *s, const csi_conformer_layer *w, float *y);

/* Panels of one utterance to convolve: read `panels` of them, the utterance's frames in lanes [lane, lane + frames) of
 * these; write n_out after the first `skip`. */
typedef struct csi_strip {
    const float *in; /* panels of 2 d rows */
    float *out;      /* panels of d rows, of the first that is written */
    int64_t panels, lane, frames, skip, n_out;
} csi_strip;
/* The rest of the convolution onto x: of each utterance whole, its input in wide; or of a part, its output in h. */
void csi_step_convolve(csi_encoding *s, const csi_conformer_layer *w, const csi_strip *part);

/* ---------------------------------------------------------------- blocks.c */

/* The layers of one utterance over all of x, layer by layer. CS_ECANCELLED. */
cs_err csi_blocks_by_layer(csi_encoding *s, cs_error *err);
/* From features to finished blocks. CS_ECANCELLED, or what the flow's sink says. */
cs_err csi_blocks_flow(csi_encoding *s, const csi_flow *flow, cs_error *err);
/* Floats of csi_encoding.tails, of one layer; a multiple of 16. */
size_t csi_blocks_tail_floats(const csi_encoding *s);

#endif
