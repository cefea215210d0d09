/* SPDX-License-Identifier: MIT
 *
 * The connection to the sound server and what hangs on it. Every field is guarded by the loop's lock, which the loop's
 * thread holds whenever it calls back. */
#ifndef CAPTURE_PULSE_H
#define CAPTURE_PULSE_H

#include "dictate/capture/capture_inside.h"

#include <pulse/pulseaudio.h>

enum {
    PULSE_RETRY_FIRST_MS = 100,
    PULSE_RETRY_MS = 1000,       /* at most, while a recording waits */
    PULSE_RETRY_IDLE_MS = 30000, /* at most, while nothing does */
    PULSE_ANSWER_MS = 3000,      /* a server that lives has answered by then */
};

typedef struct pulse_stream pulse_stream;
typedef struct pulse_cue pulse_cue;

typedef struct pulse_system {
    pa_threaded_mainloop *loop;
    pa_context *context; /* NULL before the first attempt */
    bool ready;
    int attempt_error;        /* of the last attempt that failed, PA_ERR_ */
    pa_time_event *reconnect; /* NULL: none planned */
    int32_t backoff_ms;
    char *default_source;
    int64_t cue_latency_us; /* how late the sink lets a cue out: what the server says, then what was met */
    pulse_stream *streams;
    pulse_cue *cues;
} pulse_system;

/* Connect now if there is neither a connection nor an attempt; the lock is held. */
void pulse_connect(pulse_system *p);
/* Waits until the operation is done (and frees it), or the server does not answer. The lock is held. */
bool pulse_finish(pulse_system *p, pa_operation *operation);
/* Waits until the connection is made. */
bool pulse_wait_ready(pulse_system *p);
/* For the end of an operation: wakes pulse_finish(). */
void pulse_signal(pulse_system *p);
/* One sentence about why there is no connection. */
void pulse_why(const pulse_system *p, char error[CAPTURE_ERROR]);
/* Closes a stream in whatever state it is and forgets it; NULL is nothing. */
void pulse_close_stream(pa_stream *pa);
pa_time_event *pulse_timer(pulse_system *p, int64_t at_us, pa_time_event_cb_t callback, void *user);

/* capture_pulse_stream.c; the lock is held. */
bool pulse_streams_wait(const pulse_system *p); /* some recording waits for the server */
void pulse_streams_lost(pulse_system *p, const char *why);
void pulse_streams_review(pulse_system *p);
void pulse_streams_follow(pulse_system *p, const char *old_default, const char *new_default);
bool pulse_start(capture *stream);
void pulse_stop(capture *stream);
void pulse_end(capture *stream);

/* capture_pulse_devices.c */
int32_t pulse_devices(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR]);

/* cue_pulse.c */
void pulse_cues_end(pulse_system *p);
bool pulse_play(capture_system *system, const float *pcm, size_t n, int64_t *start_us, int64_t *end_us);

#endif
