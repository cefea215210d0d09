/* SPDX-License-Identifier: MIT
 *
 * A segment as the decoder wants it. A transducer needs frames after the last word to say it, and an encoder some context:
 * short clips are lengthened with digital silence, mostly behind. The ends of the sound are faded over 5 ms, for a step from
 * a room's noise to nothing is a click in every band. */
#include "dictate/voice/voice_inside.h"

#include <string.h>

enum {
    LEAD = VOICE_RATE_HZ * VOICE_LEAD_MS / 1000,
    TAIL = VOICE_RATE_HZ * VOICE_TAIL_MS / 1000,
    SHORTEST = VOICE_RATE_HZ * VOICE_SHORTEST_MS / 1000,
    FADE = VOICE_RATE_HZ * 5 / 1000
};

size_t voice_padded(size_t n)
{
    size_t all = n + LEAD + TAIL;
    return all < SHORTEST ? SHORTEST : all;
}

size_t voice_pad(const float *pcm, size_t n, float *out)
{
    size_t all = voice_padded(n), fade = n / 4 < FADE ? n / 4 : FADE;
    memset(out, 0, LEAD * sizeof *out);
    if (n)
        memcpy(out + LEAD, pcm, n * sizeof *out);
    memset(out + LEAD + n, 0, (all - LEAD - n) * sizeof *out);
    for (size_t i = 0; i < fade; i++) {
        float gain = ((float)i + 0.5F) / (float)fade;
        out[LEAD + i] *= gain;
        out[LEAD + n - 1 - i] *= gain;
    }
    return all;
}
