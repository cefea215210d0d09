/* SPDX-License-Identifier: MIT
 *
 * The gesture engine: any bindings, then any events, ticks, resets and words of the owner. Input: one byte with the
 * number of bindings, two with the cancel keys, 7 bytes a binding; then records of 4 bytes: what, key, and a step of
 * time. The whole is tried as a binding's text, too, whose languages are read again as they are written.
 *
 * Asked of it: the rules of gesture_rules.h, at every step. */
#include "dictate/gesture/gesture_rules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *data;
    size_t size;
} input;

static uint32_t take(input *in, int n_bytes)
{
    uint32_t value = 0;
    for (; n_bytes > 0; n_bytes--) {
        value = value << 8 | (in->size ? *in->data : 0);
        in->data += in->size > 0;
        in->size -= in->size > 0;
    }
    return value;
}

static void take_bindings(input *in, gesture_watch *watch)
{
    gesture_binding bindings[GESTURE_BINDINGS];
    int32_t n = (int32_t)(take(in, 1) % (GESTURE_BINDINGS + 1));
    uint32_t cancel_keys = take(in, 2);
    for (int32_t b = 0; b < n; b++) {
        uint32_t kind = take(in, 1);
        bindings[b] = (gesture_binding){.kind = (gesture_kind)(kind & 3),
                                        .n_taps = (int32_t)(kind >> 2 & 7),
                                        .keys = take(in, 2),
                                        .gap_ms = (int32_t)take(in, 1) * 8,
                                        .tap_ms = (int32_t)take(in, 1) * 4,
                                        .hold_ms = (int32_t)take(in, 2)};
    }
    watch_init(watch, bindings, n, cancel_keys);
}

/* Microseconds: fine steps, coarse ones, back ones, and times from nowhere. */
static int64_t step_us(int64_t from_us, uint32_t step)
{
    switch (step >> 13) {
    case 0:
        return from_us + (step & 0x1FFF);
    case 6:
        return from_us - (step & 0x1FFF) * 1000;
    case 7:
        return (int64_t)(step & 0x1FFF) * (INT64_MAX / 0x1FFF) - ((step & 1) ? INT64_MAX : 0);
    default:
        return from_us + (int64_t)(step & 0x1FFF) * 100;
    }
}

static const char *take_record(input *in, gesture_watch *watch, int64_t *us)
{
    uint32_t what = take(in, 1), key = take(in, 1);
    *us = step_us(*us < -(INT64_C(1) << 60) || *us > INT64_C(1) << 60 ? 0 : *us, take(in, 2));
    switch (what & 15) {
    case 0:
        return watch_reset(watch, *us);
    case 1:
        return watch_set_recording(watch, key & 1, (int32_t)(key >> 1) - 2);
    case 2:
    case 3:
        return watch_tick(watch, *us);
    default:
        return watch_feed(watch, &(key_event){*us, (gesture_key)(key & 31), (key_action)((what & 15) - 4)});
    }
}

static void try_text(const uint8_t *data, size_t size)
{
    char text[64], error[200];
    gesture_binding binding;
    size = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, size);
    text[size] = 0;
    error[0] = 0;
    if (gesture_parse(text, &binding, error, sizeof error) != (error[0] == 0))
        abort();
    char languages[SPOKEN_TEXT], again[SPOKEN_TEXT];
    spoken_as read;
    if (error[0] == 0 && spoken_is_said(&binding.spoken)
        && (!spoken_parse(spoken_text(&binding.spoken, "", languages), &read)
            || strcmp(spoken_text(&read, "", again), languages) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    gesture_watch watch;
    int64_t us = 0;
    try_text(data, size);
    take_bindings(&in, &watch);
    while (in.size >= 4)
        if (take_record(&in, &watch, &us))
            abort();
    return 0;
}
