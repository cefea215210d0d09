/* SPDX-License-Identifier: MIT
 *
 * The X11 source against a server of the test's own (Xvfb), with keys that a second client makes by XTEST. */
#define _GNU_SOURCE
#include "keys_heard.h"
#include "check.h"
#include "common/clock.h"

#include <X11/Xlib.h>
#include <X11/keysym.h>
#include <X11/extensions/XTest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char display_name[20];
static pid_t server;
static Display *client;

/* False: there is no Xvfb. */
static bool start_server(void)
{
    int pipe_fds[2];
    char number[8] = "", fd_text[12];
    posix_spawn_file_actions_t actions;
    if (pipe(pipe_fds) != 0)
        return false;
    snprintf(fd_text, sizeof fd_text, "%d", pipe_fds[1]);
    const char *const words[] = {"Xvfb",       "-displayfd", fd_text, "-screen",  "0",
                                 "640x480x24", "-nolisten",  "tcp",   "-noreset", NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    posix_spawn_file_actions_addclose(&actions, pipe_fds[0]);
    int failed = posix_spawnp(&server, "Xvfb", &actions, NULL, (char *const *)(uintptr_t)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[1]);
    size_t n = 0;
    for (ssize_t got; !failed && n < sizeof number - 1 && !strchr(number, '\n'); n += (size_t)got)
        if ((got = read(pipe_fds[0], number + n, sizeof number - 1 - n)) <= 0)
            break;
    close(pipe_fds[0]);
    if (failed || !strchr(number, '\n'))
        return false;
    snprintf(display_name, sizeof display_name, ":%d", atoi(number));
    return true;
}

static void stop_server(void)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

static void key(KeySym keysym, bool press)
{
    XTestFakeKeyEvent(client, XKeysymToKeycode(client, keysym), press, CurrentTime);
    XFlush(client);
}

static void tap(KeySym keysym)
{
    key(keysym, true);
    key(keysym, false);
}

static void triple_tap_is_heard(void)
{
    heard h;
    char error[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    keys *source = keys_x11_open(display_name, &sink, error);
    if (!CHECK(source != NULL))
        return;
    CHECK_STR(keys_name(source), "x11");
    for (int i = 0; i < 3; i++)
        tap(XK_Control_L);
    CHECK_STR(heard_wait(&h, 0, 6, false), "+ctrl_left -ctrl_left +ctrl_left -ctrl_left +ctrl_left -ctrl_left");
    for (int i = 1; i < 6; i++)
        CHECK(h.events[i].time_us >= h.events[i - 1].time_us);
    keys_close(source);
    CHECK_INT(h.n_lost, 0);
}

/* The times are the server's, on CLOCK_MONOTONIC: not earlier than what came before, nor later than now, whatever the
 * server's milliseconds cut off. */
static void times_are_of_the_monotonic_clock(void)
{
    heard h;
    char error[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    keys *source = keys_x11_open(display_name, &sink, error);
    if (!CHECK(source != NULL))
        return;
    int64_t from_us = clock_now_us() - 20000; /* coarse clocks run behind */
    tap(XK_Control_R);
    heard_wait(&h, 0, 2, false);
    int64_t to_us = clock_now_us() + 20000;
    keys_close(source);
    CHECK_INT(h.n, 2);
    CHECK(h.events[0].time_us >= from_us && h.events[1].time_us <= to_us);
}

static void each_key_has_its_name(void)
{
    static const struct {
        KeySym keysym;
        const char *heard;
    } rows[] = {
        {XK_Control_L, "+ctrl_left -ctrl_left"},
        {XK_Control_R, "+ctrl_right -ctrl_right"},
        {XK_Shift_L, "+shift_left -shift_left"},
        {XK_Shift_R, "+shift_right -shift_right"},
        {XK_Alt_L, "+alt_left -alt_left"},
        {XK_Alt_R, "+alt_right -alt_right"},
        {XK_Super_L, "+super_left -super_left"},
        {XK_Super_R, "+super_right -super_right"},
        {XK_Escape, "+escape -escape"},
        {XK_Scroll_Lock, "+scroll_lock -scroll_lock"},
        {XK_Pause, "+pause -pause"},
        {XK_F12, "+f12 -f12"},
        {XK_Caps_Lock, "+caps_lock -caps_lock"},
        {XK_Caps_Lock, "+caps_lock -caps_lock"},
        {XK_a, "+other -other"},
        {XK_F11, "+other -other"},
    };
    heard h;
    char error[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    keys *source = keys_x11_open(display_name, &sink, error);
    if (!CHECK(source != NULL))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int from = h.n;
        tap(rows[i].keysym);
        CHECK_STR(heard_wait(&h, from, from + 2, false), rows[i].heard);
    }
    keys_close(source);
}

static void buttons_and_scrolls_are_heard(void)
{
    heard h;
    char error[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    keys *source = keys_x11_open(display_name, &sink, error);
    if (!CHECK(source != NULL))
        return;
    for (unsigned button = 1; button <= 5; button += 2) { /* 5: scroll down */
        XTestFakeButtonEvent(client, button, True, CurrentTime);
        XTestFakeButtonEvent(client, button, False, CurrentTime);
    }
    tap(XK_Control_L);
    CHECK_STR(heard_wait(&h, 0, 5, false), "! ! ! +ctrl_left -ctrl_left");
    keys_close(source);
}

/* The server repeats a held key for its windows. A window of the client's counts the repeats; the source hears the key
 * once. */
static void auto_repeat_is_not_heard(void)
{
    heard h;
    char error[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    keys *source = keys_x11_open(display_name, &sink, error);
    Window window = XCreateSimpleWindow(client, DefaultRootWindow(client), 0, 0, 50, 50, 0, 0, 0);
    XEvent event;
    if (!CHECK(source != NULL))
        return;
    XSelectInput(client, window, KeyPressMask | StructureNotifyMask);
    XMapWindow(client, window);
    do
        XNextEvent(client, &event);
    while (event.type != MapNotify);
    XSetInputFocus(client, window, RevertToNone, CurrentTime);
    key(XK_a, true);
    for (int n = 0; n < 4;) {
        XNextEvent(client, &event);
        n += event.type == KeyPress;
    }
    key(XK_a, false);
    tap(XK_Control_L);
    CHECK_STR(heard_wait(&h, 0, 4, false), "+other -other +ctrl_left -ctrl_left");
    XDestroyWindow(client, window);
    XSync(client, True);
    keys_close(source);
}

static void keys_are_heard_during_a_grab(void)
{
    heard h;
    char error[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    keys *source = keys_x11_open(display_name, &sink, error);
    if (!CHECK(source != NULL))
        return;
    CHECK_INT(XGrabKeyboard(client, DefaultRootWindow(client), False, GrabModeAsync, GrabModeAsync, CurrentTime),
              GrabSuccess);
    tap(XK_Control_L);
    CHECK_STR(heard_wait(&h, 0, 2, false), "+ctrl_left -ctrl_left");
    XUngrabKeyboard(client, CurrentTime);
    XFlush(client);
    keys_close(source);
}

/* Ctrl is put on another key while the source listens, the key being held over the change. */
static void a_changed_keymap_is_followed(void)
{
    heard h;
    char error[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    keys *source = keys_x11_open(display_name, &sink, error);
    KeySym ctrl = XK_Control_R, was = XK_F10;
    KeyCode code = XKeysymToKeycode(client, XK_F10);
    if (!CHECK(source != NULL))
        return;
    XTestFakeKeyEvent(client, code, True, CurrentTime);
    XFlush(client);
    CHECK_STR(heard_wait(&h, 0, 1, false), "+other");
    XChangeKeyboardMapping(client, code, 1, &ctrl, 1);
    XSync(client, False);
    XTestFakeKeyEvent(client, code, False, CurrentTime);
    XFlush(client);
    CHECK_STR(heard_wait(&h, 1, 2, false), "-other");
    /* The source asks again when it hears of the change: it may hear a few taps before it has the answer. */
    for (int n = 2; n < 100 && (h.n == 2 || h.events[h.n - 1].key != KEY_CTRL_RIGHT); n += 2) {
        XTestFakeKeyEvent(client, code, True, CurrentTime);
        XTestFakeKeyEvent(client, code, False, CurrentTime);
        XFlush(client);
        heard_wait(&h, 0, n + 2, false);
    }
    CHECK_INT(h.events[h.n - 2].key, KEY_CTRL_RIGHT);
    CHECK_INT(h.events[h.n - 1].key, KEY_CTRL_RIGHT);
    XChangeKeyboardMapping(client, code, 1, &was, 1);
    XSync(client, False);
    keys_close(source);
}

static void wrong_displays_are_refused(void)
{
    static const char *const wrong[] = {":65000", "nonsense", "localhost:65000", ""};
    heard h;
    char error[KEYS_ERROR], *kept = NULL;
    keys_sink sink = heard_init(&h);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        error[0] = 0;
        CHECK(keys_x11_open(wrong[i], &sink, error) == NULL);
        CHECK(strstr(error, wrong[i]) != NULL && strlen(error) > 20);
    }
    if (getenv("DISPLAY"))
        kept = strdup(getenv("DISPLAY"));
    unsetenv("DISPLAY");
    CHECK(keys_x11_open(NULL, &sink, error) == NULL);
    CHECK_STR(error, "There is no X server to hear keys from: DISPLAY is not set");
    if (kept)
        setenv("DISPLAY", kept, 1);
    free(kept);
    CHECK_INT(h.n_lost, 0);
}

/* stderr goes into a pipe meanwhile: nothing may be written there. */
static void a_server_that_dies_is_told(void)
{
    heard h;
    char error[KEYS_ERROR], expected[KEYS_ERROR], written[200];
    int pipe_fds[2], kept = dup(2);
    keys_sink sink = heard_init(&h);
    keys *source = keys_x11_open(display_name, &sink, error);
    if (!CHECK(source != NULL) || !CHECK(pipe(pipe_fds) == 0))
        return;
    dup2(pipe_fds[1], 2);
    close(pipe_fds[1]);
    stop_server();
    heard_wait(&h, 0, 0, true);
    keys_close(source);
    dup2(kept, 2);
    close(kept);
    CHECK_INT(read(pipe_fds[0], written, sizeof written), 0);
    close(pipe_fds[0]);
    CHECK_INT(h.n_lost, 1);
    snprintf(expected, sizeof expected, "The connection to the X server %s broke, so its keys are not heard any more",
             display_name);
    CHECK_STR(h.why, expected);
    CHECK(keys_x11_open(display_name, &sink, error) == NULL);
    keys_close(NULL);
}

int main(void)
{
    if (!start_server())
        return check_skip_all("there is no Xvfb, or it does not start");
    client = XOpenDisplay(display_name);
    if (!client) {
        stop_server();
        return check_skip_all("Xvfb takes no client");
    }
    RUN(triple_tap_is_heard);
    RUN(times_are_of_the_monotonic_clock);
    RUN(each_key_has_its_name);
    RUN(buttons_and_scrolls_are_heard);
    RUN(auto_repeat_is_not_heard);
    RUN(keys_are_heard_during_a_grab);
    RUN(a_changed_keymap_is_followed);
    RUN(wrong_displays_are_refused);
    XCloseDisplay(client);
    RUN(a_server_that_dies_is_told);
    return check_done();
}
