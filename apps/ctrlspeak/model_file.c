/* SPDX-License-Identifier: MIT
 * See model_file.h. */
#define _XOPEN_SOURCE 700
#include "model_file.h"
#include "common/cli.h"
#include "common/paths.h"
#include "common/say.h"
#include "models_folder.h"
#include "models_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define A_REAL_MODEL "parakeet-tdt-0.6b-v3"

static bool is_bundled_name(const char *name)
{
    return strcmp(name, "bundled") == 0 || strcmp(name, PATHS_BUNDLED) == 0;
}

static int locate_bundled(bool asked_for, char **path, char *error, size_t size)
{
    *path = paths_bundled_model();
    if (!*path)
        snprintf(error, size, "%s; NVIDIA publishes models, this gets one: ctrlspeak models get " A_REAL_MODEL,
                 asked_for ? "this program came without its bundled model, " PATHS_BUNDLED ".nemo"
                           : "no model: name one with --model FILE.nemo or CS_MODEL=FILE.nemo");
    return *path ? APP_DONE : APP_MODEL;
}

int model_file_locate(const char *wanted, char **path, char *error, size_t size)
{
    *path = NULL;
    if (!wanted || !wanted[0] || is_bundled_name(wanted))
        return locate_bundled(wanted && wanted[0], path, error, size);
    if (strchr(wanted, '/') || access(wanted, F_OK) == 0) {
        *path = strdup(wanted);
        if (!*path)
            snprintf(error, size, "out of memory");
        return *path ? APP_DONE : APP_SYSTEM;
    }
    char *name = models_name_of(wanted), *in_folder = name ? models_path(name) : NULL;
    bool known = name && models_index_find(name), there = in_folder && access(in_folder, F_OK) == 0;
    int status = there ? APP_DONE : in_folder ? APP_MODEL : APP_SYSTEM;
    if (there) {
        *path = in_folder;
        in_folder = NULL;
    } else if (in_folder)
        snprintf(error, size, "%s: there is no such file, and no %s; %s%s", wanted, in_folder,
                 known ? "this gets it: ctrlspeak models get " : "ctrlspeak models list shows what there is",
                 known ? name : "");
    else
        snprintf(error, size, "there is no models folder for %s", wanted);
    free(name);
    free(in_folder);
    return status;
}

int model_file_find(const char *wanted, char **path)
{
    char error[700] = "";
    int status = model_file_locate(wanted, path, error, sizeof error);
    if (status != APP_DONE)
        say("error", "model", "%s", error);
    else if (!wanted)
        say("info", "model",
            "using the bundled " PATHS_BUNDLED ", made for short commands and digits; for real speech: "
            "ctrlspeak models get " A_REAL_MODEL ", then --model " A_REAL_MODEL);
    return status;
}

static void on_log(void *user, cs_log_level level, const char *part, const char *text)
{
    (void)user;
    bool in_result = strcmp(part, "decoder") == 0; /* cs_result.warning, which is told with the recording's name */
    if (level <= CS_LOG_WARNING && !in_result)
        say(level == CS_LOG_ERROR ? "error" : "warning", part, "%s", text);
}

int model_file_open(const char *path, cs_precision precision, int32_t threads, const char *cpu, const packed_use *cache,
                    cs_model **model)
{
    cs_model_options options;
    cs_error err = {0};
    cs_model_options_init(&options);
    options.precision = precision;
    options.threads = threads;
    options.cpu_path = cpu;
    options.log = on_log;
    char *folder = packed_apply(&options, cache);
    cs_err code = cs_model_open(path, &options, model, &err);
    free(folder);
    if (code == CS_OK)
        return APP_DONE;
    say("error", "model", "%s", err.message[0] ? err.message : cs_err_text(code));
    return code == CS_EINVAL ? APP_USAGE : code == CS_ENOMEM || code == CS_ESYSTEM ? APP_SYSTEM : APP_MODEL;
}
