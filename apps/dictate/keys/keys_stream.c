/* SPDX-License-Identifier: MIT
 *
 * A stream of struct input_event records, live from a pipe or recorded in a file. Records whose times are about now are
 * taken as they are; a recording begins now and goes on at its own pace, since the listener's clock is the real one. */
#define _GNU_SOURCE
#include "dictate/keys/evdev_feed.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LATE_US = 2000000, AHEAD_US = 60000000 }; /* a record further from now than this begins a recording anew */

typedef struct stream_keys {
    keys base;
    evdev_feed feed;
    evdev_records records;
    int64_t offset_us; /* to CLOCK_MONOTONIC */
} stream_keys;

/* False: told to stop. */
static bool wait_until(const keys *source, int64_t time_us)
{
    struct pollfd stop = {.fd = source->stop_fd, .events = POLLIN};
    for (int64_t left_us; (left_us = time_us - clock_now_us()) > 0;)
        if (poll(&stop, 1, (int)((left_us + 999) / 1000)) > 0)
            return false;
    return true;
}

static bool play(stream_keys *stream, const struct input_event *event)
{
    int64_t us = evdev_time_us(event), now_us = clock_now_us();
    if (us + stream->offset_us < now_us - LATE_US || us + stream->offset_us > now_us + AHEAD_US)
        stream->offset_us = now_us - us;
    us += stream->offset_us;
    if (!wait_until(&stream->base, us))
        return false;
    evdev_feed_event(&stream->feed, event, us);
    return true;
}

static void run(keys *source)
{
    stream_keys *stream = (stream_keys *)source;
    struct pollfd wait[] = {{.fd = stream->records.fd, .events = POLLIN}, {.fd = source->stop_fd, .events = POLLIN}};
    char why[KEYS_ERROR];
    int met = 0;
    while (met >= 0) {
        struct input_event event;
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            break;
        if (wait[1].revents)
            return;
        /* A blocking descriptor is read once per poll, and what that brought is played to its last whole record. */
        do {
            met = evdev_records_next(&stream->records, &event);
            if (met > 0 && !play(stream, &event))
                return;
        } while (met > 0 && stream->records.n_bytes - stream->records.at >= sizeof event);
    }
    if (errno)
        snprintf(why, sizeof why, "The recorded key stream cannot be read: %s", strerror(errno));
    else if (stream->records.n_bytes > stream->records.at)
        snprintf(why, sizeof why, "The recorded key stream ended in the middle of a record");
    else
        snprintf(why, sizeof why, "The recorded key stream ended");
    source->sink.lost(source->sink.user, why);
}

static void finish(keys *source)
{
    stream_keys *stream = (stream_keys *)source;
    close(stream->records.fd);
    free(stream);
}

keys *keys_stream_open(int fd, const keys_sink *sink, char error[KEYS_ERROR])
{
    stream_keys *stream = calloc(1, sizeof *stream);
    if (!stream) {
        snprintf(error, KEYS_ERROR, "Out of memory for the recorded key stream");
        close(fd);
        return NULL;
    }
    stream->base = (keys){.name = "stream", .sink = *sink, .run = run, .finish = finish};
    stream->feed.source = &stream->base;
    stream->records.fd = fd;
    return keys_begin(&stream->base, error) ? &stream->base : NULL;
}
