/* SPDX-License-Identifier: MIT
 *
 * Layer 2, the door to the networks: log-mel features, the FastConformer encoder, the prediction network and the
 * joint, Canary's decoder. Each has a load function that takes every number from the archive's config, checks it against the tensors'
 * shapes, and keeps pointers into the archive; what a load allocates lives in the loader's arena.
 *
 * One letter per axis: S samples, F mel bins, N mel frames, T encoder frames, D model width, H heads, K head width,
 * C sub-sampling channels, V vocabulary, P prediction width, J joint width. */
#ifndef CSI_NN_H
#define CSI_NN_H

#include "format/format.h"
#include "math/ops.h"

/* -------------------------------------------------------------------- dense */

/* Weights of a dense layer or pointwise convolution, in one of several kinds: f32 as the archive gives them, or narrow.w not
 * NULL: made of them when the model was opened, and then f32 is not to be read any more. */
typedef struct csi_dense_weights {
    const float *f32; /* (n_out, n_in) */
    csi_narrow narrow;
} csi_dense_weights;

static inline csi_kind csi_kind_of(const csi_dense_weights *w)
{
    return w->narrow.w ? w->narrow.kind : CSI_KIND_F32;
}

/* A dense layer on panels without gaps, in the kind of its weights. narrow_x is x through csi_convert_run(): not read in
 * f32. */
static inline csi_linear csi_layer(const csi_dense_weights *w, const float *bias, int64_t n_out, int64_t n_in,
                                   const float *x, csi_narrow_panels narrow_x, float *y, int64_t columns)
{
    csi_linear l = csi_dense(w->f32, bias, n_out, n_in, x, y, columns);
    if (csi_kind_of(w) != CSI_KIND_F32) {
        l.narrow = &w->narrow;
        l.narrow_x = narrow_x;
    }
    return l;
}

/* Floats of a buffer that holds rows x columns in a narrow kind with their scales, a multiple of 16 (f32: 0); and where
 * they lie in it. */
static inline size_t csi_narrow_floats(csi_kind kind, int64_t rows, int64_t columns)
{
    return kind == CSI_KIND_F32 ? 0 : (size_t)(csi_panels(columns) * CSI_PANEL * (csi_narrow_words(kind, rows) + 1));
}

static inline csi_narrow_panels csi_narrow_place(float *buffer, int64_t columns)
{
    return (csi_narrow_panels){.scale = buffer, .w = (uint32_t *)(void *)(buffer + csi_panels(columns) * CSI_PANEL)};
}

/* ------------------------------------------------------------------ loading */

/* A weight array in use, for counting, for the scan for numbers that are none, and for what becomes of it. */
typedef struct csi_weights_used {
    struct csi_weights_used *next;
    const char *name;
    const float *values; /* of dense ones NULL until csi_load_values() */
    int64_t n;
    csi_dense_weights *dense; /* whose it is, NULL: none's */
    int64_t n_in;             /* of dense */
} csi_weights_used;

typedef struct csi_loader {
    csi_archive *archive;
    csi_arena *arena;
    csi_weights_used *used;
    int64_t n_parameters;
    cs_error *err;
} csi_loader;

/* A required weight: *values is (dims) f32, row-major. `name` is a format for the arguments that follow dims. */
cs_err csi_load_weight(csi_loader *loader, const float **values, int32_t n_dims, const int64_t *dims, const char *name,
                       ...) CSI_PRINTF(5, 6);
/* The same for the weights of a dense layer: dims[0] is n_out, the rest n_in. *weights must stay where it is. They are checked but
 * not read, and weights->f32 is NULL, until it is known in which precision they are wanted. */
cs_err csi_load_dense(csi_loader *loader, csi_dense_weights *weights, int32_t n_dims, const int64_t *dims,
                      const char *name, ...) CSI_PRINTF(5, 6);
/* used->values in f32. */
cs_err csi_load_values(csi_loader *loader, csi_weights_used *used);
/* n_dims and dims of a weight: csi_load_weight(loader, &w, CSI_SHAPE(n_out, n_in), "name"). */
#define CSI_SHAPE(...)                                                         \
    (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) \
    {                                                                          \
        __VA_ARGS__                                                            \
    }

/* True when the archive has the tensor. */
bool csi_load_has(const csi_loader *loader, const char *name, ...) CSI_PRINTF(2, 3);

/* Config numbers by dotted path, checked to lie in [least, most]. Absent or null: *value stays as it is (the default) and CS_OK,
 * unless required. Anything else: CS_EMODEL naming path, value and range. */
cs_err csi_load_int(csi_loader *loader, const char *path, bool required, int64_t least, int64_t most, int64_t *value);
cs_err csi_load_double(csi_loader *loader, const char *path, bool required, double least, double most, double *value);
cs_err csi_load_bool(csi_loader *loader, const char *path, bool *value);
/* The text at path, or fallback when absent or null. */
const char *csi_load_text(const csi_loader *loader, const char *path, const char *fallback);

/* ----------------------------------------------------------------- features */

typedef enum csi_normalize {
    CSI_NORMALIZE_NONE,
    CSI_NORMALIZE_PER_FEATURE,
    CSI_NORMALIZE_ALL,
    CSI_NORMALIZE_FIXED
} csi_normalize;

/* NeMo FilterbankFeatures at inference. */
typedef struct csi_mel {
    int32_t sample_rate_hz, n_fft, window_length, hop, n_mels;
    double window_stride_seconds;
    float preemphasis; /* 0: none */
    float log_guard;
    bool guard_clamps, take_log, exact_pad, cuts_tail;
    float mag_power;
    csi_normalize normalize;
    const float *fixed_mean, *fixed_std;    /* (F) */
    const float *window;                    /* (window_length) */
    const int32_t *band_first, *band_count; /* (F): filter m covers bins first .. first + count - 1 */
    const float *const *band_weights;
    const double *twiddles; /* see fft.c */
} csi_mel;

cs_err csi_mel_load(csi_loader *loader, csi_mel *mel);
/* Valid frames of n_samples. */
int64_t csi_mel_frames(const csi_mel *mel, int64_t n_samples);
/* out (F, N) row-major. run->scratch: csi_mel_scratch() floats per worker. */
size_t csi_mel_scratch(const csi_mel *mel);
void csi_mel_run(const csi_run *run, const csi_mel *mel, const float *pcm, int64_t n_samples, float *out);

/* The same in parts, to the bit. Where the normalisation wants moments of all frames, csi_mel_moments() comes first, over
 * all parts in order; then csi_mel_part() in any order. */
typedef struct csi_mel_moment {
    double shift, sum, squares; /* sums of (x - shift) and of its square over the frames so far */
} csi_mel_moment;
bool csi_mel_wants_moments(const csi_mel *mel);
/* Frames [first, first + n) to moments (F). work (F, n). */
void csi_mel_moments(const csi_run *run, const csi_mel *mel, const float *pcm, int64_t n_samples, int64_t first,
                     int64_t n, float *work, csi_mel_moment *moments);
/* Frames [first, first + n) to out (F, n). moments: of all frames, (F). */
void csi_mel_part(const csi_run *run, const csi_mel *mel, const float *pcm, int64_t n_samples, int64_t first, int64_t n,
                  const csi_mel_moment *moments, float *out);

/* fft.c: power spectra of 16 real signals side by side. in (n_fft, 16); power (n_fft/2 + 1, 16); work (n_fft, 16). */
enum { CSI_FFT_LANES = 16 };
size_t csi_fft_n_twiddles(int32_t n_fft);
void csi_fft_twiddles(int32_t n_fft, double *twiddles);
void csi_fft_power(int32_t n_fft, const double *twiddles, const float *in, float *power, double *work);

/* ------------------------------------------------------------------ encoder */

typedef enum csi_attention_style {
    CSI_ATT_REGULAR,
    CSI_ATT_CHUNKED,
    CSI_ATT_CHUNKED_RC,
    CSI_ATT_LOCAL
} csi_attention_style;

/* What a frame may look at: [left, right], or [left, chunk, right] for CSI_ATT_CHUNKED_RC; -1: no limit. */
typedef struct csi_context {
    int32_t left, chunk, right;
} csi_context;

typedef struct csi_conformer_layer {
    const float *norm_ff1_w, *norm_ff1_b, *norm_att_w, *norm_att_b, *norm_conv_w, *norm_conv_b, *norm_ff2_w,
        *norm_ff2_b, *norm_out_w, *norm_out_b;
    csi_dense_weights ff1_in_w, ff1_out_w, ff2_in_w, ff2_out_w, q_w, k_w, v_w, out_w, pos_w, pw1_w, pw2_w;
    const float *ff1_in_b, *ff1_out_b, *ff2_in_b, *ff2_out_b; /* biases NULL when the model has none */
    const float *q_b, *k_b, *v_b, *out_b, *pw1_b, *pw2_b;
    const float *bias_u, *bias_v;           /* (H, K) */
    const float *dw_w, *dw_b;               /* (D, kernel), (D): batch norm folded in when the model has it */
    const float *conv_norm_w, *conv_norm_b; /* layer norm in the convolution, else NULL */
} csi_conformer_layer;

typedef struct csi_subsampling {
    int32_t stages;                                     /* log2 of the factor */
    int32_t channels;                                   /* C */
    int32_t pad_left;                                   /* 1, or 2 when causal; the right pad is 1 */
    int32_t n_mels, n_freq;                             /* F, and what is left of it */
    const float *first_w, *first_b;                     /* (C, 1, 3, 3) */
    const float *dw_w[8], *dw_b[8], *pw_w[8], *pw_b[8]; /* per later stage: (C, 1, 3, 3), (C, C, 1, 1) */
    const float *out_w, *out_b;                         /* (D, C * n_freq) */
} csi_subsampling;

typedef struct csi_encoder {
    int32_t n_layers, d, n_heads, head_width, ff, kernel, conv_left, conv_right, factor;
    float xscale; /* 1 when off */
    csi_subsampling subsampling;
    csi_conformer_layer *layers;
    csi_attention_style style;
    csi_context *contexts; /* the first is the default */
    int32_t n_contexts;
    struct csi_position_cache *positions; /* shared by sessions: see positions.c */
    bool words;                           /* attention multiplies words of bf16: csi_encoder_settle() */
} csi_encoder;

/* The archive and arena must outlive the encoder; free it with csi_encoder_finish(). */
cs_err csi_encoder_load(const csi_env *env, csi_loader *loader, int32_t n_mels, csi_encoder *encoder);
void csi_encoder_finish(csi_encoder *encoder);
/* Once the kind of the weights is decided and before anything runs: what depends on it and on the CPU. */
void csi_encoder_settle(csi_encoder *encoder, const csi_ops *ops);
/* Encoder frames of n_mel_frames. */
int64_t csi_encoder_frames(const csi_encoder *encoder, int64_t n_mel_frames);
/* Bytes for T frames in one run, features and positions included. */
int64_t csi_encoder_bytes(const csi_encoder *encoder, int64_t n_frames);

/* Called between steps: return non-zero to stop. done: share of the encoder's work, 0..1. */
typedef struct csi_encoder_hooks {
    int (*step)(void *user, double done);
    void (*tensor)(void *user, const char *name, int32_t n_dims, const int64_t *dims,
                   const float *data);                      /* may be NULL */
    void (*stage)(void *user, const char *name, double ms); /* may be NULL: then no clock is read */
    void *user;
} csi_encoder_hooks;

/* Floats of run->scratch that csi_encoder_run() needs for each worker; n_frames of the longest utterance; whole: with the
 * tensor hook, or several utterances. */
size_t csi_encoder_scratch(const csi_encoder *encoder, int64_t n_frames, bool whole);

/* One of the utterances that go through the encoder together, over one reading of the weights. */
typedef struct csi_utterance {
    const float *mel; /* (F, N) row-major */
    int64_t n_mel_frames;
    int64_t n_frames;             /* T, at least 1 */
    int64_t column;               /* its first, of those of all */
    int64_t mel_first, mel_pitch; /* frame at mel[0], floats of a row: 0 and N, or of a part */
} csi_utterance;

/* n utterances with mel and n_mel_frames, the rest filled in here, to *out, panels of D rows, which lies in work. What comes of one does
 * not depend, to the bit, on the others. The tensor hook wants n = 1. CS_ENOMEM, CS_ECANCELLED. */
cs_err csi_encoder_run(const csi_run *run, csi_encoder *encoder, csi_floats *work, const csi_context *context,
                       csi_utterance *utterances, int n, const csi_encoder_hooks *hooks, float **out, cs_error *err);

/* One long utterance whose features come, and whose result goes, a part at a time. */
typedef struct csi_flow {
    /* Mel frames [first, first + n) to mel (F, n); in order, a few of them twice. */
    void (*source)(void *user, int64_t first, int64_t n, float *mel);
    /* The next n frames, panels of D rows. Anything but CS_OK stops the run, which returns it. */
    cs_err (*sink)(void *user, const float *x, int64_t n);
    void *user;
} csi_flow;

/* True when memory is saved that way: attention is bounded, and the utterance long. */
bool csi_encoder_flows(const csi_encoder *encoder, const csi_context *context, int64_t n_frames);
/* The bits of csi_encoder_run() in memory that does not depend on the length. The tensor hook must be NULL. */
cs_err csi_encoder_flow(const csi_run *run, csi_encoder *encoder, csi_floats *work, const csi_context *context,
                        int64_t n_mel_frames, const csi_flow *flow, const csi_encoder_hooks *hooks, cs_error *err);

/* subsampling.c: mels to panels of C * n_freq rows, T columns each, the input of the output layer. */
size_t csi_subsampling_scratch(const csi_subsampling *s); /* floats per worker */
int64_t csi_subsampling_frames(const csi_subsampling *s, int64_t n);
void csi_subsampling_run(const csi_run *run, const csi_subsampling *s, const csi_utterance *utterances, int n,
                         float *panels);
/* The same for frames [first, first + n) of one utterance; first is a multiple of CSI_PANEL. Of the mel it reads
 * csi_subsampling_needs(). */
typedef struct csi_span {
    int64_t first, n;
} csi_span;
csi_span csi_subsampling_needs(const csi_subsampling *s, int64_t n_mel_frames, int64_t first, int64_t n);
void csi_subsampling_part(const csi_run *run, const csi_subsampling *s, const csi_utterance *utterance, int64_t first,
                          int64_t n, float *panels);

/* positions.c: projections of relative positions, per layer, cached. */
struct csi_position_cache *csi_positions_create(const csi_env *env, int32_t n_layers);
void csi_positions_free(struct csi_position_cache *cache);
/* Position table: panels of d rows and 2 * reach panels; column m is position reach * 48 - 1 - m. */
void csi_positions_table(int64_t d, int64_t reach, float *table);
/* The table in the kind of the layers, in a buffer of so many floats; f32: 0 floats, nothing is done. */
size_t csi_positions_narrow_floats(const csi_encoder *encoder, int64_t reach);
csi_narrow_panels csi_positions_narrow(const csi_run *run, const csi_encoder *encoder, int64_t reach,
                                       const float *table, float *buffer);
/* Memory for them, kept with the model or in a session. */
int64_t csi_positions_bytes(const csi_encoder *encoder, int64_t reach);
/* Projected positions of all layers, panels of D rows or, when encoder->words is set, of D / 2 rows of words; or NULL: too large
 * to keep, or out of memory; the caller then projects layer by layer. Layer l's panels for `reach` start at l * *layer_floats +
 * *offset_floats. Lives as long as the encoder. */
const float *csi_positions_get(const csi_run *run, csi_encoder *encoder, int64_t reach, int64_t *offset_floats,
                               int64_t *layer_floats);
/* The projections of one layer to words. */
void csi_positions_words(const csi_run *run, const csi_encoder *encoder, int64_t reach, const float *projected,
                         uint32_t *words);

/* ---------------------------------------------------------------- screening */

/* largest.c: the largest of many products w x + bias, w (rows, n_in), exactly as in f32, from w in int8 and a few rows in f32. */
typedef struct csi_screen {
    csi_narrow int8;            /* w; int8.w NULL: no screen was made */
    const float *error, *norm;  /* (rows): not less than |w - int8| and |int8|, Euclidean */
    float most_norm, most_bias; /* of all rows */
} csi_screen;

/* Bytes of memory that csi_screen_make() fills. w and bias must be finite. pool may be NULL. */
size_t csi_screen_bytes(int64_t rows, int64_t n_in);
void csi_screen_make(csi_pool *pool, const float *w, const float *bias, int64_t rows, int64_t n_in, void *memory,
                     csi_screen *screen);
/* product in f32 (n_out >= rows, n_in <= 8192, with bias; what is past the screen's rows does not compete), but that
 * those of the screen's rows that are not among the `most` largest, nor within `margin` of the last of these, may be given by their int8
 * product: who looks for the `most` largest finds what it finds in the whole product. work: csi_screen_floats(), 64-byte aligned.
 * Returns how many groups of 4 rows were computed in f32; -1: all. */
size_t csi_screen_floats(int64_t rows, int64_t n_in);
int64_t csi_screen_run(const csi_run *run, const csi_screen *screen, const csi_matvec *product, int most, float margin,
                       float *work);
/* Numbers of a layer that is worth a screen: below, it stays in a core's cache in f32 too. */
enum { CSI_SCREEN_LEAST = 1 << 18 };

/* ------------------------------------------------------- transducer networks */

enum { CSI_MAX_LSTM = 8 };

/* NeMo RNNTDecoder and RNNTJoint. */
typedef struct csi_transducer {
    int32_t vocab; /* without blank; blank = vocab */
    int32_t pred, joint, n_lstm, n_durations, d;
    int32_t durations[64];
    int32_t max_symbols; /* 0: no limit */
    csi_activation activation;
    const float *embed; /* (V + 1, P) */
    csi_dense_weights w_ih[CSI_MAX_LSTM], w_hh[CSI_MAX_LSTM];
    const float *b_ih[CSI_MAX_LSTM], *b_hh[CSI_MAX_LSTM];
    csi_dense_weights enc_w, pred_w; /* (J, D), (J, P) */
    const float *enc_b, *pred_b;
    const float *out_w, *out_b; /* (V + 1 + n_durations, J): what decides is f32 in any precision */
    csi_screen screen;          /* of the V + 1 rows of out_w that compete, or none */
    bool whole_tokens;          /* a token's logits are all f32's: csi_joint_finish() */
} csi_transducer;

cs_err csi_transducer_load(csi_loader *loader, int32_t d_model, int32_t vocab, csi_transducer *t);

/* Copy the f32 weights that every step reads into huge pages: steps are bound by reading them, and small pages cost a quarter of
 * their time. The joint's last layer, if it is large, gets a screen: in another precision than f32 instead, for it is then
 * read here and there; in f32 as well, for RNN-T, most of whose steps are blank. *block is for csi_free(). Returns the bytes; out of memory, 0: the weights stay where they are. */
int64_t csi_transducer_pack(const csi_env *env, csi_pool *pool, bool f32, csi_transducer *t, void **block);

/* Prediction network state of one utterance; buffers are the caller's. */
typedef struct csi_prediction {
    float *h, *c;                        /* (n_lstm, P) */
    float *input, *gates, *hidden_gates; /* (P), (4 P), (4 P) */
    float *projected;                    /* (J): the joint's projection of the output */
    uint32_t *narrow_x, *narrow_h;       /* room for the vectors that are multiplied, in a narrow kind */
} csi_prediction;

size_t csi_prediction_floats(const csi_transducer *t);
void csi_prediction_init(const csi_transducer *t, csi_prediction *p, float *memory);
/* Feed a token (blank: the zero vector) and project the output. */
void csi_prediction_step(const csi_run *run, const csi_transducer *t, csi_prediction *p, int32_t token);
/* logits (V + 1 + n_durations) from a projected encoder frame (J); with a screen, those of tokens that are far from the
 * largest are int8's. work: csi_joint_floats() floats, 64-byte aligned. */
size_t csi_joint_floats(const csi_transducer *t);
void csi_joint_run(const csi_run *run, const csi_transducer *t, const float *frame, const csi_prediction *p,
                   float *work, float *logits);
/* After it, when a token is the largest: logits as the model's precision promises them, with the same work. */
void csi_joint_finish(const csi_run *run, const csi_transducer *t, float *work, float *logits);

/* ------------------------------------------------- Canary's decoder: aed_*.c */

/* Attention: four dense layers (H, H) with biases. */
typedef struct csi_aed_attention {
    csi_dense_weights q_w, k_w, v_w, out_w;
    const float *q_b, *k_b, *v_b, *out_b;
} csi_aed_attention;

/* A transformer layer; between encoder and decoder it has no cross-attention and no second norm. */
typedef struct csi_aed_layer {
    csi_aed_attention self, cross;
    csi_dense_weights in_w, out_w; /* (I, H), (H, I) */
    const float *in_b, *out_b;
    const float *norm_self_w, *norm_self_b, *norm_cross_w, *norm_cross_b, *norm_ff_w, *norm_ff_b; /* (H) */
} csi_aed_layer;

typedef struct csi_aed_stack {
    int32_t n_layers, d, inner, n_heads, head_width;
    bool pre_norm; /* x += f(LN x), else x = LN(x + f(x)) */
    bool gelu;     /* the exact one; else ReLU */
    bool causal;   /* a frame sees none after it: layers between encoder and decoder only */
    csi_aed_layer *layers;
    const float *final_w, *final_b; /* (H), NULL: no norm at the end */
} csi_aed_stack;

/* NeMo EncDecMultiTaskModel without its encoder. */
typedef struct csi_aed {
    int32_t d_model, d;       /* D, H */
    int32_t classes;          /* V': the vocabulary rounded up to a multiple of 8 */
    int32_t max_positions;    /* of prompt and answer together */
    csi_dense_weights proj_w; /* (H, D) */
    const float *proj_b;      /* (H), NULL: no projection, D is H */
    csi_aed_stack between;    /* n_layers 0 in every release */
    csi_aed_stack decoder;
    const float *embed;           /* (V', H): the head's weights too. What decides is f32 in any precision */
    const float *head_b;          /* (V') */
    csi_screen screen;            /* of the head's rows, or none */
    const float *positions;       /* (max_positions, H) */
    const float *norm_w, *norm_b; /* (H), of the embedding */
} csi_aed;

cs_err csi_aed_load(csi_loader *loader, int32_t d_model, csi_aed *aed);
/* In another precision than f32 a screen of the head, where that is large: every step then reads a quarter of it. As
 * csi_transducer_pack(). */
int64_t csi_aed_pack(const csi_env *env, csi_pool *pool, csi_aed *aed, void **block);

/* Floats of run->scratch that the three below need for each worker. */
size_t csi_aed_scratch(const csi_aed *aed, int64_t n_frames);

/* The encoder's output, panels of D rows, of which the utterance's are T columns from `column` on, to what the decoder
 * attends to, panels of H rows, T columns: returned, in memory (csi_aed_states_floats(), 64-byte aligned) or the encoder's. */
size_t csi_aed_states_floats(const csi_aed *aed, int64_t n_frames);
const float *csi_aed_states(const csi_run *run, const csi_aed *aed, const float *encoder, int64_t column,
                            int64_t n_frames, float *memory);

/* What one utterance's decoder needs; all in memory that the caller gives. */
typedef struct csi_aed_room {
    int64_t n_frames;    /* T */
    int32_t n_positions; /* most tokens of a line, prompt included: 1 .. max_positions */
    int32_t n_beams;     /* most lines at once */
    int32_t n_tokens;    /* most tokens in one step, of all lines, where that is more than n_beams: the prompt's */
} csi_aed_room;

typedef struct csi_aed_cache {
    csi_aed_room room;
    int64_t pitch;                  /* head width rounded up to 32 */
    float *self_k, *self_v;         /* (layer, slot, head, n_positions, pitch) */
    float *cross_k, *cross_v;       /* (layer, head, T, pitch) */
    int32_t *slots, *other_slots;   /* (beam, n_positions): in whose slot a position of a beam's line lies */
    float *x, *h, *wide, *narrow;   /* panels: the line, what a part reads or gives, the widest, narrow kinds */
    float *last, *logits, *frames;  /* panels of the last tokens and of the head; (columns, H) for the hook */
    const csi_encoder_hooks *hooks; /* may be NULL; tensor: "embedding", "decoder_00" .., (beams * tokens, H) */
} csi_aed_cache;

size_t csi_aed_cache_floats(const csi_aed *aed, const csi_aed_room *room);
/* memory: 64-byte aligned; room must hold for it. Nothing is cleared: pages that no token reaches are never touched. */
void csi_aed_cache_init(const csi_aed *aed, const csi_aed_room *room, float *memory, csi_aed_cache *cache);
/* Keys and values of the states, once per utterance. memory: csi_aed_cross_floats(), free after. */
size_t csi_aed_cross_floats(const csi_aed *aed, int64_t n_frames);
void csi_aed_cross(const csi_run *run, const csi_aed *aed, const float *states, csi_aed_cache *cache, float *memory);

/* n more tokens for each of n_beams lines: ids (n_beams, n), 0 .. classes - 1, at positions position .. position + n - 1.
 * parents[b]: which of the lines before this step beam b goes on with; NULL: each with its own. The first step of several
 * beams after a prompt's has parents of 0. scores (n_beams, classes): log-probabilities of what follows each line; with a screen, the
 * largest room.n_beams of a line and those within CSI_AED_MARGIN of them are of products in f32, the others' in int8.
 * n_beams, n_beams * n and position + n within the room. A beam's numbers do not depend, to the bit, on the others. No allocation, no
 * error. */
#define CSI_AED_MARGIN 4.0f
void csi_aed_step(const csi_run *run, const csi_aed *aed, csi_aed_cache *cache, int32_t n_beams, const int32_t *parents,
                  const int32_t *ids, int32_t n, int32_t position, float *scores);

#endif
