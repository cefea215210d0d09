/* SPDX-License-Identifier: MIT
 *
 * Sound files, read piece by piece and mixed down to one channel. */
#ifndef CAPTURE_SOUND_H
#define CAPTURE_SOUND_H

#include "dictate/capture/capture.h"

typedef struct capture_sound capture_sound;

/* NULL: error is one sentence that names the file. */
capture_sound *capture_sound_open(const char *path, char error[CAPTURE_ERROR]);
void capture_sound_close(capture_sound *sound);
int32_t capture_sound_rate_hz(const capture_sound *sound);
/* Mono; 0: the end. */
size_t capture_sound_read(capture_sound *sound, float *pcm, size_t n);

#endif
