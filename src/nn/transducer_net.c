/* SPDX-License-Identifier: MIT
 * Prediction network (embedding, LSTM) and joint of RNN-T and TDT.
 *
 * The row of the blank in the embedding is the padding row and counts as zero whatever is stored. The network is run
 * once on it before the first token. Encoder frames are projected once per utterance, not here.
 *
 * Source: NeMo nemo/collections/asr/modules/rnnt.py, RNNTDecoder and RNNTJoint. */
#include "nn/nn.h"

#include <stdio.h>

/* ------------------------------------------------------------------- loading */

static cs_err load_durations(csi_loader *loader, const char *out_name, csi_transducer *t)
{
    static const char *const places[] = {"decoding.durations", "model_defaults.tdt_durations",
                                         "loss.tdt_kwargs.durations"};
    /* A silent config leaves the number to the joint's last layer. */
    const csi_tensor *out = csi_archive_tensor(loader->archive, out_name);
    int64_t extra = out && out->n_dims == 2 ? out->dims[0] - t->vocab - 1 : 0;
    extra = extra > 0 && extra <= 64 ? extra : 0;
    cs_err code = csi_load_int(loader, "joint.num_extra_outputs", false, 0, 64, &extra);
    if (code)
        return code;
    const char *type = csi_load_text(loader, "decoding.model_type", "");
    const csi_node *big_blanks = csi_node_at(csi_archive_config(loader->archive), "decoding.big_blank_durations");
    if (strcmp(type, "multiblank") == 0 || (big_blanks && big_blanks->n_children))
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1, "%s: a multi-blank transducer, expected RNN-T or TDT",
                        csi_archive_path(loader->archive));
    for (size_t i = 0; i < CSI_COUNT(places) && extra; i++) {
        const csi_node *list = csi_node_at(csi_archive_config(loader->archive), places[i]);
        if (csi_node_is_null(list) || list->kind != CSI_NODE_LIST || list->n_children == 0)
            continue;
        if (list->n_children != (size_t)extra)
            return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s has %zu durations, but joint.num_extra_outputs is %lld",
                            csi_archive_path(loader->archive), places[i], list->n_children, (long long)extra);
        for (size_t d = 0; d < list->n_children; d++) {
            int64_t value;
            if (!csi_node_int(csi_node_item(list, d), &value) || value < 0 || value > 1024)
                return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s holds something that is no number from 0 to 1024",
                                csi_archive_path(loader->archive), places[i]);
            t->durations[d] = (int32_t)value;
        }
        t->n_durations = (int32_t)extra;
        return CS_OK;
    }
    if (extra)
        return csi_fail(
            loader->err, CS_EMODEL, -1,
            "%s: joint.num_extra_outputs is %lld, but the durations are in none of decoding, model_defaults and loss",
            csi_archive_path(loader->archive), (long long)extra);
    return CS_OK;
}

/* The first of NeMo's two keys that holds a number above zero. Neither: 10, which NeMo sets on every machine as long as
 * CUDA graphs are allowed; and no limit when they are not. */
static cs_err load_max_symbols(csi_loader *loader, csi_transducer *t)
{
    int64_t older = 0, limit = 0;
    bool graphs = true;
    cs_err code;
    if ((code = csi_load_int(loader, "decoding.greedy.max_symbols_per_step", false, -1, 1 << 20, &older))
        || (code = csi_load_int(loader, "decoding.greedy.max_symbols", false, -1, 1 << 20, &limit))
        || (code = csi_load_bool(loader, "decoding.greedy.use_cuda_graph_decoder", &graphs)))
        return code;
    t->max_symbols = (int32_t)(limit > 0 ? limit : older > 0 ? older : graphs ? 10 : 0);
    return CS_OK;
}

static cs_err load_activation(csi_loader *loader, csi_transducer *t)
{
    static const char *const names[] = {"relu", "tanh", "sigmoid"};
    const char *name = csi_load_text(loader, "joint.jointnet.activation", "relu");
    for (size_t i = 0; i < CSI_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0) {
            t->activation = (csi_activation)i;
            return CS_OK;
        }
    return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                    "%s: joint.jointnet.activation is \"%.40s\", expected relu, tanh or sigmoid",
                    csi_archive_path(loader->archive), name);
}

/* Widths and counts, from the config where it speaks, else from the tensors. */
static cs_err load_transducer_sizes(csi_loader *loader, int32_t vocab, csi_transducer *t)
{
    int64_t pred = 0, joint = 0, lstm = 0;
    const csi_tensor *embed = csi_archive_tensor(loader->archive, "decoder.prediction.embed.weight");
    const csi_tensor *enc = csi_archive_tensor(loader->archive, "joint.enc.weight");
    while (lstm <= CSI_MAX_LSTM && csi_load_has(loader, "decoder.prediction.dec_rnn.lstm.weight_ih_l%d", (int)lstm))
        lstm++;
    if (embed && embed->n_dims == 2 && embed->dims[1] <= 8192)
        pred = embed->dims[1];
    if (enc && enc->n_dims == 2 && enc->dims[0] <= 8192)
        joint = enc->dims[0];
    int64_t found = lstm;
    cs_err code;
    if ((code = csi_load_int(loader, "decoder.prednet.pred_hidden", pred == 0, 1, 8192, &pred))
        || (code = csi_load_int(loader, "decoder.prednet.pred_rnn_layers", found == 0, 1, CSI_MAX_LSTM, &lstm))
        || (code = csi_load_int(loader, "joint.jointnet.joint_hidden", joint == 0, 1, 8192, &joint)))
        return code;
    if (found && lstm != found)
        return csi_fail(loader->err, CS_EMODEL, -1,
                        "%s: decoder.prednet.pred_rnn_layers is %lld, but the weights hold %lld LSTM layers",
                        csi_archive_path(loader->archive), (long long)lstm, (long long)found);
    bool blank_as_pad = true;
    if ((code = csi_load_bool(loader, "decoder.blank_as_pad", &blank_as_pad)))
        return code;
    const char *norm = csi_load_text(loader, "decoder.normalization_mode", "");
    if (*norm || !blank_as_pad)
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: decoder.normalization_mode is \"%.40s\" and blank_as_pad %s, expected null and true",
                        csi_archive_path(loader->archive), norm, blank_as_pad ? "true" : "false");
    t->vocab = vocab;
    t->pred = (int32_t)pred;
    t->joint = (int32_t)joint;
    t->n_lstm = (int32_t)lstm;
    return CS_OK;
}

static cs_err load_lstm(csi_loader *loader, csi_transducer *t)
{
    int64_t p = t->pred;
    for (int32_t i = 0; i < t->n_lstm; i++) {
        cs_err code;
        if ((code = csi_load_dense(loader, &t->w_ih[i], CSI_SHAPE(4 * p, p),
                                   "decoder.prediction.dec_rnn.lstm.weight_ih_l%d", i))
            || (code = csi_load_dense(loader, &t->w_hh[i], CSI_SHAPE(4 * p, p),
                                      "decoder.prediction.dec_rnn.lstm.weight_hh_l%d", i))
            || (code = csi_load_weight(loader, &t->b_ih[i], CSI_SHAPE(4 * p),
                                       "decoder.prediction.dec_rnn.lstm.bias_ih_l%d", i))
            || (code = csi_load_weight(loader, &t->b_hh[i], CSI_SHAPE(4 * p),
                                       "decoder.prediction.dec_rnn.lstm.bias_hh_l%d", i)))
            return code;
    }
    return CS_OK;
}

cs_err csi_transducer_load(csi_loader *loader, int32_t d_model, int32_t vocab, csi_transducer *t)
{
    *t = (csi_transducer){.d = d_model};
    /* The last layer's index depends on whether the config has a dropout in front of it. */
    int index = csi_load_has(loader, "joint.joint_net.1.weight") ? 1 : 2;
    char out_name[40];
    snprintf(out_name, sizeof out_name, "joint.joint_net.%d.weight", index);
    cs_err code;
    if ((code = load_transducer_sizes(loader, vocab, t)) || (code = load_durations(loader, out_name, t))
        || (code = load_max_symbols(loader, t)) || (code = load_activation(loader, t)) || (code = load_lstm(loader, t)))
        return code;
    int64_t rows = (int64_t)vocab + 1 + t->n_durations, p = t->pred, j = t->joint;
    if ((code = csi_load_weight(loader, &t->embed, CSI_SHAPE((int64_t)vocab + 1, p), "decoder.prediction.embed.weight"))
        || (code = csi_load_dense(loader, &t->enc_w, CSI_SHAPE(j, d_model), "joint.enc.weight"))
        || (code = csi_load_weight(loader, &t->enc_b, CSI_SHAPE(j), "joint.enc.bias"))
        || (code = csi_load_dense(loader, &t->pred_w, CSI_SHAPE(j, p), "joint.pred.weight"))
        || (code = csi_load_weight(loader, &t->pred_b, CSI_SHAPE(j), "joint.pred.bias"))
        || (code = csi_load_weight(loader, &t->out_w, CSI_SHAPE(rows, j), "%s", out_name)))
        return code;
    return csi_load_weight(loader, &t->out_b, CSI_SHAPE(rows), "joint.joint_net.%d.bias", index);
}

/* ------------------------------------------------------------------- packing */

/* Move *weights (n floats; NULL: they are narrow) to *at when there is memory, and count them. */
static size_t move(const float **weights, int64_t n, float **at)
{
    if (!*weights)
        return 0;
    size_t room = ((size_t)n + 15) / 16 * 16;
    if (*at) {
        memcpy(*at, *weights, (size_t)n * sizeof **at);
        *weights = *at;
        *at += room;
    }
    return room;
}

static size_t move_all(csi_transducer *t, bool last, float *at)
{
    int64_t p = t->pred;
    size_t floats = 0;
    for (int32_t i = 0; i < t->n_lstm; i++) {
        floats += move(&t->w_ih[i].f32, 4 * p * p, &at);
        floats += move(&t->w_hh[i].f32, 4 * p * p, &at);
    }
    floats += move(&t->pred_w.f32, t->joint * p, &at);
    return last ? floats + move(&t->out_w, ((int64_t)t->vocab + 1 + t->n_durations) * t->joint, &at) : floats;
}

int64_t csi_transducer_pack(const csi_env *env, csi_pool *pool, bool f32, csi_transducer *t, void **block)
{
    const int64_t rows = (int64_t)t->vocab + 1;
    const bool screened = rows * t->joint >= CSI_SCREEN_LEAST && (!f32 || t->n_durations == 0), last = f32 || !screened;
    size_t screen = screened ? csi_screen_bytes(rows, t->joint) : 0;
    size_t size = screen + move_all(t, last, NULL) * sizeof(float);
    char *memory = csi_alloc_huge(env, size, block);
    if (!memory)
        return 0;
    if (screened)
        csi_screen_make(pool, t->out_w, t->out_b, rows, t->joint, memory, &t->screen);
    t->whole_tokens = screened && f32;
    move_all(t, last, (float *)(void *)(memory + screen));
    return (int64_t)size;
}

/* ------------------------------------------------------------------- running */

/* Floats of a vector in a narrow kind, the widest that is multiplied. */
static size_t narrow_floats(const csi_transducer *t)
{
    const csi_kind kind = csi_kind_of(&t->pred_w);
    return kind == CSI_KIND_F32 ? 0 : (size_t)(csi_narrow_words(kind, CSI_MAX(t->pred, t->joint)) + 15) / 16 * 16;
}

size_t csi_prediction_floats(const csi_transducer *t)
{
    size_t p = ((size_t)t->pred + 15) / 16 * 16, j = ((size_t)t->joint + 15) / 16 * 16;
    return 2 * p * (size_t)t->n_lstm + 9 * p + j + 2 * narrow_floats(t);
}

void csi_prediction_init(const csi_transducer *t, csi_prediction *p, float *memory)
{
    size_t width = ((size_t)t->pred + 15) / 16 * 16, state = (size_t)t->n_lstm * width;
    memset(memory, 0, csi_prediction_floats(t) * sizeof *memory);
    p->h = memory;
    p->c = p->h + state;
    p->input = p->c + state;
    p->gates = p->input + width;
    p->hidden_gates = p->gates + 4 * width;
    p->projected = p->hidden_gates + 4 * width;
    p->narrow_x = (uint32_t *)(void *)(p->projected + ((size_t)t->joint + 15) / 16 * 16);
    p->narrow_h = p->narrow_x + narrow_floats(t);
}

/* y = w x + bias in the kind of w; narrow_x: room for x in it, until the product is done. */
static csi_matvec product(const csi_dense_weights *w, const float *bias, const float *x, uint32_t *narrow_x, float *y,
                          int64_t n_out, int64_t n_in)
{
    csi_matvec m = {.w = w->f32, .bias = bias, .x = x, .y = y, .n_out = n_out, .n_in = n_in};
    if (csi_kind_of(w) != CSI_KIND_F32) {
        m.narrow = &w->narrow;
        m.narrow_x = narrow_x;
        m.x_scale = csi_narrow_vector(w->narrow.kind, x, n_in, narrow_x);
    }
    return m;
}

void csi_prediction_step(const csi_run *run, const csi_transducer *t, csi_prediction *p, int32_t token)
{
    size_t width = ((size_t)t->pred + 15) / 16 * 16;
    int64_t n = t->pred;
    if (token == t->vocab)
        memset(p->input, 0, (size_t)n * sizeof *p->input);
    else
        memcpy(p->input, t->embed + (int64_t)token * n, (size_t)n * sizeof *p->input);
    const float *x = p->input;
    for (int32_t i = 0; i < t->n_lstm; i++) {
        float *h = p->h + (size_t)i * width, *c = p->c + (size_t)i * width;
        const csi_matvec gates[2] = {product(&t->w_ih[i], t->b_ih[i], x, p->narrow_x, p->gates, 4 * n, n),
                                     product(&t->w_hh[i], t->b_hh[i], h, p->narrow_h, p->hidden_gates, 4 * n, n)};
        csi_matvec_run(run, gates, 2);
        for (int64_t k = 0; k < 4 * n; k++)
            p->gates[k] += p->hidden_gates[k];
        run->ops->lstm_cell(p->gates, c, h, n);
        x = h;
    }
    const csi_matvec out = product(&t->pred_w, t->pred_b, x, p->narrow_x, p->projected, t->joint, n);
    csi_matvec_run(run, &out, 1);
}

size_t csi_joint_floats(const csi_transducer *t)
{
    return ((size_t)t->joint + 15) / 16 * 16 + csi_screen_floats((int64_t)t->vocab + 1, t->joint);
}

static csi_matvec last_layer(const csi_transducer *t, const float *hidden, float *logits)
{
    return (csi_matvec){.w = t->out_w,
                        .bias = t->out_b,
                        .x = hidden,
                        .y = logits,
                        .n_out = (int64_t)t->vocab + 1 + t->n_durations,
                        .n_in = t->joint};
}

void csi_joint_run(const csi_run *run, const csi_transducer *t, const float *frame, const csi_prediction *p,
                   float *work, float *logits)
{
    float *hidden = work; /* (J) */
    run->ops->add_activate(frame, p->projected, hidden, t->joint, t->activation);
    const csi_matvec out = last_layer(t, hidden, logits);
    if (t->screen.int8.w)
        csi_screen_run(run, &t->screen, &out, 1, 0, work + ((size_t)t->joint + 15) / 16 * 16);
    else
        csi_matvec_run(run, &out, 1);
}

void csi_joint_finish(const csi_run *run, const csi_transducer *t, float *work, float *logits)
{
    const csi_matvec out = last_layer(t, work, logits);
    if (t->whole_tokens)
        csi_matvec_run(run, &out, 1);
}
