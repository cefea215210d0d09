/* SPDX-License-Identifier: MIT
 *
 * Fingers for tests: presses keys by XTEST, with a person's timing.
 *
 *   tap ACTION...        triple: Ctrl three times; taps:N; cc: Ctrl+C three times quickly; key:KEYSYM; down:KEYSYM;
 *                        up:KEYSYM; wait:MS
 *
 * Each action prints "ACTION US", the monotonic time of its last event. */
#define _POSIX_C_SOURCE 200809L
#include <X11/XKBlib.h>
#include <X11/Xlib.h>
#include <X11/extensions/XTest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static Display *display;
static long long last_us;

static void wait_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    XFlush(display);
    while (nanosleep(&t, &t) != 0)
        ;
}

static void send(const char *keysym, int down)
{
    struct timespec t;
    KeyCode code = XKeysymToKeycode(display, XStringToKeysym(keysym));
    if (code == 0) {
        fprintf(stderr, "tap: no key gives %s\n", keysym);
        exit(2);
    }
    XTestFakeKeyEvent(display, code, down, 0);
    XSync(display, False);
    clock_gettime(CLOCK_MONOTONIC, &t);
    last_us = (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void press(const char *keysym, long ms)
{
    send(keysym, 1);
    wait_ms(ms);
    send(keysym, 0);
}

static void act(const char *action)
{
    const char *argument = strchr(action, ':');
    argument = argument ? argument + 1 : "";
    if (strcmp(action, "triple") == 0 || strncmp(action, "taps:", 5) == 0) {
        int n = *argument ? atoi(argument) : 3;
        for (int i = 0; i < n; i++) {
            if (i)
                wait_ms(90);
            press("Control_L", 40);
        }
    } else if (strcmp(action, "cc") == 0) {
        for (int i = 0; i < 3; i++) {
            send("Control_L", 1);
            wait_ms(15);
            press("c", 25);
            wait_ms(10);
            send("Control_L", 0);
            wait_ms(80);
        }
    } else if (strncmp(action, "key:", 4) == 0)
        press(argument, 25);
    else if (strncmp(action, "down:", 5) == 0)
        send(argument, 1);
    else if (strncmp(action, "up:", 3) == 0)
        send(argument, 0);
    else if (strncmp(action, "wait:", 5) == 0)
        wait_ms(atol(argument));
    else {
        fprintf(stderr, "tap: what is '%s'?\n", action);
        exit(2);
    }
    printf("%s %lld\n", action, last_us);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    display = XOpenDisplay(NULL);
    if (!display) {
        fprintf(stderr, "tap: no display\n");
        return 2;
    }
    for (int i = 1; i < argc; i++)
        act(argv[i]);
    XCloseDisplay(display);
    return 0;
}
