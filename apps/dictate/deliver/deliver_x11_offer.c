/* SPDX-License-Identifier: MIT
 *
 * We own a selection and are asked for it, as the ICCCM has it: TARGETS, TIMESTAMP, MULTIPLE, each form that the content
 * has, and anything larger than a piece by INCR. The same code serves a dictated text and the clipboard that was saved.
 *
 * A request for a text form by the program that has the focus, after the paste chord, is the receipt: by INCR when the
 * last piece is taken. Requests by others (clipboard managers) are answered and count for nothing. */
#include "deliver_x11_parts.h"

#include <stdlib.h>
#include <string.h>

/* A piece fits into a request of the plain protocol (256 KiB) too. */
enum { PIECE = 240 * 1024, SENDING_LIMIT_US = 30000000, MAX_PAIRS = 256 };

bool deliver_is_text(const deliver_x11 *x, xcb_atom_t target)
{
    return target == DELIVER_ATOM(x, UTF8_STRING) || target == XCB_ATOM_STRING || target == DELIVER_ATOM(x, TEXT)
           || target == DELIVER_ATOM(x, PLAIN) || target == DELIVER_ATOM(x, PLAIN_UTF8)
           || target == DELIVER_ATOM(x, COMPOUND_TEXT);
}

static void let_go(deliver_offer *offer)
{
    offer->owned = false;
    deliver_clip_unref(offer->content);
    offer->content = NULL;
}

bool deliver_own(deliver_x11 *x, deliver_offer *offer, deliver_clip *clip)
{
    if (!deliver_server_time(x))
        return false;
    xcb_set_selection_owner(x->c, x->window, offer->selection, x->time);
    xcb_get_selection_owner_reply_t *owner = deliver_reply(x, xcb_get_selection_owner(x->c, offer->selection).sequence);
    bool ours = owner && owner->owner == x->window;
    free(owner);
    deliver_clip *before = offer->content;
    offer->content = ours ? deliver_clip_ref(clip) : NULL;
    offer->owned = ours;
    offer->since = x->time;
    deliver_clip_unref(before);
    return ours;
}

void deliver_disown(deliver_x11 *x, deliver_offer *offer)
{
    if (!offer->owned)
        return;
    xcb_set_selection_owner(x->c, XCB_NONE, offer->selection, offer->since);
    xcb_flush(x->c);
    let_go(offer);
}

void deliver_offer_cleared(deliver_x11 *x, const xcb_selection_clear_event_t *event)
{
    for (int i = 0; i < DELIVER_N_OFFERS; i++) {
        deliver_offer *offer = &x->offers[i];
        /* One that is older than our ownership tells of an ownership before. Server time wraps. */
        if (offer->selection == event->selection && offer->owned && (int32_t)(event->time - offer->since) >= 0)
            let_go(offer);
    }
}

static void end_sending(deliver_x11 *x, deliver_sending *sending)
{
    xcb_window_t requestor = sending->requestor;
    if (sending->to_target && x->watch.n_reading > 0)
        x->watch.n_reading--;
    deliver_clip_unref(sending->clip);
    memset(sending, 0, sizeof *sending);
    for (int i = 0; i < DELIVER_N_SENDINGS; i++)
        if (x->sendings[i].requestor == requestor)
            return;
    uint32_t nothing = 0;
    xcb_change_window_attributes(x->c, requestor, XCB_CW_EVENT_MASK, &nothing);
}

/* True: the pieces will follow as the requestor takes them. */
static bool begin_sending(deliver_x11 *x, deliver_clip *clip, const deliver_item *item, xcb_window_t requestor,
                          xcb_atom_t property, bool to_target)
{
    deliver_sending *slot = NULL;
    int64_t now = clock_now_us();
    for (int i = 0; i < DELIVER_N_SENDINGS; i++) {
        deliver_sending *sending = &x->sendings[i];
        bool same = sending->requestor == requestor && sending->property == property;
        if (sending->requestor && (same || now - sending->moved_us > SENDING_LIMIT_US))
            end_sending(x, sending);
        if (!sending->requestor && !slot)
            slot = sending;
    }
    if (!slot)
        return false;
    *slot = (deliver_sending){requestor, property, deliver_clip_ref(clip), item, 0, to_target, now};
    if (to_target)
        x->watch.n_reading++;
    uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE | XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    xcb_change_window_attributes(x->c, requestor, XCB_CW_EVENT_MASK, &events);
    uint32_t at_least = item->n_bytes > INT32_MAX ? INT32_MAX : (uint32_t)item->n_bytes;
    xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, requestor, property, DELIVER_ATOM(x, INCR), 32, 1, &at_least);
    return true;
}

static void note_reading(deliver_x11 *x, bool complete)
{
    x->watch.read_us = clock_now_us();
    if (complete && !x->watch.receipt_us)
        x->watch.receipt_us = x->watch.read_us;
}

void deliver_offer_property(deliver_x11 *x, const xcb_property_notify_event_t *event)
{
    if (event->state != XCB_PROPERTY_DELETE)
        return;
    for (int i = 0; i < DELIVER_N_SENDINGS; i++) {
        deliver_sending *sending = &x->sendings[i];
        if (sending->requestor != event->window || sending->property != event->atom)
            continue;
        size_t n = sending->item->n_bytes - sending->at;
        n = n < PIECE ? n : PIECE; /* PIECE is a multiple of every format's unit */
        uint8_t format = sending->item->format;
        xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, sending->requestor, sending->property, sending->item->type,
                            format, (uint32_t)(n / (format / 8)), sending->item->data + sending->at);
        sending->at += n;
        sending->moved_us = clock_now_us();
        if (sending->to_target)
            note_reading(x, n == 0);
        if (n == 0) /* the empty piece is the end */
            end_sending(x, sending);
        return;
    }
}

void deliver_offer_destroyed(deliver_x11 *x, xcb_window_t window)
{
    for (int i = 0; i < DELIVER_N_SENDINGS; i++)
        if (x->sendings[i].requestor == window)
            end_sending(x, &x->sendings[i]);
}

static void give_targets(deliver_x11 *x, const deliver_offer *offer, xcb_window_t requestor, xcb_atom_t property)
{
    xcb_atom_t few[64], *list = few;
    int32_t n = 0, n_items = offer->content->n_items;
    if (n_items > 61 && !(list = malloc(((size_t)n_items + 3) * sizeof *list))) {
        list = few;
        n_items = 61;
    }
    list[n++] = DELIVER_ATOM(x, TARGETS);
    list[n++] = DELIVER_ATOM(x, TIMESTAMP);
    list[n++] = DELIVER_ATOM(x, MULTIPLE);
    for (int32_t i = 0; i < n_items; i++)
        list[n++] = offer->content->items[i].target;
    xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, requestor, property, XCB_ATOM_ATOM, 32, (uint32_t)n, list);
    if (list != few)
        free(list);
}

static bool convert(deliver_x11 *x, deliver_offer *offer, xcb_window_t requestor, xcb_atom_t target,
                    xcb_atom_t property, bool to_target)
{
    if (target == DELIVER_ATOM(x, TARGETS)) {
        give_targets(x, offer, requestor, property);
        return true;
    }
    if (target == DELIVER_ATOM(x, TIMESTAMP)) {
        xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, requestor, property, XCB_ATOM_INTEGER, 32, 1, &offer->since);
        return true;
    }
    const deliver_item *item = deliver_clip_find(offer->content, target);
    if (!item)
        return false;
    to_target = to_target && deliver_is_text(x, target);
    if (item->n_bytes > PIECE) {
        if (!begin_sending(x, offer->content, item, requestor, property, to_target))
            return false;
        if (to_target)
            note_reading(x, false);
        return true;
    }
    xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, requestor, property, item->type, item->format,
                        (uint32_t)(item->n_bytes / (item->format / 8)), item->data);
    if (to_target)
        note_reading(x, true);
    return true;
}

/* Several at once: the property holds pairs of target and property; those that fail are set to None. */
static bool convert_multiple(deliver_x11 *x, deliver_offer *offer, xcb_window_t requestor, xcb_atom_t property,
                             bool to_target)
{
    xcb_get_property_reply_t *reply = deliver_reply(
        x, xcb_get_property(x->c, 0, requestor, property, XCB_GET_PROPERTY_TYPE_ANY, 0, 2 * MAX_PAIRS).sequence);
    bool ok = reply && reply->format == 32 && reply->bytes_after == 0 && offer->owned;
    if (ok) {
        xcb_atom_t *pairs = xcb_get_property_value(reply);
        uint32_t n_pairs = (uint32_t)xcb_get_property_value_length(reply) / 8;
        for (uint32_t i = 0; i < n_pairs; i++) {
            xcb_atom_t *into = &pairs[2 * i + 1];
            if (pairs[2 * i] == DELIVER_ATOM(x, MULTIPLE) || *into == XCB_NONE
                || !convert(x, offer, requestor, pairs[2 * i], *into, to_target))
                *into = XCB_NONE;
        }
        xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, requestor, property, DELIVER_ATOM(x, ATOM_PAIR), 32,
                            2 * n_pairs, pairs);
    }
    free(reply);
    return ok;
}

void deliver_offer_asked(deliver_x11 *x, const xcb_selection_request_event_t *event)
{
    deliver_offer *offer = NULL;
    for (int i = 0; i < DELIVER_N_OFFERS; i++)
        if (x->offers[i].selection == event->selection && x->offers[i].owned)
            offer = &x->offers[i];
    /* Old clients name no property; the target's atom then serves as one. */
    xcb_atom_t property = event->property ? event->property : event->target;
    bool ok = false;
    if (offer && (event->time == XCB_CURRENT_TIME || (int32_t)(event->time - offer->since) >= 0)) {
        bool to_target = x->watch.on && offer->used && deliver_is_target(x, event->requestor);
        if (to_target)
            x->watch.asked_us = clock_now_us();
        if (event->target == DELIVER_ATOM(x, MULTIPLE))
            ok = event->property && convert_multiple(x, offer, event->requestor, event->property, to_target);
        else
            ok = offer->owned && convert(x, offer, event->requestor, event->target, property, to_target);
    }
    xcb_selection_notify_event_t answer = {
        .response_type = XCB_SELECTION_NOTIFY,
        .time = event->time,
        .requestor = event->requestor,
        .selection = event->selection,
        .target = event->target,
        .property = ok ? property : XCB_NONE,
    };
    char bytes[32] = {0}; /* an event is 32 bytes, the struct is less */
    memcpy(bytes, &answer, sizeof answer);
    xcb_send_event(x->c, 0, event->requestor, XCB_EVENT_MASK_NO_EVENT, bytes);
    xcb_flush(x->c);
}
