/* SPDX-License-Identifier: MIT
 * Greedy CTC: the best class of each frame, runs collapsed, blanks dropped. A token's confidence is aggregated over the
 * frames of its own run; its log-probability is that of the run's first frame; the score adds every frame that is not
 * blank.
 *
 * Source: NeMo nemo/collections/asr/parts/submodules/ctc_greedy_decoding.py, ctc_decoding.py (confidence). */
#include "decode/decode.h"

void csi_ctc_begin(const csi_ctc *ctc, csi_ctc_state *state)
{
    *state = (csi_ctc_state){.last = ctc->vocab};
}

static float aggregate(const csi_confidence *c, const csi_ctc_state *s, int32_t n)
{
    switch (c->aggregate) {
    case CS_AGGREGATE_MEAN:
        return (float)(s->sum / n);
    case CS_AGGREGATE_MAX:
        return (float)s->most;
    case CS_AGGREGATE_PROD:
        return (float)s->product;
    default:
        return (float)s->least;
    }
}

cs_err csi_ctc_greedy(const csi_ops *ops, const csi_ctc *ctc, const csi_confidence *confidence, csi_ctc_state *s,
                      const float *logits, int64_t n, csi_emissions *out, cs_error *err)
{
    const int64_t classes = (int64_t)ctc->vocab + 1;
    for (int64_t t = 0; t < n; t++) {
        const float *row = logits + t * classes;
        int32_t id = (int32_t)ops->argmax(row, classes);
        bool repeat = id == s->last;
        s->last = id;
        if (id == ctc->vocab)
            continue;
        csi_softmax_sums sums;
        ops->softmax_sums(row, classes, (float)confidence->alpha, &sums);
        double logprob = row[id] - sums.log_sum, sure = csi_confidence_of(confidence, classes, &sums);
        out->score += logprob;
        if (!repeat) {
            const csi_emission item = {.id = id, .frame = s->base + t, .logprob = (float)logprob};
            cs_err code = csi_emissions_add(out, item, err);
            if (code)
                return code;
            s->sum = 0;
            s->product = 1;
            s->least = s->most = sure;
        }
        s->sum += sure;
        s->product *= sure;
        s->least = CSI_MIN(s->least, sure);
        s->most = CSI_MAX(s->most, sure);
        csi_emission *open = &out->items[out->n - 1];
        open->duration++;
        open->confidence = aggregate(confidence, s, open->duration);
    }
    s->base += n;
    return CS_OK;
}
