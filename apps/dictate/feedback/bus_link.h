/* SPDX-License-Identifier: MIT
 *
 * A connection to a message bus that never waits longer than it was told. sd_bus_call() would wait for as long as a bus that
 * accepts and says nothing, and sd_bus_flush() for as long as one that does not read; so calls are sent together, answers
 * are collected by a poll of our own, and closing drops what is still unsent. One thread. */
#ifndef DICTATE_BUS_LINK_H
#define DICTATE_BUS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

enum { BUS_CALL_MS = 500 };

typedef struct bus_link {
    sd_bus *bus;         /* NULL: not connected */
    const char *address; /* NULL: the session bus; the caller's */
    int stop_fd;         /* readable: give up waiting; -1: none */
} bus_link;

typedef struct bus_call {
    sd_bus_slot *slot;
    sd_bus_message *reply; /* NULL: an error, or no answer in time */
    bool done;
} bus_call;

/* Connect unless connected. False: no bus answers; why (may be NULL) is one sentence. */
bool bus_open(bus_link *link, char why[200]);
void bus_close(bus_link *link);
/* The method call to be filled in; NULL: no memory, or not connected. */
sd_bus_message *bus_method(bus_link *link, const char *service, const char *path, const char *interface,
                           const char *member);
/* Send request (which is let go of, NULL: nothing) and remember where its answer goes. False: not sent, call is done. */
bool bus_send(bus_link *link, bus_call *call, sd_bus_message *request);
/* Until all have their answer or BUS_CALL_MS are over. False: the bus is gone. */
bool bus_wait(bus_link *link, bus_call *calls, size_t n_calls);
void bus_call_finish(bus_call *call);
/* Take what has come in without waiting. False: the bus is gone. */
bool bus_process(bus_link *link);

#endif
