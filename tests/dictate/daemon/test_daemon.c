/* SPDX-License-Identifier: MIT
 *
 * The daemon's own thread, with a microphone, a worker and a sound system that do as they are told: what comes late, what fails,
 * what is changed in the middle. Mail is handled as the loop handles it. */
#define _GNU_SOURCE
#include "check.h"
#include "dictate/daemon/daemon.h"

#include <poll.h>
#include <unistd.h>

/* ---- instead of the microphone */

enum { RECORDINGS_MAX = 100 };

struct recording {
    int64_t id;
    bool begun, finished, closed;
    spoken_as how;
    recording_fate fate;
    char reason[32];
    voice_segment segments[3];
    int32_t n_segments, n_masks;
    double speech_seconds;
};

static recording heard[RECORDINGS_MAX];
static int32_t n_heard;
static bool no_system, is_bluetooth;

capture_system *capture_system_open(const char *source, char error[CAPTURE_ERROR])
{
    (void)source;
    snprintf(error, CAPTURE_ERROR, "There is no sound here.");
    return no_system ? NULL : (capture_system *)heard;
}

void capture_system_close(capture_system *system)
{
    (void)system;
}

const char *capture_system_name(const capture_system *system)
{
    (void)system;
    return "test";
}

int32_t capture_devices(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR])
{
    (void)system;
    *devices = NULL;
    error[0] = 0;
    return 0;
}

bool capture_is_bluetooth(capture_system *system, const char *device)
{
    (void)system;
    (void)device;
    return is_bluetooth;
}

bool cue_play(capture_system *system, cue_kind kind, int32_t volume, int64_t *start_us, int64_t *end_us)
{
    (void)system;
    (void)kind;
    (void)volume;
    if (start_us && end_us) {
        *start_us = dictation_now_us();
        *end_us = *start_us + 200000;
    }
    return true;
}

recording *recording_open(const recording_options *options)
{
    CHECK(n_heard < RECORDINGS_MAX);
    recording *r = &heard[n_heard++];
    *r = (recording){.id = options->id};
    return r;
}

void recording_begin(recording *r, int64_t time_us, const spoken_as *how)
{
    r->how = *how;
    (void)time_us;
    r->begun = true;
}

void recording_mask(recording *r, int64_t from_us, int64_t to_us)
{
    CHECK(!r->closed && to_us > from_us);
    r->n_masks++;
}

void recording_finish(recording *r, int64_t time_us)
{
    (void)time_us;
    r->finished = true;
}

void recording_rest(recording *r)
{
    CHECK(!r->closed);
}

void recording_close(recording *r, recording_fate fate, const char *reason)
{
    if (!r)
        return;
    CHECK(!r->closed);
    r->closed = true;
    r->fate = fate;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
}

recording *recording_recover(const recording_options *options, const char *path, char error[SPOOL_ERROR])
{
    (void)path;
    error[0] = 0;
    return recording_open(options);
}

recording_now recording_look(recording *r)
{
    CHECK(!r->closed);
    return (recording_now){0};
}

bool recording_segment(recording *r, int32_t i, voice_segment *segment)
{
    CHECK(!r->closed);
    if (i >= r->n_segments)
        return false;
    *segment = r->segments[i];
    return true;
}

double recording_speech_between(recording *r, int64_t first, int64_t n)
{
    CHECK(!r->closed);
    (void)first;
    (void)n;
    return 0;
}

float *recording_padded(recording *r, int64_t first, int64_t n, size_t *n_padded)
{
    CHECK(!r->closed);
    (void)first;
    (void)n;
    *n_padded = 1;
    return calloc(1, sizeof(float));
}

double recording_speech_seconds(recording *r)
{
    CHECK(!r->closed);
    return r->speech_seconds;
}

const char *recording_spool_trouble(recording *r)
{
    (void)r;
    return "";
}

/* ---- instead of the worker */

static int64_t n_jobs;
static int n_cancels, n_swaps;
static bool no_jobs;
static worker_ask last_ask;
static worker_facts model_facts;

worker *worker_create(worker_kind kind, const worker_options *options, const worker_sink *sink,
                      char error[WORKER_ERROR])
{
    (void)kind;
    (void)options;
    (void)sink;
    (void)error;
    return NULL;
}

int64_t worker_submit(worker *w, const float *pcm, size_t n, const worker_ask *ask)
{
    (void)w;
    (void)pcm;
    (void)n;
    last_ask = *ask;
    return no_jobs ? -1 : ++n_jobs;
}

void worker_get_facts(worker *w, worker_facts *facts)
{
    (void)w;
    *facts = model_facts;
}

void worker_prefault(worker *w)
{
    (void)w;
}

bool worker_swap(worker *w, const char *path)
{
    (void)w;
    (void)path;
    n_swaps++;
    return true;
}

void worker_cancel(worker *w)
{
    (void)w;
    n_cancels++;
}

int32_t worker_live_models(const worker *w)
{
    (void)w;
    return 1;
}

int32_t worker_child_pid(const worker *w)
{
    (void)w;
    return 0;
}

int32_t worker_restarts(const worker *w)
{
    (void)w;
    return 0;
}

void worker_free(worker *w)
{
    (void)w;
}

/* ---- a daemon without its loop */

static dictation d;
static char config[400], out[400];

static char *find_model(const char *name, char error[DAEMON_ERROR])
{
    error[0] = 0;
    return strdup(name);
}

static void write_config(const char *lines)
{
    FILE *f = fopen(config, "w");
    CHECK(f != NULL);
    fprintf(f, "audio.cue_volume = 0\nfeedback.notify = off\nhistory.keep = off\ndeliver.way = file:%s\n%s", out,
            lines);
    fclose(f);
}

static void open_daemon(void)
{
    char error[DAEMON_ERROR] = "";
    memset(&d, 0, sizeof d);
    n_heard = n_cancels = n_swaps = 0;
    no_system = is_bluetooth = no_jobs = false;
    unlink(out);
    write_config("");
    d.options = (daemon_options){.no_ui = true, .config_file = config, .find_model = find_model};
    d.ms_per_second = 60;
    d.set = settings_load(config, error);
    d.box = mailbox_create();
    d.model_wanted = strdup("");
    CHECK(d.set && d.box && d.model_wanted);
    CHECK(setup_reload(&d, error)); /* gestures, rules, deliverer, sound */
    CHECK_STR(error, "");
}

static void close_daemon(void)
{
    setup_close(&d);
}

static void mail_of(mail_kind kind, int64_t id, int64_t number)
{
    dictation_handle(&d, &(mail){.kind = kind, .id = id, .number = number});
}

/* What the deliverer's thread has to say, as much as is waited for. */
static void pump(const utterance *u, dictate_state until)
{
    while (u->state != until) {
        struct pollfd fd = {.fd = mailbox_fd(d.box), .events = POLLIN};
        mail m;
        if (poll(&fd, 1, 20000) != 1)
            break;
        while (mailbox_next(d.box, &m)) {
            dictation_handle(&d, &m);
            free(m.text);
        }
    }
    CHECK_INT(u->state, until);
}

/* Until there is mail, which stays unread. */
static void wait_for_mail(void)
{
    struct pollfd fd = {.fd = mailbox_fd(d.box), .events = POLLIN};
    CHECK(poll(&fd, 1, 20000) == 1);
}

static void gesture(gesture_act act)
{
    dictation_gesture(&d, &(gesture_event){act, 0, dictation_now_us()}, NULL);
}

static void answer(int64_t job, const char *text)
{
    mail m = {.kind = MAIL_ANSWER};
    m.of.answer = (worker_answer){.job = job,
                                  .ok = text != NULL,
                                  .text = text ? text : "",
                                  .model = "m",
                                  .warning = "",
                                  .language = "",
                                  .target = ""};
    m.of.answer.error = text ? "" : "it died";
    dictation_handle(&d, &m);
}

/* A recording of n pieces is over, and each is a job of the worker's. */
static utterance *recorded(int32_t n)
{
    CHECK(!orders_start(&d, NULL));
    utterance *u = utterance_hearing(&d);
    for (int32_t i = 0; i < n; i++) {
        const int64_t at = 10 * i * VOICE_RATE_HZ;
        u->sound->segments[i] = (voice_segment){at, VOICE_RATE_HZ, at, VOICE_RATE_HZ, false};
        u->sound->n_segments = i + 1;
        mail_of(MAIL_SEGMENT, u->id, i);
    }
    u->sound->speech_seconds = n;
    CHECK(!orders_stop(&d));
    mail_of(MAIL_RECORDED, u->id, 0);
    return u;
}

/* ---- */

static void spoken_and_delivered(void)
{
    open_daemon();
    gesture(GESTURE_ARM);
    CHECK(n_heard == 1 && !heard[0].begun);
    gesture(GESTURE_START);
    CHECK(n_heard == 1 && heard[0].begun);
    gesture(GESTURE_CANCEL);
    CHECK(heard[0].closed && heard[0].fate == RECORDING_FORGET); /* there is no history */
    utterance *u = recorded(1);
    answer(n_jobs, "hello");
    pump(u, STATE_DELIVERED);
    CHECK(heard[1].closed && heard[1].fate == RECORDING_FORGET);
    CHECK_STR(d.last_text, "hello ");
    close_daemon();
}

static void bluetooth_is_opened_by_the_start_alone(void)
{
    open_daemon();
    is_bluetooth = true;
    gesture(GESTURE_ARM);
    CHECK(utterance_hearing(&d) && utterance_hearing(&d)->state == STATE_ARMED);
    CHECK_INT(n_heard, 0);
    gesture(GESTURE_START);
    CHECK_INT(n_heard, 1);
    CHECK(heard[0].begun && utterance_hearing(&d)->state == STATE_RECORDING);
    gesture(GESTURE_CANCEL);
    gesture(GESTURE_ARM);
    gesture(GESTURE_DISARM);
    CHECK_INT(n_heard, 1);
    CHECK(!utterance_hearing(&d));
    close_daemon();
}

static void cues_are_no_speech_of_the_next_recording(void)
{
    open_daemon();
    d.set->cue_volume = 40;
    utterance *u = recorded(1); /* its stop cue: */
    CHECK_INT(heard[0].n_masks, 0);
    gesture(GESTURE_ARM);
    gesture(GESTURE_START);
    CHECK_INT(heard[1].n_masks, 1);
    answer(n_jobs, NULL); /* the first one's failure is heard in the second */
    CHECK_INT(u->state, STATE_ERROR);
    CHECK_INT(heard[1].n_masks, 2);
    CHECK_INT(heard[0].n_masks, 0);
    gesture(GESTURE_CANCEL);
    mail_of(MAIL_CUE, 1, dictation_now_us()); /* long over */
    const int64_t now_us = dictation_now_us();
    dictation_handle(&d, &(mail){.kind = MAIL_CUE, .number = now_us - 1000, .time_us = now_us});
    CHECK(!orders_start(&d, NULL));
    CHECK_INT(heard[2].n_masks, 2); /* the cancelling and that one */
    close_daemon();
}

static void a_start_that_fails_leaves_the_gestures_ready(void)
{
    open_daemon();
    capture_system_close(d.capture);
    d.capture = NULL;
    no_system = true;
    d.gestures.recording = true; /* as the engine has it after it has said START */
    d.gestures.recording_binding = 0;
    gesture(GESTURE_START);
    CHECK(!utterance_hearing(&d));
    CHECK(!d.gestures.recording); /* else the next taps would stop what never began */
    CHECK(strstr(d.message, "There is no sound here") != NULL);
    CHECK(orders_start(&d, NULL) != NULL);
    no_system = false;
    d.capture_retry_us = 0;
    CHECK(!orders_start(&d, NULL));
    CHECK(d.gestures.recording);
    close_daemon();
}

static void mail_that_comes_late(void)
{
    open_daemon();
    CHECK(!orders_start(&d, NULL));
    utterance *u = utterance_hearing(&d);
    CHECK(!orders_stop(&d));
    CHECK(!orders_cancel(&d)); /* and in the same round, before the utterance is freed: */
    CHECK(u->state == STATE_READY && heard[0].closed);
    mail_of(MAIL_SEGMENT, u->id, 0);
    mail_of(MAIL_RECORDED, u->id, 0);
    mail_of(MAIL_CAPTURE_BEGAN, u->id, 0);
    mail_of(MAIL_CAPTURE_FAILED, u->id, 0);
    mail_of(MAIL_CAPTURE_ENDED, u->id, 0);
    CHECK(u->state == STATE_READY);
    mail_of(MAIL_RECORDED, 4711, 0); /* of nobody */
    answer(4711, "nobody's");
    u = recorded(2);
    answer(n_jobs - 1, NULL); /* the first piece cannot be decoded: over */
    CHECK_INT(u->state, STATE_ERROR);
    CHECK(heard[1].closed && heard[1].fate == RECORDING_KEEP);
    CHECK_STR(heard[1].reason, "failed");
    answer(n_jobs, "two");
    CHECK_INT(u->state, STATE_ERROR);
    close_daemon();
}

static void cancelled_while_it_is_decoded(void)
{
    open_daemon();
    utterance *u = recorded(1), *other = recorded(1);
    CHECK(!orders_cancel(&d)); /* the newest */
    CHECK(other->state == STATE_READY && u->state == STATE_FINISHING);
    CHECK_INT(n_cancels, 0); /* the other one is still wanted */
    CHECK(!orders_cancel(&d));
    CHECK_INT(n_cancels, 1);
    CHECK(orders_cancel(&d) != NULL);
    close_daemon();
}

static void memory_that_does_not_suffice(void)
{
    open_daemon();
    utterance *u = recorded(2);
    d.ms_per_second = 1; /* all in one piece would be cheap */
    answer(n_jobs - 1, "one");
    no_jobs = true;
    answer(n_jobs, "two");
    CHECK_STR(u->text, "one two "); /* then without */
    pump(u, STATE_DELIVERED);
    no_jobs = false;
    u = recorded(1);
    no_jobs = true; /* for the second try */
    answer(n_jobs, "");
    CHECK_INT(u->state, STATE_NOT_DELIVERED);
    CHECK(heard[1].fate == RECORDING_KEEP);
    u = recorded(1);
    CHECK_INT(u->state, STATE_ERROR);
    CHECK(heard[2].closed && heard[2].fate == RECORDING_KEEP && strstr(u->why, "memory"));
    no_jobs = false;
    u = recorded(1);
    dictation_handle(&d, &(mail){.kind = MAIL_RECORDED, .id = u->id, .text = (char *)(uintptr_t) "the end is missing"});
    answer(n_jobs, "some of it");
    pump(u, STATE_DELIVERED);
    CHECK(heard[3].fate == RECORDING_KEEP); /* what is missing is in the spool */
    CHECK_STR(heard[3].reason, "failed");
    close_daemon();
}

static void reloaded_in_the_middle(void)
{
    char error[DAEMON_ERROR] = "";
    open_daemon();
    gesture(GESTURE_ARM);
    CHECK(setup_reload(&d, error));
    CHECK(!utterance_hearing(&d) && heard[0].closed); /* no gesture would ever have disarmed it */
    CHECK(!orders_start(&d, NULL));
    write_config("audio.source = file:/dev/zero\ndictate.gesture = hold:f12\n");
    CHECK(setup_reload(&d, error));
    CHECK(utterance_hearing(&d) && d.gestures.recording && d.gestures.recording_binding == -1);
    CHECK(!heard[1].closed);
    CHECK_STR(d.capture_source, "auto"); /* it is in use */
    CHECK(!orders_cancel(&d));
    CHECK(!orders_start(&d, NULL));
    CHECK_STR(d.capture_source, "file:/dev/zero");
    CHECK(!orders_cancel(&d));
    write_config("dictate.gesture = sextuple:f12\n");
    CHECK(!setup_reload(&d, error) && strstr(error, "sextuple"));
    CHECK_STR(d.set->source, "file:/dev/zero");
    CHECK_INT(n_swaps, 0);
    write_config("model = other\n");
    CHECK(setup_reload(&d, error));
    CHECK_INT(n_swaps, 1);
    CHECK(setup_reload(&d, error));
    CHECK_INT(n_swaps, 1);
    dictation_handle(&d, &(mail){.kind = MAIL_WORKER_STATE, .number = WORKER_FAILED});
    dictation_handle(&d, &(mail){.kind = MAIL_WORKER_STATE, .number = WORKER_READY}); /* the old one goes on */
    CHECK(setup_reload(&d, error));
    CHECK_INT(n_swaps, 2); /* the file may have been mended */
    close_daemon();
}

static void heard_in(const utterance *u, const char *expected)
{
    char text[SPOKEN_TEXT];
    CHECK_STR(spoken_text(&u->spoken, "", text), expected);
    CHECK_STR(spoken_text(&u->sound->how, "", text), expected); /* for the spool */
}

static void languages_of_gestures_settings_and_commands(void)
{
    static const spoken_as french = {"fr", "", 0}, to_spanish = {"", "es", 0};
    char error[DAEMON_ERROR] = "", text[SPOKEN_TEXT];
    open_daemon();
    write_config("dictate.gesture = triple:ctrl\ndictate.gesture = hold:f12 fr>de\ndictate.language = de\n"
                 "dictate.translate_to = en\ndictate.punctuation = no\n");
    CHECK(setup_reload(&d, error));
    gesture(GESTURE_START);
    utterance *u = utterance_hearing(&d);
    heard_in(u, "de>en");
    u->sound->segments[0] = (voice_segment){0, VOICE_RATE_HZ, 0, VOICE_RATE_HZ, false};
    u->sound->n_segments = 1;
    mail_of(MAIL_SEGMENT, u->id, 0);
    CHECK_STR(spoken_text(&last_ask.spoken, "", text), "de>en");
    CHECK_INT(last_ask.spoken.punctuation, 1);
    write_config("dictate.language = es\n"); /* what has begun keeps its languages */
    CHECK(setup_reload(&d, error));
    heard_in(u, "de>en");
    gesture(GESTURE_CANCEL);
    CHECK(!orders_start(&d, NULL));
    heard_in(utterance_hearing(&d), "es");
    CHECK(!orders_cancel(&d));
    write_config("dictate.gesture = triple:ctrl\ndictate.gesture = hold:f12 fr>de\ndictate.language = de\n"
                 "dictate.translate_to = en\n");
    CHECK(setup_reload(&d, error));
    dictation_gesture(&d, &(gesture_event){GESTURE_START, 1, dictation_now_us()}, NULL);
    heard_in(utterance_hearing(&d), "fr>de");
    CHECK(!orders_cancel(&d));
    CHECK(!orders_start(&d, &french));
    heard_in(utterance_hearing(&d), "fr");
    CHECK(!orders_cancel(&d));
    CHECK(!orders_start(&d, &to_spanish));
    heard_in(utterance_hearing(&d), "de>es");
    CHECK(!orders_cancel(&d));
    write_config("dictate.language = d e\n");
    CHECK(!setup_reload(&d, error) && strstr(error, "the language to hear is 'd e'"));
    write_config("dictate.cancel_key = escape de\n");
    CHECK(!setup_reload(&d, error) && strstr(error, "dictate.cancel_key is 'escape de'"));
    close_daemon();
}

static void what_befell_the_text_is_told(void)
{
    open_daemon();
    utterance *u = recorded(1);
    mail m = {.kind = MAIL_ANSWER};
    m.of.answer = (worker_answer){.job = n_jobs, .ok = true, .text = "round and round", .error = "", .model = "m"};
    m.of.answer.warning = "the answer went round";
    m.of.answer.language = m.of.answer.target = "de";
    dictation_handle(&d, &m);
    CHECK_STR(d.message, "the answer went round");
    CHECK_STR(u->language, "de");
    pump(u, STATE_DELIVERED); /* what there is of it */
    close_daemon();
}

static void loaded(const worker_facts *facts)
{
    model_facts = *facts;
    dictation_handle(&d, &(mail){.kind = MAIL_WORKER_STATE, .number = WORKER_LOADING, .text = (char[]){"m"}});
    dictation_handle(&d, &(mail){.kind = MAIL_WORKER_STATE, .number = WORKER_READY, .text = (char[]){"m"}});
}

static void a_model_that_lacks_the_language(void)
{
    static const worker_facts none = {.known = true, .times = true},
                              some = {.known = true, .prompted = true, .times = true, .languages = "en fr"};
    char error[DAEMON_ERROR] = "";
    open_daemon();
    write_config("dictate.gesture = hold:f12 de\n");
    CHECK(setup_reload(&d, error));
    loaded(&none);
    CHECK_STR(d.message, "m takes no languages: 'de' is not used, the text is in the language that is spoken");
    d.message[0] = 0;
    loaded(&none); /* as after every rest: once is enough */
    CHECK_STR(d.message, "");
    loaded(&some);
    CHECK_STR(d.message, "m has no language 'de', expected one of: en fr");
    d.message[0] = 0;
    gesture(GESTURE_START); /* recorded all the same, and told again */
    utterance *u = utterance_hearing(&d);
    CHECK(u && u->state == STATE_RECORDING);
    CHECK_STR(d.message, "m has no language 'de', expected one of: en fr");
    gesture(GESTURE_CANCEL);
    u = recorded(1);
    answer(n_jobs, NULL); /* what the worker says of it */
    CHECK_INT(u->state, STATE_ERROR);
    CHECK(heard[1].closed && heard[1].fate == RECORDING_KEEP); /* without a history, too */
    CHECK_STR(heard[1].reason, "failed");                      /* the next start tries again */
    write_config("dictate.gesture = hold:f12 fr>en\n");
    d.message[0] = 0;
    CHECK(setup_reload(&d, error));
    loaded(&some);
    CHECK_STR(d.message, "");
    model_facts = (worker_facts){0};
    close_daemon();
}

static void chosen_on_the_screen(void)
{
    open_daemon(); /* with a config file that was named: it is not written */
    screen_command command = {.kind = SCREEN_SET_DEVICE};
    snprintf(command.argument, sizeof command.argument, "headset");
    orders_screen(&d, &command);
    CHECK_STR(d.device_wanted, "headset");
    CHECK_STR(d.set->device, "headset");
    command.kind = SCREEN_SET_MODEL;
    snprintf(command.argument, sizeof command.argument, "other");
    orders_screen(&d, &command);
    CHECK_INT(n_swaps, 1);
    CHECK_STR(d.set->model, "other");
    settings *set = settings_load(config, (char[SETTINGS_ERROR]){0});
    CHECK(set && set->device[0] == 0 && set->model[0] == 0);
    settings_free(set);
    close_daemon();
}

static void another_deliverer(void)
{
    char error[DAEMON_ERROR] = "";
    open_daemon();
    utterance *u = recorded(1);
    answer(n_jobs, "one");
    const int64_t first = u->delivery;
    wait_for_mail(); /* the outcome, on its way while: */
    mail_of(MAIL_DELIVERER_LOST, d.delivery_base, 0);
    CHECK(!d.deliverer);
    utterance *other = recorded(1);
    answer(n_jobs, "two"); /* opened again */
    CHECK(d.deliverer && other->delivery != first);
    mail_of(MAIL_DELIVERER_LOST, first - 1, 0); /* of the one before */
    CHECK(d.deliverer);
    pump(u, STATE_DELIVERED);
    pump(other, STATE_DELIVERED);
    const int64_t base = d.delivery_base;
    CHECK(setup_reload(&d, error));
    CHECK(d.delivery_base == base); /* nothing of it has changed */
    write_config("deliver.receipt_ms = 200\n");
    CHECK(setup_reload(&d, error));
    CHECK(d.deliverer && d.delivery_base > base);
    close_daemon();
}

static void ended_while_delivering(void)
{
    open_daemon();
    utterance *u = recorded(1);
    answer(n_jobs, "last words");
    CHECK_INT(u->state, STATE_DELIVERING);
    wait_for_mail();
    close_daemon();
    CHECK(heard[0].closed && heard[0].fate == RECORDING_FORGET); /* it was delivered, and that was noticed */
    char line[100] = "";
    FILE *f = fopen(out, "r");
    CHECK(f && fgets(line, sizeof line, f));
    CHECK(strstr(line, "last words") == line);
    if (f)
        fclose(f);
}

static void more_than_can_wait(void)
{
    open_daemon();
    for (int i = 0; i < UTTERANCES_MAX; i++)
        recorded(1);
    CHECK_INT(d.n_utterances, UTTERANCES_MAX);
    CHECK(orders_start(&d, NULL) && strstr(d.message, "waiting"));
    CHECK(!d.gestures.recording);
    answer(n_jobs, NULL);
    CHECK(!orders_start(&d, NULL)); /* one that is only shown makes room */
    CHECK_INT(d.n_utterances, UTTERANCES_MAX);
    CHECK(!orders_stop(&d));
    while (d.n_utterances)
        utterance_free(&d, d.utterances[0]);
    for (int32_t i = 0; i < n_heard; i++)
        CHECK(heard[i].closed && heard[i].fate == RECORDING_KEEP);
    close_daemon();
}

static void recovered_without_a_text(void)
{
    open_daemon();
    utterance *u = utterance_new(&d);
    u->sound = recording_open(&(recording_options){.id = u->id});
    u->sound->segments[0] = (voice_segment){0, VOICE_RATE_HZ, 0, VOICE_RATE_HZ, false};
    u->sound->n_segments = 1;
    u->recovered = true;
    u->state = STATE_FINISHING;
    mail_of(MAIL_SEGMENT, u->id, 0);
    mail_of(MAIL_RECORDED, u->id, 0);
    answer(n_jobs, NULL);
    CHECK_INT(u->state, STATE_ERROR);
    CHECK(heard[0].fate == RECORDING_KEEP);
    CHECK_STR(heard[0].reason, "failed"); /* and no longer "recording": it goes after a day */
    CHECK(strstr(d.message, "earlier run") != NULL);
    close_daemon();
}

int main(void)
{
    char folder[] = "/tmp/ctrlspeak-daemon-XXXXXX";
    if (!mkdtemp(folder))
        return 1;
    snprintf(config, sizeof config, "%s/config", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    setenv("XDG_STATE_HOME", folder, 1);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    setenv("XDG_CONFIG_DIRS", folder, 1);
    unsetenv("DISPLAY");
    RUN(spoken_and_delivered);
    RUN(bluetooth_is_opened_by_the_start_alone);
    RUN(cues_are_no_speech_of_the_next_recording);
    RUN(a_start_that_fails_leaves_the_gestures_ready);
    RUN(mail_that_comes_late);
    RUN(cancelled_while_it_is_decoded);
    RUN(memory_that_does_not_suffice);
    RUN(reloaded_in_the_middle);
    RUN(languages_of_gestures_settings_and_commands);
    RUN(what_befell_the_text_is_told);
    RUN(a_model_that_lacks_the_language);
    RUN(chosen_on_the_screen);
    RUN(another_deliverer);
    RUN(ended_while_delivering);
    RUN(more_than_can_wait);
    RUN(recovered_without_a_text);
    unlink(config);
    unlink(out);
    rmdir(folder);
    return check_done();
}
