/* SPDX-License-Identifier: MIT
 *
 * What makes a model a Canary: its decoder, its prompt, how it searches, and the aligner that may lie in the same archive.
 *
 * Source: NeMo nemo/collections/asr/models/aed_multitask_models.py: EncDecMultiTaskModel.__init__;
 *         nemo/collections/asr/parts/submodules/multitask_decoding.py: MultiTaskDecodingConfig */
#include "engine/engine.h"

static const char aligner_name[] = "timestamps_asr_model";

static cs_err find_special(const cs_model *model, csi_loader *loader, const char *piece, int32_t *id)
{
    *id = csi_tokenizer_find(model->tokenizer, piece);
    return *id >= 0 ? CS_OK
                    : csi_fail(loader->err, CS_EMODEL, -1, "%s: the tokenizer has no %s, which a Canary needs",
                               csi_archive_path(loader->archive), piece);
}

static cs_err load_search(csi_loader *loader, csi_canary *c)
{
    const char *strategy = csi_load_text(loader, "decoding.strategy", "beam");
    int64_t beams = 1;
    cs_err code;
    c->greedy_delta = c->beam_delta = -1;
    c->greedy = strncmp(strategy, "greedy", 6) == 0;
    if (!c->greedy && strcmp(strategy, "beam") != 0)
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: decoding.strategy is \"%.40s\", expected greedy, greedy_batch or beam",
                        csi_archive_path(loader->archive), strategy);
    if ((code = csi_load_int(loader, "decoding.beam.beam_size", false, 1, CS_MOST_BEAMS, &beams))
        || (code = csi_load_double(loader, "decoding.beam.length_penalty", false, -100, 100, &c->length_penalty))
        || (code = csi_load_int(loader, "decoding.beam.max_generation_delta", false, -1, INT32_MAX, &c->beam_delta))
        || (code =
                csi_load_int(loader, "decoding.greedy.max_generation_delta", false, -1, INT32_MAX, &c->greedy_delta)))
        return code;
    c->beams = (int32_t)beams;
    return CS_OK;
}

cs_err csi_canary_load(cs_model *model, csi_loader *loader)
{
    csi_canary *c = &model->canary;
    const int32_t vocab = csi_tokenizer_size(model->tokenizer);
    cs_err code;
    if ((code = csi_aed_load(loader, model->encoder.d, &c->net))
        || (code = csi_prompt_load(loader, model->tokenizer, &c->prompt))
        || (code = find_special(model, loader, "<|endoftext|>", &c->end))
        || (code = find_special(model, loader, "<pad>", &c->pad)) || (code = load_search(loader, c)))
        return code;
    if (c->net.classes < vocab)
        return csi_fail(loader->err, CS_EMODEL, -1, "%s: the head has %d classes, but the tokenizer %d pieces",
                        csi_archive_path(loader->archive), c->net.classes, vocab);
    c->beams = CSI_MIN(c->beams, c->net.classes);
    c->has_time_tokens = c->prompt.format == CSI_PROMPT_CANARY2 && csi_tokenizer_find(model->tokenizer, "<|0|>") >= 0;
    model->info.heads |= 1u << CS_HEAD_AED;
    return CS_OK;
}

/* ------------------------------------------------------------------- aligner */

/* The merged ids of long recordings are the aligner's, and become text by the model's own tokenizer. */
static bool same_vocabulary(const csi_tokenizer *a, const csi_tokenizer *b)
{
    bool same = csi_tokenizer_size(a) == csi_tokenizer_size(b);
    for (int32_t id = 0; same && id < csi_tokenizer_size(a); id++)
        same = strcmp(csi_tokenizer_piece(a, id), csi_tokenizer_piece(b, id)) == 0;
    return same;
}

static cs_err check_aligner(const cs_model *model, const cs_model *aligner, cs_error *err)
{
    const char *file = csi_archive_path(aligner->archive);
    if (!(aligner->info.heads >> CS_HEAD_CTC & 1))
        return csi_fail(err, CS_EMODEL, -1, "%s: the aligner is a model of class %.80s, expected one with a CTC head",
                        file, aligner->info.nemo_class);
    if (!same_vocabulary(model->tokenizer, aligner->tokenizer))
        return csi_fail(err, CS_EMODEL, -1, "%s: the aligner's vocabulary (%d pieces) is not the model's (%d pieces)",
                        file, csi_tokenizer_size(aligner->tokenizer), csi_tokenizer_size(model->tokenizer));
    if (aligner->mel.sample_rate_hz != model->mel.sample_rate_hz || aligner->encoder.factor != model->encoder.factor
        || aligner->mel.hop != model->mel.hop)
        return csi_fail(err, CS_EMODEL, -1, "%s: the aligner's frames are not as long as the model's", file);
    return CS_OK;
}

/* Why there is none where the archive holds a part of one; NULL: it holds nothing. */
static const char *half_an_aligner(const csi_archive *archive)
{
    static const char *const members[] = {"timestamps_asr_model_config.yaml", "timestamps_asr_model_weights.ckpt"};
    static const char *const missing[] = {"its aligner has no timestamps_asr_model_weights.ckpt in the file",
                                          "its aligner has no timestamps_asr_model_config.yaml in the file"};
    const uint8_t *data;
    size_t size;
    for (size_t i = 0; i < CSI_COUNT(members); i++)
        if (csi_archive_member(archive, members[i], &data, &size, NULL) == CS_OK)
            return missing[i];
    return NULL;
}

cs_err csi_canary_load_aligner(cs_model *model, const cs_model_options *options, csi_loader *loader)
{
    bool wanted = true;
    cs_err code = csi_load_bool(loader, "restore_timestamps_model", &wanted);
    if (code || !wanted)
        return code;
    if (!csi_archive_has_part(model->archive, aligner_name)) {
        model->canary.no_aligner = half_an_aligner(model->archive);
        if (model->canary.no_aligner)
            csi_log(&model->env, CS_LOG_WARNING, "model", "%s: %s", csi_archive_path(model->archive),
                    model->canary.no_aligner);
        return CS_OK;
    }
    cs_model *aligner = csi_alloc_zero(&model->env, sizeof *aligner);
    if (!aligner)
        return csi_fail_memory(loader->err, sizeof *aligner, "the aligner");
    aligner->env = model->env;
    aligner->is_part = true;
    aligner->pool = model->pool;
    aligner->ops = model->ops;
    csi_arena_init(&aligner->arena, &aligner->env);
    code = csi_archive_part(model->archive, aligner_name, &aligner->archive, loader->err);
    code = code ? code : csi_model_load(aligner, options, loader->err);
    code = code ? code : check_aligner(model, aligner, loader->err);
    if (code) {
        csi_model_destroy(aligner);
        return code;
    }
    model->canary.aligner = aligner;
    model->info.times = "aligner";
    model->info.weight_bytes += aligner->info.weight_bytes;
    model->info.n_parameters += aligner->info.n_parameters;
    return CS_OK;
}
