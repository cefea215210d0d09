/* SPDX-License-Identifier: MIT
 * What a model is, for people: cs_model_info and the list of tensors. */
#include "engine/engine.h"

#include <stdio.h>

const char *csi_info_name(csi_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t n = strlen(base);
    if (n > 5 && strcmp(base + n - 5, ".nemo") == 0)
        n -= 5;
    return csi_arena_text(arena, base, n);
}

const char *csi_info_precision(cs_precision precision)
{
    return precision == CS_PRECISION_INT8 ? "int8" : precision == CS_PRECISION_BF16 ? "bf16" : "f32";
}

static const char *family(uint32_t heads)
{
    bool ctc = heads >> CS_HEAD_CTC & 1;
    if (heads >> CS_HEAD_AED & 1)
        return "aed";
    if (heads >> CS_HEAD_TDT & 1)
        return ctc ? "tdt_ctc" : "tdt";
    if (heads >> CS_HEAD_RNNT & 1)
        return ctc ? "rnnt_ctc" : "rnnt";
    return "ctc";
}

static const char *attention(csi_arena *arena, const csi_encoder *e)
{
    static const char *const names[] = {"limited", "chunked_limited", "chunked_limited_with_rc", "local"};
    const csi_context *c = &e->contexts[0];
    if (e->style == CSI_ATT_REGULAR && c->left < 0 && c->right < 0)
        return "full";
    if (e->style == CSI_ATT_CHUNKED_RC)
        return names[e->style];
    csi_buf text;
    csi_buf_init(&text, arena->env);
    csi_buf_text(&text, names[e->style]);
    for (int32_t i = 0; i < e->n_contexts; i++)
        csi_buf_printf(&text, "%s[%d,%d]", i ? "," : " ", e->contexts[i].left, e->contexts[i].right);
    const char *copy = text.failed ? NULL : csi_arena_text(arena, text.data, text.size);
    csi_buf_finish(&text);
    return copy;
}

/* Language names: those of the prompt, or the parts of an aggregate tokenizer. */
static bool fill_languages(cs_model *model)
{
    cs_model_info *info = &model->info;
    if (model->canary.net.d) {
        info->languages = model->canary.prompt.languages;
        info->n_languages = (int32_t)model->canary.prompt.n_languages;
        return true;
    }
    const char **names = csi_arena_array(&model->arena, 256, sizeof *names);
    if (!names)
        return false;
    const char *last = "";
    for (int32_t id = 0; id < info->vocab_size && info->n_languages < 256; id++) {
        const char *name = csi_tokenizer_language(model->tokenizer, id);
        if (*name && strcmp(name, last) != 0)
            names[info->n_languages++] = last = name;
    }
    info->languages = names;
    return true;
}

/* times is not final: an aligner is opened last. */
static void fill_canary(cs_model *model)
{
    cs_model_info *info = &model->info;
    const csi_canary *c = &model->canary;
    info->times = c->net.d ? c->has_time_tokens ? "tokens" : "none" : "frames";
    info->prompt_format = !c->net.d ? "" : c->prompt.format == CSI_PROMPT_CANARY ? "canary" : "canary2";
    info->decoder_layers = c->net.decoder.n_layers;
    info->decoder_d_model = c->net.d;
    info->max_positions = c->net.max_positions;
}

cs_err csi_info_fill(cs_model *model, const csi_loader *loader)
{
    cs_model_info *info = &model->info;
    const csi_encoder *e = &model->encoder;
    info->family = family(info->heads);
    info->nemo_version = csi_load_text(loader, "nemo_version", "");
    info->cpu_path = csi_cpu_name(model->ops->path);
    info->sample_rate_hz = model->mel.sample_rate_hz;
    info->n_mels = model->mel.n_mels;
    info->n_layers = e->n_layers;
    info->d_model = e->d;
    info->n_heads = e->n_heads;
    info->conv_kernel = e->kernel;
    info->subsampling_factor = e->factor;
    info->frame_seconds = model->mel.window_stride_seconds * e->factor;
    info->vocab_size = csi_tokenizer_size(model->tokenizer);
    info->n_durations = model->transducer.n_durations;
    info->prediction_layers = model->transducer.n_lstm;
    info->attention = attention(&model->arena, e);
    info->n_parameters = loader->n_parameters;
    info->file_bytes = csi_archive_file_bytes(model->archive);
    int64_t minute = 60 * (int64_t)info->sample_rate_hz, frames = csi_mel_frames(&model->mel, minute);
    info->session_bytes_per_minute = csi_encoder_bytes(e, csi_encoder_frames(e, frames)) + 4 * minute;
    info->threads = csi_pool_threads(model->pool);
    fill_canary(model);
    if (!info->attention || !fill_languages(model))
        return csi_fail_memory(loader->err, 4096, "the model's description");
    return CS_OK;
}

const cs_model_info *cs_model_get_info(const cs_model *model)
{
    return &model->info;
}

cs_err cs_model_get_tensor(const cs_model *model, size_t index, cs_tensor_info *info)
{
    if (!model || !info || index >= csi_archive_n_tensors(model->archive))
        return CS_EINVAL;
    const csi_tensor *t = csi_archive_tensor_at(model->archive, index);
    *info = (cs_tensor_info){.name = t->name, .dtype = csi_dtype_name(t->dtype), .n_dims = t->n_dims};
    memcpy(info->dims, t->dims, sizeof info->dims);
    return CS_OK;
}
