/* SPDX-License-Identifier: MIT
 *
 * A build without ALSA. */
#include "dictate/capture/capture_inside.h"

static bool open_system(capture_system *system, const char *what, char error[CAPTURE_ERROR])
{
    (void)system, (void)what;
    capture_say(error, "This build cannot use ALSA: it has no libasound.");
    return false;
}

const capture_backend capture_alsa = {.name = "alsa", .open = open_system};
