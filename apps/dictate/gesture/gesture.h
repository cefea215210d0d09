/* SPDX-License-Identifier: MIT
 *
 * Key events in, gestures out. Pure: no clock (every event carries its time), no I/O, nothing allocated.
 *
 * A tap is a press and release of one of the binding's keys within tap_ms, alone: no other key is down at the press, and
 * no other key, button or scroll comes between. A tap gesture counts taps whose presses follow each other within gap_ms;
 * where a binding has the left and the right key, its taps may mix them. It arms on the press before the last (a double
 * tap: when its first tap is complete, as else every chord would arm it), starts on the last press, and while recording
 * stops on the last release, so that the key is up before anything is pasted.
 *
 * Auto-repeat is no tap: a press of a key that is down is ignored, and so is a release that is followed by a press of
 * the same key within 1 ms, which is how X11 shows a repeat. A release therefore takes effect with the next event, or by
 * gesture_tick() 1 ms later: an owner that feeds but never ticks sees its stop late.
 *
 * A release that never came: a key that nothing was heard of for 10 s no longer spoils others' taps, and its own next
 * press and release mend it. */
#ifndef DICTATE_GESTURE_H
#define DICTATE_GESTURE_H

#include "common/spoken.h"

#include <stdbool.h>
#include <stdint.h>

/* The keys that a gesture can be made of; all else is KEY_OTHER. No name is a macro of <linux/input.h> or <ncurses.h>.
 * KEY_ALT_RIGHT is AltGr where there is one. */
/* clang-format off */
#define GESTURE_KEYS(X) \
    X(KEY_OTHER, "other") \
    X(KEY_CTRL_LEFT, "ctrl_left") \
    X(KEY_CTRL_RIGHT, "ctrl_right") \
    X(KEY_SHIFT_LEFT, "shift_left") \
    X(KEY_SHIFT_RIGHT, "shift_right") \
    X(KEY_ALT_LEFT, "alt_left") \
    X(KEY_ALT_RIGHT, "alt_right") \
    X(KEY_SUPER_LEFT, "super_left") \
    X(KEY_SUPER_RIGHT, "super_right") \
    X(KEY_ESCAPE, "escape") \
    X(KEY_CAPS_LOCK, "caps_lock") \
    X(KEY_SCROLL_LOCK, "scroll_lock") \
    X(KEY_PAUSE_BREAK, "pause") \
    X(KEY_FUNCTION_12, "f12")
/* clang-format on */

typedef enum gesture_key {
#define GESTURE_KEY_ENUM(name, text) name,
    GESTURE_KEYS(GESTURE_KEY_ENUM)
#undef GESTURE_KEY_ENUM
        N_GESTURE_KEYS
} gesture_key;

typedef enum key_action {
    KEY_PRESS,
    KEY_RELEASE,
    KEY_REPEAT, /* of a key that is down */
    KEY_POINTER /* a button or scroll; no key */
} key_action;

typedef struct key_event {
    int64_t time_us; /* CLOCK_MONOTONIC, of the event itself where the source tells */
    gesture_key key;
    key_action action;
} key_event;

typedef enum gesture_kind {
    GESTURE_TAPS,   /* n_taps taps start, n_taps taps stop; 2: double tap, 3: triple tap */
    GESTURE_HOLD,   /* held alone for hold_ms: records until the release. Armed after a quarter of hold_ms */
    GESTURE_TOGGLE, /* one tap starts, one tap stops; both on the release, never armed */
    GESTURE_HYBRID  /* a press starts; released before hold_ms it goes on until the next tap, else until the release.
                     * Another key before hold_ms makes it a chord: cancelled */
} gesture_kind;

typedef struct gesture_binding {
    gesture_kind kind;
    int32_t n_taps;   /* GESTURE_TAPS: 2..GESTURE_TAPS_MAX */
    uint32_t keys;    /* bit (1u << gesture_key) for each key that counts */
    int32_t gap_ms;   /* between presses, at most; default 500 */
    int32_t tap_ms;   /* press to release, at most; default 250 */
    int32_t hold_ms;  /* at least; default 400 */
    spoken_as spoken; /* languages of what it records, "" as for all; the engine does not look at them */
} gesture_binding;

/* After GESTURE_ARM comes exactly one of START and DISARM before the next ARM, whatever the bindings: there is one
 * microphone. (Or the owner's own gesture_set_recording(), which ends the arming without a word.) */
typedef enum gesture_act {
    GESTURE_ARM,    /* a start may follow within gap_ms: get ready */
    GESTURE_DISARM, /* it does not */
    GESTURE_START,
    GESTURE_STOP,
    GESTURE_CANCEL
} gesture_act;

typedef struct gesture_event {
    gesture_act act;
    int32_t binding; /* index; -1 for cancel */
    int64_t time_us; /* of the key event that completed it, or when its time was up */
} gesture_event;

enum { GESTURE_BINDINGS = 8, GESTURE_EVENTS = 16, GESTURE_TAPS_MAX = 5 };
enum { GESTURE_GAP_MS = 500, GESTURE_TAP_MS = 250, GESTURE_HOLD_MS = 400 };

/* Plain memory, may be copied; the fields are gesture.c's alone but for recording and recording_binding, to be read. */
typedef struct gesture_engine {
    gesture_binding bindings[GESTURE_BINDINGS];
    int32_t n_bindings;
    uint32_t cancel_keys;
    bool recording;
    int32_t recording_binding; /* -1: started by other means; any binding's stop gesture then stops it */
    struct gesture_track {
        int32_t n_presses; /* of the count so far, the one that is down included */
        gesture_key down;  /* of the press in progress; KEY_OTHER: none */
        int64_t press_us;  /* the latest press counted */
        bool armed, holding;
    } tracks[GESTURE_BINDINGS];
    struct gesture_track cancel; /* the cancel key's tap */
    uint32_t down;               /* named keys that are down */
    int32_t n_others_down;
    int64_t heard_us[N_GESTURE_KEYS]; /* latest press or repeat; [KEY_OTHER]: of any other */
    gesture_key released;             /* the release that waits whether it is a repeat's; KEY_OTHER: none */
    int64_t released_us, latest_us;
} gesture_engine;

/* "triple:ctrl", "double:ctrl_right", "hold:super_right", "toggle:f12", "hybrid:ctrl_right"; also "quadruple:" and
 * "quintuple:". ctrl, shift, alt and super without a side are both. After a blank, languages as spoken_parse() takes them:
 * "hold:super_right de>en". False: *error is one sentence. */
bool gesture_parse(const char *text, gesture_binding *binding, char *error, int32_t error_size);
/* cancel_keys: bits of keys that, tapped alone while recording, cancel; those of the recording's own binding do not.
 * Numbers out of range are put right: the default for times, the nearest for n_taps. */
void gesture_init(gesture_engine *engine, const gesture_binding *bindings, int32_t n_bindings, uint32_t cancel_keys);
/* What the owner knows: recording began or ended, by whatever means. The engine assumes it itself when it says START,
 * STOP or CANCEL; an owner that refuses a start says so here. Saying what is so already changes nothing. */
void gesture_set_recording(gesture_engine *engine, bool recording, int32_t binding);
/* Feed one event; up to GESTURE_EVENTS gestures into out. Returns how many. Events may come late (up to 1 s counts as
 * no later than the one before, more as a clock that was set: gesture_reset()), never trusted to be sensible. */
int32_t gesture_feed(gesture_engine *engine, const key_event *event, gesture_event *out);
/* When gesture_tick() is wanted, in the events' time; INT64_MAX: not at all. */
int64_t gesture_deadline_us(const gesture_engine *engine);
/* Time has come to now_us without an event: disarm, holds. Disarming waits 100 ms longer than it would between
 * events, since one may still be on its way: taps are judged by the events' own times alone. */
int32_t gesture_tick(gesture_engine *engine, int64_t now_us, gesture_event *out);
/* Keys may have been missed (a source was lost, a suspend): nothing is down, nothing counted. A recording that would
 * have ended with the release of a held key stops. */
int32_t gesture_reset(gesture_engine *engine, int64_t now_us, gesture_event *out);

#endif
