/* SPDX-License-Identifier: MIT
 *
 * Keys as the terminal sends them. ncurses knows those that terminfo knows; what else begins with Escape (Alt and a letter, keys of
 * some terminals only, answers nobody asked for) must not count as Escape and letters: Escape cancels a recording, q quits.
 * For the same reason pasted text is marked: whoever dictates into this very window must not press its keys. */
#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "dictate/screen/screen_inside.h"
#include "dictate/screen/screen_term.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <curses.h>

static uint32_t from_code(wint_t code)
{
    static const struct {
        wint_t theirs;
        uint32_t ours;
    } table[] = {{KEY_UP, SCREEN_KEY_UP},         {KEY_DOWN, SCREEN_KEY_DOWN},
                 {KEY_LEFT, SCREEN_KEY_LEFT},     {KEY_RIGHT, SCREEN_KEY_RIGHT},
                 {KEY_HOME, SCREEN_KEY_HOME},     {KEY_END, SCREEN_KEY_END},
                 {KEY_PPAGE, SCREEN_KEY_PAGE_UP}, {KEY_NPAGE, SCREEN_KEY_PAGE_DOWN},
                 {KEY_DC, SCREEN_KEY_DELETE},     {KEY_BACKSPACE, SCREEN_KEY_BACKSPACE},
                 {KEY_ENTER, SCREEN_KEY_RETURN}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].theirs == code)
            return table[i].ours;
    return SCREEN_KEY_NONE;
}

static uint32_t from_character(uint32_t code)
{
    return code == '\r' ? SCREEN_KEY_RETURN : code == 127 || code == 8 ? SCREEN_KEY_BACKSPACE : code;
}

/* A character, a code (is_code), or -1: nothing there. */
static int64_t next(screen_term *t, bool *is_code)
{
    wint_t key = 0;
    int r = wget_wch(t->keys, &key);
    *is_code = r == KEY_CODE_YES;
    return r == ERR ? -1 : (int64_t)key;
}

/* What follows an Escape. True: it was the key itself. */
static bool is_escape_key(screen_term *t)
{
    char sequence[16];
    size_t n = 0;
    bool is_code;
    int64_t c = next(t, &is_code);
    if (c < 0)
        return true;
    if (c != '[' && c != 'O')
        return false; /* Alt and a character */
    while ((c = next(t, &is_code)) >= 0 && !is_code) {
        if (n < sizeof sequence - 1)
            sequence[n++] = (char)(c < 0x80 ? c : '?');
        if (c >= 0x40 && c < 0x7F)
            break;
    }
    sequence[n] = 0;
    if (strcmp(sequence, "200~") == 0 || strcmp(sequence, "201~") == 0)
        t->pasting = sequence[2] == '0';
    return false;
}

static uint32_t plain_key(screen_term *t)
{
    unsigned char byte = 0;
    struct pollfd in = {.fd = t->in_fd, .events = POLLIN};
    if (poll(&in, 1, 0) != 1 || read(t->in_fd, &byte, 1) != 1)
        return SCREEN_KEY_NONE;
    if (byte != 27)
        return from_character(byte);
    if (poll(&in, 1, 25) != 1 || !(in.revents & POLLIN))
        return SCREEN_KEY_ESCAPE;
    char rest[64]; /* a key that means nothing here */
    ssize_t n = read(t->in_fd, rest, sizeof rest);
    return n > 0 ? 0x7F : SCREEN_KEY_NONE;
}

uint32_t screen_term_key(screen_term *t, bool *pasted)
{
    bool is_code;
    *pasted = false;
    if (t->plain)
        return plain_key(t);
    for (int64_t c; (c = next(t, &is_code)) >= 0;) {
        if (c == SCREEN_KEY_ESCAPE && !is_code) {
            if (is_escape_key(t))
                return SCREEN_KEY_ESCAPE;
            continue;
        }
        uint32_t key = is_code ? from_code((wint_t)c) : from_character((uint32_t)c);
        *pasted = t->pasting;
        if (key != SCREEN_KEY_NONE)
            return key;
    }
    return SCREEN_KEY_NONE;
}
