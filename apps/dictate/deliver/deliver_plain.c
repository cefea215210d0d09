/* SPDX-License-Identifier: MIT
 *
 * Text to standard output or to the end of a file: one line per text. SIGPIPE is blocked on the deliverer's thread, so
 * a reader that went away is an error like any other. */
#define _GNU_SOURCE
#include "deliver_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STDOUT_LIMIT_US = 10000000 };

int deliver_wait_ms(int64_t until_us)
{
    int64_t left = until_us - clock_now_us();
    if (left <= 0)
        return 0;
    return left > 3600000000 ? 3600000 : (int)((left + 999) / 1000);
}

bool deliver_write(int fd, const char *bytes, size_t n_bytes, int64_t limit_us, size_t *n_written)
{
    int64_t until = clock_now_us() + limit_us;
    *n_written = 0;
    while (*n_written < n_bytes) {
        /* The descriptor may be shared with other programs, so that it cannot be made non-blocking: ask for room first,
         * and write no more than a pipe with room must take. */
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        int n_ready = poll(&ready, 1, deliver_wait_ms(until));
        if (n_ready == 0) {
            errno = ETIMEDOUT;
            return false;
        }
        size_t n_left = n_bytes - *n_written;
        ssize_t n = n_ready < 0 ? -1 : write(fd, bytes + *n_written, n_left < PIPE_BUF ? n_left : PIPE_BUF);
        if (n > 0)
            *n_written += (size_t)n;
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
    }
    return true;
}

/* The text as a line. The caller frees; NULL: out of memory, said in the outcome. */
static char *line_of(const char *text, size_t *n_line, deliver_outcome *outcome)
{
    size_t n = strlen(text);
    char *line = malloc(n + 2);
    if (!line) {
        snprintf(outcome->why, sizeof outcome->why, "Out of memory for a text of %zu bytes.", n);
        return NULL;
    }
    memcpy(line, text, n);
    if (n == 0 || text[n - 1] != '\n')
        line[n++] = '\n';
    line[n] = '\0';
    *n_line = n;
    return line;
}

void deliver_stdout(const char *text, deliver_outcome *outcome)
{
    size_t n_line, n_written;
    char *line = line_of(text, &n_line, outcome);
    if (!line)
        return;
    snprintf(outcome->target, sizeof outcome->target, "standard output");
    outcome->sent_us = clock_now_us();
    if (!deliver_write(STDOUT_FILENO, line, n_line, STDOUT_LIMIT_US, &n_written))
        snprintf(outcome->why, sizeof outcome->why, "Standard output took %zu of %zu bytes: %s.", n_written, n_line,
                 errno == ETIMEDOUT ? "nobody reads it" : strerror(errno));
    else
        outcome->delivered = true;
    outcome->receipt_us = outcome->delivered ? clock_now_us() : 0;
    free(line);
}

void deliver_file(const char *path, const char *text, deliver_outcome *outcome)
{
    size_t n_line;
    ssize_t n;
    char *line = line_of(text, &n_line, outcome);
    if (!line)
        return;
    snprintf(outcome->target, sizeof outcome->target, "%s", path);
    /* O_NONBLOCK: a named pipe without a reader is an error, not a wait. */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0) {
        snprintf(outcome->why, sizeof outcome->why, "%.200s: cannot be opened for appending: %s.", path,
                 strerror(errno));
        free(line);
        return;
    }
    outcome->sent_us = clock_now_us();
    do /* one write, so that lines of several programs do not mix */
        n = write(fd, line, n_line);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        snprintf(outcome->why, sizeof outcome->why, "%.200s: %s.", path, strerror(errno));
    else if ((size_t)n < n_line)
        snprintf(outcome->why, sizeof outcome->why, "%.200s: only %zd of %zu bytes could be written.", path, n, n_line);
    else if (close(fd) != 0)
        snprintf(outcome->why, sizeof outcome->why, "%.200s: %s.", path, strerror(errno));
    else
        outcome->delivered = true;
    if (!outcome->delivered && (n < 0 || (size_t)n < n_line))
        close(fd);
    outcome->receipt_us = outcome->delivered ? clock_now_us() : 0;
    free(line);
}
