/* SPDX-License-Identifier: MIT
 *
 * Layer 3, the door to decoding: from encoder frames to emitted tokens, as NeMo with batch size 1: greedy, and for
 * encoder-decoder models with beams.
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

/* --------------------------------------------- attention encoder-decoder */

/* A run of the decoder that a search asks for. */
typedef struct csi_aed_turn {
    const int32_t *tokens;  /* (n_lines, n_tokens) */
    const int32_t *parents; /* (n_lines): the line of the step before whose keys and values each line goes on from */
    int32_t n_lines;        /* one with the prompt, then the beams */
    int32_t n_tokens;       /* the prompt's, then one */
    int64_t position;       /* of the first token */
} csi_aed_turn;

/* logits (n_lines, classes) of the last token of each line. */
typedef cs_err (*csi_aed_step_fn)(void *user, const csi_aed_turn *step, float *logits, cs_error *err);

typedef struct csi_aed_options {
    const int32_t *prompt; /* n_prompt >= 1; must outlive the search */
    int32_t n_prompt;
    int64_t limit; /* tokens of a line with the prompt; a beam search goes one beyond */
    int32_t classes, end, pad;
    bool greedy;                      /* NeMo's strategy greedy; otherwise a beam search, of one beam too */
    int32_t beams;                    /* 1 .. CS_MOST_BEAMS, at most classes; greedy: 1 */
    float length_penalty;             /* 0: none */
    const csi_confidence *confidence; /* of each token in its line; NULL: none */
    int32_t guard;                    /* a loop of so many rounds (2 .. 32) ends the line; 0: none, as NeMo */
} csi_aed_options;

/* A search: a step is asked for until step.n_lines is 0. Pulled, so that several searches can share a run of the decoder. */
typedef struct csi_aed_search {
    csi_aed_options options;
    const csi_ops *ops;
    csi_aed_turn step;
    int64_t n_tokens; /* in each line, the prompt not counted */
    int32_t n_runs;   /* of the decoder, the prompt's being the first */
    bool looped;      /* the guard acted */
    int64_t kept;     /* then: tokens of the best line before its second round */
    csi_buf history;  /* (n_tokens, beams) of what was taken */
    int32_t tokens[CS_MOST_BEAMS], parents[CS_MOST_BEAMS];
    float scores[CS_MOST_BEAMS];
    int64_t lengths[CS_MOST_BEAMS];  /* as the penalty counts them */
    int64_t contents[CS_MOST_BEAMS]; /* tokens with the prompt that are neither end nor pad */
    bool ended[CS_MOST_BEAMS];
} csi_aed_search;

/* CS_EINVAL: options out of their ranges. A search that could not begin may be finished as well. */
cs_err csi_aed_begin(csi_aed_search *s, const csi_env *env, const csi_ops *ops, const csi_aed_options *options,
                     cs_error *err);
/* logits (step.n_lines, classes) of the step that was asked for; asks for the next one. CS_ENOMEM. */
cs_err csi_aed_take(csi_aed_search *s, const float *logits, cs_error *err);
/* All steps of one search. logits: room for (beams, classes). stop may be NULL. */
cs_err csi_aed_run(csi_aed_search *s, csi_aed_step_fn fn, void *user, float *logits, csi_stop_fn stop, void *stop_user,
                   cs_error *err);
/* The best line. Lines 0 .. beams - 1 are NeMo's n-best list in its order; scores[] are not divided by the penalty. */
int32_t csi_aed_best(const csi_aed_search *s);
/* Append the tokens of a line, without ends and pads behind the last other one, and add its score. Frames are 0. */
cs_err csi_aed_line(const csi_aed_search *s, int32_t line, csi_emissions *out, cs_error *err);
void csi_aed_finish(csi_aed_search *s);

/* Where each token of a text lies in a CTC head's scores (n_frames, classes), the blank being the last class: Viterbi over
 * blank, token 0, blank, token 1, ..., blank. Fills frame (first) and duration; ids are given. *fits false: too few frames,
 * nothing is filled. CS_ENOMEM.
 * Source: NeMo nemo/collections/asr/parts/utils/aligner_utils.py, viterbi_decoding. */
cs_err csi_ctc_align(const csi_env *env, const float *scores, int64_t n_frames, int64_t classes, csi_emission *tokens,
                     size_t n_tokens, bool *fits, cs_error *err);

#endif
