/* SPDX-License-Identifier: MIT
 *
 * A build without X11: the ways that need a display say so. Nothing else here is ever reached. */
#include "deliver_parts.h"

#include <stdio.h>

deliver_x11 *deliver_x11_open(const deliver_options *options, const deliver_host *host, char error[DELIVER_ERROR])
{
    (void)options;
    (void)host;
    snprintf(error, DELIVER_ERROR,
             "This build has no X11, so it cannot paste, type or set the clipboard; stdout, file:PATH and "
             "command:PROGRAM work.");
    return NULL;
}

void deliver_x11_send(deliver_x11 *x, deliver_way way, const char *text, deliver_outcome *outcome)
{
    (void)x;
    (void)way;
    (void)text;
    (void)outcome;
}

deliver_restored deliver_x11_settle(deliver_x11 *x)
{
    (void)x;
    return DELIVER_NOT_RESTORED;
}

void deliver_x11_idle(deliver_x11 *x)
{
    (void)x;
}

void deliver_x11_target(deliver_x11 *x, char target[DELIVER_TARGET])
{
    (void)x;
    target[0] = '\0';
}

const char *deliver_x11_lost(const deliver_x11 *x)
{
    (void)x;
    return NULL;
}

void deliver_x11_close(deliver_x11 *x)
{
    (void)x;
}

bool deliver_check_rules(const char *const *rules, int32_t n_rules, char error[DELIVER_ERROR])
{
    (void)rules;
    (void)n_rules;
    (void)error;
    return true;
}
