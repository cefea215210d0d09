/* SPDX-License-Identifier: MIT
 * Signals. The first Ctrl-C (or SIGTERM, SIGHUP) is a wish that the work asks for; the second removes the unfinished
 * output file and ends the program at once. SIGPIPE and SIGXFSZ are ignored: a write then fails with EPIPE
 * or EFBIG. */
#ifndef APPS_INTERRUPT_H
#define APPS_INTERRUPT_H

#include <stdbool.h>

void interrupt_install(void);
bool interrupt_wanted(void);
/* 128 + the signal: 130 for Ctrl-C. */
int interrupt_status(void);
/* The one file to remove when the program is ended at once; NULL: none. path must outlive its registration. */
void interrupt_remove_on_exit(const char *path);

#endif
