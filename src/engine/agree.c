/* SPDX-License-Identifier: MIT
 * Numbers that a config states twice, or that it states and the weights imply, must agree: a file that contradicts
 * itself is refused when it is opened, not when it first gives nonsense. */
#include "engine/engine.h"

/* null, absent, -1 and 0 leave the number to others. */
static cs_err same_number(csi_loader *loader, const char *path, int64_t expected, const char *what)
{
    int64_t met = -1;
    cs_err code = csi_load_int(loader, path, false, -1, INT32_MAX, &met);
    if (code || met <= 0 || met == expected)
        return code;
    return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s is %lld, but %s %lld", csi_archive_path(loader->archive), path,
                    (long long)met, what, (long long)expected);
}

static cs_err same_length(csi_loader *loader, const char *path, int64_t expected, const char *what)
{
    const csi_node *list = csi_node_at(csi_archive_config(loader->archive), path);
    if (!list || list->kind != CSI_NODE_LIST || list->n_children == 0 || list->n_children == (size_t)expected)
        return CS_OK;
    return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s has %zu entries, but %s %lld",
                    csi_archive_path(loader->archive), path, list->n_children, what, (long long)expected);
}

cs_err csi_check_agreement(const cs_model *model, csi_loader *loader)
{
    static const char pieces[] = "the tokenizer's pieces are", width[] = "the encoder's width is",
                      pred[] = "the prediction network's width is", joint[] = "the joint's width is",
                      durations[] = "the joint's durations are", rate[] = "the preprocessor's rate is";
    const csi_transducer *t = &model->transducer;
    const int64_t vocab = csi_tokenizer_size(model->tokenizer), d = model->encoder.d;
    bool transducer = t->joint > 0, ctc = model->ctc.vocab > 0;
    const char *ctc_feat = transducer ? "aux_ctc.decoder.feat_in" : "decoder.feat_in";
    const char *ctc_classes = transducer ? "aux_ctc.decoder.num_classes" : "decoder.num_classes";
    const struct {
        const char *path;
        int64_t expected;
        const char *what;
        bool checked, list;
    } table[] = {
        {"sample_rate", model->mel.sample_rate_hz, rate, true, false},
        {ctc_feat, d, width, ctc, false},
        {ctc_classes, vocab, pieces, ctc, false},
        {"aux_ctc.decoder.vocabulary", vocab, pieces, ctc && transducer, true},
        {"decoder.vocabulary", vocab, pieces, !transducer, true},
        {"decoder.vocab_size", vocab, pieces, transducer, false},
        {"joint.num_classes", vocab, pieces, transducer, false},
        {"joint.vocabulary", vocab, pieces, transducer, true},
        {"joint.jointnet.encoder_hidden", d, width, transducer, false},
        {"joint.jointnet.pred_hidden", t->pred, pred, transducer, false},
        {"model_defaults.enc_hidden", d, width, transducer, false},
        {"model_defaults.pred_hidden", t->pred, pred, transducer, false},
        {"model_defaults.joint_hidden", t->joint, joint, transducer, false},
        {"model_defaults.num_tdt_durations", t->n_durations, durations, t->n_durations > 0, false},
        {"decoding.durations", t->n_durations, durations, t->n_durations > 0, true},
        {"model_defaults.tdt_durations", t->n_durations, durations, t->n_durations > 0, true},
        {"loss.tdt_kwargs.durations", t->n_durations, durations, t->n_durations > 0, true},
    };
    for (size_t i = 0; i < CSI_COUNT(table); i++) {
        if (!table[i].checked)
            continue;
        cs_err code =
            (table[i].list ? same_length : same_number)(loader, table[i].path, table[i].expected, table[i].what);
        if (code)
            return code;
    }
    return CS_OK;
}
