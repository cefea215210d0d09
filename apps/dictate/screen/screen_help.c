/* SPDX-License-Identifier: MIT
 * The help page. */
#include "dictate/screen/screen_inside.h"

#include <string.h>

static const char *const lines[] = {
    "Put the cursor where the words shall go, make the gesture, speak, make it again.",
    "",
    "  space      start or stop, like the gesture",
    "  x, Esc     cancel the recording; nothing is delivered",
    "  p          deliver the last text once more",
    "  d          microphones: see and choose",
    "  m          models: see and choose",
    "  r          history: read, search, delete",
    "  s          settings: see, change",
    "  l          log",
    "  h, ?       this page",
    "  q          quit (asks while a recording is running)",
    "  Ctrl-L     draw everything anew",
    "",
    "On the other pages the arrows, Page Up, Page Down, Home and End move, and Esc or q leads back.",
    "",
    "States: loading, ready, armed (the microphone opens at the second tap), recording, finishing, delivering, "
    "delivered, not delivered (the text is kept: p), error (the recording is kept).",
    "",
    "p50 and p95: half, and 95 of 100, of the dictations took no longer from the end of the gesture until the window "
    "had read the text.",
    "",
    "For a screen reader: ctrlspeak dictate --plain. Without colour: NO_COLOR=1, or the setting screen.color.",
};
enum { N_LINES = sizeof lines / sizeof *lines };
static const char *const hints[] = {"Esc back", "Up/Down scroll", NULL};

static int shown(const screen_ui *ui)
{
    return ui->rows > 2 ? ui->rows - 2 : 1;
}

static int n_wrapped(screen_ui *ui)
{
    int n = 0;
    for (int i = 0; i < N_LINES; i++)
        n += lines[i][0] ? draw_wrapped(ui, 0, 0, 0, ui->cols - 2, STYLE_PLAIN, lines[i], 0) : 1;
    return n;
}

static void draw(screen_ui *ui)
{
    int rows = shown(ui), n = n_wrapped(ui), row = 1;
    int most = n > rows ? n - rows : 0;
    ui->help_scroll = ui->help_scroll > most ? most : ui->help_scroll < 0 ? 0 : ui->help_scroll;
    int skip = ui->help_scroll;
    for (int i = 0; i < N_LINES && row <= rows; i++) {
        int has = lines[i][0] ? draw_wrapped(ui, 0, 0, 0, ui->cols - 2, STYLE_PLAIN, lines[i], 0) : 1;
        if (skip < has) {
            draw_wrapped(ui, row, rows - row + 1, 1, ui->cols - 2, STYLE_PLAIN, lines[i], skip);
            row += has - skip;
        }
        skip = skip > has ? skip - has : 0;
    }
    draw_hints(ui, 1, hints);
}

static bool key(screen_ui *ui, uint32_t key)
{
    int page = shown(ui);
    int by = key == SCREEN_KEY_UP || key == 'k'     ? -1
             : key == SCREEN_KEY_DOWN || key == 'j' ? 1
             : key == SCREEN_KEY_PAGE_UP            ? -page
             : key == SCREEN_KEY_PAGE_DOWN          ? page
             : key == SCREEN_KEY_HOME               ? -10000
             : key == SCREEN_KEY_END                ? 10000
                                                    : 0;
    ui->help_scroll += by;
    return by != 0;
}

const screen_page screen_page_help = {.title = "ctrlspeak: help", .draw = draw, .key = key};
