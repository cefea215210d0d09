/* SPDX-License-Identifier: MIT
 *
 * How loud the room is without the speaker: the lowest level of the last three seconds, for nobody speaks three seconds
 * without a gap or the closure of a "t". It falls at once and rises slowly, so that a word is never taken for the room; a
 * fan that is switched on counts as speech for a few seconds, which costs a decode and loses nothing.
 *
 * At first nothing is known. The floor starts as low as it can be, so that a word in the very first frame is heard, and
 * climbs faster for two seconds. Frames of digital silence tell nothing about the room and are left out. */
#include "dictate/voice/voice_inside.h"

#include <math.h>

static const double smoothing = 0.3; /* a frame's weight: about 30 ms */
static const double rise_db = 0.06;  /* a frame: 6 dB a second */
static const double first_rise_db = 0.3;
enum { FIRST_FRAMES = 200, FEWEST_FRAMES = 50 };

double voice_db(double power)
{
    return 10 * log10(power + 1e-10);
}

void voice_floor_init(voice_floor *f, double lowest_db)
{
    *f = (voice_floor){.db = lowest_db, .lowest = lowest_db};
    for (int i = 0; i < VOICE_FLOOR_BUCKETS; i++)
        f->buckets[i] = HUGE_VAL;
}

void voice_floor_push(voice_floor *f, double power)
{
    if (voice_db(power) < VOICE_NOTHING_DB + 1)
        return;
    f->smooth = f->n_frames ? f->smooth + smoothing * (power - f->smooth) : power;
    f->n_frames++;
    if (f->n_in_bucket == VOICE_FLOOR_BUCKET) {
        f->bucket = (f->bucket + 1) % VOICE_FLOOR_BUCKETS;
        f->buckets[f->bucket] = HUGE_VAL;
        f->n_in_bucket = 0;
    }
    f->n_in_bucket++;
    f->buckets[f->bucket] = fmin(f->buckets[f->bucket], voice_db(f->smooth));
    double low = HUGE_VAL;
    for (int i = 0; i < VOICE_FLOOR_BUCKETS; i++)
        low = fmin(low, f->buckets[i]);
    low = fmax(low, f->lowest);
    if (low < f->db)
        f->db = low;
    else if (f->n_frames >= FEWEST_FRAMES)
        f->db = fmin(low, f->db + (f->n_frames < FIRST_FRAMES ? first_rise_db : rise_db));
}
