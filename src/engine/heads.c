/* SPDX-License-Identifier: MIT
 * The heads: encoder frames, as they come, to emissions. A head works on a block of them at a time, so that memory does not
 * grow with the length times what a frame becomes. */
#include "engine/engine.h"

enum { BLOCK = 16 * CSI_PANEL };

static int decoder_step(void *user)
{
    csi_call *c = user;
    return csi_call_told(c, c->shown);
}

/* Floats of project()'s work. */
static size_t project_floats(const csi_call *c, int64_t n_out, int64_t n)
{
    return (size_t)(csi_panels(n) * CSI_PANEL * n_out)
           + csi_narrow_floats(csi_model_kind(c->model), c->model->encoder.d, n);
}

/* Panels of the encoder's output to (n, n_out) frames through a dense layer. */
static void project(const csi_decoding *d, const csi_dense_weights *w, const float *b, int64_t n_out,
                    const float *encoded, int64_t n)
{
    const csi_run *run = &d->call->run;
    const int64_t rows = d->call->model->encoder.d;
    const csi_narrow_panels narrow = csi_narrow_place(d->work + csi_panels(n) * CSI_PANEL * n_out, n);
    if (csi_kind_of(w) != CSI_KIND_F32)
        csi_convert_run(run, csi_kind_of(w), encoded, rows * CSI_PANEL, rows, n, &narrow);
    const csi_linear l = csi_layer(w, b, n_out, rows, encoded, narrow, d->work, n);
    csi_linear_run(run, &l, 1);
    csi_panels_to_frames(run, d->work, n_out, n, d->frames, n_out);
}

static void log_softmax(const csi_decoding *d, int64_t n, int64_t classes)
{
    for (int64_t t = 0; t < n; t++) {
        csi_softmax_sums sums;
        d->call->model->ops->softmax_sums(d->frames + t * classes, classes, 1, &sums);
        for (int64_t k = 0; k < classes; k++)
            d->frames[t * classes + k] -= (float)sums.log_sum;
    }
}

/* Of utterance i, what of it lies in the next n columns: [*first, *last), counted from the first of these; false: nothing. */
static bool part_of(const csi_decoding *d, int i, int64_t n, int64_t *first, int64_t *last)
{
    const csi_utterance *u = &d->utterances[i];
    *first = CSI_MAX(u->column - d->at, 0);
    *last = CSI_MIN(u->column + u->n_frames - d->at, n);
    return *first < *last;
}

static cs_err ctc_block(csi_decoding *d, const float *encoded, int64_t n)
{
    csi_call *c = d->call;
    const csi_ctc *ctc = &c->model->ctc;
    const csi_dense_weights w = {.f32 = ctc->w};
    const int64_t classes = (int64_t)ctc->vocab + 1;
    cs_err code = CS_OK;
    int64_t first, last;
    uint64_t clock = csi_now_ns();
    project(d, &w, ctc->b, classes, encoded, n);
    csi_call_spent(c, &clock, "ctc head");
    for (int i = 0; i < d->n_utterances && !code; i++)
        if (part_of(d, i, n, &first, &last))
            code = csi_ctc_greedy(c->model->ops, ctc, &d->confidence, &d->ctc[i], d->frames + first * classes,
                                  last - first, &d->owners[i]->emissions, c->err);
    csi_call_spent(c, &clock, "decode");
    if (!code && decoder_step(c))
        code = csi_fail(c->err, CS_ECANCELLED, -1, "cancelled");
    if (!code && c->options.tensor) {
        log_softmax(d, n, classes);
        c->options.tensor(c->options.tensor_user, "ctc_logprobs", 2, (int64_t[]){n, classes}, d->frames);
    }
    return code;
}

static cs_err transducer_block(csi_decoding *d, const float *encoded, int64_t n)
{
    csi_call *c = d->call;
    const csi_transducer *t = &c->model->transducer;
    const int32_t max_symbols = c->options.max_symbols < 0 ? t->max_symbols : c->options.max_symbols;
    cs_err code = CS_OK;
    int64_t first, last;
    uint64_t clock = csi_now_ns();
    project(d, &t->enc_w, t->enc_b, t->joint, encoded, n);
    csi_call_spent(c, &clock, "joint projection");
    for (int i = 0; i < d->n_utterances && !code; i++) {
        if (!part_of(d, i, n, &first, &last))
            continue;
        if (d->at + first == d->utterances[i].column)
            csi_transducer_begin(t, &d->transducer, d->state);
        code =
            csi_transducer_greedy(&c->run, t, &d->confidence, max_symbols, &d->transducer, d->frames + first * t->joint,
                                  last - first, decoder_step, c, &d->owners[i]->emissions, c->err);
        d->owners[i]->n_steps = d->transducer.n_steps;
    }
    csi_call_spent(c, &clock, "decode");
    return code;
}

cs_err csi_decoding_begin(csi_decoding *d, csi_call *c, const csi_utterance *utterances, csi_item *const *owners, int n,
                          int64_t n_frames)
{
    const csi_ctc *ctc = &c->model->ctc;
    const csi_transducer *t = &c->model->transducer;
    const bool is_ctc = c->head == CS_HEAD_CTC;
    *d = (csi_decoding){
        .call = c,
        .utterances = utterances,
        .owners = owners,
        .n_utterances = n,
        .block = is_ctc && c->options.tensor ? n_frames : CSI_MIN(n_frames, BLOCK),
        .confidence = {c->options.confidence, c->options.confidence_alpha, c->options.confidence_aggregate}};
    const int64_t n_out = is_ctc ? (int64_t)ctc->vocab + 1 : t->joint;
    const size_t work = project_floats(c, n_out, d->block), frames = (size_t)(d->block * n_out + 15) / 16 * 16;
    cs_err code =
        csi_floats_reserve(&c->session->decoder, work + frames + (is_ctc ? 0 : csi_transducer_state_floats(t)),
                           is_ctc ? "the CTC head" : "the joint", c->err);
    if (code)
        return code;
    d->work = c->session->decoder.data;
    d->frames = d->work + work;
    d->state = d->frames + frames;
    for (int i = 0; i < n && is_ctc; i++)
        csi_ctc_begin(ctc, &d->ctc[i]);
    return CS_OK;
}

cs_err csi_ctc_scores(csi_call *c, const float *encoded, int64_t n, float *scores)
{
    const csi_ctc *ctc = &c->model->ctc;
    const csi_dense_weights w = {.f32 = ctc->w};
    const int64_t classes = (int64_t)ctc->vocab + 1;
    cs_err code = csi_floats_reserve(&c->session->decoder, project_floats(c, classes, BLOCK), "the CTC head", c->err);
    csi_decoding d = {.call = c, .work = c->session->decoder.data};
    for (int64_t t = 0; t < n && !code; t += BLOCK) {
        const int64_t now = CSI_MIN(BLOCK, n - t);
        d.frames = scores + t * classes;
        project(&d, &w, ctc->b, classes, encoded + t * c->model->encoder.d, now);
        log_softmax(&d, now, classes);
        if (decoder_step(c))
            code = csi_fail(c->err, CS_ECANCELLED, -1, "cancelled");
    }
    return code;
}

cs_err csi_decoding_feed(csi_decoding *d, const float *encoded, int64_t n)
{
    cs_err code = CS_OK;
    for (int64_t t = 0; t < n && !code; t += d->block) {
        const int64_t now = CSI_MIN(d->block, n - t);
        const float *x = encoded + t * d->call->model->encoder.d;
        code = d->call->head == CS_HEAD_CTC ? ctc_block(d, x, now) : transducer_block(d, x, now);
        d->at += now;
    }
    return code;
}
