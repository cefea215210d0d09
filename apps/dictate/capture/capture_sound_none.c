/* SPDX-License-Identifier: MIT
 *
 * A build without libsndfile. */
#include "dictate/capture/capture_inside.h"
#include "dictate/capture/capture_sound.h"

capture_sound *capture_sound_open(const char *path, char error[CAPTURE_ERROR])
{
    capture_say(error, "%.200s cannot be read: this build has no libsndfile; a pipe with raw samples can be.", path);
    return NULL;
}

void capture_sound_close(capture_sound *sound)
{
    (void)sound;
}

int32_t capture_sound_rate_hz(const capture_sound *sound)
{
    (void)sound;
    return 0;
}

size_t capture_sound_read(capture_sound *sound, float *pcm, size_t n)
{
    (void)sound, (void)pcm, (void)n;
    return 0;
}
