/* SPDX-License-Identifier: MIT
 *
 * The door of the daemon: `ctrlspeak dictate` itself. What it is made of is in daemon.h. */
#ifndef DICTATE_DICTATION_H
#define DICTATE_DICTATION_H

#include "dictate/screen/screen.h"

enum { DAEMON_ERROR = 500 };

/* A setting from the command line: it wins at every reload, too. */
typedef struct setting_override {
    const char *key, *value, *flag;
} setting_override;

typedef struct daemon_options {
    bool no_ui, plain;
    const char *config_file; /* NULL: the user's own */
    const setting_override *overrides;
    int32_t n_overrides;
    /* The file of a model by its name ("": the bundled one), to be freed; NULL: there is none, see error. */
    char *(*find_model)(const char *name, char error[DAEMON_ERROR]);
    int32_t (*list_models)(screen_row *rows, int32_t most, const char *loaded, const char *preferred);
} daemon_options;

/* Runs until it is told to quit. Call before any thread exists. Returns an exit status of cli.h, after telling why. */
int dictation_run(const daemon_options *options);

#endif
