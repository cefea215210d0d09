/* SPDX-License-Identifier: MIT
 *
 * x_owner DISPLAY SEED [WORD...]: a program that has something in the clipboard: text, HTML, a picture, 5 MB (by INCR).
 * Prints "ready" when it owns the clipboard and "lost" when another has taken it; goes on until it is killed.
 *   primary   owns PRIMARY as well       mute     does not answer anybody       small   without the large forms
 *   manager   owns nothing at first; is the clipboard manager, and keeps the text when it is asked to */
#include "x_data.h"

#include <xcb/xcb.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 60000, N_SENDINGS = 32 };

typedef struct sending {
    xcb_window_t requestor;
    xcb_atom_t property, type;
    int form;
    size_t at;
} sending;

static xcb_connection_t *c;
static xcb_atom_t atoms[X_N_FORMS], targets_atom, incr_atom, clipboard, manager_atom, save_targets;
static sending sendings[N_SENDINGS];
static int seed;
static bool small;
static char *kept; /* by the manager */
static int n_kept;

static xcb_atom_t atom(const char *name)
{
    xcb_intern_atom_reply_t *reply =
        xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, (uint16_t)strlen(name), name), NULL);
    xcb_atom_t a = reply ? reply->atom : 0;
    free(reply);
    return a;
}

static void put(xcb_window_t requestor, xcb_atom_t property, int form, size_t at, size_t n)
{
    uint8_t *bytes = malloc(n + 1);
    for (size_t i = 0; bytes && i < n; i++)
        bytes[i] = x_byte(form, seed, at + i);
    xcb_change_property(c, XCB_PROP_MODE_REPLACE, requestor, property, atoms[form], x_forms[form].format,
                        (uint32_t)(n / (x_forms[form].format / 8u)), bytes);
    free(bytes);
}

static bool convert(const xcb_selection_request_event_t *ask)
{
    if (ask->target == targets_atom) {
        xcb_atom_t list[X_N_FORMS + 1] = {targets_atom};
        uint32_t n = 1;
        for (int form = 0; form < X_N_FORMS; form++)
            if (!small || x_forms[form].n_bytes < PIECE)
                list[n++] = atoms[form];
        xcb_change_property(c, XCB_PROP_MODE_REPLACE, ask->requestor, ask->property, XCB_ATOM_ATOM, 32, n, list);
        return true;
    }
    if (kept) {
        if (ask->target != atoms[0])
            return false;
        xcb_change_property(c, XCB_PROP_MODE_REPLACE, ask->requestor, ask->property, atoms[0], 8, (uint32_t)n_kept,
                            kept);
        return true;
    }
    for (int form = 0; form < X_N_FORMS; form++) {
        if (ask->target != atoms[form])
            continue;
        if (x_forms[form].n_bytes <= PIECE) {
            put(ask->requestor, ask->property, form, 0, x_forms[form].n_bytes);
            return true;
        }
        for (int i = 0; i < N_SENDINGS; i++)
            if (!sendings[i].requestor) {
                uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE, size = (uint32_t)x_forms[form].n_bytes;
                sendings[i] = (sending){ask->requestor, ask->property, atoms[form], form, 0};
                xcb_change_window_attributes(c, ask->requestor, XCB_CW_EVENT_MASK, &events);
                xcb_change_property(c, XCB_PROP_MODE_REPLACE, ask->requestor, ask->property, incr_atom, 32, 1, &size);
                return true;
            }
    }
    return false;
}

static void next_piece(const xcb_property_notify_event_t *event)
{
    for (int i = 0; i < N_SENDINGS && event->state == XCB_PROPERTY_DELETE; i++) {
        sending *s = &sendings[i];
        if (s->requestor != event->window || s->property != event->atom)
            continue;
        size_t n = x_forms[s->form].n_bytes - s->at;
        n = n < PIECE ? n : PIECE;
        put(s->requestor, s->property, s->form, s->at, n);
        s->at += n;
        if (n == 0)
            s->requestor = 0;
        return;
    }
}

static void answer(const xcb_selection_request_event_t *ask, bool ok)
{
    char bytes[32] = {0};
    xcb_selection_notify_event_t notify = {.response_type = XCB_SELECTION_NOTIFY,
                                           .time = ask->time,
                                           .requestor = ask->requestor,
                                           .selection = ask->selection,
                                           .target = ask->target,
                                           .property = ok ? ask->property : XCB_NONE};
    memcpy(bytes, &notify, sizeof notify);
    xcb_send_event(c, 0, ask->requestor, 0, bytes);
    xcb_flush(c);
}

/* The manager has got the text: it is the owner from now on, and tells the one who asked for that. */
static void keep(xcb_window_t window, const xcb_selection_request_event_t *save)
{
    xcb_get_property_reply_t *reply =
        xcb_get_property_reply(c, xcb_get_property(c, 1, window, atoms[0], XCB_GET_PROPERTY_TYPE_ANY, 0, 100000), NULL);
    n_kept = reply ? xcb_get_property_value_length(reply) : 0;
    kept = calloc(1, (size_t)n_kept + 1);
    if (reply && kept)
        memcpy(kept, xcb_get_property_value(reply), (size_t)n_kept);
    free(reply);
    xcb_set_selection_owner(c, window, clipboard, XCB_CURRENT_TIME);
    answer(save, true);
    printf("kept\n");
}

int main(int argc, char **argv)
{
    bool mute = false, primary = false, manager = false;
    if (argc < 3 || xcb_connection_has_error(c = xcb_connect(argv[1], NULL)))
        return 1;
    seed = atoi(argv[2]);
    for (int i = 3; i < argc; i++) {
        mute = mute || strcmp(argv[i], "mute") == 0;
        primary = primary || strcmp(argv[i], "primary") == 0;
        small = small || strcmp(argv[i], "small") == 0;
        manager = manager || strcmp(argv[i], "manager") == 0;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 0; i < X_N_FORMS; i++)
        atoms[i] = atom(x_forms[i].target);
    targets_atom = atom("TARGETS"), incr_atom = atom("INCR"), clipboard = atom("CLIPBOARD");
    manager_atom = atom("CLIPBOARD_MANAGER"), save_targets = atom("SAVE_TARGETS");
    xcb_window_t root = xcb_setup_roots_iterator(xcb_get_setup(c)).data->root, window = xcb_generate_id(c);
    xcb_create_window(c, 0, window, root, 0, 0, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, 0, NULL);
    xcb_set_selection_owner(c, window, manager ? manager_atom : clipboard, XCB_CURRENT_TIME);
    if (primary)
        xcb_set_selection_owner(c, window, XCB_ATOM_PRIMARY, XCB_CURRENT_TIME);
    free(xcb_get_input_focus_reply(c, xcb_get_input_focus(c), NULL)); /* all that is done */
    printf("ready\n");
    xcb_selection_request_event_t save = {0};
    for (xcb_generic_event_t *event; (event = xcb_wait_for_event(c)); free(event)) {
        switch (event->response_type & 0x7f) {
        case XCB_SELECTION_REQUEST: {
            const xcb_selection_request_event_t *ask = (const xcb_selection_request_event_t *)event;
            if (mute)
                break;
            if (ask->selection == manager_atom && ask->target == save_targets) {
                save = *ask;
                xcb_convert_selection(c, window, clipboard, atoms[0], atoms[0], XCB_CURRENT_TIME);
                xcb_flush(c);
                break;
            }
            answer(ask, convert(ask));
            break;
        }
        case XCB_SELECTION_NOTIFY:
            keep(window, &save);
            break;
        case XCB_SELECTION_CLEAR:
            printf("lost\n");
            break;
        case XCB_PROPERTY_NOTIFY:
            next_piece((const xcb_property_notify_event_t *)event);
            xcb_flush(c);
            break;
        }
    }
    return 0;
}
