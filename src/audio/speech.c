/* SPDX-License-Identifier: MIT
 *
 * Whether anything in a recording can be speech, by energy alone: speech comes and goes, silence, hiss and hum stay as they are. What
 * is as loud as the quietest tenth all along, or below MOST_QUIET_DB, is none; neither is a click. Music and other people's
 * voices are not told from speech. */
#include "audio/audio.h"

#include <math.h>

enum { FRAMES_PER_SECOND = 50, ONSET_FRAMES = 3, MOST_DB = 20, LEAST_DB = -100, STEPS_PER_DB = 4 };
static const double MOST_QUIET_DB = -60, ABOVE_FLOOR_DB = 8;

/* dBFS of a frame, in steps from LEAST_DB on. */
static int32_t level_of(const float *pcm, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * (double)pcm[i];
    const double db = sum > 0 ? 10 * log10(sum / (double)n) : LEAST_DB;
    return (int32_t)((CSI_MAX(LEAST_DB, CSI_MIN(MOST_DB, db)) - LEAST_DB) * STEPS_PER_DB);
}

static int32_t step_of(double db)
{
    return (int32_t)((db - LEAST_DB) * STEPS_PER_DB);
}

bool csi_audio_has_speech(const float *pcm, size_t n_samples, int32_t rate_hz)
{
    const size_t frame = (size_t)CSI_MAX(1, rate_hz / FRAMES_PER_SECOND), n = n_samples / frame;
    size_t counts[(MOST_DB - LEAST_DB) * STEPS_PER_DB + 1] = {0}, below = 0;
    int32_t floor_step = 0, run = 0;
    for (size_t i = 0; i < n; i++)
        counts[level_of(pcm + i * frame, frame)]++;
    while (floor_step + 1 < (int32_t)CSI_COUNT(counts) && (below += counts[floor_step]) * 10 < n)
        floor_step++;
    const int32_t loud = CSI_MAX(floor_step + (int32_t)(ABOVE_FLOOR_DB * STEPS_PER_DB), step_of(MOST_QUIET_DB));
    for (size_t i = 0; i < n; i++) {
        run = level_of(pcm + i * frame, frame) > loud ? run + 1 : 0;
        if (run == ONSET_FRAMES)
            return true;
    }
    return false;
}
