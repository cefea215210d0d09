/* SPDX-License-Identifier: MIT
 *
 * The one state machine of dictation, pure: what an utterance goes through, from the second tap to the receipt. Each
 * utterance has a state of its own, so that the next one can be spoken while the last is still being decoded; what people see
 * is made from them by machine_shown().
 *
 *   (nothing) --arm--> armed --start--> recording --stop--> finishing --text--> delivering --receipt--> delivered
 *
 * STATE_READY stands for "no utterance": where it begins, and where it ends without anything to show. */
#ifndef DICTATE_MACHINE_H
#define DICTATE_MACHINE_H

#include "dictate/screen/screen.h"

#define MACHINE_EVENTS(X)                                                           \
    X(ON_ARM, "a start may follow")                                                 \
    X(ON_DISARM, "it did not")                                                      \
    X(ON_START, "the words that follow are meant")                                  \
    X(ON_STOP, "no more are")                                                       \
    X(ON_CANCEL, "they are not wanted after all")                                   \
    X(ON_NO_CAPTURE, "there is no microphone")                                      \
    X(ON_CAPTURE_FAILED, "the microphone could not be opened, or is lost for good") \
    X(ON_CAPTURE_ENDED, "a source that is a file is at its end")                    \
    X(ON_TEXT, "the whole text is there")                                           \
    X(ON_NO_SPEECH, "there was no speech in it")                                    \
    X(ON_NO_TEXT, "there was speech, but no text came of it")                       \
    X(ON_DECODE_FAILED, "the worker cannot do it")                                  \
    X(ON_RECEIPT, "the target has read the text")                                   \
    X(ON_NO_RECEIPT, "it has not")                                                  \
    X(ON_STORED, "it was for the history alone")                                    \
    X(ON_SHOWN, "the outcome was shown long enough")

typedef enum machine_event {
#define MACHINE_EVENT_ENUM(name, meaning) name,
    MACHINE_EVENTS(MACHINE_EVENT_ENUM)
#undef MACHINE_EVENT_ENUM
        N_MACHINE_EVENTS
} machine_event;

/* What the daemon does on a transition, in this order. */
enum machine_action {
    DO_OPEN = 1 << 0,    /* the microphone unless it is open, sound into memory; the model's pages read ahead */
    DO_BEGIN = 1 << 1,   /* what comes is an utterance: spool it, decode as it goes; start cue after the first buffer */
    DO_FINISH = 1 << 2,  /* no more sound; stop cue; decode the rest */
    DO_CLOSE = 1 << 3,   /* the microphone, at once */
    DO_DELIVER = 1 << 4, /* the text to the cursor */
    DO_REMEMBER = 1 << 5, /* into the history */
    DO_FORGET = 1 << 6,   /* remove the sound from the spool */
    DO_KEEP = 1 << 7,     /* leave the sound in the spool, with the reason */
    DO_ALARM = 1 << 8     /* failure cue, notification */
};

/* One step of one utterance. False: the event means nothing in this state, and nothing is to be done. */
bool machine_step(dictate_state *state, machine_event event, uint32_t *actions);
/* Is an utterance in this state still in need of the microphone, of anything at all? */
bool machine_is_hearing(dictate_state state);
bool machine_is_open(dictate_state state);
const char *machine_event_text(machine_event event);

/* What to show: states of all utterances, oldest first; model_loading and model_failed speak of the worker when nothing else is
 * going on. */
dictate_state machine_shown(const dictate_state *states, int32_t n_states, bool model_loading, bool model_failed);

#endif
