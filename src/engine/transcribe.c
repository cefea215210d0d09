/* SPDX-License-Identifier: MIT
 * Samples -> mel -> encoder -> head -> words, for one utterance or a few at once; the public calls for one, and the
 * session. */
#include "engine/engine.h"
#include "audio/audio.h"

#include <math.h>

/* Items in progress, on the stack of csi_items_transcribe(). */
typedef struct group {
    csi_call *call;
    csi_item *items;
    int n_items;
    csi_utterance utterances[CSI_GROUP_ITEMS]; /* items that have frames */
    csi_item *owners[CSI_GROUP_ITEMS];         /* of utterances */
    int n_utterances;
    int64_t n_frames; /* of all */
} group;

/* What cs_result_free() gets back: the public struct first, then what it stands on. */
typedef struct result_block {
    cs_result result;
    csi_env env;
    csi_arena arena;
} result_block;

/* --------------------------------------------------------------------- checks */

static cs_err check_head(csi_call *c)
{
    c->head = csi_model_head(c->model, c->options.head);
    if (c->head != CS_HEAD_AUTO)
        return CS_OK;
    static const char *const names[] = {"auto", "ctc", "rnnt", "tdt"};
    const char *wanted = (unsigned)c->options.head < CSI_COUNT(names) ? names[c->options.head] : "unknown";
    return csi_fail(c->err, CS_EINVAL, -1, "%s has no %s head: it is a %s model", c->model->info.name, wanted,
                    c->model->info.family);
}

static cs_err check_context(csi_call *c)
{
    const csi_encoder *e = &c->model->encoder;
    const cs_transcribe_options *o = &c->options;
    c->context = e->contexts[0];
    if (o->att_left == INT32_MIN && o->att_right == INT32_MIN && o->att_chunk == INT32_MIN)
        return CS_OK;
    if (e->style == CSI_ATT_CHUNKED_RC) {
        if (o->att_left < -1 || o->att_right < -1 || o->att_chunk == 0 || o->att_chunk < -1)
            return csi_fail(c->err, CS_EINVAL, -1,
                            "attention context [%d, %d, %d], expected left, chunk and right frames, -1 for no limit",
                            o->att_left, o->att_chunk, o->att_right);
        c->context = (csi_context){o->att_left, o->att_chunk, o->att_right};
        return CS_OK;
    }
    for (int32_t i = 0; i < e->n_contexts; i++)
        if (e->contexts[i].left == o->att_left && e->contexts[i].right == o->att_right && o->att_chunk == INT32_MIN) {
            c->context = e->contexts[i];
            return CS_OK;
        }
    return csi_fail(c->err, CS_EINVAL, -1, "%s has no attention context [%d, %d]: it has %s", c->model->info.name,
                    o->att_left, o->att_right, c->model->info.attention);
}

cs_err csi_call_begin(csi_call *c, const cs_transcribe_options *options)
{
    cs_transcribe_options_init(&c->options);
    cs_err code = csi_options_copy(&c->options, sizeof c->options, options, "cs_transcribe_options", c->err);
    if (code)
        return code;
    const cs_transcribe_options *o = &c->options;
    if (o->threads < 0 || o->threads > 256)
        return csi_fail(c->err, CS_EINVAL, -1, "%d threads, expected 0 (all) to 256", o->threads);
    if (!(o->confidence_alpha > 0) || !isfinite(o->confidence_alpha) || o->confidence_alpha > 100)
        return csi_fail(c->err, CS_EINVAL, -1, "confidence alpha is %g, expected more than 0, at most 100",
                        o->confidence_alpha);
    if ((unsigned)o->confidence > CS_CONFIDENCE_RENYI_EXP || (unsigned)o->confidence_aggregate > CS_AGGREGATE_PROD)
        return csi_fail(c->err, CS_EINVAL, -1, "unknown confidence measure or aggregation");
    if (o->max_symbols < -1)
        return csi_fail(c->err, CS_EINVAL, -1, "max_symbols is %d, expected -1 or more", o->max_symbols);
    code = check_head(c);
    return code ? code : check_context(c);
}

cs_err csi_item_begin(const cs_model *model, csi_item *item, cs_error *err)
{
    item->emissions.env = &model->env;
    item->duration_seconds = (double)item->n_samples / model->info.sample_rate_hz;
    if (item->n_samples / (size_t)model->mel.hop > INT32_MAX / 2)
        return csi_fail(err, CS_EINVAL, -1, "%zu samples are more than one pass can take", item->n_samples);
    item->n_mel_frames = csi_mel_frames(&model->mel, (int64_t)item->n_samples);
    item->n_frames = item->n_samples ? csi_encoder_frames(&model->encoder, item->n_mel_frames) : 0;
    if (model->ops->all_finite(item->pcm, (int64_t)item->n_samples))
        return CS_OK;
    size_t at = 0;
    while (isfinite(item->pcm[at]))
        at++;
    return csi_fail(err, CS_EAUDIO, (int64_t)at, "sample %zu is %s, expected a number", at,
                    isnan(item->pcm[at]) ? "NaN" : "infinite");
}

/* ------------------------------------------------------------------- progress */

enum { SHARE_MEL = 2, SHARE_ENCODER = 94 }; /* percent of a group's time, about */

int csi_call_told(csi_call *c, double share)
{
    if (atomic_exchange(&c->session->cancel, false))
        return 1;
    share = CSI_MAX(c->shown, CSI_MIN(share, 1));
    c->shown = share;
    return c->options.progress
           && c->options.progress(c->options.progress_user, c->before_seconds + share * c->group_seconds,
                                  c->total_seconds);
}

static int encoder_step(void *user, double done)
{
    return csi_call_told(user, (SHARE_MEL + SHARE_ENCODER * done) / 100);
}

static int decoder_step(void *user)
{
    csi_call *c = user;
    return csi_call_told(c, c->shown);
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

/* Milliseconds since *start, which becomes now; told as a stage when it has a name. */
static double ms_since(const csi_call *c, uint64_t *start, const char *stage)
{
    uint64_t now = csi_now_ns();
    double ms = (double)(now - *start) / 1e6;
    *start = now;
    if (stage && c->options.stage)
        c->options.stage(c->options.stage_user, stage, ms);
    return ms;
}

/* -------------------------------------------------------------------- buffers */

static cs_err prepare_run(csi_call *c, int64_t n_frames)
{
    const cs_model *model = c->model;
    int threads = csi_pool_threads(model->pool);
    if (c->options.threads > 0)
        threads = CSI_MIN(threads, c->options.threads);
    c->run = (csi_run){.ops = model->ops, .pool = model->pool, .max_threads = threads};
    size_t floats = CSI_MAX(csi_mel_scratch(&model->mel), csi_encoder_scratch(&model->encoder, n_frames));
    c->run.scratch_floats = (floats + 15) / 16 * 16;
    cs_err code =
        csi_floats_reserve(&c->session->scratch, c->run.scratch_floats * (size_t)threads, "the workers", c->err);
    c->run.scratch = c->session->scratch.data;
    return code;
}

/* ---------------------------------------------------------------------- heads */

static csi_confidence confidence_of(const csi_call *c)
{
    return (csi_confidence){c->options.confidence, c->options.confidence_alpha, c->options.confidence_aggregate};
}

/* Floats of project()'s work. */
static size_t project_floats(const csi_call *c, int64_t n_out, int64_t n)
{
    return (size_t)(csi_panels(n) * CSI_PANEL * n_out)
           + csi_narrow_floats(csi_model_kind(c->model), c->model->encoder.d, n);
}

/* Panels of the encoder's output to (n, n_out) frames through a dense layer. */
static void project(const csi_call *c, const csi_dense_weights *w, const float *b, int64_t n_out, const float *encoded,
                    int64_t n, float *work, float *frames)
{
    const int64_t d = c->model->encoder.d;
    const csi_narrow_panels narrow = csi_narrow_place(work + csi_panels(n) * CSI_PANEL * n_out, n);
    if (csi_kind_of(w) != CSI_KIND_F32)
        csi_convert_run(&c->run, csi_kind_of(w), encoded, d * CSI_PANEL, d, n, &narrow);
    float *panels = work;
    const csi_linear l = csi_layer(w, b, n_out, d, encoded, narrow, panels, n);
    csi_linear_run(&c->run, &l, 1);
    csi_panels_to_frames(&c->run, panels, n_out, n, frames, n_out);
}

static void log_softmax(const csi_call *c, float *frames, int64_t n, int64_t classes)
{
    for (int64_t t = 0; t < n; t++) {
        csi_softmax_sums sums;
        c->model->ops->softmax_sums(frames + t * classes, classes, 1, &sums);
        for (int64_t k = 0; k < classes; k++)
            frames[t * classes + k] -= (float)sums.log_sum;
    }
}

/* Logits of columns [from, from + n) to the utterances that they belong to. */
static cs_err decode_block(group *g, csi_ctc_state *states, const float *logits, int64_t from, int64_t n)
{
    csi_call *c = g->call;
    const csi_ctc *ctc = &c->model->ctc;
    const csi_confidence confidence = confidence_of(c);
    cs_err code = CS_OK;
    for (int i = 0; i < g->n_utterances && !code; i++) {
        int64_t start = g->utterances[i].column, end = start + g->utterances[i].n_frames;
        int64_t first = CSI_MAX(start, from), last = CSI_MIN(end, from + n);
        if (first < last)
            code = csi_ctc_greedy(c->model->ops, ctc, &confidence, &states[i],
                                  logits + (first - from) * ((int64_t)ctc->vocab + 1), last - first,
                                  &g->owners[i]->emissions, c->err);
    }
    return code;
}

/* Frames at a time: memory must not grow with the length times what a frame becomes. */
enum { BLOCK = 16 * CSI_PANEL };

static cs_err decode_ctc(group *g, const float *encoded)
{
    csi_call *c = g->call;
    const csi_ctc *ctc = &c->model->ctc;
    const csi_dense_weights w = {.f32 = ctc->w};
    const int64_t classes = (int64_t)ctc->vocab + 1, n = g->n_frames, block = c->options.tensor ? n : CSI_MIN(n, BLOCK);
    size_t work = project_floats(c, classes, block);
    cs_err code = csi_floats_reserve(&c->session->decoder, work + (size_t)(block * classes), "the CTC head", c->err);
    if (code)
        return code;
    float *frames = c->session->decoder.data + work;
    csi_ctc_state states[CSI_GROUP_ITEMS];
    for (int i = 0; i < g->n_utterances; i++)
        csi_ctc_begin(ctc, &states[i]);
    uint64_t clock = csi_now_ns();
    for (int64_t t = 0; t < n && !code; t += block) {
        int64_t now = CSI_MIN(block, n - t);
        project(c, &w, ctc->b, classes, encoded + t * c->model->encoder.d, now, c->session->decoder.data, frames);
        ms_since(c, &clock, "ctc head");
        code = decode_block(g, states, frames, t, now);
        ms_since(c, &clock, "decode");
        if (!code && decoder_step(c))
            code = csi_fail(c->err, CS_ECANCELLED, -1, "cancelled");
        if (!code && c->options.tensor) {
            log_softmax(c, frames, now, classes);
            c->options.tensor(c->options.tensor_user, "ctc_logprobs", 2, (int64_t[]){n, classes}, frames);
        }
    }
    return code;
}

static cs_err decode_transducer(group *g, const float *encoded)
{
    csi_call *c = g->call;
    const csi_transducer *t = &c->model->transducer;
    const int64_t block = CSI_MIN(g->n_frames, BLOCK);
    size_t work = project_floats(c, t->joint, block), frames = (size_t)(block * t->joint + 15) / 16 * 16;
    cs_err code =
        csi_floats_reserve(&c->session->decoder, work + frames + csi_transducer_state_floats(t), "the joint", c->err);
    if (code)
        return code;
    float *projected = c->session->decoder.data + work;
    const csi_confidence confidence = confidence_of(c);
    int32_t max_symbols = c->options.max_symbols < 0 ? t->max_symbols : c->options.max_symbols;
    csi_transducer_state state;
    uint64_t clock = csi_now_ns();
    for (int64_t from = 0; from < g->n_frames && !code; from += block) {
        const int64_t end = CSI_MIN(from + block, g->n_frames);
        project(c, &t->enc_w, t->enc_b, t->joint, encoded + from * c->model->encoder.d, end - from,
                c->session->decoder.data, projected);
        ms_since(c, &clock, "joint projection");
        for (int i = 0; i < g->n_utterances && !code; i++) {
            const csi_utterance *u = &g->utterances[i];
            const int64_t first = CSI_MAX(u->column, from), last = CSI_MIN(u->column + u->n_frames, end);
            if (first >= last)
                continue;
            if (first == u->column)
                csi_transducer_begin(t, &state, projected + frames);
            code = csi_transducer_greedy(&c->run, t, &confidence, max_symbols, &state,
                                         projected + (first - from) * t->joint, last - first, decoder_step, c,
                                         &g->owners[i]->emissions, c->err);
            g->owners[i]->n_steps = state.n_steps;
        }
        ms_since(c, &clock, "decode");
    }
    return code;
}

/* --------------------------------------------------------------------- result */

static cs_err make_result(csi_call *c, csi_item *item)
{
    const cs_model *model = c->model;
    result_block *block = csi_alloc_zero(&model->env, sizeof *block);
    if (!block)
        return csi_fail_memory(c->err, sizeof *block, "the result");
    block->env = model->env;
    csi_arena_init(&block->arena, &block->env);
    const csi_compose compose = {.tokenizer = model->tokenizer,
                                 .head = c->head,
                                 .frame_stride_seconds = model->mel.window_stride_seconds,
                                 .subsampling_factor = model->encoder.factor,
                                 .aggregate = c->options.confidence_aggregate,
                                 .raw_spacing = c->options.raw_punctuation_spacing != 0,
                                 .natural_ctc_times = c->options.natural_ctc_times != 0,
                                 .separators = model->separators,
                                 .segment_gap = model->segment_gap};
    cs_result *r = &block->result;
    cs_err code = csi_compose_result(&block->arena, &compose, item->emissions.items, item->emissions.n, r, c->err);
    r->model = csi_arena_text(&block->arena, model->info.name, strlen(model->info.name));
    if (!code && !r->model)
        code = csi_fail_memory(c->err, 64, "the result");
    if (code) {
        cs_result_free(r);
        return code;
    }
    r->head = c->head;
    r->precision = model->precision;
    r->duration_seconds = item->duration_seconds;
    r->score = item->emissions.score;
    r->n_frames = item->n_frames;
    r->n_steps = item->n_steps;
    item->result = r;
    return CS_OK;
}

void cs_result_free(cs_result *result)
{
    if (!result)
        return;
    result_block *block = (result_block *)(void *)result; /* its first member */
    csi_env env = block->env;
    csi_arena_finish(&block->arena);
    csi_free(&env, block);
}

/* Features of all items, one after the other in the session's buffer. */
static cs_err run_mel(group *g)
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

static cs_err run_encoder(group *g, float **encoded)
{
    csi_call *c = g->call;
    const csi_encoder_hooks hooks = {encoder_step, c->options.tensor ? encoder_tensor : NULL,
                                     c->options.stage ? encoder_stage : NULL, c};
    csi_encoder *encoder = (csi_encoder *)(uintptr_t)&c->model->encoder; /* its position cache locks itself */
    cs_err code = csi_encoder_run(&c->run, encoder, &c->session->encoder, &c->context, g->utterances, g->n_utterances,
                                  &hooks, encoded, c->err);
    for (int i = 0; i < g->n_utterances && !code; i++)
        g->n_frames += g->utterances[i].n_frames;
    return code;
}

/* Clocks of a group to its items: each has its share by length. */
static void share_clocks(group *g, double mel_ms, double encoder_ms, double decode_ms)
{
    double all = 0;
    for (int i = 0; i < g->n_items; i++)
        all += g->items[i].duration_seconds;
    for (int i = 0; i < g->n_items; i++) {
        cs_result *r = g->items[i].result;
        double share = all > 0 ? g->items[i].duration_seconds / all : 1.0 / g->n_items;
        r->mel_ms = share * mel_ms;
        r->encoder_ms = share * encoder_ms;
        r->decode_ms = share * decode_ms;
    }
}

/* From samples to emissions, then to the results. */
static cs_err transcribe_group(group *g)
{
    csi_call *c = g->call;
    int64_t longest = 0;
    double mel_ms, encoder_ms = 0;
    uint64_t clock = csi_now_ns();
    for (int i = 0; i < g->n_items; i++)
        longest = CSI_MAX(longest, g->items[i].n_frames);
    cs_err code;
    if ((code = prepare_run(c, longest)) || (code = run_mel(g)))
        return code;
    mel_ms = ms_since(c, &clock, "mel");
    if (g->n_utterances > 0) {
        float *encoded;
        code = run_encoder(g, &encoded);
        encoder_ms = ms_since(c, &clock, NULL);
        if (!code)
            code = c->head == CS_HEAD_CTC ? decode_ctc(g, encoded) : decode_transducer(g, encoded);
    }
    double decode_ms = ms_since(c, &clock, NULL);
    for (int i = 0; i < g->n_items && !code; i++)
        code = make_result(c, &g->items[i]);
    if (!code)
        share_clocks(g, mel_ms, encoder_ms, decode_ms + ms_since(c, &clock, "words"));
    return code;
}

cs_err csi_items_transcribe(csi_call *c, csi_item *items, int n)
{
    group g = {.call = c, .items = items, .n_items = n};
    c->group_seconds = c->shown = 0;
    for (int i = 0; i < n; i++)
        c->group_seconds += items[i].duration_seconds;
    cs_err code = transcribe_group(&g);
    for (int i = 0; i < n; i++) {
        csi_emissions_finish(&items[i].emissions);
        if (code) {
            cs_result_free(items[i].result);
            items[i].result = NULL;
        }
    }
    return code;
}

/* -------------------------------------------------------------- public calls */

cs_err cs_session_create(cs_model *model, cs_session **out, cs_error *err)
{
    if (!model || !out)
        return csi_fail(err, CS_EINVAL, -1, "cs_session_create: model and session must not be NULL");
    cs_session *s = csi_alloc_zero(&model->env, sizeof *s);
    *out = s;
    if (!s)
        return csi_fail_memory(err, sizeof *s, "the session");
    s->model = cs_model_retain(model);
    s->encoder.env = s->mel.env = s->scratch.env = s->decoder.env = &model->env;
    atomic_init(&s->cancel, false);
    return CS_OK;
}

void cs_session_free(cs_session *s)
{
    if (!s)
        return;
    cs_model *model = s->model;
    csi_floats_finish(&s->encoder);
    csi_floats_finish(&s->mel);
    csi_floats_finish(&s->scratch);
    csi_floats_finish(&s->decoder);
    csi_free(&model->env, s);
    cs_model_close(model);
}

void cs_session_cancel(cs_session *session)
{
    if (session)
        atomic_store(&session->cancel, true);
}

cs_err cs_session_transcribe(cs_session *session, const float *pcm, size_t n_samples,
                             const cs_transcribe_options *options, cs_result **result, cs_error *err)
{
    if (!session || !result || (!pcm && n_samples))
        return csi_fail(err, CS_EINVAL, -1, "cs_session_transcribe: an argument is NULL");
    *result = NULL;
    csi_call c = {.session = session, .model = session->model, .err = err};
    csi_item item = {.pcm = pcm, .n_samples = n_samples};
    cs_err code;
    if ((code = csi_call_begin(&c, options)) || (code = csi_item_begin(c.model, &item, err)))
        return code;
    c.total_seconds = item.duration_seconds;
    if ((code = csi_items_transcribe(&c, &item, 1)))
        return code;
    csi_call_told(&c, 1);
    *result = item.result;
    return CS_OK;
}

cs_err cs_transcribe(cs_model *model, const float *pcm, size_t n_samples, const cs_transcribe_options *options,
                     cs_result **result, cs_error *err)
{
    if (!model || !result)
        return csi_fail(err, CS_EINVAL, -1, "cs_transcribe: model and result must not be NULL");
    *result = NULL;
    cs_session *session;
    cs_err code = cs_session_create(model, &session, err);
    if (code)
        return code;
    code = cs_session_transcribe(session, pcm, n_samples, options, result, err);
    cs_session_free(session);
    return code;
}

cs_err cs_transcribe_file(cs_model *model, const char *path, const cs_audio_options *audio_options,
                          const cs_transcribe_options *options, cs_result **result, cs_error *err)
{
    if (!model || !path || !result)
        return csi_fail(err, CS_EINVAL, -1, "cs_transcribe_file: an argument is NULL");
    *result = NULL;
    cs_audio_options o;
    cs_audio_options_init(&o);
    cs_err code = csi_options_copy(&o, sizeof o, audio_options, "cs_audio_options", err);
    if (code)
        return code;
    if (o.channel == CS_CHANNEL_EACH)
        return csi_fail(err, CS_EINVAL, -1, "cs_transcribe_file gives one result: choose a channel or their average");
    o.struct_size = sizeof o;
    o.rate_hz = model->info.sample_rate_hz;
    cs_audio *audio = NULL;
    code = csi_audio_read(&model->env, path, &o, &audio, err);
    if (code)
        return code;
    if (audio->warning)
        csi_log(&model->env, CS_LOG_WARNING, "audio", "%s: %s", path, audio->warning);
    code = cs_transcribe(model, audio->channels[0], audio->n_samples, options, result, err);
    cs_audio_free(audio);
    return code;
}
