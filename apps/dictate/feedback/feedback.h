/* SPDX-License-Identifier: MIT
 *
 * The desktop around us, over D-Bus: notifications, media players, and systemd's readiness protocol. A thread of its own;
 * every call returns at once; an absent bus or service is never an error, only nothing. */
#ifndef DICTATE_FEEDBACK_H
#define DICTATE_FEEDBACK_H

#include <stdbool.h>

typedef struct feedback feedback;

/* address NULL: the session bus. NULL: out of memory or threads. */
feedback *feedback_create(const char *address);
/* One notification of ours is on screen at most: a new one replaces it. urgent: for lost deliveries. */
void feedback_notify(feedback *f, const char *title, const char *body, bool urgent);
/* Pause every MPRIS player that is playing; resume exactly those. */
void feedback_pause_media(feedback *f);
void feedback_resume_media(feedback *f);
/* Is there a bus that answers? For doctor; waits up to 500 ms. why is one sentence. */
bool feedback_probe(const char *address, char why[200]);
void feedback_free(feedback *f);

/* sd_notify(3)'s protocol: "READY=1", "STATUS=...", "STOPPING=1"; nothing when NOTIFY_SOCKET is not set. */
void feedback_systemd(const char *state);

#endif
