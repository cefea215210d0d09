/* SPDX-License-Identifier: MIT
 *
 * Layer 3, the door to decoding: from encoder frames to emitted tokens. Greedy, as NeMo's greedy_batch with batch size 1.
 * A decoder's state is its caller's, so that a stream can carry it from chunk to chunk. */
#ifndef CSI_DECODE_H
#define CSI_DECODE_H

#include "nn/nn.h"
#include "text/text.h"

/* --------------------------------------------------------------- confidence */

typedef struct csi_confidence {
    cs_confidence method;
    double alpha;
    cs_aggregate aggregate; /* frames to token (CTC) */
} csi_confidence;

/* Confidence of one distribution over n_classes (blank counted). sums.s and sums.g must be for c->alpha. */
double csi_confidence_of(const csi_confidence *c, int64_t n_classes, const csi_softmax_sums *sums);

/* ----------------------------------------------------------------- emissions */

/* Tokens found so far; grows. */
typedef struct csi_emissions {
    const csi_env *env;
    csi_emission *items;
    size_t n, capacity;
    double score; /* sum of the log-probabilities as NeMo adds them */
} csi_emissions;

void csi_emissions_finish(csi_emissions *e);
cs_err csi_emissions_add(csi_emissions *e, csi_emission item, cs_error *err);

/* Asked now and then; non-zero stops with CS_ECANCELLED. May be NULL. */
typedef int (*csi_stop_fn)(void *user);

/* ----------------------------------------------------------------------- CTC */

/* A linear CTC head; blank = vocab. */
typedef struct csi_ctc {
    const float *w, *b; /* (V + 1, D), (V + 1): f32 in any precision */
    int32_t vocab, d;
} csi_ctc;

/* What the last frame was, and the run of frames that is still open. Zeroed with last = vocab at the start. */
typedef struct csi_ctc_state {
    int32_t last;
    int64_t base;                     /* frames before this chunk */
    double sum, product, least, most; /* confidence over the open run */
} csi_ctc_state;

void csi_ctc_begin(const csi_ctc *ctc, csi_ctc_state *state);
/* logits (n, V + 1) of the next n frames. */
cs_err csi_ctc_greedy(const csi_ops *ops, const csi_ctc *ctc, const csi_confidence *confidence, csi_ctc_state *state,
                      const float *logits, int64_t n, csi_emissions *out, cs_error *err);

/* ---------------------------------------------------------------- transducer */

typedef struct csi_transducer_state {
    csi_prediction prediction;
    int64_t base;          /* frames before this chunk */
    int64_t next;          /* frame of this chunk to look at first: what a TDT duration carried over */
    int64_t n_steps;       /* evaluations of the joint */
    float *joint, *logits; /* csi_joint_floats(), (V + 1 + n_durations) */
    bool started;
} csi_transducer_state;

size_t csi_transducer_state_floats(const csi_transducer *t);
void csi_transducer_begin(const csi_transducer *t, csi_transducer_state *state, float *memory);
/* frames (n, J): the next n encoder frames, projected by the joint. max_symbols: 0 for no limit. */
cs_err csi_transducer_greedy(const csi_run *run, const csi_transducer *t, const csi_confidence *confidence,
                             int32_t max_symbols, csi_transducer_state *state, const float *frames, int64_t n,
                             csi_stop_fn stop, void *user, csi_emissions *out, cs_error *err);

#endif
