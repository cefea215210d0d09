/* SPDX-License-Identifier: MIT
 *
 * Key events in, gestures out. Pure: no clock (every event carries its time), no I/O, nothing allocated.
 *
 * A tap is a press and release of one of the binding's modifiers within tap_ms with no other key, button or scroll
 * between; auto-repeat is ignored. A tap gesture counts taps whose presses follow each other within gap_ms. It arms on
 * the press before the last, starts on the last press, and while recording stops on the last release, so that the
 * modifier is up before anything is pasted. */
#ifndef DICTATE_GESTURE_H
#define DICTATE_GESTURE_H

#include <stdbool.h>
#include <stdint.h>

/* The keys that a gesture can be made of; all else is KEY_OTHER. */
#define GESTURE_KEYS(X)                                                                               \
    X(KEY_OTHER, "other")                                                                             \
    X(KEY_CTRL_LEFT, "ctrl_left") X(KEY_CTRL_RIGHT, "ctrl_right") X(KEY_SHIFT_LEFT, "shift_left")     \
        X(KEY_SHIFT_RIGHT, "shift_right") X(KEY_ALT_LEFT, "alt_left") X(KEY_ALT_RIGHT, "alt_right")   \
            X(KEY_SUPER_LEFT, "super_left") X(KEY_SUPER_RIGHT, "super_right") X(KEY_ESCAPE, "escape") \
                X(KEY_CAPS_LOCK, "caps_lock") X(KEY_SCROLL_LOCK, "scroll_lock") X(KEY_PAUSE, "pause") \
                    X(KEY_F12, "f12")

typedef enum gesture_key {
#define GESTURE_KEY_ENUM(name, text) name,
    GESTURE_KEYS(GESTURE_KEY_ENUM)
#undef GESTURE_KEY_ENUM
        N_GESTURE_KEYS
} gesture_key;

typedef enum key_action {
    KEY_PRESS,
    KEY_RELEASE,
    KEY_REPEAT,
    KEY_POINTER
} key_action; /* pointer: a button or scroll */

typedef struct key_event {
    int64_t time_us; /* CLOCK_MONOTONIC, of the event itself where the source tells */
    gesture_key key;
    key_action action;
} key_event;

typedef enum gesture_kind {
    GESTURE_TAPS,   /* n_taps taps start, n_taps taps stop; 2: double tap, 3: triple tap */
    GESTURE_HOLD,   /* held longer than hold_ms with nothing else: records until the release */
    GESTURE_TOGGLE, /* one tap starts, one tap stops */
    GESTURE_HYBRID  /* a press starts; released within hold_ms it goes on until the next tap, else until the release */
} gesture_kind;

typedef struct gesture_binding {
    gesture_kind kind;
    int32_t n_taps; /* GESTURE_TAPS: 2..5 */
    uint32_t
        keys; /* bit (1u << gesture_key) for each key that counts; the taps of one gesture use one and the same key set */
    int32_t gap_ms;  /* between presses, default 500 */
    int32_t tap_ms;  /* press to release, default 250 */
    int32_t hold_ms; /* default 400 */
} gesture_binding;

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
    int64_t time_us; /* of the key event that completed it */
} gesture_event;

enum { GESTURE_BINDINGS = 8, GESTURE_EVENTS = 8, GESTURE_TAPS_MAX = 5 };

typedef struct gesture_engine gesture_engine; /* gesture_engine.h: plain memory, may be copied */

struct gesture_engine {
    gesture_binding bindings[GESTURE_BINDINGS];
    int32_t n_bindings;
    uint32_t cancel_keys; /* keys that, tapped alone while recording, cancel; 0: none */
    bool recording;
    int32_t recording_binding; /* -1: started by other means; any binding's stop gesture then stops it */
    struct gesture_track {
        int32_t n_taps;   /* complete presses so far in this count */
        gesture_key down; /* key of the tap in progress, KEY_OTHER: none */
        int64_t first_us, press_us, last_press_us;
        bool armed, spoilt, holding;
    } tracks[GESTURE_BINDINGS];
    uint32_t down; /* modifiers down now */
    int32_t n_others_down;
    gesture_key cancel_down;
    bool cancel_spoilt;
};

/* "triple:ctrl", "double:ctrl_right", "hold:super_right", "toggle:f12", "hybrid:ctrl_right"; "ctrl" is both sides.
 * False: *error is one sentence. */
bool gesture_parse(const char *text, gesture_binding *binding, char *error, int32_t error_size);
void gesture_init(gesture_engine *engine, const gesture_binding *bindings, int32_t n_bindings, uint32_t cancel_keys);
/* What the owner knows: recording began or ended, by whatever means. */
void gesture_set_recording(gesture_engine *engine, bool recording, int32_t binding);
/* Feed one event; up to GESTURE_EVENTS gestures into out. Returns how many. Events may come late or with equal times,
 * never trusted to be sensible. */
int32_t gesture_feed(gesture_engine *engine, const key_event *event, gesture_event *out);
/* When gesture_tick() is wanted, in the events' time; INT64_MAX: not at all. */
int64_t gesture_deadline_us(const gesture_engine *engine);
/* Time has come to now_us without an event: disarm, holds. */
int32_t gesture_tick(gesture_engine *engine, int64_t now_us, gesture_event *out);
/* Keys may have been missed (a source was lost, a suspend): nothing is down, nothing counted. */
int32_t gesture_reset(gesture_engine *engine, int64_t now_us, gesture_event *out);

#endif
