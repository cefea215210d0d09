/* SPDX-License-Identifier: MIT
 * Drawing with ncurses: see screen_inside.h. No meaning is in colour alone: each style is told apart without it, or its text
 * says the same. */
#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "dictate/screen/screen_inside.h"

#include <stdio.h>
#include <string.h>
#include <curses.h>

enum { PAIR_GOOD = 1, PAIR_WARNING, PAIR_BAD };

static attr_t attributes(const screen_ui *ui, screen_style style)
{
    switch (style) {
    case STYLE_PLAIN:
        break;
    case STYLE_TITLE:
    case STYLE_SELECTED:
        return A_REVERSE;
    case STYLE_STRONG:
        return A_BOLD;
    case STYLE_QUIET:
        return ui->color ? A_DIM : A_NORMAL;
    case STYLE_GOOD:
        return ui->color ? COLOR_PAIR(PAIR_GOOD) : A_NORMAL;
    case STYLE_WARNING:
        return ui->color ? COLOR_PAIR(PAIR_WARNING) : A_BOLD;
    case STYLE_BAD:
        return A_BOLD | (ui->color ? COLOR_PAIR(PAIR_BAD) : 0);
    }
    return A_NORMAL;
}

void draw_begin(screen_ui *ui)
{
    if (ui->color) {
        init_pair(PAIR_GOOD, COLOR_GREEN, -1);
        init_pair(PAIR_WARNING, COLOR_YELLOW, -1);
        init_pair(PAIR_BAD, COLOR_RED, -1);
    }
    ui->cursor_row = ui->cursor_col = -1;
    erase();
}

int draw_bytes(screen_ui *ui, int row, int col, int columns, screen_style style, const char *text, size_t n_bytes)
{
    static wchar_t wide[SCREEN_WIDE]; /* the thread's alone; too large for its stack */
    if (row < 0 || row >= ui->rows || col < 0 || col >= ui->cols)
        return 0;
    int used = screen_fit(wide, text, n_bytes, columns < ui->cols - col ? columns : ui->cols - col, SCREEN_CUT_MARKED);
    /* what combines needs something to combine with that is not the label before it */
    if (wide[0] && wcwidth(wide[0]) == 0)
        used += used < ui->cols - col && mvaddwstr(row, col, L" ") == OK;
    else
        move(row, col);
    attrset(attributes(ui, style));
    addwstr(wide);
    attrset(A_NORMAL);
    return used;
}

int draw_text(screen_ui *ui, int row, int col, int columns, screen_style style, const char *text)
{
    return draw_bytes(ui, row, col, columns, style, text, strlen(text));
}

int draw_right(screen_ui *ui, int row, int right, int columns, screen_style style, const char *text)
{
    int wanted = screen_columns(text);
    if (wanted > columns)
        wanted = columns;
    return draw_text(ui, row, right - wanted, wanted, style, text);
}

void draw_rule(screen_ui *ui, int row)
{
    if (row >= 0 && row < ui->rows)
        mvhline(row, 0, ACS_HLINE, ui->cols);
}

void draw_band(screen_ui *ui, int row, screen_style style)
{
    if (row >= 0 && row < ui->rows)
        mvchgat(row, 0, ui->cols, attributes(ui, style), 0, NULL);
}

screen_style draw_state_style(dictate_state state)
{
    return state == STATE_ERROR || state == STATE_NOT_DELIVERED ? STYLE_BAD
           : state == STATE_RECORDING || state == STATE_ARMED   ? STYLE_WARNING
           : state == STATE_READY || state == STATE_DELIVERED   ? STYLE_GOOD
                                                                : STYLE_PLAIN;
}

void draw_title(screen_ui *ui)
{
    char state[64], clock[16];
    const char *name = dictate_state_text(ui->view.state);
    if (ui->view.state == STATE_RECORDING)
        snprintf(state, sizeof state, "%s %s%s%s ", name, ui->view.languages, ui->view.languages[0] ? " " : "",
                 screen_clock(clock, ui->view.recording_seconds));
    else
        snprintf(state, sizeof state, "%s ", name);
    int left = screen_columns(state);
    const char *title = ui->page->title, *own = strstr(title, ": ");
    if (own && screen_columns(title) > ui->cols - left - 2)
        title = own + 2;
    draw_text(ui, 0, 1, ui->cols - left - 2, STYLE_PLAIN, title);
    draw_right(ui, 0, ui->cols, ui->cols, STYLE_PLAIN, state);
    draw_band(ui, 0, STYLE_TITLE);
}

int draw_hints(screen_ui *ui, int max_rows, const char *const *hints)
{
    int n_rows = 1, col = 1, row = 0;
    for (int pass = 0; pass < 2; pass++) { /* how many rows, then where they lie */
        col = 1;
        row = pass ? ui->rows - n_rows : 0;
        for (const char *const *hint = hints; *hint; hint++) {
            const char *space = strchr(*hint, ' ');
            int key_columns = (int)(space - *hint), width = (int)strlen(*hint);
            if (col > 1 && col + width > ui->cols) {
                if (row + 1 >= (pass ? ui->rows : max_rows))
                    break;
                row++;
                col = 1;
            }
            if (pass) {
                draw_bytes(ui, row, col, key_columns, STYLE_STRONG, *hint, (size_t)key_columns);
                draw_text(ui, row, col + key_columns, width - key_columns, STYLE_PLAIN, space);
            }
            col += width + 2;
        }
        if (!pass)
            n_rows = row + 1;
    }
    return n_rows;
}

void draw_question(screen_ui *ui, const char *question)
{
    move(ui->rows - 1, 0);
    clrtoeol();
    draw_text(ui, ui->rows - 1, 1, ui->cols - 1, STYLE_PLAIN, question);
    draw_band(ui, ui->rows - 1, STYLE_SELECTED);
}

int draw_wrapped(screen_ui *ui, int row, int rows, int col, int columns, screen_style style, const char *text, int skip)
{
    int line = 0;
    if (columns < 1)
        return 0;
    for (size_t n_skip; *text; text += n_skip, line++) {
        size_t n = screen_wrap(text, columns, &n_skip);
        if (n_skip == 0)
            break;
        if (line >= skip && line - skip < rows)
            draw_bytes(ui, row + line - skip, col, columns, style, text, n);
    }
    return line;
}

int draw_list_row(screen_ui *ui, const screen_list *list, int index, int row, int rows)
{
    int at = index - list->top;
    if (at < 0 || at >= rows)
        return -1;
    draw_text(ui, row + at, 0, 1, STYLE_STRONG, index == list->chosen ? ">" : " ");
    return row + at;
}

void list_clamp(screen_list *list, int n, int rows)
{
    rows = rows < 1 ? 1 : rows;
    list->chosen = list->chosen >= n ? n - 1 : list->chosen;
    list->chosen = list->chosen < 0 ? 0 : list->chosen;
    if (list->top > list->chosen)
        list->top = list->chosen;
    if (list->top < list->chosen - rows + 1)
        list->top = list->chosen - rows + 1;
    if (list->top > 0 && list->top + rows > n)
        list->top = n > rows ? n - rows : 0;
}

bool list_key(screen_list *list, int n, int rows, uint32_t key)
{
    switch (key) {
    case SCREEN_KEY_UP:
    case 'k':
        list->chosen--;
        break;
    case SCREEN_KEY_DOWN:
    case 'j':
        list->chosen++;
        break;
    case SCREEN_KEY_PAGE_UP:
        list->chosen -= rows;
        break;
    case SCREEN_KEY_PAGE_DOWN:
        list->chosen += rows;
        break;
    case SCREEN_KEY_HOME:
        list->chosen = 0;
        break;
    case SCREEN_KEY_END:
        list->chosen = n - 1;
        break;
    default:
        return false;
    }
    list_clamp(list, n, rows);
    return true;
}
