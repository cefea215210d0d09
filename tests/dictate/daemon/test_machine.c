/* SPDX-License-Identifier: MIT
 * The state machine: the roads that people take, and what must hold on every road. */
#include "check.h"
#include "dictate/daemon/latency.h"
#include "dictate/daemon/machine.h"

#include <string.h>

static dictate_state walk(const machine_event *events, size_t n, uint32_t *all)
{
    dictate_state state = STATE_READY;
    uint32_t actions;
    *all = 0;
    for (size_t i = 0; i < n; i++) {
        machine_step(&state, events[i], &actions);
        *all |= actions;
    }
    return state;
}

#define WALK(all, ...) \
    walk((const machine_event[]){__VA_ARGS__}, sizeof((machine_event[]){__VA_ARGS__}) / sizeof(machine_event), &(all))

static void roads(void)
{
    uint32_t all;
    CHECK(WALK(all, ON_ARM, ON_START, ON_STOP, ON_TEXT, ON_RECEIPT) == STATE_DELIVERED);
    CHECK((all & (DO_REMEMBER | DO_FORGET)) == (DO_REMEMBER | DO_FORGET) && !(all & (DO_KEEP | DO_ALARM)));
    CHECK(WALK(all, ON_START, ON_STOP, ON_TEXT, ON_NO_RECEIPT) == STATE_NOT_DELIVERED);
    CHECK(all & DO_KEEP && all & DO_ALARM && all & DO_REMEMBER && !(all & DO_FORGET));
    CHECK(WALK(all, ON_ARM, ON_DISARM) == STATE_READY && all == (DO_OPEN | DO_CLOSE));
    CHECK(WALK(all, ON_START, ON_CANCEL) == STATE_READY && all & DO_KEEP);
    CHECK(WALK(all, ON_START, ON_STOP, ON_NO_SPEECH) == STATE_READY && all & DO_FORGET);
    CHECK(WALK(all, ON_START, ON_STOP, ON_NO_TEXT) == STATE_NOT_DELIVERED && all & DO_KEEP);
    CHECK(WALK(all, ON_START, ON_CAPTURE_FAILED, ON_TEXT, ON_RECEIPT) == STATE_DELIVERED);
    CHECK(WALK(all, ON_START, ON_STOP, ON_DECODE_FAILED) == STATE_ERROR && all & DO_KEEP && all & DO_ALARM);
    CHECK(WALK(all, ON_STOP, ON_TEXT, ON_RECEIPT, ON_CANCEL) == STATE_READY && all == 0);
}

/* Every road of five events that begins with an arming or a start: no words are dropped that were not delivered, kept, cancelled or
 * empty; the microphone is open in armed and recording alone, and never opened twice. */
static void laws(void)
{
    int lost = 0, open = 0, twice = 0;
    int64_t n = 1;
    for (int k = 0; k < 5; k++)
        n *= N_MACHINE_EVENTS;
    for (int64_t code = 0; code < 2 * n; code++) {
        dictate_state state = STATE_READY;
        bool hearing = false, spoken = false, safe = false;
        int64_t c = code / 2;
        for (int k = 0; k < 6; k++) {
            const machine_event event = k ? (machine_event)(c % N_MACHINE_EVENTS) : code % 2 ? ON_ARM : ON_START;
            uint32_t actions;
            c /= k ? N_MACHINE_EVENTS : 1;
            if (!machine_step(&state, event, &actions))
                continue;
            if (actions & DO_OPEN)
                twice += hearing && event != ON_START, hearing = true, spoken = safe = false;
            if (actions & (DO_CLOSE | DO_FINISH))
                hearing = false;
            if (actions & DO_BEGIN)
                spoken = true;
            if (event == ON_NO_CAPTURE)
                hearing = spoken = false; /* there was none */
            if (actions & (DO_KEEP | DO_REMEMBER) || event == ON_NO_SPEECH)
                safe = true;
            lost += actions & (DO_CLOSE | DO_FORGET) && spoken && !safe;
            lost += state == STATE_READY && spoken && !safe;
            open += hearing && !machine_is_hearing(state);
            if (state == STATE_READY)
                spoken = safe = false;
        }
    }
    CHECK(lost == 0);
    CHECK(open == 0);
    CHECK(twice == 0);
}

static void what_is_shown(void)
{
    const dictate_state finishing_and_recording[] = {STATE_FINISHING, STATE_RECORDING},
                        outcomes[] = {STATE_NOT_DELIVERED, STATE_DELIVERED},
                        delivering[] = {STATE_DELIVERED, STATE_DELIVERING};
    CHECK(machine_shown(finishing_and_recording, 2, false, false) == STATE_RECORDING);
    CHECK(machine_shown(outcomes, 2, false, false) == STATE_DELIVERED);
    CHECK(machine_shown(delivering, 2, false, false) == STATE_DELIVERING);
    CHECK(machine_shown(NULL, 0, true, false) == STATE_LOADING);
    CHECK(machine_shown(NULL, 0, false, true) == STATE_ERROR);
    CHECK(machine_shown(NULL, 0, false, false) == STATE_READY);
}

static void times(void)
{
    static latency l;
    for (int i = 1; i <= 100; i++)
        latency_add(&l, STAGE_TOTAL, 1000, 1000 + i * 1000);
    latency_add(&l, STAGE_TOTAL, 0, 5);
    CHECK(latency_part(&l, STAGE_TOTAL, 0.5) == 50 && latency_part(&l, STAGE_TOTAL, 0.95) == 95);
    CHECK(latency_part(&l, STAGE_ARM, 0.5) == 0);
    for (int i = 0; i < 1000; i++)
        latency_add(&l, STAGE_TOTAL, 1000, 2000);
    CHECK(latency_part(&l, STAGE_TOTAL, 0.95) == 1);
}

int main(void)
{
    RUN(roads);
    RUN(laws);
    RUN(what_is_shown);
    RUN(times);
    return check_done();
}
