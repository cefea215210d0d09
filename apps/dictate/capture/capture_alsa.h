/* SPDX-License-Identifier: MIT
 *
 * What the ALSA files share. */
#ifndef CAPTURE_ALSA_H
#define CAPTURE_ALSA_H

#include "dictate/capture/capture_inside.h"

#include <alsa/asoundlib.h>
#include <pthread.h>

enum { ALSA_CHANNELS_MOST = 32 };

/* A device that is open for recording and what its samples look like. */
typedef struct alsa_pcm {
    snd_pcm_t *pcm;
    snd_pcm_format_t format; /* FLOAT, S32 or S16, native endian */
    uint32_t n_channels;
    int32_t rate_hz;
} alsa_pcm;

typedef struct alsa_system {
    pthread_mutex_t lock; /* of the cue */
    pthread_t cue_thread;
    bool cue_begun;  /* there is a thread to join */
    bool cue_active; /* and it still plays */
    float *cue_pcm;
    size_t n_cue;
} alsa_system;

/* rate_hz 0: the device's own, nearest to 48000. 0, or a negative error of ALSA's. */
int alsa_open_pcm(alsa_pcm *to, const char *name, int32_t rate_hz);
/* Mono of n frames as they were read. */
void alsa_mix(const alsa_pcm *from, const void *frames, size_t n, float *out);
/* One sentence. name is the device's. */
void alsa_why(int failure, const char *name, char error[CAPTURE_ERROR]);
int32_t alsa_devices(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR]);

/* cue_alsa.c */
bool alsa_play(capture_system *system, const float *pcm, size_t n, int64_t *start_us, int64_t *end_us);
void alsa_cue_end(alsa_system *a);

#endif
