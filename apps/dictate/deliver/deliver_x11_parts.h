/* SPDX-License-Identifier: MIT
 *
 * What the X11 files of this folder share: one connection, used by one thread.
 *
 * libxcb and not Xlib: its errors are values of this connection, so a dying server is a state to read, and nothing is
 * process-wide. Replies are polled for with a limit (but for the keyboard map, which libxkbcommon reads), and while
 * anything else is waited for, deliver_step() keeps answering those who ask for the clipboard.
 *
 *   deliver_x11.c         open, events, close     deliver_x11_clip.c      what a selection holds
 *   deliver_x11_offer.c   we are asked for it     deliver_x11_fetch.c     we ask another program for it
 *   deliver_x11_focus.c   who has the focus       deliver_x11_rules.c     which chord for whom
 *   deliver_x11_keymap.c  characters to strokes   deliver_x11_press.c     modifiers, strokes, spare key codes
 *   deliver_x11_paste.c   the paste               deliver_x11_type.c      the typing */
#ifndef DICTATE_DELIVER_X11_PARTS_H
#define DICTATE_DELIVER_X11_PARTS_H

#include "deliver_parts.h"

#include <xcb/xcb.h>
#include <xkbcommon/xkbcommon.h>

#define DELIVER_ATOMS(X)                          \
    X(CLIPBOARD, "CLIPBOARD")                     \
    X(CLIPBOARD_MANAGER, "CLIPBOARD_MANAGER")     \
    X(TARGETS, "TARGETS")                         \
    X(MULTIPLE, "MULTIPLE")                       \
    X(TIMESTAMP, "TIMESTAMP")                     \
    X(ATOM_PAIR, "ATOM_PAIR")                     \
    X(INCR, "INCR")                               \
    X(SAVE_TARGETS, "SAVE_TARGETS")               \
    X(DELETE, "DELETE")                           \
    X(INSERT_SELECTION, "INSERT_SELECTION")       \
    X(INSERT_PROPERTY, "INSERT_PROPERTY")         \
    X(BACKGROUND, "BACKGROUND")                   \
    X(FOREGROUND, "FOREGROUND")                   \
    X(UTF8_STRING, "UTF8_STRING")                 \
    X(TEXT, "TEXT")                               \
    X(COMPOUND_TEXT, "COMPOUND_TEXT")             \
    X(PLAIN, "text/plain")                        \
    X(PLAIN_UTF8, "text/plain;charset=utf-8")     \
    X(PASSWORD_HINT, "x-kde-passwordManagerHint") \
    X(WM_PROTOCOLS, "WM_PROTOCOLS")               \
    X(PING, "_NET_WM_PING")                       \
    X(ACTIVE_WINDOW, "_NET_ACTIVE_WINDOW")        \
    X(OURS, "_CTRLSPEAK_DELIVER")
enum {
#define DELIVER_ATOM_INDEX(name, text) DELIVER_ATOM_##name,
    DELIVER_ATOMS(DELIVER_ATOM_INDEX)
#undef DELIVER_ATOM_INDEX
        DELIVER_N_ATOMS
};
#define DELIVER_ATOM(x, name) ((x)->atoms[DELIVER_ATOM_##name])

/* ---- what a selection holds: immutable once offered, shared by reference ---- */
typedef struct deliver_item {
    xcb_atom_t target, type;
    uint8_t format; /* 8, 16, 32 */
    uint8_t *data;
    size_t n_bytes;
} deliver_item;

typedef struct deliver_clip {
    int32_t n_references, n_items, capacity;
    deliver_item *items;
} deliver_clip;

deliver_clip *deliver_clip_new(void); /* NULL: out of memory, also below */
deliver_clip *deliver_clip_ref(deliver_clip *clip);
void deliver_clip_unref(deliver_clip *clip);
/* Copies the bytes. False: out of memory. */
bool deliver_clip_add(deliver_clip *clip, xcb_atom_t target, xcb_atom_t type, uint8_t format, const void *bytes,
                      size_t n_bytes);
const deliver_item *deliver_clip_find(const deliver_clip *clip, xcb_atom_t target);
/* UTF-8 text in every form that is asked for; passing: clipboard managers are asked not to record it. */
deliver_clip *deliver_clip_of_text(const deliver_x11 *x, const char *text, bool passing);
/* The next character of UTF-8 text, *at moved behind it; U+FFFD for bytes that are not UTF-8. 0 at the end. */
uint32_t deliver_next_char(const char **at);

/* ---- selections ---- */
enum { DELIVER_CLIP, DELIVER_PRIMARY, DELIVER_N_OFFERS, DELIVER_N_SENDINGS = 16 };

typedef struct deliver_offer {
    xcb_atom_t selection;
    bool owned;
    xcb_timestamp_t since;
    deliver_clip *content; /* while owned */
    deliver_clip *saved;   /* to come back after the paste; NULL: the selection had no owner, or nothing was saved */
    /* of the paste in progress: it uses this selection; it has taken it; there was content, but none could be saved */
    bool used, taken, unsaved;
} deliver_offer;

/* A piecewise (INCR) transfer to one who asked. */
typedef struct deliver_sending {
    xcb_window_t requestor; /* 0: free slot */
    xcb_atom_t property;
    deliver_clip *clip;
    const deliver_item *item;
    size_t at;
    bool to_target;
    int64_t moved_us;
} deliver_sending;

typedef struct deliver_fetching deliver_fetching; /* deliver_x11_fetch.c */

/* ---- the window that is to get the text ---- */
typedef struct deliver_focus {
    xcb_window_t window; /* 0: no window has the keyboard focus */
    xcb_window_t top;    /* the one that has a class */
    bool answers_pings;
    char name[DELIVER_TARGET], class[DELIVER_TARGET];
} deliver_focus;

/* What the target does with the text that is offered. */
typedef struct deliver_watch {
    bool on;
    int64_t asked_us, read_us, receipt_us; /* last request of any kind, last of the text, first of the text */
    int32_t n_reading;                     /* INCR transfers under way */
    xcb_window_t stranger;                 /* a client that is not the focused window's, and whether it is inside it */
    bool stranger_is_inside;
} deliver_watch;

/* ---- keys ---- */
typedef struct deliver_stroke {
    xcb_keycode_t code; /* 0: none */
    uint8_t mods;       /* real modifiers to hold */
} deliver_stroke;

typedef struct deliver_spare {
    xcb_keycode_t code;
    xkb_keysym_t keysym; /* 0: free */
} deliver_spare;

enum { DELIVER_N_SPARES = 32, DELIVER_N_CACHED = 256, DELIVER_N_MODS = 8 };

typedef struct deliver_keyboard {
    struct xkb_context *context;
    struct xkb_keymap *map;
    struct xkb_state *state; /* for trying strokes, not the keyboard's own state */
    uint8_t event_base;
    bool stale;                           /* the keyboard's map has changed since it was read */
    uint8_t base, latched, locked, group; /* as the server last said */
    xcb_keycode_t mod_keys[DELIVER_N_MODS];
    struct {
        uint32_t key;
        deliver_stroke stroke;
    } cache[DELIVER_N_CACHED];
    deliver_spare spares[DELIVER_N_SPARES];
    int32_t n_spares;
    bool spares_known, is_spare[256];
    int64_t unmap_us; /* when the spare keys may be emptied again; 0: they are empty */
} deliver_keyboard;

typedef enum deliver_chord_kind { DELIVER_CHORD_KEYS, DELIVER_CHORD_TYPE, DELIVER_CHORD_CLIPBOARD } deliver_chord_kind;

typedef struct deliver_chord {
    deliver_chord_kind kind;
    xkb_keysym_t keysym;
    uint8_t mods;       /* ShiftMask, ControlMask; DELIVER_CHORD_ALT, _SUPER */
    bool wants_primary; /* terminals paste PRIMARY on Shift+Insert, others CLIPBOARD */
} deliver_chord;

typedef struct deliver_rule {
    char *pattern;
    deliver_chord chord;
} deliver_rule;

struct deliver_x11 {
    xcb_connection_t *c;
    xcb_window_t root, window; /* window: ours, never shown */
    uint32_t id_mask;          /* the bits of a resource's id that its client chose */
    xcb_atom_t atoms[DELIVER_N_ATOMS];
    deliver_host host;
    char display[DELIVER_TARGET];
    bool is_lost;
    char lost[DELIVER_ERROR];
    int32_t receipt_ms, quiet_ms, modifier_ms;
    int64_t save_bytes;
    deliver_rule *rules;
    int32_t n_rules;
    xcb_timestamp_t time;
    bool time_known;
    deliver_offer offers[DELIVER_N_OFFERS];
    deliver_sending sendings[DELIVER_N_SENDINGS];
    deliver_fetching *fetching;
    deliver_focus focus;
    deliver_watch watch;
    deliver_keyboard keyboard;
    uint32_t ping;
    bool ponged, handed_over;
};

/* deliver_x11.c */
/* Handle what has come; if nothing has, wait until then. False: the display is gone. */
bool deliver_step(deliver_x11 *x, int64_t until_us);
/* The reply to a request, to be freed; NULL: refused, or the display is gone. */
void *deliver_reply(deliver_x11 *x, unsigned int sequence);
void deliver_lose(deliver_x11 *x, const char *why);
/* A present time of the server's clock in x->time. */
bool deliver_server_time(deliver_x11 *x);
bool deliver_same_client(const deliver_x11 *x, xcb_window_t a, xcb_window_t b);

/* deliver_x11_offer.c */
bool deliver_own(deliver_x11 *x, deliver_offer *offer, deliver_clip *clip); /* takes a reference of its own */
void deliver_disown(deliver_x11 *x, deliver_offer *offer);
void deliver_offer_asked(deliver_x11 *x, const xcb_selection_request_event_t *event);
void deliver_offer_cleared(deliver_x11 *x, const xcb_selection_clear_event_t *event);
void deliver_offer_property(deliver_x11 *x, const xcb_property_notify_event_t *event);
void deliver_offer_destroyed(deliver_x11 *x, xcb_window_t window);
bool deliver_is_text(const deliver_x11 *x, xcb_atom_t target);

/* deliver_x11_fetch.c */
/* All that the selection's owner offers, as far as it comes in time. *clip NULL: no owner (had_owner false) or nothing
 * came. Only memory and a lost display fail. */
bool deliver_fetch(deliver_x11 *x, xcb_atom_t selection, deliver_clip **clip, bool *had_owner);
void deliver_fetch_notify(deliver_x11 *x, const xcb_selection_notify_event_t *event);
void deliver_fetch_property(deliver_x11 *x, const xcb_property_notify_event_t *event);

/* deliver_x11_focus.c */
void deliver_focus_now(deliver_x11 *x, deliver_focus *focus);
/* Does a request from this window come from the program that has the focus? */
bool deliver_is_target(deliver_x11 *x, xcb_window_t requestor);

/* deliver_x11_rules.c */
bool deliver_rules_add(deliver_x11 *x, const char *rule, int32_t number, char error[DELIVER_ERROR]);
deliver_chord deliver_rules_find(const deliver_x11 *x, const deliver_focus *focus);
void deliver_rules_free(deliver_x11 *x);

/* deliver_x11_keymap.c */
bool deliver_keymap_open(deliver_x11 *x, char error[DELIVER_ERROR]);
bool deliver_keymap_refresh(deliver_x11 *x); /* if it is stale */
void deliver_keymap_close(deliver_x11 *x);
/* How the keysym is made in the group in use; code 0: it is not. */
deliver_stroke deliver_keymap_find(deliver_x11 *x, xkb_keysym_t keysym);
deliver_stroke deliver_keymap_find_any_group(deliver_x11 *x, xkb_keysym_t keysym);

/* deliver_x11_press.c */
bool deliver_keyboard_state(deliver_x11 *x); /* ask the server */
/* Until no modifier is held. False: one still is (or the display is gone). */
bool deliver_wait_modifiers(deliver_x11 *x);
/* Make the keyboard that XTEST speaks for the one in use, so that its map is the one that counts. */
bool deliver_take_keyboard(deliver_x11 *x);
void deliver_press(deliver_x11 *x, deliver_stroke stroke);
bool deliver_press_chord(deliver_x11 *x, const deliver_chord *chord);
/* A spare key code that makes the keysym; 0: none is free. */
xcb_keycode_t deliver_spare_for(deliver_x11 *x, xkb_keysym_t keysym);
bool deliver_has_spares(deliver_x11 *x);
void deliver_spares_reuse(deliver_x11 *x); /* what they make has been read */
void deliver_spares_empty(deliver_x11 *x);
/* Set or clear Caps Lock. */
void deliver_caps_lock(deliver_x11 *x, bool on);

/* deliver_x11_paste.c, deliver_x11_type.c */
void deliver_keep(deliver_x11 *x, const char *text, deliver_outcome *outcome);
void deliver_held(deliver_x11 *x, const char *text, deliver_outcome *outcome);
void deliver_type(deliver_x11 *x, const char *text, deliver_outcome *outcome);

#endif
