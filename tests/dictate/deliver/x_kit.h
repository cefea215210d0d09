/* SPDX-License-Identifier: MIT
 *
 * What the X11 tests of delivery share: a screen of their own, the reader and the owner as child processes, and a sink
 * that can be waited for. Waits end after LIMIT_MS with a failed check, never with a verdict on speed. */
#ifndef X_KIT_H
#define X_KIT_H

#include "check.h"
#include "dictate/deliver/deliver.h"
#include "x_data.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <xcb/xcb.h>

enum { LIMIT_MS = 30000 };

/* Arguments of the test program: display.sh, x_reader, x_owner and, for some, x_keyboard. False: no Xvfb; say so and skip. */
bool screen_start(int argc, char **argv);
void screen_stop(void);
void screen_kill(void); /* as a crash would */
const char *screen_name(void);
bool screen_layout(const char *layouts); /* false: no setxkbmap */
/* The layout of the keyboard that XTEST speaks for, alone. */
bool screen_xtest_layout(const char *layouts);
/* A key on the other keyboard. False: no x_keyboard. */
bool screen_other_keyboard(const char *code);
/* Keys, as from a keyboard: the test's own connection. */
void screen_key(const char *keysym_name, bool down);
/* Give the focus to the window of that class, wait until it is there. */
bool screen_focus(const char *class);
/* Choose a group of the layouts, 0 the first. */
void screen_group(int group);
void screen_set_caps(bool on);
bool screen_caps(void);
/* Key codes and what is on them, all as one checksum. */
uint64_t screen_map(void);

typedef struct child {
    pid_t pid;
    int out;
    char buf[1 << 16];
    size_t n, at;
} child;
/* words: up to 6, NULL at the end. Waits for "ready" unless it is a dump. */
child *child_start(bool reader, const char *const *words);
#define READER(...) child_start(true, (const char *const[]){__VA_ARGS__, NULL})
#define OWNER(...)  child_start(false, (const char *const[]){__VA_ARGS__, NULL})
bool child_line(child *c, char *line, size_t size); /* without its end; false: it ended, or the limit */
bool child_bytes(child *c, char *bytes, size_t n_bytes);
/* The next "text N" of a reader; the caller frees. */
char *child_text(child *c);
/* The next "chord" of a reader. */
bool child_chord(child *c, const char *name);
/* n keys of a reader as one text, '\r' and '\t' as they came. */
bool child_keys(child *c, char *text, size_t size, size_t n_keys);
void child_stop(child *c);

/* Is everything that x_owner SEED offers in the selection, byte for byte, and nothing else? */
bool screen_holds(const char *selection, int seed);
/* The clipboard's text and whether it has an owner; the caller frees. */
char *screen_text(void);

typedef struct outcomes outcomes;
outcomes *outcomes_new(void);
void outcomes_free(outcomes *o);
deliver_sink outcomes_sink(outcomes *o);
bool outcomes_wait(outcomes *o, int64_t id, deliver_outcome *outcome);
/* 1: restored, 2: left to the user; 0: the limit. */
int outcomes_restored(outcomes *o, int64_t id);
bool outcomes_lost(outcomes *o, char *why);

/* A deliverer on the screen; options may be NULL. */
deliverer *screen_deliverer(outcomes *o, const deliver_options *options);

#endif
