/* SPDX-License-Identifier: MIT
 * Alignment of a known text with a CTC head's scores.
 *
 * States are blank, t1, blank, t2, ..., blank. From one frame to the next a state stays, goes on by one, or by two unless
 * that would skip a token or the blank between two equal ones; of equals the smallest step. It begins in one of the first two states and
 * ends in the better of the last two, the first of equals. Sums are f32, as NeMo's.
 *
 * A text that needs more frames than there are (one per token and one between equal ones) has no path; NeMo then gives
 * times of -1. */
#include "decode/decode.h"

static const float never = -3.4e38f;

static bool has_room(int64_t n_frames, const csi_emission *tokens, size_t n)
{
    size_t needed = n;
    for (size_t i = 1; i < n; i++)
        needed += tokens[i].id == tokens[i - 1].id;
    return n > 0 && n_frames > 0 && needed <= (size_t)n_frames;
}

/* values (states) of the frame before become those of the frame with these scores; back (states): the steps taken. From the last state
 * down, so that what a state looks back at is still of the frame before. */
static void go_on(const float *scores, int64_t blank, const csi_emission *tokens, size_t n_states, float *values,
                  uint8_t *back)
{
    for (size_t u = n_states; u-- > 0;) {
        const size_t i = u / 2;
        const float score = scores[u % 2 ? tokens[i].id : blank];
        float best = values[u] + score;
        back[u] = 0;
        if (u >= 1 && values[u - 1] + score > best) {
            best = values[u - 1] + score;
            back[u] = 1;
        }
        if (u % 2 && i > 0 && tokens[i].id != tokens[i - 1].id && values[u - 2] + score > best) {
            best = values[u - 2] + score;
            back[u] = 2;
        }
        values[u] = best;
    }
}

static void trace(const uint8_t *back, int64_t n_frames, size_t n_states, const float *values, csi_emission *tokens)
{
    size_t u = values[n_states - 1] > values[n_states - 2] ? n_states - 1 : n_states - 2;
    for (size_t i = 0; i < n_states / 2; i++)
        tokens[i].frame = tokens[i].duration = 0;
    for (int64_t t = n_frames - 1; t >= 0; t--) {
        if (u % 2) {
            tokens[u / 2].frame = t;
            tokens[u / 2].duration++;
        }
        if (t > 0)
            u -= back[(size_t)t * n_states + u];
    }
}

cs_err csi_ctc_align(const csi_env *env, const float *scores, int64_t n_frames, int64_t classes, csi_emission *tokens,
                     size_t n_tokens, bool *fits, cs_error *err)
{
    const int64_t blank = classes - 1;
    *fits = false;
    for (size_t i = 0; i < n_tokens; i++)
        if (tokens[i].id < 0 || tokens[i].id >= blank)
            return csi_fail(err, CS_EMODEL, -1, "the aligner's tokenizer gives token %d, its scores are of %lld",
                            (int)tokens[i].id, (long long)blank);
    if (!has_room(n_frames, tokens, n_tokens))
        return CS_OK;
    const size_t n_states = 2 * n_tokens + 1; /* at most 2 n_frames + 1 */
    uint8_t *back = csi_alloc_array(env, n_states, (size_t)n_frames);
    float *values = csi_alloc_array(env, n_states, sizeof *values);
    *fits = back && values;
    if (*fits) {
        for (size_t u = 2; u < n_states; u++)
            values[u] = never;
        values[0] = scores[blank];
        values[1] = scores[tokens[0].id];
        for (int64_t t = 1; t < n_frames; t++)
            go_on(scores + t * classes, blank, tokens, n_states, values, back + (size_t)t * n_states);
        trace(back, n_frames, n_states, values, tokens);
    }
    csi_free(env, values);
    csi_free(env, back);
    return *fits ? CS_OK : csi_fail_memory(err, n_states * (size_t)n_frames, "an alignment");
}
