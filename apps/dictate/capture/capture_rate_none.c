/* SPDX-License-Identifier: MIT
 *
 * A build without libsoxr: the sound server gives CAPTURE_RATE_HZ, and nothing else can be taken. */
#include "dictate/capture/capture.h"
#include "dictate/capture/capture_rate.h"

#include <stdlib.h>
#include <string.h>

struct capture_rate {
    int32_t from_hz;
};

bool capture_rate_can_change(void)
{
    return false;
}

capture_rate *capture_rate_create(int32_t from_hz)
{
    capture_rate *rate = from_hz == CAPTURE_RATE_HZ ? calloc(1, sizeof *rate) : NULL;
    if (rate)
        rate->from_hz = from_hz;
    return rate;
}

void capture_rate_free(capture_rate *rate)
{
    free(rate);
}

size_t capture_rate_room(const capture_rate *rate, size_t n)
{
    (void)rate;
    return n;
}

size_t capture_rate_run(capture_rate *rate, const float *pcm, size_t n, float *out, size_t room)
{
    (void)rate, (void)room;
    if (n > 0)
        memcpy(out, pcm, n * sizeof *out);
    return n;
}
