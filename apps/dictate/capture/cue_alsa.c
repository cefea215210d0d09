/* SPDX-License-Identifier: MIT
 *
 * A cue by ALSA, on a thread of its own, one at a time: opening a device may take long and must not hold up a
 * dictation. The window is told before, with room for it. */
#define _GNU_SOURCE
#include "dictate/capture/capture_alsa.h"
#include "dictate/capture/cue.h"

#include <string.h>

enum { OPEN_US = 200000, BUFFER_US = 100000, ROOM_US = 40000 };

static void *play_thread(void *argument)
{
    alsa_system *a = argument;
    snd_pcm_t *pcm = NULL;
    if (snd_pcm_open(&pcm, "default", SND_PCM_STREAM_PLAYBACK, 0) == 0) {
        if (snd_pcm_set_params(pcm, SND_PCM_FORMAT_FLOAT, SND_PCM_ACCESS_RW_INTERLEAVED, 1, CUE_RATE_HZ, 1, BUFFER_US)
                == 0
            && snd_pcm_writei(pcm, a->cue_pcm, a->n_cue) > 0)
            snd_pcm_drain(pcm);
        snd_pcm_close(pcm);
    }
    pthread_mutex_lock(&a->lock);
    a->cue_active = false;
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

void alsa_cue_end(alsa_system *a)
{
    if (a->cue_begun)
        pthread_join(a->cue_thread, NULL);
    a->cue_begun = false;
    free(a->cue_pcm);
    a->cue_pcm = NULL;
}

bool alsa_play(capture_system *system, const float *pcm, size_t n, int64_t *start_us, int64_t *end_us)
{
    alsa_system *a = system->state;
    pthread_mutex_lock(&a->lock);
    bool busy = a->cue_active;
    pthread_mutex_unlock(&a->lock);
    if (busy)
        return false;
    alsa_cue_end(a);
    a->cue_pcm = malloc(n * sizeof *pcm);
    if (!a->cue_pcm)
        return false;
    memcpy(a->cue_pcm, pcm, n * sizeof *pcm);
    a->n_cue = n;
    a->cue_active = true;
    *start_us = clock_now_us();
    *end_us = *start_us + OPEN_US + BUFFER_US + (int64_t)n * 1000000 / CUE_RATE_HZ + ROOM_US;
    a->cue_begun = pthread_create(&a->cue_thread, NULL, play_thread, a) == 0;
    if (!a->cue_begun)
        a->cue_active = false;
    return a->cue_begun;
}
