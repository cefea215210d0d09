/* SPDX-License-Identifier: MIT
 * The log page: the end of the log file, read again when it has grown. The level's word is in each line; colour only adds. */
#define _GNU_SOURCE
#include "dictate/screen/screen_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_TAIL = 64 << 10, REFRESH_MS = 500 };

static const char *const hints[] = {"Esc back", "Up/Down scroll", "End newest", NULL};

static int shown(const screen_ui *ui)
{
    return ui->rows > 2 ? ui->rows - 2 : 1;
}

static void read_tail(log_page *page, const char *path)
{
    struct stat st;
    int fd = path && path[0] ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    page->error[0] = 0;
    if (!path || !path[0])
        snprintf(page->error, sizeof page->error, "There is no log file: the log goes to the journal or nowhere.");
    else if (fd < 0 || fstat(fd, &st) != 0)
        snprintf(page->error, sizeof page->error, "Cannot read the log %.120s: %s", path, strerror(errno));
    else if (st.st_size != page->size_bytes || (int64_t)st.st_ino != page->inode || !page->tail) {
        if (!page->tail)
            page->tail = malloc(LOG_TAIL + 1);
        off_t from = st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0;
        ssize_t n = page->tail ? pread(fd, page->tail, LOG_TAIL, from) : -1;
        page->n_tail = n > 0 ? (size_t)n : 0;
        if (page->tail)
            page->tail[page->n_tail] = 0;
        page->size_bytes = st.st_size;
        page->inode = (int64_t)st.st_ino;
        char *first = page->tail && from > 0 ? strchr(page->tail, '\n') : NULL;
        if (first) { /* the first line is only the end of one */
            page->n_tail -= (size_t)(first + 1 - page->tail);
            memmove(page->tail, first + 1, page->n_tail + 1);
        }
    }
    if (fd >= 0)
        close(fd);
}

static screen_style style_of(const char *line, size_t n)
{
    char level[16];
    char head[64];
    snprintf(head, sizeof head, "%.*s", (int)(n < 60 ? n : 60), line);
    if (sscanf(head, "%*d %15s", level) != 1)
        return STYLE_PLAIN;
    return strcmp(level, "error") == 0                                  ? STYLE_BAD
           : strcmp(level, "warning") == 0                              ? STYLE_WARNING
           : strcmp(level, "debug") == 0 || strcmp(level, "trace") == 0 ? STYLE_QUIET
                                                                        : STYLE_PLAIN;
}

static void draw(screen_ui *ui)
{
    log_page *page = &ui->log;
    int rows = shown(ui), n_lines = 0;
    read_tail(page, ui->options->log_path);
    draw_hints(ui, 1, hints);
    if (page->error[0] || !page->tail || page->n_tail == 0) {
        draw_wrapped(ui, 1, rows, 1, ui->cols - 2, STYLE_PLAIN, page->error[0] ? page->error : "The log is empty.", 0);
        return;
    }
    for (size_t i = 0; i < page->n_tail; i++)
        n_lines += page->tail[i] == '\n' || i + 1 == page->n_tail;
    int most = n_lines > rows ? n_lines - rows : 0;
    page->scroll = page->scroll > most ? most : page->scroll < 0 ? 0 : page->scroll;
    int line = 0, first = most - page->scroll;
    for (size_t at = 0; at < page->n_tail && line < first + rows; line++) {
        const char *start = page->tail + at, *end = memchr(start, '\n', page->n_tail - at);
        size_t n = end ? (size_t)(end - start) : page->n_tail - at;
        if (line >= first)
            draw_bytes(ui, 1 + line - first, 1, ui->cols - 1, style_of(start, n), start, n);
        at += n + 1;
    }
}

static bool key(screen_ui *ui, uint32_t key)
{
    int page = shown(ui);
    int by = key == SCREEN_KEY_UP || key == 'k'     ? 1
             : key == SCREEN_KEY_DOWN || key == 'j' ? -1
             : key == SCREEN_KEY_PAGE_UP            ? page
             : key == SCREEN_KEY_PAGE_DOWN          ? -page
             : key == SCREEN_KEY_HOME               ? LOG_TAIL
             : key == SCREEN_KEY_END                ? -LOG_TAIL - page
                                                    : 0;
    ui->log.scroll += by;
    return by != 0 || key == 'r';
}

static void close_log(screen_ui *ui)
{
    free(ui->log.tail);
    ui->log = (log_page){0};
}

const screen_page screen_page_log = {
    .title = "ctrlspeak: log", .close = close_log, .draw = draw, .key = key, .refresh_ms = REFRESH_MS};
