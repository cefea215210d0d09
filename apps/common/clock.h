/* SPDX-License-Identifier: MIT
 * The monotonic clock: what waits and intervals are measured by. */
#ifndef APPS_CLOCK_H
#define APPS_CLOCK_H

#include <stdint.h>

int64_t clock_now_us(void);
int64_t clock_now_ms(void);

#endif
