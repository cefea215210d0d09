/* SPDX-License-Identifier: MIT
 * Opening a model: archive, tokenizer, networks, and the checks that make later surprises impossible. Everything that
 * can be wrong with a file is found here. */
#include "engine/engine.h"

#include <stdio.h>

#define CACHE_MAX_BYTES ((int64_t)8 << 30)
#define CACHE_MIN_BYTES ((int64_t)32 << 20)

static bool has_head(const cs_model *model, cs_head head)
{
    return model->info.heads >> head & 1;
}

/* --------------------------------------------------------------------- family */

/* Refuse what has other networks than ours, by the class that the config names. */
static cs_err check_class(csi_loader *loader, const char **name)
{
    const char *file = csi_archive_path(loader->archive);
    const char *target = csi_load_text(loader, "target", "");
    const char *dot = strrchr(target, '.');
    *name = dot ? dot + 1 : target;
    char met[96];
    csi_printable(met, sizeof met, *name, strlen(*name));
    if (csi_node_is_null(csi_node_at(csi_archive_config(loader->archive), "encoder"))
        || csi_node_is_null(csi_node_at(csi_archive_config(loader->archive), "preprocessor")))
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: a model of class \"%s\" without preprocessor and encoder, expected a speech recogniser",
                        file, met);
    if (strstr(*name, "WithPrompt") || csi_load_has(loader, "prompt_kernel.0.weight"))
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: a model with a language prompt (class %s), expected one without", file, met);
    if (csi_load_has(loader, "spk_kernels.0.0.weight") || csi_load_has(loader, "encoder.spk_kernels.0.0.weight"))
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: a model with speaker kernels (class %s), expected one without", file, met);
    if (**name && !strstr(*name, "CTC") && !strstr(*name, "RNNT") && !strstr(*name, "MultiTask"))
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: a model of class \"%s\", expected a CTC, RNN-T, TDT, hybrid or Canary speech recogniser",
                        file, met);
    return CS_OK;
}

static cs_err load_ctc(csi_loader *loader, const char *prefix, int32_t d, int32_t vocab, csi_ctc *ctc)
{
    ctc->vocab = vocab;
    ctc->d = d;
    cs_err code =
        csi_load_weight(loader, &ctc->w, CSI_SHAPE((int64_t)vocab + 1, d, 1), "%sdecoder_layers.0.weight", prefix);
    return code ? code
                : csi_load_weight(loader, &ctc->b, CSI_SHAPE((int64_t)vocab + 1), "%sdecoder_layers.0.bias", prefix);
}

static cs_err load_heads(cs_model *model, csi_loader *loader)
{
    const char *file = csi_archive_path(loader->archive), *name = model->info.nemo_class;
    int32_t d = model->encoder.d, vocab = csi_tokenizer_size(model->tokenizer);
    const bool is_canary = strstr(name, "MultiTask") != NULL;
    if (*name && !is_canary && csi_load_has(loader, "transf_decoder._embedding.token_embedding.weight"))
        return csi_fail(loader->err, CS_EMODEL, -1,
                        "%s: the config says class %.80s, but the weights hold a Canary's decoder (transf_decoder)",
                        file, name);
    if (is_canary || csi_load_has(loader, "transf_decoder._embedding.token_embedding.weight"))
        return csi_canary_load(model, loader);
    bool transducer = csi_load_has(loader, "joint.enc.weight");
    bool aux = csi_load_has(loader, "ctc_decoder.decoder_layers.0.weight");
    bool ctc = csi_load_has(loader, "decoder.decoder_layers.0.weight");
    if (!transducer && !aux && !ctc)
        return csi_fail(
            loader->err, CS_EMODEL, -1,
            "%s: the weights hold neither a joint (joint.enc.weight) nor a CTC head (decoder.decoder_layers.0.weight)",
            file);
    bool hybrid = strstr(name, "Hybrid") != NULL;
    if (*name
        && ((hybrid && !(transducer && aux)) || (!hybrid && strstr(name, "RNNT") && !transducer)
            || (!strstr(name, "RNNT") && strstr(name, "CTC") && transducer)))
        return csi_fail(loader->err, CS_EMODEL, -1, "%s: the config says class %.80s, but the weights hold %s%s%s",
                        file, name, transducer ? "a transducer" : "no transducer", aux || ctc ? " and" : "",
                        aux || ctc ? " a CTC head" : "");
    cs_err code = CS_OK;
    if (aux || ctc) {
        code = load_ctc(loader, aux ? "ctc_decoder." : "decoder.", d, vocab, &model->ctc);
        model->info.heads |= 1u << CS_HEAD_CTC;
    }
    if (!code && transducer) {
        code = csi_transducer_load(loader, d, vocab, &model->transducer);
        model->info.heads |= 1u << (model->transducer.n_durations ? CS_HEAD_TDT : CS_HEAD_RNNT);
    }
    return code;
}

/* ----------------------------------------------------------------------- open */

static cs_err load_segments(cs_model *model, csi_loader *loader)
{
    const csi_node *config = csi_archive_config(loader->archive);
    const csi_node *list = csi_node_at(config, "decoding.segment_seperators"); /* NeMo's spelling */
    model->separators = ".?!";
    model->segment_gap = -1;
    if (list && list->kind == CSI_NODE_LIST) {
        csi_buf text;
        csi_buf_init(&text, &model->env);
        for (const csi_node *item = list->first; item; item = item->next)
            if (csi_node_text(item))
                csi_buf_text(&text, csi_node_text(item));
        model->separators = text.failed ? NULL : csi_arena_text(&model->arena, text.data ? text.data : "", text.size);
        csi_buf_finish(&text);
        if (!model->separators)
            return csi_fail_memory(loader->err, 64, "the segment separators");
    }
    return csi_load_int(loader, "decoding.segment_gap_threshold", false, -1, INT32_MAX, &model->segment_gap);
}

/* What a config asks for and is done otherwise is said, not hidden. */
static void warn_of_strategy(cs_model *model, const csi_loader *loader)
{
    static const char *const paths[] = {"decoding.strategy", "aux_ctc.decoding.strategy"};
    for (size_t i = 0; i < CSI_COUNT(paths); i++) {
        const char *strategy = csi_load_text(loader, paths[i], "greedy_batch");
        if (strncmp(strategy, "greedy", 6) != 0)
            csi_log(&model->env, CS_LOG_WARNING, "model", "%s: %s is %.40s; decoding is greedy here",
                    csi_archive_path(model->archive), paths[i], strategy);
    }
}

static cs_err settle(cs_model *model, csi_loader *loader, const cs_model_options *options)
{
    model->info.name = csi_info_name(&model->arena, csi_archive_path(model->archive));
    if (!model->info.name)
        return csi_fail_memory(loader->err, 256, "the model's name");
    cs_err code = csi_precision_choose(model, loader, options->precision);
    if (code)
        return code;
    model->info.precision = csi_info_precision(model->precision);
    csi_cache cache = {.env = &model->env,
                       .pool = model->pool,
                       .folder = options->cache_folder,
                       .max_bytes = options->cache_max_bytes ? options->cache_max_bytes : CACHE_MAX_BYTES,
                       .min_bytes = options->cache_min_bytes ? options->cache_min_bytes : CACHE_MIN_BYTES,
                       .model = model->info.name,
                       .precision = model->info.precision};
    return csi_weights_settle(model, loader, &cache);
}

cs_err csi_model_load(cs_model *model, const cs_model_options *options, cs_error *err)
{
    csi_loader loader = {.archive = model->archive, .arena = &model->arena, .err = err};
    cs_err code;
    if ((code = check_class(&loader, &model->info.nemo_class))
        || (code = csi_vocabulary_load(&model->env, &loader, &model->tokenizer))
        || (code = csi_mel_load(&loader, &model->mel))
        || (code = csi_encoder_load(&model->env, &loader, model->mel.n_mels, &model->encoder))
        || (code = load_heads(model, &loader)) || (code = csi_check_agreement(model, &loader))
        || (code = load_segments(model, &loader)) || (code = settle(model, &loader, options)))
        return code;
    csi_encoder_settle(&model->encoder, model->ops);
    if (model->transducer.joint)
        model->info.weight_bytes += csi_transducer_pack(&model->env, model->pool, model->precision == CS_PRECISION_F32,
                                                        &model->transducer, &model->packed);
    if (model->canary.net.d)
        model->info.weight_bytes += csi_aed_pack(&model->env, model->pool, &model->canary.net, &model->packed);
    else
        warn_of_strategy(model, &loader);
    if ((code = csi_info_fill(model, &loader)))
        return code;
    return model->canary.net.d ? csi_canary_load_aligner(model, options, &loader) : CS_OK;
}

void csi_model_destroy(cs_model *model)
{
    if (model->canary.aligner)
        csi_model_destroy(model->canary.aligner);
    csi_encoder_finish(&model->encoder);
    csi_free(&model->env, model->packed);
    csi_free(&model->env, model->block);
    csi_cache_release(&model->cached);
    csi_tokenizer_free(model->tokenizer);
    csi_archive_close(model->archive);
    if (!model->is_part)
        csi_pool_free(model->pool);
    csi_arena_finish(&model->arena);
    csi_env env = model->env;
    csi_free(&env, model);
}

cs_err cs_model_open(const char *path, const cs_model_options *options, cs_model **out, cs_error *err)
{
    if (!path || !out)
        return csi_fail(err, CS_EINVAL, -1, "cs_model_open: path and model must not be NULL");
    *out = NULL;
    cs_model_options o;
    csi_cpu_path cpu;
    cs_model_options_init(&o);
    cs_err code = csi_options_copy(&o, sizeof o, options, "cs_model_options", err);
    if (code || (code = csi_cpu_choose(o.cpu_path, &cpu, err)))
        return code;
    if (o.threads < 0 || o.threads > 256)
        return csi_fail(err, CS_EINVAL, -1, "%d threads, expected 0 (all cores) to 256", o.threads);
    if ((unsigned)o.precision > CS_PRECISION_BF16)
        return csi_fail(err, CS_EINVAL, -1, "unknown precision %d, expected auto, f32, int8 or bf16", (int)o.precision);
    if (o.cache_max_bytes < 0 || o.cache_min_bytes < 0)
        return csi_fail(err, CS_EINVAL, -1, "a cache bound is negative, expected bytes, or 0 for the default");
    csi_env env;
    csi_env_init(&env, o.allocator, o.log, o.log_user);
    cs_model *model = csi_alloc_zero(&env, sizeof *model);
    if (!model)
        return csi_fail_memory(err, sizeof *model, "the model");
    model->env = env;
    atomic_init(&model->references, 1);
    csi_arena_init(&model->arena, &model->env);
    model->ops = csi_ops_for(cpu);
    code = csi_pool_create(&model->env, o.threads ? o.threads : csi_physical_cores(), &model->pool, err);
    if (!code)
        code = csi_archive_open(&model->env, path, &model->archive, err);
    if (!code)
        code = csi_model_load(model, &o, err);
    if (code) {
        csi_model_destroy(model);
        return code;
    }
    csi_log(&model->env, CS_LOG_INFO, "model", "%s: %s, %d layers of width %d, %s (%s) on %s, %d threads, %s",
            model->info.name, model->info.family, model->info.n_layers, model->info.d_model, model->info.precision,
            model->info.precision_reason, model->info.cpu_path, model->info.threads, model->info.opened);
    *out = model;
    return CS_OK;
}

cs_model *cs_model_retain(cs_model *model)
{
    if (model)
        atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

void cs_model_close(cs_model *model)
{
    if (model && atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) == 1)
        csi_model_destroy(model);
}

cs_err cs_model_encode_text(const cs_model *model, const char *text, int32_t *ids, size_t capacity, size_t *n_ids,
                            cs_error *err)
{
    if (!model || !text || !n_ids || (!ids && capacity))
        return csi_fail(err, CS_EINVAL, -1, "cs_model_encode_text: an argument is NULL");
    csi_buf found;
    csi_buf_init(&found, &model->env);
    cs_err code = csi_tokenizer_encode(model->tokenizer, text, strlen(text), &found, err);
    if (!code) {
        *n_ids = found.size / sizeof *ids;
        if (capacity && *n_ids)
            memcpy(ids, found.data, CSI_MIN(capacity, *n_ids) * sizeof *ids);
    }
    csi_buf_finish(&found);
    return code;
}

cs_head csi_model_head(const cs_model *model, cs_head wanted)
{
    if (wanted != CS_HEAD_AUTO)
        return wanted > CS_HEAD_AUTO && wanted <= CS_HEAD_AED && has_head(model, wanted) ? wanted : CS_HEAD_AUTO;
    for (cs_head head = CS_HEAD_AED; head > CS_HEAD_CTC; head--)
        if (has_head(model, head))
            return head;
    return CS_HEAD_CTC;
}
