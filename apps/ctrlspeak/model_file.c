/* SPDX-License-Identifier: MIT
 * See model_file.h. */
#define _XOPEN_SOURCE 700
#include "model_file.h"
#include "common/cli.h"
#include "common/paths.h"
#include "common/say.h"
#include "models_folder.h"
#include "models_index.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define A_REAL_MODEL "parakeet-tdt-0.6b-v3"

static int find_bundled(bool asked_for, char **path)
{
    *path = paths_bundled_model();
    if (*path && !asked_for)
        say("info", "model",
            "using the bundled " PATHS_BUNDLED ", made for short commands and digits; for real speech: "
            "ctrlspeak models get " A_REAL_MODEL ", then --model " A_REAL_MODEL);
    if (*path)
        return APP_DONE;
    if (asked_for)
        say("error", "model", "this program came without its bundled model, %s.nemo", PATHS_BUNDLED);
    else
        say("error", "model", "no model: name one with --model FILE.nemo or CS_MODEL=FILE.nemo");
    say("error", "model", "NVIDIA publishes them; this gets one: ctrlspeak models get " A_REAL_MODEL);
    return APP_MODEL;
}

static bool is_bundled_name(const char *name)
{
    return strcmp(name, "bundled") == 0 || strcmp(name, PATHS_BUNDLED) == 0;
}

int model_file_find(const char *wanted, char **path)
{
    *path = NULL;
    if (!wanted || is_bundled_name(wanted))
        return find_bundled(wanted != NULL, path);
    if (strchr(wanted, '/') || access(wanted, F_OK) == 0) {
        *path = strdup(wanted);
        if (!*path)
            say("error", "system", "out of memory");
        return *path ? APP_DONE : APP_SYSTEM;
    }
    char *name = models_name_of(wanted), *in_folder = name ? models_path(name) : NULL;
    bool known = name && models_index_find(name);
    if (in_folder && access(in_folder, F_OK) == 0) {
        *path = in_folder;
        in_folder = NULL;
    } else if (in_folder) {
        say("error", "model", "%s: there is no such file, and no %s; %s%s", wanted, in_folder,
            known ? "this gets it: ctrlspeak models get " : "ctrlspeak models list shows what there is",
            known ? name : "");
    }
    int status = *path ? APP_DONE : in_folder ? APP_MODEL : APP_SYSTEM;
    free(name);
    free(in_folder);
    return status;
}

static void on_log(void *user, cs_log_level level, const char *part, const char *text)
{
    (void)user;
    if (level <= CS_LOG_WARNING)
        say(level == CS_LOG_ERROR ? "error" : "warning", part, "%s", text);
}

int model_file_open(const char *path, cs_precision precision, int32_t threads, const char *cpu, cs_model **model)
{
    cs_model_options options;
    cs_error err = {0};
    cs_model_options_init(&options);
    options.precision = precision;
    options.threads = threads;
    options.cpu_path = cpu;
    options.log = on_log;
    cs_err code = cs_model_open(path, &options, model, &err);
    if (code == CS_OK)
        return APP_DONE;
    say("error", "model", "%s", err.message[0] ? err.message : cs_err_text(code));
    return code == CS_EINVAL ? APP_USAGE : code == CS_ENOMEM || code == CS_ESYSTEM ? APP_SYSTEM : APP_MODEL;
}
