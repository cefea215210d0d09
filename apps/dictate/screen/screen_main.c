/* SPDX-License-Identifier: MIT
 *
 * The main page. What does not fit goes in this order: rules, model and device, level, hints, status; the state (in the
 * title) and the text stay to the last. */
#define _GNU_SOURCE
#include "dictate/screen/screen_inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BAR_CELLS = 50, LABEL = 8, MARGIN = 1 };

static const char *const hints_idle[] = {"space start", "p paste last", "d devices", "m models", "r history",
                                         "s settings",  "l log",        "h help",    "q quit",   NULL};
static const char *const hints_busy[] = {"space stop", "x cancel", "d devices", "m models", "r history",
                                         "s settings", "l log",    "h help",    "q quit",   NULL};

static void labelled(screen_ui *ui, int row, const char *label, const char *text)
{
    draw_text(ui, row, MARGIN, LABEL, STYLE_QUIET, label);
    draw_text(ui, row, MARGIN + LABEL, ui->cols - LABEL - 2 * MARGIN, STYLE_STRONG, text[0] ? text : "none");
}

/* Level  [#########.........]  45 %  SPEECH */
static void draw_level(screen_ui *ui, int row)
{
    char bar[BAR_CELLS + 1], percent[16];
    double level = ui->view.level > 0 && ui->view.level < 1 ? ui->view.level : ui->view.level >= 1 ? 1 : 0;
    bool listening = ui->view.state == STATE_ARMED || ui->view.state == STATE_RECORDING;
    int cells = ui->cols - LABEL - 2 * MARGIN - 2 - 7 - 9; /* brackets, percent, word */
    cells = cells > BAR_CELLS ? BAR_CELLS : cells;
    int full = (int)lround(level * cells), col = MARGIN + LABEL;
    draw_text(ui, row, MARGIN, LABEL, STYLE_QUIET, "Level");
    if (!listening) {
        draw_text(ui, row, col, ui->cols - col, STYLE_QUIET, "microphone closed");
        return;
    }
    if (cells >= 5) {
        memset(bar, '.', (size_t)cells);
        memset(bar, '#', (size_t)full);
        bar[cells] = 0;
        draw_text(ui, row, col, 1, STYLE_PLAIN, "[");
        draw_bytes(ui, row, col + 1, cells, ui->view.speech ? STYLE_GOOD : STYLE_PLAIN, bar, (size_t)full);
        draw_text(ui, row, col + 1 + full, cells, STYLE_QUIET, bar + full);
        draw_text(ui, row, col + 1 + cells, 1, STYLE_PLAIN, "]");
        col += cells + 3;
    }
    snprintf(percent, sizeof percent, "%3.0f %%", level * 100);
    col += draw_text(ui, row, col, ui->cols - col, STYLE_PLAIN, percent) + 2;
    draw_text(ui, row, col, ui->cols - col, ui->view.speech ? STYLE_STRONG : STYLE_QUIET,
              ui->view.speech ? "SPEECH" : "silence");
}

static void draw_status(screen_ui *ui, int row)
{
    const screen_view *v = &ui->view;
    char left[SCREEN_LINE + 100], right[120] = "", clock[16];
    const char *gesture = v->gesture[0] ? v->gesture : "space";
    switch (v->state) {
    case STATE_RECORDING:
        snprintf(left, sizeof left, "Recording %s, %s stops", screen_clock(clock, v->recording_seconds), gesture);
        break;
    case STATE_READY:
    case STATE_DELIVERED:
    case STATE_NOT_DELIVERED:
        snprintf(left, sizeof left, "%s, %s starts", v->state == STATE_READY ? "Ready" : dictate_state_text(v->state),
                 gesture);
        break;
    default:
        snprintf(left, sizeof left, "%s", dictate_state_text(v->state));
    }
    left[0] = (char)(left[0] >= 'a' && left[0] <= 'z' ? left[0] - 32 : left[0]);
    if (v->p95_ms > 0)
        snprintf(right, sizeof right, "%lld %s  p50 %.0f ms  p95 %.0f ms", (long long)v->n_dictations,
                 v->n_dictations == 1 ? "dictation" : "dictations", v->p50_ms, v->p95_ms);
    else if (v->n_dictations > 0)
        snprintf(right, sizeof right, "%lld %s", (long long)v->n_dictations,
                 v->n_dictations == 1 ? "dictation" : "dictations");
    int room = ui->cols - 2 * MARGIN, taken = screen_columns(right);
    if (screen_columns(left) + 2 + taken > room)
        taken = 0;
    else
        draw_right(ui, row, ui->cols - MARGIN, taken, STYLE_PLAIN, right);
    draw_text(ui, row, MARGIN, room - (taken ? taken + 2 : 0), draw_state_style(v->state), left);
}

static const char *last_words(const screen_view *v, char out[SCREEN_LINE * 2 + 80])
{
    if (v->model_is_bundled && !v->message[0])
        snprintf(out, SCREEN_LINE, "Small model; a real one: ctrlspeak models get parakeet-tdt-0.6b-v3");
    else
        snprintf(out, SCREEN_LINE, "%s", v->message);
    return out;
}

static void draw_heard(screen_ui *ui, int row, int rows)
{
    const screen_view *v = &ui->view;
    char invitation[SCREEN_LINE + 100];
    int columns = ui->cols - 2 * MARGIN;
    if (v->text[0]) {
        int n = draw_wrapped(ui, row, 0, MARGIN, columns, STYLE_PLAIN, v->text, 0);
        draw_wrapped(ui, row, rows, MARGIN, columns, STYLE_PLAIN, v->text, n > rows ? n - rows : 0);
        return;
    }
    if (v->state == STATE_RECORDING || v->state == STATE_ARMED)
        snprintf(invitation, sizeof invitation, "Listening...");
    else if (v->state == STATE_LOADING)
        snprintf(invitation, sizeof invitation, "The model is being loaded.");
    else
        snprintf(invitation, sizeof invitation, "Nothing dictated yet. %s, speak, and do it again to end.",
                 v->gesture[0] ? v->gesture : "Press space");
    draw_wrapped(ui, row, rows, MARGIN, columns, STYLE_QUIET, invitation, 0);
}

static void draw(screen_ui *ui)
{
    char message[SCREEN_LINE * 2 + 80];
    const screen_view *v = &ui->view;
    bool bad = v->state == STATE_ERROR || v->state == STATE_NOT_DELIVERED;
    int top = 1, bottom = ui->rows;
    if (ui->rows >= 4)
        bottom -= draw_hints(ui, ui->rows >= 14 ? 2 : 1, screen_is_busy(v) ? hints_busy : hints_idle);
    if (ui->rows >= 3)
        draw_status(ui, --bottom);
    last_words(v, message);
    if (message[0] && (ui->rows >= 8 || bad))
        draw_text(ui, --bottom, MARGIN, ui->cols - 2 * MARGIN, bad ? STYLE_BAD : STYLE_PLAIN, message);
    else if (ui->rows >= 12)
        --bottom; /* kept free, so that the text does not jump when there is one */
    if (ui->rows >= 8) {
        labelled(ui, top++, "Model", v->model);
        labelled(ui, top++, "Device", v->device);
    }
    if (ui->rows >= 6)
        draw_level(ui, top++);
    if (ui->rows >= 12) {
        draw_rule(ui, top++);
        draw_rule(ui, --bottom);
    }
    if (bottom > top)
        draw_heard(ui, top, bottom - top);
}

static bool key(screen_ui *ui, uint32_t key)
{
    const screen_page *page = NULL;
    switch (key) {
    case ' ':
        screen_send(ui, SCREEN_TOGGLE, "");
        return true;
    case 'x':
    case SCREEN_KEY_ESCAPE:
        screen_send(ui, SCREEN_CANCEL, "");
        return true;
    case 'p':
        screen_send(ui, SCREEN_PASTE_LAST, "");
        return true;
    case 'd':
        page = &screen_page_devices;
        break;
    case 'm':
        page = &screen_page_models;
        break;
    case 'r':
        page = &screen_page_history;
        break;
    case 'l':
        page = &screen_page_log;
        break;
    case 's':
        page = &screen_page_settings;
        break;
    case 'h':
    case '?':
        page = &screen_page_help;
        break;
    default:
        return false;
    }
    screen_go(ui, page);
    return true;
}

const screen_page screen_page_main = {.title = "ctrlspeak dictate", .draw = draw, .key = key};
