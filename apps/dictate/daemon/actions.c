/* SPDX-License-Identifier: MIT
 *
 * What each action of the machine (machine.h) means. An action that fails raises the event that says so, and the machine
 * goes on from there. */
#define _XOPEN_SOURCE 700
#include "dictate/daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The pre-roll, and more than enough for what lies in the microphone's buffers. */
static const int64_t CUES_HEARD_US = 2000000;

static void open_microphone(dictation *d, utterance *u, int64_t time_us)
{
    if (u->sound)
        return; /* since the arming */
    worker_prefault(d->worker);
    if (!setup_capture(d, dictation_now_us())) {
        snprintf(u->why, sizeof u->why, "%s", d->capture_trouble);
        dictation_event(d, u, ON_NO_CAPTURE, time_us);
        return;
    }
    if (u->state == STATE_ARMED && capture_is_bluetooth(d->capture, d->device_wanted)) {
        log_line(LOG_DEBUG, "audio",
                 "bluetooth: opened by the start alone, since opening changes the headset's profile");
        return;
    }
    recording_options options = {
        .id = u->id,
        .system = d->capture,
        .device = d->device_wanted[0] ? d->device_wanted : NULL,
        .spool_folder = d->spool_folder,
        .cue_volume = d->set->cue_volume,
        .box = d->box,
    };
    voice_options_init(&options.voice);
    options.voice.pause_ms = d->set->pause_ms;
    u->sound = recording_open(&options);
    if (!u->sound) {
        snprintf(u->why, sizeof u->why, "the microphone cannot be opened: out of memory or threads");
        dictation_event(d, u, ON_NO_CAPTURE, time_us);
    } else if (u->state == STATE_ARMED) {
        u->arm_us = dictation_now_us();
        latency_add(&d->latency, STAGE_ARM, time_us, u->arm_us);
    }
}

static void cue(dictation *d, cue_kind kind)
{
    cue_window played = {0};
    if (!d->capture || d->set->cue_volume <= 0
        || !cue_play(d->capture, kind, d->set->cue_volume, &played.from_us, &played.to_us))
        return;
    d->cues[d->n_cues++ % CUES_KEPT] = played;
    utterance *u = utterance_hearing(d);
    if (u && u->sound && u->state == STATE_RECORDING)
        recording_mask(u->sound, played.from_us, played.to_us);
}

static void begin(dictation *d, utterance *u, int64_t time_us)
{
    u->start_us = time_us;
    gesture_set_recording(&d->gestures, true, u->binding);
    d->warned_long = false;
    d->message[0] = 0;
    for (int32_t i = 0; i < CUES_KEPT; i++)
        if (d->cues[i].to_us > time_us - CUES_HEARD_US)
            recording_mask(u->sound, d->cues[i].from_us, d->cues[i].to_us);
    recording_begin(u->sound, time_us, &u->spoken);
    languages_begin(d, u);
    if (d->set->pause_media && !d->media_paused) {
        feedback_pause_media(d->feedback);
        d->media_paused = true;
    }
}

/* The recording is over, in whichever way. */
static void ended(dictation *d)
{
    gesture_set_recording(&d->gestures, false, -1);
    if (d->media_paused)
        feedback_resume_media(d->feedback);
    d->media_paused = false;
}

static void finish(dictation *d, utterance *u, int64_t time_us)
{
    u->stop_us = time_us ? time_us : dictation_now_us();
    ended(d);
    recording_finish(u->sound, u->stop_us);
    cue(d, CUE_STOP);
}

/* Is any utterance still on its way to its text? */
static bool another_open(const dictation *d)
{
    for (int32_t i = 0; i < d->n_utterances; i++)
        if (machine_is_open(d->utterances[i]->state))
            return true;
    return false;
}

static void close_sound(dictation *d, utterance *u, recording_fate fate)
{
    const bool cancelled = u->state == STATE_READY && fate == RECORDING_KEEP;
    const char *reason = cancelled             ? "cancelled"
                         : u->text && !u->kept ? "undelivered" /* but in the history */
                                               : "failed";     /* the next start tries again */
    if (cancelled) {
        if (!u->stop_us)
            ended(d);
        cue(d, CUE_CANCEL);
        if (!another_open(d))
            worker_cancel(d->worker); /* what it decodes is nobody's any more */
    }
    if (u->kept)
        fate = RECORDING_KEEP;
    /* Without a history nothing is left behind, but for words that never became text. */
    if (!d->history && ((u->text && !u->kept) || u->state == STATE_READY))
        fate = RECORDING_FORGET;
    recording_close(u->sound, fate, reason);
    u->sound = NULL;
}

static void deliver(dictation *d, utterance *u)
{
    free(d->last_text);
    d->last_text = strdup(u->text);
    d->last_history_id = 0;
    if (u->recovered) {
        dictation_say(d, LOG_INFO, "a recording of an earlier run was recovered; it is the last text%s",
                      d->history ? " and in the history" : "");
        dictation_event(d, u, ON_STORED, 0);
        return;
    }
    u->delivery = delivery_text(d, u->text, u->why);
    if (u->delivery < 0)
        dictation_event(d, u, ON_NO_RECEIPT, 0);
}

static void remember(dictation *d, utterance *u)
{
    char error[HISTORY_ERROR];
    char *text = strdup(u->text);
    d->n_dictations++;
    if (!d->history || !text) {
        u->kept |= d->history && u->state != STATE_DELIVERED;
        free(text);
        return;
    }
    for (size_t n = strlen(text); n && (text[n - 1] == ' ' || text[n - 1] == '\n'); n--)
        text[n - 1] = 0; /* the space before the next dictation is no word */
    const history_entry entry = {
        .time_ms = u->end_ms,
        .text = text,
        .model = u->model,
        .language = u->language,
        .target = u->target,
        .source = "dictate",
        .speech_seconds = u->speech_seconds,
        .latency_ms = u->stop_us ? (double)(u->text_us - u->stop_us) / 1000 : -1,
        .delivered = u->state == STATE_DELIVERED,
    };
    u->history_id = history_add(d->history, &entry, error);
    free(text);
    if (u->history_id < 0) {
        u->kept |= u->state != STATE_DELIVERED; /* its words are nowhere but in memory */
        dictation_say(d, LOG_WARNING, "%s", error);
    } else
        log_line(LOG_INFO, "history", "id=%lld", (long long)u->history_id);
    d->last_history_id = u->history_id > 0 ? u->history_id : 0;
}

static void alarm(dictation *d, utterance *u)
{
    if (u->recovered) { /* nobody waits for that one */
        dictation_say(d, LOG_INFO, "a recording of an earlier run gave no text: %s", u->why);
        return;
    }
    dictation_say(d, LOG_WARNING, "%s", u->why[0] ? u->why : "the text was not delivered");
    cue(d, CUE_FAILURE);
    if (d->set->notify)
        feedback_notify(d->feedback, u->state == STATE_NOT_DELIVERED ? "Not delivered" : "Dictation failed", d->message,
                        true);
}

void actions_do(dictation *d, utterance *u, uint32_t actions, int64_t time_us)
{
    const dictate_state state = u->state;
    if (actions & DO_OPEN)
        open_microphone(d, u, time_us);
    if (actions & DO_BEGIN && u->state == state)
        begin(d, u, time_us);
    if (actions & DO_ALARM)
        alarm(d, u);
    if (actions & DO_FINISH)
        finish(d, u, time_us);
    if (actions & DO_DELIVER)
        deliver(d, u);
    if (actions & DO_REMEMBER)
        remember(d, u);
    if (actions & (DO_CLOSE | DO_FORGET | DO_KEEP))
        close_sound(d, u, actions & DO_KEEP ? RECORDING_KEEP : RECORDING_FORGET);
    if (state == STATE_DELIVERED || state == STATE_NOT_DELIVERED || state == STATE_ERROR)
        u->shown_until_us = dictation_now_us() + SHOWN_MS * 1000;
}
