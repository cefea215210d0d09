/* SPDX-License-Identifier: MIT
 *
 * The settings page: all of the table with value and origin. Enter changes: a choice goes to its next value, a text or number is
 * edited in the last row, a list opens as a list of its own. Each change is written to the user's file at once by
 * settings_write(), which checks it; its error is shown and the line stays open. Values that a variable or flag holds can be
 * written too, and the page says that the file does not decide. */
#define _GNU_SOURCE
#include "dictate/screen/screen_inside.h"

#include "dictate/settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOP = 1, BOTTOM = 3, KEY_COLUMNS = 24, ITEMS = 200, VALUE_BYTES = 600 };

static const char *const hints[] = {"Enter change", "u built-in value", "Esc back", NULL};
static const char *const hints_edit[] = {"Enter write", "Esc leave as it was", NULL};
static const char *const hints_list[] = {"Enter change", "d delete", "Esc back", NULL};

static int list_rows(const screen_ui *ui)
{
    return ui->rows - TOP - BOTTOM > 1 ? ui->rows - TOP - BOTTOM : 1;
}

static bool is_list(const setting_info *info)
{
    return strcmp(info->kind, "LIST") == 0;
}

static void load(screen_ui *ui)
{
    settings_page *page = &ui->settings;
    char error[SETTINGS_ERROR] = "";
    settings *fresh = settings_load(ui->options->config_path, error);
    if (!fresh) { /* what is shown stays: the file may be half edited elsewhere */
        snprintf(page->error, sizeof page->error, "%s", error);
        page->failed = true;
        return;
    }
    if (ui->options->apply_flags)
        ui->options->apply_flags(ui->options->user, fresh);
    settings_free(page->now);
    page->now = fresh;
}

static void open_settings(screen_ui *ui)
{
    ui->settings = (settings_page){.in_list = -1};
    load(ui);
}

static void close_settings(screen_ui *ui)
{
    settings_free(ui->settings.now);
    ui->settings = (settings_page){.in_list = -1};
}

/* As it is shown: lists in one line, with "; " between. */
static const char *value_of(const settings *s, const char *key, bool whole_list, char out[VALUE_BYTES])
{
    char buf[32];
    const char *item;
    size_t n = 0;
    out[0] = 0;
    for (int32_t i = 0; (item = settings_get(s, key, i, buf, sizeof buf)) && n < VALUE_BYTES - 1; i++) {
        n += (size_t)snprintf(out + n, VALUE_BYTES - n, "%s%s", i ? "; " : "", item);
        if (!whole_list)
            break;
    }
    return out;
}

static int n_items(const settings *s, const char *key)
{
    char buf[32];
    int n = 0;
    while (n < ITEMS && settings_get(s, key, n, buf, sizeof buf))
        n++;
    return n;
}

/* True: the file of the user decides, or nothing does yet. */
static bool file_decides(const char *origin)
{
    return strcmp(origin, "built in") == 0 || strchr(origin, '/');
}

static void done(screen_ui *ui, const char *key, bool ok, const char *error)
{
    settings_page *page = &ui->settings;
    page->failed = !ok;
    if (!ok) {
        snprintf(page->error, sizeof page->error, "%s", error);
        return;
    }
    page->editing = false;
    page->error[0] = 0;
    load(ui);
    for (int32_t i = 0; page->now && i < N_SETTINGS; i++)
        if (strcmp(settings_info(i)->key, key) == 0 && !page->failed) {
            const char *origin = page->now->origin[i];
            if (file_decides(origin))
                snprintf(page->error, sizeof page->error, "%s is written.", key);
            else
                snprintf(page->error, sizeof page->error, "%s is written, but %s decides while this program runs.", key,
                         origin);
        }
    screen_send(ui, SCREEN_SETTING_CHANGED, key);
}

static bool may_write(screen_ui *ui)
{
    if (!ui->options->config_path)
        return true;
    snprintf(ui->settings.error, sizeof ui->settings.error, "Started with --config: change %.300s with an editor.",
             ui->options->config_path);
    ui->settings.failed = true;
    return false;
}

static void write_one(screen_ui *ui, const char *key, const char *value)
{
    char error[SETTINGS_ERROR] = "";
    bool ok = settings_write(key, value, error);
    done(ui, key, ok, error);
}

/* The list with the item at index replaced, added, or (NULL) gone. */
static void write_item(screen_ui *ui, const char *key, int index, const char *value)
{
    char error[SETTINGS_ERROR] = "", buf[32];
    const char *items[ITEMS + 1], *item;
    int32_t n = 0;
    for (int i = 0; n < ITEMS && (item = settings_get(ui->settings.now, key, i, buf, sizeof buf)); i++)
        if (i != index)
            items[n++] = item;
        else if (value)
            items[n++] = value;
    if (value && index >= n && n < ITEMS)
        items[n++] = value;
    bool ok = settings_write_list(key, items, n, error);
    done(ui, key, ok, error);
}

static void next_choice(screen_ui *ui, const setting_info *info)
{
    char now[VALUE_BYTES], next[64] = "";
    const char *choices = strcmp(info->kind, "SWITCH") == 0 ? "off|on" : info->choices;
    value_of(ui->settings.now, info->key, false, now);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        size_t n = strcspn(at, "|");
        if (strlen(now) == n && strncmp(at, now, n) == 0)
            snprintf(next, sizeof next, "%.*s", (int)strcspn(at[n] ? at + n + 1 : choices, "|"),
                     at[n] ? at + n + 1 : choices);
    }
    write_one(ui, info->key, next);
}

static void draw_info(screen_ui *ui, const setting_info *info)
{
    settings_page *page = &ui->settings;
    char range[80] = "";
    if (strcmp(info->kind, "INT") == 0)
        snprintf(range, sizeof range, " (%d to %d)", (int)info->low, (int)info->high);
    if (ui->rows <= TOP + BOTTOM)
        return;
    int used = draw_text(ui, ui->rows - 3, 1, ui->cols - 2, STYLE_QUIET, info->help);
    draw_text(ui, ui->rows - 3, 1 + used, ui->cols - 2 - used, STYLE_QUIET, range);
    if (!page->editing || page->failed)
        draw_text(ui, page->editing ? ui->rows - 1 : ui->rows - 2, 1, ui->cols - 2,
                  page->failed ? STYLE_BAD : STYLE_GOOD, page->error);
    if (!page->editing || !page->failed)
        draw_hints(ui, 1, page->editing ? hints_edit : page->in_list >= 0 ? hints_list : hints);
}

static void draw_edit(screen_ui *ui, const char *key)
{
    char label[80];
    int row = ui->rows > TOP + BOTTOM ? ui->rows - 2 : ui->rows - 1;
    snprintf(label, sizeof label, "%s = ", key);
    int used = draw_text(ui, row, 1, ui->cols / 2, STYLE_STRONG, label);
    edit_draw(ui, &ui->settings.edit, row, 1 + used, ui->cols - used - 2);
}

static void draw_items(screen_ui *ui, const setting_info *info)
{
    settings_page *page = &ui->settings;
    char buf[32];
    int n = n_items(page->now, info->key), rows = list_rows(ui);
    list_clamp(&page->items, n + 1, rows);
    for (int i = 0; i <= n; i++) {
        int at = draw_list_row(ui, &page->items, i, TOP, rows);
        const char *item = i < n ? settings_get(page->now, info->key, i, buf, sizeof buf) : "(add one)";
        if (at >= 0)
            draw_text(ui, at, 2, ui->cols - 3, i < n ? STYLE_PLAIN : STYLE_QUIET, item ? item : "");
        if (at >= 0 && i == page->items.chosen)
            draw_band(ui, at, STYLE_SELECTED);
    }
}

/* What is known of a file's origin without its folder: "config:12". */
static const char *short_origin(const char *origin)
{
    const char *slash = strrchr(origin, '/');
    return slash ? slash + 1 : origin;
}

static void draw_all(screen_ui *ui)
{
    settings_page *page = &ui->settings;
    char value[VALUE_BYTES];
    int rows = list_rows(ui), key_columns = ui->cols >= 50 ? KEY_COLUMNS : ui->cols / 2,
        origin_columns = ui->cols >= 60 ? 18 : 0;
    list_clamp(&page->list, N_SETTINGS, rows);
    for (int i = page->list.top; i < N_SETTINGS && i < page->list.top + rows; i++) {
        const setting_info *info = settings_info(i);
        const char *origin = page->now->origin[i];
        bool set = strcmp(origin, "built in") != 0;
        int at = draw_list_row(ui, &page->list, i, TOP, rows), col = 2 + key_columns + 1;
        draw_text(ui, at, 2, key_columns, STYLE_PLAIN, info->key);
        value_of(page->now, info->key, true, value);
        draw_text(ui, at, col, ui->cols - col - origin_columns - 2, set ? STYLE_STRONG : STYLE_PLAIN,
                  value[0] ? value : "-");
        if (origin_columns)
            draw_right(ui, at, ui->cols - 1, origin_columns, set ? STYLE_PLAIN : STYLE_QUIET, short_origin(origin));
        if (i == page->list.chosen)
            draw_band(ui, at, STYLE_SELECTED);
    }
}

static void draw(screen_ui *ui)
{
    settings_page *page = &ui->settings;
    if (!page->now) {
        draw_wrapped(ui, 1, ui->rows - 1, 1, ui->cols - 2, STYLE_BAD, page->error, 0);
        return;
    }
    if (page->in_list >= 0)
        draw_items(ui, settings_info(page->in_list));
    else
        draw_all(ui);
    const setting_info *info = settings_info(page->in_list >= 0 ? page->in_list : page->list.chosen);
    draw_info(ui, info);
    if (page->editing)
        draw_edit(ui, info->key);
}

static void begin_edit(settings_page *page, const char *text)
{
    page->editing = true;
    page->failed = false;
    page->error[0] = 0;
    edit_set(&page->edit, text);
}

static bool key_editing(screen_ui *ui, const setting_info *info, uint32_t key)
{
    settings_page *page = &ui->settings;
    if (key == SCREEN_KEY_ESCAPE) {
        page->editing = page->failed = false;
        page->error[0] = 0;
    } else if (key == SCREEN_KEY_RETURN && page->in_list >= 0) {
        write_item(ui, info->key, page->items.chosen, page->edit.text);
    } else if (key == SCREEN_KEY_RETURN) {
        write_one(ui, info->key, page->edit.text);
    } else {
        page->failed = false;
        return edit_key(&page->edit, key);
    }
    return true;
}

static bool key_items(screen_ui *ui, const setting_info *info, uint32_t key)
{
    settings_page *page = &ui->settings;
    char buf[32];
    int n = n_items(page->now, info->key);
    const char *item = settings_get(page->now, info->key, page->items.chosen, buf, sizeof buf);
    if (key == SCREEN_KEY_ESCAPE || key == 'q')
        page->in_list = -1;
    else if (key == SCREEN_KEY_RETURN && may_write(ui))
        begin_edit(page, item ? item : "");
    else if ((key == 'd' || key == SCREEN_KEY_DELETE) && item && may_write(ui))
        write_item(ui, info->key, page->items.chosen, NULL);
    else
        return list_key(&page->items, n + 1, list_rows(ui), key);
    return true;
}

static bool key(screen_ui *ui, uint32_t key)
{
    settings_page *page = &ui->settings;
    char value[VALUE_BYTES];
    if (!page->now)
        return false;
    const setting_info *info = settings_info(page->in_list >= 0 ? page->in_list : page->list.chosen);
    if (page->editing)
        return key_editing(ui, info, key);
    if (page->in_list >= 0)
        return key_items(ui, info, key);
    if (key == 'u' && may_write(ui)) {
        write_one(ui, info->key, NULL);
    } else if (key == SCREEN_KEY_RETURN && is_list(info)) {
        page->in_list = page->list.chosen;
        page->items = (screen_list){0};
    } else if (key == SCREEN_KEY_RETURN && may_write(ui)) {
        if (strcmp(info->kind, "CHOICE") == 0 || strcmp(info->kind, "SWITCH") == 0)
            next_choice(ui, info);
        else
            begin_edit(page, value_of(page->now, info->key, false, value));
    } else {
        bool moved = list_key(&page->list, N_SETTINGS, list_rows(ui), key);
        if (moved)
            page->error[0] = 0;
        return moved;
    }
    return true;
}

static bool is_typing(const screen_ui *ui)
{
    return ui->settings.editing;
}

const screen_page screen_page_settings = {.title = "ctrlspeak: settings",
                                          .open = open_settings,
                                          .close = close_settings,
                                          .draw = draw,
                                          .key = key,
                                          .is_typing = is_typing};
