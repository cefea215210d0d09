/* SPDX-License-Identifier: MIT
 *
 * The parts of voice.c: the band that speech lies in, and how loud the room is. */
#ifndef DICTATE_VOICE_INSIDE_H
#define DICTATE_VOICE_INSIDE_H

#include "dictate/voice/voice.h"

enum { VOICE_FRAME = VOICE_RATE_HZ / 100, VOICE_FRAME_MS = 10 };

/* Frames quieter than this hold no sound at all: a muted or gated microphone. */
#define VOICE_NOTHING_DB (-100.0)

typedef struct voice_biquad {
    double b0, b1, b2, a1, a2;
    double z1, z2;
} voice_biquad;

enum { VOICE_BAND_STAGES = 3 };
typedef struct voice_band {
    voice_biquad stages[VOICE_BAND_STAGES];
} voice_band;

void voice_band_init(voice_band *band);
void voice_band_reset(voice_band *band);
double voice_band_step(voice_band *band, double sample);

/* Mean square to dBFS, at least VOICE_NOTHING_DB. */
double voice_db(double power);

/* Minimum statistics: the quietest 30 ms of the last three seconds. */
enum { VOICE_FLOOR_BUCKETS = 12, VOICE_FLOOR_BUCKET = 25 };
typedef struct voice_floor {
    double smooth;                       /* power over about 30 ms */
    double buckets[VOICE_FLOOR_BUCKETS]; /* dB, the lowest of each quarter of a second */
    int32_t bucket, n_in_bucket;
    int64_t n_frames;
    double db;     /* the floor */
    double lowest; /* it is never below this */
} voice_floor;

void voice_floor_init(voice_floor *f, double lowest_db);
void voice_floor_push(voice_floor *f, double power);

#endif
