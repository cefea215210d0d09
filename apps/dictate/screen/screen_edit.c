/* SPDX-License-Identifier: MIT
 * A line being edited: whole characters, with what combines with them, go in and out. */
#define _GNU_SOURCE
#include "dictate/screen/screen_inside.h"

#include "common/visible.h"

#include <string.h>

void edit_set(line_edit *e, const char *text)
{
    e->cursor = visible_clean(e->text, sizeof e->text, text, false);
}

static size_t before(const line_edit *e)
{
    size_t at = 0;
    for (size_t n; at < e->cursor && (n = screen_cluster(e->text + at)) > 0 && at + n < e->cursor;)
        at += n;
    return at;
}

static void cut(line_edit *e, size_t from, size_t to)
{
    memmove(e->text + from, e->text + to, strlen(e->text + to) + 1);
    e->cursor = from;
}

static size_t to_utf8(char out[4], uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)((0xF00u >> n & 0xFF) | code);
    return n;
}

static bool insert(line_edit *e, uint32_t code)
{
    char bytes[4];
    if (code > 0x10FFFF || visible_is_control(code))
        return false;
    size_t n = to_utf8(bytes, code), size = strlen(e->text);
    if (size + n >= sizeof e->text)
        return true;
    memmove(e->text + e->cursor + n, e->text + e->cursor, size - e->cursor + 1);
    memcpy(e->text + e->cursor, bytes, n);
    e->cursor += n;
    return true;
}

bool edit_key(line_edit *e, uint32_t key)
{
    size_t after = e->cursor + (e->text[e->cursor] ? screen_cluster(e->text + e->cursor) : 0);
    switch (key) {
    case SCREEN_KEY_LEFT:
        e->cursor = before(e);
        return true;
    case SCREEN_KEY_RIGHT:
        e->cursor = after;
        return true;
    case SCREEN_KEY_HOME:
    case 'a' & 31:
        e->cursor = 0;
        return true;
    case SCREEN_KEY_END:
    case 'e' & 31:
        e->cursor = strlen(e->text);
        return true;
    case SCREEN_KEY_BACKSPACE:
        cut(e, before(e), e->cursor);
        return true;
    case SCREEN_KEY_DELETE:
        cut(e, e->cursor, after);
        return true;
    case 'u' & 31:
        cut(e, 0, e->cursor);
        return true;
    case 'k' & 31:
        e->text[e->cursor] = 0;
        return true;
    default:
        return insert(e, key);
    }
}

void edit_draw(screen_ui *ui, const line_edit *e, int row, int col, int columns)
{
    char left[sizeof e->text];
    const char *from = e->text;
    memcpy(left, e->text, e->cursor);
    left[e->cursor] = 0;
    const char *seen = left;
    while (*seen && screen_columns(seen) >= columns) { /* the cursor stays in sight */
        size_t n = screen_cluster(seen);
        seen += n;
        from += n;
    }
    draw_text(ui, row, col, columns, STYLE_PLAIN, from);
    ui->cursor_row = row;
    ui->cursor_col = col + screen_columns(seen);
}
