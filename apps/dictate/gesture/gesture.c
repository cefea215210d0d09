/* SPDX-License-Identifier: MIT
 *
 * The gesture engine. An event goes through three stages:
 *
 *   feed      brings its time into order, and holds a release back until it is clear that it is no auto-repeat's
 *   key_*     which keys are down, and whether a press is alone
 *   track_*   what each binding counts; one track per binding, and only those that may start or stop something now
 *
 * A track that says START, STOP or CANCEL clears all tracks: what was counted before is used up, so that the release
 * of the last press, or another binding's count on the same keys, starts nothing else. */
#include "dictate/gesture/gesture.h"

#include <string.h>

enum {
    REPEAT_US = 1000,    /* a release and a press closer than this are one auto-repeat: no finger is so quick */
    STUCK_US = 10000000, /* a key silent for so long no longer counts as down for other keys' taps */
    LATE_US = 1000000,   /* an event older than the one before by more: the clock was set */
    GRACE_US = 100000,   /* a tick waits so much longer than an event */
    OTHERS_MAX = 256
};

#define TIME_LIMIT (INT64_C(1) << 60) /* keeps every sum and difference below in range */

/* What one call says. */
typedef struct gesture_list {
    gesture_event *out;
    int32_t n;
} gesture_list;

static void emit(gesture_list *said, gesture_act act, int32_t binding, int64_t time_us)
{
    if (said->n < GESTURE_EVENTS)
        said->out[said->n++] = (gesture_event){.act = act, .binding = binding, .time_us = time_us};
}

static int64_t us(int32_t ms)
{
    return (int64_t)ms * 1000;
}

static int64_t within_limit(int64_t time_us)
{
    return time_us > TIME_LIMIT ? TIME_LIMIT : time_us < -TIME_LIMIT ? -TIME_LIMIT : time_us;
}

static void clear_tracks(gesture_engine *engine)
{
    memset(engine->tracks, 0, sizeof engine->tracks);
    engine->cancel = (struct gesture_track){0};
}

static bool any_armed(const gesture_engine *engine)
{
    bool any = false;
    for (int32_t b = 0; b < engine->n_bindings; b++)
        any |= engine->tracks[b].armed;
    return any;
}

static void arm(gesture_engine *engine, int32_t b, int64_t time_us, gesture_list *said)
{
    if (!any_armed(engine))
        emit(said, GESTURE_ARM, b, time_us);
    engine->tracks[b].armed = true;
}

/* The track's count is void. */
static void void_track(gesture_engine *engine, int32_t b, int64_t time_us, gesture_list *said)
{
    bool was_armed = engine->tracks[b].armed;
    engine->tracks[b] = (struct gesture_track){0};
    if (was_armed && !any_armed(engine))
        emit(said, GESTURE_DISARM, b, time_us);
}

static void start(gesture_engine *engine, int32_t b, int64_t time_us, gesture_list *said)
{
    clear_tracks(engine);
    engine->recording = true;
    engine->recording_binding = b;
    emit(said, GESTURE_START, b, time_us);
}

static void end(gesture_engine *engine, gesture_act act, int32_t b, int64_t time_us, gesture_list *said)
{
    clear_tracks(engine);
    engine->recording = false;
    engine->recording_binding = -1;
    emit(said, act, act == GESTURE_CANCEL ? -1 : b, time_us);
}

/* Can binding b start or stop anything now? */
static bool listens(const gesture_engine *engine, int32_t b)
{
    return !engine->recording || engine->recording_binding == -1 || engine->recording_binding == b;
}

/* Is no key down but key and those in the mask besides? */
static bool alone(const gesture_engine *engine, gesture_key key, uint32_t besides, int64_t time_us)
{
    for (int k = KEY_OTHER + 1; k < N_GESTURE_KEYS; k++)
        if ((engine->down & ~besides) >> k & 1 && k != (int)key && time_us - engine->heard_us[k] <= STUCK_US)
            return false;
    return engine->n_others_down == 0 || time_us - engine->heard_us[KEY_OTHER] > STUCK_US;
}

/* A toggle is a single tap. */
static int32_t taps_wanted(const gesture_binding *binding)
{
    return binding->kind == GESTURE_TOGGLE ? 1 : binding->n_taps;
}

/* Something other than the binding's own key alone. */
static void track_spoil(gesture_engine *engine, int32_t b, int64_t time_us, gesture_list *said)
{
    const gesture_binding *binding = &engine->bindings[b];
    const struct gesture_track *track = &engine->tracks[b];
    if (!track->holding)
        void_track(engine, b, time_us, said);
    else if (binding->kind == GESTURE_HYBRID && time_us - track->press_us < us(binding->hold_ms))
        end(engine, GESTURE_CANCEL, b, time_us, said); /* a chord, no dictation */
}

static void press_taps(gesture_engine *engine, int32_t b, gesture_key key, int64_t time_us, gesture_list *said)
{
    const gesture_binding *binding = &engine->bindings[b];
    struct gesture_track *track = &engine->tracks[b];
    int32_t wanted = taps_wanted(binding);
    if (track->n_presses > 0 && (track->down || time_us - track->press_us > us(binding->gap_ms)))
        void_track(engine, b, time_us, said);
    track->n_presses++;
    track->down = key;
    track->press_us = time_us;
    if (engine->recording || wanted == 1)
        return;
    if (track->n_presses >= wanted)
        start(engine, b, time_us, said);
    else if (track->n_presses == wanted - 1 && wanted > 2)
        arm(engine, b, time_us, said);
}

static void track_press(gesture_engine *engine, int32_t b, gesture_key key, int64_t time_us, gesture_list *said)
{
    const gesture_binding *binding = &engine->bindings[b];
    struct gesture_track *track = &engine->tracks[b];
    if (!(binding->keys >> key & 1) || !alone(engine, key, 0, time_us)) {
        track_spoil(engine, b, time_us, said);
        return;
    }
    if (binding->kind == GESTURE_TAPS || binding->kind == GESTURE_TOGGLE) {
        press_taps(engine, b, key, time_us, said);
        return;
    }
    bool starts = binding->kind == GESTURE_HYBRID && !engine->recording;
    void_track(engine, b, time_us, said);
    if (starts)
        start(engine, b, time_us, said);
    *track = (struct gesture_track){.n_presses = 1, .down = key, .press_us = time_us, .holding = starts};
}

static void release_taps(gesture_engine *engine, int32_t b, int64_t time_us, gesture_list *said)
{
    const gesture_binding *binding = &engine->bindings[b];
    const struct gesture_track *track = &engine->tracks[b];
    int32_t wanted = taps_wanted(binding);
    if (time_us - track->press_us > us(binding->tap_ms))
        void_track(engine, b, time_us, said);
    else if (engine->recording && track->n_presses >= wanted)
        end(engine, GESTURE_STOP, b, time_us, said);
    else if (!engine->recording && wanted == 1)
        start(engine, b, time_us, said);
    else if (!engine->recording && wanted == 2)
        arm(engine, b, time_us, said);
}

static void track_release(gesture_engine *engine, int32_t b, gesture_key key, int64_t time_us, gesture_list *said)
{
    const gesture_binding *binding = &engine->bindings[b];
    struct gesture_track *track = &engine->tracks[b];
    if (track->down != key)
        return;
    track->down = KEY_OTHER;
    bool held = time_us - track->press_us >= us(binding->hold_ms), stops;
    switch (binding->kind) {
    case GESTURE_HOLD:
        stops = track->holding || (engine->recording && held);
        break;
    case GESTURE_HYBRID:
        stops = track->holding ? held : engine->recording && time_us - track->press_us <= us(binding->tap_ms);
        break;
    default:
        release_taps(engine, b, time_us, said);
        return;
    }
    if (stops)
        end(engine, GESTURE_STOP, b, time_us, said);
    else
        void_track(engine, b, time_us, said);
}

/* When an armed count is over. */
static int64_t expiry_us(const gesture_binding *binding, const struct gesture_track *track)
{
    int32_t ms = track->down && binding->tap_ms < binding->gap_ms ? binding->tap_ms : binding->gap_ms;
    return track->press_us + us(ms);
}

static bool waits_to_hold(const gesture_engine *engine, int32_t b)
{
    return engine->bindings[b].kind == GESTURE_HOLD && engine->tracks[b].down && !engine->recording;
}

/* When something falls due in a track by the time alone; INT64_MAX: nothing. */
static int64_t track_due_us(const gesture_engine *engine, int32_t b, int64_t grace_us)
{
    const gesture_binding *binding = &engine->bindings[b];
    const struct gesture_track *track = &engine->tracks[b];
    if (waits_to_hold(engine, b))
        return track->press_us + us(binding->hold_ms) / (track->armed ? 1 : 4);
    return track->armed ? expiry_us(binding, track) + grace_us + 1 : INT64_MAX;
}

static void track_fall_due(gesture_engine *engine, int32_t b, int64_t due_us, gesture_list *said)
{
    struct gesture_track track = engine->tracks[b];
    if (!waits_to_hold(engine, b)) {
        void_track(engine, b, expiry_us(&engine->bindings[b], &track), said);
    } else if (!track.armed) {
        arm(engine, b, due_us, said);
    } else {
        start(engine, b, due_us, said);
        track.armed = false;
        track.holding = true;
        engine->tracks[b] = track;
    }
}

/* The track in which something falls due next. */
static int32_t next_due(const gesture_engine *engine, int64_t grace_us, int64_t *due_us)
{
    int32_t next = -1;
    *due_us = INT64_MAX;
    for (int32_t b = 0; b < engine->n_bindings; b++) {
        int64_t track_us = track_due_us(engine, b, grace_us);
        if (track_us < *due_us) {
            *due_us = track_us;
            next = b;
        }
    }
    return next;
}

/* What falls due up to time_us, in the order of time. */
static void advance(gesture_engine *engine, int64_t time_us, int64_t grace_us, gesture_list *said)
{
    int64_t due_us;
    for (int32_t b; (b = next_due(engine, grace_us, &due_us)) >= 0 && due_us <= time_us;)
        track_fall_due(engine, b, due_us, said);
}

/* Keys that cancel now: not those that the recording's own gesture is made of. */
static uint32_t cancel_keys(const gesture_engine *engine)
{
    uint32_t keys = engine->recording ? engine->cancel_keys : 0;
    for (int32_t b = 0; b < engine->n_bindings; b++)
        if (listens(engine, b))
            keys &= ~engine->bindings[b].keys;
    return keys;
}

/* Keys that are down because they hold the recording. */
static uint32_t holding_keys(const gesture_engine *engine)
{
    uint32_t keys = 0;
    for (int32_t b = 0; b < engine->n_bindings; b++)
        if (engine->tracks[b].holding)
            keys |= 1u << engine->tracks[b].down;
    return keys;
}

/* A press of any key, or (KEY_OTHER, not counted as down) of a button. */
static void key_press(gesture_engine *engine, gesture_key key, int64_t time_us, gesture_list *said)
{
    bool was_recording = engine->recording;
    uint32_t holding = holding_keys(engine);
    for (int32_t b = 0; b < engine->n_bindings && engine->recording == was_recording; b++)
        if (listens(engine, b))
            track_press(engine, b, key, time_us, said);
    engine->cancel.down = KEY_OTHER;
    if (was_recording && cancel_keys(engine) >> key & 1 && alone(engine, key, holding, time_us))
        engine->cancel = (struct gesture_track){.down = key, .press_us = time_us};
}

static void key_release(gesture_engine *engine, gesture_key key, int64_t time_us, gesture_list *said)
{
    bool was_recording = engine->recording;
    engine->down &= ~(1u << key);
    for (int32_t b = 0; b < engine->n_bindings && engine->recording == was_recording; b++)
        if (listens(engine, b))
            track_release(engine, b, key, time_us, said);
    if (!engine->recording || engine->cancel.down != key)
        return;
    engine->cancel.down = KEY_OTHER;
    if (time_us - engine->cancel.press_us < us(GESTURE_HOLD_MS))
        end(engine, GESTURE_CANCEL, -1, time_us, said);
}

/* The release that was held back was one. */
static void settle_release(gesture_engine *engine, gesture_list *said)
{
    gesture_key key = engine->released;
    engine->released = KEY_OTHER;
    if (key)
        key_release(engine, key, engine->released_us, said);
}

/* A key without a name: only how many are down is known, so a missed release is one too many until STUCK_US mends it. */
static void feed_other(gesture_engine *engine, key_action action, int64_t time_us, gesture_list *said)
{
    if (action == KEY_RELEASE) {
        engine->n_others_down -= engine->n_others_down > 0;
    } else if (action == KEY_REPEAT) {
        engine->heard_us[KEY_OTHER] = time_us;
    } else {
        if (time_us - engine->heard_us[KEY_OTHER] > STUCK_US)
            engine->n_others_down = 0;
        engine->n_others_down += engine->n_others_down < OTHERS_MAX;
        engine->heard_us[KEY_OTHER] = time_us;
        key_press(engine, KEY_OTHER, time_us, said);
    }
}

static void feed_named(gesture_engine *engine, gesture_key key, key_action action, int64_t time_us, gesture_list *said)
{
    bool is_down = engine->down >> key & 1;
    if (action == KEY_RELEASE) {
        engine->released = is_down ? key : KEY_OTHER;
        engine->released_us = time_us;
        return;
    }
    if (is_down || action == KEY_PRESS)
        engine->heard_us[key] = time_us;
    if (is_down || action == KEY_REPEAT)
        return;
    engine->down |= 1u << key;
    key_press(engine, key, time_us, said);
}

/* Nothing is down, nothing counted. */
static void forget(gesture_engine *engine, int64_t time_us, gesture_list *said)
{
    if (holding_keys(engine))
        end(engine, GESTURE_STOP, engine->recording_binding, time_us, said);
    for (int32_t b = 0; b < engine->n_bindings; b++)
        void_track(engine, b, time_us, said);
    clear_tracks(engine);
    engine->down = 0;
    engine->n_others_down = 0;
    engine->released = KEY_OTHER;
    engine->latest_us = time_us;
}

static int32_t number(int32_t met, int32_t standard)
{
    return met <= 0 || met > 60000 ? standard : met;
}

void gesture_init(gesture_engine *engine, const gesture_binding *bindings, int32_t n_bindings, uint32_t cancel_keys)
{
    const uint32_t named = ((1u << N_GESTURE_KEYS) - 1) & ~(1u << KEY_OTHER);
    *engine = (gesture_engine){.cancel_keys = cancel_keys & named, .recording_binding = -1, .latest_us = -TIME_LIMIT};
    for (int32_t b = 0; b < n_bindings && b < GESTURE_BINDINGS; b++) {
        gesture_binding binding = bindings[b];
        binding.keys &= named;
        binding.n_taps = binding.n_taps < 2 ? 2 : binding.n_taps > GESTURE_TAPS_MAX ? GESTURE_TAPS_MAX : binding.n_taps;
        binding.gap_ms = number(binding.gap_ms, GESTURE_GAP_MS);
        binding.tap_ms = number(binding.tap_ms, GESTURE_TAP_MS);
        binding.hold_ms = number(binding.hold_ms, GESTURE_HOLD_MS);
        engine->bindings[engine->n_bindings++] = binding;
    }
}

void gesture_set_recording(gesture_engine *engine, bool recording, int32_t binding)
{
    if (!recording || binding < 0 || binding >= engine->n_bindings)
        binding = -1;
    if (engine->recording == recording && engine->recording_binding == binding)
        return;
    clear_tracks(engine);
    engine->recording = recording;
    engine->recording_binding = binding;
}

int32_t gesture_feed(gesture_engine *engine, const key_event *event, gesture_event *out)
{
    gesture_list said = {.out = out};
    int64_t time_us = within_limit(event->time_us);
    gesture_key key = (unsigned)event->key < N_GESTURE_KEYS ? event->key : KEY_OTHER;
    key_action action = event->action;
    if ((unsigned)action > KEY_POINTER)
        return 0;
    if (time_us < engine->latest_us - LATE_US)
        forget(engine, time_us, &said);
    if (time_us < engine->latest_us)
        time_us = engine->latest_us;
    engine->latest_us = time_us;
    if (action == KEY_PRESS && key && key == engine->released && time_us - engine->released_us <= REPEAT_US) {
        engine->released = KEY_OTHER;
        engine->heard_us[key] = time_us;
        return said.n;
    }
    settle_release(engine, &said);
    advance(engine, time_us, 0, &said);
    if (action == KEY_POINTER)
        key_press(engine, KEY_OTHER, time_us, &said);
    else if (key == KEY_OTHER)
        feed_other(engine, action, time_us, &said);
    else
        feed_named(engine, key, action, time_us, &said);
    return said.n;
}

int64_t gesture_deadline_us(const gesture_engine *engine)
{
    int64_t due_us = engine->released_us + REPEAT_US + 1;
    if (!engine->released) /* until that is settled nothing else falls due */
        next_due(engine, GRACE_US, &due_us);
    return due_us;
}

int32_t gesture_tick(gesture_engine *engine, int64_t now_us, gesture_event *out)
{
    gesture_list said = {.out = out};
    now_us = within_limit(now_us);
    if (engine->released && now_us <= engine->released_us + REPEAT_US)
        return 0;
    settle_release(engine, &said);
    advance(engine, now_us, GRACE_US, &said);
    return said.n;
}

int32_t gesture_reset(gesture_engine *engine, int64_t now_us, gesture_event *out)
{
    gesture_list said = {.out = out};
    forget(engine, within_limit(now_us), &said);
    return said.n;
}
