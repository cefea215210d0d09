/* SPDX-License-Identifier: MIT
 * One utterance: samples -> mel -> encoder -> head -> words. The public transcribe calls and the session. */
#include "engine/engine.h"
#include "audio/audio.h"

#include <math.h>

/* A call in progress. */
typedef struct call {
    cs_session *session;
    const cs_model *model;
    cs_transcribe_options options;
    cs_head head;
    csi_context context;
    csi_run run;
    csi_emissions emissions;
    double duration_seconds, shown; /* progress: share that was last told */
    cs_error *err;
} call;

/* What cs_result_free() gets back: the public struct first, then what it stands on. */
typedef struct result_block {
    cs_result result;
    csi_env env;
    csi_arena arena;
} result_block;

/* --------------------------------------------------------------------- checks */

static cs_err check_head(call *c)
{
    c->head = csi_model_head(c->model, c->options.head);
    if (c->head != CS_HEAD_AUTO)
        return CS_OK;
    static const char *const names[] = {"auto", "ctc", "rnnt", "tdt"};
    const char *wanted = (unsigned)c->options.head < CSI_COUNT(names) ? names[c->options.head] : "unknown";
    return csi_fail(c->err, CS_EINVAL, -1, "%s has no %s head: it is a %s model", c->model->info.name, wanted,
                    c->model->info.family);
}

static cs_err check_context(call *c)
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

static cs_err check_options(call *c)
{
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
    cs_err code = check_head(c);
    return code ? code : check_context(c);
}

static cs_err check_samples(const call *c, const float *pcm, size_t n)
{
    if (c->model->ops->all_finite(pcm, (int64_t)n))
        return CS_OK;
    size_t at = 0;
    while (isfinite(pcm[at]))
        at++;
    return csi_fail(c->err, CS_EAUDIO, (int64_t)at, "sample %zu is %s, expected a number", at,
                    isnan(pcm[at]) ? "NaN" : "infinite");
}

/* ------------------------------------------------------------------- progress */

enum { SHARE_MEL = 2, SHARE_ENCODER = 94 }; /* percent of a call's time, about */

static int told(call *c, double share)
{
    if (atomic_exchange(&c->session->cancel, false))
        return 1;
    share = CSI_MAX(c->shown, CSI_MIN(share, 1));
    c->shown = share;
    return c->options.progress
           && c->options.progress(c->options.progress_user, share * c->duration_seconds, c->duration_seconds);
}

static int encoder_step(void *user, double done)
{
    return told(user, (SHARE_MEL + SHARE_ENCODER * done) / 100);
}

static int decoder_step(void *user)
{
    call *c = user;
    return told(c, c->shown);
}

static void encoder_tensor(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *data)
{
    const call *c = user;
    c->options.tensor(c->options.tensor_user, name, n_dims, dims, data);
}

/* -------------------------------------------------------------------- buffers */

static cs_err prepare_run(call *c, int64_t n_frames)
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

static csi_confidence confidence_of(const call *c)
{
    return (csi_confidence){c->options.confidence, c->options.confidence_alpha, c->options.confidence_aggregate};
}

/* Floats of project()'s work. */
static size_t project_floats(const call *c, int64_t n_out, int64_t n)
{
    size_t int8 = c->model->precision == CS_PRECISION_INT8 ? csi_int8_floats(c->model->encoder.d, n) : 0;
    return (size_t)(csi_panels(n) * CSI_PANEL * n_out) + int8;
}

/* Panels of the encoder's output to (n, n_out) frames through a dense layer. */
static void project(const call *c, const csi_dense_weights *w, const float *b, int64_t n_out, const float *encoded,
                    int64_t n, float *work, float *frames)
{
    const int64_t d = c->model->encoder.d;
    const csi_int8_panels in8 = csi_int8_place(work + csi_panels(n) * CSI_PANEL * n_out, n);
    if (csi_is_int8(w))
        csi_quantize_run(&c->run, encoded, d * CSI_PANEL, d, n, &in8);
    float *panels = work;
    const csi_linear l = csi_layer(w, b, n_out, d, encoded, in8, panels, n);
    csi_linear_run(&c->run, &l, 1);
    csi_panels_to_frames(&c->run, panels, n_out, n, frames, n_out);
}

static void log_softmax(const call *c, float *frames, int64_t n, int64_t classes)
{
    for (int64_t t = 0; t < n; t++) {
        csi_softmax_sums sums;
        c->model->ops->softmax_sums(frames + t * classes, classes, 1, &sums);
        for (int64_t k = 0; k < classes; k++)
            frames[t * classes + k] -= (float)sums.log_sum;
    }
}

static cs_err decode_ctc(call *c, const float *encoded, int64_t n)
{
    enum { BLOCK = 16 * CSI_PANEL }; /* frames at a time: memory must not grow with vocabulary times length */
    const csi_ctc *ctc = &c->model->ctc;
    const csi_dense_weights w = {.f32 = ctc->w};
    const int64_t classes = (int64_t)ctc->vocab + 1, block = c->options.tensor ? n : CSI_MIN(n, BLOCK);
    size_t work = project_floats(c, classes, block);
    cs_err code = csi_floats_reserve(&c->session->decoder, work + (size_t)(block * classes), "the CTC head", c->err);
    if (code)
        return code;
    float *frames = c->session->decoder.data + work;
    csi_ctc_state state;
    csi_ctc_begin(ctc, &state);
    const csi_confidence confidence = confidence_of(c);
    for (int64_t t = 0; t < n && !code; t += block) {
        int64_t now = CSI_MIN(block, n - t);
        project(c, &w, ctc->b, classes, encoded + t * c->model->encoder.d, now, c->session->decoder.data, frames);
        code = csi_ctc_greedy(c->model->ops, ctc, &confidence, &state, frames, now, &c->emissions, c->err);
        if (!code && decoder_step(c))
            code = csi_fail(c->err, CS_ECANCELLED, -1, "cancelled");
        if (!code && c->options.tensor) {
            log_softmax(c, frames, now, classes);
            c->options.tensor(c->options.tensor_user, "ctc_logprobs", 2, (int64_t[]){n, classes}, frames);
        }
    }
    return code;
}

static cs_err decode_transducer(call *c, const float *encoded, int64_t n)
{
    const csi_transducer *t = &c->model->transducer;
    size_t work = project_floats(c, t->joint, n), frames = (size_t)(n * t->joint + 15) / 16 * 16;
    cs_err code =
        csi_floats_reserve(&c->session->decoder, work + frames + csi_transducer_state_floats(t), "the joint", c->err);
    if (code)
        return code;
    float *projected = c->session->decoder.data + work;
    project(c, &t->enc_w, t->enc_b, t->joint, encoded, n, c->session->decoder.data, projected);
    csi_transducer_state state;
    csi_transducer_begin(t, &state, projected + frames);
    const csi_confidence confidence = confidence_of(c);
    int32_t max_symbols = c->options.max_symbols < 0 ? t->max_symbols : c->options.max_symbols;
    return csi_transducer_greedy(&c->run, t, &confidence, max_symbols, &state, projected, n, decoder_step, c,
                                 &c->emissions, c->err);
}

/* --------------------------------------------------------------------- result */

static cs_err make_result(call *c, cs_result **out)
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
    cs_err code = csi_compose_result(&block->arena, &compose, c->emissions.items, c->emissions.n, r, c->err);
    r->model = csi_arena_text(&block->arena, model->info.name, strlen(model->info.name));
    if (!code && !r->model)
        code = csi_fail_memory(c->err, 64, "the result");
    if (code) {
        cs_result_free(r);
        return code;
    }
    r->head = c->head;
    r->precision = model->precision;
    r->duration_seconds = c->duration_seconds;
    r->score = c->emissions.score;
    *out = r;
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

static double ms_since(uint64_t *start)
{
    uint64_t now = csi_now_ns();
    double ms = (double)(now - *start) / 1e6;
    *start = now;
    return ms;
}

/* From samples to emissions, then to the result. */
static cs_err transcribe(call *c, const float *pcm, size_t n_samples, cs_result **out)
{
    const cs_model *model = c->model;
    cs_session *s = c->session;
    int64_t n_mel = csi_mel_frames(&model->mel, (int64_t)n_samples);
    int64_t n_frames = n_samples ? csi_encoder_frames(&model->encoder, n_mel) : 0;
    double mel_ms, encoder_ms = 0, decode_ms = 0;
    uint64_t clock = csi_now_ns();
    if (n_samples / (size_t)model->mel.hop > INT32_MAX / 2)
        return csi_fail(c->err, CS_EINVAL, -1, "%zu samples are more than one pass can take", n_samples);
    cs_err code;
    if ((code = check_samples(c, pcm, n_samples)) || (code = prepare_run(c, n_frames))
        || (code = csi_floats_reserve(&s->mel, (size_t)n_mel * (size_t)model->mel.n_mels + 16, "the features", c->err)))
        return code;
    csi_mel_run(&c->run, &model->mel, pcm, (int64_t)n_samples, s->mel.data);
    mel_ms = ms_since(&clock);
    if (c->options.tensor)
        c->options.tensor(c->options.tensor_user, "mel", 2, (int64_t[]){model->mel.n_mels, n_mel}, s->mel.data);
    if (told(c, SHARE_MEL / 100.0))
        return csi_fail(c->err, CS_ECANCELLED, -1, "cancelled");
    if (n_frames > 0) {
        float *encoded;
        const csi_encoder_hooks hooks = {encoder_step, c->options.tensor ? encoder_tensor : NULL, c};
        csi_encoder *encoder = (csi_encoder *)(uintptr_t)&model->encoder; /* its position cache locks itself */
        code =
            csi_encoder_run(&c->run, encoder, &s->encoder, &c->context, s->mel.data, n_mel, &hooks, &encoded, c->err);
        encoder_ms = ms_since(&clock);
        if (!code)
            code = c->head == CS_HEAD_CTC ? decode_ctc(c, encoded, n_frames) : decode_transducer(c, encoded, n_frames);
        decode_ms = ms_since(&clock);
        if (code)
            return code;
    }
    if ((code = make_result(c, out)))
        return code;
    (*out)->n_frames = n_frames;
    (*out)->mel_ms = mel_ms;
    (*out)->encoder_ms = encoder_ms;
    (*out)->decode_ms = decode_ms + ms_since(&clock);
    told(c, 1);
    return CS_OK;
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
    call c = {.session = session, .model = session->model, .err = err};
    c.emissions.env = &session->model->env;
    cs_transcribe_options_init(&c.options);
    cs_err code = csi_options_copy(&c.options, sizeof c.options, options, "cs_transcribe_options", err);
    if (code || (code = check_options(&c)))
        return code;
    c.duration_seconds = (double)n_samples / session->model->info.sample_rate_hz;
    code = transcribe(&c, pcm, n_samples, result);
    csi_emissions_finish(&c.emissions);
    return code;
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
