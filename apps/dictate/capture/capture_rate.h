/* SPDX-License-Identifier: MIT
 *
 * From the device's sample rate to CAPTURE_RATE_HZ, mono, as it streams. */
#ifndef CAPTURE_RATE_H
#define CAPTURE_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct capture_rate capture_rate;

/* Can this build change rates? Otherwise the sound server is asked for CAPTURE_RATE_HZ. */
bool capture_rate_can_change(void);
/* NULL: out of memory, or a rate that cannot be changed. */
capture_rate *capture_rate_create(int32_t from_hz);
void capture_rate_free(capture_rate *rate);
/* Takes all n samples and writes up to room; room must be at least capture_rate_room(n). n 0: nothing more comes, give
 * what is still inside, to be called until it gives nothing. */
size_t capture_rate_run(capture_rate *rate, const float *pcm, size_t n, float *out, size_t room);
size_t capture_rate_room(const capture_rate *rate, size_t n);

#endif
