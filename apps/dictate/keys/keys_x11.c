/* SPDX-License-Identifier: MIT
 *
 * Keys from an X server: XInput 2 raw events, over XCB. XCB and not Xlib, because Xlib answers a server that dies, and any
 * protocol error, by functions that belong to the whole process and end it; here both are a flag of this connection.
 *
 * Raw events carry a keycode. What it means is asked as the core keyboard mapping, whose first column is the first group
 * without Shift whatever group is on, and asked again when the server says that it changed. A release is what its press
 * was, even if the mapping changed in between.
 *
 * The server does not repeat raw events of its own accord; a driver that does is heard as KEY_REPEAT. */
#define _GNU_SOURCE
#include "dictate/keys/keys_source.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>
#include <xcb/xinput.h>

enum { N_KEYCODES = 256, NOT_DOWN = 0xFF };
/* The server's milliseconds are CLOCK_MONOTONIC's where it runs on this machine. If they are within these bounds of
 * now, they are; if not, the event's time is that of its arrival. */
enum { AHEAD_MS = 20, BEHIND_MS = 2000 };

typedef struct x11_keys {
    keys base;
    char display[100]; /* for sentences */
    xcb_connection_t *connection;
    uint8_t opcode; /* of XInput */
    uint8_t first_keycode;
    xcb_get_keyboard_mapping_cookie_t asked;
    bool mapping_asked;
    uint8_t keys[N_KEYCODES];    /* gesture_key */
    uint8_t down_as[N_KEYCODES]; /* gesture_key that its press was reported as, or NOT_DOWN */
} x11_keys;

static const struct {
    xcb_keysym_t keysym;
    gesture_key key;
} keysyms[] = {
    {0xFFE3, KEY_CTRL_LEFT},   {0xFFE4, KEY_CTRL_RIGHT},
    {0xFFE1, KEY_SHIFT_LEFT},  {0xFFE2, KEY_SHIFT_RIGHT},
    {0xFFE9, KEY_ALT_LEFT},    {0xFFE7, KEY_ALT_LEFT}, /* Meta_L: Shift+Alt's symbol, alone on some layouts */
    {0xFFEA, KEY_ALT_RIGHT},   {0xFFE8, KEY_ALT_RIGHT},
    {0xFE03, KEY_ALT_RIGHT},   {0xFF7E, KEY_ALT_RIGHT}, /* AltGr: ISO_Level3_Shift, Mode_switch */
    {0xFFEB, KEY_SUPER_LEFT},  {0xFFEC, KEY_SUPER_RIGHT},
    {0xFF1B, KEY_ESCAPE},      {0xFFE5, KEY_CAPS_LOCK},
    {0xFF14, KEY_SCROLL_LOCK}, {0xFF13, KEY_PAUSE_BREAK},
    {0xFFC9, KEY_FUNCTION_12},
};

static gesture_key key_of(xcb_keysym_t keysym)
{
    for (size_t i = 0; i < sizeof keysyms / sizeof *keysyms; i++)
        if (keysyms[i].keysym == keysym)
            return keysyms[i].key;
    return KEY_OTHER;
}

static void ask_mapping(x11_keys *x)
{
    const xcb_setup_t *setup = xcb_get_setup(x->connection);
    x->first_keycode = setup->min_keycode;
    if (x->mapping_asked)
        xcb_discard_reply(x->connection, x->asked.sequence);
    x->asked = xcb_get_keyboard_mapping(x->connection, setup->min_keycode,
                                        (uint8_t)(setup->max_keycode - setup->min_keycode + 1));
    x->mapping_asked = true;
}

static void take_mapping(x11_keys *x, const xcb_get_keyboard_mapping_reply_t *reply)
{
    const xcb_keysym_t *all = xcb_get_keyboard_mapping_keysyms(reply);
    int n_a_key = reply->keysyms_per_keycode, n = xcb_get_keyboard_mapping_keysyms_length(reply);
    memset(x->keys, KEY_OTHER, sizeof x->keys);
    for (int i = 0; n_a_key > 0 && i < n / n_a_key && x->first_keycode + i < N_KEYCODES; i++)
        x->keys[x->first_keycode + i] = (uint8_t)key_of(all[i * n_a_key]);
}

/* The mapping that was asked for, if it has come. An error leaves the one before. */
static void poll_mapping(x11_keys *x)
{
    void *reply = NULL;
    xcb_generic_error_t *refused = NULL;
    if (!x->mapping_asked || !xcb_poll_for_reply(x->connection, x->asked.sequence, &reply, &refused))
        return;
    x->mapping_asked = false;
    if (reply)
        take_mapping(x, reply);
    free(reply);
    free(refused);
}

static int64_t time_us(uint32_t server_ms)
{
    int64_t now_us = clock_now_us(), now_ms = now_us / 1000;
    uint32_t since_ms = (uint32_t)now_ms - server_ms; /* both wrap after 49 days */
    int64_t behind_ms = since_ms > INT32_MAX ? (int64_t)since_ms - ((int64_t)UINT32_MAX + 1) : (int64_t)since_ms;
    return behind_ms >= -AHEAD_MS && behind_ms <= BEHIND_MS ? (now_ms - behind_ms) * 1000 : now_us;
}

static void take_raw(x11_keys *x, const xcb_input_raw_key_press_event_t *raw)
{
    uint32_t code = raw->detail;
    int64_t us = time_us(raw->time);
    if (raw->event_type == XCB_INPUT_RAW_BUTTON_PRESS) {
        keys_post(&x->base, us, KEY_OTHER, KEY_POINTER);
    } else if (code >= N_KEYCODES) {
        return;
    } else if (raw->event_type == XCB_INPUT_RAW_KEY_RELEASE) {
        if (x->down_as[code] != NOT_DOWN)
            keys_post(&x->base, us, x->down_as[code], KEY_RELEASE);
        x->down_as[code] = NOT_DOWN;
    } else if (raw->event_type == XCB_INPUT_RAW_KEY_PRESS) {
        bool repeat = x->down_as[code] != NOT_DOWN || (raw->flags & XCB_INPUT_KEY_EVENT_FLAGS_KEY_REPEAT);
        if (x->down_as[code] == NOT_DOWN)
            x->down_as[code] = x->keys[code];
        keys_post(&x->base, us, x->down_as[code], repeat ? KEY_REPEAT : KEY_PRESS);
    }
}

static void take_event(x11_keys *x, const xcb_generic_event_t *event)
{
    int type = event->response_type & 0x7F;
    if (type == XCB_MAPPING_NOTIFY) {
        if (((const xcb_mapping_notify_event_t *)event)->request == XCB_MAPPING_KEYBOARD)
            ask_mapping(x);
    } else if (type == XCB_GE_GENERIC && ((const xcb_ge_generic_event_t *)event)->extension == x->opcode) {
        take_raw(x, (const xcb_input_raw_key_press_event_t *)event);
    }
}

static void run(keys *source)
{
    x11_keys *x = (x11_keys *)source;
    struct pollfd wait[] = {{.fd = xcb_get_file_descriptor(x->connection), .events = POLLIN},
                            {.fd = source->stop_fd, .events = POLLIN}};
    char why[KEYS_ERROR];
    while (!wait[1].revents) {
        for (xcb_generic_event_t *event; (event = xcb_poll_for_event(x->connection)); free(event))
            take_event(x, event);
        poll_mapping(x);
        xcb_flush(x->connection);
        if (xcb_connection_has_error(x->connection)) {
            snprintf(why, sizeof why, "The connection to the X server %s broke, so its keys are not heard any more",
                     x->display);
            source->sink.lost(source->sink.user, why);
            return;
        }
        poll(wait, 2, -1);
    }
}

static void finish(keys *source)
{
    x11_keys *x = (x11_keys *)source;
    xcb_disconnect(x->connection);
    free(x);
}

/* Asks for raw events. False: error tells. */
static bool select_events(x11_keys *x, xcb_window_t root, char error[KEYS_ERROR])
{
    const xcb_query_extension_reply_t *extension = xcb_get_extension_data(x->connection, &xcb_input_id);
    struct {
        xcb_input_event_mask_t head;
        uint32_t mask;
    } wanted = {{.deviceid = XCB_INPUT_DEVICE_ALL_MASTER, .mask_len = 1},
                XCB_INPUT_XI_EVENT_MASK_RAW_KEY_PRESS | XCB_INPUT_XI_EVENT_MASK_RAW_KEY_RELEASE
                    | XCB_INPUT_XI_EVENT_MASK_RAW_BUTTON_PRESS};
    if (!extension || !extension->present) {
        snprintf(error, KEYS_ERROR, "The X server %s has no XInput extension, so keys cannot be heard from it",
                 x->display);
        return false;
    }
    x->opcode = extension->major_opcode;
    /* From 2.1 on raw events come during grabs too. */
    xcb_input_xi_query_version_reply_t *version =
        xcb_input_xi_query_version_reply(x->connection, xcb_input_xi_query_version(x->connection, 2, 2), NULL);
    unsigned major = version ? version->major_version : 0, minor = version ? version->minor_version : 0;
    free(version);
    if (major < 2 || (major == 2 && minor < 1)) {
        snprintf(error, KEYS_ERROR, "The X server %s has XInput %u.%u; hearing keys needs 2.1", x->display, major,
                 minor);
        return false;
    }
    xcb_generic_error_t *refused =
        xcb_request_check(x->connection, xcb_input_xi_select_events_checked(x->connection, root, 1, &wanted.head));
    if (refused)
        snprintf(error, KEYS_ERROR, "The X server %s refuses raw key events (X error %d)", x->display,
                 refused->error_code);
    free(refused);
    return !refused;
}

/* False: error tells. */
static bool connect_to(x11_keys *x, const char *display, char error[KEYS_ERROR])
{
    int screen = 0;
    const char *variable = getenv("DISPLAY");
    if (!display && (!variable || !*variable)) {
        snprintf(error, KEYS_ERROR, "There is no X server to hear keys from: DISPLAY is not set");
        return false;
    }
    snprintf(x->display, sizeof x->display, "%s", display ? display : variable);
    x->connection = xcb_connect(display, &screen);
    int failed = xcb_connection_has_error(x->connection);
    if (failed) {
        snprintf(error, KEYS_ERROR, "The X server %s %s", x->display,
                 failed == XCB_CONN_CLOSED_PARSE_ERR ? "is not the name of a display; expected for example :0"
                                                     : "cannot be reached: it does not run, or refuses this user");
        return false;
    }
    xcb_screen_iterator_t at = xcb_setup_roots_iterator(xcb_get_setup(x->connection));
    for (; screen > 0 && at.rem > 1; screen--)
        xcb_screen_next(&at);
    if (!select_events(x, at.data->root, error))
        return false;
    ask_mapping(x);
    xcb_get_keyboard_mapping_reply_t *mapping = xcb_get_keyboard_mapping_reply(x->connection, x->asked, NULL);
    x->mapping_asked = false;
    if (mapping)
        take_mapping(x, mapping);
    else
        snprintf(error, KEYS_ERROR, "The X server %s does not tell its keyboard mapping", x->display);
    free(mapping);
    return mapping != NULL;
}

keys *keys_x11_open(const char *display, const keys_sink *sink, char error[KEYS_ERROR])
{
    x11_keys *x = calloc(1, sizeof *x);
    if (!x) {
        snprintf(error, KEYS_ERROR, "Out of memory for the X server's keys");
        return NULL;
    }
    x->base = (keys){.name = "x11", .sink = *sink, .run = run, .finish = finish};
    memset(x->down_as, NOT_DOWN, sizeof x->down_as);
    if (connect_to(x, display, error))
        return keys_begin(&x->base, error) ? &x->base : NULL;
    xcb_disconnect(x->connection);
    free(x);
    return NULL;
}
