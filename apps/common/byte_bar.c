/* SPDX-License-Identifier: MIT
 * See byte_bar.h. */
#include "common/byte_bar.h"
#include "common/clock.h"
#include "common/progress.h"

#include <stdio.h>

const char *byte_text(char out[BYTE_TEXT], int64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double number = (double)bytes;
    int unit = -1;
    while (number >= 999.5 && unit < 3) {
        number /= 1000;
        unit++;
    }
    if (unit < 0)
        snprintf(out, BYTE_TEXT, "%d bytes", (int)bytes);
    else
        snprintf(out, BYTE_TEXT, "%.*f %s", number < 9.995 ? 2 : number < 99.95 ? 1 : 0, number, units[unit]);
    return out;
}

void byte_bar_begin(byte_bar *bar, int wanted, int64_t first_bytes)
{
    *bar = (byte_bar){.on = wanted < 0 ? progress_can_draw() : wanted > 0, .first_bytes = first_bytes};
    bar->started_ms = clock_now_ms();
}

void byte_bar_draw(byte_bar *bar, int64_t bytes, int64_t total_bytes)
{
    int64_t now = bar->on ? clock_now_ms() : 0;
    if (!bar->on || !progress_is_due(&bar->drawn, &bar->last_ms, now))
        return;
    double seconds = (double)(now - bar->started_ms) / 1000;
    double rate = seconds > 0 ? (double)(bytes - bar->first_bytes) / seconds : 0;
    char text[160], so_far[BYTE_TEXT], total[BYTE_TEXT], speed[BYTE_TEXT], left[PROGRESS_CLOCK] = "-:--";
    if (rate > 0 && total_bytes > 0)
        progress_clock(left, (double)(total_bytes - bytes) / rate);
    snprintf(text, sizeof text, "%s / %s  %s/s  %s left", byte_text(so_far, bytes),
             total_bytes > 0 ? byte_text(total, total_bytes) : "?", byte_text(speed, (int64_t)(rate > 0 ? rate : 0)),
             left);
    progress_frame(total_bytes > 0 ? (double)bytes / (double)total_bytes : 0, text);
}

void byte_bar_clear(byte_bar *bar)
{
    if (bar->on && bar->drawn)
        progress_erase();
    bar->drawn = false;
}
