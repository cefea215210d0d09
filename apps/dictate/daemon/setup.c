/* SPDX-License-Identifier: MIT
 *
 * Opening and closing the parts, in the one order that works: the worker first, since its child must be spawned before any
 * thread exists; the screen last, when nothing else writes to the terminal any more. Keys, microphone and delivery may be
 * absent: that is said, and tried again when they are needed. */
#define _GNU_SOURCE
#include "dictate/daemon/daemon.h"

#include "common/cli.h"
#include "common/paths.h"
#include "common/say.h"
#include "ctrlspeak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Sound whose text is in the history, or that was cancelled or gave no text. */
static const int64_t KEPT_SECONDS = 24 * 3600;

enum { RECOVERED_MAX = UTTERANCES_MAX / 2 }; /* there is to be room for what is dictated now */

/* ---- from the threads of the parts */

static void on_key(void *user, const key_event *event)
{
    mail m = {.kind = MAIL_KEY};
    m.of.key = *event;
    mailbox_post(user, &m, NULL);
}

static void on_keys_lost(void *user, const char *why)
{
    mailbox_post(user, &(mail){.kind = MAIL_KEYS_LOST}, why);
}

static void on_answer(void *user, const worker_answer *answer)
{
    mailbox_post_answer(user, answer);
}

static void on_worker_state(void *user, worker_state state, const char *text)
{
    mailbox_post(user, &(mail){.kind = MAIL_WORKER_STATE, .number = state}, text);
}

static void on_screen(void *user, const screen_command *command)
{
    mail m = {.kind = MAIL_SCREEN};
    m.of.command = *command;
    mailbox_post(((dictation *)user)->box, &m, NULL);
}

static bool apply_flags(const daemon_options *options, settings *set, char error[DAEMON_ERROR])
{
    for (int32_t i = 0; i < options->n_overrides; i++) {
        const setting_override *o = options->overrides + i;
        if (!settings_set(set, o->key, o->value, o->flag, error))
            return false;
    }
    return true;
}

static void on_apply_flags(void *user, settings *set)
{
    char error[DAEMON_ERROR];
    apply_flags(&((dictation *)user)->options, set, error); /* they were checked when the program began */
}

/* ---- settings */

static settings *load_settings(const daemon_options *options, char error[DAEMON_ERROR])
{
    settings *set = settings_load(options->config_file, error);
    if (!set || apply_flags(options, set, error))
        return set;
    settings_free(set);
    return NULL;
}

static bool parse_gestures(const settings *set, gesture_engine *engine, char error[DAEMON_ERROR])
{
    gesture_binding bindings[GESTURE_BINDINGS], cancel;
    int32_t n = 0;
    for (int32_t i = 0; i < set->gesture.n_items; i++) {
        const char *text = set->gesture.items[i];
        if (strcmp(text, "none") == 0)
            continue;
        if (n == GESTURE_BINDINGS) {
            snprintf(error, DAEMON_ERROR, "dictate.gesture: more than %d gestures", GESTURE_BINDINGS);
            return false;
        }
        if (!gesture_parse(text, bindings + n, error, DAEMON_ERROR))
            return false;
        bindings[n].gap_ms = set->tap_gap_ms;
        bindings[n].tap_ms = set->tap_ms;
        bindings[n].hold_ms = set->hold_ms;
        n++;
    }
    char text[SCREEN_LINE];
    snprintf(text, sizeof text, "toggle:%s", set->cancel_key);
    bool has_cancel = set->cancel_key[0] != 0;
    if (has_cancel && !gesture_parse(text, &cancel, error, DAEMON_ERROR))
        return false;
    if (has_cancel && spoken_is_said(&cancel.spoken)) {
        snprintf(error, DAEMON_ERROR, "dictate.cancel_key is '%s', expected a key alone", set->cancel_key);
        return false;
    }
    gesture_init(engine, bindings, n, has_cancel ? cancel.keys : 0);
    return true;
}

static text_rules *make_rules(const settings *set, char error[DAEMON_ERROR])
{
    const text_rules_options options = {
        .trailing_space = set->trailing_space,
        .first_letter = (enum text_first_letter)set->first_letter,
        .spoken_punctuation = set->spoken_punctuation,
        .replacements = (const char *const *)set->replacements.items,
        .n_replacements = set->replacements.n_items,
        .snippets = (const char *const *)set->snippets.items,
        .n_snippets = set->snippets.n_items,
    };
    return text_rules_create(&options, error);
}

/* What is wrong in any weather; that there is no display is not. */
static bool check_the_rest(const settings *set, char error[DAEMON_ERROR])
{
    deliver_options options;
    spoken_as standard;
    return languages_standard(set, &standard, error) && deliver_parse(set->deliver, &options, error)
           && deliver_check_rules((const char *const *)set->deliver_rules.items, set->deliver_rules.n_items, error);
}

/* ---- parts that may be absent */

static keys *open_keys(dictation *d, char error[KEYS_ERROR])
{
    enum { KEYS_AUTO, KEYS_X11, KEYS_EVDEV };
    const keys_sink sink = {d->box, on_key, on_keys_lost};
    keys *source = NULL;
    char x11_error[KEYS_ERROR] = "";
    if (d->set->keys == KEYS_AUTO || d->set->keys == KEYS_X11)
        source = keys_x11_open(NULL, &sink, x11_error);
    if (!source && (d->set->keys == KEYS_AUTO || d->set->keys == KEYS_EVDEV)) {
        source = keys_evdev_open("/dev/input", &sink, error);
        if (!source && x11_error[0]) {
            char both[2 * KEYS_ERROR + 8];
            snprintf(both, sizeof both, "%s; %s", x11_error, error);
            snprintf(error, KEYS_ERROR, "%.*s", KEYS_ERROR - 1, both);
        }
    } else if (!source)
        snprintf(error, KEYS_ERROR, "%s", x11_error);
    return source;
}

void setup_keys(dictation *d, int64_t now_us)
{
    enum { KEYS_NONE = 3 };
    char error[KEYS_ERROR] = "";
    if (d->keys || !d->keys_retry_us || now_us < d->keys_retry_us)
        return;
    d->keys_retry_us = 0;
    if (d->set->keys == KEYS_NONE || d->gestures.n_bindings == 0)
        return;
    d->keys = open_keys(d, error);
    if (d->keys) {
        log_line(LOG_INFO, "keys", "source=%s", keys_name(d->keys));
        if (d->keys_wait_us)
            dictation_say(d, LOG_INFO, "keys are heard again");
        d->keys_wait_us = 0;
        return;
    }
    if (d->keys_wait_us == 0)
        dictation_say(d, LOG_WARNING, "no key can be heard (`ctrlspeak dictate toggle` works all the same): %s", error);
    d->keys_wait_us = d->keys_wait_us ? 2 * d->keys_wait_us : 1000000;
    if (d->keys_wait_us > 10000000)
        d->keys_wait_us = 10000000;
    d->keys_retry_us = now_us + d->keys_wait_us;
}

/* The settings name another source: as soon as nobody listens to the old one. */
static void close_stale_capture(dictation *d)
{
    if (!d->capture || strcmp(d->capture_source, d->set->source) == 0)
        return;
    for (int32_t i = 0; i < d->n_utterances; i++)
        if (d->utterances[i]->sound && !d->utterances[i]->recorded)
            return;
    capture_system_close(d->capture);
    d->capture = NULL;
    d->capture_retry_us = 0;
}

bool setup_capture(dictation *d, int64_t now_us)
{
    close_stale_capture(d);
    if (d->capture)
        return true;
    if (now_us < d->capture_retry_us)
        return false;
    free(d->capture_source);
    d->capture_source = strdup(d->set->source);
    if (d->capture_source)
        d->capture = capture_system_open(d->capture_source, d->capture_trouble);
    else
        snprintf(d->capture_trouble, sizeof d->capture_trouble, "out of memory");
    if (d->capture)
        log_line(LOG_INFO, "audio", "source=%s", capture_system_name(d->capture));
    else
        d->capture_retry_us = now_us + 200000; /* not again for the start that follows this arming */
    return d->capture != NULL;
}

bool setup_model(dictation *d, const char *name, char error[DAEMON_ERROR])
{
    char *path = d->options.find_model(name, error), *wanted = strdup(name);
    if (!path || !wanted) {
        if (path)
            snprintf(error, DAEMON_ERROR, "out of memory");
        free(path);
        free(wanted);
        return false;
    }
    bool ok = worker_swap(d->worker, path);
    free(path);
    if (!ok) {
        snprintf(error, DAEMON_ERROR, "out of memory");
        free(wanted);
        return false;
    }
    d->model_failed = false; /* until it says so */
    free(d->model_wanted);
    d->model_wanted = wanted;
    return true;
}

static void retain_history(dictation *d)
{
    char error[HISTORY_ERROR];
    if (d->history && (d->set->history_days || d->set->history_entries)
        && history_retain(d->history, d->set->history_entries, d->set->history_days, (int64_t)time(NULL) * 1000, error)
               < 0)
        dictation_say(d, LOG_WARNING, "%s", error);
}

void setup_tidy(dictation *d)
{
    if (d->spool_folder)
        spool_sweep(d->spool_folder, (int64_t)time(NULL) * 1000, KEPT_SECONDS);
    retain_history(d);
}

static void open_history(dictation *d)
{
    char error[HISTORY_ERROR];
    history_close(d->history);
    d->history = NULL;
    if (!d->set->history)
        return;
    d->history = history_open(d->set->history_db[0] ? d->set->history_db : NULL, error);
    if (!d->history)
        dictation_say(d, LOG_WARNING, "%s; dictations are not kept", error);
}

static log_level chosen_level(const settings *set)
{
    static const log_level levels[] = {LOG_INFO, LOG_ERROR, LOG_WARNING, LOG_DEBUG,
                                       LOG_TRACE}; /* as the choices stand */
    return levels[set->log_level];
}

static void open_log(dictation *d)
{
    char error[300];
    d->log_missing = !log_open(NULL, chosen_level(d->set), false, error);
    if (d->log_missing)
        say("warning", "log", "%s", error);
    log_allow_text(d->set->log_text);
}

/* ---- all of them */

bool setup_open(dictation *d, char error[DAEMON_ERROR], int *status)
{
    *status = APP_USAGE;
    worker_tune_malloc();
    d->set = load_settings(&d->options, error);
    if (!d->set || !parse_gestures(d->set, &d->gestures, error) || !(d->rules = make_rules(d->set, error))
        || !check_the_rest(d->set, error))
        return false;
    char *path = d->options.find_model(d->set->model, error);
    *status = APP_MODEL;
    if (!path)
        return false;
    *status = APP_SYSTEM;
    d->model_wanted = strdup(d->set->model);
    d->box = mailbox_create();
    if (!d->box || !d->model_wanted) {
        snprintf(error, DAEMON_ERROR, "out of memory");
        free(path);
        return false;
    }
    const control_claim claimed = control_open(&(control_sink){d, orders_command, orders_gone}, &d->control, error);
    if (claimed != CONTROL_OURS) {
        *status = claimed == CONTROL_OTHER ? APP_RUNNING : APP_SYSTEM;
        free(path);
        return false;
    }
    open_log(d);
    log_line(LOG_INFO, "dictate", "version=%s pid=%ld", cs_version(), (long)getpid());
    const worker_options for_worker = {
        .model_path = path,
        .cpu_path = d->set->cpu[0] ? d->set->cpu : NULL,
        .threads = d->set->threads,
        .precision = d->set->precision, /* its choices are in the enum's order */
        .cache = {d->set->cache, d->set->cache_limit_mb, d->set->cache_least_mb},
        .unload_seconds = d->set->unload_seconds,
    };
    d->worker = worker_create(d->set->worker ? WORKER_PROCESS : WORKER_THREAD, &for_worker,
                              &(worker_sink){d->box, on_answer, on_worker_state}, error);
    free(path);
    if (!d->worker)
        return false;
    d->worker_state = WORKER_LOADING;
    if (!delivery_open(d, error))
        dictation_say(d, LOG_WARNING, "text cannot be delivered now: %s", error);
    d->feedback = feedback_create(NULL);
    d->spool_folder = paths_user(PATHS_STATE, "spool");
    open_history(d);
    setup_tidy(d);
    d->tidy_us = dictation_now_us() + KEPT_SECONDS * 1000000 / 24;
    snprintf(d->device_wanted, sizeof d->device_wanted, "%s", d->set->device);
    if (!setup_capture(d, dictation_now_us()))
        dictation_say(d, LOG_WARNING, "%s", d->capture_trouble);
    d->keys_retry_us = 1;
    if (!d->options.no_ui) {
        d->screen_history = d->set->history_db[0] ? strdup(d->set->history_db) : NULL; /* outlives a reload */
        const screen_options for_screen = {
            .plain = d->options.plain,
            .color = d->set->color,
            .history_path = d->screen_history,
            .history_kept = d->history != NULL,
            .log_path = log_path(),
            .config_path = d->options.config_file,
            .user = d,
            .command = on_screen,
            .apply_flags = on_apply_flags,
        };
        d->screen = screen_create(&for_screen, error);
        if (!d->screen)
            return false;
        view_lists(d);
    }
    setup_recover(d);
    return true;
}

/* What is being delivered is, and told; nothing else is begun. */
static void end_deliveries(dictation *d)
{
    mail m;
    delivery_close(d);
    while (d->box && mailbox_next(d->box, &m)) {
        if (m.kind == MAIL_OUTCOME)
            dictation_outcome(d, &m.of.outcome);
        free(m.text);
    }
}

void setup_close(dictation *d)
{
    screen_free(d->screen);
    d->screen = NULL;
    keys_close(d->keys);
    end_deliveries(d);
    orders_end(d);
    while (d->n_utterances) /* a recording that is cut off here is found again at the next start */
        utterance_free(d, d->utterances[d->n_utterances - 1]);
    capture_system_close(d->capture);
    worker_free(d->worker);
    if (d->media_paused)
        feedback_resume_media(d->feedback);
    feedback_free(d->feedback);
    history_close(d->history);
    control_close(d->control);
    mailbox_free(d->box);
    text_rules_free(d->rules);
    settings_free(d->set);
    free(d->spool_folder);
    free(d->model_wanted);
    free(d->last_text);
    free(d->screen_history);
    free(d->capture_source);
    log_close();
}

static bool same_list(const settings_list *a, const settings_list *b)
{
    if (a->n_items != b->n_items)
        return false;
    for (int32_t i = 0; i < a->n_items; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

static void renew_delivery(dictation *d, const settings *old)
{
    char error[DAEMON_ERROR];
    if (strcmp(old->deliver, d->set->deliver) != 0 || !same_list(&old->deliver_rules, &d->set->deliver_rules)
        || old->receipt_ms != d->set->receipt_ms)
        delivery_close(d);
    if (!delivery_open(d, error))
        dictation_say(d, LOG_WARNING, "text cannot be delivered now: %s", error);
}

/* A count that was begun with the old gestures is void; a recording goes on, and any of the new ones stops it. */
static void renew_gestures(dictation *d, const gesture_engine *fresh)
{
    utterance *u = utterance_hearing(d);
    d->gestures = *fresh;
    if (u && u->state == STATE_ARMED)
        dictation_event(d, u, ON_DISARM, dictation_now_us());
    else if (u) {
        u->binding = -1;
        gesture_set_recording(&d->gestures, true, -1);
    }
}

static void renew_keys(dictation *d, const settings *old)
{
    if (d->set->keys != old->keys) {
        keys_close(d->keys);
        d->keys = NULL;
    }
    d->keys_retry_us = 1;
    d->keys_wait_us = 0;
}

static void renew_capture(dictation *d)
{
    snprintf(d->device_wanted, sizeof d->device_wanted, "%s", d->set->device);
    if (!setup_capture(d, dictation_now_us()))
        dictation_say(d, LOG_WARNING, "%s", d->capture_trouble);
}

bool setup_reload(dictation *d, char error[DAEMON_ERROR])
{
    gesture_engine gestures;
    settings *set = load_settings(&d->options, error), *old = d->set;
    text_rules *rules = NULL;
    if (!set || !parse_gestures(set, &gestures, error) || !(rules = make_rules(set, error))
        || !check_the_rest(set, error)
        || ((strcmp(set->model, d->model_wanted) != 0 || d->model_failed) && !setup_model(d, set->model, error))) {
        text_rules_free(rules);
        settings_free(set);
        return false;
    }
    d->set = set;
    text_rules_free(d->rules);
    d->rules = rules;
    renew_gestures(d, &gestures);
    renew_delivery(d, old);
    renew_keys(d, old);
    renew_capture(d);
    if (strcmp(set->model, old->model) == 0) /* else when the new one is there */
        languages_tell(d);
    if (set->history != old->history || strcmp(set->history_db, old->history_db) != 0)
        open_history(d);
    retain_history(d);
    log_set_level(chosen_level(set));
    log_allow_text(set->log_text);
    settings_free(old);
    view_lists(d);
    log_line(LOG_INFO, "dictate", "settings reloaded");
    return true;
}

/* Sound that an earlier run left behind before it had become text, or that it could not make text of. */
void setup_recover(dictation *d)
{
    char error[SPOOL_ERROR];
    spool_item *items = NULL;
    int32_t n = d->spool_folder ? spool_list(d->spool_folder, &items, error) : 0;
    for (int32_t i = 0; i < n; i++) {
        if (strcmp(items[i].reason, "recording") != 0 && strcmp(items[i].reason, "failed") != 0)
            continue;
        utterance *u = d->n_utterances < RECOVERED_MAX ? utterance_new(d) : NULL;
        if (!u)
            break; /* the next start has them */
        recording_options options = {.id = u->id, .box = d->box};
        voice_options_init(&options.voice);
        u->recovered = true;
        u->spoken = items[i].is_told ? items[i].spoken : languages_of(d, -1, NULL);
        u->state = STATE_FINISHING;
        u->sound = recording_recover(&options, items[i].path, error);
        if (!u->sound) {
            log_line(LOG_WARNING, "spool", "%s", error);
            u->state = STATE_READY;
        } else
            log_line(LOG_INFO, "spool", "recovering %s", items[i].path);
    }
    spool_items_free(items, n);
}
