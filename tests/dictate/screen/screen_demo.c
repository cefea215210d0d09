/* SPDX-License-Identifier: MIT
 *
 * screen_demo [OPTION VALUE]...: the screen with a daemon made of cardboard, for tests and for looking at it.
 *
 *     --scene NAME      ready (also: none given), recording, wide, controls, long, busy, failed
 *     --history FILE    the database; "none": no history is kept
 *     --log FILE        for the log page
 *     --commands FILE   each command that the screen sends is appended as "kind argument"
 *     --fill FILE       puts three entries into a new database, and ends
 *     --config FILE     as the program's option
 *     --plain yes
 *     --script yes      shows recording, finishing, delivering, delivered in a row, then ends
 *
 * Space starts and stops, choosing chooses, q ends. SIGTERM and crashes give the terminal back, as the daemon does it;
 * SIGUSR1 crashes. "seconds" go by views, not by a clock, so what is on screen depends on the keys alone. */
#define _GNU_SOURCE
#include "dictate/history/history.h"
#include "dictate/screen/screen.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct demo {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool quit;
    screen_view view;
    screen *shown;
    const char *commands;
} demo;

static void row(screen_row *to, const char *name, const char *description, int marks)
{
    snprintf(to->name, sizeof to->name, "%s", name);
    snprintf(to->description, sizeof to->description, "%s", description);
    to->active = marks & 1;
    to->preferred = marks & 2;
    to->standard = marks & 4;
}

static void words(screen_view *v, const char *text)
{
    snprintf(v->text, sizeof v->text, "%s", text);
}

static void begin(screen_view *v)
{
    v->state = STATE_READY;
    snprintf(v->model, sizeof v->model, "parakeet-tdt-0.6b-v3");
    snprintf(v->device, sizeof v->device, "Built-in Audio Analog Stereo");
    snprintf(v->gesture, sizeof v->gesture, "triple-tap Ctrl");
    row(&v->devices[0], "alsa_input.pci-0000_00_1f.3.analog-stereo", "Built-in Audio Analog Stereo", 1 | 4);
    row(&v->devices[1], "alsa_input.usb-Blue_Yeti-00.analog-stereo", "Blue Yeti", 2);
    row(&v->devices[2], "bluez_input.00_11",
        "\xe3\x83\x98\xe3\x83\x83\xe3\x83\x89\xe3\x82\xbb\xe3\x83\x83\xe3\x83\x88 \xf0\x9f\x8e\xa7", 0);
    v->n_devices = 3;
    row(&v->models[0], "parakeet-tdt-0.6b-v3", "0.6 B parameters, 25 languages", 1 | 2);
    row(&v->models[1], "ctrlspeak-small", "commands, digits and letters", 4);
    v->n_models = 2;
    v->n_dictations = 12;
    v->p50_ms = 118;
    v->p95_ms = 305;
    words(v, "The harbour was quiet, too quiet, and the train left at half past seven.");
}

static void set_scene(screen_view *v, const char *scene)
{
    if (strcmp(scene, "recording") == 0 || strcmp(scene, "busy") == 0) {
        v->state = STATE_RECORDING;
        v->recording_seconds = 83.4;
        v->level = 0.45;
        v->speech = true;
        words(v, "Where did it go? Nobody knew; nobody asked");
    } else if (strcmp(scene, "wide") == 0) {
        snprintf(v->device, sizeof v->device,
                 "\xe5\x86\x85\xe8\x94\xb5\xe3\x83\x9e\xe3\x82\xa4\xe3\x82\xaf \xf0\x9f\x8e\xa4 Stu\xcc\x88"
                 "hle");
        for (int i = 0; i < 30; i++)
            strcat(v->text, "\xe6\xbc\xa2\xe5\xad\x97\xf0\x9f\x8e\xa4 a\xcc\x81 ");
    } else if (strcmp(scene, "controls") == 0) {
        snprintf(v->device, sizeof v->device,
                 "evil\033]0;owned\a\033[2J\xc2\x9b"
                 "31m\r\xff name");
        words(v, "text\033[31m with\b controls\033c and \xe2\x80\xae"
                 "override");
        snprintf(v->message, sizeof v->message, "a\033[5m message");
        row(&v->devices[0], "x\033[2Jy", "row \033[7mname", 0);
    } else if (strcmp(scene, "long") == 0) {
        v->text[0] = 0;
        for (int i = 0; i < 300; i++)
            snprintf(v->text + strlen(v->text), sizeof v->text - strlen(v->text), "word%03d ", i);
    } else if (strcmp(scene, "failed") == 0) {
        v->state = STATE_NOT_DELIVERED;
        snprintf(v->message, sizeof v->message,
                 "The window did not read the text within 1 s; it is kept: p delivers it again.");
    }
    v->model_is_bundled = strcmp(scene, "bundled") == 0;
}

static void obey(demo *d, const screen_command *c)
{
    screen_view *v = &d->view;
    switch (c->kind) {
    case SCREEN_TOGGLE:
        v->state = v->state == STATE_RECORDING ? STATE_DELIVERED : STATE_RECORDING;
        v->recording_seconds = 5;
        v->level = 0.3;
        break;
    case SCREEN_CANCEL:
        v->state = STATE_READY;
        break;
    case SCREEN_QUIT:
        d->quit = true;
        break;
    case SCREEN_SET_DEVICE:
        for (int i = 0; i < v->n_devices; i++)
            v->devices[i].active = strcmp(v->devices[i].name, c->argument) == 0;
        break;
    case SCREEN_SET_MODEL:
        for (int i = 0; i < v->n_models; i++)
            v->models[i].active = strcmp(v->models[i].name, c->argument) == 0;
        break;
    case SCREEN_SETTING_CHANGED:
    case SCREEN_REFRESH:
    case SCREEN_PASTE_LAST:
        break;
    }
}

static void on_command(void *user, const screen_command *c)
{
    static const char *const kinds[] = {"toggle",    "cancel",          "quit",    "set-device",
                                        "set-model", "setting-changed", "refresh", "paste-last"};
    demo *d = user;
    FILE *out = d->commands ? fopen(d->commands, "a") : NULL;
    if (out) {
        fprintf(out, "%s %s\n", kinds[c->kind], c->argument);
        fclose(out);
    }
    pthread_mutex_lock(&d->lock);
    obey(d, c);
    if (d->shown)
        screen_show(d->shown, &d->view);
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static void on_fatal(int number)
{
    screen_restore_now();
    signal(number, SIG_DFL);
    raise(number);
}

static void on_crash_wish(int number)
{
    (void)number;
    raise(SIGSEGV);
}

static void play_script(demo *d)
{
    static const dictate_state states[] = {STATE_RECORDING, STATE_FINISHING, STATE_DELIVERING, STATE_DELIVERED};
    static const char *const texts[] = {"one", "one two", "one two\nthree\033[1m", "one two\nthree\033[1m"};
    for (int i = 0; i < 4; i++) {
        d->view.state = states[i];
        words(&d->view, texts[i]);
        screen_show(d->shown, &d->view);
    }
    snprintf(d->view.message, sizeof d->view.message, "no microphone is there");
    d->view.state = STATE_ERROR;
    screen_show(d->shown, &d->view);
}

static int fill(const char *path)
{
    static const char *const texts[] = {
        "The first thing that was ever said.",
        "\xe6\xbc\xa2\xe5\xad\x97 and \xf0\x9f\x8e\xa4 and words that are longer than one row of eighty columns",
        "Send the report to Anna before noon."};
    char error[HISTORY_ERROR];
    history *h = history_open(path, error);
    bool ok = h != NULL;
    for (int i = 0; ok && i < 3; i++) {
        history_entry entry = {.time_ms = INT64_C(1790000000000) + i * 3600000,
                               .text = texts[i],
                               .model = "parakeet",
                               .language = "",
                               .target = "Editor",
                               .source = "dictate",
                               .speech_seconds = 2.5,
                               .latency_ms = 120,
                               .delivered = i != 1};
        ok = history_add(h, &entry, error) > 0;
    }
    history_close(h);
    if (!ok)
        fprintf(stderr, "%s\n", error);
    return !ok;
}

int main(int argc, char **argv)
{
    demo d = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    screen_options options = {.history_kept = true, .user = &d, .command = on_command};
    const char *scene = "ready", *script = NULL;
    char error[300];
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1], *name = argv[i];
        if (strcmp(name, "--fill") == 0)
            return fill(value);
        *(strcmp(name, "--scene") == 0      ? &scene
          : strcmp(name, "--history") == 0  ? &options.history_path
          : strcmp(name, "--log") == 0      ? &options.log_path
          : strcmp(name, "--commands") == 0 ? &d.commands
          : strcmp(name, "--config") == 0   ? &options.config_path
                                            : &script) = value;
        if (strcmp(name, "--plain") == 0)
            options.plain = true, script = NULL;
    }
    options.history_kept = !options.history_path || strcmp(options.history_path, "none") != 0;
    begin(&d.view);
    set_scene(&d.view, scene);
    signal(SIGSEGV, on_fatal);
    signal(SIGTERM, on_fatal);
    signal(SIGUSR1, on_crash_wish);
    screen *s = screen_create(&options, error);
    if (!s) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    pthread_mutex_lock(&d.lock);
    d.shown = s;
    screen_show(s, &d.view);
    if (script)
        play_script(&d);
    while (!d.quit && !script)
        if (strcmp(scene, "busy") == 0 && !d.quit) { /* as often as a daemon can */
            d.view.level = d.view.level > 0.9 ? 0 : d.view.level + 0.01;
            d.view.recording_seconds += 0.01;
            screen_show(s, &d.view);
            pthread_mutex_unlock(&d.lock);
            usleep(2000);
            pthread_mutex_lock(&d.lock);
        } else {
            pthread_cond_wait(&d.changed, &d.lock);
        }
    d.shown = NULL;
    pthread_mutex_unlock(&d.lock);
    screen_free(s);
    return 0;
}
