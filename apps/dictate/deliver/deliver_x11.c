/* SPDX-License-Identifier: MIT
 *
 * The X connection of the deliverer: opening it, taking events off it, losing it, closing it. */
#include "deliver_x11_parts.h"

#include <xcb/xcbext.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_LIMIT_US = 5000000, TIME_LIMIT_US = 5000000, HAND_OVER_US = 2000000 };

void deliver_lose(deliver_x11 *x, const char *why)
{
    if (!x->is_lost)
        snprintf(x->lost, sizeof x->lost, "The X display %s %s.", x->display, why);
    x->is_lost = true;
}

static bool is_broken(deliver_x11 *x)
{
    if (!x->is_lost && xcb_connection_has_error(x->c))
        deliver_lose(x, "is gone");
    return x->is_lost;
}

void *deliver_reply(deliver_x11 *x, unsigned int sequence)
{
    int64_t until = clock_now_us() + REPLY_LIMIT_US;
    struct pollfd fd = {.fd = xcb_get_file_descriptor(x->c), .events = POLLIN};
    xcb_flush(x->c);
    while (!is_broken(x)) {
        void *reply = NULL;
        xcb_generic_error_t *error = NULL;
        if (xcb_poll_for_reply(x->c, sequence, &reply, &error)) {
            free(error);
            is_broken(x);
            return reply;
        }
        if (poll(&fd, 1, deliver_wait_ms(until)) == 0 && clock_now_us() >= until)
            deliver_lose(x, "does not answer");
    }
    return NULL;
}

/* All XKB events have one code; the second byte says which. */
static void take_keyboard_event(deliver_x11 *x, const xcb_generic_event_t *event)
{
    deliver_keyboard *k = &x->keyboard;
    if (event->pad0 == XCB_XKB_STATE_NOTIFY) {
        const xcb_xkb_state_notify_event_t *state = (const xcb_xkb_state_notify_event_t *)event;
        if (k->group != state->group || k->locked != state->lockedMods)
            memset(k->cache, 0, sizeof k->cache);
        k->base = state->baseMods;
        k->latched = state->latchedMods;
        k->locked = state->lockedMods;
        k->group = state->group;
    } else
        k->stale = true;
}

static void take_event(deliver_x11 *x, const xcb_generic_event_t *event)
{
    uint8_t code = event->response_type & 0x7f;
    switch (code) {
    case 0: /* an error: of a window that somebody closed meanwhile */
        break;
    case XCB_SELECTION_REQUEST:
        deliver_offer_asked(x, (const xcb_selection_request_event_t *)event);
        break;
    case XCB_SELECTION_CLEAR:
        deliver_offer_cleared(x, (const xcb_selection_clear_event_t *)event);
        break;
    case XCB_SELECTION_NOTIFY: {
        const xcb_selection_notify_event_t *notify = (const xcb_selection_notify_event_t *)event;
        if (notify->selection == DELIVER_ATOM(x, CLIPBOARD_MANAGER))
            x->handed_over = true;
        else
            deliver_fetch_notify(x, notify);
        break;
    }
    case XCB_PROPERTY_NOTIFY: {
        const xcb_property_notify_event_t *property = (const xcb_property_notify_event_t *)event;
        if (property->window == x->window) {
            x->time = property->time;
            x->time_known = true;
        } else {
            deliver_fetch_property(x, property);
            deliver_offer_property(x, property);
        }
        break;
    }
    case XCB_DESTROY_NOTIFY:
        deliver_offer_destroyed(x, ((const xcb_destroy_notify_event_t *)event)->window);
        break;
    case XCB_CLIENT_MESSAGE: {
        const xcb_client_message_event_t *message = (const xcb_client_message_event_t *)event;
        if (message->type == DELIVER_ATOM(x, WM_PROTOCOLS) && message->format == 32
            && message->data.data32[0] == DELIVER_ATOM(x, PING) && message->data.data32[1] == x->ping)
            x->ponged = true;
        break;
    }
    default:
        if (code == x->keyboard.event_base)
            take_keyboard_event(x, event);
        break;
    }
}

bool deliver_step(deliver_x11 *x, int64_t until_us)
{
    struct pollfd fds[] = {{xcb_get_file_descriptor(x->c), POLLIN, 0}, {x->host.wake_fd, POLLIN, 0}};
    bool any = false;
    if (is_broken(x))
        return false;
    xcb_flush(x->c);
    for (xcb_generic_event_t *event; (event = xcb_poll_for_event(x->c)); free(event)) {
        take_event(x, event);
        any = true;
    }
    if (any || is_broken(x)) {
        xcb_flush(x->c);
        return !x->is_lost;
    }
    poll(fds, 2, deliver_wait_ms(until_us));
    if (fds[1].revents)
        x->host.woken(x->host.user);
    return !is_broken(x);
}

bool deliver_server_time(deliver_x11 *x)
{
    int64_t until = clock_now_us() + TIME_LIMIT_US;
    x->time_known = false;
    xcb_change_property(x->c, XCB_PROP_MODE_APPEND, x->window, DELIVER_ATOM(x, OURS), XCB_ATOM_INTEGER, 32, 0, NULL);
    while (!x->time_known && deliver_step(x, until))
        if (clock_now_us() >= until)
            deliver_lose(x, "does not answer");
    return x->time_known;
}

static bool intern_atoms(deliver_x11 *x)
{
    static const char *const names[] = {
#define DELIVER_ATOM_NAME(name, text) text,
        DELIVER_ATOMS(DELIVER_ATOM_NAME)
#undef DELIVER_ATOM_NAME
    };
    xcb_intern_atom_cookie_t cookies[DELIVER_N_ATOMS];
    for (int i = 0; i < DELIVER_N_ATOMS; i++)
        cookies[i] = xcb_intern_atom(x->c, 0, (uint16_t)strlen(names[i]), names[i]);
    for (int i = 0; i < DELIVER_N_ATOMS; i++) {
        xcb_intern_atom_reply_t *reply = deliver_reply(x, cookies[i].sequence);
        x->atoms[i] = reply ? reply->atom : XCB_NONE;
        free(reply);
    }
    x->offers[DELIVER_CLIP].selection = DELIVER_ATOM(x, CLIPBOARD);
    x->offers[DELIVER_PRIMARY].selection = XCB_ATOM_PRIMARY;
    return !x->is_lost;
}

static bool connect_to(deliver_x11 *x, const char *display, char error[DELIVER_ERROR])
{
    int n_screen = 0;
    const char *name = display ? display : getenv("DISPLAY");
    if (!name || !name[0]) {
        snprintf(error, DELIVER_ERROR, "There is no X display to deliver to: DISPLAY is not set.");
        return false;
    }
    snprintf(x->display, sizeof x->display, "%s", name);
    x->c = xcb_connect(name, &n_screen);
    if (xcb_connection_has_error(x->c)) {
        snprintf(error, DELIVER_ERROR, "The X display %s cannot be opened.", x->display);
        return false;
    }
    const xcb_setup_t *setup = xcb_get_setup(x->c);
    xcb_screen_iterator_t screens = xcb_setup_roots_iterator(setup);
    for (; n_screen > 0 && screens.rem > 1; n_screen--)
        xcb_screen_next(&screens);
    x->root = screens.data->root;
    x->id_mask = setup->resource_id_mask;
    const xcb_query_extension_reply_t *xtest = xcb_get_extension_data(x->c, &xcb_test_id);
    if (!xtest || !xtest->present) {
        snprintf(error, DELIVER_ERROR, "The X display %s has no XTEST extension, which pressing keys needs.",
                 x->display);
        return false;
    }
    const uint32_t values[] = {1, XCB_EVENT_MASK_PROPERTY_CHANGE};
    x->window = xcb_generate_id(x->c);
    xcb_create_window(x->c, 0, x->window, x->root, 0, 0, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT,
                      XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
    if (intern_atoms(x))
        return true;
    snprintf(error, DELIVER_ERROR, "%s", x->lost);
    return false;
}

deliver_x11 *deliver_x11_open(const deliver_options *options, const deliver_host *host, char error[DELIVER_ERROR])
{
    deliver_x11 *x = calloc(1, sizeof *x);
    if (!x) {
        snprintf(error, DELIVER_ERROR, "Out of memory for the delivery.");
        return NULL;
    }
    x->host = *host;
    x->receipt_ms = options->receipt_ms;
    x->quiet_ms = options->quiet_ms;
    x->modifier_ms = options->modifier_ms;
    x->save_bytes = options->save_bytes > 0 ? options->save_bytes : 0;
    bool ok = true;
    for (int32_t i = 0; ok && i < options->n_rules; i++)
        ok = deliver_rules_add(x, options->rules[i], i + 1, error);
    if (ok && connect_to(x, options->display, error) && deliver_keymap_open(x, error))
        return x;
    deliver_x11_close(x);
    return NULL;
}

void deliver_x11_idle(deliver_x11 *x)
{
    while (!x->host.has_more(x->host.user)) {
        int64_t empty = x->keyboard.unmap_us;
        if (empty && clock_now_us() >= empty)
            deliver_spares_empty(x);
        if (!deliver_step(x, x->keyboard.unmap_us ? x->keyboard.unmap_us : clock_now_us() + 3600000000))
            return;
    }
}

void deliver_x11_target(deliver_x11 *x, char target[DELIVER_TARGET])
{
    deliver_focus focus = {0};
    if (!x->is_lost)
        deliver_focus_now(x, &focus);
    memcpy(target, focus.class, DELIVER_TARGET);
}

const char *deliver_x11_lost(const deliver_x11 *x)
{
    return x->is_lost ? x->lost : NULL;
}

/* The selection dies with its owner; a clipboard manager can keep what is in it. */
static void hand_over(deliver_x11 *x)
{
    const deliver_offer *offer = &x->offers[DELIVER_CLIP];
    if (!offer->owned || is_broken(x))
        return;
    xcb_get_selection_owner_reply_t *manager =
        deliver_reply(x, xcb_get_selection_owner(x->c, DELIVER_ATOM(x, CLIPBOARD_MANAGER)).sequence);
    bool is_there = manager && manager->owner != XCB_NONE;
    free(manager);
    if (!is_there || !deliver_server_time(x))
        return;
    int64_t until = clock_now_us() + HAND_OVER_US;
    xcb_convert_selection(x->c, x->window, DELIVER_ATOM(x, CLIPBOARD_MANAGER), DELIVER_ATOM(x, SAVE_TARGETS),
                          DELIVER_ATOM(x, OURS), x->time);
    while (!x->handed_over && clock_now_us() < until && deliver_step(x, until))
        ;
}

void deliver_x11_close(deliver_x11 *x)
{
    if (!x)
        return;
    int64_t patience = clock_now_us() + (int64_t)x->receipt_ms * 1000;
    while (x->keyboard.unmap_us && x->keyboard.unmap_us > clock_now_us() && clock_now_us() < patience
           && deliver_step(x, x->keyboard.unmap_us < patience ? x->keyboard.unmap_us : patience))
        ;
    if (x->c && !x->is_lost) {
        deliver_spares_empty(x);
        hand_over(x);
    }
    for (int i = 0; i < DELIVER_N_SENDINGS; i++)
        deliver_clip_unref(x->sendings[i].clip);
    for (int i = 0; i < DELIVER_N_OFFERS; i++) {
        deliver_clip_unref(x->offers[i].content);
        deliver_clip_unref(x->offers[i].saved);
    }
    deliver_keymap_close(x);
    deliver_rules_free(x);
    if (x->c)
        xcb_disconnect(x->c);
    free(x);
}
