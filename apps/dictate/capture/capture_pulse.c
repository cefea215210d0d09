/* SPDX-License-Identifier: MIT
 *
 * The connection to a PulseAudio server, which PipeWire also is. One loop thread and one context live as long as the
 * capture_system; a context that is lost is made anew, soon while a recording waits for it (100 ms, doubling to 1 s),
 * rarely while nothing does (to 30 s), and at once when something is wanted. No server is ever started from here:
 * libpulse forks for that.
 *
 * Idle, the connection only listens for a change of the default devices and for new sources. */
#define _GNU_SOURCE
#include "dictate/capture/capture_pulse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void plan_reconnect(pulse_system *p);

pa_time_event *pulse_timer(pulse_system *p, int64_t at_us, pa_time_event_cb_t callback, void *user)
{
    return pa_context_rttime_new(p->context, (pa_usec_t)at_us, callback, user);
}

void pulse_signal(pulse_system *p)
{
    pa_threaded_mainloop_signal(p->loop, 0);
}

static void on_orphan(pa_stream *pa, void *user)
{
    (void)user;
    pa_stream_state_t state = pa_stream_get_state(pa);
    if (state == PA_STREAM_READY)
        pa_stream_disconnect(pa);
    else if (!PA_STREAM_IS_GOOD(state))
        pa_stream_unref(pa);
}

/* A stream that the server has been asked for but not given yet cannot be called back: without an owner it would come
 * up and listen for ever. So it is kept until it can be closed, or goes with its context. */
void pulse_close_stream(pa_stream *pa)
{
    if (!pa)
        return;
    pa_stream_set_read_callback(pa, NULL, NULL);
    pa_stream_set_moved_callback(pa, NULL, NULL);
    if (pa_stream_get_state(pa) == PA_STREAM_CREATING) {
        pa_stream_set_state_callback(pa, on_orphan, NULL);
        return;
    }
    pa_stream_set_state_callback(pa, NULL, NULL);
    pa_stream_disconnect(pa);
    pa_stream_unref(pa);
}

/* Where libpulse looks for the server, when that is a socket with a name. */
static bool socket_path(char *path, size_t size)
{
    const char *server = getenv("PULSE_SERVER");
    const char *folder = getenv("PULSE_RUNTIME_PATH");
    if (server && *server) {
        if (*server == '{' && strchr(server, '}'))
            server = strchr(server, '}') + 1;
        if (strncmp(server, "unix:", 5) == 0)
            server += 5;
        return *server == '/' && snprintf(path, size, "%s", server) < (int)size;
    }
    if (folder && *folder)
        return snprintf(path, size, "%s/native", folder) < (int)size;
    folder = getenv("XDG_RUNTIME_DIR");
    return folder && *folder && snprintf(path, size, "%s/pulse/native", folder) < (int)size;
}

void pulse_why(const pulse_system *p, char error[CAPTURE_ERROR])
{
    char path[CAPTURE_NAME];
    bool known = socket_path(path, sizeof path);
    if (p->attempt_error == PA_ERR_ACCESS || p->attempt_error == PA_ERR_AUTHKEY)
        capture_say(error, "No permission: the sound server does not let this program in (%s).",
                    pa_strerror(p->attempt_error));
    else if (p->attempt_error == PA_ERR_CONNECTIONREFUSED && known && access(path, F_OK) != 0 && errno == EACCES)
        capture_say(error, "No permission: the sound server's socket %s is not this user's.", path);
    else if (p->attempt_error == PA_ERR_CONNECTIONREFUSED && known && access(path, F_OK) != 0)
        capture_say(error, "No sound server is running: there is no socket %s.", path);
    else if (p->attempt_error == PA_ERR_CONNECTIONREFUSED && known && access(path, W_OK) != 0)
        capture_say(error, "No permission: the sound server's socket %s is not this user's.", path);
    else if (p->attempt_error == PA_ERR_CONNECTIONREFUSED)
        capture_say(error, "The sound server refused the connection%s%s.", known ? " at " : "", known ? path : "");
    else if (p->attempt_error == PA_ERR_TIMEOUT)
        capture_say(error, "The sound server does not answer.");
    else
        capture_say(error, "The sound server cannot be reached: %s.", pa_strerror(p->attempt_error));
}

static void on_sink(pa_context *context, const pa_sink_info *sink, int end, void *user)
{
    (void)context;
    pulse_system *p = user;
    if (end || !sink)
        return;
    /* one whose latency can be chosen is as fast as a cue asks for; what it has now is somebody else's wish */
    if (!(sink->flags & PA_SINK_DYNAMIC_LATENCY) && (int64_t)sink->latency > p->cue_latency_us)
        p->cue_latency_us = (int64_t)sink->latency;
}

static void on_server(pa_context *context, const pa_server_info *server, void *user)
{
    pulse_system *p = user;
    if (!server)
        return;
    char *now = server->default_source_name ? strdup(server->default_source_name) : NULL;
    if (now && p->default_source && strcmp(now, p->default_source) != 0)
        pulse_streams_follow(p, p->default_source, now);
    free(p->default_source);
    p->default_source = now;
    p->cue_latency_us = 0;
    if (server->default_sink_name) {
        pa_operation *o = pa_context_get_sink_info_by_name(context, server->default_sink_name, on_sink, p);
        if (o)
            pa_operation_unref(o);
    }
}

static void ask_server(pulse_system *p)
{
    pa_operation *o = pa_context_get_server_info(p->context, on_server, p);
    if (o)
        pa_operation_unref(o);
}

static void on_event(pa_context *context, pa_subscription_event_type_t type, uint32_t index, void *user)
{
    (void)context, (void)index;
    pulse_system *p = user;
    if ((type & PA_SUBSCRIPTION_EVENT_FACILITY_MASK) == PA_SUBSCRIPTION_EVENT_SERVER)
        ask_server(p);
    else if ((type & PA_SUBSCRIPTION_EVENT_TYPE_MASK) == PA_SUBSCRIPTION_EVENT_NEW)
        pulse_streams_review(p);
}

static void on_ready(pulse_system *p)
{
    p->ready = true;
    p->backoff_ms = PULSE_RETRY_FIRST_MS;
    pa_context_set_subscribe_callback(p->context, on_event, p);
    pa_operation *o =
        pa_context_subscribe(p->context, PA_SUBSCRIPTION_MASK_SERVER | PA_SUBSCRIPTION_MASK_SOURCE, NULL, NULL);
    if (o)
        pa_operation_unref(o);
    ask_server(p);
    pulse_streams_review(p);
}

static void on_lost(pulse_system *p, int error)
{
    bool was_ready = p->ready;
    p->ready = false;
    p->attempt_error = error;
    plan_reconnect(p);
    pulse_cues_end(p);
    if (was_ready)
        pulse_streams_lost(p, "The sound server went away.");
    pulse_streams_review(p);
}

static void on_state(pa_context *context, void *user)
{
    pulse_system *p = user;
    pa_context_state_t state = pa_context_get_state(context);
    if (state == PA_CONTEXT_READY)
        on_ready(p);
    else if (!PA_CONTEXT_IS_GOOD(state))
        on_lost(p, pa_context_errno(context));
    pulse_signal(p);
}

/* A new context in place of the old. False: out of memory. */
static bool renew_context(pulse_system *p)
{
    pa_proplist *about = pa_proplist_new();
    pa_proplist_sets(about, PA_PROP_APPLICATION_NAME, "ctrlspeak");
    pa_proplist_sets(about, PA_PROP_APPLICATION_ID, "ctrlspeak");
    pa_proplist_sets(about, PA_PROP_APPLICATION_ICON_NAME, "audio-input-microphone");
    pa_context *fresh = pa_context_new_with_proplist(pa_threaded_mainloop_get_api(p->loop), NULL, about);
    pa_proplist_free(about);
    if (!fresh)
        return false;
    if (p->context) {
        pa_context_set_state_callback(p->context, NULL, NULL);
        pa_context_set_subscribe_callback(p->context, NULL, NULL);
        pa_context_disconnect(p->context);
        pa_context_unref(p->context);
    }
    p->context = fresh;
    return true;
}

static void forget_reconnect(pulse_system *p)
{
    if (p->reconnect)
        pa_threaded_mainloop_get_api(p->loop)->time_free(p->reconnect);
    p->reconnect = NULL;
}

void pulse_connect(pulse_system *p)
{
    if (p->context && PA_CONTEXT_IS_GOOD(pa_context_get_state(p->context))
        && pa_context_get_state(p->context) != PA_CONTEXT_UNCONNECTED)
        return;
    forget_reconnect(p);
    if (!renew_context(p))
        return;
    pa_context_set_state_callback(p->context, on_state, p);
    /* a failure inside the call is told by the callback as well */
    if (pa_context_connect(p->context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) < 0 && !p->reconnect)
        on_lost(p, pa_context_errno(p->context));
}

static void on_reconnect(pa_mainloop_api *api, pa_time_event *event, const struct timeval *when, void *user)
{
    (void)api, (void)event, (void)when;
    pulse_connect(user);
}

static void plan_reconnect(pulse_system *p)
{
    if (p->reconnect)
        return;
    int32_t most_ms = pulse_streams_wait(p) ? PULSE_RETRY_MS : PULSE_RETRY_IDLE_MS;
    int32_t wait_ms = p->backoff_ms < most_ms ? p->backoff_ms : most_ms;
    p->backoff_ms = wait_ms * 2;
    p->reconnect = pulse_timer(p, clock_now_us() + wait_ms * INT64_C(1000), on_reconnect, p);
}

typedef struct alarm_clock {
    pulse_system *p;
    bool rang;
} alarm_clock;

static void on_alarm(pa_mainloop_api *api, pa_time_event *event, const struct timeval *when, void *user)
{
    (void)api, (void)event, (void)when;
    alarm_clock *alarm = user;
    alarm->rang = true;
    pulse_signal(alarm->p);
}

/* Waits for one signal or the alarm. */
bool pulse_finish(pulse_system *p, pa_operation *operation)
{
    if (!operation)
        return false;
    alarm_clock alarm = {p, false};
    pa_time_event *event = pulse_timer(p, clock_now_us() + PULSE_ANSWER_MS * INT64_C(1000), on_alarm, &alarm);
    while (pa_operation_get_state(operation) == PA_OPERATION_RUNNING && !alarm.rang)
        pa_threaded_mainloop_wait(p->loop);
    pa_threaded_mainloop_get_api(p->loop)->time_free(event);
    bool done = pa_operation_get_state(operation) == PA_OPERATION_DONE;
    if (!done)
        pa_operation_cancel(operation);
    pa_operation_unref(operation);
    return done;
}

bool pulse_wait_ready(pulse_system *p)
{
    pulse_connect(p);
    if (!p->context)
        return false;
    alarm_clock alarm = {p, false};
    pa_time_event *event = pulse_timer(p, clock_now_us() + PULSE_ANSWER_MS * INT64_C(1000), on_alarm, &alarm);
    while (!p->ready && !p->reconnect && !alarm.rang)
        pa_threaded_mainloop_wait(p->loop);
    pa_threaded_mainloop_get_api(p->loop)->time_free(event);
    if (alarm.rang && !p->ready)
        p->attempt_error = PA_ERR_TIMEOUT;
    return p->ready;
}

static void close_system(capture_system *system)
{
    pulse_system *p = system->state;
    if (!p)
        return;
    if (p->loop) {
        pa_threaded_mainloop_lock(p->loop);
        pulse_cues_end(p);
        forget_reconnect(p);
        if (p->context) {
            pa_context_set_state_callback(p->context, NULL, NULL);
            pa_context_set_subscribe_callback(p->context, NULL, NULL);
            pa_context_disconnect(p->context);
            pa_context_unref(p->context);
        }
        pa_threaded_mainloop_unlock(p->loop);
        pa_threaded_mainloop_stop(p->loop);
        pa_threaded_mainloop_free(p->loop);
    }
    free(p->default_source);
    free(p);
    system->state = NULL;
}

static bool open_system(capture_system *system, const char *what, char error[CAPTURE_ERROR])
{
    (void)what;
    pulse_system *p = calloc(1, sizeof *p);
    system->state = p;
    if (p) {
        p->backoff_ms = PULSE_RETRY_FIRST_MS;
        p->loop = pa_threaded_mainloop_new();
    }
    if (!p || !p->loop || pa_threaded_mainloop_start(p->loop) < 0) {
        capture_say(error, "Out of memory or threads while the sound server was looked for.");
        close_system(system);
        return false;
    }
    pa_threaded_mainloop_set_name(p->loop, "capture");
    pa_threaded_mainloop_lock(p->loop);
    bool ready = pulse_wait_ready(p);
    if (!ready)
        pulse_why(p, error);
    pa_threaded_mainloop_unlock(p->loop);
    if (!ready)
        close_system(system);
    return ready;
}

static void default_name(capture_system *system, char name[CAPTURE_NAME])
{
    pulse_system *p = system->state;
    pa_threaded_mainloop_lock(p->loop);
    snprintf(name, CAPTURE_NAME, "%s", p->default_source ? p->default_source : "");
    pa_threaded_mainloop_unlock(p->loop);
}

const capture_backend capture_pulse = {"pulse",    open_system, close_system, pulse_devices, pulse_start,
                                       pulse_stop, pulse_end,   pulse_play,   default_name};
