/* SPDX-License-Identifier: MIT
 *
 * The daemon's loop. Everything that happens comes here as mail, as a command, as a signal or by the clock, and is handled on
 * this one thread, which waits for nothing but poll(). */
#define _GNU_SOURCE
#include "dictate/daemon/daemon.h"

#include "common/cli.h"
#include "common/say.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MAX = 64, TIDY_SECONDS = 3600 };

int64_t dictation_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* To the log and to whoever looks at the screen or follows. */
void dictation_say(dictation *d, log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(d->message, sizeof d->message, format, arguments);
    va_end(arguments);
    size_t n = strlen(d->message);
    if (n && d->message[n - 1] == '.') /* some parts speak in whole sentences */
        d->message[n - 1] = 0;
    log_line(level, "dictate", "%s", d->message);
    if (level <= LOG_WARNING && !d->screen
        && (log_path()[0] || d->log_missing)) /* in the journal it is on stderr already */
        say(level == LOG_ERROR ? "error" : "warning", "dictate", "%s", d->message);
    d->view_us = 0;
}

bool dictation_event(dictation *d, utterance *u, machine_event event, int64_t time_us)
{
    const dictate_state before = u->state;
    uint32_t actions;
    if (!machine_step(&u->state, event, &actions)) {
        log_line(LOG_DEBUG, "state", "utterance=%lld state=%s ignored=\"%s\"", (long long)u->id,
                 dictate_state_text(before), machine_event_text(event));
        return false;
    }
    log_line(LOG_INFO, "state", "utterance=%lld from=\"%s\" to=\"%s\"", (long long)u->id, dictate_state_text(before),
             dictate_state_text(u->state));
    d->view_us = 0;
    const bool was_open = machine_is_open(before);
    actions_do(d, u, actions, time_us);
    if (was_open && !machine_is_open(u->state))
        orders_outcome(d, u, event);
    return true;
}

void dictation_gesture(dictation *d, const gesture_event *gesture, const spoken_as *asked)
{
    static const machine_event events[] = {
        [GESTURE_ARM] = ON_ARM,   [GESTURE_DISARM] = ON_DISARM, [GESTURE_START] = ON_START,
        [GESTURE_STOP] = ON_STOP, [GESTURE_CANCEL] = ON_CANCEL,
    };
    utterance *u = utterance_hearing(d);
    bool fresh = gesture->act == GESTURE_ARM || gesture->act == GESTURE_START;
    if (!u && fresh)
        u = utterance_new(d);
    if (!u) {
        if (fresh) {
            gesture_set_recording(&d->gestures, false, -1);
            dictation_say(d, LOG_WARNING, "%d dictations are still waiting to be delivered; this one was not begun",
                          UTTERANCES_MAX);
        }
        return;
    }
    if (fresh && u->state != STATE_RECORDING) {
        u->binding = gesture->binding;
        u->spoken = languages_of(d, gesture->binding, asked);
    }
    dictation_event(d, u, events[gesture->act], gesture->time_us);
    if (gesture->act == GESTURE_START && !utterance_hearing(d))
        gesture_set_recording(&d->gestures, false,
                              -1); /* the microphone could not be opened: the next taps start, too */
}

static void gestures(dictation *d, const gesture_event *events, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        dictation_gesture(d, events + i, NULL);
}

static void keys_lost(dictation *d, const char *why)
{
    gesture_event events[GESTURE_EVENTS];
    keys_close(d->keys);
    d->keys = NULL;
    d->keys_wait_us = 250000;
    d->keys_retry_us = dictation_now_us() + d->keys_wait_us;
    dictation_say(d, LOG_WARNING, "%s; trying again", why);
    gestures(d, events, gesture_reset(&d->gestures, dictation_now_us(), events));
    utterance *u = utterance_hearing(d);
    if (u && u->state == STATE_RECORDING && u->binding >= 0)
        dictation_event(d, u, ON_STOP, dictation_now_us()); /* no key could stop it any more */
}

static void worker_changed(dictation *d, worker_state state, const char *text)
{
    if (state == WORKER_READY && d->worker_state == WORKER_LOADING)
        log_line(LOG_INFO, "model", "ready name=\"%s\"", text ? text : "");
    const bool fresh = d->worker_state == WORKER_LOADING && (state == WORKER_READY || state == WORKER_BUSY);
    d->worker_state = state;
    if (state != WORKER_FAILED && text && text[0])
        snprintf(d->model, sizeof d->model, "%s", text);
    if (fresh) {
        worker_get_facts(d->worker, &d->facts);
        languages_tell(d);
    }
    if (state == WORKER_READY || state == WORKER_BUSY)
        d->model_trouble[0] = 0;
    if (state == WORKER_FAILED) {
        d->model_failed = true;
        const char *why = text ? text : "the model cannot be used";
        if (strcmp(d->model_trouble, why) != 0)
            dictation_say(d, LOG_ERROR, "%s", why);
        snprintf(d->model_trouble, sizeof d->model_trouble, "%s", why);
    }
    d->view_us = 0;
}

void dictation_outcome(dictation *d, const deliver_outcome *o)
{
    utterance *u = NULL;
    for (int32_t i = 0; i < d->n_utterances; i++)
        if (d->utterances[i]->delivery == o->id && d->utterances[i]->state == STATE_DELIVERING)
            u = d->utterances[i];
    if (!u) {
        orders_delivered(d, o);
        return;
    }
    snprintf(u->target, sizeof u->target, "%s", o->target);
    snprintf(u->why, sizeof u->why, "%s%s", o->why, o->kept ? "; it is in the clipboard" : "");
    u->receipt_us = o->receipt_us;
    if (o->delivered) {
        latency_add(&d->latency, STAGE_RECEIPT, u->text_us, o->receipt_us);
        latency_add(&d->latency, STAGE_TOTAL, u->stop_us, o->receipt_us);
    }
    dictation_event(d, u, o->delivered ? ON_RECEIPT : ON_NO_RECEIPT, 0);
}

static void capture_mail(dictation *d, utterance *u, const mail *m)
{
    switch (m->kind) {
    case MAIL_CAPTURE_BEGAN:
        u->first_us = m->time_us;
        latency_add(&d->latency, STAGE_FIRST, u->arm_us, u->first_us);
        break;
    case MAIL_DEVICE:
        snprintf(d->device, sizeof d->device, "%s", m->text ? m->text : "");
        break;
    case MAIL_INTERRUPTED:
        dictation_say(d, LOG_INFO, "%s", m->text ? m->text : "the microphone is gone for the moment");
        break;
    case MAIL_CAPTURE_FAILED:
        snprintf(u->why, sizeof u->why, "%s", m->text ? m->text : "the microphone is lost");
        snprintf(d->message, sizeof d->message, "%.*s", (int)sizeof d->message - 1, u->why);
        dictation_event(d, u, ON_CAPTURE_FAILED, dictation_now_us());
        break;
    case MAIL_CAPTURE_ENDED:
        dictation_event(d, u, ON_CAPTURE_ENDED, dictation_now_us());
        break;
    case MAIL_SEGMENT:
        utterance_segment(d, u, (int32_t)m->number);
        break;
    case MAIL_RECORDED:
        if (m->text) {
            u->kept = true;
            dictation_say(d, LOG_WARNING, "%s", m->text);
        }
        utterance_recorded(d, u, m->time_us);
        break;
    default:
        break;
    }
    d->view_us = 0;
}

void dictation_handle(dictation *d, const mail *m)
{
    gesture_event events[GESTURE_EVENTS];
    utterance *u;
    switch (m->kind) {
    case MAIL_KEY:
        gestures(d, events, gesture_feed(&d->gestures, &m->of.key, events));
        break;
    case MAIL_KEYS_LOST:
        keys_lost(d, m->text ? m->text : "the keys are gone");
        break;
    case MAIL_ANSWER:
        if (!utterance_answer(d, &m->of.answer))
            log_line(LOG_DEBUG, "worker", "job=%lld nobody waits for it", (long long)m->number);
        d->view_us = 0;
        break;
    case MAIL_WORKER_STATE:
        worker_changed(d, (worker_state)m->number, m->text);
        break;
    case MAIL_OUTCOME:
        dictation_outcome(d, &m->of.outcome);
        break;
    case MAIL_RESTORED:
        log_line(LOG_INFO, "clipboard", "%s delivery=%lld", m->number ? "changed by the user" : "restored",
                 (long long)m->id);
        break;
    case MAIL_DELIVERER_LOST:
        delivery_lost(d, m->id, m->text ? m->text : "text cannot be delivered for the moment");
        break;
    case MAIL_CUE: /* a recording that begins before it is over hears it, too */
        d->cues[d->n_cues++ % CUES_KEPT] = (cue_window){m->number, m->time_us};
        break;
    case MAIL_SCREEN:
        orders_screen(d, &m->of.command);
        break;
    default:
        u = utterance_by_id(d, m->id);
        if (u)
            capture_mail(d, u, m);
    }
}

/* Mail that memory did not suffice for: nothing may wait for it for ever, and no word may be thought delivered. */
static void mails_lost(dictation *d)
{
    if (mailbox_lost(d->box) == d->n_mails_lost)
        return;
    d->n_mails_lost = mailbox_lost(d->box);
    dictation_say(d, LOG_ERROR, "out of memory: news from the program's other parts was lost");
    for (int32_t i = d->n_utterances - 1; i >= 0; i--) {
        utterance *u = d->utterances[i];
        if (u->state == STATE_RECORDING) {
            u->no_memory = true; /* what became of it can only be told from the sound */
        } else if (u->state == STATE_FINISHING || u->state == STATE_DELIVERING) {
            snprintf(u->why, sizeof u->why, "out of memory; the sound is kept");
            dictation_event(d, u, u->state == STATE_FINISHING ? ON_DECODE_FAILED : ON_NO_RECEIPT, 0);
        }
    }
    if (d->last_delivery)
        orders_delivered(d, &(deliver_outcome){.id = d->last_delivery, .why = "out of memory"});
}

/* What the clock brings. Returns when it wants to be asked again. */
static int64_t tick(dictation *d, int64_t now_us)
{
    gesture_event events[GESTURE_EVENTS];
    if (gesture_deadline_us(&d->gestures) <= now_us)
        gestures(d, events, gesture_tick(&d->gestures, now_us, events));
    for (int32_t i = d->n_utterances - 1; i >= 0; i--) {
        utterance *u = d->utterances[i];
        if (u->shown_until_us && u->shown_until_us <= now_us)
            dictation_event(d, u, ON_SHOWN, now_us);
        if (u->state == STATE_READY)
            utterance_free(d, u);
    }
    utterance *u = utterance_hearing(d);
    if (u && u->state == STATE_RECORDING && d->set->warn_minutes && !d->warned_long
        && now_us - u->start_us > (int64_t)d->set->warn_minutes * 60000000) {
        d->warned_long = true;
        dictation_say(d, LOG_INFO, "this recording is %d minutes long and goes on", d->set->warn_minutes);
        if (d->set->notify)
            feedback_notify(d->feedback, "Still recording", d->message, false);
    }
    if (d->n_utterances == 0 && now_us >= d->tidy_us) {
        d->tidy_us = now_us + TIDY_SECONDS * INT64_C(1000000);
        setup_tidy(d);
    }
    setup_keys(d, now_us);
    view_update(d, now_us);

    int64_t next = gesture_deadline_us(&d->gestures);
    for (int32_t i = 0; i < d->n_utterances; i++)
        if (d->utterances[i]->shown_until_us && d->utterances[i]->shown_until_us < next)
            next = d->utterances[i]->shown_until_us;
    if (!d->keys && d->keys_retry_us && d->keys_retry_us < next)
        next = d->keys_retry_us;
    if (u && now_us + 50000 < next) /* the level bar */
        next = now_us + 50000;
    return next;
}

/* SIGINT and SIGTERM end, SIGHUP reloads. */
static void signalled(dictation *d, int fd)
{
    struct signalfd_siginfo info;
    char error[DAEMON_ERROR];
    while (read(fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP || d->screen) /* with a screen SIGHUP means that the terminal is gone */
            d->quitting = true;
        else if (!setup_reload(d, error))
            dictation_say(d, LOG_WARNING, "%s; the settings stay as they were", error);
    }
}

static void loop(dictation *d, int signal_fd)
{
    while (!d->quitting) {
        struct pollfd fds[POLL_MAX] = {{.fd = mailbox_fd(d->box), .events = POLLIN},
                                       {.fd = signal_fd, .events = POLLIN}};
        size_t n = 2 + control_poll(d->control, fds + 2, POLL_MAX - 2);
        int64_t now_us = dictation_now_us(), next_us = tick(d, now_us);
        int64_t wait_ms = next_us == INT64_MAX ? -1 : next_us > now_us ? (next_us - now_us + 999) / 1000 : 0;
        if (poll(fds, (nfds_t)n, wait_ms < 0 || wait_ms > 60000 ? 60000 : (int)wait_ms) < 0 && errno != EINTR) {
            dictation_say(d, LOG_ERROR, "cannot wait for anything any more: %s", strerror(errno));
            break;
        }
        mail m;
        while (mailbox_next(d->box, &m)) {
            dictation_handle(d, &m);
            free(m.text);
        }
        mails_lost(d);
        signalled(d, signal_fd);
        control_serve(d->control);
    }
}

/* The terminal back first, then what would have happened anyway. */
static void on_fatal(int signal_number)
{
    screen_restore_now();
    raise(signal_number); /* the handler is gone by then: SA_RESETHAND */
}

static void catch_fatal(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &action, NULL);
}

int dictation_run(const daemon_options *options)
{
    dictation *d = calloc(1, sizeof *d);
    char error[DAEMON_ERROR] = "out of memory";
    int status = APP_SYSTEM, signal_fd = -1;
    sigset_t wanted, old;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &wanted, &old); /* for every thread that is started from here on */
    if (d) {
        d->options = *options;
        d->ms_per_second = 60;
        signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    }
    if (d && signal_fd >= 0 && setup_open(d, error, &status)) {
        if (d->screen)
            catch_fatal();
        feedback_systemd("READY=1");
        loop(d, signal_fd);
        feedback_systemd("STOPPING=1");
        status = APP_DONE;
        error[0] = 0;
    }
    if (d)
        setup_close(d);
    if (status != APP_DONE)
        say("error", "dictate", "%s", error);
    if (signal_fd >= 0)
        close(signal_fd);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    free(d);
    return status;
}
