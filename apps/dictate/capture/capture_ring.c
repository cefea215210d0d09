/* SPDX-License-Identifier: MIT
 *
 * Two counters that only grow; each is written by one side. The writer publishes samples and times by a release store
 * of written, which the reader acquires; the reader gives room back by a release store of taken, which the writer
 * acquires. The counters lie on cache lines of their own. The reader copies the newest time it passed before it gives
 * the room back, so that it never looks at a time that the writer may be replacing. */
#include "dictate/capture/capture_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64 };

struct capture_ring {
    float *samples;
    int64_t *times_us; /* of the first sample of each block */
    size_t mask;
    /* the reader's own */
    uint64_t dated_sample;
    int64_t dated_us;
    char apart[CACHE_LINE];
    _Atomic uint64_t written;
    char apart_too[CACHE_LINE];
    _Atomic uint64_t taken;
};

capture_ring *capture_ring_create(size_t n_samples)
{
    capture_ring *ring = calloc(1, sizeof *ring);
    if (!ring)
        return NULL;
    ring->samples = calloc(n_samples, sizeof *ring->samples);
    ring->times_us = calloc(n_samples / CAPTURE_RING_BLOCK, sizeof *ring->times_us);
    ring->mask = n_samples - 1;
    atomic_init(&ring->written, 0);
    atomic_init(&ring->taken, 0);
    if (!ring->samples || !ring->times_us) {
        capture_ring_free(ring);
        return NULL;
    }
    return ring;
}

void capture_ring_free(capture_ring *ring)
{
    if (!ring)
        return;
    free(ring->samples);
    free(ring->times_us);
    free(ring);
}

size_t capture_ring_filled(const capture_ring *ring)
{
    /* taken first: it never overtakes a written that is loaded after it */
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
    return (size_t)(atomic_load_explicit(&ring->written, memory_order_acquire) - taken);
}

size_t capture_ring_room(const capture_ring *ring)
{
    return ring->mask + 1 - capture_ring_filled(ring);
}

/* The first multiple of the block at or after sample. */
static uint64_t block_at_or_after(uint64_t sample)
{
    return (sample + CAPTURE_RING_BLOCK - 1) / CAPTURE_RING_BLOCK * CAPTURE_RING_BLOCK;
}

static int64_t duration_us(double n_samples, int32_t rate_hz)
{
    return (int64_t)(n_samples * 1e6 / rate_hz);
}

size_t capture_ring_write(capture_ring *ring, const float *pcm, size_t n, int64_t time_us, int32_t rate_hz)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
    size_t room = ring->mask + 1 - (size_t)(written - taken);
    if (n > room)
        n = room;
    size_t at = (size_t)written & ring->mask;
    size_t before_end = ring->mask + 1 - at;
    size_t first = n < before_end ? n : before_end;
    if (pcm) {
        memcpy(ring->samples + at, pcm, first * sizeof *pcm);
        memcpy(ring->samples, pcm + first, (n - first) * sizeof *pcm);
    } else {
        memset(ring->samples + at, 0, first * sizeof *ring->samples);
        memset(ring->samples, 0, (n - first) * sizeof *ring->samples);
    }
    for (uint64_t block = block_at_or_after(written); block < written + n; block += CAPTURE_RING_BLOCK)
        ring->times_us[((size_t)block & ring->mask) / CAPTURE_RING_BLOCK] =
            time_us + duration_us((double)(block - written), rate_hz);
    atomic_store_explicit(&ring->written, written + n, memory_order_release);
    return n;
}

size_t capture_ring_read(capture_ring *ring, float *pcm, size_t n)
{
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    if (n > (size_t)(written - taken))
        n = (size_t)(written - taken);
    if (n == 0)
        return 0;
    size_t at = (size_t)taken & ring->mask;
    size_t before_end = ring->mask + 1 - at;
    size_t first = n < before_end ? n : before_end;
    memcpy(pcm, ring->samples + at, first * sizeof *pcm);
    memcpy(pcm + first, ring->samples, (n - first) * sizeof *pcm);
    uint64_t block = (taken + n - 1) / CAPTURE_RING_BLOCK * CAPTURE_RING_BLOCK;
    if (block >= taken) {
        ring->dated_sample = block;
        ring->dated_us = ring->times_us[((size_t)block & ring->mask) / CAPTURE_RING_BLOCK];
    }
    atomic_store_explicit(&ring->taken, taken + n, memory_order_release);
    return n;
}

int64_t capture_ring_time_us(const capture_ring *ring, double sample, int32_t rate_hz)
{
    return ring->dated_us + duration_us(sample - (double)ring->dated_sample, rate_hz);
}
