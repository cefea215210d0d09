/* SPDX-License-Identifier: MIT
 *
 * Which window has the keyboard, what class it says it is of, and whether somebody who asks for the selection is that
 * window's program.
 *
 * The focus often lies on a helper window inside the application's own; the class is on the first ancestor that has
 * one. A request comes from the target when its window was made by the same client (the server gives each client a
 * range of ids) as the focused window or its toplevel, or by a client that has a window inside that toplevel
 * (embedding). Not recognised: a program whose clipboard is handled by another process without a window there. */
#define _GNU_SOURCE
#include "deliver_x11_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32, MAX_INSIDE = 512, CLASS_WORDS = 2 * DELIVER_TARGET / 4 };

bool deliver_same_client(const deliver_x11 *x, xcb_window_t a, xcb_window_t b)
{
    return (a & ~x->id_mask) == (b & ~x->id_mask);
}

/* WM_CLASS is two strings, each with its 0: the instance's name and the class. */
static bool read_class(xcb_get_property_reply_t *reply, deliver_focus *focus)
{
    if (!reply || reply->type != XCB_ATOM_STRING || reply->format != 8 || xcb_get_property_value_length(reply) == 0)
        return false;
    const char *name = xcb_get_property_value(reply);
    int n = xcb_get_property_value_length(reply), n_name = (int)strnlen(name, (size_t)n);
    const char *class = n_name + 1 < n ? name + n_name + 1 : name;
    int n_class = n_name + 1 < n ? (int)strnlen(class, (size_t)(n - n_name - 1)) : n_name;
    snprintf(focus->name, sizeof focus->name, "%.*s", n_name, name);
    snprintf(focus->class, sizeof focus->class, "%.*s", n_class, class);
    return true;
}

static xcb_get_property_cookie_t ask_class(deliver_x11 *x, xcb_window_t window)
{
    return xcb_get_property(x->c, 0, window, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 0, CLASS_WORDS);
}

static bool has_ping(deliver_x11 *x, xcb_window_t window)
{
    bool has = false;
    xcb_get_property_reply_t *reply = deliver_reply(
        x, xcb_get_property(x->c, 0, window, DELIVER_ATOM(x, WM_PROTOCOLS), XCB_ATOM_ATOM, 0, 64).sequence);
    if (reply && reply->format == 32) {
        const xcb_atom_t *list = xcb_get_property_value(reply);
        for (int i = 0; i < xcb_get_property_value_length(reply) / 4; i++)
            has = has || list[i] == DELIVER_ATOM(x, PING);
    }
    free(reply);
    return has;
}

static xcb_window_t active_window(deliver_x11 *x)
{
    xcb_window_t window = XCB_NONE;
    xcb_get_property_reply_t *reply = deliver_reply(
        x, xcb_get_property(x->c, 0, x->root, DELIVER_ATOM(x, ACTIVE_WINDOW), XCB_ATOM_WINDOW, 0, 1).sequence);
    if (reply && reply->format == 32 && xcb_get_property_value_length(reply) == 4)
        memcpy(&window, xcb_get_property_value(reply), sizeof window);
    free(reply);
    return window;
}

/* The first ancestor with a class. */
static bool find_class(deliver_x11 *x, xcb_window_t window, deliver_focus *focus)
{
    for (int depth = 0; window != XCB_NONE && window != x->root && depth < MAX_DEPTH; depth++) {
        unsigned int class = ask_class(x, window).sequence, tree = xcb_query_tree(x->c, window).sequence;
        xcb_get_property_reply_t *reply = deliver_reply(x, class);
        xcb_query_tree_reply_t *around = deliver_reply(x, tree);
        bool found = read_class(reply, focus);
        xcb_window_t parent = around ? around->parent : XCB_NONE;
        free(reply);
        free(around);
        if (found) {
            focus->top = window;
            return true;
        }
        window = parent;
    }
    return false;
}

void deliver_focus_now(deliver_x11 *x, deliver_focus *focus)
{
    *focus = (deliver_focus){0};
    xcb_get_input_focus_reply_t *input = deliver_reply(x, xcb_get_input_focus(x->c).sequence);
    xcb_window_t window = input ? input->focus : XCB_NONE;
    free(input);
    if (window == XCB_NONE)
        return;
    if (window == XCB_INPUT_FOCUS_POINTER_ROOT) {
        xcb_query_pointer_reply_t *pointer = deliver_reply(x, xcb_query_pointer(x->c, x->root).sequence);
        window = pointer && pointer->child ? pointer->child : x->root;
        free(pointer);
    }
    focus->window = window;
    if (!find_class(x, window, focus)) {
        xcb_window_t active = active_window(x);
        if (active != XCB_NONE && find_class(x, active, focus) && window != x->root)
            focus->window = active; /* the focus is on a frame that the window manager drew */
    }
    if (focus->top)
        focus->answers_pings = has_ping(x, focus->top);
}

static bool is_inside(deliver_x11 *x, xcb_window_t top, xcb_window_t stranger)
{
    xcb_window_t queue[MAX_INSIDE];
    int n = 0, at = 0;
    queue[n++] = top;
    while (at < n) {
        xcb_query_tree_reply_t *around = deliver_reply(x, xcb_query_tree(x->c, queue[at++]).sequence);
        if (!around)
            continue;
        const xcb_window_t *children = xcb_query_tree_children(around);
        for (int i = 0; i < xcb_query_tree_children_length(around) && n < MAX_INSIDE; i++) {
            queue[n++] = children[i];
            if (deliver_same_client(x, children[i], stranger)) {
                free(around);
                return true;
            }
        }
        free(around);
    }
    return false;
}

bool deliver_is_target(deliver_x11 *x, xcb_window_t requestor)
{
    const deliver_focus *focus = &x->focus;
    if (deliver_same_client(x, requestor, focus->window)
        || (focus->top && deliver_same_client(x, requestor, focus->top)))
        return true;
    if (!focus->top || focus->top == x->root)
        return false;
    if (!x->watch.stranger || !deliver_same_client(x, requestor, x->watch.stranger)) {
        x->watch.stranger = requestor;
        x->watch.stranger_is_inside = is_inside(x, focus->top, requestor);
    }
    return x->watch.stranger_is_inside;
}
