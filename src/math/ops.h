/* SPDX-License-Identifier: MIT
 *
 * Layer 1, the door to arithmetic: the op table, one per CPU path, and helpers that cut an op into slices for the
 * worker pool. (Called ops.h, not math.h, to stay clear of the C library's.)
 *
 * Layout. Activations are kept in panels of 48 columns (time frames). Element (row c, column t) of a matrix with C rows
 * is at
 *
 *     ((t / 48) * C + c) * 48 + t % 48
 *
 * so a panel is one contiguous block of C x 48. 48 is three AVX-512 vectors, twice three AVX2 vectors, four times
 * three SSE or NEON vectors. A product then reads the weights exactly where they lie in the model file ((n_out, n_in),
 * row-major, one scalar broadcast each), its result is already in the layout that the next product reads, and
 * element-wise work, layer norm and softmax need no transpose. Lanes past the last column hold finite rubbish.
 *
 * Exactness. Each element of a product is summed over n_in in an order that depends on n_in alone, whatever the number
 * of threads, slices and columns: results of one path are the same to the bit however the work is cut.
 *
 * Every path must agree with the plain C twin ("c") to rounding: tests/kern. */
#ifndef CSI_OPS_H
#define CSI_OPS_H

#include "base/base.h"

enum { CSI_PANEL = 48 };

/* Columns of a panel that can be worked on apart: a cache line of each row. */
enum { CSI_STRIP = 16 };

static inline int64_t csi_strips(int64_t columns)
{
    return (columns + CSI_STRIP - 1) / CSI_STRIP;
}

/* Panels that a dense layer works on at a time: its scratch is (rows * 8 panels). */
enum { CSI_PANEL_BLOCK = 8 };

static inline int64_t csi_panels(int64_t columns)
{
    return (columns + CSI_PANEL - 1) / CSI_PANEL;
}

typedef enum csi_epilogue {
    CSI_STORE,    /* y = Wx + b */
    CSI_RELU,     /* y = max(Wx + b, 0) */
    CSI_SILU,     /* y = s * sigmoid(s), s = Wx + b */
    CSI_RESIDUAL, /* y = y + scale * (Wx + b) */
} csi_epilogue;

typedef enum csi_activation { CSI_ACT_RELU, CSI_ACT_TANH, CSI_ACT_SIGMOID } csi_activation;

/* How the numbers of a dense layer are kept: its weights, and the activations that enter it. */
typedef enum csi_kind { CSI_KIND_F32, CSI_KIND_INT8, CSI_KIND_BF16, CSI_KINDS } csi_kind;

/* The narrow kinds, int8 and bf16, are kept as 32-bit words: four int8 or two bf16 of one output (weights) or one column
 * (activations), consecutive along n_in, the first in the lowest bits, zeros past n_in. A word times a word, added to
 * one 32-bit sum, is what dot-product instructions do.
 *
 * int8: w stands for scale[output] * w, -127..127. bf16: the upper half of a float, rounded to nearest, ties to even. */
static inline int64_t csi_narrow_words(csi_kind kind, int64_t n_in)
{
    return kind == CSI_KIND_INT8 ? (n_in + 3) / 4 : (n_in + 1) / 2;
}

/* Weights of a dense layer in a narrow kind. Word g of output r is at
 *
 *     (r / 16 * words + g) * 16 + r % 16
 *
 * so that a block of 16 outputs is one stream to read, and a cache line of it serves 16 outputs at once. */
enum { CSI_ROW_BLOCK = 16 };
typedef struct csi_narrow {
    csi_kind kind;
    const uint32_t *w;   /* (csi_row_blocks(n_out) * 16 * words), outputs past n_out zero; 64-byte aligned */
    const float *scale;  /* int8: (n_out) */
    const int32_t *sum;  /* int8: (n_out), of the output's weights */
    int64_t n_out, n_in; /* as the layer has them */
    int64_t words;       /* csi_narrow_words(kind, n_in) */
} csi_narrow;

static inline int64_t csi_row_blocks(int64_t n_out)
{
    return (n_out + CSI_ROW_BLOCK - 1) / CSI_ROW_BLOCK;
}

/* Activations in a narrow kind: word g of column t is at
 *
 *     (t / 48 * words + g) * 48 + t % 48
 *
 * int8: column by column, q * scale[t] with q in -127..127. */
typedef struct csi_narrow_panels {
    uint32_t *w;  /* csi_panels(columns) * words * 48, 64-byte aligned */
    float *scale; /* int8: csi_panels(columns) * 48 */
} csi_narrow_panels;

/* One dense layer on panels. */
typedef struct csi_linear {
    const float *w;    /* (n_out, n_in) row-major */
    const float *bias; /* (n_out) or NULL */
    int64_t n_out, n_in;
    const float *x;  /* panels of n_in rows */
    int64_t x_panel; /* floats between panels, >= n_in * 48 */
    float *y;        /* panels of n_out rows */
    int64_t y_panel; /* floats between panels */
    int64_t y_row;   /* floats between rows of a panel: 48, or more when rows interleave with others */
    int64_t columns;
    csi_epilogue epilogue;
    float scale;              /* of CSI_RESIDUAL */
    const csi_narrow *narrow; /* not NULL: instead of w, with narrow_x instead of x */
    csi_narrow_panels narrow_x;
} csi_linear;

/* A dense layer on panels without gaps, result stored; change what is else wanted. */
static inline csi_linear csi_dense(const float *w, const float *bias, int64_t n_out, int64_t n_in, const float *x,
                                   float *y, int64_t columns)
{
    return (csi_linear){.w = w,
                        .bias = bias,
                        .n_out = n_out,
                        .n_in = n_in,
                        .x = x,
                        .x_panel = n_in * CSI_PANEL,
                        .y = y,
                        .y_panel = n_out * CSI_PANEL,
                        .y_row = CSI_PANEL,
                        .columns = columns,
                        .epilogue = CSI_STORE,
                        .scale = 1};
}

/* One matrix times one vector: y = (bias or 0) + w x. */
typedef struct csi_matvec {
    const float *w; /* (n_out, n_in) row-major */
    const float *bias, *x;
    float *y;
    int64_t n_out, n_in;
    const csi_narrow *narrow; /* not NULL: instead of w, with narrow_x (words) and its scale instead of x */
    const uint32_t *narrow_x;
    float x_scale;
} csi_matvec;

/* Relative-position attention of one layer (Transformer-XL form; NeMo RelPositionMultiHeadAttention).
 *
 * For query i, which sits at key at(i) = i + q_panel * 48, and key j: score = ((q_i + u) . k_j + (q_i + v) . p_{at(i)-j}) * scale,
 * softmax over first[i] <= j < end[i]. */
typedef struct csi_attention {
    const float *q, *k, *v; /* panels of d rows; head h has rows h * head_width .. */
    int64_t d;
    /* Instead of k, v and p, for csi_narrow_ops.attention: words of two bf16, the first in the lower half. Keys and positions:
     * panels of d / 2 rows, of two channels each. Values: panels of d rows of 24 words, of two keys each. */
    const uint32_t *k_words, *v_words, *p_words;
    const float *p; /* panels of d rows, 2 * reach columns: column m is the projection of position reach*48-1-m */
    int64_t reach;  /* in panels: |at(i)/48 - j/48| < reach for every allowed pair */
    const float *bias_u, *bias_v; /* (n_heads, head_width) */
    int32_t n_heads, head_width;
    int64_t n_queries, n_keys;
    const int32_t *first, *end; /* (n_queries) allowed keys */
    float scale;
    float *out;      /* panels of d rows; may be q */
    int64_t q_panel; /* panel of keys at which the first panel of queries sits */
} csi_attention;

/* Sums over one vector of logits x (n): lp = x - log(sum exp x). */
typedef struct csi_softmax_sums {
    float max;      /* largest logit */
    double log_sum; /* log(sum exp x) */
    double s;       /* sum exp(alpha * lp) */
    double g;       /* sum exp(alpha * lp) * lp */
} csi_softmax_sums;

/* Products in a narrow kind. row0 is a multiple of CSI_ROW_BLOCK, and row1 too unless it is n_out.
 *
 * int8: exact integer sums, then y = f(sum * (w.scale * x.scale) + bias) in float, rounded alike on every path: results
 * are equal to the bit on all of them. bf16: sums in f32, each over n_in in order; y = f(sum + bias). */
typedef struct csi_narrow_ops {
    const char *name; /* of the instruction set: "avx512vnni" ... */

    /* Rows [row0, row1) of panels [panel0, panel1). */
    void (*linear)(const csi_linear *layer, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1);

    /* y[r] for r in [row0, row1), x (w.words): the bits of `linear` for one column. x_scale: int8. */
    void (*matvec)(const csi_narrow *w, int64_t row0, int64_t row1, const uint32_t *x, float x_scale, const float *bias,
                   float *y);

    /* One panel of `rows` rows to words, or part of one: x, words and scale may begin at any strip. Past `columns`, up to
     * the next strip, words are rubbish and scale finite; what is after that is not touched.
     * int8: scale[t] = max |x| / 127 of the column, q = x * (127 / max) rounded to nearest, ties to even; a column of
     * zeros (max below 1e-30) has scale 0, one with a number that is not finite a scale that is not. bf16: scale is not
     * written; what is not finite stays so. */
    void (*convert)(const float *x, int64_t rows, int64_t columns, uint32_t *words, float *scale);

    /* bf16, and only where the CPU multiplies it, else NULL: csi_ops.attention with the operands of its products rounded
     * to bf16, for even head_width. */
    void (*attention)(const csi_attention *a, int32_t head, int64_t query_panel, float *scratch);
    /* With attention, its values: one panel of `rows` rows, two columns to a word; past `columns` zeros. */
    void (*convert_values)(const float *x, int64_t rows, int64_t columns, uint32_t *words);
} csi_narrow_ops;

typedef struct csi_ops {
    csi_cpu_path path;
    const csi_narrow_ops *narrow[CSI_KINDS]; /* by kind; CSI_KIND_F32: NULL */

    /* Rows [row0, row1) of panels [panel0, panel1). scratch: (row1 - row0) * CSI_PANEL_BLOCK *
     * CSI_PANEL floats, 64-byte aligned. */
    void (*linear)(const csi_linear *layer, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1, float *scratch);

    /* y = (x - mean) / sqrt(var + eps) * weight + bias over the rows of lanes [lane0, lane0 + 16) of one panel; biased
     * variance. silu: y = silu(y) after. x == y is allowed. */
    void (*layer_norm)(const float *x, float *y, int64_t rows, int64_t lane0, const float *weight, const float *bias,
                       float eps, bool silu);

    /* One head and one panel of queries. scratch: csi_attention_scratch() floats, 64-byte aligned. */
    void (*attention)(const csi_attention *a, int32_t head, int64_t query_panel, float *scratch);

    /* y[i] = f(offset + sum_j w[j] * x[j][i]), i < n: f is the identity, ReLU or SiLU. Depthwise and
     * first convolutions. y must not overlap any x. */
    void (*combine)(const float *const *x, const float *w, int64_t n_terms, float offset, float *y, int64_t n,
                    csi_epilogue f);

    /* y[i] = a[i] * sigmoid(b[i]) */
    void (*glu)(const float *a, const float *b, float *y, int64_t n);

    /* y = x * factor */
    void (*scale)(float *x, int64_t n, float factor);

    /* y[r] = (bias ? bias[r] : 0) + w[r] . x for r in [row0, row1); w (.., n_in) row-major. */
    void (*matvec)(const float *w, int64_t n_in, int64_t row0, int64_t row1, const float *x, const float *bias,
                   float *y);

    /* One LSTM cell, gates (4n) in the order i f g o: c = s(f) c + s(i) tanh(g); h = s(o) tanh(c). */
    void (*lstm_cell)(const float *gates, float *c, float *h, int64_t n);

    /* y = f(a + b) */
    void (*add_activate)(const float *a, const float *b, float *y, int64_t n, csi_activation f);

    /* Index of the largest, lowest on ties. NaN never wins. n >= 1. */
    int64_t (*argmax)(const float *x, int64_t n);

    void (*softmax_sums)(const float *x, int64_t n, float alpha, csi_softmax_sums *sums);

    /* x = exp(x - max x) / sum, over a vector. Finite numbers, n >= 1. */
    void (*softmax)(float *x, int64_t n);

    /* True when no element is infinite or NaN. */
    bool (*all_finite)(const float *x, int64_t n);
} csi_ops;

/* The table of a path that csi_cpu_choose() allowed. Owner: the library. */
const csi_ops *csi_ops_for(csi_cpu_path path);
/* Every table of the path that this CPU can run, that one last. Returns how many. */
enum { CSI_OPS_MOST = 3 };
int csi_ops_list(csi_cpu_path path, const csi_ops *tables[CSI_OPS_MOST]);

/* ------------------------------------------------------- slices on the pool */

/* What runs: op table, threads and each worker's scratch. */
typedef struct csi_run {
    const csi_ops *ops;
    csi_pool *pool;        /* may be NULL */
    int max_threads;       /* workers used, >= 1 */
    float *scratch;        /* max_threads blocks */
    size_t scratch_floats; /* of each block, a multiple of 16 */
} csi_run;

static inline float *csi_run_scratch(const csi_run *run, int worker)
{
    return run->scratch + (size_t)worker * run->scratch_floats;
}

/* Scratch floats that any op below needs, for heads of head_width. */
size_t csi_ops_scratch(int32_t head_width);
size_t csi_attention_scratch(int32_t head_width);

/* Dense layers on the same columns, or products with vectors, run together (Q, K and V; the two halves of a gate). */
void csi_linear_run(const csi_run *run, const csi_linear *layers, int n_layers);
/* Panels of rows to a narrow kind, for layers with csi_linear.narrow. x_panel: floats between panels of x. */
void csi_convert_run(const csi_run *run, csi_kind kind, const float *x, int64_t x_panel, int64_t rows, int64_t columns,
                     const csi_narrow_panels *out);
/* Rows [row0, row1) of weights (n_out, n_in) f32 to w, whose memory is the caller's and whose other fields are filled;
 * row0 as in csi_narrow_ops. Any thread. */
void csi_narrow_pack(const csi_narrow *w, const float *f32, int64_t row0, int64_t row1);
/* One vector (n) to words. Returns the scale; bf16: 1. */
float csi_narrow_vector(csi_kind kind, const float *x, int64_t n, uint32_t *words);
void csi_layer_norm_run(const csi_run *run, const float *x, float *y, int64_t rows, int64_t columns,
                        const float *weight, const float *bias, bool silu);
/* Attentions that do not see each other: one per utterance, of the same heads. */
void csi_attention_run(const csi_run *run, const csi_attention *attentions, int n_attentions);
/* Makes k_words and v_words of attentions of the same d out of their k and v, one attention's panels after the other's, in memory
 * of d / 2 * 48 words a panel each. */
void csi_attention_words_run(const csi_run *run, csi_attention *attentions, int n_attentions, uint32_t *k_words,
                             uint32_t *v_words);
void csi_matvec_run(const csi_run *run, const csi_matvec *products, int n_products);
void csi_scale_run(const csi_run *run, float *x, int64_t n, float factor);

/* Panels (rows) to (columns, pitch) row-major and back. */
void csi_panels_to_frames(const csi_run *run, const float *panels, int64_t rows, int64_t columns, float *frames,
                          int64_t pitch);
/* n columns of rows: columns from `from` on of x become columns from `to` on of y. Where several utterances stand without
 * gaps, this is how one is given panels of its own, and back. */
typedef struct csi_columns {
    const float *x;
    float *y;
    int64_t from, to, n;
} csi_columns;
void csi_columns_run(const csi_run *run, int64_t rows, const csi_columns *moves, int n_moves);

#endif
