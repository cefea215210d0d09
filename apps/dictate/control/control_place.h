/* SPDX-License-Identifier: MIT
 * Where the socket and the lock are. */
#ifndef DICTATE_CONTROL_PLACE_H
#define DICTATE_CONTROL_PLACE_H

#include "dictate/control/control.h"

#include <sys/un.h>

/* Fills the address of the socket; and the lock's path, to be freed, if wanted. False: error. */
bool control_address(struct sockaddr_un *address, char **lock_path, char error[CONTROL_ERROR]);

#endif
