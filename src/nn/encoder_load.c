/* SPDX-License-Identifier: MIT
 * FastConformer: from config and tensors to csi_encoder. Every size comes from the config and every tensor must have
 * the shape that follows from it; what the config leaves open (biases) is seen from the tensors that are there.
 *
 * Source: NeMo nemo/collections/asr/modules/conformer_encoder.py, ConformerEncoder; parts/submodules/
 * conformer_modules.py, subsampling.py. */
#include "nn/nn.h"

#include <math.h>
#include <stdio.h>

static cs_err unsupported(csi_loader *loader, const char *key, const char *met, const char *expected)
{
    return csi_fail(loader->err, CS_EUNSUPPORTED, -1, "%s: %s is \"%.60s\", expected %s",
                    csi_archive_path(loader->archive), key, met, expected);
}

static cs_err inconsistent(csi_loader *loader, const char *what, int64_t met, const char *expected)
{
    return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s is %lld, expected %s", csi_archive_path(loader->archive), what,
                    (long long)met, expected);
}

/* -------------------------------------------------------------------- sizes */

static cs_err load_convolution_context(csi_loader *loader, csi_encoder *e)
{
    const csi_node *node = csi_node_at(csi_archive_config(loader->archive), "encoder.conv_context_size");
    e->conv_left = e->conv_right = (e->kernel - 1) / 2;
    if (csi_node_is_null(node)) {
        if (e->kernel % 2 == 0)
            return inconsistent(loader, "encoder.conv_kernel_size", e->kernel, "an odd number");
        return CS_OK;
    }
    const char *text = csi_node_text(node);
    int64_t left, right;
    if (text && strcmp(text, "causal") == 0) {
        e->conv_left = e->kernel - 1;
        e->conv_right = 0;
        return CS_OK;
    }
    if (node->kind != CSI_NODE_LIST || node->n_children != 2 || !csi_node_int(csi_node_item(node, 0), &left)
        || !csi_node_int(csi_node_item(node, 1), &right) || left < 0 || right < 0 || left + right + 1 != e->kernel)
        return csi_fail(loader->err, CS_EMODEL, -1,
                        "%s: encoder.conv_context_size is neither null, \"causal\" nor two numbers whose sum is the "
                        "kernel size %d less one",
                        csi_archive_path(loader->archive), e->kernel);
    e->conv_left = (int32_t)left;
    e->conv_right = (int32_t)right;
    return CS_OK;
}

static cs_err load_sizes(csi_loader *loader, int32_t n_mels, csi_encoder *e)
{
    int64_t layers = 0, d = 0, heads = 4, expansion = 4, kernel = 31, factor = 4, channels = -1, feat_in = n_mels,
            feat_out = -1, reduction = 1;
    bool xscaling = true, untie = true;
    cs_err code;
    if ((code = csi_load_int(loader, "encoder.n_layers", true, 1, 256, &layers))
        || (code = csi_load_int(loader, "encoder.d_model", true, 1, 8192, &d))
        || (code = csi_load_int(loader, "encoder.n_heads", false, 1, 256, &heads))
        || (code = csi_load_int(loader, "encoder.ff_expansion_factor", false, 1, 16, &expansion))
        || (code = csi_load_int(loader, "encoder.conv_kernel_size", false, 1, 255, &kernel))
        || (code = csi_load_int(loader, "encoder.subsampling_factor", false, 2, 256, &factor))
        || (code = csi_load_int(loader, "encoder.subsampling_conv_channels", false, -1, 8192, &channels))
        || (code = csi_load_int(loader, "encoder.feat_in", false, 1, 512, &feat_in))
        || (code = csi_load_int(loader, "encoder.feat_out", false, -1, 8192, &feat_out))
        || (code = csi_load_int(loader, "encoder.reduction_factor", false, 1, 256, &reduction))
        || (code = csi_load_bool(loader, "encoder.xscaling", &xscaling))
        || (code = csi_load_bool(loader, "encoder.untie_biases", &untie)))
        return code;
    const char *subsampling = csi_load_text(loader, "encoder.subsampling", "striding");
    if (strcmp(subsampling, "dw_striding") != 0)
        return unsupported(loader, "encoder.subsampling", subsampling, "dw_striding (FastConformer)");
    const char *pool = csi_load_text(loader, "encoder.reduction", "");
    if (*pool)
        return unsupported(loader, "encoder.reduction", pool, "null");
    if (factor & (factor - 1))
        return inconsistent(loader, "encoder.subsampling_factor", factor, "a power of two");
    if (d % heads)
        return inconsistent(loader, "encoder.n_heads", heads, "a divisor of encoder.d_model");
    if (d % 2)
        return inconsistent(loader, "encoder.d_model", d, "an even number (sines and cosines of positions)");
    if (feat_in != n_mels)
        return inconsistent(loader, "encoder.feat_in", feat_in, "preprocessor.features");
    if (feat_out > 0 && feat_out != d)
        return inconsistent(loader, "encoder.feat_out", feat_out, "-1 or encoder.d_model");
    e->n_layers = (int32_t)layers;
    e->d = (int32_t)d;
    e->n_heads = (int32_t)heads;
    e->head_width = (int32_t)(d / heads);
    e->ff = (int32_t)(d * expansion);
    e->kernel = (int32_t)kernel;
    e->factor = (int32_t)factor;
    e->xscale = xscaling ? (float)sqrt((double)d) : 1.0f;
    e->subsampling.channels = (int32_t)(channels > 0 ? channels : d);
    (void)untie; /* tied biases are stored under the same names */
    return load_convolution_context(loader, e);
}

/* ----------------------------------------------------------- attention masks */

static bool read_pair(const csi_node *node, csi_context *context)
{
    int64_t v[3];
    if (!node || node->kind != CSI_NODE_LIST || node->n_children < 2 || node->n_children > 3)
        return false;
    for (size_t i = 0; i < node->n_children; i++)
        if (!csi_node_int(csi_node_item(node, i), &v[i]) || v[i] < -1 || v[i] > 100000)
            return false;
    *context = node->n_children == 2 ? (csi_context){(int32_t)v[0], -1, (int32_t)v[1]}
                                     : (csi_context){(int32_t)v[0], (int32_t)v[1], (int32_t)v[2]};
    return true;
}

static cs_err load_contexts(csi_loader *loader, csi_encoder *e)
{
    const csi_node *node = csi_node_at(csi_archive_config(loader->archive), "encoder.att_context_size");
    bool several = node && node->kind == CSI_NODE_LIST && node->first && node->first->kind == CSI_NODE_LIST;
    size_t n = several ? node->n_children : 1;
    e->contexts = csi_arena_array(loader->arena, n, sizeof *e->contexts);
    if (!e->contexts)
        return csi_fail_memory(loader->err, n * sizeof *e->contexts, "the attention contexts");
    e->n_contexts = (int32_t)n;
    if (e->style == CSI_ATT_CHUNKED_RC || csi_node_is_null(node)) {
        /* NeMo ignores the configured value here until it is switched: no limit. */
        e->n_contexts = 1;
        e->contexts[0] = (csi_context){-1, -1, -1};
        return CS_OK;
    }
    for (size_t i = 0; i < n; i++) {
        csi_context *c = &e->contexts[i];
        if (!read_pair(several ? csi_node_item(node, i) : node, c))
            return csi_fail(
                loader->err, CS_EMODEL, -1,
                "%s: encoder.att_context_size is not a pair of numbers from -1 to 100000, nor a list of such pairs",
                csi_archive_path(loader->archive));
        if (e->style == CSI_ATT_CHUNKED && c->left > 0 && c->right >= 0 && c->left % (c->right + 1))
            return csi_fail(
                loader->err, CS_EMODEL, -1,
                "%s: encoder.att_context_size [%d, %d]: the left context is no multiple of the chunk of %d frames",
                csi_archive_path(loader->archive), c->left, c->right, c->right + 1);
        if (e->style == CSI_ATT_LOCAL && (c->left < 0 || c->left != c->right))
            return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                            "%s: local attention over [%d, %d] frames, expected two equal numbers (NeMo gives wrong "
                            "results for others)",
                            csi_archive_path(loader->archive), c->left, c->right);
    }
    return CS_OK;
}

static cs_err load_attention_style(csi_loader *loader, csi_encoder *e)
{
    const char *model = csi_load_text(loader, "encoder.self_attention_model", "rel_pos");
    const char *style = csi_load_text(loader, "encoder.att_context_style", "regular");
    int64_t global_tokens = 0;
    cs_err code = csi_load_int(loader, "encoder.global_tokens", false, 0, 0, &global_tokens);
    if (code)
        return code;
    if (strcmp(model, "rel_pos_local_attn") == 0)
        e->style = CSI_ATT_LOCAL;
    else if (strcmp(model, "rel_pos") != 0)
        return unsupported(loader, "encoder.self_attention_model", model, "rel_pos or rel_pos_local_attn");
    else if (strcmp(style, "regular") == 0)
        e->style = CSI_ATT_REGULAR;
    else if (strcmp(style, "chunked_limited") == 0)
        e->style = CSI_ATT_CHUNKED;
    else if (strcmp(style, "chunked_limited_with_rc") == 0)
        e->style = CSI_ATT_CHUNKED_RC;
    else
        return unsupported(loader, "encoder.att_context_style", style,
                           "regular, chunked_limited or chunked_limited_with_rc");
    return load_contexts(loader, e);
}

/* --------------------------------------------------------------- sub-sampling */

static cs_err load_subsampling(csi_loader *loader, int32_t n_mels, csi_encoder *e)
{
    csi_subsampling *s = &e->subsampling;
    bool causal = false;
    cs_err code = csi_load_bool(loader, "encoder.causal_downsampling", &causal);
    if (code)
        return code;
    s->pad_left = causal ? 2 : 1;
    s->n_mels = s->n_freq = n_mels;
    int64_t c = s->channels;
    for (int32_t f = e->factor; f > 1; f /= 2) {
        int i = s->stages++;
        s->n_freq =
            (int32_t)csi_subsampling_frames(&(csi_subsampling){.stages = 1, .pad_left = s->pad_left}, s->n_freq);
        if (i == 0)
            code = csi_load_weight(loader, &s->first_w, CSI_SHAPE(c, 1, 3, 3), "encoder.pre_encode.conv.0.weight");
        if (i == 0 && !code)
            code = csi_load_weight(loader, &s->first_b, CSI_SHAPE(c), "encoder.pre_encode.conv.0.bias");
        if (i > 0
            && ((code = csi_load_weight(loader, &s->dw_w[i], CSI_SHAPE(c, 1, 3, 3), "encoder.pre_encode.conv.%d.weight",
                                        3 * i - 1))
                || (code = csi_load_weight(loader, &s->dw_b[i], CSI_SHAPE(c), "encoder.pre_encode.conv.%d.bias",
                                           3 * i - 1))
                || (code = csi_load_weight(loader, &s->pw_w[i], CSI_SHAPE(c, c, 1, 1),
                                           "encoder.pre_encode.conv.%d.weight", 3 * i))
                || (code =
                        csi_load_weight(loader, &s->pw_b[i], CSI_SHAPE(c), "encoder.pre_encode.conv.%d.bias", 3 * i))))
            return code;
        if (code)
            return code;
    }
    if ((code = csi_load_weight(loader, &s->out_w, CSI_SHAPE(e->d, c * s->n_freq), "encoder.pre_encode.out.weight")))
        return code;
    return csi_load_weight(loader, &s->out_b, CSI_SHAPE(e->d), "encoder.pre_encode.out.bias");
}

/* -------------------------------------------------------------------- layers */

/* One row of the table of a layer's tensors. dims: 'd' width, 'f' feed-forward width, 'h' heads, 'k' head width, '2' twice the
 * width, '1' one. A field is a csi_dense_weights where it says DENSE, else an array. Biases marked BIAS are there in all layers or
 * in none. */
typedef enum row_kind { ARRAY, BIAS, DENSE } row_kind;
typedef struct row {
    size_t offset;
    const char *name, *dims;
    row_kind kind;
} row;

#define ROW(field, name, dims, kind)                           \
    {                                                          \
        offsetof(csi_conformer_layer, field), name, dims, kind \
    }
static const row rows[] = {
    ROW(norm_ff1_w, "norm_feed_forward1.weight", "d", ARRAY),
    ROW(norm_ff1_b, "norm_feed_forward1.bias", "d", ARRAY),
    ROW(norm_att_w, "norm_self_att.weight", "d", ARRAY),
    ROW(norm_att_b, "norm_self_att.bias", "d", ARRAY),
    ROW(norm_conv_w, "norm_conv.weight", "d", ARRAY),
    ROW(norm_conv_b, "norm_conv.bias", "d", ARRAY),
    ROW(norm_ff2_w, "norm_feed_forward2.weight", "d", ARRAY),
    ROW(norm_ff2_b, "norm_feed_forward2.bias", "d", ARRAY),
    ROW(norm_out_w, "norm_out.weight", "d", ARRAY),
    ROW(norm_out_b, "norm_out.bias", "d", ARRAY),
    ROW(ff1_in_w, "feed_forward1.linear1.weight", "fd", DENSE),
    ROW(ff1_in_b, "feed_forward1.linear1.bias", "f", BIAS),
    ROW(ff1_out_w, "feed_forward1.linear2.weight", "df", DENSE),
    ROW(ff1_out_b, "feed_forward1.linear2.bias", "d", BIAS),
    ROW(ff2_in_w, "feed_forward2.linear1.weight", "fd", DENSE),
    ROW(ff2_in_b, "feed_forward2.linear1.bias", "f", BIAS),
    ROW(ff2_out_w, "feed_forward2.linear2.weight", "df", DENSE),
    ROW(ff2_out_b, "feed_forward2.linear2.bias", "d", BIAS),
    ROW(q_w, "self_attn.linear_q.weight", "dd", DENSE),
    ROW(q_b, "self_attn.linear_q.bias", "d", BIAS),
    ROW(k_w, "self_attn.linear_k.weight", "dd", DENSE),
    ROW(k_b, "self_attn.linear_k.bias", "d", BIAS),
    ROW(v_w, "self_attn.linear_v.weight", "dd", DENSE),
    ROW(v_b, "self_attn.linear_v.bias", "d", BIAS),
    ROW(out_w, "self_attn.linear_out.weight", "dd", DENSE),
    ROW(out_b, "self_attn.linear_out.bias", "d", BIAS),
    ROW(pos_w, "self_attn.linear_pos.weight", "dd", DENSE),
    ROW(bias_u, "self_attn.pos_bias_u", "hk", ARRAY),
    ROW(bias_v, "self_attn.pos_bias_v", "hk", ARRAY),
    ROW(pw1_w, "conv.pointwise_conv1.weight", "2d1", DENSE),
    ROW(pw1_b, "conv.pointwise_conv1.bias", "2", BIAS),
    ROW(pw2_w, "conv.pointwise_conv2.weight", "dd1", DENSE),
    ROW(pw2_b, "conv.pointwise_conv2.bias", "d", BIAS),
};

static int64_t axis(const csi_encoder *e, char letter)
{
    switch (letter) {
    case 'd':
        return e->d;
    case 'f':
        return e->ff;
    case 'h':
        return e->n_heads;
    case 'k':
        return e->head_width;
    case '2':
        return 2 * (int64_t)e->d;
    default:
        return 1;
    }
}

/* Depthwise weights (D, 1, kernel) with batch norm folded in: w g, (b - mean) g + beta, g = gamma / sqrt(var + 1e-5). */
static cs_err fold_batch_norm(csi_loader *loader, const csi_encoder *e, int32_t layer, const float *w, const float *b,
                              csi_conformer_layer *l)
{
    const float *gamma, *beta, *mean, *var;
    const struct {
        const char *name;
        const float **values;
    } parts[] = {{"weight", &gamma}, {"bias", &beta}, {"running_mean", &mean}, {"running_var", &var}};
    for (size_t i = 0; i < CSI_COUNT(parts); i++) {
        cs_err code = csi_load_weight(loader, parts[i].values, CSI_SHAPE(e->d), "encoder.layers.%d.conv.batch_norm.%s",
                                      layer, parts[i].name);
        if (code)
            return code;
    }
    float *folded = csi_arena_array(loader->arena, (size_t)e->d * (size_t)(e->kernel + 1), sizeof *folded);
    if (!folded)
        return csi_fail_memory(loader->err, (size_t)e->d * (size_t)(e->kernel + 1) * sizeof *folded, "batch norm");
    float *offset = folded + (size_t)e->d * (size_t)e->kernel;
    for (int32_t c = 0; c < e->d; c++) {
        double g = gamma[c] / sqrt((double)var[c] + 1e-5);
        for (int32_t k = 0; k < e->kernel; k++)
            folded[c * e->kernel + k] = (float)(w[c * e->kernel + k] * g);
        offset[c] = (float)(((b ? b[c] : 0) - (double)mean[c]) * g + beta[c]);
    }
    l->dw_w = folded;
    l->dw_b = offset;
    return CS_OK;
}

static cs_err load_convolution(csi_loader *loader, const csi_encoder *e, int32_t layer, bool layer_norm,
                               csi_conformer_layer *l)
{
    const float *w, *b = NULL;
    cs_err code = csi_load_weight(loader, &w, CSI_SHAPE(e->d, 1, e->kernel),
                                  "encoder.layers.%d.conv.depthwise_conv.weight", layer);
    if (!code && csi_load_has(loader, "encoder.layers.%d.conv.depthwise_conv.bias", layer))
        code = csi_load_weight(loader, &b, CSI_SHAPE(e->d), "encoder.layers.%d.conv.depthwise_conv.bias", layer);
    if (code)
        return code;
    if (!layer_norm)
        return fold_batch_norm(loader, e, layer, w, b, l);
    l->dw_w = w;
    l->dw_b = b;
    code = csi_load_weight(loader, &l->conv_norm_w, CSI_SHAPE(e->d), "encoder.layers.%d.conv.batch_norm.weight", layer);
    return code ? code
                : csi_load_weight(loader, &l->conv_norm_b, CSI_SHAPE(e->d), "encoder.layers.%d.conv.batch_norm.bias",
                                  layer);
}

static cs_err load_layer(csi_loader *loader, const csi_encoder *e, int32_t layer, bool layer_norm,
                         csi_conformer_layer *l)
{
    for (size_t i = 0; i < CSI_COUNT(rows); i++) {
        int64_t dims[3] = {0};
        int32_t n = 0;
        if (rows[i].dims[0] == '2' && rows[i].dims[1] == 'd') { /* (2 D, D, 1) */
            dims[n++] = 2 * (int64_t)e->d;
            dims[n++] = e->d;
            dims[n++] = 1;
        } else {
            for (const char *c = rows[i].dims; *c; c++)
                dims[n++] = axis(e, *c);
        }
        if (rows[i].kind == BIAS && !csi_load_has(loader, "encoder.layers.%d.%s", layer, rows[i].name))
            continue;
        void *field = (char *)l + rows[i].offset;
        cs_err code = rows[i].kind == DENSE
                          ? csi_load_dense(loader, field, n, dims, "encoder.layers.%d.%s", layer, rows[i].name)
                          : csi_load_weight(loader, field, n, dims, "encoder.layers.%d.%s", layer, rows[i].name);
        if (code)
            return code;
    }
    return load_convolution(loader, e, layer, layer_norm, l);
}

/* use_bias in the config and biases in the file must agree where the config speaks, and the layers among themselves. */
static cs_err check_biases(csi_loader *loader, const csi_encoder *e)
{
    const csi_node *node = csi_node_at(csi_archive_config(loader->archive), "encoder.use_bias");
    bool expected = csi_load_has(loader, "encoder.layers.0.feed_forward1.linear1.bias");
    bool stated = expected;
    cs_err code = csi_load_bool(loader, "encoder.use_bias", &stated);
    if (code)
        return code;
    if (!csi_node_is_null(node) && stated != expected)
        return csi_fail(loader->err, CS_EMODEL, -1, "%s: encoder.use_bias is %s, but the weights %s biases",
                        csi_archive_path(loader->archive), stated ? "true" : "false", expected ? "have" : "have no");
    for (int32_t layer = 0; layer < e->n_layers; layer++) {
        for (size_t i = 0; i < CSI_COUNT(rows); i++)
            if (rows[i].kind == BIAS && csi_load_has(loader, "encoder.layers.%d.%s", layer, rows[i].name) != expected)
                return csi_fail(loader->err, CS_EMODEL, -1,
                                "%s: tensor encoder.layers.%d.%s is %s, unlike other biases",
                                csi_archive_path(loader->archive), layer, rows[i].name, expected ? "missing" : "there");
        if (csi_load_has(loader, "encoder.layers.%d.conv.depthwise_conv.bias", layer) != expected)
            return csi_fail(loader->err, CS_EMODEL, -1,
                            "%s: tensor encoder.layers.%d.conv.depthwise_conv.bias is %s, unlike other biases",
                            csi_archive_path(loader->archive), layer, expected ? "missing" : "there");
    }
    if (csi_load_has(loader, "encoder.layers.%d.norm_out.weight", e->n_layers))
        return csi_fail(loader->err, CS_EMODEL, -1, "%s: encoder.n_layers is %d, but the weights hold layer %d as well",
                        csi_archive_path(loader->archive), e->n_layers, e->n_layers);
    return CS_OK;
}

cs_err csi_encoder_load(const csi_env *env, csi_loader *loader, int32_t n_mels, csi_encoder *e)
{
    *e = (csi_encoder){0};
    const char *target = csi_load_text(loader, "encoder._target_", "ConformerEncoder");
    if (!strstr(target, "ConformerEncoder"))
        return unsupported(loader, "encoder._target_", target, "a ConformerEncoder");
    cs_err code;
    if ((code = load_sizes(loader, n_mels, e)) || (code = load_attention_style(loader, e))
        || (code = load_subsampling(loader, n_mels, e)) || (code = check_biases(loader, e)))
        return code;
    const char *norm = csi_load_text(loader, "encoder.conv_norm_type", "batch_norm");
    bool layer_norm = strcmp(norm, "layer_norm") == 0;
    if (!layer_norm && strcmp(norm, "batch_norm") != 0)
        return unsupported(loader, "encoder.conv_norm_type", norm, "batch_norm or layer_norm");
    e->layers = csi_arena_array(loader->arena, (size_t)e->n_layers, sizeof *e->layers);
    if (!e->layers)
        return csi_fail_memory(loader->err, (size_t)e->n_layers * sizeof *e->layers, "the encoder layers");
    for (int32_t i = 0; i < e->n_layers; i++)
        if ((code = load_layer(loader, e, i, layer_norm, &e->layers[i])))
            return code;
    e->positions = csi_positions_create(env, e->n_layers);
    return e->positions ? CS_OK : csi_fail_memory(loader->err, 0, "the position cache");
}

void csi_encoder_finish(csi_encoder *e)
{
    csi_positions_free(e->positions);
    e->positions = NULL;
}
