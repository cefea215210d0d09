/* SPDX-License-Identifier: MIT
 *
 * See worker_spawn.h. posix_spawn is safe in a program with threads: between its vfork and exec only the C library's own
 * code runs, in a child that shares no lock with anybody. Every descriptor of ours is close-on-exec; on top of that, where
 * the C library can, all above the socket are closed, whoever opened them. */
#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np, SOCK_CLOEXEC */
#include "worker_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define HAVE_CLOSEFROM 1
#endif
#endif
#ifndef HAVE_CLOSEFROM
#define HAVE_CLOSEFROM 0
#endif

extern char **environ;

static int moved(int descriptor, int lowest)
{
    if (descriptor < 0 || descriptor >= lowest)
        return descriptor;
    int above = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest);
    int why = errno;
    close(descriptor);
    errno = why;
    return above;
}

int spawn_above_output(int descriptor)
{
    return moved(descriptor, STDERR_FILENO + 1);
}

static int set_descriptors(posix_spawn_file_actions_t *actions, int socket)
{
    int why = posix_spawn_file_actions_adddup2(actions, socket, SPAWN_SOCKET);
    for (int fd = 0; fd <= 2 && !why; fd++)
        why = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
#if HAVE_CLOSEFROM
    if (!why)
        why = posix_spawn_file_actions_addclosefrom_np(actions, SPAWN_SOCKET + 1);
#endif
    return why;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int why = posix_spawnattr_setsigmask(attributes, &none);
    if (!why)
        why = posix_spawnattr_setsigdefault(attributes, &all);
    if (!why)
        why = posix_spawnattr_setpgroup(attributes, 0);
    if (!why)
        why = posix_spawnattr_setflags(attributes,
                                       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return why;
}

static int run(const char *program, int socket, pid_t *pid)
{
    char name[] = "ctrlspeak", command[] = "worker";
    char *const argv[] = {name, command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int why = posix_spawn_file_actions_init(&actions);
    if (why)
        return why;
    why = posix_spawnattr_init(&attributes);
    if (!why) {
        why = set_descriptors(&actions, socket);
        if (!why)
            why = set_attributes(&attributes);
        if (!why)
            why = posix_spawn(pid, program, &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return why;
}

int spawn_child(const char *program, int *socket, pid_t *pid, char *error, size_t error_size)
{
    int ends[2], why = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        why = errno;
    } else {
        /* Above 3, so that the child's placing of descriptors never meets the socket itself. */
        for (int i = 0; i < 2; i++)
            if ((ends[i] = moved(ends[i], SPAWN_SOCKET + 1)) < 0 && !why)
                why = errno;
        if (!why)
            why = run(program, ends[1], pid);
        if (ends[1] >= 0)
            close(ends[1]);
        if (why && ends[0] >= 0)
            close(ends[0]);
    }
    *socket = why ? -1 : ends[0];
    if (why)
        snprintf(error, error_size, "%s worker: cannot start it: %s", program, strerror(why));
    return why;
}
