/* SPDX-License-Identifier: MIT
 *
 * What people and programs order, by the control socket or on the screen. A client that ordered a stop waits for the
 * outcome; docs/FORMAT.md has the lines. */
#define _XOPEN_SOURCE 700
#include "dictate/daemon/daemon.h"

#include "common/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *orders_start(dictation *d, const spoken_as *asked)
{
    utterance *u = utterance_hearing(d);
    if (u && u->state == STATE_RECORDING)
        return "a recording is under way";
    gesture_event event = {GESTURE_START, -1, dictation_now_us()};
    dictation_gesture(d, &event, asked);
    u = utterance_hearing(d);
    return u && u->state == STATE_RECORDING ? NULL : d->message;
}

const char *orders_stop(dictation *d)
{
    utterance *u = utterance_hearing(d);
    return u && dictation_event(d, u, ON_STOP, dictation_now_us()) ? NULL : "nothing is being recorded";
}

/* What is recorded, else what is being decoded. */
const char *orders_cancel(dictation *d)
{
    utterance *u = utterance_hearing(d);
    for (int32_t i = d->n_utterances - 1; !u && i >= 0; i--)
        if (d->utterances[i]->state == STATE_FINISHING)
            u = d->utterances[i];
    return u && dictation_event(d, u, ON_CANCEL, dictation_now_us()) ? NULL : "there is nothing to cancel";
}

static void wait_for(dictation *d, control_client *client, int what, int64_t id, bool json)
{
    if (d->n_waiting == CLIENTS_WAITING_MAX) {
        control_end(client, APP_SYSTEM, "too many clients are waiting");
        return;
    }
    waiting *w = &d->waiting[d->n_waiting++];
    w->client = client;
    w->what = what;
    w->id = id;
    w->json = json;
}

static void no_longer(dictation *d, int32_t i)
{
    d->waiting[i] = d->waiting[--d->n_waiting];
}

void orders_gone(void *user, control_client *client)
{
    dictation *d = user;
    for (int32_t i = d->n_waiting - 1; i >= 0; i--)
        if (d->waiting[i].client == client)
            no_longer(d, i);
}

void orders_end(dictation *d)
{
    while (d->n_waiting) {
        waiting w = d->waiting[0];
        no_longer(d, 0);
        if (w.what == FOLLOWS)
            control_end(w.client, APP_NOBODY, "the dictation was ended");
        else
            control_end(w.client, APP_SYSTEM, "the dictation was ended; what was said becomes text at the next start");
    }
}

void orders_outcome(dictation *d, const utterance *u, machine_event event)
{
    for (int32_t i = d->n_waiting - 1; i >= 0; i--) {
        waiting w = d->waiting[i];
        if (w.what != WAITS_OUTCOME || w.id != u->id)
            continue;
        no_longer(d, i);
        if (u->state == STATE_DELIVERED)
            control_end(w.client, APP_DONE, NULL);
        else if (u->state == STATE_READY)
            control_end(w.client, APP_INPUT, event == ON_CANCEL ? "cancelled" : "no speech was heard");
        else
            control_end(w.client, u->state == STATE_ERROR ? APP_SYSTEM : APP_UNDELIVERED, u->why);
    }
}

void orders_delivered(dictation *d, const deliver_outcome *o)
{
    char error[HISTORY_ERROR];
    if (o->id == d->last_delivery) {
        if (o->delivered && d->history && d->last_history_id
            && !history_set_delivered(d->history, d->last_history_id, true, error))
            dictation_say(d, LOG_WARNING, "%s", error);
        if (!o->delivered)
            dictation_say(d, LOG_WARNING, "%s", o->why);
        d->last_delivery = 0;
    }
    for (int32_t i = d->n_waiting - 1; i >= 0; i--) {
        waiting w = d->waiting[i];
        if (w.what != WAITS_DELIVERY || w.id != o->id)
            continue;
        no_longer(d, i);
        control_end(w.client, o->delivered ? APP_DONE : APP_UNDELIVERED, o->delivered ? NULL : o->why);
    }
}

/* The delivery's number; 0: there is no text yet; -1: error says why not. */
static int64_t paste_last(dictation *d, char error[DAEMON_ERROR])
{
    snprintf(error, DAEMON_ERROR, "nothing has been dictated yet");
    int64_t id = d->last_text ? delivery_text(d, d->last_text, error) : 0;
    if (id > 0)
        d->last_delivery = id;
    return id;
}

/* ---- commands of the socket */

static void answer(control_client *client, const char *trouble, int status)
{
    control_end(client, trouble ? status : APP_DONE, trouble);
}

/* What stands behind start, stop and toggle. */
typedef struct order_words {
    bool no_wait;
    spoken_as asked;
} order_words;

/* The word at *text, which then stands behind it; false: there is none, or it is too long to be one. */
static bool next_word(const char **text, char *word, size_t size)
{
    *text += strspn(*text, " ");
    size_t n = strcspn(*text, " ");
    snprintf(word, size, "%.*s", (int)(n < size ? n : size - 1), *text);
    *text += n;
    return n > 0 && n < size;
}

/* "--no-wait --language de --translate-to en". False: the client has its answer. */
static bool read_words(control_client *client, const char *argument, order_words *words)
{
    char word[40], language[40] = "", target[40] = "", trouble[CONTROL_ERROR];
    bool good = true;
    *words = (order_words){0};
    snprintf(trouble, sizeof trouble, "'%.100s' is no option of a recording, or lacks its language", argument);
    while (good && argument[strspn(argument, " ")]) {
        good = next_word(&argument, word, sizeof word);
        if (good && strcmp(word, "--no-wait") == 0)
            words->no_wait = true;
        else if (good && strcmp(word, "--language") == 0)
            good = next_word(&argument, language, sizeof language);
        else if (good && strcmp(word, "--translate-to") == 0)
            good = next_word(&argument, target, sizeof target);
        else
            good = false;
    }
    if (!good || !spoken_set(&words->asked, language, target, trouble, sizeof trouble)) {
        control_end(client, APP_USAGE, trouble);
        return false;
    }
    return true;
}

static void start(dictation *d, control_client *client, const order_words *words)
{
    answer(client, orders_start(d, &words->asked), APP_INPUT);
}

static void stop(dictation *d, control_client *client, const order_words *words)
{
    utterance *u = utterance_hearing(d);
    int64_t id = u ? u->id : 0;
    const char *trouble = orders_stop(d);
    if (trouble || words->no_wait)
        answer(client, trouble, APP_INPUT);
    else
        wait_for(d, client, WAITS_OUTCOME, id, false);
}

static void do_start(dictation *d, control_client *client, const char *argument)
{
    order_words words;
    if (read_words(client, argument, &words))
        start(d, client, &words);
}

static void do_stop(dictation *d, control_client *client, const char *argument)
{
    order_words words;
    if (read_words(client, argument, &words))
        stop(d, client, &words);
}

static void do_toggle(dictation *d, control_client *client, const char *argument)
{
    utterance *u = utterance_hearing(d);
    order_words words;
    if (!read_words(client, argument, &words))
        return;
    if (u && u->state == STATE_RECORDING)
        stop(d, client, &words);
    else
        start(d, client, &words);
}

static void do_cancel(dictation *d, control_client *client, const char *argument)
{
    (void)argument;
    answer(client, orders_cancel(d), APP_INPUT);
}

static void do_status(dictation *d, control_client *client, const char *argument)
{
    textbuf line = {0};
    bool json = strcmp(argument, "--json") == 0;
    if (json)
        view_json(d, &line);
    else
        view_page(d, client);
    if (json && !line.failed)
        control_line(client, line.data);
    textbuf_free(&line);
    control_end(client, APP_DONE, NULL);
}

static void do_follow(dictation *d, control_client *client, const char *argument)
{
    wait_for(d, client, FOLLOWS, 0, strcmp(argument, "--json") == 0);
    d->view_us = 0;
}

static void do_last(dictation *d, control_client *client, const char *argument)
{
    (void)argument;
    if (d->last_text) /* one line for the wire; line breaks travel as a character of their own */
        for (const char *s = d->last_text; *s;) {
            size_t n = strcspn(s, "\n");
            char *line = malloc(n + 2);
            if (line) {
                line[0] = ':';
                memcpy(line + 1, s, n);
                line[n + 1] = 0;
                control_line(client, line);
            }
            free(line);
            s += n + (s[n] == '\n');
        }
    control_end(client, d->last_text ? APP_DONE : APP_INPUT, d->last_text ? NULL : "nothing has been dictated yet");
}

static void do_paste_last(dictation *d, control_client *client, const char *argument)
{
    (void)argument;
    char error[DAEMON_ERROR];
    int64_t id = paste_last(d, error);
    if (id <= 0)
        control_end(client, id < 0 ? APP_UNDELIVERED : APP_INPUT, error);
    else
        wait_for(d, client, WAITS_DELIVERY, id, false);
}

static bool set_last(void *user, const history_entry *entry)
{
    dictation *d = user;
    char *text = strdup(entry->text);
    if (text) {
        free(d->last_text);
        d->last_text = text;
        d->last_history_id = entry->id;
    }
    return text != NULL;
}

static void do_copy(dictation *d, control_client *client, const char *argument)
{
    char error[DAEMON_ERROR] = "no history is kept";
    char *end;
    long long id = strtoll(argument, &end, 10);
    if (end == argument || *end || !d->history || !history_get(d->history, id, set_last, d, error)) {
        control_end(client, APP_INPUT, error);
        return;
    }
    int64_t delivery = delivery_clipboard(d, d->last_text, error);
    if (delivery < 0)
        control_end(client, APP_UNDELIVERED, error);
    else
        wait_for(d, client, WAITS_DELIVERY, delivery, false);
}

static void do_reload(dictation *d, control_client *client, const char *argument)
{
    char error[DAEMON_ERROR] = "";
    (void)argument;
    answer(client, setup_reload(d, error) ? NULL : error, APP_USAGE);
}

static void do_quit(dictation *d, control_client *client, const char *argument)
{
    (void)argument;
    d->quitting = true;
    control_end(client, APP_DONE, NULL);
}

static const struct {
    const char *name;
    void (*run)(dictation *d, control_client *client, const char *argument);
} orders[] = {
    {"start", do_start},   {"stop", do_stop},     {"toggle", do_toggle}, {"cancel", do_cancel},
    {"status", do_status}, {"follow", do_follow}, {"last", do_last},     {"paste-last", do_paste_last},
    {"copy", do_copy},     {"reload", do_reload}, {"quit", do_quit},
};

void orders_command(void *user, control_client *client, const char *command)
{
    char trouble[CONTROL_ERROR];
    size_t n = strcspn(command, " ");
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (strlen(orders[i].name) == n && memcmp(orders[i].name, command, n) == 0) {
            orders[i].run(user, client, command[n] ? command + n + 1 : "");
            return;
        }
    snprintf(trouble, sizeof trouble, "'%.40s' is no command of a running dictation", command);
    control_end(client, APP_USAGE, trouble);
}

/* ---- commands of the screen */

/* What was chosen on the screen holds now, and at the next start; a file that was named by --config is the user's to edit. */
static bool choose(dictation *d, const char *key, const char *value, char error[DAEMON_ERROR])
{
    return settings_set(d->set, key, value, "the screen", error)
           && (d->options.config_file || settings_write(key, value, error));
}

void orders_screen(dictation *d, const screen_command *command)
{
    char error[DAEMON_ERROR] = "";
    const char *trouble = NULL;
    utterance *u = utterance_hearing(d);
    switch (command->kind) {
    case SCREEN_TOGGLE:
        trouble = u && u->state == STATE_RECORDING ? orders_stop(d) : orders_start(d, NULL);
        break;
    case SCREEN_CANCEL:
        trouble = orders_cancel(d);
        break;
    case SCREEN_QUIT:
        d->quitting = true;
        break;
    case SCREEN_SET_DEVICE:
        if (u)
            trouble = "the microphone is in use; stop the recording first";
        else if (!choose(d, "audio.device", command->argument, error))
            trouble = error;
        else
            snprintf(d->device_wanted, sizeof d->device_wanted, "%s", command->argument);
        view_lists(d);
        break;
    case SCREEN_SET_MODEL:
        if (!setup_model(d, command->argument, error) || !choose(d, "model", command->argument, error))
            trouble = error;
        view_lists(d);
        break;
    case SCREEN_SETTING_CHANGED:
        trouble = setup_reload(d, error) ? NULL : error;
        break;
    case SCREEN_REFRESH:
        view_lists(d);
        break;
    case SCREEN_PASTE_LAST:
        trouble = paste_last(d, error) <= 0 ? error : NULL;
        break;
    }
    if (trouble && trouble != d->message)
        dictation_say(d, LOG_INFO, "%s", trouble);
}
