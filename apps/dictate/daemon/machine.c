/* SPDX-License-Identifier: MIT
 *
 * See machine.h. The table is the machine: one row for each event that means something in a state. */
#include "dictate/daemon/machine.h"

static const struct row {
    dictate_state from;
    machine_event event;
    dictate_state to;
    uint32_t actions;
} rows[] = {
    {STATE_READY, ON_ARM, STATE_ARMED, DO_OPEN},
    {STATE_READY, ON_START, STATE_RECORDING, DO_OPEN | DO_BEGIN}, /* by command, or a gesture that gives no warning */

    {STATE_ARMED, ON_START, STATE_RECORDING, DO_OPEN | DO_BEGIN},
    {STATE_ARMED, ON_DISARM, STATE_READY, DO_CLOSE},
    {STATE_ARMED, ON_CANCEL, STATE_READY, DO_CLOSE},
    {STATE_ARMED, ON_NO_CAPTURE, STATE_READY, 0}, /* told only if the start does come */
    {STATE_ARMED, ON_CAPTURE_FAILED, STATE_READY, DO_CLOSE},

    {STATE_RECORDING, ON_STOP, STATE_FINISHING, DO_FINISH},
    {STATE_RECORDING, ON_CAPTURE_ENDED, STATE_FINISHING, DO_FINISH},
    {STATE_RECORDING, ON_NO_CAPTURE, STATE_ERROR, DO_ALARM},
    {STATE_RECORDING, ON_CAPTURE_FAILED, STATE_FINISHING, DO_FINISH}, /* what was recorded counts */
    {STATE_RECORDING, ON_CANCEL, STATE_READY, DO_CLOSE | DO_KEEP},

    {STATE_FINISHING, ON_TEXT, STATE_DELIVERING, DO_DELIVER},
    {STATE_FINISHING, ON_NO_SPEECH, STATE_READY, DO_FORGET},
    {STATE_FINISHING, ON_NO_TEXT, STATE_NOT_DELIVERED, DO_KEEP | DO_ALARM},
    {STATE_FINISHING, ON_DECODE_FAILED, STATE_ERROR, DO_KEEP | DO_ALARM},
    {STATE_FINISHING, ON_CANCEL, STATE_READY, DO_KEEP},

    {STATE_DELIVERING, ON_RECEIPT, STATE_DELIVERED, DO_REMEMBER | DO_FORGET},
    {STATE_DELIVERING, ON_NO_RECEIPT, STATE_NOT_DELIVERED, DO_REMEMBER | DO_KEEP | DO_ALARM},

    {STATE_DELIVERING, ON_STORED, STATE_READY, DO_REMEMBER | DO_FORGET},

    {STATE_DELIVERED, ON_SHOWN, STATE_READY, 0},
    {STATE_NOT_DELIVERED, ON_SHOWN, STATE_READY, 0},
    {STATE_ERROR, ON_SHOWN, STATE_READY, 0},
};

bool machine_step(dictate_state *state, machine_event event, uint32_t *actions)
{
    *actions = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].from == *state && rows[i].event == event) {
            *state = rows[i].to;
            *actions = rows[i].actions;
            return true;
        }
    return false;
}

bool machine_is_hearing(dictate_state state)
{
    return state == STATE_ARMED || state == STATE_RECORDING;
}

bool machine_is_open(dictate_state state)
{
    return machine_is_hearing(state) || state == STATE_FINISHING || state == STATE_DELIVERING;
}

const char *machine_event_text(machine_event event)
{
    static const char *const texts[] = {
#define MACHINE_EVENT_TEXT(name, meaning) meaning,
        MACHINE_EVENTS(MACHINE_EVENT_TEXT)
#undef MACHINE_EVENT_TEXT
    };
    return texts[event];
}

dictate_state machine_shown(const dictate_state *states, int32_t n_states, bool model_loading, bool model_failed)
{
    dictate_state last = STATE_READY;
    for (int32_t i = n_states - 1; i >= 0; i--) /* the microphone first */
        if (machine_is_hearing(states[i]))
            return states[i];
    for (int32_t i = 0; i < n_states; i++) { /* then what takes longest, then the newest outcome */
        if (machine_is_open(states[i]))
            return states[i];
        if (states[i] != STATE_READY)
            last = states[i];
    }
    if (last != STATE_READY)
        return last;
    return model_failed ? STATE_ERROR : model_loading ? STATE_LOADING : STATE_READY;
}
