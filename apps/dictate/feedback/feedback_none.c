/* SPDX-License-Identifier: MIT
 * The desktop around us in a build without libsystemd, whose sd-bus speaks D-Bus: nothing is shown and nothing paused. */
#include "dictate/feedback/feedback.h"

#include <stdio.h>
#include <stdlib.h>

struct feedback {
    char unused;
};

feedback *feedback_create(const char *address)
{
    (void)address;
    return calloc(1, sizeof(feedback));
}

void feedback_notify(feedback *f, const char *title, const char *body, bool urgent)
{
    (void)f, (void)title, (void)body, (void)urgent;
}

void feedback_pause_media(feedback *f)
{
    (void)f;
}

void feedback_resume_media(feedback *f)
{
    (void)f;
}

bool feedback_probe(const char *address, char why[200])
{
    (void)address;
    snprintf(why, 200,
             "this ctrlspeak was built without libsystemd, so it has no notifications and cannot pause players");
    return false;
}

void feedback_free(feedback *f)
{
    free(f);
}
