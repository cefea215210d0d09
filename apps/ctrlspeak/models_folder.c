/* SPDX-License-Identifier: MIT
 * See models_folder.h. */
#define _XOPEN_SOURCE 700
#include "models_folder.h"
#include "common/cli.h"
#include "common/outfile.h"
#include "common/paths.h"
#include "common/say.h"
#include "ctrlspeak.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ENDING      ".nemo"
#define PART_ENDING ".nemo.part"

enum { NAME_MAX_BYTES = 100 };

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n > m && strcmp(text + n - m, ending) == 0;
}

bool models_name_valid(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
    size_t n = strlen(name);
    return n > 0 && n <= NAME_MAX_BYTES && strspn(name, allowed) == n && name[0] != '.' && name[0] != '-'
           && strcmp(name, "bundled") != 0 && strcmp(name, PATHS_BUNDLED) != 0 && !ends_with(name, ENDING);
}

char *models_name_of(const char *path)
{
    size_t n = strstr(path, "://") ? strcspn(path, "?#") : strlen(path), start = n;
    while (start && path[start - 1] != '/')
        start--;
    char *name = strndup(path + start, n - start);
    if (name && ends_with(name, ENDING))
        name[strlen(name) - strlen(ENDING)] = 0;
    return name;
}

static char *folder_path(void)
{
    char *folder = paths_user(PATHS_DATA, "models");
    if (!folder)
        say("error", "models", "neither XDG_DATA_HOME nor HOME names a folder, expected one for the models");
    return folder;
}

char *models_path(const char *name)
{
    char *folder = folder_path();
    char *path = folder ? paths_join(folder, name, ends_with(name, ENDING) ? "" : ENDING) : NULL;
    if (folder && !path)
        say("error", "system", "out of memory");
    free(folder);
    return path;
}

int models_make_folder(void)
{
    char *folder = folder_path();
    bool made = folder && outfile_make_folders(folder);
    if (folder && !made)
        say("error", "models", "%s: cannot make this folder: %s", folder, strerror(errno));
    free(folder);
    return made ? APP_DONE : APP_SYSTEM;
}

/* -------------------------------------------------------------------- list */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const models_file *)a)->name, ((const models_file *)b)->name);
}

/* One entry of the folder; false: out of memory. */
static bool add_file(models_file **files, size_t *n_files, const char *folder, const char *entry)
{
    bool partial = ends_with(entry, PART_ENDING);
    struct stat st, remembered, whole;
    char *path = paths_join(folder, entry, ""), *digest = paths_join(folder, entry, ".sha256");
    char *name = strndup(entry, strlen(entry) - strlen(partial ? PART_ENDING : ENDING));
    char *target = name ? paths_join(folder, name, ENDING) : NULL;
    bool fine = path && digest && target;
    if (fine && stat(path, &st) == 0 && S_ISREG(st.st_mode) && !(partial && stat(target, &whole) == 0)) {
        models_file *more = realloc(*files, (*n_files + 1) * sizeof *more);
        fine = more != NULL;
        if (more) {
            models_file file = {name, path, st.st_size, partial ? MODELS_PARTIAL : MODELS_UNVERIFIED};
            if (!partial && stat(digest, &remembered) == 0)
                file.state = remembered.st_mtime >= st.st_mtime ? MODELS_VERIFIED : MODELS_CHANGED;
            more[(*n_files)++] = file;
            *files = more;
            name = path = NULL;
        }
    }
    free(name);
    free(path);
    free(digest);
    free(target);
    return fine;
}

bool models_files(models_file **files, size_t *n_files)
{
    *files = NULL;
    *n_files = 0;
    char *path = folder_path();
    if (!path)
        return false;
    DIR *folder = opendir(path);
    bool fine = folder || errno == ENOENT;
    if (!fine)
        say("error", "models", "%s: cannot read this folder: %s", path, strerror(errno));
    for (struct dirent *entry; fine && folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.' || !(ends_with(entry->d_name, ENDING) || ends_with(entry->d_name, PART_ENDING)))
            continue;
        fine = add_file(files, n_files, path, entry->d_name);
        if (!fine)
            say("error", "system", "out of memory");
    }
    if (folder)
        closedir(folder);
    free(path);
    if (*n_files)
        qsort(*files, *n_files, sizeof **files, by_name);
    if (!fine) {
        models_files_free(*files, *n_files);
        *files = NULL;
    }
    return fine;
}

void models_files_free(models_file *files, size_t n_files)
{
    for (size_t i = 0; i < n_files; i++) {
        free(files[i].name);
        free(files[i].path);
    }
    free(files);
}

/* ------------------------------------------------------------------- check */

bool models_check(const char *path, bool any_kind, bool *other_kind, char *error, size_t size)
{
    cs_model_options options;
    cs_model *model = NULL;
    cs_error err = {0};
    cs_model_options_init(&options);
    options.threads = 1;
    options.precision = CS_PRECISION_F32; /* every weight is looked at, none is packed */
    cs_err code = cs_model_open(path, &options, &model, &err);
    cs_model_close(model);
    *other_kind = code == CS_EUNSUPPORTED;
    if (code != CS_OK)
        snprintf(error, size, "%s", err.message[0] ? err.message : cs_err_text(code));
    return code == CS_OK || (any_kind && *other_kind);
}
