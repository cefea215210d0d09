/* SPDX-License-Identifier: MIT
 * The client's side of the control socket; see control.h. */
#define _GNU_SOURCE
#include "common/cli.h"
#include "dictate/control/control_place.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 << 10 };

static int failed(char error[CONTROL_ERROR], int status, const char *what)
{
    snprintf(error, CONTROL_ERROR, "%s: %s", what, strerror(errno));
    return status;
}

/* The last line, "=8 sentence". */
static int last_line(const char *line, char error[CONTROL_ERROR])
{
    char *end;
    long status = strtol(line + 1, &end, 10);
    if (end == line + 1 || status < 0 || status > 255) {
        snprintf(error, CONTROL_ERROR, "the running dictation gave an answer that is none: %.40s", line);
        return APP_SYSTEM;
    }
    snprintf(error, CONTROL_ERROR, "%s", *end == ' ' ? end + 1 : "");
    return (int)status;
}

int control_ask(const char *command, int32_t timeout_ms, bool (*line)(void *user, const char *line), void *user,
                char error[CONTROL_ERROR])
{
    struct sockaddr_un address;
    char *buffer = NULL;
    size_t used = 0;
    int status = APP_SYSTEM, fd = -1;
    error[0] = 0;
    if (!control_address(&address, NULL, error))
        return APP_SYSTEM;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failed(error, APP_SYSTEM, "no socket can be had");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        status = nobody ? APP_NOBODY : failed(error, APP_SYSTEM, address.sun_path);
        if (nobody)
            snprintf(error, CONTROL_ERROR, "no dictation runs; start one by: ctrlspeak dictate");
        goto done;
    }
    buffer = malloc(LINE_MAX_BYTES);
    int n = buffer ? snprintf(buffer, LINE_MAX_BYTES, "%s\n", command) : -1;
    if (n < 0 || n >= CONTROL_COMMAND || strchr(command, '\n')) {
        snprintf(error, CONTROL_ERROR,
                 buffer ? "the command is longer than %d bytes, or has a line break in it" : "out of memory",
                 CONTROL_COMMAND - 2);
        goto done;
    }
    if (send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n) {
        failed(error, APP_SYSTEM, "the running dictation does not listen");
        goto done;
    }
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, timeout_ms);
        if (ready < 0 && errno == EINTR) {
            status = APP_INTERRUPTED;
            goto done;
        }
        if (ready == 0) {
            snprintf(error, CONTROL_ERROR, "the running dictation does not answer (waited %d ms)", timeout_ms);
            goto done;
        }
        ssize_t got = recv(fd, buffer + used, LINE_MAX_BYTES - 1 - used, 0);
        if (got <= 0) {
            snprintf(error, CONTROL_ERROR, "the running dictation ended before it had answered");
            goto done;
        }
        used += (size_t)got;
        char *end;
        while ((end = memchr(buffer, '\n', used))) {
            *end = 0;
            if (buffer[0] == '=') {
                status = last_line(buffer, error);
                goto done;
            }
            if (line && !line(user, buffer)) {
                status = APP_DONE;
                goto done;
            }
            used -= (size_t)(end + 1 - buffer);
            memmove(buffer, end + 1, used);
        }
        if (used == LINE_MAX_BYTES - 1) {
            snprintf(error, CONTROL_ERROR, "the running dictation sent a line longer than %d bytes",
                     LINE_MAX_BYTES - 1);
            goto done;
        }
    }
done:
    free(buffer);
    if (fd >= 0)
        close(fd);
    return status;
}
