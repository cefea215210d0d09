/* SPDX-License-Identifier: MIT
 * Sounds for tests of the voice: made of arithmetic, the same on every machine, added to a track. */
#ifndef DICTATE_SIGNALS_H
#define DICTATE_SIGNALS_H

#include "dictate/voice/voice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MS = VOICE_RATE_HZ / 1000 };

typedef struct track {
    float *pcm;
    int64_t n;
} track;

static inline double signal_gain(double db)
{
    return pow(10, db / 20);
}

static inline track track_make(int64_t ms)
{
    track t = {calloc((size_t)(ms * MS) + 1, sizeof(float)), ms * MS};
    if (!t.pcm)
        abort();
    return t;
}

static inline double track_noise_step(uint32_t *state)
{
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        *state = *state * 1664525U + 1013904223U;
        sum += (*state >> 8) / 16777216.0 - 0.5;
    }
    return sum * 1.7320508;
}

/* White noise with this root mean square. */
static inline void track_noise(track t, int64_t first_ms, int64_t n_ms, double db, uint32_t seed)
{
    for (int64_t i = first_ms * MS; i < (first_ms + n_ms) * MS && i < t.n; i++)
        t.pcm[i] += (float)(signal_gain(db) * track_noise_step(&seed));
}

static inline void track_tone(track t, int64_t first_ms, int64_t n_ms, double hz, double db)
{
    for (int64_t i = first_ms * MS; i < (first_ms + n_ms) * MS && i < t.n; i++)
        t.pcm[i] += (float)(1.4142136 * signal_gain(db) * sin(6.283185307 * hz * (double)i / VOICE_RATE_HZ));
}

/* Something like a vowel: harmonics of 125 Hz that fall by 6 dB an octave, with this root mean square and short ramps. */
static inline void track_word(track t, int64_t first_ms, int64_t n_ms, double db)
{
    double norm = 0, ramp = 10.0 * MS;
    for (int h = 1; h <= 24; h++)
        norm += 0.5 / (h * h);
    for (int64_t i = 0; i < n_ms * MS && first_ms * MS + i < t.n; i++) {
        double sum = 0, end = (double)(n_ms * MS - i);
        for (int h = 1; h <= 24; h++)
            sum += sin(6.283185307 * 125 * h * (double)i / VOICE_RATE_HZ + h * h) / h;
        double shape = fmin(1, fmin(((double)i + 1) / ramp, end / ramp));
        t.pcm[first_ms * MS + i] += (float)(signal_gain(db) * shape * sum / sqrt(norm));
    }
}

typedef struct spans {
    voice_segment items[256];
    int n;
} spans;

static inline void spans_take(spans *s, voice *v)
{
    while (s->n < 256 && voice_next(v, &s->items[s->n]))
        s->n++;
}

/* The whole track in pushes of chunk samples. */
static inline void spans_find(spans *s, voice *v, track t, int64_t chunk)
{
    s->n = 0;
    for (int64_t at = 0; at < t.n; at += chunk) {
        voice_push(v, t.pcm + at, (size_t)(chunk < t.n - at ? chunk : t.n - at));
        spans_take(s, v);
    }
    voice_finish(v);
    spans_take(s, v);
}

static inline int spans_holding(const spans *s, int64_t first, int64_t n)
{
    int holding = 0;
    for (int i = 0; i < s->n; i++)
        holding += s->items[i].first <= first && s->items[i].first + s->items[i].n >= first + n;
    return holding;
}

#endif
