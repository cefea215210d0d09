/* SPDX-License-Identifier: MIT
 *
 * The history page: the newest entries that the search finds, one of them in full, deleting after a question. The database is
 * opened with the page and closed with it. Only the beginning of each text is kept for the list. */
#define _GNU_SOURCE
#include "dictate/screen/screen_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HISTORY_ROWS = 500, TOP = 2, DATE_COLUMNS = 17 };

static const char *const hints[] = {"Enter read", "/ search", "d delete", "Esc back", NULL};
static const char *const hints_search[] = {"Enter done", "Esc all", NULL};
static const char *const hints_read[] = {"Esc back", "Up/Down scroll", "d delete", NULL};

static int list_rows(const screen_ui *ui)
{
    return ui->rows - TOP - 1 > 1 ? ui->rows - TOP - 1 : 1;
}

static const char *local_time(char out[40], int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    if (!localtime_r(&seconds, &parts) || strftime(out, 40, "%Y-%m-%d %H:%M", &parts) == 0)
        snprintf(out, 40, "?");
    return out;
}

static bool keep_row(void *user, const history_entry *entry)
{
    history_page *page = user;
    history_row *row = &page->rows[page->n_rows++];
    *row = (history_row){.id = entry->id, .time_ms = entry->time_ms, .delivered = entry->delivered};
    snprintf(row->text, sizeof row->text, "%s", entry->text ? entry->text : "");
    return page->n_rows < HISTORY_ROWS;
}

static void read_rows(screen_ui *ui)
{
    history_page *page = &ui->history;
    page->n_rows = 0;
    page->n_dictations = ui->view.n_dictations;
    page->error[0] = 0;
    if (!page->db && !(page->db = history_open(ui->options->history_path, page->error)))
        return;
    if (!page->rows && !(page->rows = calloc(HISTORY_ROWS, sizeof *page->rows)))
        snprintf(page->error, sizeof page->error, "no memory for the history's list");
    else
        history_each(page->db, page->query.text, HISTORY_ROWS, 0, keep_row, page, page->error);
    list_clamp(&page->list, page->n_rows, list_rows(ui));
}

static bool keep_whole(void *user, const history_entry *entry)
{
    history_page *page = user;
    char date[40];
    free(page->whole);
    page->whole = strdup(entry->text ? entry->text : "");
    snprintf(page->about, sizeof page->about, "%s  %.1f s of speech, %s%s%.60s", local_time(date, entry->time_ms),
             entry->speech_seconds, entry->delivered ? "delivered" : "not delivered",
             entry->target && entry->target[0] ? " to " : "", entry->target ? entry->target : "");
    if (entry->model && entry->model[0] && strlen(page->about) + 60 < sizeof page->about)
        snprintf(page->about + strlen(page->about), 60, ", %.50s", entry->model);
    return false;
}

static void open_entry(history_page *page)
{
    if (page->list.chosen >= page->n_rows)
        return;
    page->id = page->rows[page->list.chosen].id;
    page->scroll = 0;
    page->reading = history_get(page->db, page->id, keep_whole, page, page->error) && page->whole;
}

static void open_history(screen_ui *ui)
{
    ui->history = (history_page){0};
    if (ui->options->history_kept)
        read_rows(ui);
}

static void close_history(screen_ui *ui)
{
    history_close(ui->history.db);
    free(ui->history.rows);
    free(ui->history.whole);
    ui->history = (history_page){0};
}

static void draw_entry(screen_ui *ui)
{
    history_page *page = &ui->history;
    int rows = list_rows(ui), columns = ui->cols - 2;
    draw_text(ui, 1, 1, columns, STYLE_QUIET, page->about);
    int n = draw_wrapped(ui, TOP, 0, 1, columns, STYLE_PLAIN, page->whole, 0);
    int most = n > rows ? n - rows : 0;
    page->scroll = page->scroll > most ? most : page->scroll < 0 ? 0 : page->scroll;
    draw_wrapped(ui, TOP, rows, 1, columns, STYLE_PLAIN, page->whole, page->scroll);
    draw_hints(ui, 1, hints_read);
}

static void draw_head(screen_ui *ui)
{
    history_page *page = &ui->history;
    char head[SCREEN_LINE];
    if (page->searching) {
        int used = draw_text(ui, 1, 1, ui->cols - 1, STYLE_STRONG, "Search: ");
        edit_draw(ui, &page->query, 1, 1 + used, ui->cols - used - 2);
        return;
    }
    const char *more = page->n_rows == HISTORY_ROWS ? " (the newest; search for older ones)" : "";
    if (page->query.text[0])
        snprintf(head, sizeof head, "%d found: %.100s%s", page->n_rows, page->query.text, more);
    else
        snprintf(head, sizeof head, "%d %s%s", page->n_rows, page->n_rows == 1 ? "entry" : "entries", more);
    draw_text(ui, 1, 1, ui->cols - 2, STYLE_QUIET, head);
}

static void draw_list(screen_ui *ui)
{
    history_page *page = &ui->history;
    char date[40];
    int rows = list_rows(ui), date_columns = ui->cols >= 50 ? DATE_COLUMNS : 0;
    list_clamp(&page->list, page->n_rows, rows);
    for (int i = page->list.top; i < page->n_rows && i < page->list.top + rows; i++) {
        const history_row *row = &page->rows[i];
        int at = draw_list_row(ui, &page->list, i, TOP, rows), col = 2;
        if (date_columns)
            draw_text(ui, at, col, date_columns, STYLE_QUIET, local_time(date, row->time_ms));
        col += date_columns ? date_columns + 1 : 0;
        if (!row->delivered)
            col += draw_text(ui, at, col, ui->cols - col, STYLE_WARNING, "(not delivered) ");
        draw_text(ui, at, col, ui->cols - col - 1, STYLE_PLAIN, row->text);
        if (i == page->list.chosen)
            draw_band(ui, at, STYLE_SELECTED);
    }
    if (page->n_rows == 0)
        draw_text(ui, TOP, 1, ui->cols - 2, STYLE_PLAIN,
                  page->query.text[0] ? "Nothing found." : "Nothing has been dictated yet.");
    draw_hints(ui, 1, page->searching ? hints_search : hints);
}

static void draw(screen_ui *ui)
{
    history_page *page = &ui->history;
    if (!ui->options->history_kept) {
        draw_wrapped(ui, 1, ui->rows - 1, 1, ui->cols - 2, STYLE_PLAIN,
                     "No history is kept: history.keep is off, or the program was started with --no-history.", 0);
        return;
    }
    if (page->n_dictations != ui->view.n_dictations && !page->reading && !page->confirming)
        read_rows(ui);
    if (page->error[0])
        draw_wrapped(ui, 1, ui->rows - 1, 1, ui->cols - 2, STYLE_BAD, page->error, 0);
    else if (page->reading)
        draw_entry(ui);
    else {
        draw_head(ui);
        draw_list(ui);
    }
    if (page->confirming)
        draw_question(ui, "Delete this entry for good? y deletes, any other key keeps it");
}

static void delete_entry(screen_ui *ui)
{
    history_page *page = &ui->history;
    page->reading = false;
    if (history_delete(page->db, &page->id, 1, page->error) >= 0)
        read_rows(ui);
}

static bool key_reading(screen_ui *ui, uint32_t key)
{
    history_page *page = &ui->history;
    int rows = list_rows(ui);
    switch (key) {
    case SCREEN_KEY_ESCAPE:
    case 'q':
    case SCREEN_KEY_RETURN:
        page->reading = false;
        return true;
    case 'd':
    case SCREEN_KEY_DELETE:
        page->confirming = true;
        return true;
    case SCREEN_KEY_UP:
    case 'k':
        page->scroll--;
        return true;
    case SCREEN_KEY_DOWN:
    case 'j':
        page->scroll++;
        return true;
    case SCREEN_KEY_PAGE_UP:
        page->scroll -= rows;
        return true;
    case SCREEN_KEY_PAGE_DOWN:
        page->scroll += rows;
        return true;
    default:
        return false;
    }
}

static bool key_searching(screen_ui *ui, uint32_t key)
{
    history_page *page = &ui->history;
    if (key == SCREEN_KEY_ESCAPE)
        edit_set(&page->query, "");
    if (key == SCREEN_KEY_ESCAPE || key == SCREEN_KEY_RETURN)
        page->searching = false;
    else if (!edit_key(&page->query, key))
        return list_key(&page->list, page->n_rows, list_rows(ui), key);
    page->list = (screen_list){0};
    read_rows(ui);
    return true;
}

static bool key(screen_ui *ui, uint32_t key)
{
    history_page *page = &ui->history;
    if (!page->db)
        return false;
    if (page->confirming) {
        page->confirming = false;
        if (key == 'y')
            delete_entry(ui);
        return true;
    }
    if (page->reading)
        return key_reading(ui, key);
    if (page->searching)
        return key_searching(ui, key);
    if (key == '/') {
        page->searching = true;
        page->query.cursor = strlen(page->query.text);
    } else if (key == SCREEN_KEY_RETURN) {
        open_entry(page);
    } else if ((key == 'd' || key == SCREEN_KEY_DELETE) && page->list.chosen < page->n_rows) {
        page->id = page->rows[page->list.chosen].id;
        page->confirming = true;
    } else if (key == SCREEN_KEY_ESCAPE && page->query.text[0]) {
        edit_set(&page->query, "");
        read_rows(ui);
    } else {
        return list_key(&page->list, page->n_rows, list_rows(ui), key);
    }
    return true;
}

static bool is_typing(const screen_ui *ui)
{
    return ui->history.searching || ui->history.confirming;
}

const screen_page screen_page_history = {.title = "ctrlspeak: history",
                                         .open = open_history,
                                         .close = close_history,
                                         .draw = draw,
                                         .key = key,
                                         .is_typing = is_typing};
