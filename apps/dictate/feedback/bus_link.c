/* SPDX-License-Identifier: MIT
 * Bounded calls over sd-bus: see bus_link.h. */
#define _GNU_SOURCE
#include "dictate/feedback/bus_link.h"

#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* Sleep until the bus has something to do, stop_fd is readable or the deadline. False: stop. */
static bool wait_for_bus(bus_link *link, int64_t deadline_ms)
{
    int events = sd_bus_get_events(link->bus), fd = sd_bus_get_fd(link->bus);
    int64_t left_ms = deadline_ms - clock_now_ms();
    struct pollfd fds[2] = {{.fd = fd, .events = (short)(events < 0 ? 0 : events)},
                            {.fd = link->stop_fd, .events = POLLIN}};
    if (fd < 0 || events < 0 || left_ms <= 0)
        return false;
    return poll(fds, 2, (int)left_ms) >= 0 ? !fds[1].revents : errno == EINTR;
}

bool bus_process(bus_link *link)
{
    int r = 1;
    while (link->bus && r > 0)
        r = sd_bus_process(link->bus, NULL);
    if (r < 0 || (link->bus && sd_bus_is_open(link->bus) <= 0))
        bus_close(link);
    return link->bus != NULL;
}

/* The handshake: authentication and the bus's greeting. */
static bool greet(bus_link *link)
{
    int64_t deadline_ms = clock_now_ms() + BUS_CALL_MS;
    while (bus_process(link)) {
        if (sd_bus_is_ready(link->bus) > 0)
            return true;
        if (!wait_for_bus(link, deadline_ms)) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    errno = ECONNRESET;
    return false;
}

bool bus_open(bus_link *link, char why[200])
{
    if (link->bus && bus_process(link))
        return true;
    int r;
    if (!link->address) {
        r = sd_bus_open_user(&link->bus);
    } else {
        r = sd_bus_new(&link->bus);
        if (r >= 0)
            r = sd_bus_set_address(link->bus, link->address);
        if (r >= 0)
            r = sd_bus_set_bus_client(link->bus, 1);
        if (r >= 0)
            r = sd_bus_start(link->bus);
    }
    if (r >= 0 && greet(link))
        return true;
    if (why)
        snprintf(why, 200, "no D-Bus %s answers: %s", link->address ? "at the given address" : "session bus",
                 strerror(r < 0 ? -r : errno));
    bus_close(link);
    return false;
}

void bus_close(bus_link *link)
{
    if (link->bus)
        sd_bus_close_unref(link->bus); /* no flush: that waits */
    link->bus = NULL;
}

sd_bus_message *bus_method(bus_link *link, const char *service, const char *path, const char *interface,
                           const char *member)
{
    sd_bus_message *request = NULL;
    if (!link->bus || sd_bus_message_new_method_call(link->bus, &request, service, path, interface, member) < 0)
        return NULL;
    return request;
}

static int take_reply(sd_bus_message *reply, void *user, sd_bus_error *unused)
{
    (void)unused;
    bus_call *call = user;
    call->done = true;
    if (!sd_bus_message_is_method_error(reply, NULL))
        call->reply = sd_bus_message_ref(reply);
    return 1;
}

bool bus_send(bus_link *link, bus_call *call, sd_bus_message *request)
{
    *call = (bus_call){.done = true};
    bool sent =
        request && link->bus
        && sd_bus_call_async(link->bus, &call->slot, request, take_reply, call, BUS_CALL_MS * UINT64_C(1000)) >= 0;
    call->done = !sent;
    sd_bus_message_unref(request);
    return sent;
}

bool bus_wait(bus_link *link, bus_call *calls, size_t n_calls)
{
    int64_t deadline_ms = clock_now_ms() + BUS_CALL_MS;
    for (;;) {
        bool alive = bus_process(link);
        size_t n_done = 0;
        for (size_t i = 0; i < n_calls; i++)
            n_done += calls[i].done;
        if (!alive || n_done == n_calls)
            return alive;
        if (!wait_for_bus(link, deadline_ms))
            return true;
    }
}

void bus_call_finish(bus_call *call)
{
    sd_bus_slot_unref(call->slot);
    sd_bus_message_unref(call->reply);
    *call = (bus_call){.done = true};
}
