/* SPDX-License-Identifier: MIT
 *
 * Inside this folder: one device of an input folder. An event node is read through libevdev; a FIFO brings recorded
 * records and counts as a keyboard. */
#ifndef DICTATE_EVDEV_DEVICE_H
#define DICTATE_EVDEV_DEVICE_H

#include "dictate/keys/evdev_feed.h"

#include <libevdev/libevdev.h>

enum { EVDEV_NAME = 40, EVDEV_FOLDER = 120 };

typedef struct evdev_device {
    char name[EVDEV_NAME]; /* in the folder: "event3" */
    bool keyboard;
    struct libevdev *dev; /* NULL: a FIFO */
    evdev_records records;
    evdev_feed feed;
} evdev_device;

/* What a device is to us. */
typedef enum evdev_use { EVDEV_IGNORED, EVDEV_POINTER, EVDEV_KEYBOARD } evdev_use;
evdev_use evdev_use_of(const struct libevdev *dev);

/* 0, or an errno: EACCES, ENODEV (no such device any more), ENOTTY (no input device), ENXIO (one without use to us). */
int evdev_device_open(evdev_device **device, const char *folder, const char *name, const keys *source);
int evdev_device_fd(const evdev_device *device);
/* Reads what is there and posts it. False: the device is gone; its keys were released. */
bool evdev_device_read(evdev_device *device);
void evdev_device_close(evdev_device *device);

#endif
