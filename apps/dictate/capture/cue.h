/* SPDX-License-Identifier: MIT
 *
 * Short sounds made in code, 120 ms at most: start rises, stop falls, cancel and failure are lower. Played through the
 * same sound server as the capture uses, without ever holding up the caller. */
#ifndef DICTATE_CUE_H
#define DICTATE_CUE_H

#include "dictate/capture/capture.h"

typedef enum cue_kind { CUE_START, CUE_STOP, CUE_CANCEL, CUE_FAILURE, N_CUES } cue_kind;

/* The sound itself, 48 kHz mono, volume 0..100. Returns the number of samples, at most CUE_SAMPLES. */
enum { CUE_RATE_HZ = 48000, CUE_SAMPLES = CUE_RATE_HZ * 120 / 1000 };
size_t cue_render(cue_kind kind, int32_t volume, float *out);
/* Take a cue of ours, whichever it is, out of samples (16 kHz mono) in which it is somewhere in [from, to): silence where it stands alone, subtracted
 * where somebody speaks into it. False: it is not there, and nothing was changed. */
bool cue_remove(float *pcm, size_t n, int64_t from, int64_t to);
/* Start playing and return. *start_us and *end_us: the window, on CLOCK_MONOTONIC, in which a microphone can hear it,
 * device latency included as far as the server tells; both 0 when nothing is played (volume 0, no server). The two may be
 * NULL. False: it cannot be played; that is never an error of a dictation. */
bool cue_play(capture_system *system, cue_kind kind, int32_t volume, int64_t *start_us, int64_t *end_us);

#endif
