/* SPDX-License-Identifier: MIT
 *
 * All keyboards and mice of an input folder, as they come and go. A new node is tried when it appears and again whenever
 * its permissions change, since udev opens it to its group only after it has been made. */
#define _GNU_SOURCE
#include "dictate/keys/evdev_device.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { MAX_DEVICES = 64, STOP = 0, NOTIFY = 1, FIRST_DEVICE = 2 };

typedef struct evdev_keys {
    keys base;
    char folder[EVDEV_FOLDER]; /* no descriptor of it is kept: the kernel tells of its end when nobody holds it */
    int notify_fd;
    evdev_device *devices[MAX_DEVICES];
    int n_devices;
} evdev_keys;

/* What opening the folder met, for the sentence when there is no keyboard. */
typedef struct census {
    int n_nodes, n_keyboards, n_denied;
    char denied[EVDEV_NAME];
} census;

static bool is_node(const char *name)
{
    return strncmp(name, "event", 5) == 0 && strlen(name) < EVDEV_NAME;
}

static void drop_device(evdev_keys *e, int i)
{
    evdev_device_close(e->devices[i]);
    e->devices[i] = e->devices[--e->n_devices];
}

static void try_device(evdev_keys *e, const char *name, census *met)
{
    evdev_device *device;
    for (int i = e->n_devices - 1; i >= 0; i--) {
        if (strcmp(e->devices[i]->name, name) != 0)
            continue;
        if (evdev_device_read(e->devices[i]))
            return;
        drop_device(e, i); /* gone, and its name already given to another */
    }
    if (!is_node(name) || e->n_devices == MAX_DEVICES)
        return;
    int failed = evdev_device_open(&device, e->folder, name, &e->base);
    met->n_nodes++;
    if (failed == EACCES || failed == EPERM) {
        if (met->n_denied++ == 0)
            snprintf(met->denied, sizeof met->denied, "%s", name);
    } else if (!failed) {
        met->n_keyboards += device->keyboard;
        e->devices[e->n_devices++] = device;
    }
}

/* False: errno tells. */
static bool scan(evdev_keys *e, census *met)
{
    DIR *folder = opendir(e->folder);
    if (!folder)
        return false;
    for (struct dirent *entry; (entry = readdir(folder));)
        try_device(e, entry->d_name, met);
    closedir(folder);
    return true;
}

/* False: the folder itself is gone. */
static bool read_notices(evdev_keys *e)
{
    union {
        struct inotify_event event;
        char bytes[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    } notices;
    census met = {0};
    bool there = true;
    ssize_t n = read(e->notify_fd, notices.bytes, sizeof notices.bytes);
    for (ssize_t at = 0; at < n;) {
        struct inotify_event event;
        memcpy(&event, notices.bytes + at, sizeof event);
        if (event.mask & IN_Q_OVERFLOW)
            scan(e, &met);
        else if (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
            there = false;
        else if (event.len > 0)
            try_device(e, notices.bytes + at + sizeof event, &met);
        at += (ssize_t)(sizeof event + event.len);
    }
    return there;
}

static void run(keys *source)
{
    evdev_keys *e = (evdev_keys *)source;
    char why[KEYS_ERROR];
    for (;;) {
        struct pollfd wait[FIRST_DEVICE + MAX_DEVICES] = {
            [STOP] = {.fd = source->stop_fd, .events = POLLIN}, [NOTIFY] = {.fd = e->notify_fd, .events = POLLIN}};
        for (int i = 0; i < e->n_devices; i++)
            wait[FIRST_DEVICE + i] = (struct pollfd){.fd = evdev_device_fd(e->devices[i]), .events = POLLIN};
        if (poll(wait, (nfds_t)(FIRST_DEVICE + e->n_devices), -1) < 0 && errno != EINTR)
            break;
        if (wait[STOP].revents)
            return;
        for (int i = e->n_devices - 1; i >= 0; i--) /* from the end: dropping moves the last one into the gap */
            if (wait[FIRST_DEVICE + i].revents && !evdev_device_read(e->devices[i]))
                drop_device(e, i);
        if (wait[NOTIFY].revents && !read_notices(e))
            break;
    }
    snprintf(why, sizeof why, "The folder of input devices %s is gone, so keys are not heard any more", e->folder);
    source->sink.lost(source->sink.user, why);
}

static void finish(keys *source)
{
    evdev_keys *e = (evdev_keys *)source;
    while (e->n_devices > 0)
        drop_device(e, e->n_devices - 1);
    if (e->notify_fd >= 0)
        close(e->notify_fd);
    free(e);
}

static void explain(const evdev_keys *e, const census *met, char error[KEYS_ERROR])
{
    char others[30] = "";
    if (met->n_denied > 1)
        snprintf(others, sizeof others, " (and %d more)", met->n_denied - 1);
    if (met->n_denied > 0)
        snprintf(error, KEYS_ERROR,
                 "No permission to read %s/%s%s: run `sudo usermod -aG input $USER` and log in again, or allow whoever "
                 "sits at the screen by the udev rule KERNEL==\"event*\", SUBSYSTEM==\"input\", TAG+=\"uaccess\"",
                 e->folder, met->denied, others);
    else
        snprintf(error, KEYS_ERROR, "There is no keyboard among the %d input devices in %s", met->n_nodes, e->folder);
}

/* False: error tells. */
static bool open_folder(evdev_keys *e, const char *folder, char error[KEYS_ERROR])
{
    census met = {0};
    if (snprintf(e->folder, sizeof e->folder, "%s", folder) >= (int)sizeof e->folder) {
        snprintf(error, KEYS_ERROR,
                 "The name of the folder of input devices %s... is too long; expected fewer than %d bytes", e->folder,
                 EVDEV_FOLDER);
        return false;
    }
    /* Watched first, listed then: what appears in between is seen twice, not never. */
    e->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (e->notify_fd < 0) {
        snprintf(error, KEYS_ERROR, "Input devices cannot be watched: %s", strerror(errno));
        return false;
    }
    if (inotify_add_watch(e->notify_fd, folder,
                          IN_CREATE | IN_ATTRIB | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
            < 0
        || !scan(e, &met)) {
        snprintf(error, KEYS_ERROR, "The folder of input devices %s cannot be opened: %s", e->folder, strerror(errno));
        return false;
    }
    if (met.n_keyboards == 0)
        explain(e, &met, error);
    return met.n_keyboards > 0;
}

keys *keys_evdev_open(const char *folder, const keys_sink *sink, char error[KEYS_ERROR])
{
    evdev_keys *e = calloc(1, sizeof *e);
    if (!e) {
        snprintf(error, KEYS_ERROR, "Out of memory for the input devices in %.200s", folder);
        return NULL;
    }
    e->base = (keys){.name = "evdev", .sink = *sink, .run = run, .finish = finish};
    e->notify_fd = -1;
    if (open_folder(e, folder, error))
        return keys_begin(&e->base, error) ? &e->base : NULL;
    finish(&e->base);
    return NULL;
}
