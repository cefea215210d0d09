/* SPDX-License-Identifier: MIT
 *
 * The kernel's codes into gesture keys. Codes are places on the keyboard, before any layout: a Ctrl that the layout puts
 * elsewhere is heard where it is printed. */
#define _GNU_SOURCE
#include "dictate/keys/evdev_feed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct {
    uint16_t code;
    gesture_key key;
} codes[] = {
    {KEY_LEFTCTRL, KEY_CTRL_LEFT},     {KEY_RIGHTCTRL, KEY_CTRL_RIGHT},   {KEY_LEFTSHIFT, KEY_SHIFT_LEFT},
    {KEY_RIGHTSHIFT, KEY_SHIFT_RIGHT}, {KEY_LEFTALT, KEY_ALT_LEFT},       {KEY_RIGHTALT, KEY_ALT_RIGHT},
    {KEY_LEFTMETA, KEY_SUPER_LEFT},    {KEY_RIGHTMETA, KEY_SUPER_RIGHT},  {KEY_ESC, KEY_ESCAPE},
    {KEY_CAPSLOCK, KEY_CAPS_LOCK},     {KEY_SCROLLLOCK, KEY_SCROLL_LOCK}, {KEY_PAUSE, KEY_PAUSE_BREAK},
    {KEY_F12, KEY_FUNCTION_12},
};

static gesture_key key_of(uint16_t code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            return codes[i].key;
    return KEY_OTHER;
}

bool evdev_is_gesture_key(uint16_t code)
{
    return key_of(code) != KEY_OTHER;
}

int64_t evdev_time_us(const struct input_event *event)
{
    /* Foreign bytes: no overflow, whatever they are. */
    int64_t seconds = (int64_t)event->input_event_sec % 1000000000000, us = (int64_t)event->input_event_usec % 1000000;
    return seconds * 1000000 + us;
}

void evdev_feed_lift(evdev_feed *feed, int64_t time_us)
{
    keys_post(feed->source, time_us, KEY_OTHER, KEY_POINTER);
    for (int key = KEY_OTHER + 1; key < N_GESTURE_KEYS; key++)
        if (feed->down >> key & 1)
            keys_post(feed->source, time_us, (gesture_key)key, KEY_RELEASE);
    for (; feed->n_others_down > 0; feed->n_others_down--)
        keys_post(feed->source, time_us, KEY_OTHER, KEY_RELEASE);
    feed->down = 0;
}

static void feed_key(evdev_feed *feed, uint16_t code, int32_t value, int64_t time_us)
{
    gesture_key key = key_of(code);
    if (code >= BTN_MOUSE && code <= BTN_TASK) {
        if (value == 1)
            keys_post(feed->source, time_us, KEY_OTHER, KEY_POINTER);
        return;
    }
    if (code >= BTN_MISC && code < KEY_OK) /* joysticks, pens, fingers on a pad: no keys */
        return;
    if (value == 2) {
        keys_post(feed->source, time_us, key, KEY_REPEAT);
    } else if (value == 1 || value == 0) {
        keys_post(feed->source, time_us, key, value ? KEY_PRESS : KEY_RELEASE);
        feed->down = value ? feed->down | 1u << key : feed->down & ~(1u << key);
        if (key == KEY_OTHER && (value || feed->n_others_down > 0) && feed->n_others_down < 256)
            feed->n_others_down += value ? 1 : -1;
    }
}

static bool is_scroll(uint16_t code)
{
    return code == REL_WHEEL || code == REL_HWHEEL || code == REL_WHEEL_HI_RES || code == REL_HWHEEL_HI_RES;
}

void evdev_feed_event(evdev_feed *feed, const struct input_event *event, int64_t time_us)
{
    if (event->type == EV_SYN && event->code == SYN_DROPPED) {
        evdev_feed_lift(feed, time_us);
        feed->dropped = true;
    } else if (event->type == EV_SYN && event->code == SYN_REPORT) {
        feed->dropped = false;
    } else if (feed->dropped) {
        return;
    } else if (event->type == EV_KEY) {
        feed_key(feed, event->code, event->value, time_us);
    } else if (event->type == EV_REL && is_scroll(event->code)) {
        keys_post(feed->source, time_us, KEY_OTHER, KEY_POINTER);
    }
}

int evdev_records_next(evdev_records *records, struct input_event *event)
{
    if (records->n_bytes - records->at < sizeof *event) {
        records->n_bytes -= records->at;
        memmove(records->bytes, records->bytes + records->at, records->n_bytes);
        records->at = 0;
        ssize_t n = read(records->fd, records->bytes + records->n_bytes, sizeof records->bytes - records->n_bytes);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0) {
            errno = n < 0 ? errno : 0;
            return -1;
        }
        records->n_bytes += (size_t)n;
        if (records->n_bytes < sizeof *event)
            return 0;
    }
    memcpy(event, records->bytes + records->at, sizeof *event);
    records->at += sizeof *event;
    return 1;
}
