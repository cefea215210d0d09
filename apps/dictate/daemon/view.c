/* SPDX-License-Identifier: MIT
 * What people and programs see of the daemon: the screen's view, `status`, `status --follow`. */
#include "dictate/daemon/daemon.h"

#include "common/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dictate_state shown(const dictation *d)
{
    dictate_state states[UTTERANCES_MAX];
    for (int32_t i = 0; i < d->n_utterances; i++)
        states[i] = d->utterances[i]->state;
    return machine_shown(states, d->n_utterances, d->worker_state == WORKER_LOADING, d->worker_state == WORKER_FAILED);
}

static recording_now look(dictation *d)
{
    utterance *u = utterance_hearing(d);
    return u && u->sound && u->state == STATE_RECORDING ? recording_look(u->sound) : (recording_now){0};
}

/* "de > en", of what is being recorded. */
static const char *languages_shown(dictation *d, char out[SPOKEN_TEXT])
{
    utterance *u = utterance_hearing(d);
    out[0] = 0;
    return u && u->state == STATE_RECORDING ? spoken_text(&u->spoken, " ", out) : out;
}

/* What is heard, or the last text. */
static void words(dictation *d, textbuf *text)
{
    utterance *u = d->n_utterances ? d->utterances[d->n_utterances - 1] : NULL;
    if (u && (u->state == STATE_RECORDING || u->state == STATE_FINISHING))
        utterance_heard(u, text);
    else if (d->last_text)
        textbuf_append(text, d->last_text, strlen(d->last_text));
}

void view_json(dictation *d, textbuf *out)
{
    textbuf text = {0};
    recording_now now = look(d);
    words(d, &text);
    textbuf_printf(out, "{\"state\": \"%s\", \"model\": ", dictate_state_text(shown(d)));
    textbuf_json(out, d->model);
    utterance *u = utterance_hearing(d);
    textbuf_printf(out, ", \"language\": ");
    textbuf_json(out, u ? u->spoken.language : "");
    textbuf_printf(out, ", \"translate_to\": ");
    textbuf_json(out, u ? u->spoken.target : "");
    textbuf_printf(out, ", \"device\": ");
    textbuf_json(out, d->device);
    textbuf_printf(out, ", \"message\": ");
    textbuf_json(out, d->message);
    textbuf_printf(out, ", \"text\": ");
    textbuf_json(out, text.data ? text.data : "");
    textbuf_printf(
        out,
        ", \"recording_seconds\": %.2f, \"level\": %.3f, \"speech\": %s, \"dictations\": %lld, \"live_models\": %d, "
        "\"worker_pid\": %d, \"worker_restarts\": %d, \"keys\": ",
        now.seconds, (double)now.level, now.speech ? "true" : "false", (long long)d->n_dictations,
        worker_live_models(d->worker), worker_child_pid(d->worker), worker_restarts(d->worker));
    textbuf_json(out, d->keys ? keys_name(d->keys) : "none");
    textbuf_printf(out, ", \"latency_ms\": {");
    for (int s = 0; s < N_LATENCY_STAGES; s++)
        textbuf_printf(out, "%s\"%s\": {\"p50\": %.1f, \"p95\": %.1f}", s ? ", " : "", latency_key((latency_stage)s),
                       latency_part(&d->latency, (latency_stage)s, 0.5),
                       latency_part(&d->latency, (latency_stage)s, 0.95));
    textbuf_printf(out, "}}");
    textbuf_free(&text);
}

void view_text(dictation *d, textbuf *out)
{
    textbuf_printf(out, "%s", dictate_state_text(shown(d)));
    if (d->message[0])
        textbuf_printf(out, ": %s", d->message);
}

static const char *microphone(const dictation *d)
{
    return d->device[0] ? d->device : d->device_wanted[0] ? d->device_wanted : "the default one";
}

void view_page(dictation *d, control_client *client)
{
    char line[3 * SCREEN_LINE];
    recording_now now = look(d);
    snprintf(line, sizeof line, "state       %s", dictate_state_text(shown(d)));
    control_line(client, line);
    if (d->message[0]) {
        snprintf(line, sizeof line, "message     %s", d->message);
        control_line(client, line);
    }
    if (now.seconds > 0) {
        char languages[SPOKEN_TEXT];
        snprintf(line, sizeof line, "recording   %.1f s, %s%s%s", now.seconds, now.speech ? "speech" : "silence",
                 languages_shown(d, languages)[0] ? ", " : "", languages);
        control_line(client, line);
    }
    snprintf(line, sizeof line, "model       %s%s", d->model[0] ? d->model : "none yet",
             d->worker_state == WORKER_UNLOADED ? " (unloaded until it is needed)" : "");
    control_line(client, line);
    snprintf(line, sizeof line, "microphone  %s", microphone(d));
    control_line(client, line);
    snprintf(line, sizeof line, "keys        %s", d->keys ? keys_name(d->keys) : "none");
    control_line(client, line);
    snprintf(line, sizeof line, "dictations  %lld", (long long)d->n_dictations);
    control_line(client, line);
    for (int s = 0; s < N_LATENCY_STAGES; s++) {
        if (!d->latency.n[s])
            continue;
        snprintf(line, sizeof line, "latency     %s: p50 %.0f ms, p95 %.0f ms", latency_meaning((latency_stage)s),
                 latency_part(&d->latency, (latency_stage)s, 0.5), latency_part(&d->latency, (latency_stage)s, 0.95));
        control_line(client, line);
    }
}

/* "triple:ctrl_right" to "triple-tap right Ctrl": the first of the gestures. */
static void describe_gesture(const dictation *d, char *out, size_t size)
{
    static const char *const kinds[][2] = {{"double", "double-tap"},      {"triple", "triple-tap"},
                                           {"quadruple", "four taps of"}, {"quintuple", "five taps of"},
                                           {"hold", "holding"},           {"toggle", "tapping"},
                                           {"hybrid", "pressing"}};
    const char *text = d->set->gesture.n_items ? d->set->gesture.items[0] : "none", *key = strchr(text, ':');
    if (!key || !d->keys) {
        snprintf(out, size, "ctrlspeak dictate toggle");
        return;
    }
    const char *kind = "", *side = strchr(key, '_');
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(text, kinds[i][0], (size_t)(key - text)) == 0)
            kind = kinds[i][1];
    size_t n_side = side ? strcspn(side, " ") : 0; /* languages may follow */
    bool sided = (n_side == 5 && memcmp(side, "_left", 5) == 0) || (n_side == 6 && memcmp(side, "_right", 6) == 0);
    int n_key = sided ? (int)(side - key) - 1 : (int)strcspn(key + 1, " ");
    snprintf(out, size, "%s %.*s%s%.*s", kind, sided ? (int)n_side - 1 : 0, sided ? side + 1 : "", sided ? " " : "",
             n_key, key + 1);
    char *first = out + strlen(out) - (size_t)n_key;
    if (n_key > 0 && *first >= 'a' && *first <= 'z')
        *first = (char)(*first - 'a' + 'A');
}

static void fill_view(dictation *d)
{
    screen_view *v = &d->view;
    textbuf text = {0};
    recording_now now = look(d);
    words(d, &text);
    v->state = shown(d);
    snprintf(v->model, sizeof v->model, "%s", d->model);
    v->model_is_bundled = strcmp(d->model, PATHS_BUNDLED) == 0;
    snprintf(v->device, sizeof v->device, "%.*s", (int)sizeof v->device - 1, microphone(d));
    snprintf(v->message, sizeof v->message, "%.*s", (int)sizeof v->message - 1, d->message);
    describe_gesture(d, v->gesture, sizeof v->gesture);
    languages_shown(d, v->languages);
    /* The end is what was said last. */
    size_t skip = text.size >= sizeof v->text ? text.size - sizeof v->text + 1 : 0;
    while (skip && skip < text.size && ((unsigned char)text.data[skip] & 0xc0) == 0x80)
        skip++;
    snprintf(v->text, sizeof v->text, "%s", text.data ? text.data + skip : "");
    v->recording_seconds = now.seconds;
    v->level = (double)now.level;
    v->speech = now.speech;
    v->p50_ms = latency_part(&d->latency, STAGE_TOTAL, 0.5);
    v->p95_ms = latency_part(&d->latency, STAGE_TOTAL, 0.95);
    v->n_dictations = d->n_dictations;
    textbuf_free(&text);
}

static void set_row(screen_row *row, const char *name, const char *description, bool active, bool preferred,
                    bool standard)
{
    memset(row, 0, sizeof *row);
    snprintf(row->name, sizeof row->name, "%.*s", SCREEN_LINE - 1, name);
    snprintf(row->description, sizeof row->description, "%.*s", SCREEN_LINE - 1, description);
    row->active = active;
    row->preferred = preferred;
    row->standard = standard;
}

void view_lists(dictation *d)
{
    capture_device *devices = NULL;
    char error[CAPTURE_ERROR];
    screen_view *v = &d->view;
    int32_t n = d->capture ? capture_devices(d->capture, &devices, error) : 0;
    v->n_devices = 0;
    for (int32_t i = 0; i < n && v->n_devices < SCREEN_DEVICES; i++)
        set_row(&v->devices[v->n_devices++], devices[i].name, devices[i].description,
                strcmp(devices[i].name, d->device_wanted) == 0, strcmp(devices[i].name, d->set->device) == 0,
                devices[i].is_default);
    free(devices);
    v->n_models = 0;
    if (d->options.list_models)
        v->n_models = d->options.list_models(v->models, SCREEN_MODELS, d->model, d->set->model);
    d->view_us = 0;
}

void view_update(dictation *d, int64_t now_us)
{
    const dictate_state state = shown(d);
    bool changed = state != d->shown || d->view_us == 0;
    if (!changed && (state != STATE_RECORDING || now_us - d->view_us < 50000))
        return;
    d->view_us = now_us;
    if (state != d->shown)
        feedback_systemd(state == STATE_RECORDING ? "STATUS=recording"
                         : state == STATE_ERROR   ? "STATUS=error"
                                                  : "STATUS=ready");
    d->shown = state;
    if (d->screen) {
        fill_view(d);
        screen_show(d->screen, &d->view);
    }
    for (int32_t i = 0; i < d->n_waiting; i++) {
        textbuf line = {0};
        if (d->waiting[i].what != FOLLOWS)
            continue;
        if (d->waiting[i].json)
            view_json(d, &line);
        else
            view_text(d, &line);
        if (!line.failed)
            control_line(d->waiting[i].client, line.data);
        textbuf_free(&line);
    }
}
