/* SPDX-License-Identifier: MIT
 *
 * Text to a program's standard input. The program is started without a shell, with exactly three descriptors: the
 * text, /dev/null, and a pipe whose first line explains a failure. It gets ten seconds, then its process group is
 * killed. It may close its input early; only its exit status counts. */
#define _GNU_SOURCE
#include "deliver_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_US = 10000000, COMPLAINT = 200 };

extern char **environ;

typedef struct child {
    pid_t pid;
    int in, err, pidfd;
    const char *text;
    size_t n_left;
    char complaint[COMPLAINT];
    size_t n_complaint;
} child;

static int start(char **words, int in, int err, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, pipe_only;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    if ((rc = posix_spawnattr_init(&attr)) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return rc;
    }
    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &pipe_only);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if ((rc = posix_spawn_file_actions_adddup2(&actions, in, 0)) == 0
        && (rc = posix_spawn_file_actions_adddup2(&actions, err, 2)) == 0
        && (rc = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)) == 0
        && (rc = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) == 0)
        rc = posix_spawnp(pid, words[0], &actions, &attr, words, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void feed(child *c)
{
    ssize_t n = write(c->in, c->text, c->n_left);
    if (n > 0) {
        c->text += n;
        c->n_left -= (size_t)n;
    }
    if (c->n_left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_end(&c->in);
}

static void listen_to(child *c)
{
    char scrap[512];
    ssize_t n = read(c->err, scrap, sizeof scrap);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close_end(&c->err);
        return;
    }
    for (ssize_t i = 0; i < n && c->n_complaint < COMPLAINT - 1; i++) {
        if (scrap[i] == '\n')
            c->n_complaint = COMPLAINT; /* the first line is enough; the rest is read and dropped */
        else
            c->complaint[c->n_complaint++] = (unsigned char)scrap[i] < ' ' ? ' ' : scrap[i];
    }
}

/* Feed it and wait for its end. False: it had to be killed. */
static bool attend(child *c, int *status)
{
    int64_t until = clock_now_us() + LIMIT_US;
    bool in_time = true;
    if (c->n_left == 0)
        close_end(&c->in);
    while (waitpid(c->pid, status, WNOHANG) == 0) {
        struct pollfd fds[] = {{c->in, POLLOUT, 0}, {c->err, POLLIN, 0}, {c->pidfd, POLLIN, 0}};
        int wait_ms = deliver_wait_ms(until);
        if (wait_ms == 0) {
            kill(-c->pid, SIGKILL);
            while (waitpid(c->pid, status, 0) < 0 && errno == EINTR)
                ;
            in_time = false;
            break;
        }
        /* A kernel without pidfd: look every 10 ms. */
        poll(fds, 3, c->pidfd < 0 && wait_ms > 10 ? 10 : wait_ms);
        if (fds[0].revents)
            feed(c);
        if (fds[1].revents)
            listen_to(c);
    }
    if (c->err >= 0)
        listen_to(c);
    return in_time;
}

void deliver_command(const char *line, const char *text, deliver_outcome *outcome)
{
    int in[2] = {-1, -1}, err[2] = {-1, -1}, status = 0, rc;
    child c = {.in = -1, .err = -1, .pidfd = -1, .text = text, .n_left = strlen(text)};
    char **words = deliver_split(line, outcome->why);
    if (!words)
        return;
    snprintf(outcome->target, sizeof outcome->target, "%s", words[0]);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
        snprintf(outcome->why, sizeof outcome->why, "%.100s: no pipe for its input: %s.", words[0], strerror(errno));
        goto done;
    }
    if ((rc = start(words, in[0], err[1], &c.pid)) != 0) {
        snprintf(outcome->why, sizeof outcome->why, "%.200s: cannot be started: %s.", words[0], strerror(rc));
        goto done;
    }
    close_end(&in[0]);
    close_end(&err[1]);
    c.in = in[1], in[1] = -1;
    c.err = err[0], err[0] = -1;
    fcntl(c.in, F_SETFL, O_NONBLOCK);
    fcntl(c.err, F_SETFL, O_NONBLOCK);
    c.pidfd = pidfd_open(c.pid, 0);
    outcome->sent_us = clock_now_us();
    if (!attend(&c, &status))
        snprintf(outcome->why, sizeof outcome->why, "%.100s: not done after %d seconds, and killed.", words[0],
                 LIMIT_US / 1000000);
    else if (WIFSIGNALED(status))
        snprintf(outcome->why, sizeof outcome->why, "%.100s: ended by signal %d.", words[0], WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        snprintf(outcome->why, sizeof outcome->why, "%.100s: exit status %d%s%s.", words[0], WEXITSTATUS(status),
                 c.complaint[0] ? ": " : "", c.complaint);
    else
        outcome->delivered = true;
    outcome->receipt_us = outcome->delivered ? clock_now_us() : 0;
done:
    close_end(&in[0]);
    close_end(&in[1]);
    close_end(&err[0]);
    close_end(&err[1]);
    close_end(&c.in);
    close_end(&c.err);
    close_end(&c.pidfd);
    free(words);
}
