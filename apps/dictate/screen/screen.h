/* SPDX-License-Identifier: MIT
 *
 * What is on the terminal. The screen has a thread of its own and is the only one that writes to the terminal; the daemon
 * hands it whole views and never waits for it, the screen hands back commands. Without a terminal, or with plain, it prints
 * one line per change instead of drawing (screen readers, pipes). */
#ifndef DICTATE_SCREEN_H
#define DICTATE_SCREEN_H

#include "common/spoken.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The daemon's states, in the words that users see. */
#define DICTATE_STATES(X)             \
    X(STATE_LOADING, "loading")       \
    X(STATE_READY, "ready")           \
    X(STATE_ARMED, "armed")           \
    X(STATE_RECORDING, "recording")   \
    X(STATE_FINISHING, "finishing")   \
    X(STATE_DELIVERING, "delivering") \
    X(STATE_DELIVERED, "delivered") X(STATE_NOT_DELIVERED, "not delivered") X(STATE_ERROR, "error")
typedef enum dictate_state {
#define DICTATE_STATE_ENUM(name, text) name,
    DICTATE_STATES(DICTATE_STATE_ENUM)
#undef DICTATE_STATE_ENUM
        N_DICTATE_STATES
} dictate_state;
const char *dictate_state_text(dictate_state state);

enum { SCREEN_LINE = 200, SCREEN_TEXT = 4000, SCREEN_DEVICES = 24, SCREEN_MODELS = 24 };

typedef struct screen_row {
    char name[SCREEN_LINE];        /* what a command takes */
    char description[SCREEN_LINE]; /* for people */
    bool active, preferred, standard;
} screen_row;

typedef struct screen_view {
    dictate_state state;
    char model[SCREEN_LINE], device[SCREEN_LINE];
    bool model_is_bundled;           /* says in one line how to get a real one */
    char message[SCREEN_LINE];       /* the last thing worth saying; one sentence */
    char gesture[SCREEN_LINE];       /* "triple-tap Ctrl" */
    char languages[SPOKEN_TEXT];     /* of what is being recorded, "de > en"; "": the model's own */
    char text[SCREEN_TEXT];          /* live: what has been heard so far; after that the last text */
    double recording_seconds, level; /* level 0..1 */
    bool speech;
    double p50_ms, p95_ms; /* stop to receipt; 0: none yet */
    int64_t n_dictations;
    screen_row devices[SCREEN_DEVICES];
    int32_t n_devices;
    screen_row models[SCREEN_MODELS];
    int32_t n_models;
} screen_view;

typedef enum screen_command_kind {
    SCREEN_TOGGLE,
    SCREEN_CANCEL,
    SCREEN_QUIT,
    SCREEN_SET_DEVICE,
    SCREEN_SET_MODEL,
    SCREEN_SETTING_CHANGED, /* the file has been written: read it again */
    SCREEN_REFRESH,
    SCREEN_PASTE_LAST
} screen_command_kind;
typedef struct screen_command {
    screen_command_kind kind;
    char argument[SCREEN_LINE]; /* device or model name, "" the default one; the key of the setting */
} screen_command;

/* Strings and what user points to must live as long as the screen. */
struct settings;
typedef struct screen_options {
    bool plain;
    int32_t color;            /* 0 auto, 1 on, 2 off */
    const char *history_path; /* NULL: the user's own */
    bool history_kept;        /* false: the history page says that none is kept */
    const char *log_path;     /* the log page shows its last lines; NULL or "": there is none */
    const char *config_path;  /* --config: the file instead of the user's own, which the page then only shows; NULL */
    void *user;
    void (*command)(void *user, const screen_command *command); /* from the screen's thread; returns at once */
    /* Puts the command line's values over s, so that the settings page shows what is in force; NULL: there are none. From the
     * screen's thread. */
    void (*apply_flags)(void *user, struct settings *s);
} screen_options;

typedef struct screen screen;

/* Takes the terminal (descriptors 0 and 1), and while it lives SIGWINCH, SIGTSTP and SIGCONT where nobody else has. A terminal
 * that cannot be drawn on gets lines. A terminal that hangs up sends SCREEN_QUIT. NULL: no memory or threads, error says so. */
screen *screen_create(const screen_options *options, char error[300]);
/* Copies the view; never waits. Any thread. */
void screen_show(screen *s, const screen_view *view);
/* Gives the terminal back, whatever happened; within about a second even if it stopped reading. */
void screen_free(screen *s);
/* For a fatal signal's handler: only async-signal-safe calls. */
void screen_restore_now(void);

#endif
