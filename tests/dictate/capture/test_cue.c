/* SPDX-License-Identifier: MIT
 *
 * The cues as they are rendered: length, level, edges, and which way each one goes. */
#define _GNU_SOURCE
#include "capture_kit.h"

/* The strength of one frequency in a stretch. */
static double at_hz(const float *pcm, size_t n, double hz)
{
    double re = 0, im = 0;
    for (size_t i = 0; i < n; i++) {
        re += (double)pcm[i] * cos(6.283185307179586 * hz * (double)i / CUE_RATE_HZ);
        im += (double)pcm[i] * sin(6.283185307179586 * hz * (double)i / CUE_RATE_HZ);
    }
    return hypot(re, im);
}

static double strongest_hz(const float *pcm, size_t n)
{
    double best = 0, best_hz = 0;
    for (double hz = 100; hz < 2000; hz += 10) {
        double now = at_hz(pcm, n, hz);
        if (now > best) {
            best = now;
            best_hz = hz;
        }
    }
    return best_hz;
}

static void every_cue_is_short_and_clean(void)
{
    for (int kind = 0; kind < N_CUES; kind++) {
        float pcm[CUE_SAMPLES];
        size_t n = cue_render((cue_kind)kind, 100, pcm);
        double sum = 0, peak = 0, step = 0;
        CHECK(n > CUE_RATE_HZ / 20 && n <= CUE_SAMPLES);
        for (size_t i = 0; i < n; i++) {
            sum += (double)pcm[i];
            peak = fmax(peak, fabs((double)pcm[i]));
            if (i > 0)
                step = fmax(step, fabs((double)(pcm[i] - pcm[i - 1])));
        }
        CHECK(peak > 0.3 && peak < 1.0);
        CHECK_NEAR(sum / (double)n, 0, 1e-3);
        CHECK_NEAR(pcm[0], 0, 1e-6);
        CHECK_NEAR(pcm[n - 1], 0, 1e-6);
        CHECK(step < 0.15); /* no click */
    }
}

static void start_rises_and_the_others_fall(void)
{
    double first[N_CUES], last[N_CUES];
    for (int kind = 0; kind < N_CUES; kind++) {
        float pcm[CUE_SAMPLES];
        size_t n = cue_render((cue_kind)kind, 100, pcm), third = n / 3;
        first[kind] = strongest_hz(pcm, third);
        last[kind] = strongest_hz(pcm + n - third, third);
    }
    CHECK(last[CUE_START] > first[CUE_START] * 1.15);
    CHECK(last[CUE_STOP] < first[CUE_STOP] * 0.85);
    CHECK(first[CUE_CANCEL] < last[CUE_STOP] && last[CUE_CANCEL] < first[CUE_CANCEL]);
    CHECK(first[CUE_FAILURE] < first[CUE_CANCEL] && last[CUE_FAILURE] < first[CUE_FAILURE]);
}

static double peak_at(int32_t volume)
{
    float pcm[CUE_SAMPLES];
    size_t n = cue_render(CUE_START, volume, pcm);
    double peak = 0;
    for (size_t i = 0; i < n; i++)
        peak = fmax(peak, fabs((double)pcm[i]));
    return peak;
}

static void volume_is_obeyed(void)
{
    CHECK(peak_at(0) == 0);
    CHECK(peak_at(25) > 0 && peak_at(25) < peak_at(50) && peak_at(50) < peak_at(100));
    CHECK_NEAR(peak_at(1000), peak_at(100), 1e-9);
    CHECK(peak_at(-5) == 0);
}

static void no_window_when_nothing_is_played(void)
{
    char error[CAPTURE_ERROR];
    int64_t start_us = 1, end_us = 1;
    capture_system *system = capture_system_open("fast:/dev/zero", error);
    CHECK(system != NULL);
    CHECK(cue_play(system, CUE_START, 0, &start_us, &end_us));
    CHECK(start_us == 0 && end_us == 0);
    start_us = end_us = 1;
    CHECK(!cue_play(system, CUE_START, 50, &start_us, &end_us));
    CHECK(start_us == 0 && end_us == 0);
    CHECK(!cue_play(system, CUE_START, 50, NULL, NULL));
    capture_system_close(system);
}

int main(void)
{
    RUN(every_cue_is_short_and_clean);
    RUN(start_rises_and_the_others_fall);
    RUN(volume_is_obeyed);
    RUN(no_window_when_nothing_is_played);
    return check_done();
}
