/* SPDX-License-Identifier: MIT
 *
 * What the pages share: the view of the moment, the size, and drawing in words ("good", "selected") instead of attributes.
 * All of it belongs to the screen's thread. */
#ifndef DICTATE_SCREEN_INSIDE_H
#define DICTATE_SCREEN_INSIDE_H

#include "dictate/history/history.h"
#include "dictate/screen/screen.h"
#include "dictate/screen/screen_text.h"

typedef enum screen_style {
    STYLE_PLAIN,
    STYLE_TITLE,
    STYLE_STRONG,
    STYLE_QUIET,
    STYLE_GOOD,
    STYLE_WARNING,
    STYLE_BAD,
    STYLE_SELECTED
} screen_style;

/* Keys, once the terminal's ways of sending them are dealt with. Else a character. */
typedef enum screen_key_code {
    SCREEN_KEY_NONE = 0,
    SCREEN_KEY_RETURN = '\n',
    SCREEN_KEY_ESCAPE = 27,
    SCREEN_KEY_UP = 0x110000, /* beyond all characters */
    SCREEN_KEY_DOWN,
    SCREEN_KEY_LEFT,
    SCREEN_KEY_RIGHT,
    SCREEN_KEY_HOME,
    SCREEN_KEY_END,
    SCREEN_KEY_PAGE_UP,
    SCREEN_KEY_PAGE_DOWN,
    SCREEN_KEY_BACKSPACE,
    SCREEN_KEY_DELETE
} screen_key_code;

/* A line being edited. */
typedef struct line_edit {
    char text[512];
    size_t cursor; /* in bytes */
} line_edit;

/* A list: which row is chosen and which is the first on screen. */
typedef struct screen_list {
    int chosen, top;
} screen_list;

typedef struct history_row {
    int64_t id, time_ms;
    bool delivered;
    char text[SCREEN_LINE];
} history_row;

typedef struct history_page {
    history *db;
    history_row *rows; /* HISTORY_ROWS */
    int n_rows;
    int64_t n_dictations; /* of the view, when they were read */
    screen_list list;
    bool searching, reading, confirming;
    line_edit query;
    char *whole; /* the entry that is being read */
    char about[SCREEN_LINE];
    int scroll;
    int64_t id;
    char error[HISTORY_ERROR];
} history_page;

typedef struct settings_page {
    struct settings *now; /* NULL: error says why */
    screen_list list, items;
    int in_list; /* the index of the list setting whose items are shown, -1: none */
    bool editing;
    line_edit edit;
    char error[600]; /* or what was done */
    bool failed;
} settings_page;

typedef struct log_page {
    char *tail; /* LOG_TAIL bytes at most, then 0 */
    size_t n_tail;
    int64_t size_bytes, inode;
    int scroll; /* lines above the end */
    char error[SCREEN_LINE];
} log_page;

typedef struct screen_ui screen_ui;

/* A page. key returns false for a key that it does not know. */
typedef struct screen_page {
    const char *title;
    void (*open)(screen_ui *ui);
    void (*close)(screen_ui *ui);
    void (*draw)(screen_ui *ui);
    bool (*key)(screen_ui *ui, uint32_t key);
    bool (*is_typing)(const screen_ui *ui); /* all keys belong to a line being edited; NULL: never */
    int refresh_ms;                         /* draw again after so long even if nothing happened; 0: no */
} screen_page;

struct screen_ui {
    const screen_options *options;
    screen_view view;
    const screen_page *page;
    int rows, cols;
    bool color, confirming_quit;
    int cursor_row, cursor_col; /* where a line is being edited; -1: nowhere */
    screen_list devices, models;
    int help_scroll;
    history_page history;
    settings_page settings;
    log_page log;
};

extern const screen_page screen_page_main, screen_page_devices, screen_page_models, screen_page_history,
    screen_page_log, screen_page_settings, screen_page_help;

void screen_go(screen_ui *ui, const screen_page *page);
void screen_send(screen_ui *ui, screen_command_kind kind, const char *argument);
const char *screen_clock(char out[16], double seconds); /* MM:SS, H:MM:SS */
/* A recording is running, or its text is not there yet. */
bool screen_is_busy(const screen_view *view);

/* Drawing. What lies outside the screen is left out; the columns used come back. */
void draw_begin(screen_ui *ui);
int draw_text(screen_ui *ui, int row, int col, int columns, screen_style style, const char *text);
int draw_bytes(screen_ui *ui, int row, int col, int columns, screen_style style, const char *text, size_t n_bytes);
int draw_right(screen_ui *ui, int row, int right, int columns, screen_style style,
               const char *text); /* ends before right */
void draw_rule(screen_ui *ui, int row);
void draw_band(screen_ui *ui, int row, screen_style style);
/* The first row: the page's name, and the state at its right. */
void draw_title(screen_ui *ui);
/* The last rows, at most max_rows: "key what" pairs, those that fit. The rows used. */
int draw_hints(screen_ui *ui, int max_rows, const char *const *hints);
/* The last row asks. */
void draw_question(screen_ui *ui, const char *question);
/* Wrapped from line skip on. The number of lines in all. */
int draw_wrapped(screen_ui *ui, int row, int rows, int col, int columns, screen_style style, const char *text,
                 int skip);
screen_style draw_state_style(dictate_state state);
/* Row of the list by its index, or -1 when it is not on screen; draws the mark of the chosen one. */
int draw_list_row(screen_ui *ui, const screen_list *list, int index, int row, int rows);

bool list_key(screen_list *list, int n, int rows, uint32_t key);
void list_clamp(screen_list *list, int n, int rows);

void edit_set(line_edit *e, const char *text);
bool edit_key(line_edit *e, uint32_t key);
/* Draws it and puts the cursor there. */
void edit_draw(screen_ui *ui, const line_edit *e, int row, int col, int columns);

#endif
