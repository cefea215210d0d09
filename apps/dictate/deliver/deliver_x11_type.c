/* SPDX-License-Identifier: MIT
 *
 * Text key by key. A character that the layout in use has is pressed as a hand would press it; any other is put on a
 * spare key code. Every 16 keys the server is asked how things stand: a modifier that is held now is waited for, and
 * typing stops when the focus has gone to another program.
 *
 * A spare key may get another meaning only after the window has read the last one. Windows that answer _NET_WM_PING,
 * which come in order with the keys, say so themselves (that is also the receipt); for others there is nothing to go by
 * but time: REUSE_US without a key before another meaning, EMPTY_US before it means nothing again. */
#include "deliver_x11_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_PER_LOOK = 16, REUSE_US = 300000, EMPTY_US = 2000000, PING_LIMIT_US = 2000000 };

/* Ask the window to answer after the keys before. False: it does not answer pings, or not in time. */
static bool ping(deliver_x11 *x, int64_t limit_us)
{
    int64_t until = clock_now_us() + limit_us;
    uint32_t events = XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
    if (!x->focus.answers_pings || !deliver_server_time(x))
        return false;
    xcb_client_message_event_t message = {
        .response_type = XCB_CLIENT_MESSAGE,
        .format = 32,
        .window = x->focus.top,
        .type = DELIVER_ATOM(x, WM_PROTOCOLS),
        .data.data32 = {DELIVER_ATOM(x, PING), x->time, x->focus.top, 0, 0},
    };
    xcb_change_window_attributes(x->c, x->root, XCB_CW_EVENT_MASK, &events); /* the answer goes to the root window */
    x->ping = x->time;
    x->ponged = false;
    xcb_send_event(x->c, 0, x->focus.top, XCB_EVENT_MASK_NO_EVENT, (const char *)&message);
    while (!x->ponged && clock_now_us() < until && deliver_step(x, until))
        ;
    events = 0;
    xcb_change_window_attributes(x->c, x->root, XCB_CW_EVENT_MASK, &events);
    return x->ponged;
}

static void wait_until_read(deliver_x11 *x)
{
    if (ping(x, PING_LIMIT_US))
        return;
    int64_t until = clock_now_us() + REUSE_US;
    while (clock_now_us() < until && deliver_step(x, until))
        ;
}

/* The keysym for a character; NoSymbol: it is not typed (control characters). */
static xkb_keysym_t keysym_of(uint32_t c)
{
    if (c == '\n')
        return XKB_KEY_Return;
    if (c == '\t')
        return XKB_KEY_Tab;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return XKB_KEY_NoSymbol;
    return xkb_utf32_to_keysym(c);
}

static bool type_char(deliver_x11 *x, xkb_keysym_t keysym)
{
    deliver_stroke stroke = deliver_keymap_find(x, keysym);
    if (!stroke.code) {
        /* From here on the keys have to be emptied again, also if the next step fails. */
        x->keyboard.unmap_us = INT64_MAX;
        stroke = (deliver_stroke){deliver_spare_for(x, keysym), 0};
    }
    if (!stroke.code && deliver_has_spares(x)) {
        wait_until_read(x);
        deliver_spares_reuse(x);
        stroke.code = deliver_spare_for(x, keysym);
    }
    if (stroke.code)
        deliver_press(x, stroke);
    return stroke.code != 0;
}

/* Is all as it was when typing began? False with a reason: the focus moved, or a modifier stays held. */
static bool look_round(deliver_x11 *x, deliver_outcome *outcome, int64_t n_typed, int64_t n_all)
{
    unsigned int sequence = xcb_get_input_focus(x->c).sequence;
    bool free_to_type = deliver_wait_modifiers(x);
    xcb_get_input_focus_reply_t *input = deliver_reply(x, sequence);
    bool same = input && (input->focus == x->focus.window || deliver_same_client(x, input->focus, x->focus.window));
    free(input);
    if (x->is_lost || !deliver_keymap_refresh(x))
        snprintf(outcome->why, sizeof outcome->why, "%.200s (%lld of %lld characters were typed.)",
                 x->is_lost ? x->lost : "The keyboard map cannot be read.", (long long)n_typed, (long long)n_all);
    else if (!same)
        snprintf(outcome->why, sizeof outcome->why,
                 "The focus moved to another window after %lld of %lld characters were typed.", (long long)n_typed,
                 (long long)n_all);
    else if (!free_to_type)
        snprintf(outcome->why, sizeof outcome->why,
                 "A modifier key was held for %d ms after %lld of %lld characters were typed.", x->modifier_ms,
                 (long long)n_typed, (long long)n_all);
    return outcome->why[0] == '\0';
}

static bool type_all(deliver_x11 *x, const char *text, deliver_outcome *outcome)
{
    int64_t n_typed = 0, n_all = 0;
    uint32_t c;
    for (const char *at = text; deliver_next_char(&at);)
        n_all++;
    for (const char *at = text; (c = deliver_next_char(&at)); n_typed++) {
        xkb_keysym_t keysym = keysym_of(c);
        if (keysym != XKB_KEY_NoSymbol && !type_char(x, keysym)) {
            snprintf(outcome->why, sizeof outcome->why,
                     "The layout has no key for U+%04X and no key code is free for it; %lld of %lld characters were "
                     "typed.",
                     c, (long long)n_typed, (long long)n_all);
            return false;
        }
        if (n_typed % KEYS_PER_LOOK == KEYS_PER_LOOK - 1 && !look_round(x, outcome, n_typed + 1, n_all))
            return false;
    }
    return look_round(x, outcome, n_typed, n_all);
}

void deliver_type(deliver_x11 *x, const char *text, deliver_outcome *outcome)
{
    if (!deliver_wait_modifiers(x)) {
        deliver_held(x, text, outcome);
        return;
    }
    if (!deliver_take_keyboard(x)) {
        snprintf(outcome->why, sizeof outcome->why, "%s",
                 x->is_lost ? x->lost : "The keyboard map cannot be read, so nothing was typed.");
        return;
    }
    bool caps = x->keyboard.locked & XCB_MOD_MASK_LOCK;
    if (caps)
        deliver_caps_lock(x, false);
    outcome->sent_us = clock_now_us();
    outcome->delivered = type_all(x, text, outcome);
    if (caps)
        deliver_caps_lock(x, true);
    bool was_read = outcome->delivered && ping(x, (int64_t)x->receipt_ms * 1000);
    outcome->receipt_us = outcome->delivered ? clock_now_us() : 0;
    if (x->keyboard.unmap_us)
        x->keyboard.unmap_us = clock_now_us() + (was_read ? 0 : EMPTY_US);
}
