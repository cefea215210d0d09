/* SPDX-License-Identifier: MIT
 * Greedy RNN-T and TDT, one utterance, state carried between chunks.
 *
 * RNN-T: at each frame tokens are emitted until the best class is blank or max_symbols are out; then the next frame.
 * TDT: token and duration are two arg-maxima of one evaluation; the duration moves on, a blank at least by one frame, and
 * max_symbols tokens of duration 0 at one frame move on by one. The recorded frame is the one before moving, the recorded
 * duration the model's own.
 *
 * The score is NeMo's on a CPU: log-softmax over everything the joint gives, durations included. Log-probability and
 * confidence of a token are over tokens and blank alone.
 *
 * Source: NeMo nemo/collections/asr/parts/submodules/transducer_decoding/rnnt_label_looping.py, tdt_label_looping.py. */
#include "decode/decode.h"

#include <math.h>

/* Where a model's config sets no limit, a network that never says blank must still come to an end. */
enum { UNLIMITED = 1000 };

static size_t rounded(int64_t n)
{
    return ((size_t)n + 15) / 16 * 16;
}

size_t csi_transducer_state_floats(const csi_transducer *t)
{
    return rounded((int64_t)csi_prediction_floats(t)) + rounded((int64_t)csi_joint_floats(t))
           + rounded((int64_t)t->vocab + 1 + t->n_durations);
}

void csi_transducer_begin(const csi_transducer *t, csi_transducer_state *state, float *memory)
{
    *state = (csi_transducer_state){0};
    csi_prediction_init(t, &state->prediction, memory);
    state->joint = memory + rounded((int64_t)csi_prediction_floats(t));
    state->logits = state->joint + rounded((int64_t)csi_joint_floats(t));
}

static cs_err emit(const csi_run *run, const csi_transducer *t, const csi_confidence *confidence,
                   const csi_transducer_state *s, int32_t id, int64_t frame, int32_t duration, csi_emissions *out,
                   cs_error *err)
{
    const int64_t classes = (int64_t)t->vocab + 1;
    csi_softmax_sums sums;
    run->ops->softmax_sums(s->logits, classes, (float)confidence->alpha, &sums);
    double all = 1;
    for (int32_t d = 0; d < t->n_durations; d++)
        all += exp(s->logits[classes + d] - sums.log_sum);
    double logprob = s->logits[id] - sums.log_sum;
    out->score += logprob - log(all);
    return csi_emissions_add(out,
                             (csi_emission){.id = id,
                                            .frame = frame,
                                            .duration = duration,
                                            .logprob = (float)logprob,
                                            .confidence = (float)csi_confidence_of(confidence, classes, &sums)},
                             err);
}

cs_err csi_transducer_greedy(const csi_run *run, const csi_transducer *t, const csi_confidence *confidence,
                             int32_t max_symbols, csi_transducer_state *s, const float *frames, int64_t n,
                             csi_stop_fn stop, void *user, csi_emissions *out, cs_error *err)
{
    const int64_t classes = (int64_t)t->vocab + 1;
    const int64_t limit = max_symbols > 0 ? max_symbols : UNLIMITED;
    if (!s->started) {
        csi_prediction_step(run, t, &s->prediction, t->vocab);
        s->started = true;
    }
    int64_t frame = s->next, emitted = 0; /* tokens at this frame */
    while (frame < n) {
        csi_joint_run(run, t, frames + frame * t->joint, &s->prediction, s->joint, s->logits);
        s->n_steps++;
        int32_t id = (int32_t)run->ops->argmax(s->logits, classes), duration = 1;
        if (t->n_durations)
            duration = t->durations[run->ops->argmax(s->logits + classes, t->n_durations)];
        bool blank = id == t->vocab;
        if (!blank) {
            csi_joint_finish(run, t, s->joint, s->logits);
            cs_err code = emit(run, t, confidence, s, id, s->base + frame, duration, out, err);
            if (code)
                return code;
            csi_prediction_step(run, t, &s->prediction, id);
            emitted++;
        }
        int64_t step;
        if (t->n_durations)
            step = blank ? CSI_MAX(duration, 1) : duration == 0 && emitted >= limit ? 1 : duration;
        else
            step = blank || emitted >= limit;
        if (step) {
            emitted = 0;
            if (stop && stop(user))
                return csi_fail(err, CS_ECANCELLED, -1, "cancelled");
        }
        frame += step;
    }
    s->next = frame - n;
    s->base += n;
    return CS_OK;
}
