/* SPDX-License-Identifier: MIT
 *
 * One table of everything that can be set. The config file, `CS_*` variables, flags, `ctrlspeak config`, the settings
 * screen and the man page are made from it. Lowest to highest: built in, /etc/xdg/ctrlspeak/config (all of
 * XDG_CONFIG_DIRS), $XDG_CONFIG_HOME/ctrlspeak/config, CS_* variables, flags.
 *
 * The file is lines "key = value"; [section] prefixes the keys below it ("[dictate]" then "gesture = triple:ctrl" is
 * dictate.gesture). docs/FORMAT.md has the rest: comments, quotes, lists. Values in these calls are plain, never as they
 * are quoted in the file. */
#ifndef DICTATE_SETTINGS_H
#define DICTATE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* X(field, kind, key, default, low, high, flag, help): kind TEXT, PATH, LIST, INT, SWITCH or CHOICE (its choices,
 * "|"-separated; the first is the default). low and high: INT. Variable: CS_ + key in capitals with _ for ".". flag: of
 * `ctrlspeak dictate`, NULL: none. */
#define SETTINGS(X)                                                                                                    \
    X(model, TEXT, "model", "", 0, 0, "model", "model file or name; empty: the bundled one")                           \
    X(threads, INT, "threads", "0", 0, 256, "threads", "threads for decoding; 0: one per core")                        \
    X(precision, CHOICE, "precision", "auto|f32|int8|bf16", 0, 0, "precision",                                         \
      "arithmetic of the model; bf16, int8: faster, less memory, may change a word; auto: by model and CPU")           \
    X(cache, SWITCH, "cache", "on", 0, 0, "cache", "keep packed weights, so that the model opens at once")             \
    X(cache_limit_mb, INT, "cache_limit_mb", "8192", 1, 1000000, NULL, "most that packed weights may take")            \
    X(cache_least_mb, INT, "cache_least_mb", "32", 0, 1000000, NULL, "packed weights below this are not kept")         \
    X(cpu, TEXT, "cpu", "", 0, 0, NULL, "highest CPU path; empty: the best")                                           \
    X(gesture, LIST, "dictate.gesture", "triple:ctrl", 0, 0, "gesture",                                                \
      "what starts and stops: triple:ctrl, double:ctrl_right, toggle:f12, hybrid:..., hold:super_right de>en")         \
    X(language, TEXT, "dictate.language", "", 0, 0, "language",                                                        \
      "what is spoken, for a model that is told (Canary): de, auto; empty: the model's own")                           \
    X(translate_to, TEXT, "dictate.translate_to", "", 0, 0, "translate-to",                                            \
      "what to write, for such a model: en; empty: what is spoken")                                                    \
    X(punctuation, CHOICE, "dictate.punctuation", "default|no|yes", 0, 0, "punctuation",                               \
      "marks and capitals, for such a model")                                                                          \
    X(cancel_key, TEXT, "dictate.cancel_key", "", 0, 0, NULL,                                                          \
      "key that cancels a recording when tapped alone; empty: none")                                                   \
    X(keys, CHOICE, "dictate.keys", "auto|x11|evdev|none", 0, 0, "keys", "where keys are read")                        \
    X(tap_gap_ms, INT, "dictate.tap_gap_ms", "500", 100, 2000, NULL, "longest time between two taps")                  \
    X(tap_ms, INT, "dictate.tap_ms", "250", 50, 1000, NULL, "longest tap")                                             \
    X(hold_ms, INT, "dictate.hold_ms", "400", 50, 3000, NULL, "shortest hold")                                         \
    X(source, TEXT, "audio.source", "auto", 0, 0, "source", "auto, pulse, alsa, file:PATH")                            \
    X(device, TEXT, "audio.device", "", 0, 0, "device",                                                                \
      "microphone; empty: the default one, followed when it changes")                                                  \
    X(cue_volume, INT, "audio.cue_volume", "40", 0, 100, "cue-volume", "loudness of the cues; 0: off")                 \
    X(pause_ms, INT, "audio.pause_ms", "1000", 300, 10000, NULL, "silence that ends a segment")                        \
    X(warn_minutes, INT, "audio.warn_minutes", "10", 0, 1440, NULL, "say that a recording has become long; 0: never")  \
    X(deliver, TEXT, "deliver.way", "paste", 0, 0, "deliver",                                                          \
      "paste, type, clipboard, stdout, none, file:PATH, command:PROGRAM")                                              \
    X(deliver_rules, LIST, "deliver.rule", "", 0, 0, NULL, "window class=chord: Alacritty=ctrl+shift+v, Emacs=type")   \
    X(receipt_ms, INT, "deliver.receipt_ms", "1000", 100, 10000, NULL, "longest wait for the window to read the text") \
    X(trailing_space, SWITCH, "text.trailing_space", "on", 0, 0, NULL, "end each dictation with a space")              \
    X(first_letter, CHOICE, "text.first_letter", "as_is|upper|lower", 0, 0, NULL, "the first letter of a dictation")   \
    X(spoken_punctuation, SWITCH, "text.spoken_punctuation", "off", 0, 0, "spoken-punctuation",                        \
      "\"comma\" writes , and \"new line\" a line break")                                                              \
    X(replacements, LIST, "text.replace", "", 0, 0, NULL, "heard=written, whole words")                                \
    X(snippets, LIST, "text.snippet", "", 0, 0, NULL, "name=text, inserted by saying \"insert NAME\"")                 \
    X(worker, CHOICE, "dictate.worker", "thread|process", 0, 0, "worker", "where the model lives")                     \
    X(unload_seconds, INT, "dictate.unload_seconds", "300", -1, 86400, NULL,                                           \
      "free the model after so long without work; -1: never")                                                          \
    X(pause_media, SWITCH, "feedback.pause_media", "off", 0, 0, "pause-media", "pause media players while recording")  \
    X(notify, SWITCH, "feedback.notify", "on", 0, 0, NULL, "a desktop notification when something fails")              \
    X(history, SWITCH, "history.keep", "on", 0, 0, "history", "keep what was dictated")                                \
    X(history_db, PATH, "history.file", "", 0, 0, "history-db", "history database; empty: the user's own")             \
    X(history_days, INT, "history.days", "0", 0, 36500, NULL, "forget what is older; 0: never")                        \
    X(history_entries, INT, "history.entries", "0", 0, 10000000, NULL, "keep at most so many; 0: all")                 \
    X(log_level, CHOICE, "log.level", "info|error|warning|debug|trace", 0, 0, "log-level", "what the log file gets")   \
    X(log_text, SWITCH, "log.text", "off", 0, 0, "log-text", "write spoken words to the log, too")                     \
    X(color, CHOICE, "screen.color", "auto|on|off", 0, 0, NULL, "colours on the screen")

typedef struct settings_list {
    char **items;
    int32_t n_items;
} settings_list;

typedef struct settings settings;

#define SETTINGS_FIELD_TEXT(name)                                        char *name;
#define SETTINGS_FIELD_PATH(name)                                        char *name;
#define SETTINGS_FIELD_LIST(name)                                        settings_list name;
#define SETTINGS_FIELD_INT(name)                                         int32_t name;
#define SETTINGS_FIELD_SWITCH(name)                                      int32_t name;
#define SETTINGS_FIELD_CHOICE(name)                                      int32_t name;
#define SETTINGS_FIELD(name, kind, key, standard, low, high, flag, help) SETTINGS_FIELD_##kind(name)
enum {
#define SETTINGS_INDEX(name, kind, key, standard, low, high, flag, help) SETTING_##name,
    SETTINGS(SETTINGS_INDEX)
#undef SETTINGS_INDEX
        N_SETTINGS
};
enum { SETTINGS_ERROR = 500 };

/* Text, path and list values are never NULL. */
struct settings {
    SETTINGS(SETTINGS_FIELD)
    char *origin[N_SETTINGS]; /* "built in", "FILE:LINE", "CS_MODEL", "--model" */
};

/* All layers but the flags. extra_file NULL, or a file instead of the user's own (--config). A file that is absent is no
 * error unless it was named. NULL: error names file and line, what was met, and the nearest key or the choices. */
settings *settings_load(const char *extra_file, char error[SETTINGS_ERROR]);
void settings_free(settings *s);
/* Set one by its key; origin e.g. "--model", which error begins with. False: error, and nothing has changed. Lists: the
 * first call with a new origin replaces, further ones append; "" empties. */
bool settings_set(settings *s, const char *key, const char *value, const char *origin, char error[SETTINGS_ERROR]);
/* The plain value, which settings_set() takes back; lists one item at a time (index). NULL: no such key or item. buf is for
 * what is no text, 16 bytes are enough; texts are those of s. */
const char *settings_get(const settings *s, const char *key, int32_t index, char *buf, size_t size);
/* Change the user's own file: the key's line (or a new one) is written, all other lines and comments stay; whole or not at
 * all. value NULL: remove the key's lines. The value is checked first. A list becomes this one item. False: error. */
bool settings_write(const char *key, const char *value, char error[SETTINGS_ERROR]);
/* The same for all items of a list. */
bool settings_write_list(const char *key, const char *const *items, int32_t n_items, char error[SETTINGS_ERROR]);
/* The user's own file; the caller frees; NULL: no home. */
char *settings_path(void);

typedef struct setting_info {
    /* kind: "TEXT" ... as in the table. standard: the default alone. choices: CHOICE, else NULL. flag: NULL: none */
    const char *key, *kind, *standard, *choices, *flag, *help;
    int32_t low, high;
} setting_info;
/* By index, N_SETTINGS of them. */
const setting_info *settings_info(int32_t index);
const setting_info *settings_find(const char *key);
/* "CS_DICTATE_GESTURE" */
enum { SETTINGS_VARIABLE = 64 };
const char *settings_variable(int32_t index, char buf[SETTINGS_VARIABLE]);

#endif
