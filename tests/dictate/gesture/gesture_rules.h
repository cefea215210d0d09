/* SPDX-License-Identifier: MIT
 *
 * What must hold whatever the events are: an engine, and a watcher of what it says. For the random tests and the fuzz
 * target. Each call returns NULL or the rule that was broken. */
#ifndef TEST_GESTURE_RULES_H
#define TEST_GESTURE_RULES_H

#include "dictate/gesture/gesture.h"

#include <stddef.h>

typedef struct gesture_watch {
    gesture_engine engine;
    bool recording, armed;
    gesture_event out[GESTURE_EVENTS]; /* of the last call */
    int32_t n_out;
} gesture_watch;

static inline const char *watch_event(gesture_watch *watch, const gesture_event *event)
{
    bool was_recording = watch->recording, was_armed = watch->armed;
    if (event->binding < -1 || event->binding >= watch->engine.n_bindings)
        return "a gesture is of a binding that there is";
    switch (event->act) {
    case GESTURE_ARM:
        watch->armed = true;
        return was_recording ? "no ARM while recording" : was_armed ? "one ARM at a time" : NULL;
    case GESTURE_DISARM:
        watch->armed = false;
        return was_armed ? NULL : "DISARM comes after ARM";
    case GESTURE_START:
        watch->recording = true;
        watch->armed = false;
        return was_recording ? "no START while recording" : event->binding < 0 ? "START is of a binding" : NULL;
    case GESTURE_STOP:
    case GESTURE_CANCEL:
        watch->recording = false;
        if (event->act == GESTURE_CANCEL && event->binding != -1)
            return "CANCEL is of no binding";
        return was_recording ? NULL : "STOP and CANCEL come while recording";
    }
    return "an act is one of five";
}

static inline const char *watch_all(gesture_watch *watch)
{
    const char *broken = NULL;
    if (watch->n_out < 0 || watch->n_out >= GESTURE_EVENTS)
        return "there is room to spare for what is said"; /* a full list may have lost something */
    for (int32_t i = 0; i < watch->n_out && !broken; i++)
        broken = watch_event(watch, &watch->out[i]);
    if (!broken && watch->recording != watch->engine.recording)
        broken = "the engine knows what it said";
    return broken;
}

static inline void watch_init(gesture_watch *watch, const gesture_binding *bindings, int32_t n, uint32_t cancel_keys)
{
    *watch = (gesture_watch){0};
    gesture_init(&watch->engine, bindings, n, cancel_keys);
}

static inline const char *watch_feed(gesture_watch *watch, const key_event *event)
{
    watch->n_out = gesture_feed(&watch->engine, event, watch->out);
    return watch_all(watch);
}

static inline const char *watch_tick(gesture_watch *watch, int64_t now_us)
{
    watch->n_out = gesture_tick(&watch->engine, now_us, watch->out);
    const char *broken = watch_all(watch);
    int64_t next_us = gesture_deadline_us(&watch->engine);
    if (!broken && next_us <= now_us && now_us < INT64_C(1) << 60)
        broken = "a tick at its time leaves nothing due";
    return broken;
}

static inline const char *watch_reset(gesture_watch *watch, int64_t now_us)
{
    watch->n_out = gesture_reset(&watch->engine, now_us, watch->out);
    const char *broken = watch_all(watch);
    return broken ? broken : watch->armed ? "a reset disarms" : NULL;
}

static inline const char *watch_set_recording(gesture_watch *watch, bool recording, int32_t binding)
{
    bool changes = recording != watch->recording;
    gesture_set_recording(&watch->engine, recording, binding);
    watch->recording = recording;
    if (changes)
        watch->armed = false;
    return watch->engine.recording == recording ? NULL : "the owner is believed";
}

#endif
