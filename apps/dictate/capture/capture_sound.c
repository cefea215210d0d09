/* SPDX-License-Identifier: MIT
 *
 * By libsndfile. Channels are averaged. */
#include "dictate/capture/capture_inside.h"
#include "dictate/capture/capture_sound.h"

#include <sndfile.h>
#include <stdlib.h>

enum { LARGEST_RATE_HZ = 768000, MOST_CHANNELS = 64, PIECE = 1024 };

struct capture_sound {
    SNDFILE *file;
    int32_t rate_hz;
    size_t n_channels;
    float *frames; /* (PIECE, n_channels) */
};

capture_sound *capture_sound_open(const char *path, char error[CAPTURE_ERROR])
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file) {
        capture_say(error, "%.200s cannot be read as a sound file: %.100s", path, sf_strerror(NULL));
        return NULL;
    }
    if (info.samplerate < 1000 || info.samplerate > LARGEST_RATE_HZ || info.channels < 1
        || info.channels > MOST_CHANNELS) {
        capture_say(error, "%.200s has %d channels at %d Hz; expected 1 to %d at 1000 to %d Hz.", path, info.channels,
                    info.samplerate, MOST_CHANNELS, LARGEST_RATE_HZ);
        sf_close(file);
        return NULL;
    }
    capture_sound *sound = calloc(1, sizeof *sound);
    float *frames = malloc((size_t)info.channels * PIECE * sizeof *frames);
    if (!sound || !frames) {
        capture_say(error, "%.200s cannot be read: out of memory.", path);
        free(sound);
        free(frames);
        sf_close(file);
        return NULL;
    }
    *sound = (capture_sound){file, info.samplerate, (size_t)info.channels, frames};
    return sound;
}

void capture_sound_close(capture_sound *sound)
{
    if (!sound)
        return;
    sf_close(sound->file);
    free(sound->frames);
    free(sound);
}

int32_t capture_sound_rate_hz(const capture_sound *sound)
{
    return sound->rate_hz;
}

size_t capture_sound_read(capture_sound *sound, float *pcm, size_t n)
{
    size_t made = 0;
    while (made < n) {
        sf_count_t want = (sf_count_t)(n - made < PIECE ? n - made : PIECE);
        sf_count_t got = sf_readf_float(sound->file, sound->frames, want);
        for (sf_count_t i = 0; i < got; i++) {
            float sum = 0;
            for (size_t channel = 0; channel < sound->n_channels; channel++)
                sum += sound->frames[(size_t)i * sound->n_channels + channel];
            pcm[made + (size_t)i] = sum / (float)sound->n_channels;
        }
        if (got > 0)
            made += (size_t)got;
        if (got < want)
            break;
    }
    return made;
}
