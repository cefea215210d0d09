/* SPDX-License-Identifier: MIT
 *
 * Samples from one writer to one reader, without a lock. The writer never waits: what does not fit is not taken, and it
 * is told how much was. Every 512th sample carries the time at which it was spoken, so the reader can date any sample
 * even when the stream was interrupted between two of them. */
#ifndef CAPTURE_RING_H
#define CAPTURE_RING_H

#include <stddef.h>
#include <stdint.h>

typedef struct capture_ring capture_ring;

enum { CAPTURE_RING_BLOCK = 512 };

/* n_samples: a power of two, at least CAPTURE_RING_BLOCK. NULL: out of memory. */
capture_ring *capture_ring_create(size_t n_samples);
void capture_ring_free(capture_ring *ring);
/* The writer's thread. pcm NULL: silence. time_us: when pcm[0] was spoken. Returns how many were taken. */
size_t capture_ring_write(capture_ring *ring, const float *pcm, size_t n, int64_t time_us, int32_t rate_hz);
size_t capture_ring_room(const capture_ring *ring);
/* The reader's thread. Returns how many were there. */
size_t capture_ring_read(capture_ring *ring, float *pcm, size_t n);
/* When the sample with this number (from 0, as read) was spoken; good for samples that were read lately. */
int64_t capture_ring_time_us(const capture_ring *ring, double sample, int32_t rate_hz);
/* Either thread, or any other: a moment's truth. */
size_t capture_ring_filled(const capture_ring *ring);

#endif
