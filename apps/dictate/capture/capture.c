/* SPDX-License-Identifier: MIT
 *
 * The door: which backend, and the reader's side of a capture. capture_read() takes what lies in the ring, brings it
 * to 16 kHz on the reader's thread, and after the end gives what the resampler still held.
 *
 * Order matters once: finished is read before the ring. Whoever sees finished and then an empty ring has seen all. */
#define _GNU_SOURCE
#include "dictate/capture/capture_inside.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

void capture_say(char error[CAPTURE_ERROR], const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(error, CAPTURE_ERROR, format, list);
    va_end(list);
}

capture_device *capture_device_add(capture_device **devices, int32_t *n)
{
    capture_device *more = realloc(*devices, ((size_t)*n + 1) * sizeof *more);
    if (!more)
        return NULL;
    *devices = more;
    memset(&more[*n], 0, sizeof *more);
    return &more[(*n)++];
}

static bool open_one(capture_system *system, const capture_backend *backend, const char *what,
                     char error[CAPTURE_ERROR])
{
    system->backend = backend;
    return backend->open(system, what, error);
}

static bool open_any(capture_system *system, char error[CAPTURE_ERROR])
{
    char pulse[CAPTURE_ERROR], alsa[CAPTURE_ERROR];
    if (open_one(system, &capture_pulse, NULL, pulse) || open_one(system, &capture_alsa, NULL, alsa))
        return true;
    capture_say(error, "%.*s %.*s", CAPTURE_ERROR / 2 - 2, pulse, CAPTURE_ERROR / 2 - 2, alsa);
    return false;
}

capture_system *capture_system_open(const char *source, char error[CAPTURE_ERROR])
{
    capture_system *system = calloc(1, sizeof *system);
    if (!system) {
        capture_say(error, "Out of memory while the sound system was opened.");
        return NULL;
    }
    bool ok = false;
    if (strcmp(source, "auto") == 0)
        ok = open_any(system, error);
    else if (strcmp(source, "pulse") == 0)
        ok = open_one(system, &capture_pulse, NULL, error);
    else if (strcmp(source, "alsa") == 0)
        ok = open_one(system, &capture_alsa, NULL, error);
    else if (strncmp(source, "file:", 5) == 0)
        ok = open_one(system, &capture_file, source + 5, error);
    else if (strncmp(source, "fast:", 5) == 0)
        ok = open_one(system, &capture_file_fast, source + 5, error);
    else
        capture_say(error, "There is no sound source \"%.200s\"; expected auto, pulse, alsa, file:PATH or fast:PATH.",
                    source);
    if (!ok) {
        free(system);
        return NULL;
    }
    return system;
}

const char *capture_system_name(const capture_system *system)
{
    return system->backend->name;
}

void capture_system_close(capture_system *system)
{
    if (!system)
        return;
    system->backend->close(system);
    free(system);
}

bool capture_name_is_bluetooth(const char *name)
{
    return strncmp(name, "bluez_", 6) == 0 || strncmp(name, "bluealsa", 8) == 0;
}

bool capture_is_bluetooth(capture_system *system, const char *device)
{
    char name[CAPTURE_NAME] = "";
    if (device && device[0])
        return capture_name_is_bluetooth(device);
    if (system->backend->default_name)
        system->backend->default_name(system, name);
    return capture_name_is_bluetooth(name);
}

static int monitors_last(const void *a, const void *b)
{
    const capture_device *one = a, *other = b;
    if (one->is_monitor != other->is_monitor)
        return one->is_monitor - other->is_monitor;
    return strcmp(one->name, other->name);
}

int32_t capture_devices(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR])
{
    *devices = NULL;
    int32_t n = system->backend->devices(system, devices, error);
    if (n > 1)
        qsort(*devices, (size_t)n, sizeof **devices, monitors_last);
    return n;
}

/* All but the backend's state. */
static void free_stream(capture *stream)
{
    if (stream->event_fd >= 0)
        close(stream->event_fd);
    capture_rate_free(stream->rate);
    capture_ring_free(stream->ring);
    free(stream->waiting);
    free(stream->device);
    free(stream);
}

capture *capture_start(capture_system *system, const char *device, const capture_sink *sink)
{
    capture *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->system = system;
    stream->sink = *sink;
    stream->begun_us = clock_now_us();
    stream->ring = capture_ring_create(CAPTURE_RING_SAMPLES);
    stream->device = device ? strdup(device) : NULL;
    stream->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!stream->ring || (device && !stream->device) || stream->event_fd < 0 || !system->backend->start(stream)) {
        free_stream(stream);
        return NULL;
    }
    return stream;
}

/* Resample a chunk of the ring, or the resampler's rest, into waiting. False: there is nothing now. */
static bool refill(capture *stream)
{
    bool finished = atomic_load_explicit(&stream->finished, memory_order_acquire);
    if (atomic_load_explicit(&stream->rate_hz, memory_order_acquire) == 0) {
        if (finished)
            atomic_store(&stream->drained, true);
        return false;
    }
    float pcm[CAPTURE_CHUNK];
    size_t n = capture_ring_read(stream->ring, pcm, CAPTURE_CHUNK);
    if (n == 0 && !finished)
        return false;
    stream->waiting_at = 0;
    stream->n_waiting = capture_rate_run(stream->rate, pcm, n, stream->waiting, stream->waiting_room);
    if (n == 0 && stream->n_waiting == 0) {
        atomic_store(&stream->drained, true);
        return false;
    }
    return true;
}

size_t capture_read(capture *stream, float *pcm, size_t n, int64_t *time_us)
{
    size_t made = 0;
    while (made < n && !atomic_load_explicit(&stream->drained, memory_order_relaxed)) {
        if (stream->n_waiting == 0 && !refill(stream))
            break;
        size_t now = n - made < stream->n_waiting ? n - made : stream->n_waiting;
        memcpy(pcm + made, stream->waiting + stream->waiting_at, now * sizeof *pcm);
        stream->waiting_at += now;
        stream->n_waiting -= now;
        made += now;
    }
    stream->n_out += made;
    if (time_us && made > 0) {
        int32_t rate_hz = atomic_load_explicit(&stream->rate_hz, memory_order_relaxed);
        *time_us = capture_ring_time_us(stream->ring, (double)stream->n_out * rate_hz / CAPTURE_RATE_HZ, rate_hz);
    }
    return made;
}

void capture_wait(capture *stream, int32_t timeout_ms)
{
    int64_t until_us = clock_now_us() + (int64_t)timeout_ms * 1000;
    while (stream->n_waiting == 0 && capture_ring_filled(stream->ring) == 0
           && !atomic_load_explicit(&stream->finished, memory_order_acquire)) {
        int64_t left_us = until_us - clock_now_us();
        if (left_us <= 0)
            return;
        struct timespec left = {left_us / 1000000, left_us % 1000000 * 1000};
        struct pollfd bell = {.fd = stream->event_fd, .events = POLLIN};
        if (ppoll(&bell, 1, &left, NULL) > 0) {
            uint64_t rings;
            ssize_t got = read(stream->event_fd, &rings, sizeof rings);
            (void)got; /* another wake came first */
        }
    }
}

void capture_stop(capture *stream)
{
    int64_t none = 0;
    if (atomic_compare_exchange_strong(&stream->stop_us, &none, clock_now_us()))
        stream->system->backend->stop(stream);
}

bool capture_ended(const capture *stream)
{
    if (!atomic_load_explicit(&stream->finished, memory_order_acquire))
        return false;
    return atomic_load(&stream->drained) || atomic_load_explicit(&stream->rate_hz, memory_order_acquire) == 0;
}

int64_t capture_dropped(const capture *stream)
{
    return atomic_load_explicit(&stream->n_dropped, memory_order_relaxed);
}

void capture_close(capture *stream)
{
    if (!stream)
        return;
    capture_stop(stream);
    stream->system->backend->end(stream);
    free_stream(stream);
}
