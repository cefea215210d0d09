/* SPDX-License-Identifier: MIT
 *
 * libsoxr at the quality that the library's own file reader uses (band-limited, linear phase), so that a dictated
 * sentence and the same sentence from a file are the same samples. Its transforms are made as short as it allows:
 * with the default, up to 64 ms of sound would wait inside it before the reader sees it.
 *
 * Linear phase and no start delay: output k is input k * from / 16000, which is what dates the samples. */
#include "dictate/capture/capture_rate.h"

#include "dictate/capture/capture.h"

#include <soxr.h>
#include <stdlib.h>
#include <string.h>

struct capture_rate {
    soxr_t soxr; /* NULL: the rate is right already */
    int32_t from_hz;
};

bool capture_rate_can_change(void)
{
    return true;
}

capture_rate *capture_rate_create(int32_t from_hz)
{
    capture_rate *rate = calloc(1, sizeof *rate);
    if (!rate)
        return NULL;
    rate->from_hz = from_hz;
    if (from_hz == CAPTURE_RATE_HZ)
        return rate;
    soxr_error_t failure = NULL;
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    runtime.log2_min_dft_size = 8;
    rate->soxr = soxr_create(from_hz, CAPTURE_RATE_HZ, 1, &failure, &io, &quality, &runtime);
    if (!rate->soxr || failure) {
        capture_rate_free(rate);
        return NULL;
    }
    return rate;
}

void capture_rate_free(capture_rate *rate)
{
    if (!rate)
        return;
    soxr_delete(rate->soxr);
    free(rate);
}

size_t capture_rate_room(const capture_rate *rate, size_t n)
{
    /* what the filter held back may come out at once */
    return (size_t)((double)n * CAPTURE_RATE_HZ / rate->from_hz) + 8192;
}

size_t capture_rate_run(capture_rate *rate, const float *pcm, size_t n, float *out, size_t room)
{
    size_t made = 0;
    if (!rate->soxr) {
        if (n > 0)
            memcpy(out, pcm, n * sizeof *out);
        return n;
    }
    if (n == 0) {
        soxr_process(rate->soxr, NULL, 0, NULL, out, room, &made);
        return made;
    }
    while (n > 0) {
        size_t used = 0, now = 0;
        if (soxr_process(rate->soxr, pcm, n, &used, out + made, room - made, &now) || (used == 0 && now == 0))
            break;
        pcm += used;
        n -= used;
        made += now;
    }
    return made;
}
