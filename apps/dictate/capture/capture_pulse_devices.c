/* SPDX-License-Identifier: MIT
 *
 * The sources that the server offers. */
#define _GNU_SOURCE
#include "dictate/capture/capture_pulse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct list {
    pulse_system *p;
    char *default_source; /* the connection's own copy changes by its own events alone */
    capture_device *devices;
    int32_t n;
    bool no_memory;
} list;

static void on_source(pa_context *context, const pa_source_info *source, int end, void *user)
{
    (void)context;
    list *l = user;
    if (end || !source) {
        pulse_signal(l->p);
        return;
    }
    capture_device *device = capture_device_add(&l->devices, &l->n);
    if (!device) {
        l->no_memory = true;
        return;
    }
    const char *bus = pa_proplist_gets(source->proplist, PA_PROP_DEVICE_BUS);
    const char *api = pa_proplist_gets(source->proplist, PA_PROP_DEVICE_API);
    snprintf(device->name, sizeof device->name, "%s", source->name);
    snprintf(device->description, sizeof device->description, "%s",
             source->description ? source->description : source->name);
    device->is_default = l->default_source && strcmp(source->name, l->default_source) == 0;
    device->is_monitor = source->monitor_of_sink != PA_INVALID_INDEX;
    device->is_bluetooth = (bus && strcmp(bus, "bluetooth") == 0) || (api && strncmp(api, "bluez", 5) == 0)
                           || capture_name_is_bluetooth(source->name);
    device->rate_hz = (int32_t)source->sample_spec.rate;
    device->n_channels = source->sample_spec.channels;
}

static void on_server(pa_context *context, const pa_server_info *server, void *user)
{
    (void)context;
    list *l = user;
    if (server && server->default_source_name && !l->default_source)
        l->default_source = strdup(server->default_source_name);
    pulse_signal(l->p);
}

int32_t pulse_devices(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR])
{
    pulse_system *p = system->state;
    list l = {.p = p};
    pa_threaded_mainloop_lock(p->loop);
    bool ready = pulse_wait_ready(p);
    bool ok = ready && pulse_finish(p, pa_context_get_server_info(p->context, on_server, &l))
              && pulse_finish(p, pa_context_get_source_info_list(p->context, on_source, &l)) && !l.no_memory;
    if (!ready)
        pulse_why(p, error);
    else if (!ok)
        capture_say(error,
                    l.no_memory ? "Out of memory while the devices were listed." : "The sound server does not answer.");
    pa_threaded_mainloop_unlock(p->loop);
    free(l.default_source);
    if (!ok) {
        free(l.devices);
        return -1;
    }
    *devices = l.devices;
    return l.n;
}
