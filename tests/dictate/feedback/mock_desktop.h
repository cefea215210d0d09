/* SPDX-License-Identifier: MIT
 *
 * A desktop made of cardboard: a message bus of its own, and on it a notification service and media players, in a thread of
 * the test. What they do is decided by fields; what was asked of them is counted. */
#ifndef MOCK_DESKTOP_H
#define MOCK_DESKTOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

enum { MOCK_PLAYERS = 4, MOCK_TEXT = 2000 };

typedef struct mock_player {
    char name[100], state[20]; /* "" : no player */
    bool silent;               /* never answers */
    int n_pause, n_play;
    struct mock_desktop *desktop;
    sd_bus *bus; /* a name of its own is a connection of its own */
} mock_player;

typedef struct mock_desktop {
    char folder[60], address[120];
    pid_t bus_pid;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool running, stop;
    bool has_notifications, silent, has_markup;
    sd_bus *bus;
    int n_notify, urgency;
    uint32_t replaces, next_number;
    char title[MOCK_TEXT], body[MOCK_TEXT];
    mock_player players[MOCK_PLAYERS];
} mock_desktop;

/* A bus with nothing on it. False: no dbus-daemon here. */
bool mock_bus_start(mock_desktop *d);
void mock_bus_kill(mock_desktop *d);
/* The services, as the fields say. */
bool mock_services_start(mock_desktop *d);
void mock_services_stop(mock_desktop *d);
/* Wait until *value (guarded by d->lock) is at least so much; false: that does not come. */
bool mock_wait(mock_desktop *d, const int *value, int at_least);

#endif
