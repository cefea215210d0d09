/* SPDX-License-Identifier: MIT
 *
 * A build without libpulse. */
#include "dictate/capture/capture_inside.h"

static bool open_system(capture_system *system, const char *what, char error[CAPTURE_ERROR])
{
    (void)system, (void)what;
    capture_say(error, "This build cannot use PulseAudio or PipeWire: it has no libpulse.");
    return false;
}

const capture_backend capture_pulse = {.name = "pulse", .open = open_system};
