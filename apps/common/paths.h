/* SPDX-License-Identifier: MIT
 *
 * Where things lie: the user's folders after the XDG Base Directory Specification, and the model that comes with the
 * program. No other file knows a path. All strings are the caller's to free; NULL: out of memory, or no home at all. */
#ifndef APPS_PATHS_H
#define APPS_PATHS_H

#define PATHS_BUNDLED "ctrlspeak-small" /* the name of the model that comes with the program */

typedef enum paths_kind { PATHS_CACHE, PATHS_CONFIG, PATHS_DATA, PATHS_STATE, PATHS_RUNTIME } paths_kind;

/* The program's own folder of that kind and what is below it: paths_user(PATHS_DATA, "models"). Made by nobody yet.
 * PATHS_RUNTIME: where the system gives no XDG_RUNTIME_DIR, "run" in the state folder. */
char *paths_user(paths_kind kind, const char *below);
char *paths_home(void);
/* What is below the program's folder in the i-th of the system's configuration folders, the most important first; NULL
 * past the last. */
char *paths_system_config(int i, const char *below);
/* FOLDER/NAMEENDING */
char *paths_join(const char *folder, const char *name, const char *ending);
/* The bundled model's file, or NULL when there is none. */
char *paths_bundled_model(void);

#endif
