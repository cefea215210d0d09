/* SPDX-License-Identifier: MIT
 *
 * The band in which speech is told from a room: 150 to 4000 Hz. Below lie mains hum, desk bumps, wind and DC, which carry
 * much energy and no words; two high-pass sections take 38 dB off 50 Hz and 32 dB off 60 Hz. Voices whose fundamental is
 * lower still have their formants inside. Coefficients after R. Bristow-Johnson's audio EQ cookbook. */
#include "dictate/voice/voice_inside.h"

#include <math.h>

enum { LOW_HZ = 150, HIGH_HZ = 4000 };

/* Q of a Butterworth filter's sections: 1 / (2 cos(pi / 8)) and 1 / (2 cos(3 pi / 8)) for the fourth order, 1 / sqrt 2 for
 * the second. */
static const double fourth_q[2] = {0.541196100146197, 1.306562964876377};
static const double second_q = 0.707106781186548;

static void section(voice_biquad *s, double hz, double q, bool high_pass)
{
    double w = 6.283185307179586 * hz / VOICE_RATE_HZ, c = cos(w), alpha = sin(w) / (2 * q);
    double side = high_pass ? (1 + c) / 2 : (1 - c) / 2;
    *s = (voice_biquad){.b0 = side / (1 + alpha),
                        .b1 = (high_pass ? -2 : 2) * side / (1 + alpha),
                        .b2 = side / (1 + alpha),
                        .a1 = -2 * c / (1 + alpha),
                        .a2 = (1 - alpha) / (1 + alpha)};
}

void voice_band_init(voice_band *band)
{
    section(&band->stages[0], LOW_HZ, fourth_q[0], true);
    section(&band->stages[1], LOW_HZ, fourth_q[1], true);
    section(&band->stages[2], HIGH_HZ, second_q, false);
}

void voice_band_reset(voice_band *band)
{
    for (int i = 0; i < VOICE_BAND_STAGES; i++)
        band->stages[i].z1 = band->stages[i].z2 = 0;
}

double voice_band_step(voice_band *band, double sample)
{
    for (int i = 0; i < VOICE_BAND_STAGES; i++) {
        voice_biquad *s = &band->stages[i];
        double out = s->b0 * sample + s->z1;
        s->z1 = s->b1 * sample - s->a1 * out + s->z2;
        s->z2 = s->b2 * sample - s->a2 * out;
        /* Digital silence: without this the state creeps through the denormal numbers, which are slow. */
        if (fabs(s->z1) < 1e-30)
            s->z1 = 0;
        if (fabs(s->z2) < 1e-30)
            s->z2 = 0;
        sample = out;
    }
    return sample;
}
