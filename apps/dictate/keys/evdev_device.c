/* SPDX-License-Identifier: MIT
 *
 * One input device: opened read-only, its clock set to CLOCK_MONOTONIC, and the kernel asked to keep what is not needed
 * (a mouse's motion would wake the thread a thousand times a second). */
#define _GNU_SOURCE
#include "dictate/keys/evdev_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OUR_OWN "ctrlspeak"

evdev_use evdev_use_of(const struct libevdev *dev)
{
    const char *name = libevdev_get_name(dev);
    if (name && strncmp(name, OUR_OWN, strlen(OUR_OWN)) == 0)
        return EVDEV_IGNORED;
    for (unsigned code = 1; code < BTN_MISC; code++)
        if (evdev_is_gesture_key((uint16_t)code) && libevdev_has_event_code(dev, EV_KEY, code))
            return EVDEV_KEYBOARD;
    if (libevdev_has_event_code(dev, EV_KEY, KEY_A)) /* one whose keys spoil taps */
        return EVDEV_KEYBOARD;
    return libevdev_has_event_code(dev, EV_KEY, BTN_LEFT) || libevdev_has_event_code(dev, EV_REL, REL_WHEEL)
               ? EVDEV_POINTER
               : EVDEV_IGNORED;
}

/* Of each type that is not keys, only the codes that are wanted: the wheels. An old kernel that cannot is fine. */
static void mask(int fd)
{
    unsigned char wheels[(REL_CNT + 7) / 8] = {0}, none[(ABS_CNT + 7) / 8] = {0};
    static const int wanted[] = {REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        wheels[wanted[i] / 8] |= (unsigned char)(1 << wanted[i] % 8);
    struct input_mask masks[] = {{EV_REL, sizeof wheels, (uintptr_t)wheels},
                                 {EV_ABS, sizeof none, (uintptr_t)none},
                                 {EV_MSC, (MSC_CNT + 7) / 8, (uintptr_t)none}};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        (void)ioctl(fd, EVIOCSMASK, &masks[i]);
}

/* 0 or an errno. */
static int probe(evdev_device *device)
{
    struct stat what;
    if (fstat(device->records.fd, &what) != 0)
        return errno;
    device->keyboard = true;
    if (S_ISFIFO(what.st_mode))
        return 0;
    if (!S_ISCHR(what.st_mode))
        return ENOTTY;
    int failed = -libevdev_new_from_fd(device->records.fd, &device->dev);
    if (failed)
        return failed;
    evdev_use use = evdev_use_of(device->dev);
    device->keyboard = use == EVDEV_KEYBOARD;
    mask(device->records.fd);
    return use == EVDEV_IGNORED ? ENXIO : -libevdev_set_clock_id(device->dev, CLOCK_MONOTONIC);
}

int evdev_device_open(evdev_device **device, const char *folder, const char *name, const keys *source)
{
    char path[EVDEV_FOLDER + EVDEV_NAME];
    int failed = ENOMEM;
    *device = calloc(1, sizeof **device);
    if (!*device)
        return failed;
    snprintf((*device)->name, sizeof(*device)->name, "%s", name);
    (*device)->feed.source = source;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    (*device)->records.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    failed = (*device)->records.fd < 0 ? errno : probe(*device);
    if (failed) {
        evdev_device_close(*device);
        *device = NULL;
    }
    return failed;
}

int evdev_device_fd(const evdev_device *device)
{
    return device->records.fd;
}

/* A record's time, where it is about now; a recorded one's is another day's. */
static int64_t near_now_us(const struct input_event *event)
{
    int64_t us = evdev_time_us(event), now_us = clock_now_us();
    return us > now_us || us < now_us - 2000000 ? now_us : us;
}

static bool read_records(evdev_device *device)
{
    struct input_event event;
    int met;
    while ((met = evdev_records_next(&device->records, &event)) > 0)
        evdev_feed_event(&device->feed, &event, near_now_us(&event));
    return met == 0;
}

/* After SYN_DROPPED libevdev tells what changed as events of their own. */
static bool read_node(evdev_device *device)
{
    struct input_event event;
    int met = 0;
    bool syncing = false;
    while (met >= 0) {
        met = libevdev_next_event(device->dev, syncing ? LIBEVDEV_READ_FLAG_SYNC : LIBEVDEV_READ_FLAG_NORMAL, &event);
        if (syncing && met == -EAGAIN) {
            syncing = false;
            met = 0;
        } else if (met == LIBEVDEV_READ_STATUS_SYNC && !syncing) {
            syncing = true;
            keys_post(device->feed.source, clock_now_us(), KEY_OTHER, KEY_POINTER); /* what was missed spoils taps */
        } else if (met >= 0) {
            evdev_feed_event(&device->feed, &event, evdev_time_us(&event));
        }
    }
    return met == -EAGAIN || met == -EINTR;
}

bool evdev_device_read(evdev_device *device)
{
    bool there = device->dev ? read_node(device) : read_records(device);
    if (!there)
        evdev_feed_lift(&device->feed, clock_now_us());
    return there;
}

void evdev_device_close(evdev_device *device)
{
    if (!device)
        return;
    libevdev_free(device->dev);
    if (device->records.fd >= 0)
        close(device->records.fd);
    free(device);
}
