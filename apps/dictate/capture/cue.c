/* SPDX-License-Identifier: MIT
 *
 * Two short notes per cue, the second one higher or lower, each a sine with a raised-cosine rise and fall so that
 * nothing clicks. A quiet octave above makes them audible on a laptop's speaker. The frequencies lie where speech has
 * little energy of its own but hearing is good; a voice detector that knows the window has little left to mistake. */
#include "dictate/capture/capture_inside.h"
#include "dictate/capture/cue_notes.h"

#include <math.h>
#include <string.h>

const cue_note cue_notes[N_CUES][CUE_NOTES] = {
    [CUE_START] = {{660, 0, 50}, {880, 45, 65}},
    [CUE_STOP] = {{880, 0, 50}, {660, 45, 65}},
    [CUE_CANCEL] = {{440, 0, 50}, {330, 45, 65}},
    [CUE_FAILURE] = {{262, 0, 55}, {208, 50, 70}},
};

static void add_note(const cue_note *n, float amplitude, float *out)
{
    const double pi = 3.14159265358979323846;
    int32_t length = n->length_ms * CUE_RATE_HZ / 1000, rise = CUE_RISE_MS * CUE_RATE_HZ / 1000;
    float *to = out + n->from_ms * CUE_RATE_HZ / 1000;
    for (int32_t i = 0; i < length; i++) {
        int32_t from_edge = i < length - 1 - i ? i : length - 1 - i;
        double envelope = from_edge < rise ? 0.5 - 0.5 * cos(pi * from_edge / rise) : 1.0;
        double phase = 2 * pi * n->hz * i / CUE_RATE_HZ;
        to[i] += (float)(amplitude * envelope * (0.8 * sin(phase) + 0.2 * sin(2 * phase)));
    }
}

size_t cue_render(cue_kind kind, int32_t volume, float *out)
{
    volume = volume < 0 ? 0 : volume > 100 ? 100 : volume;
    /* loudness goes with the square; two notes that overlap stay below full scale */
    float amplitude = 0.45f * (float)(volume * volume) / (100.0f * 100.0f);
    const cue_note *n = cue_notes[kind];
    size_t n_samples = (size_t)(n[CUE_NOTES - 1].from_ms + n[CUE_NOTES - 1].length_ms) * CUE_RATE_HZ / 1000;
    memset(out, 0, n_samples * sizeof *out);
    for (int i = 0; i < CUE_NOTES; i++)
        add_note(&n[i], amplitude, out);
    return n_samples;
}

bool cue_play(capture_system *system, cue_kind kind, int32_t volume, int64_t *start_us, int64_t *end_us)
{
    int64_t from_us = 0, to_us = 0;
    bool played = volume <= 0;
    if (!played) {
        float pcm[CUE_SAMPLES];
        size_t n = cue_render(kind, volume, pcm);
        played = system->backend->play(system, pcm, n, &from_us, &to_us);
    }
    if (start_us)
        *start_us = played ? from_us : 0;
    if (end_us)
        *end_us = played ? to_us : 0;
    return played;
}
