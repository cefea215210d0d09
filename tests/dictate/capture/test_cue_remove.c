/* SPDX-License-Identifier: MIT
 * A cue in what the microphone heard: found wherever it is, taken out, and a word spoken into it stays. */
#include "check.h"
#include "dictate/capture/cue.h"

#include <math.h>

enum { N = 16000, CUE_AT = 5000, CUE_LENGTH = 110 * 16 };

static float sound[N], before[N];
static uint32_t seed = 1;

static float noise(void)
{
    seed = seed * 1664525 + 1013904223;
    return (float)(seed >> 8) / (1 << 23) - 1;
}

static void room(float level)
{
    for (int i = 0; i < N; i++)
        sound[i] = level * noise();
}

/* As a loudspeaker and a room would give it: delayed, quieter, and with one echo. */
static void add_cue(cue_kind kind, int at, float gain, float echo)
{
    static float cue[CUE_SAMPLES];
    size_t n = cue_render(kind, 60, cue);
    for (size_t i = 0; i < n / 3; i++) {
        sound[(size_t)at + i] += gain * cue[3 * i];
        sound[(size_t)at + 37 + i] += gain * echo * cue[3 * i];
    }
}

/* Something like a vowel: 140 Hz and its harmonics around 600 and 1200 Hz. */
static void add_vowel(int from, int n, float gain)
{
    for (int i = 0; i < n; i++)
        for (int h = 1; h <= 20; h++) {
            float f = 140.0f * (float)h, weight = expf(-fabsf(f - 600) / 200) + 0.6f * expf(-fabsf(f - 1250) / 150);
            sound[from + i] += gain * weight * sinf(6.2831853f * f * (float)i / 16000 + (float)(h * h));
        }
}

static double energy(const float *x, int from, int n)
{
    double sum = 0;
    for (int i = from; i < from + n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

static void every_cue_is_found_and_silenced(void)
{
    for (int kind = 0; kind < N_CUES; kind++)
        for (int at = 4600; at < 7000; at += 371) {
            room(0.001f);
            double quiet = energy(sound, at, CUE_LENGTH);
            add_cue((cue_kind)kind, at, 0.7f, 0.3f);
            CHECK(cue_remove(sound, N, 4500, 9000));
            CHECK(energy(sound, at, CUE_LENGTH) <= 4 * quiet);
        }
}

static void what_is_no_cue_stays(void)
{
    room(0.01f);
    add_vowel(4000, 6000, 0.1f);
    memcpy(before, sound, sizeof before);
    bool found = cue_remove(sound, N, 4500, 9000);
    double changed = 0;
    for (int i = 0; i < N; i++)
        changed += (double)(sound[i] - before[i]) * (double)(sound[i] - before[i]);
    CHECK(!found || changed < 0.1 * energy(before, 4000, 6000));
    memset(sound, 0, sizeof sound);
    CHECK(!cue_remove(sound, N, 4500, 9000));
    CHECK(!cue_remove(sound, 100, 0, 100)); /* shorter than any cue */
    CHECK(!cue_remove(sound, N, N - 10, N + 10000));
}

static void a_word_after_the_cue_stays_whole(void)
{
    room(0.001f);
    add_vowel(CUE_AT + CUE_LENGTH + 30 * 16, 4000, 0.1f);
    memcpy(before, sound, sizeof before);
    add_cue(CUE_START, CUE_AT, 0.7f, 0.3f);
    CHECK(cue_remove(sound, N, 4500, 9000));
    double left = 0;
    for (int i = CUE_AT + CUE_LENGTH + 30 * 16; i < N; i++)
        left += (double)(sound[i] - before[i]) * (double)(sound[i] - before[i]);
    CHECK(left < 0.001 * energy(before, CUE_AT, 8000));
}

static void a_word_into_the_cue_stays(void)
{
    room(0.001f);
    add_vowel(CUE_AT - 800, 6000, 0.06f);
    memcpy(before, sound, sizeof before);
    add_cue(CUE_START, CUE_AT, 0.6f, 0);
    double disturbed = 0, left = 0;
    for (int i = CUE_AT; i < CUE_AT + CUE_LENGTH; i++)
        disturbed += (double)(sound[i] - before[i]) * (double)(sound[i] - before[i]);
    CHECK(cue_remove(sound, N, 4500, 9000));
    for (int i = CUE_AT; i < CUE_AT + CUE_LENGTH; i++)
        left += (double)(sound[i] - before[i]) * (double)(sound[i] - before[i]);
    CHECK(left < 0.5 * disturbed);
    CHECK(energy(sound, CUE_AT, CUE_LENGTH) > 0.5 * energy(before, CUE_AT, CUE_LENGTH));
}

int main(void)
{
    RUN(every_cue_is_found_and_silenced);
    RUN(what_is_no_cue_stays);
    RUN(a_word_after_the_cue_stays_whole);
    RUN(a_word_into_the_cue_stays);
    return check_done();
}
