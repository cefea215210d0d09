/* SPDX-License-Identifier: MIT
 * The devices and the models: two lists that the daemon keeps up to date, of which one can be chosen. */
#include "dictate/screen/screen_inside.h"

#include <stdio.h>
#include <string.h>

enum { TOP = 2, BOTTOM = 2 };

static const char *const hints[] = {"Enter choose", "r refresh", "Esc back", NULL};

/* The devices have a first row of ours: whatever the system's default is. */
static int n_devices(const screen_ui *ui)
{
    return ui->view.n_devices + 1;
}

static int list_rows(const screen_ui *ui)
{
    return ui->rows - TOP - BOTTOM > 1 ? ui->rows - TOP - BOTTOM : 1;
}

static void draw_one(screen_ui *ui, const screen_list *list, int index, const screen_row *row)
{
    char tags[64];
    int at = draw_list_row(ui, list, index, ui->rows > TOP + BOTTOM ? TOP : 1, list_rows(ui));
    if (at < 0)
        return;
    snprintf(tags, sizeof tags, "%s%s%s", row->active ? " [ACTIVE]" : "", row->preferred ? " [PREFERRED]" : "",
             row->standard ? " [DEFAULT]" : "");
    int taken = (int)strlen(tags);
    taken = taken < ui->cols / 2 ? taken : 0; /* where both do not fit, the name matters more */
    int room = ui->cols - 3 - taken;
    int used = draw_text(ui, at, 2, room, row->active ? STYLE_STRONG : STYLE_PLAIN,
                         row->description[0] ? row->description : row->name);
    if (row->description[0] && row->name[0] && strcmp(row->name, row->description) != 0 && room - used > 10)
        draw_text(ui, at, 2 + used + 2, room - used - 2, STYLE_QUIET, row->name);
    if (taken)
        draw_text(ui, at, ui->cols - taken - 1, taken, STYLE_GOOD, tags);
    if (index == list->chosen)
        draw_band(ui, at, STYLE_SELECTED);
}

static void draw_below(screen_ui *ui)
{
    if (ui->rows > TOP + BOTTOM)
        draw_text(ui, ui->rows - 2, 1, ui->cols - 2, STYLE_PLAIN, ui->view.message);
    if (ui->rows > 2)
        draw_hints(ui, 1, hints);
}

static void open_rows(screen_ui *ui)
{
    screen_send(ui, SCREEN_REFRESH, "");
}

static void draw_devices(screen_ui *ui)
{
    static const screen_row follow = {.description = "System default, followed when it changes"};
    list_clamp(&ui->devices, n_devices(ui), list_rows(ui));
    draw_one(ui, &ui->devices, 0, &follow);
    for (int i = 0; i < ui->view.n_devices; i++)
        draw_one(ui, &ui->devices, i + 1, &ui->view.devices[i]);
    draw_below(ui);
}

static void draw_models(screen_ui *ui)
{
    list_clamp(&ui->models, ui->view.n_models, list_rows(ui));
    for (int i = 0; i < ui->view.n_models; i++)
        draw_one(ui, &ui->models, i, &ui->view.models[i]);
    if (ui->view.n_models == 0)
        draw_wrapped(ui, 1, ui->rows - 2, 1, ui->cols - 2, STYLE_PLAIN,
                     "No model is installed. This gets one: ctrlspeak models get parakeet-tdt-0.6b-v3", 0);
    draw_below(ui);
}

static bool key_devices(screen_ui *ui, uint32_t key)
{
    int i = ui->devices.chosen - 1;
    if (key == 'r')
        screen_send(ui, SCREEN_REFRESH, "");
    else if (key == SCREEN_KEY_RETURN && i < ui->view.n_devices)
        screen_send(ui, SCREEN_SET_DEVICE, i < 0 ? "" : ui->view.devices[i].name);
    else
        return list_key(&ui->devices, n_devices(ui), list_rows(ui), key);
    return true;
}

static bool key_models(screen_ui *ui, uint32_t key)
{
    if (key == 'r')
        screen_send(ui, SCREEN_REFRESH, "");
    else if (key == SCREEN_KEY_RETURN && ui->models.chosen < ui->view.n_models)
        screen_send(ui, SCREEN_SET_MODEL, ui->view.models[ui->models.chosen].name);
    else
        return list_key(&ui->models, ui->view.n_models, list_rows(ui), key);
    return true;
}

const screen_page screen_page_devices = {
    .title = "ctrlspeak: microphones", .open = open_rows, .draw = draw_devices, .key = key_devices};
const screen_page screen_page_models = {
    .title = "ctrlspeak: models", .open = open_rows, .draw = draw_models, .key = key_models};
