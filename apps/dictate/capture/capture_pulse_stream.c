/* SPDX-License-Identifier: MIT
 *
 * One recording from a PulseAudio or PipeWire server.
 *
 * The stream asks for the source's own rate, one channel, fragments of 20 ms. Where the stream takes from is the
 * server's business first: PulseAudio since 14 and PipeWire move a stream that named no device when the default
 * changes, and move any stream to the default when its device is unplugged. Where the server leaves a stream on the
 * old default (older servers; a stream that a mixer once pinned), pulse_streams_follow() moves it.
 *
 * Everything else that can happen is one function, review(): it looks at the state and the clock, does what is due,
 * and plans its next look. A stream that is gone (no source left, server gone) is opened anew with the same rate, so
 * that the ring holds one rate: at once when the server or a source appears, else after 100 ms, doubling to 1 s.
 * Until the first sample came, what fails is the end instead, at once or, for a server that may be restarting, after
 * GRACE_US.
 *
 * A stop waits until the stream's own clock says that what was spoken before it has arrived, and no longer than
 * CAPTURE_STOP_BOUND_US. */
#define _GNU_SOURCE
#include "dictate/capture/capture_pulse.h"

#include <stdlib.h>
#include <string.h>

enum {
    USUAL_RATE_HZ = 48000, /* what is asked for before the server puts the source's own in its place */
    GRACE_US = 1500000,
    OPENING_US = 5000000, /* a Bluetooth headset that changes its profile takes seconds */
    SILENT_US = 2000000,  /* an open stream without a buffer */
    LOOK_US = 500000,
    LATENCY_MOST_US = 2000000,
};

struct pulse_stream {
    capture *stream;
    pulse_system *p;
    pulse_stream *next;
    pa_stream *pa; /* NULL: none is open */
    pa_operation *describe;
    pa_time_event *timer;
    bool interrupted; /* and told so */
    bool any_device;  /* the one that was asked for is gone for now */
    int64_t alive_us; /* opened, or the last buffer */
    int64_t retry_us;
    int32_t backoff_ms;
};

static void review(pulse_stream *s);

static void on_timer(pa_mainloop_api *api, pa_time_event *event, const struct timeval *when, void *user)
{
    (void)api, (void)event, (void)when;
    review(user);
}

static void plan(pulse_stream *s, int64_t at_us)
{
    if (!s->timer)
        s->timer = pulse_timer(s->p, at_us, on_timer, s);
    else
        pa_context_rttime_restart(s->p->context, s->timer, (pa_usec_t)at_us);
}

static void forget_describe(pulse_stream *s)
{
    if (!s->describe)
        return;
    pa_operation_cancel(s->describe);
    pa_operation_unref(s->describe);
    s->describe = NULL;
}

static void drop(pulse_stream *s)
{
    forget_describe(s);
    pulse_close_stream(s->pa);
    s->pa = NULL;
}

static bool is_ready(const pulse_stream *s)
{
    return s->pa && pa_stream_get_state(s->pa) == PA_STREAM_READY;
}

static void end(pulse_stream *s)
{
    drop(s);
    capture_feed_end(s->stream);
}

static void fail(pulse_stream *s, const char *why)
{
    drop(s);
    capture_tell_failed(s->stream, why);
}

static void retry_later(pulse_stream *s)
{
    s->retry_us = clock_now_us() + s->backoff_ms * INT64_C(1000);
    s->backoff_ms = s->backoff_ms * 2 < PULSE_RETRY_MS ? s->backoff_ms * 2 : PULSE_RETRY_MS;
    plan(s, s->retry_us);
}

/* The stream is gone; error is PA_ERR_. */
static void gone(pulse_stream *s, int error, const char *why)
{
    capture *stream = s->stream;
    char sentence[CAPTURE_ERROR];
    bool heard = atomic_load_explicit(&stream->heard, memory_order_relaxed);
    drop(s);
    if (atomic_load(&stream->stop_us)) {
        end(s);
        return;
    }
    if (error == PA_ERR_ACCESS) {
        fail(s, "No permission: the sound server does not let this program record.");
        return;
    }
    if (!heard && error == PA_ERR_NOENTITY) {
        if (stream->device)
            capture_say(sentence, "There is no microphone \"%.250s\".", stream->device);
        else
            capture_say(sentence, "There is no microphone: the sound server has no source.");
        fail(s, sentence);
        return;
    }
    if (error == PA_ERR_NOENTITY)
        s->any_device = !s->any_device;
    if (heard && !s->interrupted) {
        s->interrupted = true;
        capture_tell_interrupted(stream, why);
    }
    retry_later(s);
}

static void on_source(pa_context *context, const pa_source_info *source, int at_end, void *user)
{
    (void)context;
    pulse_stream *s = user;
    if (source) {
        capture_tell_device(s->stream, source->name, source->description ? source->description : source->name);
    } else if (at_end < 0 && is_ready(s)) {
        const char *name = pa_stream_get_device_name(s->pa);
        capture_tell_device(s->stream, name, name);
    }
}

/* Ask for the device's description and tell both. */
static void describe(pulse_stream *s)
{
    forget_describe(s);
    const char *name = pa_stream_get_device_name(s->pa);
    if (name)
        s->describe = pa_context_get_source_info_by_name(s->p->context, name, on_source, s);
}

static void on_stream_ready(pulse_stream *s)
{
    capture *stream = s->stream;
    s->backoff_ms = PULSE_RETRY_FIRST_MS;
    s->alive_us = clock_now_us();
    s->interrupted = false; /* told by the device's name */
    if (atomic_load_explicit(&stream->rate_hz, memory_order_relaxed) == 0
        && !capture_feed_rate(stream, (int32_t)pa_stream_get_sample_spec(s->pa)->rate)) {
        fail(s, "The microphone's sample rate cannot be changed to 16000 Hz, or memory ran out.");
        return;
    }
    describe(s);
    if (atomic_load(&stream->stop_us))
        review(s);
}

static void on_state(pa_stream *pa, void *user)
{
    pulse_stream *s = user;
    pa_stream_state_t state = pa_stream_get_state(pa);
    if (state == PA_STREAM_READY) {
        on_stream_ready(s);
    } else if (!PA_STREAM_IS_GOOD(state)) {
        int error = pa_context_errno(pa_stream_get_context(pa));
        char why[CAPTURE_ERROR];
        capture_say(why, error == PA_ERR_KILLED ? "The microphone is gone." : "The recording broke off: %s.",
                    pa_strerror(error));
        gone(s, error, why);
    }
}

static void on_moved(pa_stream *pa, void *user)
{
    (void)pa;
    describe(user);
}

/* When the next sample to be read was spoken. */
static int64_t spoken_us(pa_stream *pa, size_t n_ahead, int32_t rate_hz)
{
    int64_t now_us = clock_now_us();
    int64_t newest_us = (int64_t)n_ahead * 1000000 / rate_hz; /* at least so old */
    pa_usec_t latency_us = 0;
    int negative = 0;
    if (pa_stream_get_latency(pa, &latency_us, &negative) < 0 || negative || latency_us > LATENCY_MOST_US
        || (int64_t)latency_us < newest_us)
        return now_us - newest_us;
    return now_us - (int64_t)latency_us;
}

static void on_read(pa_stream *pa, size_t n_bytes, void *user)
{
    pulse_stream *s = user;
    capture *stream = s->stream;
    int32_t rate_hz = atomic_load_explicit(&stream->rate_hz, memory_order_relaxed);
    bool enough = atomic_load_explicit(&stream->finished, memory_order_relaxed);
    const void *data;
    if (enough || rate_hz == 0)
        return;
    int64_t time_us = spoken_us(pa, n_bytes / sizeof(float), rate_hz);
    while (!enough && pa_stream_peek(pa, &data, &n_bytes) == 0 && n_bytes > 0) {
        size_t n = n_bytes / sizeof(float);
        enough = capture_feed(stream, data, n, time_us); /* data NULL: the server lost some; silence of that length */
        time_us += (int64_t)n * 1000000 / rate_hz;
        pa_stream_drop(pa);
    }
    s->alive_us = clock_now_us();
    if (s->interrupted) {
        s->interrupted = false;
        describe(s);
    }
    if (enough) {
        capture_feed_end(stream);
        plan(s, s->alive_us); /* not from inside the stream's own callback */
    }
}

static void open_stream(pulse_stream *s)
{
    capture *stream = s->stream;
    int32_t rate_hz = atomic_load_explicit(&stream->rate_hz, memory_order_relaxed);
    bool native = rate_hz == 0 && capture_rate_can_change();
    uint32_t fragment = (uint32_t)((rate_hz  ? rate_hz
                                    : native ? USUAL_RATE_HZ
                                             : CAPTURE_RATE_HZ)
                                   * CAPTURE_FRAGMENT_MS / 1000 * (int32_t)sizeof(float));
    pa_sample_spec spec = {
        .format = PA_SAMPLE_FLOAT32NE,
        .rate = (uint32_t)(rate_hz  ? rate_hz
                           : native ? USUAL_RATE_HZ
                                    : CAPTURE_RATE_HZ),
        .channels = 1,
    };
    pa_buffer_attr attributes = {(uint32_t)-1, (uint32_t)-1, (uint32_t)-1, (uint32_t)-1, fragment};
    pa_stream_flags_t flags = PA_STREAM_INTERPOLATE_TIMING | PA_STREAM_AUTO_TIMING_UPDATE | PA_STREAM_ADJUST_LATENCY;
    if (native)
        flags |= PA_STREAM_FIX_RATE;
    s->alive_us = clock_now_us();
    s->pa = pa_stream_new(s->p->context, "dictation", &spec, NULL);
    if (!s->pa) {
        gone(s, PA_ERR_INTERNAL, "The recording cannot be opened.");
        return;
    }
    pa_stream_set_state_callback(s->pa, on_state, s);
    pa_stream_set_read_callback(s->pa, on_read, s);
    pa_stream_set_moved_callback(s->pa, on_moved, s);
    const char *device = s->any_device ? NULL : stream->device;
    if (pa_stream_connect_record(s->pa, device, &attributes, flags) < 0 && s->pa)
        gone(s, pa_context_errno(s->p->context), "The recording cannot be opened.");
    else
        plan(s, s->alive_us + LOOK_US);
}

/* An open stream from which nothing comes. */
static void review_open(pulse_stream *s, int64_t now_us)
{
    bool heard = atomic_load_explicit(&s->stream->heard, memory_order_relaxed);
    int64_t silent_us = now_us - s->alive_us;
    if (!heard && silent_us >= OPENING_US) {
        fail(s, "The microphone gives no sound: it was opened five seconds ago.");
        return;
    }
    if (heard && silent_us >= SILENT_US) {
        if (!s->interrupted) {
            s->interrupted = true;
            capture_tell_interrupted(s->stream, "The microphone gives no sound any more.");
        }
        if (!is_ready(s)) {
            drop(s);
            retry_later(s);
            return;
        }
    }
    plan(s, now_us + LOOK_US);
}

static void review_closed(pulse_stream *s, int64_t now_us)
{
    capture *stream = s->stream;
    if (s->p->ready && now_us >= s->retry_us) {
        open_stream(s);
        return;
    }
    if (!atomic_load_explicit(&stream->heard, memory_order_relaxed) && now_us - stream->begun_us >= GRACE_US) {
        char why[CAPTURE_ERROR];
        if (s->p->ready)
            capture_say(why, "The microphone cannot be opened.");
        else
            pulse_why(s->p, why);
        fail(s, why);
        return;
    }
    plan(s, s->p->ready ? s->retry_us : now_us + LOOK_US);
}

static void review(pulse_stream *s)
{
    capture *stream = s->stream;
    int64_t now_us = clock_now_us();
    int64_t stop_us = atomic_load(&stream->stop_us);
    if (atomic_load(&stream->finished))
        drop(s);
    else if (stop_us && (!is_ready(s) || now_us >= stop_us + CAPTURE_STOP_BOUND_US))
        end(s);
    else if (stop_us)
        plan(s, stop_us + CAPTURE_STOP_BOUND_US);
    else if (s->pa)
        review_open(s, now_us);
    else
        review_closed(s, now_us);
}

bool pulse_streams_wait(const pulse_system *p)
{
    for (pulse_stream *s = p->streams; s; s = s->next)
        if (!atomic_load(&s->stream->finished))
            return true;
    return false;
}

void pulse_streams_lost(pulse_system *p, const char *why)
{
    for (pulse_stream *s = p->streams; s; s = s->next)
        if (!atomic_load(&s->stream->finished))
            gone(s, PA_ERR_CONNECTIONTERMINATED, why);
}

void pulse_streams_review(pulse_system *p)
{
    for (pulse_stream *s = p->streams; s; s = s->next) {
        s->retry_us = 0;
        review(s);
    }
}

void pulse_streams_follow(pulse_system *p, const char *old_default, const char *new_default)
{
    for (pulse_stream *s = p->streams; s; s = s->next) {
        const char *name = is_ready(s) ? pa_stream_get_device_name(s->pa) : NULL;
        if (s->stream->device || !name || strcmp(name, old_default) != 0)
            continue;
        pa_operation *o =
            pa_context_move_source_output_by_name(p->context, pa_stream_get_index(s->pa), new_default, NULL, NULL);
        if (o)
            pa_operation_unref(o);
    }
}

bool pulse_start(capture *stream)
{
    pulse_system *p = stream->system->state;
    pulse_stream *s = calloc(1, sizeof *s);
    if (!s)
        return false;
    s->stream = stream;
    s->p = p;
    s->backoff_ms = PULSE_RETRY_FIRST_MS;
    stream->state = s;
    pa_threaded_mainloop_lock(p->loop);
    s->next = p->streams;
    p->streams = s;
    if (!p->ready) {
        p->backoff_ms = PULSE_RETRY_FIRST_MS;
        pulse_connect(p);
    }
    plan(s, clock_now_us()); /* the sink is called by the loop's thread alone */
    pa_threaded_mainloop_unlock(p->loop);
    return true;
}

void pulse_stop(capture *stream)
{
    pulse_stream *s = stream->state;
    pa_threaded_mainloop_lock(s->p->loop);
    review(s);
    pa_threaded_mainloop_unlock(s->p->loop);
}

void pulse_end(capture *stream)
{
    pulse_stream *s = stream->state;
    pulse_system *p = s->p;
    pa_threaded_mainloop_lock(p->loop);
    drop(s);
    if (s->timer)
        pa_threaded_mainloop_get_api(p->loop)->time_free(s->timer);
    pulse_stream **link = &p->streams;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    pa_threaded_mainloop_unlock(p->loop);
    free(s);
}
