/* SPDX-License-Identifier: MIT
 *
 * The terminal itself: taken with its modes kept, drawn on by ncurses, and given back in every way a program can end.
 *
 * ncurses writes with blocking calls; a terminal that stopped reading (a hung ssh, a paused emulator) would hold the thread
 * for ever. So ncurses draws into a file in memory, which never blocks, and what it drew is sent on from there over a
 * descriptor of our own with O_NONBLOCK, which the shell's descriptors do not share. One terminal per process, since
 * ncurses and signal handlers have one. The thread that opened it does all but screen_restore_now(). */
#ifndef DICTATE_SCREEN_TERM_H
#define DICTATE_SCREEN_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct screen_term {
    int in_fd, out_fd, memory_fd, wake_fd;
    FILE *in, *memory;
    void *curses; /* SCREEN */
    void *keys;   /* WINDOW: a pad for reading keys, so that reading never draws */
    bool taken;   /* false: in the background, or stopped: no drawing, no reading */
    bool gone;    /* hung up */
    bool reopened, plain;
    bool pasting; /* between the marks of a paste */
    int rows, cols;
    char *pending; /* drawn and not yet sent: from sent to n_pending */
    size_t n_pending, sent, capacity;
} screen_term;

/* What happened since the last call. */
typedef struct screen_signals {
    bool resized, stop, continued;
} screen_signals;

/* Can descriptors 0 and 1 be drawn on? False: print lines instead. */
bool screen_term_can_draw(void);
/* wake_fd: an eventfd that is written to when a signal came. False: error, and the terminal is as it was. */
bool screen_term_open(screen_term *t, int wake_fd, bool color, char error[300]);
/* The same for lines: no drawing; only keys, if descriptor 0 is a terminal, one by one and unseen. */
void screen_term_open_plain(screen_term *t, int wake_fd);
void screen_term_close(screen_term *t);
screen_signals screen_term_signals(screen_term *t);
/* Ask for the size; true: it has changed. */
bool screen_term_measure(screen_term *t);
/* After a refresh: what ncurses drew is now pending. */
void screen_term_collect(screen_term *t);
/* The same for bytes of ours. False: no memory. */
bool screen_term_put(screen_term *t, const char *bytes, size_t n_bytes);
/* Send what is pending without waiting. True: all is sent. */
bool screen_term_send(screen_term *t);
/* Give the terminal back for a while, stop the process, and take it again when it goes on. */
void screen_term_stop(screen_term *t);
/* After a continue signal: take the terminal if we are in the foreground. */
void screen_term_retake(screen_term *t);
/* The next key as in screen_inside.h's screen_key_code, a character, or 0: none. What a terminal sends around pasted text and for
 * keys that nobody asked about is left out; pasted is set for characters that were pasted, not typed. */
uint32_t screen_term_key(screen_term *t, bool *pasted);

#endif
