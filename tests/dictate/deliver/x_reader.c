/* SPDX-License-Identifier: MIT
 *
 * x_reader DISPLAY [WORD...]: a window with the keyboard focus that says what it gets, on stdout:
 *   ready            it is shown and has the focus
 *   key HEX          a key; HEX is its text as UTF-8 (0d, 09 for Return, Tab), looked up as toolkits do it: the map is
 *                    read when a key is handled, after news of a change
 *   chord NAME       ctrl+v, ctrl+shift+v, shift+insert
 *   text N           N bytes follow, then a line end: what the paste gave
 *   forms N          (dump) then per form: form NAME TYPE FORMAT N, N bytes, a line end
 * WORDs:
 *   class=NAME       window class                     ping         answers _NET_WM_PING
 *   never            does not read on a chord         die          exits on a chord
 *   slow=MS          waits before it reads            twice=MS     reads again, MS after the first
 *   targets          asks for the list of forms first piece=MS     waits before each piece of an INCR
 *   busy=MS          waits before it handles its first key
 *   dump[=primary]   no window: print all that the selection holds, and exit
 *   watch            no window: read the clipboard's text again and again, as a clipboard manager */
#define _GNU_SOURCE
#include <xcb/xcb.h>
#include <xcb/xkb.h>
#include <xkbcommon/xkbcommon-x11.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static xcb_connection_t *c;
static xcb_window_t root, window;
static xcb_atom_t utf8, incr, clipboard, protocols, ping_atom, ours;
static struct xkb_context *context;
static struct xkb_keymap *map;
static struct xkb_state *state;
static bool stale = true;

static struct {
    const char *class, *dump;
    bool ping, never, die, targets, watch;
    int slow_ms, twice_ms, piece_ms, busy_ms;
} is = {.class = "x_reader"};

static void pause_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    if (ms > 0)
        nanosleep(&t, NULL);
}

static xcb_atom_t atom(const char *name)
{
    xcb_intern_atom_reply_t *reply =
        xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, (uint16_t)strlen(name), name), NULL);
    xcb_atom_t a = reply ? reply->atom : 0;
    free(reply);
    return a;
}

static xcb_generic_event_t *wait_for(uint8_t code)
{
    for (xcb_generic_event_t *event; (event = xcb_wait_for_event(c)); free(event))
        if ((event->response_type & 0x7f) == code)
            return event;
    exit(3);
}

typedef struct bytes {
    uint8_t *data;
    size_t n;
    xcb_atom_t type;
    int format;
} bytes;

static void add(bytes *b, xcb_get_property_reply_t *reply)
{
    size_t n = (size_t)xcb_get_property_value_length(reply);
    b->type = b->n == 0 ? reply->type : b->type;
    b->format = b->n == 0 ? reply->format : b->format;
    b->data = realloc(b->data, b->n + n + 1);
    if (!b->data)
        exit(4);
    memcpy(b->data + b->n, xcb_get_property_value(reply), n);
    b->n += n;
}

static xcb_get_property_reply_t *take_property(void)
{
    return xcb_get_property_reply(c, xcb_get_property(c, 1, window, ours, XCB_GET_PROPERTY_TYPE_ANY, 0, 1 << 26), NULL);
}

/* Ask for one form and wait for all of it. False: refused. */
static bool ask(xcb_atom_t selection, xcb_atom_t target, bytes *b)
{
    *b = (bytes){0};
    xcb_delete_property(c, window, ours);
    xcb_convert_selection(c, window, selection, target, ours, XCB_CURRENT_TIME);
    xcb_flush(c);
    xcb_selection_notify_event_t *notify = (xcb_selection_notify_event_t *)wait_for(XCB_SELECTION_NOTIFY);
    bool given = notify->property != XCB_NONE;
    free(notify);
    if (!given)
        return false;
    xcb_get_property_reply_t *reply = take_property();
    bool pieces = reply && reply->type == incr;
    if (reply && !pieces)
        add(b, reply);
    free(reply);
    xcb_flush(c);
    while (pieces) {
        xcb_property_notify_event_t *event = (xcb_property_notify_event_t *)wait_for(XCB_PROPERTY_NOTIFY);
        if (event->atom == ours && event->state == XCB_PROPERTY_NEW_VALUE) {
            pause_ms(is.piece_ms);
            reply = take_property();
            xcb_flush(c);
            if (reply && reply->type != XCB_NONE) {
                pieces = xcb_get_property_value_length(reply) > 0;
                if (pieces || b->n == 0)
                    add(b, reply);
            }
            free(reply);
        }
        free(event);
    }
    return true;
}

static void read_text(xcb_atom_t selection)
{
    bytes b;
    if (is.targets) {
        ask(selection, atom("TARGETS"), &b);
        free(b.data);
    }
    pause_ms(is.slow_ms);
    if (!ask(selection, utf8, &b)) {
        printf("text 0\n\n");
        return;
    }
    printf("text %zu\n", b.n);
    fwrite(b.data, 1, b.n, stdout);
    printf("\n");
    free(b.data);
}

static int dump(xcb_atom_t selection)
{
    bytes list, b;
    if (!ask(selection, atom("TARGETS"), &list))
        list = (bytes){0};
    printf("forms %zu\n", list.n / 4);
    for (size_t i = 0; i < list.n / 4; i++) {
        xcb_atom_t target;
        memcpy(&target, list.data + 4 * i, 4);
        xcb_get_atom_name_reply_t *name = xcb_get_atom_name_reply(c, xcb_get_atom_name(c, target), NULL);
        bool given = strncmp(xcb_get_atom_name_name(name), "MULTIPLE", 8) != 0 && ask(selection, target, &b);
        printf("form %.*s %d %d %zu\n", xcb_get_atom_name_name_length(name), xcb_get_atom_name_name(name),
               given ? b.type == target : -1, given ? b.format : 0, given ? b.n : 0);
        if (given) {
            fwrite(b.data, 1, b.n, stdout);
            free(b.data);
        }
        printf("\n");
        free(name);
    }
    free(list.data);
    return 0;
}

static void say_nothing(struct xkb_context *k, enum xkb_log_level level, const char *format, va_list arguments)
{
    (void)k, (void)level, (void)format, (void)arguments;
}

static void read_map(void)
{
    if (!stale)
        return;
    stale = false;
    xkb_state_unref(state);
    xkb_keymap_unref(map);
    map = xkb_x11_keymap_new_from_device(context, c, xkb_x11_get_core_keyboard_device_id(c), 0);
    state = map ? xkb_state_new(map) : NULL;
    if (!state)
        exit(5);
}

/* V in the group in use or, as toolkits do for shortcuts, in any other. */
static bool is_v(xkb_keycode_t code, xkb_keysym_t sym)
{
    bool v = sym == XKB_KEY_v || sym == XKB_KEY_V;
    for (xkb_layout_index_t group = 0; group < xkb_keymap_num_layouts_for_key(map, code); group++) {
        const xkb_keysym_t *syms;
        v = v || (xkb_keymap_key_get_syms_by_level(map, code, group, 0, &syms) == 1 && syms[0] == XKB_KEY_v);
    }
    return v;
}

static void on_chord(const char *name, xcb_atom_t selection)
{
    printf("chord %s\n", name);
    if (is.die)
        exit(0);
    if (is.never)
        return;
    read_text(selection);
    if (is.twice_ms) {
        pause_ms(is.twice_ms);
        read_text(selection);
    }
}

static void on_key(const xcb_key_press_event_t *event)
{
    pause_ms(is.busy_ms);
    is.busy_ms = 0;
    read_map();
    xkb_state_update_mask(state, event->state & 0xff, 0, 0, 0, 0, event->state >> 13 & 3);
    xkb_keysym_t sym = xkb_state_key_get_one_sym(state, event->detail);
    bool shift = event->state & XCB_MOD_MASK_SHIFT;
    if (event->state & XCB_MOD_MASK_CONTROL) {
        if (is_v(event->detail, sym))
            on_chord(shift ? "ctrl+shift+v" : "ctrl+v", clipboard);
        return;
    }
    if (shift && sym == XKB_KEY_Insert) {
        on_chord("shift+insert", XCB_ATOM_PRIMARY);
        return;
    }
    char text[16];
    int n = xkb_keysym_to_utf8(sym, text, sizeof text); /* counts its 0 */
    if (n <= 1)
        return;
    printf("key ");
    for (int i = 0; i < n - 1; i++)
        printf("%02x", (unsigned char)text[i]);
    printf("\n");
}

static void on_message(xcb_client_message_event_t *message)
{
    if (message->type != protocols || message->data.data32[0] != ping_atom || !is.ping)
        return;
    message->window = root;
    xcb_send_event(c, 0, root, XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT,
                   (const char *)message);
    xcb_flush(c);
}

static void open_window(void)
{
    char class[200];
    uint32_t events = XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_PROPERTY_CHANGE
                      | XCB_EVENT_MASK_FOCUS_CHANGE;
    int n = snprintf(class, sizeof class, "instance%c%s%c", 0, is.class, 0);
    window = xcb_generate_id(c);
    xcb_create_window(c, XCB_COPY_FROM_PARENT, window, root, 0, 0, 200, 100, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
                      XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK, &events);
    if (is.dump || is.watch)
        return;
    xcb_change_property(c, XCB_PROP_MODE_REPLACE, window, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 8, (uint32_t)n, class);
    if (is.ping)
        xcb_change_property(c, XCB_PROP_MODE_REPLACE, window, protocols, XCB_ATOM_ATOM, 32, 1, &ping_atom);
    xcb_map_window(c, window);
    xcb_flush(c);
    free(wait_for(XCB_EXPOSE));
    xcb_set_input_focus(c, XCB_INPUT_FOCUS_POINTER_ROOT, window, XCB_CURRENT_TIME);
    xcb_flush(c);
    free(wait_for(XCB_FOCUS_IN));
}

static void read_words(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        const char *w = argv[i], *value = strchr(w, '=') ? strchr(w, '=') + 1 : "";
        size_t n = strcspn(w, "=");
#define WORD(name) (strlen(name) == n && strncmp(w, name, n) == 0)
        is.class = WORD("class") ? value : is.class;
        is.dump = WORD("dump") ? value : is.dump;
        is.ping = is.ping || WORD("ping");
        is.never = is.never || WORD("never");
        is.die = is.die || WORD("die");
        is.targets = is.targets || WORD("targets");
        is.watch = is.watch || WORD("watch");
        is.slow_ms = WORD("slow") ? atoi(value) : is.slow_ms;
        is.twice_ms = WORD("twice") ? atoi(value) : is.twice_ms;
        is.piece_ms = WORD("piece") ? atoi(value) : is.piece_ms;
        is.busy_ms = WORD("busy") ? atoi(value) : is.busy_ms;
#undef WORD
    }
}

static void watch(void)
{
    printf("ready\n");
    for (bytes b;; free(b.data)) {
        ask(clipboard, utf8, &b);
        pause_ms(5);
    }
}

int main(int argc, char **argv)
{
    uint8_t xkb_event = 0;
    if (argc < 2 || xcb_connection_has_error(c = xcb_connect(argv[1], NULL)))
        return 1;
    read_words(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    root = xcb_setup_roots_iterator(xcb_get_setup(c)).data->root;
    utf8 = atom("UTF8_STRING"), incr = atom("INCR"), clipboard = atom("CLIPBOARD"), ours = atom("_X_READER");
    protocols = atom("WM_PROTOCOLS"), ping_atom = atom("_NET_WM_PING");
    open_window();
    if (is.dump)
        return dump(strcmp(is.dump, "primary") == 0 ? XCB_ATOM_PRIMARY : clipboard);
    if (is.watch)
        watch();
    context = xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES);
    if (!context || !xkb_x11_setup_xkb_extension(c, 1, 0, 0, NULL, NULL, &xkb_event, NULL))
        return 1;
    xkb_context_set_log_fn(context, say_nothing);
    const uint16_t maps = XCB_XKB_MAP_PART_KEY_SYMS | XCB_XKB_MAP_PART_KEY_TYPES;
    xcb_xkb_select_events(c, XCB_XKB_ID_USE_CORE_KBD,
                          XCB_XKB_EVENT_TYPE_MAP_NOTIFY | XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY, 0,
                          XCB_XKB_EVENT_TYPE_MAP_NOTIFY | XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY, maps, maps, NULL);
    read_map();
    printf("ready\n");
    for (xcb_generic_event_t *event; (event = xcb_wait_for_event(c)); free(event)) {
        uint8_t code = event->response_type & 0x7f;
        if (code == XCB_KEY_PRESS)
            on_key((const xcb_key_press_event_t *)event);
        else if (code == XCB_CLIENT_MESSAGE)
            on_message((xcb_client_message_event_t *)event);
        else if (code == xkb_event)
            stale = true;
    }
    return 0;
}
