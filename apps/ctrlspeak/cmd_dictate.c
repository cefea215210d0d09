/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak dictate`: from the command line to a running daemon. Every flag that is a setting is a line of the table
 * below and of settings.h; a test holds the two together. */
#define _XOPEN_SOURCE 700
#include "common/paths.h"
#include "common/say.h"
#include "dictate/commands.h"
#include "dictate/daemon/dictation.h"
#include "dictate/settings/settings.h"
#include "model_file.h"
#include "models_folder.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct arguments {
    int32_t no_ui, plain, debug, check_only, list_models;
    const char *config;
    const char *language, *translate_to, *source_lang, *target_lang;
    const char *model, *gesture, *source, *device, *deliver, *history_db;
    int32_t punctuation, threads, precision, cue_volume, keys, spoken_punctuation, worker, pause_media, history,
        log_level, log_text, cache;
} arguments;

#define AT(field) offsetof(arguments, field)

static const cli_option options[] = {
    {"no-ui", 0, CLI_FLAG, AT(no_ui), NULL, 0, 0, NULL, NULL, "no screen: for a service, or in the background"},
    {"plain", 0, CLI_FLAG, AT(plain), NULL, 0, 0, NULL, NULL,
     "lines instead of a drawn screen: for screen readers and pipes"},
    {"config", 0, CLI_FILE, AT(config), "FILE", 0, 0, "the user's own", NULL, "another config file"},
    {"model", 'm', CLI_TEXT, AT(model), "MODEL", 0, 0, "the bundled one", NULL, "model file, or a name of models list"},
    {"threads", 0, CLI_INT, AT(threads), "N", 0, 256, "one per core", NULL, "threads for decoding"},
    {"precision", 0, CLI_CHOICE, AT(precision), "auto|f32|int8|bf16", 0, 0, "auto", NULL,
     "what the products are computed in"},
    {"cache", 0, CLI_SWITCH, AT(cache), NULL, 0, 0, "on", NULL,
     "keep packed weights, so that the next start maps them; see ctrlspeak models cache"},
    {"gesture", 'g', CLI_TEXT, AT(gesture), "GESTURE", 0, 0, "triple:ctrl", NULL,
     "what starts and stops: triple:ctrl, double:ctrl_right, toggle:f12, hybrid:ctrl_right, none; with languages of "
     "its own: 'hold:super_right de>en'"},
    {"language", 0, CLI_TEXT, AT(language), "LANGUAGE", 0, 0, "the model's own", NULL,
     "what is spoken, for a model that is told (Canary): de, auto"},
    {"translate-to", 0, CLI_TEXT, AT(translate_to), "LANGUAGE", 0, 0, "what is spoken", NULL,
     "what to write, for such a model: en"},
    {"punctuation", 0, CLI_CHOICE, AT(punctuation), "default|no|yes", 0, 0, "default", NULL,
     "marks and capitals, for such a model"},
    {"keys", 0, CLI_CHOICE, AT(keys), "auto|x11|evdev|none", 0, 0, "auto", NULL, "where keys are read"},
    {"source", 0, CLI_TEXT, AT(source), "SOURCE", 0, 0, "auto", NULL, "auto, pulse, alsa, file:PATH, fast:PATH"},
    {"device", 'd', CLI_TEXT, AT(device), "DEVICE", 0, 0, "the default one", NULL,
     "microphone, as ctrlspeak doctor lists them"},
    {"cue-volume", 0, CLI_INT, AT(cue_volume), "N", 0, 100, "40", NULL, "loudness of the cues, 0: off"},
    {"deliver", 0, CLI_TEXT, AT(deliver), "WAY", 0, 0, "paste", NULL,
     "paste, type, clipboard, stdout, none, file:PATH, command:PROGRAM"},
    {"spoken-punctuation", 0, CLI_SWITCH, AT(spoken_punctuation), NULL, 0, 0, "off", NULL,
     "\"comma\" writes a comma, \"new line\" a line break"},
    {"worker", 0, CLI_CHOICE, AT(worker), "thread|process", 0, 0, "thread", NULL, "where the model lives"},
    {"pause-media", 0, CLI_SWITCH, AT(pause_media), NULL, 0, 0, "off", NULL, "pause media players while recording"},
    {"history", 0, CLI_SWITCH, AT(history), NULL, 0, 0, "on", NULL, "keep what was dictated"},
    {"history-db", 0, CLI_FILE, AT(history_db), "FILE", 0, 0, "the user's own", NULL, "another history"},
    {"log-level", 0, CLI_CHOICE, AT(log_level), "info|error|warning|debug|trace", 0, 0, "info", NULL,
     "what the log gets"},
    {"log-text", 0, CLI_SWITCH, AT(log_text), NULL, 0, 0, "off", NULL, "write spoken words to the log, too"},
    {"debug", 0, CLI_FLAG, AT(debug), NULL, 0, 0, NULL, NULL, "as --log-level debug"},
    {"check-only", 0, CLI_FLAG, AT(check_only), NULL, 0, 0, NULL, NULL, "as ctrlspeak doctor"},
    {"list-models", 0, CLI_FLAG, AT(list_models), NULL, 0, 0, NULL, NULL, "as ctrlspeak models list"},
    {"source-lang", 0, CLI_TEXT, AT(source_lang), "LANGUAGE", 0, 0, NULL, NULL, "as --language"},
    {"target-lang", 0, CLI_TEXT, AT(target_lang), "LANGUAGE", 0, 0, NULL, NULL, "as --translate-to"},
};

/* Which setting a flag is. */
static const struct flag {
    const char *name, *key;
    cli_kind kind;
    size_t offset;
} flags[] = {
    {"--model", "model", CLI_TEXT, AT(model)},
    {"--threads", "threads", CLI_INT, AT(threads)},
    {"--precision", "precision", CLI_CHOICE, AT(precision)},
    {"--cache", "cache", CLI_SWITCH, AT(cache)},
    {"--gesture", "dictate.gesture", CLI_TEXT, AT(gesture)},
    {"--language", "dictate.language", CLI_TEXT, AT(language)},
    {"--translate-to", "dictate.translate_to", CLI_TEXT, AT(translate_to)},
    {"--punctuation", "dictate.punctuation", CLI_CHOICE, AT(punctuation)},
    {"--source-lang", "dictate.language", CLI_TEXT, AT(source_lang)},
    {"--target-lang", "dictate.translate_to", CLI_TEXT, AT(target_lang)},
    {"--keys", "dictate.keys", CLI_CHOICE, AT(keys)},
    {"--source", "audio.source", CLI_TEXT, AT(source)},
    {"--device", "audio.device", CLI_TEXT, AT(device)},
    {"--cue-volume", "audio.cue_volume", CLI_INT, AT(cue_volume)},
    {"--deliver", "deliver.way", CLI_TEXT, AT(deliver)},
    {"--spoken-punctuation", "text.spoken_punctuation", CLI_SWITCH, AT(spoken_punctuation)},
    {"--worker", "dictate.worker", CLI_CHOICE, AT(worker)},
    {"--pause-media", "feedback.pause_media", CLI_SWITCH, AT(pause_media)},
    {"--history", "history.keep", CLI_SWITCH, AT(history)},
    {"--history-db", "history.file", CLI_TEXT, AT(history_db)},
    {"--log-level", "log.level", CLI_CHOICE, AT(log_level)},
    {"--log-text", "log.text", CLI_SWITCH, AT(log_text)},
};

enum { N_FLAGS = sizeof flags / sizeof *flags, N_OPTIONS = sizeof options / sizeof *options };
static const int32_t UNSET = INT32_MIN;

static char *find_model(const char *name, char error[DAEMON_ERROR])
{
    char *path = NULL;
    return model_file_locate(name, &path, error, DAEMON_ERROR) == APP_DONE ? path : NULL;
}

static void add_model(screen_row *row, const char *name, const char *description, const char *loaded,
                      const char *preferred)
{
    memset(row, 0, sizeof *row);
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->description, sizeof row->description, "%s%s", name, description);
    row->active = strcmp(name, loaded) == 0;
    row->preferred = strcmp(name, preferred[0] ? preferred : PATHS_BUNDLED) == 0;
    row->standard = strcmp(name, PATHS_BUNDLED) == 0;
}

static int32_t list_models(screen_row *rows, int32_t most, const char *loaded, const char *preferred)
{
    models_file *files;
    size_t n_files = 0;
    char *bundled = paths_bundled_model();
    int32_t n = 0;
    if (bundled && n < most)
        add_model(&rows[n++], PATHS_BUNDLED, ": comes with the program, for digits and short commands", loaded,
                  preferred);
    free(bundled);
    if (!models_files(&files, &n_files))
        return n;
    for (size_t i = 0; i < n_files && n < most; i++)
        if (files[i].state != MODELS_PARTIAL)
            add_model(&rows[n++], files[i].name, "", loaded, preferred);
    models_files_free(files, n_files);
    return n;
}

/* The values of one option's choice, or a number, as the config file would have it. */
static const char *value_of(const struct flag *f, const arguments *a, char *scratch, size_t size)
{
    const void *at = (const char *)a + f->offset;
    if (f->kind == CLI_TEXT)
        return *(const char *const *)at;
    int32_t number = *(const int32_t *)at;
    if (number == UNSET)
        return NULL;
    if (f->kind == CLI_SWITCH)
        return number ? "on" : "off";
    if (f->kind == CLI_INT)
        snprintf(scratch, size, "%d", number);
    else {
        size_t n = 0;
        const setting_info *info = settings_find(f->key);
        const char *choice = cli_choice(info->choices, number, &n);
        snprintf(scratch, size, "%.*s", (int)n, choice);
    }
    return scratch;
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {.punctuation = UNSET,
                   .threads = UNSET,
                   .precision = UNSET,
                   .cache = UNSET,
                   .cue_volume = UNSET,
                   .keys = UNSET,
                   .spoken_punctuation = UNSET,
                   .worker = UNSET,
                   .pause_media = UNSET,
                   .history = UNSET,
                   .log_level = UNSET,
                   .log_text = UNSET};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (a.list_models)
        return command_models_list.run(&command_models_list, 0, NULL);
    if (a.check_only)
        return command_doctor.run(&command_doctor, 0, NULL);
    setting_override overrides[N_FLAGS + 1];
    char scratch[N_FLAGS][32];
    int32_t n = 0;
    for (size_t i = 0; i < N_FLAGS; i++) {
        const char *value = value_of(flags + i, &a, scratch[i], sizeof scratch[i]);
        if (value)
            overrides[n++] = (setting_override){flags[i].key, value, flags[i].name};
    }
    if (a.debug)
        overrides[n++] = (setting_override){"log.level", "debug", "--debug"};
    const daemon_options daemon = {
        .no_ui = a.no_ui,
        .plain = a.plain,
        .config_file = a.config,
        .overrides = overrides,
        .n_overrides = n,
        .find_model = find_model,
        .list_models = list_models,
    };
    return dictation_run(&daemon);
}

static const cli_example examples[] = {
    {"ctrlspeak dictate", "triple-tap Ctrl, speak, triple-tap Ctrl: the words are where the cursor is"},
    {"ctrlspeak dictate --model parakeet-tdt-0.6b-v3", "with a real model (ctrlspeak models get)"},
    {"ctrlspeak dictate --gesture hold:ctrl_right", "speak while the right Ctrl key is held"},
    {"ctrlspeak dictate --gesture 'hold:super_right de>en'", "speak German, get English, with a Canary model"},
    {"ctrlspeak dictate --no-ui --deliver stdout", "words on standard output, for scripts"},
    {"ctrlspeak dictate toggle", "from a key binding of the desktop: start, then stop"},
};

static const cli_section sections[] = {
    {"While it runs",
     "  ctrlspeak dictate start | stop | toggle | cancel | status | last | paste-last | reload | quit\n"},
    {"Files", "  config      $XDG_CONFIG_HOME/ctrlspeak/config (ctrlspeak config keys tells all settings)\n"
              "  history     $XDG_STATE_HOME/ctrlspeak/history.db (ctrlspeak history)\n"
              "  log         $XDG_STATE_HOME/ctrlspeak/dictate.log; spoken words never, but with --log-text\n"
              "  spool       $XDG_STATE_HOME/ctrlspeak/spool: sound until its text is delivered\n"
              "  socket      $XDG_RUNTIME_DIR/ctrlspeak/control\n"},
};

const cli_command command_dictate = {
    .name = "dictate",
    .operands = "",
    .summary = "Dictate: triple-tap Ctrl, speak, and the words are where the cursor is",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .options = options,
    .n_options = N_OPTIONS,
    .sections = sections,
    .n_sections = sizeof sections / sizeof *sections,
    .run = run,
};
