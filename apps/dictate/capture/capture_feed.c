/* SPDX-License-Identifier: MIT
 *
 * The feeding side of a capture: what a sound server's callback or a reading thread does with the samples. It copies
 * into the ring and rings the reader's bell; no lock, no allocation, no conversion. */
#include "dictate/capture/capture_inside.h"

#include <stdlib.h>
#include <unistd.h>

void capture_wake(capture *stream)
{
    uint64_t one = 1;
    /* fails only when the counter is full, and then the reader wakes anyway */
    ssize_t n = write(stream->event_fd, &one, sizeof one);
    (void)n;
}

bool capture_feed_rate(capture *stream, int32_t rate_hz)
{
    stream->rate = capture_rate_create(rate_hz);
    if (!stream->rate)
        return false;
    stream->waiting_room = capture_rate_room(stream->rate, CAPTURE_CHUNK);
    stream->waiting = malloc(stream->waiting_room * sizeof *stream->waiting);
    if (!stream->waiting)
        return false;
    atomic_store_explicit(&stream->rate_hz, rate_hz, memory_order_release);
    return true;
}

bool capture_feed(capture *stream, const float *pcm, size_t n, int64_t time_us)
{
    int32_t rate_hz = atomic_load_explicit(&stream->rate_hz, memory_order_relaxed);
    int64_t stop_us = atomic_load_explicit(&stream->stop_us, memory_order_acquire);
    bool enough = false;
    if (stop_us) {
        int64_t wanted_us = stop_us - time_us;
        enough = wanted_us * rate_hz <= (int64_t)n * 1000000;
        int64_t kept =
            wanted_us + CAPTURE_STOP_SLACK_US <= 0 ? 0 : (wanted_us + CAPTURE_STOP_SLACK_US) * rate_hz / 1000000;
        if ((uint64_t)kept < n)
            n = (size_t)kept;
    }
    size_t taken = capture_ring_write(stream->ring, pcm, n, time_us, rate_hz);
    if (taken < n)
        atomic_fetch_add_explicit(&stream->n_dropped, (int64_t)(n - taken), memory_order_relaxed);
    if (n > 0 && !atomic_load_explicit(&stream->heard, memory_order_relaxed)) {
        atomic_store_explicit(&stream->heard, true, memory_order_relaxed);
        if (stream->sink.started)
            stream->sink.started(stream->sink.user, time_us);
    }
    capture_wake(stream);
    return enough;
}

void capture_feed_end(capture *stream)
{
    atomic_store_explicit(&stream->finished, true, memory_order_release);
    capture_wake(stream);
}

void capture_tell_device(capture *stream, const char *name, const char *description)
{
    if (stream->sink.device)
        stream->sink.device(stream->sink.user, name, description);
}

void capture_tell_interrupted(capture *stream, const char *why)
{
    if (stream->sink.interrupted)
        stream->sink.interrupted(stream->sink.user, why);
}

void capture_tell_failed(capture *stream, const char *why)
{
    capture_feed_end(stream);
    if (stream->sink.failed)
        stream->sink.failed(stream->sink.user, why);
}
