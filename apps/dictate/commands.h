/* SPDX-License-Identifier: MIT
 *
 * The commands of the dictation program, as `ctrlspeak help` shows them: a line each. Those of two words that share the
 * first stand together ("history list", "history search"); one of a single word comes after them ("dictate start", then
 * "dictate"), since the first that fits is run. Built without dictation there are none. */
#ifndef DICTATE_COMMANDS_H
#define DICTATE_COMMANDS_H

#include "common/cli.h"

#define DICTATE_COMMANDS(X)       \
    X(command_dictate_start)      \
    X(command_dictate_stop)       \
    X(command_dictate_toggle)     \
    X(command_dictate_cancel)     \
    X(command_dictate_status)     \
    X(command_dictate_last)       \
    X(command_dictate_paste_last) \
    X(command_dictate_reload)     \
    X(command_dictate_quit)       \
    X(command_dictate)            \
    X(command_doctor)             \
    X(command_history_list)       \
    X(command_history_search)     \
    X(command_history_show)       \
    X(command_history_copy)       \
    X(command_history_delete)     \
    X(command_history_clear)      \
    X(command_history_export)     \
    X(command_history_stats)      \
    X(command_history_import)     \
    X(command_config_show)        \
    X(command_config_get)         \
    X(command_config_set)         \
    X(command_config_unset)       \
    X(command_config_path)        \
    X(command_config_keys)

#define DICTATE_COMMAND_DOOR(name) extern const cli_command name;
DICTATE_COMMANDS(DICTATE_COMMAND_DOOR)

/* For main.c: entries of its table, and what `ctrlspeak help` completes: their first words, each after a "|". */
#ifdef CTRLSPEAK_DICTATE
#define DICTATE_COMMAND_ENTRY(name) , &name
#define DICTATE_ENTRIES             DICTATE_COMMANDS(DICTATE_COMMAND_ENTRY)
#define DICTATE_HELP                "|dictate|doctor|config|history"
#else
#define DICTATE_ENTRIES
#define DICTATE_HELP ""
#endif

#endif
