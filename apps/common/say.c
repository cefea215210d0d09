/* SPDX-License-Identifier: MIT
 * Lines on stderr: see say.h. poll() reports a pipe as writable when it has room for PIPE_BUF bytes, so that one write
 * of no more than that cannot block. */
#include "common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 2000 };

void say_bytes(const char *bytes, size_t n_bytes)
{
    struct pollfd out = {.fd = 2, .events = POLLOUT};
    if (poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) && !(out.revents & (POLLERR | POLLNVAL))) {
        ssize_t written = write(2, bytes, n_bytes);
        (void)written; /* whoever closed stderr does not want to know */
    }
}

void say(const char *level, const char *part, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;
    int n = snprintf(line, sizeof line, "%s %s ", level, part);
    va_start(args, format);
    int more = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
    va_end(args);
    if (more < 0)
        return;
    size_t size = strlen(line);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = '?';
    line[size++] = '\n';
    say_bytes(line, size);
}

void say_hold_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
                return; /* no /dev/null here: nothing better can be done */
}
