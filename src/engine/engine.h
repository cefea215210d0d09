/* SPDX-License-Identifier: MIT
 *
 * Layer 4, inside: what the files of this folder share. The outside is ctrlspeak.h. */
#ifndef CSI_ENGINE_H
#define CSI_ENGINE_H

#include "decode/decode.h"
#include "engine/cache.h"

/* Immutable after open but for the reference count and the position cache, which has its own lock. */
struct cs_model {
    csi_env env;
    atomic_int references;
    csi_arena arena; /* what loading allocates */
    csi_archive *archive;
    csi_pool *pool;
    const csi_ops *ops;
    csi_tokenizer *tokenizer;
    csi_mel mel;
    csi_encoder encoder;
    csi_ctc ctc;               /* when heads has CS_HEAD_CTC */
    cs_precision precision;    /* never CS_PRECISION_AUTO */
    void *block;               /* of the dense layers' packed weights, made here, or NULL */
    csi_cached cached;         /* the same as found in a cache */
    void *packed;              /* block of the transducer's f32 weights, or NULL */
    csi_transducer transducer; /* when heads has CS_HEAD_RNNT or CS_HEAD_TDT */
    const char *separators;    /* of segments */
    int64_t segment_gap;       /* frames; -1: none */
    cs_model_info info;
};

struct cs_session {
    cs_model *model; /* a share of it */
    atomic_bool cancel;
    csi_floats encoder;
    csi_floats mel;     /* (F, N) */
    csi_floats scratch; /* of the workers */
    csi_floats decoder; /* panels and frames of the joint or of the CTC head, decoder state */
};

/* A transcribe call in progress. */
typedef struct csi_call {
    cs_session *session;
    const cs_model *model;
    cs_transcribe_options options;
    cs_head head;
    csi_context context;
    csi_run run;
    double total_seconds;        /* of the whole call */
    double before_seconds;       /* of the groups that are done */
    double group_seconds, shown; /* of the one that runs, and the share of it that was last told */
    cs_error *err;
} csi_call;

/* One utterance of a call. */
typedef struct csi_item {
    const float *pcm;
    size_t n_samples;
    size_t index; /* the caller's */
    double duration_seconds;
    int64_t n_mel_frames, n_frames;
    csi_emissions emissions;
    int64_t n_steps; /* of the decoder */
    cs_result *result;
} csi_item;

/* transcribe.c: session, model and err are set. Copy and check the options. */
cs_err csi_call_begin(csi_call *c, const cs_transcribe_options *options);
/* Tell the share of the group that is done; non-zero: stop. */
int csi_call_told(csi_call *c, double share);
/* Milliseconds since *start, which becomes now; told as a stage when it has a name. */
double csi_call_spent(const csi_call *c, uint64_t *start, const char *stage);
/* pcm and n_samples are set. CS_EINVAL: too long; CS_EAUDIO: a sample is no number. */
cs_err csi_item_begin(const cs_model *model, csi_item *item, cs_error *err);
/* A result for each item, from one pass over the weights; on an error none. At most CSI_GROUP_ITEMS; of several
 * options.tensor is NULL. */
enum { CSI_GROUP_ITEMS = 16 };
cs_err csi_items_transcribe(csi_call *c, csi_item *items, int n);

/* heads.c: the frames of utterances that stand one after the other, to the emissions of their owners. */
typedef struct csi_decoding {
    csi_call *call;
    const csi_utterance *utterances; /* n_frames and column */
    csi_item *const *owners;
    int n_utterances;
    int64_t at, block; /* columns that came; at a time */
    csi_confidence confidence;
    csi_ctc_state ctc[CSI_GROUP_ITEMS];
    csi_transducer_state transducer; /* of the utterance in progress */
    float *work, *frames, *state;    /* in the session's buffer */
} csi_decoding;

/* n_frames: of all. utterances and owners must stay. */
cs_err csi_decoding_begin(csi_decoding *d, csi_call *c, const csi_utterance *utterances, csi_item *const *owners, int n,
                          int64_t n_frames);
/* The next n columns, from a panel on. CS_ENOMEM, CS_ECANCELLED. */
cs_err csi_decoding_feed(csi_decoding *d, const float *encoded, int64_t n);

/* vocabulary.c: the tokenizer that the config names. */
cs_err csi_vocabulary_load(const csi_env *env, csi_loader *loader, csi_tokenizer **tokenizer);

/* prompt_load.c: the prompt of a Canary archive with its own defaults. The archive and tokenizer must outlive it. */
cs_err csi_prompt_load(csi_loader *loader, const csi_tokenizer *tokenizer, csi_prompt *prompt);

/* chunks.c: how NeMo cuts long audio of models with an aligner, and how it pads short audio. Chunk k begins at sample k * step;
 * chunks are padded with zeros to `chunk` samples, their own lengths masked. */
typedef struct csi_chunk_plan {
    size_t total, chunk, step, n; /* samples; number of chunks, at least 1 */
} csi_chunk_plan;
csi_chunk_plan csi_chunks_plan(size_t n_samples, int32_t rate_hz);
size_t csi_chunk_length(const csi_chunk_plan *plan, size_t k);
/* Zeros to put in front of and behind what is shorter than a second; of an odd number a file has the odd one in front, an array
 * behind. */
typedef struct csi_padding {
    size_t front, behind;
} csi_padding;
csi_padding csi_padding_of(size_t n_samples, int32_t rate_hz, bool is_file);

/* agree.c: numbers that the config and the weights state more than once. */
cs_err csi_check_agreement(const cs_model *model, csi_loader *loader);

/* precision.c: set model->precision and its reason, the networks being loaded. */
cs_err csi_precision_choose(cs_model *model, const csi_loader *loader, cs_precision wanted);

/* weights.c: check every weight, make int8 or bf16 of the dense layers when model->precision says so, or take them from the
 * cache, and count model->info.weight_bytes. All of cache but its key is filled. */
cs_err csi_weights_settle(cs_model *model, csi_loader *loader, csi_cache *cache);
/* What model->precision makes of dense layers. */
csi_kind csi_model_kind(const cs_model *model);

/* The head to use: `wanted` when the model has it, its best one for CS_HEAD_AUTO; CS_HEAD_AUTO when it has no such head. */
cs_head csi_model_head(const cs_model *model, cs_head wanted);

/* info.c: "tdt" of "/home/a/tdt.nemo"; NULL: out of memory. */
const char *csi_info_name(csi_arena *arena, const char *path);
const char *csi_info_precision(cs_precision precision); /* "f32" */
/* fill model->info, all else being loaded. */
cs_err csi_info_fill(cs_model *model, const csi_loader *loader);

#endif
