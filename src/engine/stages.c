/* SPDX-License-Identifier: MIT
 * The stages of a group of utterances: samples -> mel -> encoder -> head -> words. */
#include "engine/engine.h"

enum {
    SHARE_MEL = 2,
    SHARE_ENCODER = 94,
    SHARE_CANARY_ENCODER = CSI_SHARE_CANARY_HEARD - SHARE_MEL
}; /* percent of a group's time, about */

static int encoder_step(void *user, double done)
{
    csi_call *c = user;
    return csi_call_told(c, (SHARE_MEL + (c->head == CS_HEAD_AED ? SHARE_CANARY_ENCODER : SHARE_ENCODER) * done) / 100);
}

static void encoder_tensor(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *data)
{
    const csi_call *c = user;
    c->options.tensor(c->options.tensor_user, name, n_dims, dims, data);
}

static void encoder_stage(void *user, const char *name, double ms)
{
    const csi_call *c = user;
    c->options.stage(c->options.stage_user, name, ms);
}

/* -------------------------------------------------------------------- buffers */

static cs_err prepare_run(csi_call *c, int64_t n_frames, bool whole)
{
    const cs_model *model = c->model;
    int threads = csi_pool_threads(model->pool);
    if (c->options.threads > 0)
        threads = CSI_MIN(threads, c->options.threads);
    c->run = (csi_run){.ops = model->ops, .pool = model->pool, .max_threads = threads};
    size_t floats = CSI_MAX(csi_mel_scratch(&model->mel), csi_encoder_scratch(&model->encoder, n_frames, whole));
    if (c->head == CS_HEAD_AED)
        floats = CSI_MAX(floats, csi_aed_scratch(&model->canary.net, n_frames));
    c->run.scratch_floats = (floats + 15) / 16 * 16;
    cs_err code =
        csi_floats_reserve(&c->session->scratch, c->run.scratch_floats * (size_t)threads, "the workers", c->err);
    c->run.scratch = c->session->scratch.data;
    return code;
}

/* Features of all items, one after the other in the session's buffer. */
static cs_err run_mel(csi_group *g)
{
    csi_call *c = g->call;
    const csi_mel *mel = &c->model->mel;
    size_t n_frames = 0;
    for (int i = 0; i < g->n_items; i++)
        n_frames += (size_t)g->items[i].n_mel_frames;
    cs_err code = csi_floats_reserve(&c->session->mel, n_frames * (size_t)mel->n_mels + 16, "the features", c->err);
    if (code)
        return code;
    float *at = c->session->mel.data;
    for (int i = 0; i < g->n_items; i++) {
        csi_item *item = &g->items[i];
        csi_mel_run(&c->run, mel, item->pcm, (int64_t)item->n_samples, at);
        if (c->options.tensor)
            c->options.tensor(c->options.tensor_user, "mel", 2, (int64_t[]){mel->n_mels, item->n_mel_frames}, at);
        if (item->n_frames > 0) {
            g->owners[g->n_utterances] = item;
            g->utterances[g->n_utterances++] = (csi_utterance){.mel = at, .n_mel_frames = item->n_mel_frames};
        }
        at += item->n_mel_frames * mel->n_mels;
    }
    return csi_call_told(c, SHARE_MEL / 100.0) ? csi_fail(c->err, CS_ECANCELLED, -1, "cancelled") : CS_OK;
}

static csi_encoder_hooks hooks_of(csi_call *c)
{
    return (csi_encoder_hooks){encoder_step, c->options.tensor ? encoder_tensor : NULL,
                               c->options.stage ? encoder_stage : NULL, c};
}

/* Its position cache, the only thing that changes, locks itself. */
static csi_encoder *encoder_of(const csi_call *c)
{
    return (csi_encoder *)(uintptr_t)&c->model->encoder;
}

static int64_t longest_of(const csi_group *g)
{
    int64_t longest = 0;
    for (int i = 0; i < g->n_items; i++)
        longest = CSI_MAX(longest, g->items[i].n_frames);
    return longest;
}

cs_err csi_group_encode(csi_group *g, float **encoded)
{
    csi_call *c = g->call;
    const csi_encoder_hooks hooks = hooks_of(c);
    *encoded = NULL;
    cs_err code = prepare_run(c, longest_of(g), g->n_items > 1 || c->options.tensor);
    uint64_t clock = csi_now_ns();
    code = code ? code : run_mel(g);
    g->mel_ms = csi_call_spent(c, &clock, "mel");
    if (code || g->n_utterances == 0)
        return code;
    code = csi_encoder_run(&c->run, encoder_of(c), &c->session->encoder, &c->context, g->utterances, g->n_utterances,
                           &hooks, encoded, c->err);
    g->encoder_ms = csi_call_spent(c, &clock, NULL);
    for (int i = 0; i < g->n_utterances && !code; i++)
        g->n_frames += g->utterances[i].n_frames;
    return code;
}

cs_err csi_group_hear(csi_group *g)
{
    csi_call *c = g->call;
    float *encoded;
    cs_err code = csi_group_encode(g, &encoded);
    if (code || !encoded)
        return code;
    uint64_t clock = csi_now_ns();
    if (c->head == CS_HEAD_AED) {
        for (int i = 0; i < g->n_utterances && !code; i++)
            code = csi_aed_hear(c, g->owners[i], &g->utterances[i], encoded);
    } else {
        csi_decoding decoding;
        code = csi_decoding_begin(&decoding, c, g->utterances, g->owners, g->n_utterances, g->n_frames);
        code = code ? code : csi_decoding_feed(&decoding, encoded, g->n_frames);
    }
    g->decode_ms = csi_call_spent(c, &clock, NULL);
    return code;
}

/* ---------------------------------------------------------------------- flow */

/* A long utterance whose stages take turns, so that none holds it whole. */
typedef struct turns {
    csi_group *g;
    const csi_mel_moment *moments;
    csi_decoding decoding;
} turns;

static void next_mel(void *user, int64_t first, int64_t n, float *mel)
{
    turns *t = user;
    csi_call *c = t->g->call;
    const csi_item *item = t->g->items;
    uint64_t clock = csi_now_ns();
    csi_mel_part(&c->run, &c->model->mel, item->pcm, (int64_t)item->n_samples, first, n, t->moments, mel);
    t->g->mel_ms += csi_call_spent(c, &clock, "mel");
}

static cs_err next_encoded(void *user, const float *x, int64_t n)
{
    turns *t = user;
    uint64_t clock = csi_now_ns();
    cs_err code = csi_decoding_feed(&t->decoding, x, n);
    t->g->decode_ms += csi_call_spent(t->g->call, &clock, NULL);
    return code;
}

/* Mean and deviation of the features: they are computed for that once more. */
static cs_err measure_mel(csi_group *g, csi_mel_moment **moments)
{
    enum { PART = 2048 };
    csi_call *c = g->call;
    const csi_mel *mel = &c->model->mel;
    const csi_item *item = g->items;
    const size_t work = (size_t)PART * (size_t)mel->n_mels;
    *moments = NULL;
    cs_err code = csi_floats_reserve(&c->session->mel, work + (size_t)mel->n_mels * sizeof **moments / sizeof(float),
                                     "the features", c->err);
    if (code)
        return code;
    *moments = (csi_mel_moment *)(void *)(c->session->mel.data + work);
    uint64_t clock = csi_now_ns();
    for (int64_t first = 0; first < item->n_mel_frames && csi_mel_wants_moments(mel); first += PART) {
        const int64_t n = CSI_MIN(PART, item->n_mel_frames - first);
        csi_mel_moments(&c->run, mel, item->pcm, (int64_t)item->n_samples, first, n, c->session->mel.data, *moments);
        if (csi_call_told(c, SHARE_MEL / 100.0 * (double)first / (double)item->n_mel_frames))
            return csi_fail(c->err, CS_ECANCELLED, -1, "cancelled");
    }
    g->mel_ms += csi_call_spent(c, &clock, "mel");
    return CS_OK;
}

static cs_err run_in_turns(csi_group *g)
{
    csi_call *c = g->call;
    csi_item *item = g->items;
    const csi_encoder_hooks hooks = hooks_of(c);
    csi_mel_moment *moments;
    cs_err code = prepare_run(c, item->n_frames, false);
    code = code ? code : measure_mel(g, &moments);
    if (code)
        return code;
    turns t = {.g = g, .moments = moments};
    const csi_flow flow = {next_mel, next_encoded, &t};
    const double others_ms = g->mel_ms;
    g->owners[0] = item;
    g->utterances[0] = (csi_utterance){.n_frames = item->n_frames};
    uint64_t clock = csi_now_ns();
    code = csi_decoding_begin(&t.decoding, c, g->utterances, g->owners, 1, item->n_frames);
    if (!code)
        code = csi_encoder_flow(&c->run, encoder_of(c), &c->session->encoder, &c->context, item->n_mel_frames, &flow,
                                &hooks, c->err);
    g->encoder_ms = csi_call_spent(c, &clock, NULL) - (g->mel_ms - others_ms) - g->decode_ms;
    return code;
}

/* Clocks of a group to its items: each has its share by length. */
static void share_clocks(const csi_group *g)
{
    double all = 0;
    for (int i = 0; i < g->n_items; i++)
        all += g->items[i].duration_seconds;
    for (int i = 0; i < g->n_items; i++) {
        cs_result *r = g->items[i].result;
        if (!r)
            continue;
        double share = all > 0 ? g->items[i].duration_seconds / all : 1.0 / g->n_items;
        r->mel_ms = share * g->mel_ms;
        r->encoder_ms = share * g->encoder_ms;
        r->decode_ms = share * g->decode_ms;
    }
}

/* From samples to emissions, then to the results. */
static cs_err transcribe_group(csi_group *g)
{
    csi_call *c = g->call;
    const bool flows = g->n_items == 1 && !c->options.tensor && c->head != CS_HEAD_AED
                       && csi_encoder_flows(&c->model->encoder, &c->context, g->items->n_frames);
    cs_err code = flows ? run_in_turns(g) : csi_group_hear(g);
    uint64_t clock = csi_now_ns();
    for (int i = 0; i < g->n_items && !code; i++)
        if (!g->items[i].code)
            code = c->head == CS_HEAD_AED ? csi_aed_result(c, &g->items[i]) : csi_result_make(c, &g->items[i]);
    if (code)
        return code;
    g->decode_ms += csi_call_spent(c, &clock, c->head == CS_HEAD_AED ? "words and times" : "words");
    share_clocks(g);
    return CS_OK;
}

cs_err csi_items_transcribe(csi_call *c, csi_item *items, int n)
{
    csi_group g = {.call = c, .items = items, .n_items = n};
    c->group_seconds = c->shown = 0;
    for (int i = 0; i < n; i++)
        c->group_seconds += items[i].duration_seconds;
    cs_err code = n == 1 && csi_is_long(c, items) ? csi_long_transcribe(c, items) : transcribe_group(&g);
    for (int i = 0; i < n; i++) {
        csi_item_finish(&items[i]);
        if (code) {
            cs_result_free(items[i].result);
            items[i].result = NULL;
        }
    }
    return code;
}
