/* SPDX-License-Identifier: MIT
 *
 * Media players that speak MPRIS: pause those that play, and let exactly those go on. One thread. */
#ifndef DICTATE_MEDIA_H
#define DICTATE_MEDIA_H

#include "dictate/feedback/bus_link.h"

enum { MEDIA_PLAYERS = 32, MEDIA_NAME = 256 };

typedef struct media {
    char paused[MEDIA_PLAYERS][MEDIA_NAME]; /* bus names of those that we paused */
    size_t n_paused;
} media;

/* False: the bus is gone; what was paused stays remembered. */
bool media_pause(media *m, bus_link *link);
bool media_resume(media *m, bus_link *link);

#endif
