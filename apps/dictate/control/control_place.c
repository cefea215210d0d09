/* SPDX-License-Identifier: MIT
 * See control_place.h. */
#define _XOPEN_SOURCE 700
#include "dictate/control/control_place.h"

#include "common/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool control_address(struct sockaddr_un *address, char **lock_path, char error[CONTROL_ERROR])
{
    char *socket_path = paths_user(PATHS_RUNTIME, "control");
    bool fits = socket_path && strlen(socket_path) < sizeof address->sun_path;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (fits)
        strcpy(address->sun_path, socket_path);
    else if (socket_path)
        snprintf(error, CONTROL_ERROR, "%.200s: this path is too long for a socket, at most %zu bytes", socket_path,
                 sizeof address->sun_path - 1);
    else
        snprintf(error, CONTROL_ERROR, "there is no folder for the control socket: neither XDG_RUNTIME_DIR nor a home");
    free(socket_path);
    if (!fits || !lock_path)
        return fits;
    *lock_path = paths_user(PATHS_RUNTIME, "lock");
    if (!*lock_path)
        snprintf(error, CONTROL_ERROR, "out of memory");
    return *lock_path != NULL;
}
