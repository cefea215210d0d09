/* SPDX-License-Identifier: MIT
 *
 * The kernel's input devices where the program was built without libevdev. */
#include "dictate/keys/keys.h"

#include <stdio.h>
#include <unistd.h>

keys *keys_evdev_open(const char *folder, const keys_sink *sink, char error[KEYS_ERROR])
{
    (void)sink;
    snprintf(error, KEYS_ERROR, "Keys from %.200s cannot be heard: this program was built without libevdev", folder);
    return NULL;
}

keys *keys_stream_open(int fd, const keys_sink *sink, char error[KEYS_ERROR])
{
    (void)sink;
    close(fd);
    snprintf(error, KEYS_ERROR, "A recorded key stream cannot be played: this program was built without libevdev");
    return NULL;
}
