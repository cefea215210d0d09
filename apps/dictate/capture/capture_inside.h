/* SPDX-License-Identifier: MIT
 *
 * What the folder shares: a backend is a table of functions; a capture is the ring, its reader's side (capture.c) and
 * what a backend's thread may call to feed it (capture_feed.c). */
#ifndef CAPTURE_INSIDE_H
#define CAPTURE_INSIDE_H

#include "common/clock.h"
#include "dictate/capture/capture.h"
#include "dictate/capture/capture_rate.h"
#include "dictate/capture/capture_ring.h"

#include <stdatomic.h>

enum {
    CAPTURE_FRAGMENT_MS = 20,
    CAPTURE_RING_SAMPLES = 1 << 21, /* 43 s at 48 kHz; pages are touched only when they are used */
    CAPTURE_CHUNK = 1024,           /* samples resampled at a time */
    /* A stop waits so long for what was spoken before it and is still under way. */
    CAPTURE_STOP_BOUND_US = 100000,
    /* What is known about latency is about right: this much after the stop is kept rather than cut. */
    CAPTURE_STOP_SLACK_US = 10000,
};

typedef struct capture_backend {
    const char *name;
    /* Fills system->state. What is what comes after "file:". */
    bool (*open)(capture_system *system, const char *what, char error[CAPTURE_ERROR]);
    void (*close)(capture_system *system);
    int32_t (*devices)(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR]);
    bool (*start)(capture *stream);
    /* stream->stop_us is set. */
    void (*stop)(capture *stream);
    /* After it nothing of the backend's touches the stream. */
    void (*end)(capture *stream);
    /* Plays n samples at 48 kHz. As cue_play(). */
    bool (*play)(capture_system *system, const float *pcm, size_t n, int64_t *start_us, int64_t *end_us);
    /* The default device, as far as it is known without asking; NULL: such names tell nothing. */
    void (*default_name)(capture_system *system, char name[CAPTURE_NAME]);
} capture_backend;

/* The file backend's name for two paces. */
extern const capture_backend capture_pulse, capture_alsa, capture_file, capture_file_fast;

struct capture_system {
    const capture_backend *backend;
    void *state; /* the backend's */
};

struct capture {
    capture_system *system;
    void *state; /* the backend's */
    capture_sink sink;
    char *device; /* NULL: the default */
    capture_ring *ring;
    int event_fd; /* the reader sleeps on it */
    int64_t begun_us;

    /* written by the feeding thread */
    _Atomic int32_t rate_hz; /* 0: not known yet */
    _Atomic int64_t n_dropped;
    atomic_bool heard; /* the first buffer came */
    atomic_bool finished;
    /* written by capture_stop(); 0: not stopped */
    _Atomic int64_t stop_us;

    /* the reader's; the first three are made by the feeding thread before rate_hz is set */
    capture_rate *rate;
    float *waiting; /* resampled, not asked for yet */
    size_t waiting_room;
    size_t waiting_at, n_waiting;
    uint64_t n_out;
    atomic_bool drained;
};

/* capture_feed.c: for the thread that feeds. */

/* The rate of all that will be pushed; once. False: out of memory, or no such conversion. */
bool capture_feed_rate(capture *stream, int32_t rate_hz);
/* pcm NULL: silence. time_us: when pcm[0] was spoken. Only copies. What lies after a stop is cut off, and true comes
 * back: nothing more is wanted. */
bool capture_feed(capture *stream, const float *pcm, size_t n, int64_t time_us);
/* Nothing more will be pushed. */
void capture_feed_end(capture *stream);
void capture_tell_device(capture *stream, const char *name, const char *description);
void capture_tell_interrupted(capture *stream, const char *why);
/* And feed_end. */
void capture_tell_failed(capture *stream, const char *why);
void capture_wake(capture *stream);

/* Puts a formatted sentence into error. */
void capture_say(char error[CAPTURE_ERROR], const char *format, ...) __attribute__((format(printf, 2, 3)));
/* By a name of PulseAudio's, PipeWire's or ALSA's. */
bool capture_name_is_bluetooth(const char *name);
/* One more zeroed entry at the end of a growing array; NULL: out of memory. */
capture_device *capture_device_add(capture_device **devices, int32_t *n);

#endif
