/* SPDX-License-Identifier: MIT
 *
 * The commands of the dictation program, as `ctrlspeak help` shows them: a line each. Those of two words that share the
 * first stand together ("history list", "history search"); one of a single word comes after them ("dictate start", then
 * "dictate"), since the first that fits is run. Built without dictation there are none. */
#ifndef DICTATE_COMMANDS_H
#define DICTATE_COMMANDS_H

#include "common/cli.h"

#ifdef CTRLSPEAK_DICTATE
#define DICTATE_COMMANDS(X)
/* What `ctrlspeak help` completes: their first words, each after a "|". */
#define DICTATE_HELP ""
#else
#define DICTATE_COMMANDS(X)
#define DICTATE_HELP ""
#endif

#define DICTATE_COMMAND_DOOR(name)  extern const cli_command name;
#define DICTATE_COMMAND_ENTRY(name) &name,
DICTATE_COMMANDS(DICTATE_COMMAND_DOOR)

#endif
