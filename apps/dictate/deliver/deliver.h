/* SPDX-License-Identifier: MIT
 *
 * Text to where the cursor is. A deliverer has a connection and a thread of its own, so that it can answer for the
 * clipboard at any moment; deliver_text() returns at once and the outcome comes to the sink. One delivery at a time; more are
 * queued. */
#ifndef DICTATE_DELIVER_H
#define DICTATE_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DELIVER_ERROR = 400, DELIVER_TARGET = 200 };

typedef struct deliverer deliverer;

typedef enum deliver_way {
    DELIVER_PASTE,     /* own the selection, press the paste chord, restore the clipboard after the receipt */
    DELIVER_TYPE,      /* key by key */
    DELIVER_CLIPBOARD, /* into the clipboard, and stay there */
    DELIVER_STDOUT,
    DELIVER_FILE,    /* append a line to argument */
    DELIVER_COMMAND, /* argument is a program and its arguments; text on its stdin, LF at the end as in the text */
    DELIVER_NONE
} deliver_way;

typedef struct deliver_outcome {
    int64_t id;
    bool delivered;
    bool kept;                   /* not delivered, but it lies in the clipboard */
    char why[DELIVER_ERROR];     /* when not delivered: one sentence */
    char target[DELIVER_TARGET]; /* the window's class, or the file, or the command; "" unknown */
    int64_t sent_us, receipt_us; /* CLOCK_MONOTONIC: chord pressed (or text written); the target has read it */
} deliver_outcome;

typedef struct deliver_sink {
    void *user;
    /* All from the deliverer's thread; return at once. Once per delivery, also for what is queued when it ends. */
    void (*outcome)(void *user, const deliver_outcome *outcome);
    /* Later, at most once per paste: the old clipboard is back (or a newer one of the user's was left alone). */
    void (*restored)(void *user, int64_t id, bool by_user);
    /* The display is gone: one sentence. */
    void (*lost)(void *user, const char *why);
} deliver_sink;

typedef struct deliver_options {
    deliver_way way;
    const char *argument; /* DELIVER_FILE, DELIVER_COMMAND */
    const char *display;  /* NULL: $DISPLAY */
    /* "class=chord" rules, first match wins, case ignored, * and ? as in file names; chord "ctrl+v", "ctrl+shift+v",
     * "shift+insert" or other modifiers (ctrl, shift, alt, super) and a keysym's name, "type", "clipboard". Built-in rules
     * for terminals come after them, "ctrl+v" last. */
    const char *const *rules;
    int32_t n_rules;
    int32_t receipt_ms;  /* no read within: not delivered; 1000 */
    int32_t quiet_ms;    /* restore after so long without another read; 200 */
    int32_t modifier_ms; /* wait so long for held modifiers; 750; then clipboard only, not delivered */
    int64_t save_bytes;  /* largest clipboard that is saved, all types together; 64 MiB */
} deliver_options;

void deliver_options_init(deliver_options *options);
/* "paste", "type", "clipboard", "stdout", "none", "file:PATH", "command:PROGRAM ARGS". False: error. argument points into text. */
bool deliver_parse(const char *text, deliver_options *options, char error[DELIVER_ERROR]);
/* Would deliver_create() take these rules? Needs no display; without X11 none matters. */
bool deliver_check_rules(const char *const *rules, int32_t n_rules, char error[DELIVER_ERROR]);
/* NULL: error is one sentence (no display, no XTEST, rule 3 is not class=chord...). Options are copied. */
deliverer *deliver_create(const deliver_options *options, const deliver_sink *sink, char error[DELIVER_ERROR]);
/* Queue UTF-8 text; with DELIVER_PASTE the rules say how. Returns its id, -1: out of memory. Any thread. */
int64_t deliver_text(deliverer *d, const char *text);
/* Into the clipboard, to stay there, whatever the way is; a way without a display opens one for it. As deliver_text()
 * otherwise. */
int64_t deliver_to_clipboard(deliverer *d, const char *text);
/* The focused window's class now, for history; "" unknown. Any thread; never blocks longer than 50 ms. */
void deliver_target(deliverer *d, char target[DELIVER_TARGET]);
/* Waits for the running delivery (at most receipt_ms, from the window's last sign of life), restores the clipboard and
 * hands it to a clipboard manager if there is one; without one, X has no clipboard without its owner. */
void deliver_free(deliverer *d);

#endif
