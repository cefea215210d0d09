/* SPDX-License-Identifier: MIT
 *
 * Where key events come from. A source runs a thread of its own that only translates and posts; nothing is grabbed,
 * nothing is injected, no key code is kept or logged. */
#ifndef DICTATE_KEYS_H
#define DICTATE_KEYS_H

#include "dictate/gesture/gesture.h"

enum { KEYS_ERROR = 400 };

typedef struct keys keys;

typedef struct keys_sink {
    void *user;
    /* From the source's thread. Returns at once. */
    void (*key)(void *user, const key_event *event);
    /* The source is gone (X server died, last device unplugged); why is one sentence. At most once. */
    void (*lost)(void *user, const char *why);
} keys_sink;

/* XInput2 raw events on the root window. display NULL: $DISPLAY. NULL: error is one sentence. */
keys *keys_x11_open(const char *display, const keys_sink *sink, char error[KEYS_ERROR]);
/* Every keyboard below folder ("/dev/input"), read-only, hot-plugged by inotify; devices whose name begins with
 * "ctrlspeak" are our own and ignored. NULL when not one keyboard can be opened: error says which permission is
 * missing and the command that gives it. */
keys *keys_evdev_open(const char *folder, const keys_sink *sink, char error[KEYS_ERROR]);
/* Struct input_event records from a descriptor (a recorded stream, a pipe), which is then owned. lost() at its end. */
keys *keys_stream_open(int fd, const keys_sink *sink, char error[KEYS_ERROR]);
const char *keys_name(const keys *source); /* "x11", "evdev", "stream" */
/* Stops and joins its thread. Not from the sink. */
void keys_close(keys *source);

#endif
