/* SPDX-License-Identifier: MIT
 *
 * Our own cue, taken out of what the microphone heard. Where it is, is known to a quarter of a second; what it is, is known
 * exactly but for what loudspeaker, room and microphone did to it: loudness and phase of each tone. So each note is matched
 * by a sine and a cosine of its two frequencies under its envelope, at every millisecond of the window. Where most of the
 * sound is explained by that, nobody spoke: silence. Where a part is, somebody spoke into the cue: that part is subtracted,
 * and the word stays. */
#include "dictate/capture/cue.h"
#include "dictate/capture/cue_notes.h"

#include <math.h>
#include <string.h>

enum { PER_MS = CAPTURE_RATE_HZ / 1000, BASIS = 4, LONGEST = 80 * PER_MS, AROUND_MS = 30, TAIL_MS = 30, FADE_MS = 5 };

static const double PURE = 0.7;    /* of the energy is the cue's: nothing else is there */
static const double HEARD = 0.1;   /* less than that: it cannot be told from chance */
static const double SILENT = 1e-9; /* mean square: nothing to remove */

typedef struct matcher {
    int32_t from, length;        /* samples */
    float basis[BASIS][LONGEST]; /* of unit energy */
} matcher;

static void prepare(matcher *m, const cue_note *note)
{
    const double pi = 3.14159265358979323846;
    int32_t rise = CUE_RISE_MS * PER_MS;
    m->from = note->from_ms * PER_MS;
    m->length = note->length_ms * PER_MS;
    for (int b = 0; b < BASIS; b++) {
        double energy = 0;
        for (int32_t i = 0; i < m->length; i++) {
            int32_t edge = i < m->length - 1 - i ? i : m->length - 1 - i;
            double envelope = edge < rise ? 0.5 - 0.5 * cos(pi * edge / rise) : 1;
            double phase = 2 * pi * (double)note->hz * (b / 2 + 1) * i / CAPTURE_RATE_HZ;
            double value = envelope * (b % 2 ? cos(phase) : sin(phase));
            m->basis[b][i] = (float)value;
            energy += value * value;
        }
        for (int32_t i = 0; i < m->length; i++)
            m->basis[b][i] = (float)(m->basis[b][i] / sqrt(energy));
    }
}

/* How much of each basis is in x; the sum of squares is the energy explained. */
static double project(const matcher *m, const float *x, double part[BASIS])
{
    double explained = 0;
    for (int b = 0; b < BASIS; b++) {
        part[b] = 0;
        for (int32_t i = 0; i < m->length; i++)
            part[b] += (double)x[m->from + i] * (double)m->basis[b][i];
        explained += part[b] * part[b];
    }
    return explained;
}

static void subtract(const matcher *m, float *x)
{
    double part[BASIS];
    project(m, x, part);
    for (int b = 0; b < BASIS; b++)
        for (int32_t i = 0; i < m->length; i++)
            x[m->from + i] -= (float)(part[b] * (double)m->basis[b][i]);
}

/* Silence from one sample to another, faded in and out. */
static void silence(float *pcm, int64_t n, int64_t from, int64_t to)
{
    const int32_t fade = FADE_MS * PER_MS;
    for (int64_t i = from < 0 ? 0 : from; i < to && i < n; i++) {
        int64_t edge = i - from < to - 1 - i ? i - from : to - 1 - i;
        pcm[i] *= edge < fade ? 1 - (float)edge / (float)fade : 0;
    }
}

typedef struct match {
    int64_t at, length;
    double energy, explained; /* of the sound there; of it, by the cue */
} match;

static match look_at(const matcher notes[CUE_NOTES], const float *pcm, int64_t at, int64_t length)
{
    match m = {at, length, SILENT * (double)length, 0};
    double part[BASIS];
    for (int64_t i = at; i < at + length; i++)
        m.energy += (double)pcm[i] * (double)pcm[i];
    for (int k = 0; k < CUE_NOTES; k++)
        m.explained += project(&notes[k], pcm + at, part);
    return m;
}

/* The loudest match, not the purest: a cue's edge alone is pure, too. */
static double worth(const match *m)
{
    return m->explained > HEARD * m->energy ? m->explained * m->explained / m->energy : 0;
}

bool cue_remove(float *pcm, size_t n_samples, int64_t from, int64_t to)
{
    matcher notes[N_CUES][CUE_NOTES];
    match best = {0, 0, 1, 0};
    int best_kind = 0;
    from = from > AROUND_MS * PER_MS ? from - AROUND_MS * PER_MS : 0;
    to += AROUND_MS * PER_MS;
    if (to > (int64_t)n_samples)
        to = (int64_t)n_samples;
    for (int kind = 0; kind < N_CUES; kind++) {
        int64_t length = 0;
        for (int k = 0; k < CUE_NOTES; k++) {
            prepare(&notes[kind][k], &cue_notes[kind][k]);
            length = notes[kind][k].from + notes[kind][k].length;
        }
        for (int64_t at = from; at + length <= to; at += PER_MS) {
            match m = look_at(notes[kind], pcm, at, length);
            if (worth(&m) > worth(&best)) {
                best = m;
                best_kind = kind;
            }
        }
    }
    if (worth(&best) <= 0)
        return false;
    if (best.explained >= PURE * best.energy)
        silence(pcm, (int64_t)n_samples, best.at - FADE_MS * PER_MS, best.at + best.length + TAIL_MS * PER_MS);
    else
        for (int k = 0; k < CUE_NOTES; k++)
            subtract(&notes[best_kind][k], pcm + best.at);
    return true;
}
