/* SPDX-License-Identifier: MIT
 *
 * The models folder, $XDG_DATA_HOME/ctrlspeak/models: NAME.nemo, NAME.nemo.sha256 which remembers its digest, and
 * NAME.nemo.part while it is being fetched. And the judgement on a file that wants to be a model. */
#ifndef APPS_MODELS_FOLDER_H
#define APPS_MODELS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fit to be a name there: letters, digits and ._+- , not first . or -, at most 100, and not one that means the bundled
 * model. */
bool models_name_valid(const char *name);
/* The name in a path or URL: without folder, query and ".nemo". To be freed; NULL: out of memory. */
char *models_name_of(const char *path);
/* FOLDER/NAME.nemo, where name may end in .nemo already. To be freed; NULL after telling why. */
char *models_path(const char *name);

typedef enum models_state {
    MODELS_UNVERIFIED, /* no digest is remembered */
    MODELS_VERIFIED,   /* was checked, and not changed since */
    MODELS_CHANGED,    /* is younger than its remembered digest */
    MODELS_PARTIAL     /* a .part alone */
} models_state;

typedef struct models_file {
    char *name, *path;
    int64_t bytes;
    models_state state;
} models_file;

/* What is there, by name; an absent folder is an empty one. False after telling why. */
bool models_files(models_file **files, size_t *n_files);
void models_files_free(models_file *files, size_t n_files);

/* Make it a whole path, or APP_SYSTEM after telling why. */
int models_make_folder(void);

/* Open path as a model. True: it is one, or, where any_kind, one of a kind that this version cannot run. False: error
 * says why; *other_kind then tells whether that was it. */
bool models_check(const char *path, bool any_kind, bool *other_kind, char *error, size_t size);

#endif
