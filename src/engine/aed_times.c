/* SPDX-License-Identifier: MIT
 *
 * The times of a Canary's answer: from the time tokens that its decoder wrote, or from the aligner, a CTC model that hears the same
 * samples and says where each token of the text lies. */
#include "engine/engine.h"

/* The aligner's log-probabilities (*n_frames, V + 1) over the item's samples, in the session's buffer. */
static cs_err score(csi_call *c, const csi_item *item, int64_t *n_frames)
{
    const cs_model *aligner = c->model->canary.aligner;
    csi_call a = {.session = c->session,
                  .model = aligner,
                  .head = CS_HEAD_CTC,
                  .context = aligner->encoder.contexts[0],
                  .shown = c->shown,
                  .total_seconds = c->total_seconds,
                  .err = c->err};
    csi_item heard = {.pcm = item->pcm, .n_samples = item->n_samples};
    csi_group g = {.call = &a, .items = &heard, .n_items = 1};
    float *encoded = NULL;
    a.options.threads = c->options.threads;
    cs_err code = csi_item_begin(&a, &heard, c->err);
    code = code ? code : csi_group_encode(&g, &encoded);
    const int64_t n = code || !encoded ? 0 : heard.n_frames, classes = (int64_t)aligner->ctc.vocab + 1;
    if (!code)
        code = csi_floats_reserve(&c->session->aligner, (size_t)(n * classes), "the aligner's scores", c->err);
    if (!code && n)
        code = csi_ctc_scores(&a, encoded, n, c->session->aligner.data);
    csi_item_finish(&heard);
    *n_frames = n;
    return code;
}

cs_err csi_align(csi_call *c, csi_item *item, csi_arena *arena, const char *text, bool whole, csi_aligned *aligned,
                 int64_t *n_frames, bool *fits)
{
    const cs_model *aligner = c->model->canary.aligner;
    *fits = false;
    cs_err code = csi_aligned_begin(arena, aligner->tokenizer, text, strlen(text), whole, aligned, c->err);
    code = code ? code : score(c, item, n_frames);
    if (code || aligned->n_whole > (size_t)*n_frames)
        return code;
    return csi_ctc_align(&c->model->env, c->session->aligner.data, *n_frames, (int64_t)aligner->ctc.vocab + 1,
                         aligned->tokens, aligned->n_tokens, fits, c->err);
}

cs_err csi_aed_times(csi_call *c, csi_item *item, csi_arena *arena, csi_timed *timed, bool *has_times)
{
    const csi_compose compose = csi_compose_of(c);
    csi_aligned aligned;
    int64_t n_frames;
    *has_times = false;
    *timed = (csi_timed){0};
    if (c->ask.times == CSI_TIMES_NONE || item->emissions.n == 0)
        return CS_OK;
    const int32_t *ids = csi_aed_ids(arena, &item->emissions);
    const char *text = ids ? csi_aed_text(c, arena, ids, item->emissions.n) : NULL;
    if (!text)
        return csi_fail_memory(c->err, item->emissions.n, "the text");
    if (c->ask.times == CSI_TIMES_TOKENS) {
        cs_err code = csi_timed_read(arena, &compose, text, strlen(text), timed, c->err);
        *has_times = timed->n_words > 0;
        return code;
    }
    cs_err code = csi_align(c, item, arena, text, false, &aligned, &n_frames, has_times);
    code = code || !*has_times ? code : csi_aligned_times(arena, &compose, &aligned, timed, c->err);
    timed->text = NULL; /* as the decoder wrote it */
    return code;
}
