/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak config show|get|set|unset|path|keys`: what the settings are and who set them, and the user's own file. What
 * show prints can be used as a config file. */
#define _XOPEN_SOURCE 700
#include "settings_inside.h"

#include "common/outfile.h"
#include "common/paths.h"
#include "common/say.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct arguments {
    int32_t origin, json, append;
    const char *config;
} arguments;

static const cli_option show_options[] = {
    {"origin", 0, CLI_FLAG, offsetof(arguments, origin), NULL, 0, 0, NULL, NULL, "say of each who set it"},
    {"json", 0, CLI_FLAG, offsetof(arguments, json), NULL, 0, 0, NULL, NULL, "one JSON object instead of lines"},
    {"config", 0, CLI_FILE, offsetof(arguments, config), "FILE", 0, 0, NULL, NULL, "instead of the user's own file"},
};

static const cli_option get_options[] = {
    {"config", 0, CLI_FILE, offsetof(arguments, config), "FILE", 0, 0, NULL, NULL, "instead of the user's own file"},
};

static const cli_option set_options[] = {
    {"append", 0, CLI_FLAG, offsetof(arguments, append), NULL, 0, 0, NULL, NULL,
     "add to a list, instead of replacing it"},
};

static const cli_example show_examples[] = {{"ctrlspeak config show --origin", "what is set, and where"}};
static const cli_example get_examples[] = {{"ctrlspeak config get dictate.gesture", "for scripts"}};
static const cli_example set_examples[] = {
    {"ctrlspeak config set dictate.gesture double:ctrl_right", "in the user's own file; comments stay"},
    {"ctrlspeak config set --append text.replace \"control speak=ctrlspeak\"", "one more"},
};
static const cli_example unset_examples[] = {{"ctrlspeak config unset dictate.gesture", "back to the default"}};
static const cli_example path_examples[] = {{"$EDITOR \"$(ctrlspeak config path)\"", "edit it by hand"}};
static const cli_example keys_examples[] = {{"ctrlspeak config keys", "all there is to set"}};

static const cli_section show_sections[] = {
    {"Layers", "  From the lowest to the highest; a list of a higher one replaces the lower's.\n"
               "  built in\n"
               "  /etc/xdg/ctrlspeak/config           or ctrlspeak/config in the folders of $XDG_CONFIG_DIRS\n"
               "  ~/.config/ctrlspeak/config          or below $XDG_CONFIG_HOME; config path prints it\n"
               "  CS_DICTATE_GESTURE, ...             a list has an item a line\n"
               "  options of ctrlspeak dictate\n"},
    {"JSON", "  version 1; settings: key, value (of its own type), origin, default\n"},
};

#define KEY_LINE(name, kind, key, standard, low, high, flag, help) "  " key "\n      " help "\n"
static const cli_section keys_sections[] = {{"Keys", SETTINGS(KEY_LINE)}};
#undef KEY_LINE

static int print(textbuf *text)
{
    outfile out;
    int status = APP_DONE;
    outfile_open(&out, NULL);
    if (text->failed || (outfile_write(&out, text->data, text->size) && !out.reader_gone)) {
        say("error", "output", "%s", text->failed ? "out of memory" : out.error);
        status = APP_SYSTEM;
    }
    textbuf_free(text);
    return status;
}

static settings *load(const char *file)
{
    char error[SETTINGS_ERROR];
    settings *s = settings_load(file, error);
    if (!s)
        say("error", "config", "%s", error);
    return s;
}

/* ------------------------------------------------------------------ show */

static void show_lines(textbuf *out, const settings *s, int32_t index, bool with_origin)
{
    const setting_info *info = settings_info(index);
    char buf[16];
    const char *value = settings_get(s, info->key, 0, buf, sizeof buf);
    for (int32_t i = 0; i == 0 || value; i++) {
        size_t begin = out->size;
        textbuf_printf(out, "%s =%s", info->key, value && value[0] ? " " : "");
        settings_quote(out, value ? value : "");
        if (with_origin)
            textbuf_printf(out, "%*s# %s", out->size - begin < 40 ? (int)(41 - (out->size - begin)) : 2, "",
                           s->origin[index]);
        textbuf_append(out, "\n", 1);
        value = settings_get(s, info->key, i + 1, buf, sizeof buf);
    }
}

static void show_json(textbuf *out, const settings *s, int32_t index)
{
    const setting_info *info = settings_info(index);
    setting_kind kind = settings_kind(index);
    char buf[16];
    const char *value = settings_get(s, info->key, 0, buf, sizeof buf);
    textbuf_printf(out, "%s\n    {\"key\": \"%s\", \"value\": ", index ? "," : "", info->key);
    if (kind == SETTING_KIND_LIST) {
        textbuf_append(out, "[", 1);
        for (int32_t i = 0; value; value = settings_get(s, info->key, ++i, buf, sizeof buf)) {
            textbuf_append(out, ", ", i ? 2 : 0);
            textbuf_json(out, value);
        }
        textbuf_append(out, "]", 1);
    } else if (kind == SETTING_KIND_INT) {
        textbuf_printf(out, "%s", value);
    } else if (kind == SETTING_KIND_SWITCH) {
        textbuf_printf(out, "%s", strcmp(value, "on") == 0 ? "true" : "false");
    } else {
        textbuf_json(out, value);
    }
    textbuf_printf(out, ", \"origin\": ");
    textbuf_json(out, s->origin[index]);
    textbuf_printf(out, ", \"default\": ");
    textbuf_json(out, info->standard);
    textbuf_printf(out, "}");
}

/* The Python program that had this name kept its settings as JSON beside ours. It is left alone. */
static void mention_original(void)
{
    char *own = settings_path(), *theirs = paths_user(PATHS_CONFIG, "config.json");
    if (own && theirs && access(own, F_OK) != 0 && access(theirs, F_OK) == 0)
        say("info", "config", "%s is the Python program's and is not read; ctrlspeak config set KEY VALUE makes %s",
            theirs, own);
    free(theirs);
    free(own);
}

static int run_show(const cli_command *command, int argc, char **argv)
{
    arguments a = {0};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    settings *s = load(a.config);
    if (!s)
        return APP_USAGE;
    textbuf text = {0};
    mention_original();
    textbuf_printf(&text, a.json ? "{\n  \"version\": 1,\n  \"settings\": [" : "");
    for (int32_t i = 0; i < N_SETTINGS; i++) {
        if (a.json)
            show_json(&text, s, i);
        else
            show_lines(&text, s, i, a.origin);
    }
    textbuf_printf(&text, a.json ? "\n  ]\n}\n" : "");
    settings_free(s);
    return print(&text);
}

/* ------------------------------------------------------------- get, set */

static int run_get(const cli_command *command, int argc, char **argv)
{
    arguments a = {0};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    char hint[SETTINGS_HINT], buf[16];
    if (!settings_find(argv[0]))
        return cli_misuse(command, "unknown key '%s'%s", argv[0], settings_hint("", argv[0], hint));
    settings *s = load(a.config);
    if (!s)
        return APP_USAGE;
    textbuf text = {0};
    const char *value = settings_get(s, argv[0], 0, buf, sizeof buf);
    for (int32_t i = 0; value; value = settings_get(s, argv[0], ++i, buf, sizeof buf)) {
        textbuf_append(&text, value, strlen(value));
        textbuf_append(&text, "\n", 1);
    }
    settings_free(s);
    return print(&text);
}

static int change(const char *key, char **values, int n_values, bool append)
{
    char error[SETTINGS_ERROR];
    int status = settings_edit(key, (const char *const *)values, n_values, append, error);
    if (status != APP_DONE)
        say("error", "config", "%s", error);
    return status;
}

static int run_set(const cli_command *command, int argc, char **argv)
{
    arguments a = {0};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    return change(argv[0], argv + 1, n_operands - 1, a.append);
}

static int run_unset(const cli_command *command, int argc, char **argv)
{
    int n_operands = 0, status = cli_parse(command, argc, argv, NULL, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    return change(argv[0], NULL, 0, false);
}

/* ------------------------------------------------------------ path, keys */

static int run_path(const cli_command *command, int argc, char **argv)
{
    int n_operands = 0, status = cli_parse(command, argc, argv, NULL, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    char *path = settings_path();
    if (!path)
        say("error", "config", "there is no home folder for the config file; set HOME or XDG_CONFIG_HOME");
    else
        printf("%s\n", path);
    free(path);
    return path ? APP_DONE : APP_SYSTEM;
}

static int run_keys(const cli_command *command, int argc, char **argv)
{
    int n_operands = 0, status = cli_parse(command, argc, argv, NULL, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    textbuf out = {0};
    for (int32_t i = 0; i < N_SETTINGS; i++) {
        const setting_info *info = settings_info(i);
        char variable[SETTINGS_VARIABLE];
        textbuf_printf(&out, "%s\n    %s\n    ", info->key, info->help);
        switch (settings_kind(i)) {
        case SETTING_KIND_INT:
            textbuf_printf(&out, "%d to %d", (int)info->low, (int)info->high);
            break;
        case SETTING_KIND_CHOICE:
            textbuf_printf(&out, "%s", info->choices);
            break;
        case SETTING_KIND_SWITCH:
            textbuf_printf(&out, "on|off");
            break;
        case SETTING_KIND_LIST:
            textbuf_printf(&out, "list");
            break;
        case SETTING_KIND_PATH:
            textbuf_printf(&out, "path");
            break;
        default:
            textbuf_printf(&out, "text");
        }
        textbuf_printf(&out, info->standard[0] ? "; default %s" : "%s", info->standard);
        textbuf_printf(&out, "; %s%s%s\n", settings_variable(i, variable), info->flag ? ", --" : "",
                       info->flag ? info->flag : "");
    }
    return print(&out);
}

/* -------------------------------------------------------------- commands */

#define COUNT(table) (sizeof(table) / sizeof *(table))

const cli_command command_config_show = {
    .name = "config show",
    .operands = "",
    .summary = "Show all settings",
    .examples = show_examples,
    .n_examples = COUNT(show_examples),
    .options = show_options,
    .n_options = COUNT(show_options),
    .sections = show_sections,
    .n_sections = COUNT(show_sections),
    .run = run_show,
};

const cli_command command_config_get = {
    .name = "config get",
    .operands = "KEY",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Print one setting, a list with an item a line",
    .examples = get_examples,
    .n_examples = COUNT(get_examples),
    .options = get_options,
    .n_options = COUNT(get_options),
    .run = run_get,
};

const cli_command command_config_set = {
    .name = "config set",
    .operands = "KEY VALUE...",
    .min_operands = 2,
    .max_operands = 1000,
    .summary = "Change a setting in the user's config file",
    .examples = set_examples,
    .n_examples = COUNT(set_examples),
    .options = set_options,
    .n_options = COUNT(set_options),
    .run = run_set,
};

const cli_command command_config_unset = {
    .name = "config unset",
    .operands = "KEY",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Remove a setting from the user's config file",
    .examples = unset_examples,
    .n_examples = COUNT(unset_examples),
    .run = run_unset,
};

const cli_command command_config_path = {
    .name = "config path",
    .operands = "",
    .summary = "Print where the user's config file is",
    .examples = path_examples,
    .n_examples = COUNT(path_examples),
    .run = run_path,
};

const cli_command command_config_keys = {
    .name = "config keys",
    .operands = "",
    .summary = "Tell all that can be set",
    .examples = keys_examples,
    .n_examples = COUNT(keys_examples),
    .sections = keys_sections,
    .n_sections = COUNT(keys_sections),
    .run = run_keys,
};
