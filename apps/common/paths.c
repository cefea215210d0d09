/* SPDX-License-Identifier: MIT
 * See paths.h. Source: XDG Base Directory Specification 0.8: a variable that is empty or holds a relative path counts
 * as not set.
 *
 * The bundled model is looked for by three rules, so that a program runs where it was built, where it was installed,
 * and where an installation was unpacked or moved to: below the source tree, but only for the program that lies in its
 * build folder; ../share beside the program's own folder; the data folder that it was configured with. */
#define _XOPEN_SOURCE 700
#include "common/paths.h"

#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM_FOLDER "ctrlspeak"

static const struct {
    const char *variable, *standard; /* standard: below the home */
} kinds[] = {
    [PATHS_CACHE] = {"XDG_CACHE_HOME", ".cache"},     [PATHS_CONFIG] = {"XDG_CONFIG_HOME", ".config"},
    [PATHS_DATA] = {"XDG_DATA_HOME", ".local/share"}, [PATHS_STATE] = {"XDG_STATE_HOME", ".local/state"},
    [PATHS_RUNTIME] = {"XDG_RUNTIME_DIR", NULL},
};

char *paths_join(const char *folder, const char *name, const char *ending)
{
    size_t n = strlen(folder), size = n + strlen(name) + strlen(ending) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name, ending);
    return path;
}

static const char *absolute(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0] == '/' ? value : NULL;
}

static const char *home(void)
{
    const char *folder = absolute("HOME");
    const struct passwd *user = folder ? NULL : getpwuid(getuid());
    return folder ? folder : user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

char *paths_home(void)
{
    const char *folder = home();
    return folder ? strdup(folder) : NULL;
}

char *paths_user(paths_kind kind, const char *below)
{
    const char *base = absolute(kinds[kind].variable);
    if (!base && !kinds[kind].standard) {
        char *run = paths_join("run", below, "");
        char *folder = run ? paths_user(PATHS_STATE, run) : NULL;
        free(run);
        return folder;
    }
    const char *from = base ? NULL : home();
    char *made = !base && from ? paths_join(from, kinds[kind].standard, "") : NULL;
    if (!base)
        base = made;
    char *folder = base ? paths_join(base, PROGRAM_FOLDER "/", below) : NULL;
    free(made);
    return folder;
}

char *paths_system_config(int i, const char *below)
{
    char folder[PATH_MAX];
    const char *list = getenv("XDG_CONFIG_DIRS");
    for (list = list && *list ? list : "/etc/xdg"; *list;) {
        size_t n = strcspn(list, ":");
        bool counts = *list == '/' && n < sizeof folder;
        if (counts && i-- == 0) {
            memcpy(folder, list, n);
            folder[n] = 0;
            return paths_join(folder, PROGRAM_FOLDER "/", below);
        }
        list += n + (list[n] == ':');
    }
    return NULL;
}

/* The folder in which the running program lies; false where the system does not tell. */
static int program_folder(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n <= 0)
        return 0;
    out[n] = 0;
    char *slash = strrchr(out, '/');
    if (!slash)
        return 0;
    *slash = 0;
    return 1;
}

static int same_folder(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

char *paths_bundled_model(void)
{
    char program[PATH_MAX] = "", beside[PATH_MAX + 40];
    int known = program_folder(program, sizeof program);
    snprintf(beside, sizeof beside, "%s/../share/" PROGRAM_FOLDER "/models", program);
    const char *const folders[] = {
        !known || same_folder(program, CTRLSPEAK_BUILD_ROOT) ? CTRLSPEAK_SOURCE_ROOT "/models" : NULL,
        known ? beside : NULL,
        CTRLSPEAK_DATADIR "/" PROGRAM_FOLDER "/models",
    };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct stat st;
        char *path = folders[i] ? paths_join(folders[i], PATHS_BUNDLED, ".nemo") : NULL;
        char *real = path && stat(path, &st) == 0 && S_ISREG(st.st_mode) ? realpath(path, NULL) : NULL;
        free(path);
        if (real)
            return real;
    }
    return NULL;
}
