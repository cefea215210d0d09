/* SPDX-License-Identifier: MIT
 * A bar on stderr for one file that comes in, in bytes; as progress.h otherwise. One thread. */
#ifndef APPS_BYTE_BAR_H
#define APPS_BYTE_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct byte_bar {
    bool on, drawn;
    int64_t started_ms, last_ms, first_bytes; /* first_bytes: what was there at the start, so no speed */
} byte_bar;

/* wanted: as progress_begin(). */
void byte_bar_begin(byte_bar *bar, int wanted, int64_t first_bytes);
/* total_bytes 0: not known. Draws if the last frame is old enough. */
void byte_bar_draw(byte_bar *bar, int64_t bytes, int64_t total_bytes);
void byte_bar_clear(byte_bar *bar);

/* "2.51 GB", "414 kB", "12 bytes"; powers of 1000. Returns out. */
enum { BYTE_TEXT = 24 };
const char *byte_text(char out[BYTE_TEXT], int64_t bytes);

#endif
