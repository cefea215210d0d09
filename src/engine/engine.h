/* SPDX-License-Identifier: MIT
 *
 * Layer 4, inside: what the files of this folder share. The outside is ctrlspeak.h. */
#ifndef CSI_ENGINE_H
#define CSI_ENGINE_H

#include "decode/decode.h"
#include "engine/cache.h"

/* What a Canary has beside its encoder. net.d 0: the model is none. */
typedef struct csi_canary {
    csi_aed net;
    csi_prompt prompt;
    int32_t end, pad; /* ids */
    /* The config's search: NeMo's strategy greedy, or beams. */
    bool greedy;
    int32_t beams;
    double length_penalty;
    int64_t greedy_delta, beam_delta; /* max_generation_delta of each; < 0: none */
    bool has_time_tokens;             /* in its vocabulary */
    cs_model *aligner;                /* the CTC model inside the archive, or NULL; shares the pool */
    const char *no_aligner;           /* why there is none, where half of one was found; NULL */
} csi_canary;

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
    csi_canary canary;         /* when heads has CS_HEAD_AED */
    bool is_part;              /* the aligner of another, whose pool this is */
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
    csi_floats aligner; /* its scores (T, V + 1) */
};

/* Where a call gets its times from. */
typedef enum csi_times { CSI_TIMES_NONE, CSI_TIMES_TOKENS, CSI_TIMES_ALIGNER } csi_times;

/* What a call asks of a Canary. */
typedef struct csi_ask {
    csi_prompt_slots slots;
    bool tells;                    /* the decoder is asked for the language, each time */
    const char *language, *target; /* the model's names; target NULL: as the language that is told */
    csi_buf prompt;                /* int32_t ids; of the last utterance where the decoder tells */
    csi_aed_options search;        /* all but prompt and limit */
    csi_confidence confidence;
    int64_t delta;
    int32_t n_best;
    csi_times times;
    bool chunks; /* long recordings are cut */
} csi_ask;

/* A transcribe call in progress. */
typedef struct csi_call {
    cs_session *session;
    const cs_model *model;
    cs_transcribe_options options;
    cs_head head;
    csi_context context;
    csi_ask ask;
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
    size_t index;  /* the caller's */
    cs_error *err; /* where to say why it alone fails; may be NULL */
    cs_err code;   /* then: it has no result */
    double duration_seconds;
    int64_t n_mel_frames, n_frames;
    csi_emissions emissions;
    int64_t n_steps; /* of the decoder */
    /* Of a Canary: */
    float *padded;         /* what pcm points to then */
    csi_emissions *others; /* (n_others) lines of the search, in NeMo's order */
    int32_t n_others;
    const char *language, *target;
    int32_t n_chunks; /* heard one after the other */
    int32_t n_looped, n_cut,
        n_untimed; /* of them: stopped by the guard, at the limit; times were wanted and are not to be had */
    cs_result *result;
} csi_item;

/* call.c: session, model and err are set. Copy and check the options; csi_call_end() whatever comes of it. */
cs_err csi_call_begin(csi_call *c, const cs_transcribe_options *options);
void csi_call_end(csi_call *c);
/* Tell the share of the group that is done; non-zero: stop. */
int csi_call_told(csi_call *c, double share);
/* Milliseconds since *start, which becomes now; told as a stage when it has a name. */
double csi_call_spent(const csi_call *c, uint64_t *start, const char *stage);
/* pcm and n_samples are set. CS_EINVAL: too long; CS_EAUDIO: a sample is no number. */
cs_err csi_item_begin(const csi_call *c, csi_item *item, cs_error *err);
void csi_item_finish(csi_item *item); /* all but its result */

/* stages.c: a result for each item, from one pass over the weights; on an error none. At most CSI_GROUP_ITEMS; of several
 * options.tensor is NULL. What csi_is_long() goes alone. */
enum { CSI_GROUP_ITEMS = 16 };
cs_err csi_items_transcribe(csi_call *c, csi_item *items, int n);

/* Items in progress. */
typedef struct csi_group {
    csi_call *call;
    csi_item *items;
    int n_items;
    csi_utterance utterances[CSI_GROUP_ITEMS]; /* items that have frames */
    csi_item *owners[CSI_GROUP_ITEMS];         /* of utterances */
    int n_utterances;
    int64_t n_frames; /* of all */
    double mel_ms, encoder_ms, decode_ms;
} csi_group;

/* All items through the encoder: *encoded, panels in the session's buffer, NULL where nothing has frames. */
cs_err csi_group_encode(csi_group *g, float **encoded);
/* Emissions of all items, or what aed.c puts there; the result is still to be made. */
cs_err csi_group_hear(csi_group *g);

/* result.c: an empty result of the model; its memory comes from *arena. NULL: out of memory. */
cs_result *csi_result_create(const cs_model *model, csi_arena **arena, cs_error *err);
/* How the model's tokens become words. */
csi_compose csi_compose_of(const csi_call *c);
cs_err csi_result_make(csi_call *c, csi_item *item);

/* ask.c: what the options say to a Canary; or to another model, which is asked for nothing. */
cs_err csi_ask_begin(csi_call *c);
void csi_ask_end(csi_call *c);
/* The prompt for a language that the decoder told, the model's name for it. */
cs_err csi_ask_prompt(csi_call *c, const char *language);

/* aed.c: the decoder over an utterance, to the item's emissions and what stands beside them. encoded: panels of all. */
enum { CSI_SHARE_CANARY_HEARD = 60 }; /* percent of a Canary's time that is over when the decoder begins, about */
cs_err csi_aed_hear(csi_call *c, csi_item *item, const csi_utterance *utterance, const float *encoded);

/* aed_long.c: whether the item is cut into chunks, and the result of such a one. */
bool csi_is_long(const csi_call *c, const csi_item *item);
cs_err csi_long_transcribe(csi_call *c, csi_item *item);

/* aed_times.c: words and segments of what was heard in one pass. *has_times false: there are none to be had. */
cs_err csi_aed_times(csi_call *c, csi_item *item, csi_arena *arena, csi_timed *timed, bool *has_times);
/* The aligner's tokens of a text in the item's sound. *fits false: too many of them, frames are not filled. */
cs_err csi_align(csi_call *c, csi_item *item, csi_arena *arena, const char *text, bool whole, csi_aligned *aligned,
                 int64_t *n_frames, bool *fits);

/* aed_result.c: the item's result, from what the decoder said and, where timed is not NULL, when. */
cs_err csi_aed_result(csi_call *c, csi_item *item);
cs_err csi_aed_fill(csi_call *c, const csi_item *item, csi_arena *arena, const csi_timed *timed, cs_result *result);
/* The ids of tokens, and ids as text; NULL: out of memory. */
const int32_t *csi_aed_ids(csi_arena *arena, const csi_emissions *tokens);
const char *csi_aed_text(const csi_call *c, csi_arena *arena, const int32_t *ids, size_t n);

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
/* Log-probabilities (n, V + 1) of a CTC head, over n columns from a panel on. */
cs_err csi_ctc_scores(csi_call *c, const float *encoded, int64_t n, float *scores);

/* vocabulary.c: the tokenizer that the config names. */
cs_err csi_vocabulary_load(const csi_env *env, csi_loader *loader, csi_tokenizer **tokenizer);

/* model.c: all of a model whose env, arena, archive, pool and ops are set; and the end of one. */
cs_err csi_model_load(cs_model *model, const cs_model_options *options, cs_error *err);
void csi_model_destroy(cs_model *model);

/* canary_load.c: decoder, prompt and search of a Canary; then its aligner, once all else is settled. */
cs_err csi_canary_load(cs_model *model, csi_loader *loader);
cs_err csi_canary_load_aligner(cs_model *model, const cs_model_options *options, csi_loader *loader);

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
