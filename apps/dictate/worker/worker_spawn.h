/* SPDX-License-Identifier: MIT
 * Starting a child: posix_spawn, a list of descriptors that says all, nothing inherited by accident. */
#ifndef WORKER_SPAWN_H
#define WORKER_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

enum { SPAWN_SOCKET = 3 }; /* the child's end of the socketpair, in the child */

/* Run `program worker` with descriptor 3 a SOCK_SEQPACKET socket whose other end is *socket, 0 to 2 on /dev/null and no
 * other; signals as after boot; a process group of its own, so that the terminal's Ctrl-C is not meant for it.
 * Returns 0, or an errno and one sentence in error. */
int spawn_child(const char *program, int *socket, pid_t *pid, char *error, size_t error_size);

/* The same descriptor, or for 0 to 2 another in place of it: those belong to the program's input and output even where
 * they are closed. -1 stays -1. */
int spawn_above_output(int descriptor);

#endif
