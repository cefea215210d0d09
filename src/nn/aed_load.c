/* SPDX-License-Identifier: MIT
 * Loading Canary's decoder: sizes from the config, checked against the tensors.
 *
 * Every archive states most numbers more than once; they must agree. The head's weights are the token embedding's storage
 * under a second name; where a file holds two copies NeMo keeps the head's, for both uses, and so does this.
 *
 * Source: NeMo nemo/collections/asr/models/aed_multitask_models.py; modules/transformer/transformer_generators.py,
 * transformer_modules.py; parts/submodules/token_classifier.py. */
#include "nn/aed.h"

#include <stdio.h>

static const char *file(const csi_loader *loader)
{
    return csi_archive_path(loader->archive);
}

static cs_err differ(csi_loader *loader, const char *what, int64_t met, const char *of, int64_t expected)
{
    return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s is %lld, but %s is %lld", file(loader), what, (long long)met,
                    of, (long long)expected);
}

/* -------------------------------------------------------------------- config */

static const char decoder_path[] = "transf_decoder.config_dict", between_path[] = "transf_encoder";

/* "transf_encoder.hidden_act" */
typedef struct key {
    char text[96];
} key;

static const char *at(key *k, const char *path, const char *name)
{
    snprintf(k->text, sizeof k->text, "%s.%s", path, name);
    return k->text;
}

static cs_err load_activation(csi_loader *loader, const char *path, csi_aed_stack *s)
{
    key k;
    const char *name = csi_load_text(loader, at(&k, path, "hidden_act"), "relu");
    s->gelu = strcmp(name, "gelu") == 0;
    if (s->gelu || strcmp(name, "relu") == 0)
        return CS_OK;
    return csi_fail(loader->err, CS_EUNSUPPORTED, -1, "%s: %s is \"%.40s\", expected relu or gelu", file(loader),
                    k.text, name);
}

static cs_err load_sizes(csi_loader *loader, const char *path, csi_aed_stack *s)
{
    int64_t d = 0, inner = 0, layers = 0, heads = 0;
    key k;
    cs_err code;
    if ((code = csi_load_int(loader, at(&k, path, "hidden_size"), true, 1, 8192, &d))
        || (code = csi_load_int(loader, at(&k, path, "inner_size"), true, 1, 32768, &inner))
        || (code = csi_load_int(loader, at(&k, path, "num_layers"), true, 1, 256, &layers))
        || (code = csi_load_int(loader, at(&k, path, "num_attention_heads"), true, 1, 256, &heads))
        || (code = csi_load_bool(loader, at(&k, path, "pre_ln"), &s->pre_norm))
        || (code = load_activation(loader, path, s)))
        return code;
    if (d % heads)
        return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s.hidden_size is %lld, expected a multiple of its %lld heads",
                        file(loader), path, (long long)d, (long long)heads);
    s->d = (int32_t)d;
    s->inner = (int32_t)inner;
    s->n_layers = (int32_t)layers;
    s->n_heads = (int32_t)heads;
    s->head_width = (int32_t)(d / heads);
    return CS_OK;
}

/* What is said beside transf_decoder.config_dict and in the head, and what a network of another kind would say. */
static cs_err load_decoder_sizes(csi_loader *loader, csi_aed *aed)
{
    csi_aed_stack *s = &aed->decoder;
    int64_t positions = 512, classes = 0, width = 0, layers = 1;
    bool log_softmax = true;
    const char *other = csi_load_text(loader, "transf_decoder.model_name", "");
    if (*other)
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: transf_decoder.model_name is \"%.60s\", expected none: a decoder of NeMo's own",
                        file(loader), other);
    cs_err code = load_sizes(loader, decoder_path, s);
    width = s->d;
    if (code
        || (code =
                csi_load_int(loader, "transf_decoder.config_dict.max_sequence_length", false, 1, 1 << 20, &positions))
        || (code = csi_load_int(loader, "head.num_classes", true, 1, 1 << 20, &classes))
        || (code = csi_load_int(loader, "head.num_layers", false, 1, 1, &layers))
        || (code = csi_load_int(loader, "head.hidden_size", false, 1, 8192, &width))
        || (code = csi_load_bool(loader, "head.log_softmax", &log_softmax)))
        return code;
    if (width != s->d)
        return differ(loader, "head.hidden_size", width, "transf_decoder.config_dict.hidden_size", s->d);
    if (!log_softmax)
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1, "%s: head.log_softmax is false, expected true", file(loader));
    if ((code = csi_load_int(loader, "model_defaults.lm_dec_hidden", false, 1, 8192, &width)))
        return code;
    if (width != s->d)
        return differ(loader, "model_defaults.lm_dec_hidden", width, "transf_decoder.config_dict.hidden_size", s->d);
    width = aed->d_model;
    if ((code = csi_load_int(loader, "model_defaults.asr_enc_hidden", false, 1, 8192, &width)))
        return code;
    if (width != aed->d_model)
        return differ(loader, "model_defaults.asr_enc_hidden", width, "encoder.d_model", aed->d_model);
    aed->d = s->d;
    aed->classes = (int32_t)classes;
    aed->max_positions = (int32_t)positions;
    return CS_OK;
}

/* Layers between encoder and decoder: by their config, and none without one. */
static cs_err load_between_sizes(csi_loader *loader, csi_aed *aed)
{
    int64_t layers = 0;
    cs_err code = csi_load_int(loader, "transf_encoder.num_layers", false, 0, 256, &layers);
    if (code)
        return code;
    if (!layers && csi_load_has(loader, "transf_encoder.layers.0.layer_norm_1.weight"))
        return csi_fail(loader->err, CS_EMODEL, -1,
                        "%s: transf_encoder.num_layers is 0, but the weights hold transf_encoder.layers.0",
                        file(loader));
    if (!layers)
        return CS_OK;
    if ((code = load_sizes(loader, between_path, &aed->between))
        || (code = csi_load_bool(loader, "transf_encoder.mask_future", &aed->between.causal)))
        return code;
    if (aed->between.d != aed->d)
        return differ(loader, "transf_encoder.hidden_size", aed->between.d, "transf_decoder.config_dict.hidden_size",
                      aed->d);
    return CS_OK;
}

/* ------------------------------------------------------------------- tensors */

/* NAME.weight (n_out, n_in) and NAME.bias (n_out). */
static cs_err load_dense(csi_loader *loader, csi_dense_weights *w, const float **bias, int64_t n_out, int64_t n_in,
                         const char *layer, const char *name)
{
    cs_err code = csi_load_dense(loader, w, CSI_SHAPE(n_out, n_in), "%s.%s.weight", layer, name);
    return code ? code : csi_load_weight(loader, bias, CSI_SHAPE(n_out), "%s.%s.bias", layer, name);
}

static cs_err load_norm(csi_loader *loader, const float **w, const float **b, int64_t d, const char *layer,
                        const char *name)
{
    cs_err code = csi_load_weight(loader, w, CSI_SHAPE(d), "%s.%s.weight", layer, name);
    return code ? code : csi_load_weight(loader, b, CSI_SHAPE(d), "%s.%s.bias", layer, name);
}

static cs_err load_attention(csi_loader *loader, csi_aed_attention *a, int64_t d, const char *layer, const char *part)
{
    const struct {
        const char *name;
        csi_dense_weights *w;
        const float **bias;
    } rows[] = {{"query_net", &a->q_w, &a->q_b},
                {"key_net", &a->k_w, &a->k_b},
                {"value_net", &a->v_w, &a->v_b},
                {"out_projection", &a->out_w, &a->out_b}};
    for (size_t i = 0; i < CSI_COUNT(rows); i++) {
        key k;
        cs_err code = load_dense(loader, rows[i].w, rows[i].bias, d, d, layer, at(&k, part, rows[i].name));
        if (code)
            return code;
    }
    return CS_OK;
}

static cs_err load_feed_forward(csi_loader *loader, csi_aed_layer *l, const csi_aed_stack *s, const char *layer,
                                const char *part)
{
    key in, out;
    cs_err code = load_dense(loader, &l->in_w, &l->in_b, s->inner, s->d, layer, at(&in, part, "dense_in"));
    return code ? code : load_dense(loader, &l->out_w, &l->out_b, s->d, s->inner, layer, at(&out, part, "dense_out"));
}

/* prefix: "transf_decoder._decoder". crosses: the layers look at the encoder's states. */
static cs_err load_layers(csi_loader *loader, csi_aed_stack *s, const char *prefix, bool crosses)
{
    cs_err code = CS_OK;
    s->layers = csi_arena_array(loader->arena, (size_t)s->n_layers, sizeof *s->layers);
    if (!s->layers)
        return csi_fail_memory(loader->err, (size_t)s->n_layers * sizeof *s->layers, "the decoder layers");
    for (int32_t i = 0; i < s->n_layers; i++) {
        csi_aed_layer *l = &s->layers[i];
        char layer[64];
        snprintf(layer, sizeof layer, "%s.layers.%d", prefix, i);
        if ((code = load_norm(loader, &l->norm_self_w, &l->norm_self_b, s->d, layer, "layer_norm_1"))
            || (code = load_attention(loader, &l->self, s->d, layer, "first_sub_layer"))
            || (crosses
                && ((code = load_norm(loader, &l->norm_cross_w, &l->norm_cross_b, s->d, layer, "layer_norm_2"))
                    || (code = load_attention(loader, &l->cross, s->d, layer, "second_sub_layer"))))
            || (code = load_norm(loader, &l->norm_ff_w, &l->norm_ff_b, s->d, layer,
                                 crosses ? "layer_norm_3" : "layer_norm_2"))
            || (code = load_feed_forward(loader, l, s, layer, crosses ? "third_sub_layer" : "second_sub_layer")))
            return code;
    }
    if (csi_load_has(loader, "%s.layers.%d.layer_norm_1.weight", prefix, s->n_layers))
        return csi_fail(loader->err, CS_EMODEL, -1,
                        "%s: the config says %d layers of %s, but the weights hold layer %d", file(loader), s->n_layers,
                        prefix, s->n_layers);
    return CS_OK;
}

/* Only pre-norm layers have a norm behind them, and only where the config does not say no. */
static cs_err load_final(csi_loader *loader, csi_aed_stack *s, const char *path, const char *prefix)
{
    key k;
    bool final = true;
    cs_err code = csi_load_bool(loader, at(&k, path, "pre_ln_final_layer_norm"), &final);
    if (code || !s->pre_norm || !final)
        return code;
    return load_norm(loader, &s->final_w, &s->final_b, s->d, prefix, "final_layer_norm");
}

static cs_err load_embedding(csi_loader *loader, csi_aed *aed)
{
    static const char name[] = "transf_decoder._embedding";
    const int64_t d = aed->d, shape[2] = {aed->classes, d};
    bool learned = false;
    key k;
    cs_err code = csi_load_bool(loader, "transf_decoder.config_dict.learn_positional_encodings", &learned);
    if (code
        || (code =
                csi_archive_f32(loader->archive, at(&k, name, "token_embedding.weight"), 2, shape, NULL, loader->err))
        || (code = csi_load_weight(loader, &aed->positions, CSI_SHAPE(aed->max_positions, d),
                                   "%s.position_embedding.%s", name, learned ? "weight" : "pos_enc")))
        return code;
    return load_norm(loader, &aed->norm_w, &aed->norm_b, d, name, "layer_norm");
}

static cs_err load_projection(csi_loader *loader, csi_aed *aed)
{
    static const char name[] = "encoder_decoder_proj";
    if (aed->d == aed->d_model && csi_load_has(loader, "%s.weight", name))
        return csi_fail(loader->err, CS_EMODEL, -1,
                        "%s: the weights hold %s, but encoder and decoder are both %d wide, expected none",
                        file(loader), name, aed->d);
    if (aed->d == aed->d_model)
        return CS_OK;
    cs_err code = csi_load_dense(loader, &aed->proj_w, CSI_SHAPE(aed->d, aed->d_model), "%s.weight", name);
    return code ? code : csi_load_weight(loader, &aed->proj_b, CSI_SHAPE(aed->d), "%s.bias", name);
}

cs_err csi_aed_load(csi_loader *loader, int32_t d_model, csi_aed *aed)
{
    static const char decoder[] = "transf_decoder._decoder", head[] = "log_softmax.mlp.layer0";
    *aed = (csi_aed){.d_model = d_model};
    cs_err code;
    if ((code = load_decoder_sizes(loader, aed)) || (code = load_between_sizes(loader, aed))
        || (code = load_projection(loader, aed)) || (code = load_embedding(loader, aed))
        || (code = load_layers(loader, &aed->decoder, decoder, true))
        || (code = load_final(loader, &aed->decoder, "transf_decoder", decoder)))
        return code;
    if (aed->between.n_layers
        && ((code = load_layers(loader, &aed->between, between_path, false))
            || (code = load_final(loader, &aed->between, between_path, between_path))))
        return code;
    code = csi_load_weight(loader, &aed->embed, CSI_SHAPE(aed->classes, aed->d), "%s.weight", head);
    return code ? code : csi_load_weight(loader, &aed->head_b, CSI_SHAPE(aed->classes), "%s.bias", head);
}

int64_t csi_aed_pack(const csi_env *env, csi_pool *pool, csi_aed *aed, void **block)
{
    const int64_t rows = aed->classes, d = aed->d;
    if (csi_aed_kind(aed) == CSI_KIND_F32 || rows * d < CSI_SCREEN_LEAST)
        return 0;
    const size_t size = csi_screen_bytes(rows, d);
    void *memory = csi_alloc_huge(env, size, block);
    if (!memory)
        return 0;
    csi_screen_make(pool, aed->embed, aed->head_b, rows, d, memory, &aed->screen);
    return (int64_t)size;
}
