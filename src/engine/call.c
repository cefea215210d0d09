/* SPDX-License-Identifier: MIT
 * A call: its options checked against the model, its utterances against what can be heard, progress, clocks. */
#include "engine/engine.h"
#include "audio/audio.h"

#include <math.h>

/* --------------------------------------------------------------------- checks */

static cs_err check_head(csi_call *c)
{
    c->head = csi_model_head(c->model, c->options.head);
    if (c->head != CS_HEAD_AUTO)
        return CS_OK;
    static const char *const names[] = {"auto", "ctc", "rnnt", "tdt", "aed"};
    const char *wanted = (unsigned)c->options.head < CSI_COUNT(names) ? names[c->options.head] : "unknown";
    return csi_fail(c->err, CS_EINVAL, -1, "%s has no %s head: its family is %s", c->model->info.name, wanted,
                    c->model->info.family);
}

static cs_err check_context(csi_call *c)
{
    const csi_encoder *e = &c->model->encoder;
    const cs_transcribe_options *o = &c->options;
    c->context = e->contexts[0];
    if (o->att_left == INT32_MIN && o->att_right == INT32_MIN && o->att_chunk == INT32_MIN)
        return CS_OK;
    if (e->style == CSI_ATT_REGULAR
        || e->style == CSI_ATT_LOCAL) { /* a band is a band: NeMo's two kinds are one function */
        if (o->att_left < -1 || o->att_right < -1 || o->att_chunk != INT32_MIN)
            return csi_fail(c->err, CS_EINVAL, -1,
                            "attention context [%d, %d], expected left and right frames, -1 for no limit", o->att_left,
                            o->att_right);
        c->context = (csi_context){o->att_left, -1, o->att_right};
        return CS_OK;
    }
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
    if ((code = check_head(c)) || (code = check_context(c)))
        return code;
    return csi_ask_begin(c);
}

void csi_call_end(csi_call *c)
{
    csi_ask_end(c);
}

/* A Canary hears a second at least. */
static cs_err pad(const cs_model *model, csi_item *item, cs_error *err)
{
    const csi_padding padding = csi_padding_of(item->n_samples, model->info.sample_rate_hz, true);
    const size_t n = padding.front + item->n_samples + padding.behind;
    item->padded = csi_alloc_array(&model->env, n, sizeof *item->padded);
    if (!item->padded)
        return csi_fail_memory(err, n * sizeof *item->padded, "the samples");
    memset(item->padded, 0, n * sizeof *item->padded);
    memcpy(item->padded + padding.front, item->pcm, item->n_samples * sizeof *item->padded);
    item->pcm = item->padded;
    item->n_samples = n;
    return CS_OK;
}

cs_err csi_item_begin(const csi_call *c, csi_item *item, cs_error *err)
{
    const cs_model *model = c->model;
    item->emissions.env = &model->env;
    item->duration_seconds = (double)item->n_samples / model->info.sample_rate_hz;
    if (item->n_samples / (size_t)model->mel.hop > INT32_MAX / 2)
        return csi_fail(err, CS_EINVAL, -1, "%zu samples are more than one pass can take", item->n_samples);
    if (!model->ops->all_finite(item->pcm, (int64_t)item->n_samples)) {
        size_t at = 0;
        while (isfinite(item->pcm[at]))
            at++;
        return csi_fail(err, CS_EAUDIO, (int64_t)at, "sample %zu is %s, expected a number", at,
                        isnan(item->pcm[at]) ? "NaN" : "infinite");
    }
    if (model->canary.net.d && item->n_samples > 0 && item->n_samples < (size_t)model->info.sample_rate_hz
        && pad(model, item, err))
        return CS_ENOMEM;
    item->n_mel_frames = csi_mel_frames(&model->mel, (int64_t)item->n_samples);
    const bool is_mute = c->options.vad == CS_CHOICE_YES
                         && !csi_audio_has_speech(item->pcm, item->n_samples, model->info.sample_rate_hz);
    item->n_frames = item->n_samples && !is_mute ? csi_encoder_frames(&model->encoder, item->n_mel_frames) : 0;
    return CS_OK;
}

void csi_item_finish(csi_item *item)
{
    const csi_env *env = item->emissions.env;
    csi_emissions_finish(&item->emissions);
    for (int32_t i = 0; i < item->n_others; i++)
        csi_emissions_finish(&item->others[i]);
    csi_free(env, item->others);
    csi_free(env, item->padded);
    item->others = NULL;
    item->padded = NULL;
    item->n_others = 0;
}

/* ------------------------------------------------------------------- progress */

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

double csi_call_spent(const csi_call *c, uint64_t *start, const char *stage)
{
    uint64_t now = csi_now_ns();
    double ms = (double)(now - *start) / 1e6;
    *start = now;
    if (stage && c->options.stage)
        c->options.stage(c->options.stage_user, stage, ms);
    return ms;
}
