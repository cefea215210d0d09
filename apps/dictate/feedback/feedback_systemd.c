/* SPDX-License-Identifier: MIT
 *
 * sd_notify(3)'s protocol by hand: one datagram to the socket that NOTIFY_SOCKET names, a path or, with @ first, an
 * abstract name. Twenty lines, so readiness does not hang on whether libsystemd was there at build time. */
#define _GNU_SOURCE
#include "dictate/feedback/feedback.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FULL_MS = 500 };

void feedback_systemd(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = name ? strlen(name) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    /* a path ends with its 0, an abstract name does not */
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
    if (connect(fd, (const struct sockaddr *)&address, size) == 0)
        for (int tries = 0; tries < 2; tries++) {
            struct pollfd out = {.fd = fd, .events = POLLOUT};
            if (send(fd, state, strlen(state), MSG_NOSIGNAL) >= 0 || errno != EAGAIN || poll(&out, 1, FULL_MS) != 1)
                break;
        }
    close(fd);
}
