/* SPDX-License-Identifier: MIT
 * The public calls for one utterance, and the session. */
#include "engine/engine.h"
#include "audio/audio.h"

cs_err cs_session_create(cs_model *model, cs_session **out, cs_error *err)
{
    if (!model || !out)
        return csi_fail(err, CS_EINVAL, -1, "cs_session_create: model and session must not be NULL");
    cs_session *s = csi_alloc_zero(&model->env, sizeof *s);
    *out = s;
    if (!s)
        return csi_fail_memory(err, sizeof *s, "the session");
    s->model = cs_model_retain(model);
    s->encoder.env = s->mel.env = s->scratch.env = s->decoder.env = s->aligner.env = &model->env;
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
    csi_floats_finish(&s->aligner);
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
    csi_item item = {.pcm = pcm, .n_samples = n_samples, .err = err};
    cs_err code = csi_call_begin(&c, options);
    code = code ? code : csi_item_begin(&c, &item, err);
    c.total_seconds = item.duration_seconds;
    code = code ? code : csi_items_transcribe(&c, &item, 1);
    code = code ? code : item.code;
    csi_item_finish(&item);
    csi_call_end(&c);
    if (code)
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
