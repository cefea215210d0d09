/* SPDX-License-Identifier: MIT
 * `ctrlspeak doctor`: what dictation needs, one line each, with the command that mends it where one is known. */
#define _XOPEN_SOURCE 700
#include "common/cli.h"
#include "common/outfile.h"
#include "common/paths.h"
#include "dictate/capture/capture.h"
#include "dictate/control/control.h"
#include "dictate/deliver/deliver.h"
#include "dictate/feedback/feedback.h"
#include "dictate/history/history.h"
#include "ctrlspeak.h"
#include "dictate/keys/keys.h"
#include "dictate/settings/settings.h"
#include "dictate/voice/joining.h"
#include "dictate/worker/worker.h"
#include "model_file.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum verdict { FINE, BEARABLE, BROKEN } verdict;

typedef struct examination {
    settings *set;
    int n_broken;
} examination;

static void report(examination *x, verdict v, const char *what, const char *sentence)
{
    static const char *const words[] = {"ok", "warning", "missing"};
    printf("%-8s %-11s %s\n", words[v], what, sentence);
    x->n_broken += v == BROKEN;
}

static void nothing_key(void *user, const key_event *event)
{
    (void)user;
    (void)event;
}

static void nothing(void *user, const char *why)
{
    (void)user;
    (void)why;
}

static bool gestures_are_right(const settings *set, char error[SETTINGS_ERROR])
{
    gesture_binding binding;
    for (int32_t i = 0; i < set->gesture.n_items; i++)
        if (strcmp(set->gesture.items[i], "none") != 0
            && !gesture_parse(set->gesture.items[i], &binding, error, SETTINGS_ERROR))
            return false;
    return true;
}

static bool languages_are_right(const settings *set, char error[SETTINGS_ERROR])
{
    spoken_as standard;
    return spoken_set(&standard, set->language, set->translate_to, error, SETTINGS_ERROR);
}

static bool texts_are_right(const settings *set, char error[SETTINGS_ERROR])
{
    const text_rules_options options = {
        .replacements = (const char *const *)set->replacements.items,
        .n_replacements = set->replacements.n_items,
        .snippets = (const char *const *)set->snippets.items,
        .n_snippets = set->snippets.n_items,
    };
    text_rules *rules = text_rules_create(&options, error);
    text_rules_free(rules);
    return rules != NULL;
}

static void look_at_settings(examination *x)
{
    char error[SETTINGS_ERROR];
    char *path = settings_path();
    x->set = settings_load(NULL, error);
    if (x->set && gestures_are_right(x->set, error) && languages_are_right(x->set, error)
        && texts_are_right(x->set, error)
        && deliver_check_rules((const char *const *)x->set->deliver_rules.items, x->set->deliver_rules.n_items, error))
        report(x, FINE, "config", path && access(path, F_OK) == 0 ? path : "no config file: the defaults hold");
    else
        report(x, BROKEN, "config", error);
    free(path);
}

/* Do the languages of the settings and of each gesture suit the model? */
static void look_at_languages(examination *x, const char *name, const worker_facts *facts)
{
    char why[WORKER_ERROR] = "";
    spoken_as standard, how;
    gesture_binding binding;
    if (!x->set || !spoken_set(&standard, x->set->language, x->set->translate_to, why, sizeof why))
        return; /* told as the config's */
    bool good = worker_takes(facts, name, &standard, why);
    for (int32_t i = 0; good && i < x->set->gesture.n_items; i++) {
        if (!gesture_parse(x->set->gesture.items[i], &binding, why, sizeof why))
            continue;
        how = spoken_over(&binding.spoken, &standard);
        good = worker_takes(facts, name, &how, why);
    }
    if (!good)
        report(x, BEARABLE, "languages", why);
    else if (facts->prompted)
        report(x, FINE, "languages", facts->languages);
}

static void look_at_model(examination *x)
{
    char error[700] = "", sentence[900];
    char *path = NULL;
    cs_model *model = NULL;
    cs_error err = {0};
    if (model_file_locate(x->set ? x->set->model : "", &path, error, sizeof error) != APP_DONE) {
        report(x, BROKEN, "model", error);
        return;
    }
    cs_model_options options;
    cs_model_options_init(&options);
    packed_use cache = PACKED_STANDARD;
    if (x->set) {
        cache = (packed_use){x->set->cache, x->set->cache_limit_mb, x->set->cache_least_mb};
        options.precision = (cs_precision)x->set->precision;
    }
    char *folder = packed_apply(&options, &cache);
    cs_err code = cs_model_open(path, &options, &model, &err);
    free(folder);
    if (code != CS_OK)
        report(x, BROKEN, "model", err.message);
    else {
        const cs_model_info *info = cs_model_get_info(model);
        bool bundled = strcmp(info->name, PATHS_BUNDLED) == 0;
        snprintf(sentence, sizeof sentence, "%s, %s (%s) on %s, %s%s", info->name, info->precision,
                 info->precision_reason, info->cpu_path, info->opened,
                 bundled ? "; it knows digits and short commands, a real one is had by: ctrlspeak models get "
                           "parakeet-tdt-0.6b-v3"
                         : "");
        report(x, bundled ? BEARABLE : FINE, "model", sentence);
        worker_facts facts;
        worker_facts_of(info, &facts);
        look_at_languages(x, info->name, &facts);
    }
    cs_model_close(model);
    free(path);
}

static void look_at_keys(examination *x)
{
    char x11[KEYS_ERROR] = "", evdev[KEYS_ERROR] = "", sentence[2 * KEYS_ERROR + 100];
    const keys_sink sink = {NULL, nothing_key, nothing};
    keys *source = keys_x11_open(NULL, &sink, x11);
    const char *session = getenv("XDG_SESSION_TYPE");
    bool wayland = session && strcmp(session, "wayland") == 0;
    if (source) {
        snprintf(sentence, sizeof sentence, "X11%s",
                 wayland ? "; under Wayland it sees keys of X11 windows alone, evdev sees all" : "");
        report(x, wayland ? BEARABLE : FINE, "keys", sentence);
    }
    keys_close(source);
    bool with_x11 = source != NULL;
    source = keys_evdev_open("/dev/input", &sink, evdev);
    if (source)
        report(x, FINE, "keys", "evdev: keyboards below /dev/input can be read");
    else if (with_x11 && wayland)
        report(x, BEARABLE, "keys", evdev);
    else if (!with_x11) {
        snprintf(sentence, sizeof sentence,
                 "%s; %s; without keys, bind `ctrlspeak dictate toggle` in the desktop's settings", x11, evdev);
        report(x, BROKEN, "keys", sentence);
    }
    keys_close(source);
}

typedef struct ear {
    atomic_bool started, failed;
    char why[CAPTURE_ERROR];
} ear;

static void on_started(void *user, int64_t time_us)
{
    (void)time_us;
    atomic_store(&((ear *)user)->started, true);
}

static void on_device(void *user, const char *name, const char *description)
{
    (void)user;
    (void)name;
    (void)description;
}

static void on_failed(void *user, const char *why)
{
    ear *e = user;
    snprintf(e->why, sizeof e->why, "%s", why);
    atomic_store(&e->failed, true);
}

/* Half a second of listening: does sound come? */
static void listen(examination *x, capture_system *system)
{
    ear e = {0};
    float pcm[1600], peak = 0;
    char sentence[CAPTURE_ERROR];
    const capture_sink sink = {&e, on_started, on_device, nothing, on_failed};
    const char *device = x->set && x->set->device[0] ? x->set->device : NULL;
    capture *stream = capture_start(system, device, &sink);
    for (int i = 0; stream && i < 25 && !atomic_load(&e.failed); i++) {
        capture_wait(stream, 20);
        for (size_t n; (n = capture_read(stream, pcm, 1600, NULL)) > 0;)
            for (size_t k = 0; k < n; k++)
                peak = pcm[k] > peak ? pcm[k] : -pcm[k] > peak ? -pcm[k] : peak;
    }
    capture_close(stream);
    if (atomic_load(&e.failed))
        report(x, BROKEN, "microphone", e.why);
    else if (!atomic_load(&e.started))
        report(x, BROKEN, "microphone", "it was opened, but no sound came within half a second");
    else {
        snprintf(sentence, sizeof sentence, "it listens, loudest sample %.3f%s", (double)peak,
                 peak < 1e-4F ? ": nothing but silence; is it muted?" : "");
        report(x, peak < 1e-4F ? BEARABLE : FINE, "microphone", sentence);
    }
}

static void look_at_sound(examination *x)
{
    char error[CAPTURE_ERROR], sentence[2 * CAPTURE_NAME + 60];
    capture_device *devices = NULL;
    capture_system *system = capture_system_open(x->set ? x->set->source : "auto", error);
    if (!system) {
        report(x, BROKEN, "sound", error);
        return;
    }
    report(x, FINE, "sound", capture_system_name(system));
    int32_t n = capture_devices(system, &devices, error);
    for (int32_t i = 0; i < n; i++) {
        snprintf(sentence, sizeof sentence, "%s%s (%s)", devices[i].name, devices[i].is_default ? ", the default" : "",
                 devices[i].description);
        report(x, FINE, devices[i].is_monitor ? "monitor" : "device", sentence);
    }
    free(devices);
    listen(x, system);
    capture_system_close(system);
}

static void no_outcome(void *user, const deliver_outcome *outcome)
{
    (void)user;
    (void)outcome;
}

static void no_restored(void *user, int64_t id, bool by_user)
{
    (void)user;
    (void)id;
    (void)by_user;
}

static void look_at_delivery(examination *x)
{
    char error[DELIVER_ERROR];
    deliver_options options;
    deliver_options_init(&options);
    deliverer *d = NULL;
    if (deliver_parse(x->set ? x->set->deliver : "paste", &options, error))
        d = deliver_create(&options, &(deliver_sink){NULL, no_outcome, no_restored, nothing}, error);
    report(x, d ? FINE : BROKEN, "delivery", d ? (x->set ? x->set->deliver : "paste") : error);
    deliver_free(d);
}

static void look_at_files(examination *x)
{
    char error[HISTORY_ERROR];
    char sentence[700];
    char *spool = paths_user(PATHS_STATE, "spool");
    bool writable = spool && outfile_make_private_folder(spool) && access(spool, W_OK) == 0;
    snprintf(sentence, sizeof sentence, "%s: cannot be written: %s; recordings are in memory alone until they are text",
             spool ? spool : "the state folder", spool ? strerror(errno) : "there is no home folder");
    report(x, writable ? FINE : BEARABLE, "spool", writable ? spool : sentence);
    free(spool);
    if (x->set && !x->set->history)
        return;
    history *h = history_open(x->set && x->set->history_db[0] ? x->set->history_db : NULL, error);
    report(x, h ? FINE : BEARABLE, "history", h ? "can be written" : error);
    history_close(h);
}

static void look_at_desktop(examination *x)
{
    char why[200] = "", error[CONTROL_ERROR];
    bool bus = feedback_probe(NULL, why);
    report(x, bus ? FINE : BEARABLE, "desktop", bus ? "the session bus answers" : why);
    int status = control_ask("status", 2000, NULL, NULL, error);
    report(x, FINE, "dictation", status == APP_DONE ? "is running" : status == APP_NOBODY ? "is not running" : error);
}

static int run(const cli_command *command, int argc, char **argv)
{
    examination x = {0};
    int n_operands = 0, status = cli_parse(command, argc, argv, NULL, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    look_at_settings(&x);
    look_at_model(&x);
    look_at_keys(&x);
    look_at_sound(&x);
    look_at_delivery(&x);
    look_at_files(&x);
    look_at_desktop(&x);
    settings_free(x.set);
    return x.n_broken ? APP_SYSTEM : APP_DONE;
}

static const cli_example examples[] = {{"ctrlspeak doctor", "before the first dictation, or when it does not work"}};

const cli_command command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "Tell what dictation needs and what is missing",
    .examples = examples,
    .n_examples = 1,
    .run = run,
};
