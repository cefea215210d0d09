/* SPDX-License-Identifier: MIT
 *
 * A cue through PulseAudio or PipeWire: a playback stream that lives as long as the sound.
 *
 * The caller is told at once in which window a microphone can hear it, so the window is a promise made before the
 * server has said how late it is: now, to the longest that opening may take, the sink's latency as last known, and the
 * sound itself. It is kept: a stream that gets ready too late for its window is closed unheard, because a cue outside
 * its window would be taken for speech, and a late cue is no use. What the stream's own timing says is remembered for
 * the next window. */
#include "dictate/capture/capture_pulse.h"
#include "dictate/capture/cue.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPEN_US = 60000,          /* for the server to open the stream */
    LATENCY_LEAST_US = 40000, /* of a sink that says nothing */
    LATENCY_MOST_US = 500000,
    ROOM_US = 40000,  /* a sound fades in the room, and in the microphone's own path */
    CLOCK_US = 10000, /* the times of captured samples are only about right */
    TARGET_MS = 20,
};

struct pulse_cue {
    pulse_system *p;
    pulse_cue *next;
    pa_stream *pa;
    pa_operation *drain;
    pa_time_event *deadline;
    int64_t end_us;
    size_t n;
    float pcm[CUE_SAMPLES];
};

static int64_t length_us(size_t n)
{
    return (int64_t)n * 1000000 / CUE_RATE_HZ;
}

static void end_cue(pulse_cue *cue)
{
    pulse_system *p = cue->p;
    if (cue->drain) {
        pa_operation_cancel(cue->drain);
        pa_operation_unref(cue->drain);
    }
    if (cue->deadline)
        pa_threaded_mainloop_get_api(p->loop)->time_free(cue->deadline);
    pulse_close_stream(cue->pa);
    pulse_cue **link = &p->cues;
    while (*link != cue)
        link = &(*link)->next;
    *link = cue->next;
    free(cue);
}

void pulse_cues_end(pulse_system *p)
{
    while (p->cues)
        end_cue(p->cues);
}

static void on_drained(pa_stream *pa, int success, void *user)
{
    pulse_cue *cue = user;
    const pa_timing_info *timing = success ? pa_stream_get_timing_info(pa) : NULL;
    int64_t latency_us = timing ? (int64_t)(timing->sink_usec + timing->transport_usec) : 0;
    if (latency_us > cue->p->cue_latency_us)
        cue->p->cue_latency_us = latency_us < LATENCY_MOST_US ? latency_us : LATENCY_MOST_US;
    pa_operation_unref(cue->drain);
    cue->drain = NULL;
    end_cue(cue);
}

static void on_state(pa_stream *pa, void *user)
{
    pulse_cue *cue = user;
    pa_stream_state_t state = pa_stream_get_state(pa);
    if (!PA_STREAM_IS_GOOD(state)) {
        end_cue(cue);
        return;
    }
    if (state != PA_STREAM_READY)
        return;
    int64_t heard_us = clock_now_us() + cue->p->cue_latency_us + length_us(cue->n);
    if (heard_us > cue->end_us
        || pa_stream_write(pa, cue->pcm, cue->n * sizeof *cue->pcm, NULL, 0, PA_SEEK_RELATIVE) < 0)
        end_cue(cue);
    else
        cue->drain = pa_stream_drain(pa, on_drained, cue);
}

/* A server that takes a second to play this plays it no more. */
static void on_deadline(pa_mainloop_api *api, pa_time_event *event, const struct timeval *when, void *user)
{
    (void)api, (void)event, (void)when;
    end_cue(user);
}

static bool begin(pulse_system *p, pulse_cue *cue)
{
    pa_sample_spec spec = {.format = PA_SAMPLE_FLOAT32NE, .rate = CUE_RATE_HZ, .channels = 1};
    uint32_t target = CUE_RATE_HZ * TARGET_MS / 1000 * sizeof(float);
    pa_buffer_attr attributes = {(uint32_t)-1, target, target, (uint32_t)-1, (uint32_t)-1};
    pa_proplist *about = pa_proplist_new();
    pa_proplist_sets(about, PA_PROP_MEDIA_ROLE, "event");
    cue->pa = pa_stream_new_with_proplist(p->context, "cue", &spec, NULL, about);
    pa_proplist_free(about);
    if (!cue->pa)
        return false;
    pa_stream_set_state_callback(cue->pa, on_state, cue);
    pa_stream_flags_t flags = PA_STREAM_ADJUST_LATENCY | PA_STREAM_INTERPOLATE_TIMING | PA_STREAM_AUTO_TIMING_UPDATE;
    cue->deadline = pulse_timer(p, cue->end_us + 1000000, on_deadline, cue);
    return pa_stream_connect_playback(cue->pa, NULL, &attributes, flags, NULL, NULL) >= 0;
}

bool pulse_play(capture_system *system, const float *pcm, size_t n, int64_t *start_us, int64_t *end_us)
{
    pulse_system *p = system->state;
    bool begun = false;
    pa_threaded_mainloop_lock(p->loop);
    if (!p->ready)
        pulse_connect(p); /* for the next one */
    pulse_cue *cue = p->ready ? calloc(1, sizeof *cue) : NULL;
    if (cue) {
        int64_t latency_us = p->cue_latency_us > LATENCY_LEAST_US ? p->cue_latency_us : LATENCY_LEAST_US;
        int64_t now_us = clock_now_us();
        cue->p = p;
        cue->n = n;
        memcpy(cue->pcm, pcm, n * sizeof *pcm);
        cue->end_us = now_us + OPEN_US + latency_us + length_us(n) + ROOM_US;
        cue->next = p->cues;
        p->cues = cue;
        *start_us = now_us - CLOCK_US;
        *end_us = cue->end_us + CLOCK_US;
        begun = begin(p, cue);
        if (!begun)
            end_cue(cue);
    }
    pa_threaded_mainloop_unlock(p->loop);
    return begun;
}
