/* SPDX-License-Identifier: MIT
 *
 * See screen_text.h. Widths are wcwidth()'s, which is what ncurses counts with: both must agree or lines shift. Joiners and
 * variation selectors are left out, because with them a terminal may draw another width than the sum of the parts. */
#define _GNU_SOURCE
#include "dictate/screen/screen_text.h"

#include "common/visible.h"

#include <string.h>

/* What the character is shown as and in how many columns; 0: combines; -1: not at all. */
static int width_of(uint32_t code, wchar_t *shown)
{
    *shown = (wchar_t)code;
    if (code == '\n' || code == '\t') {
        *shown = L' ';
        return 1;
    }
    if ((code >= 0x200B && code <= 0x200D) || (code >= 0xFE00 && code <= 0xFE0F) || code == 0x2060)
        return -1;
    int width = visible_is_control(code) ? -1 : wcwidth((wchar_t)code);
    if (width >= 0)
        return width;
    *shown = wcwidth(VISIBLE_REPLACEMENT) == 1 ? VISIBLE_REPLACEMENT : L'?';
    return 1;
}

int screen_fit(wchar_t out[SCREEN_WIDE], const char *text, size_t n_bytes, int columns, screen_cut cut)
{
    int used = 0, marks = SCREEN_MARKS, room = columns < 0 ? 0 : columns < SCREEN_COLUMNS ? columns : SCREEN_COLUMNS;
    size_t length = 0, last = 0, n; /* last: where the newest base character begins */
    int before_last = 0;
    uint32_t code;
    for (const char *end = text + n_bytes; text < end && (n = visible_next(text, &code)) > 0; text += n) {
        wchar_t shown;
        int width = width_of(code, &shown);
        if (width < 0 || (width == 0 && marks++ >= SCREEN_MARKS))
            continue;
        if (used + width > room) {
            if (cut == SCREEN_CUT_MARKED && room > 0) {
                if (used == room) {
                    length = last;
                    used = before_last;
                }
                out[length++] = wcwidth(L'\u2026') == 1 ? L'\u2026' : L'~';
                used++;
            }
            break;
        }
        if (width > 0) {
            last = length;
            before_last = used;
            marks = 0;
        }
        out[length++] = shown;
        used += width;
    }
    out[length] = 0;
    return used;
}

int screen_columns(const char *text)
{
    int used = 0;
    uint32_t code;
    wchar_t shown;
    for (size_t n; (n = visible_next(text, &code)) > 0; text += n) {
        int width = width_of(code, &shown);
        used += width > 0 ? width : 0;
    }
    return used;
}

size_t screen_wrap(const char *text, int columns, size_t *n_skip)
{
    size_t at = 0, n, blank = 0;
    int used = 0;
    uint32_t code;
    wchar_t shown;
    for (; (n = visible_next(text + at, &code)) > 0; at += n) {
        if (code == '\n') {
            *n_skip = at + 1;
            return at;
        }
        int width = width_of(code, &shown);
        if (width > 0 && used + width > columns && at > 0)
            break;
        used += width > 0 ? width : 0;
        if (code == ' ' || code == '\t')
            blank = at;
    }
    *n_skip = at;
    if (n == 0)
        return at;
    if (text[at] == ' ') { /* the break falls between words */
        *n_skip = at + 1;
        return at;
    }
    if (blank > 0) {
        *n_skip = blank + 1;
        return blank;
    }
    return at;
}

size_t screen_cluster(const char *text)
{
    uint32_t code;
    wchar_t shown;
    size_t at = visible_next(text, &code), n;
    while (at > 0 && (n = visible_next(text + at, &code)) > 0 && width_of(code, &shown) <= 0)
        at += n;
    return at;
}
