/* SPDX-License-Identifier: MIT
 *
 * The X11 source where the program was built without X. */
#include "dictate/keys/keys.h"

#include <stdio.h>

keys *keys_x11_open(const char *display, const keys_sink *sink, char error[KEYS_ERROR])
{
    (void)display, (void)sink;
    snprintf(error, KEYS_ERROR,
             "Keys of an X server cannot be heard: this program was built without X11 (libxcb-xinput)");
    return NULL;
}
