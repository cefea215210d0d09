/* SPDX-License-Identifier: MIT
 *
 * Everything that the owner of a selection offers, before we take its place. TARGETS first, then all forms at once, each
 * on a window of its own (some toolkits keep one piecewise transfer per window), text forms first in line.
 *
 * An owner that does not answer must not hold up the paste: 300 ms without a byte, or 2 s in all, and delivery goes on
 * with what has come. A window whose answer is still due is left alone, not destroyed: an owner that is still writing to
 * it may not survive a BadWindow. */
#include "deliver_x11_parts.h"

#include <stdlib.h>
#include <string.h>

enum { SILENCE_US = 300000, ALL_US = 2000000, MAX_FORMS = 64 };

typedef enum form_state { FORM_ASKED, FORM_PIECES, FORM_DONE, FORM_FAILED } form_state;

typedef struct form {
    xcb_window_t window;
    xcb_atom_t target, type;
    uint8_t format;
    form_state state;
    uint8_t *data;
    size_t n_bytes, capacity;
} form;

struct deliver_fetching {
    xcb_atom_t selection;
    form forms[MAX_FORMS];
    int32_t n_forms;
    int64_t n_left;   /* bytes that may still come */
    int64_t moved_us; /* last sign of life */
};

static bool append(form *f, const void *bytes, size_t n)
{
    if (f->n_bytes + n > f->capacity) {
        size_t capacity = 2 * f->capacity > f->n_bytes + n ? 2 * f->capacity : f->n_bytes + n;
        uint8_t *data = realloc(f->data, capacity);
        if (!data)
            return false;
        f->data = data;
        f->capacity = capacity;
    }
    if (n)
        memcpy(f->data + f->n_bytes, bytes, n);
    f->n_bytes += n;
    return true;
}

/* Take what lies in the form's property. In one piece, or the next of several. */
static void take(deliver_x11 *x, form *f)
{
    deliver_fetching *all = x->fetching;
    uint32_t n_words = (uint32_t)((all->n_left + 3) / 4 > INT32_MAX / 4 ? INT32_MAX / 4 : (all->n_left + 3) / 4 + 1);
    xcb_get_property_reply_t *reply = deliver_reply(
        x, xcb_get_property(x->c, 1, f->window, DELIVER_ATOM(x, OURS), XCB_GET_PROPERTY_TYPE_ANY, 0, n_words).sequence);
    all->moved_us = clock_now_us();
    if (!reply) {
        f->state = FORM_FAILED;
        return;
    }
    size_t n = (size_t)xcb_get_property_value_length(reply);
    if (reply->type == DELIVER_ATOM(x, INCR) && f->state == FORM_ASKED)
        f->state = FORM_PIECES; /* reading it has deleted it, which asks for the first piece */
    else if (reply->type == XCB_NONE || reply->bytes_after > 0 || (int64_t)n > all->n_left
             || (reply->format != 8 && reply->format != 16 && reply->format != 32))
        f->state = FORM_FAILED;
    else {
        bool more = f->state == FORM_PIECES && n > 0;
        if (f->n_bytes == 0) {
            f->type = reply->type;
            f->format = reply->format;
        }
        all->n_left -= (int64_t)n;
        f->state = !append(f, xcb_get_property_value(reply), n) ? FORM_FAILED : more ? FORM_PIECES : FORM_DONE;
    }
    free(reply);
}

void deliver_fetch_notify(deliver_x11 *x, const xcb_selection_notify_event_t *event)
{
    deliver_fetching *all = x->fetching;
    for (int32_t i = 0; all && i < all->n_forms; i++) {
        form *f = &all->forms[i];
        if (f->window != event->requestor || f->state != FORM_ASKED || event->selection != all->selection)
            continue;
        if (event->property == XCB_NONE) {
            f->state = FORM_FAILED;
            all->moved_us = clock_now_us();
        } else
            take(x, f);
    }
}

void deliver_fetch_property(deliver_x11 *x, const xcb_property_notify_event_t *event)
{
    deliver_fetching *all = x->fetching;
    for (int32_t i = 0; all && i < all->n_forms; i++) {
        form *f = &all->forms[i];
        if (f->window == event->window && f->state == FORM_PIECES && event->state == XCB_PROPERTY_NEW_VALUE)
            take(x, f);
    }
}

static form *ask(deliver_x11 *x, xcb_atom_t target)
{
    deliver_fetching *all = x->fetching;
    form *f = &all->forms[all->n_forms++];
    uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE;
    *f = (form){.window = xcb_generate_id(x->c), .target = target};
    xcb_create_window(x->c, 0, f->window, x->root, 0, 0, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT,
                      XCB_CW_EVENT_MASK, &events);
    xcb_convert_selection(x->c, f->window, all->selection, target, DELIVER_ATOM(x, OURS), x->time);
    return f;
}

static bool is_waiting(const deliver_fetching *all)
{
    for (int32_t i = 0; i < all->n_forms; i++)
        if (all->forms[i].state == FORM_ASKED || all->forms[i].state == FORM_PIECES)
            return true;
    return false;
}

static bool wait_for_forms(deliver_x11 *x, int64_t until)
{
    deliver_fetching *all = x->fetching;
    all->moved_us = clock_now_us();
    while (is_waiting(all)) {
        int64_t silent = all->moved_us + SILENCE_US, limit = silent < until ? silent : until;
        if (clock_now_us() >= limit)
            return true;
        if (!deliver_step(x, limit))
            return false;
    }
    return true;
}

/* Forms that are about the transfer, act on the owner, or name resources that die with it. */
static bool is_content(const deliver_x11 *x, xcb_atom_t target)
{
    const xcb_atom_t others[] = {
        DELIVER_ATOM(x, TARGETS),
        DELIVER_ATOM(x, MULTIPLE),
        DELIVER_ATOM(x, TIMESTAMP),
        DELIVER_ATOM(x, SAVE_TARGETS),
        DELIVER_ATOM(x, DELETE),
        DELIVER_ATOM(x, INSERT_SELECTION),
        DELIVER_ATOM(x, INSERT_PROPERTY),
        DELIVER_ATOM(x, BACKGROUND),
        DELIVER_ATOM(x, FOREGROUND),
        XCB_ATOM_PIXMAP,
        XCB_ATOM_BITMAP,
        XCB_ATOM_DRAWABLE,
        XCB_ATOM_COLORMAP,
        XCB_NONE,
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (target == others[i])
            return false;
    return true;
}

static bool is_asked(const deliver_fetching *all, xcb_atom_t target)
{
    for (int32_t i = 0; i < all->n_forms; i++)
        if (all->forms[i].target == target)
            return true;
    return false;
}

static void ask_all(deliver_x11 *x, const form *list)
{
    deliver_fetching *all = x->fetching;
    size_t n = list->format == 32 ? list->n_bytes / 4 : 0;
    for (int text_first = 1; text_first >= 0; text_first--)
        for (size_t i = 0; i < n && all->n_forms < MAX_FORMS; i++) {
            xcb_atom_t target;
            memcpy(&target, list->data + 4 * i, sizeof target);
            if (deliver_is_text(x, target) == (text_first == 1) && is_content(x, target) && !is_asked(all, target))
                ask(x, target);
        }
}

static bool collect(deliver_fetching *all, deliver_clip **clip)
{
    deliver_clip *found = deliver_clip_new();
    bool ok = found != NULL;
    for (int32_t i = 1; ok && i < all->n_forms; i++) {
        const form *f = &all->forms[i];
        if (f->state == FORM_DONE && f->format)
            ok = deliver_clip_add(found, f->target, f->type, f->format, f->data, f->n_bytes);
    }
    if (!ok || found->n_items == 0) {
        deliver_clip_unref(found);
        found = NULL;
    }
    *clip = found;
    return ok;
}

static void release(deliver_x11 *x)
{
    deliver_fetching *all = x->fetching;
    for (int32_t i = 0; i < all->n_forms; i++) {
        if (all->forms[i].state == FORM_DONE || all->forms[i].state == FORM_FAILED)
            xcb_destroy_window(x->c, all->forms[i].window);
        free(all->forms[i].data);
    }
    free(all);
    x->fetching = NULL;
}

bool deliver_fetch(deliver_x11 *x, xcb_atom_t selection, deliver_clip **clip, bool *had_owner)
{
    int64_t until = clock_now_us() + ALL_US;
    *clip = NULL;
    xcb_get_selection_owner_reply_t *owner = deliver_reply(x, xcb_get_selection_owner(x->c, selection).sequence);
    *had_owner = owner && owner->owner != XCB_NONE;
    free(owner);
    if (!*had_owner)
        return !x->is_lost;
    if (!deliver_server_time(x) || !(x->fetching = calloc(1, sizeof *x->fetching)))
        return false;
    x->fetching->selection = selection;
    x->fetching->n_left = x->save_bytes;
    form *list = ask(x, DELIVER_ATOM(x, TARGETS));
    bool ok = wait_for_forms(x, until);
    if (ok && list->state == FORM_DONE) {
        ask_all(x, list);
        ok = wait_for_forms(x, until);
    } else if (ok && list->state == FORM_FAILED) { /* a program that knows text only */
        ask(x, DELIVER_ATOM(x, UTF8_STRING));
        ask(x, XCB_ATOM_STRING);
        ok = wait_for_forms(x, until);
    }
    ok = collect(x->fetching, clip) && ok;
    release(x);
    return ok;
}
