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
    /* The source is gone (X server died, a stream ended, the folder of devices vanished); why is one sentence. At most
     * once; keys that were down then get no release: gesture_reset(). The source is still to be closed. */
    void (*lost)(void *user, const char *why);
} keys_sink;

/* XInput2 raw events on the root window: also while another program grabs the keyboard, and those that XTEST makes.
 * Which key is which is the keymap's first group's word, so that a swapped Ctrl counts and a switched layout does not
 * matter. display NULL: $DISPLAY. NULL: error is one sentence. */
keys *keys_x11_open(const char *display, const keys_sink *sink, char error[KEYS_ERROR]);
/* Every keyboard, and every mouse for its buttons and wheel, below folder ("/dev/input"), read-only, hot-plugged by
 * inotify; devices whose name begins with "ctrlspeak" are our own and ignored. A device that goes has its keys released;
 * when the last one goes, the next is waited for. A FIFO named event* is a device too, of recorded records. NULL when
 * not one keyboard can be opened: error says which permission is missing and the command that gives it. */
keys *keys_evdev_open(const char *folder, const keys_sink *sink, char error[KEYS_ERROR]);
/* Struct input_event records from a descriptor (a recorded stream, a pipe), which is then owned, on failure too. Records
 * come at the times and distances that they have; a stream that was recorded another day begins now. lost() at its end. */
keys *keys_stream_open(int fd, const keys_sink *sink, char error[KEYS_ERROR]);
const char *keys_name(const keys *source); /* "x11", "evdev", "stream" */
/* Stops and joins its thread. Not from the sink. NULL is fine. */
void keys_close(keys *source);

#endif
