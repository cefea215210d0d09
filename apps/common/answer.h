/* SPDX-License-Identifier: MIT
 * The answer of a command that is one text. */
#ifndef APPS_ANSWER_H
#define APPS_ANSWER_H

#include "common/textbuf.h"

/* All of text to standard output; a reader that has gone is no failure. APP_DONE, or APP_SYSTEM after saying why. */
int answer_write(const textbuf *text);

#endif
