/* SPDX-License-Identifier: MIT
 *
 * See progress.h. A frame is one write of less than PIPE_BUF bytes, and is left out when stderr is not ready to take it
 * (say_bytes). How long all files are is known only once each was decoded; until then the mean of those that are known
 * stands for the others. */
#define _XOPEN_SOURCE 700
#include "common/progress.h"
#include "common/clock.h"
#include "common/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_CELLS = 24, COLUMNS = 80 };

bool progress_can_draw(void)
{
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    return isatty(2) && term && *term && strcmp(term, "dumb") != 0 && !(plain && *plain);
}

void progress_begin(progress *bar, int wanted, int32_t n_files)
{
    memset(bar, 0, sizeof *bar);
    bar->on = wanted < 0 ? progress_can_draw() : wanted > 0;
    bar->n_files = n_files;
    if (bar->on)
        bar->started_ms = clock_now_ms();
}

void progress_known(progress *bar, double seconds)
{
    if (!bar->on)
        return;
    atomic_fetch_add(&bar->known_ms, (int64_t)(seconds * 1000));
    atomic_fetch_add(&bar->n_known, 1);
}

void progress_running(progress *bar, int worker, double seconds)
{
    if (bar->on)
        atomic_store_explicit(&bar->running_ms[worker], (int64_t)(seconds * 1000), memory_order_relaxed);
}

void progress_done(progress *bar, int worker, double seconds, int32_t n_files)
{
    if (!bar->on)
        return;
    atomic_store(&bar->running_ms[worker], 0);
    atomic_fetch_add(&bar->done_ms, (int64_t)(seconds * 1000));
    atomic_fetch_add(&bar->n_done, n_files);
}

const char *progress_clock(char out[PROGRESS_CLOCK], double seconds)
{
    int64_t s = seconds > 0 && seconds < 1e9 ? (int64_t)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(out, PROGRESS_CLOCK, "%lld:%02lld:%02lld", (long long)s / 3600, (long long)s / 60 % 60,
                 (long long)s % 60);
    else
        snprintf(out, PROGRESS_CLOCK, "%lld:%02lld", (long long)s / 60, (long long)s % 60);
    return out;
}

static int columns(void)
{
    struct winsize window;
    return ioctl(2, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : COLUMNS;
}

void progress_frame(double part, const char *text)
{
    char cells[BAR_CELLS + 1], line[256], frame[300];
    part = part > 1 ? 1 : part;
    for (int i = 0; i < BAR_CELLS; i++)
        cells[i] = i < (int)(part * BAR_CELLS) ? '#' : '.';
    cells[BAR_CELLS] = 0;
    int n = snprintf(line, sizeof line, "[%s] %3.0f%%  %s", cells, part * 100, text);
    int width = columns() - 1; /* the last column would wrap on some terminals */
    n = snprintf(frame, sizeof frame, "\r%.*s\x1b[K", n < width ? n : width, line);
    say_bytes(frame, (size_t)n);
}

void progress_erase(void)
{
    say_bytes("\r\x1b[K", 4);
}

bool progress_is_due(bool *drawn, int64_t *last_ms, int64_t now_ms)
{
    if (*drawn && now_ms - *last_ms < PROGRESS_FRAME_MS)
        return false;
    *last_ms = now_ms;
    *drawn = true;
    return true;
}

void progress_draw(progress *bar)
{
    int64_t now = bar->on ? clock_now_ms() : 0;
    if (!bar->on || !progress_is_due(&bar->drawn, &bar->last_ms, now))
        return;
    int64_t done = atomic_load(&bar->done_ms), known = atomic_load(&bar->known_ms);
    int n_known = atomic_load(&bar->n_known), n_done = atomic_load(&bar->n_done);
    for (int i = 0; i < PROGRESS_WORKERS; i++)
        done += atomic_load_explicit(&bar->running_ms[i], memory_order_relaxed);
    double total = n_known ? (double)known / n_known * bar->n_files : 0;
    double part = total > 0 ? (double)done / total : 0, elapsed = (double)(now - bar->started_ms);
    double rate = elapsed > 0 ? (double)done / elapsed : 0, left = rate > 0 ? (total - (double)done) / rate / 1000 : 0;
    char text[160], files[40] = "", t1[PROGRESS_CLOCK], t2[PROGRESS_CLOCK], t3[PROGRESS_CLOCK] = "-:--";
    if (bar->n_files > 1)
        snprintf(files, sizeof files, "  %d/%d files", n_done, bar->n_files);
    if (rate > 0)
        progress_clock(t3, left);
    snprintf(text, sizeof text, "%s / %s  %.1fx  %s left%s", progress_clock(t1, (double)done / 1000),
             progress_clock(t2, total / 1000), rate, t3, files);
    progress_frame(part, text);
}

void progress_clear(progress *bar)
{
    if (!bar->on || !bar->drawn)
        return;
    progress_erase();
    bar->drawn = false;
}
