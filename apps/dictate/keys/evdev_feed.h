/* SPDX-License-Identifier: MIT
 *
 * Inside this folder: struct input_event records, from wherever, into key events. One feed per device, so that what is
 * down on a device that goes, or whose events were dropped, can be released. */
#ifndef DICTATE_EVDEV_FEED_H
#define DICTATE_EVDEV_FEED_H

#include "dictate/keys/keys_source.h"

#include <linux/input.h>

typedef struct evdev_feed {
    const keys *source;
    uint32_t down; /* bit per gesture_key */
    int32_t n_others_down;
    bool dropped; /* between SYN_DROPPED and the next SYN_REPORT nothing counts */
} evdev_feed;

/* Is this one of the codes that gestures are made of? */
bool evdev_is_gesture_key(uint16_t code);
int64_t evdev_time_us(const struct input_event *event);
void evdev_feed_event(evdev_feed *feed, const struct input_event *event, int64_t time_us);
/* Events were missed: spoils taps, and releases what is down, since nobody can tell any more. */
void evdev_feed_lift(evdev_feed *feed, int64_t time_us);

/* Records from a descriptor in whatever pieces they come. */
typedef struct evdev_records {
    int fd;
    size_t n_bytes;
    unsigned char bytes[64 * sizeof(struct input_event)];
    size_t at; /* of the next record in bytes */
} evdev_records;

/* 1: an event. 0: none now. -1: the end, or an error that errno tells (0 at the end). */
int evdev_records_next(evdev_records *records, struct input_event *event);

#endif
