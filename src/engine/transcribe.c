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
    double mel_ms, encoder_ms, decode_ms;
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

double csi_call_spent(const csi_call *c, uint64_t *start, const char *stage)
{
    uint64_t now = csi_now_ns();
    double ms = (double)(now - *start) / 1e6;
    *start = now;
    if (stage && c->options.stage)
        c->options.stage(c->options.stage_user, stage, ms);
    return ms;
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
    c->run.scratch_floats = (floats + 15) / 16 * 16;
    cs_err code =
        csi_floats_reserve(&c->session->scratch, c->run.scratch_floats * (size_t)threads, "the workers", c->err);
    c->run.scratch = c->session->scratch.data;
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

/* From samples to emissions, one stage after the other. */
static cs_err run_stages(group *g)
{
    csi_call *c = g->call;
    uint64_t clock = csi_now_ns();
    const csi_encoder_hooks hooks = hooks_of(c);
    cs_err code = run_mel(g);
    g->mel_ms = csi_call_spent(c, &clock, "mel");
    if (code || g->n_utterances == 0)
        return code;
    float *encoded;
    code = csi_encoder_run(&c->run, encoder_of(c), &c->session->encoder, &c->context, g->utterances, g->n_utterances,
                           &hooks, &encoded, c->err);
    g->encoder_ms = csi_call_spent(c, &clock, NULL);
    if (code)
        return code;
    int64_t n_frames = 0;
    for (int i = 0; i < g->n_utterances; i++)
        n_frames += g->utterances[i].n_frames;
    csi_decoding decoding;
    code = csi_decoding_begin(&decoding, c, g->utterances, g->owners, g->n_utterances, n_frames);
    if (!code)
        code = csi_decoding_feed(&decoding, encoded, n_frames);
    g->decode_ms = csi_call_spent(c, &clock, NULL);
    return code;
}

/* ---------------------------------------------------------------------- flow */

/* A long utterance whose stages take turns, so that none holds it whole. */
typedef struct turns {
    group *g;
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
static cs_err measure_mel(group *g, csi_mel_moment **moments)
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

static cs_err run_in_turns(group *g)
{
    csi_call *c = g->call;
    csi_item *item = g->items;
    const csi_encoder_hooks hooks = hooks_of(c);
    csi_mel_moment *moments;
    cs_err code = measure_mel(g, &moments);
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
static void share_clocks(const group *g)
{
    double all = 0;
    for (int i = 0; i < g->n_items; i++)
        all += g->items[i].duration_seconds;
    for (int i = 0; i < g->n_items; i++) {
        cs_result *r = g->items[i].result;
        double share = all > 0 ? g->items[i].duration_seconds / all : 1.0 / g->n_items;
        r->mel_ms = share * g->mel_ms;
        r->encoder_ms = share * g->encoder_ms;
        r->decode_ms = share * g->decode_ms;
    }
}

/* From samples to emissions, then to the results. */
static cs_err transcribe_group(group *g)
{
    csi_call *c = g->call;
    const bool alone = g->n_items == 1 && !c->options.tensor;
    int64_t longest = 0;
    for (int i = 0; i < g->n_items; i++)
        longest = CSI_MAX(longest, g->items[i].n_frames);
    cs_err code = prepare_run(c, longest, !alone);
    if (code)
        return code;
    code = alone && csi_encoder_flows(&c->model->encoder, &c->context, longest) ? run_in_turns(g) : run_stages(g);
    uint64_t clock = csi_now_ns();
    for (int i = 0; i < g->n_items && !code; i++)
        code = make_result(c, &g->items[i]);
    if (code)
        return code;
    g->decode_ms += csi_call_spent(c, &clock, "words");
    share_clocks(g);
    return CS_OK;
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
