/* SPDX-License-Identifier: MIT
 * `ctrlspeak models remove NAME`: delete a model of the models folder and what is remembered of it, and `models path
 * NAME`: where one is. */
#define _XOPEN_SOURCE 700
#include "common/byte_bar.h"
#include "common/fetch_part.h"
#include "common/say.h"
#include "model_file.h"
#include "models_folder.h"
#include "task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct arguments {
    int32_t yes;
} arguments;

static const cli_option options[] = {
    {"yes", 'y', CLI_FLAG, offsetof(arguments, yes), NULL, 0, 0, NULL, NULL,
     "do not ask; nothing is asked either when standard input is no terminal"},
};

static const cli_example remove_examples[] = {{"ctrlspeak models remove parakeet-ctc-0.6b", "asks first"}};
static const cli_example path_examples[] = {{"ctrlspeak models path parakeet-tdt-0.6b-v3", "for scripts"}};

static bool agreed(const char *path, int64_t bytes)
{
    char size[BYTE_TEXT], answer[16] = "";
    fprintf(stderr, "Remove %s (%s)? [y/N] ", path, byte_text(size, bytes));
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static bool unlink_with(const char *path, const char *ending)
{
    char *name = malloc(strlen(path) + strlen(ending) + 1);
    bool done = name != NULL;
    if (name) {
        sprintf(name, "%s%s", path, ending);
        done = unlink(name) == 0 || errno == ENOENT;
    }
    if (!done)
        say("error", "models", "%s%s: cannot remove: %s", path, ending, strerror(errno));
    free(name);
    return done;
}

/* What a fetch left; false while one is at work, or when it cannot be removed. */
static bool remove_part(const char *path)
{
    fetch_part part;
    if (!fetch_part_open(&part, path, "")) {
        say("error", "models", "%s", part.error);
        return false;
    }
    fetch_part_remove(&part);
    return true;
}

static int remove_model(const char *name, const arguments *a)
{
    struct stat st;
    char *path = models_path(name), *part = path ? malloc(strlen(path) + sizeof ".part") : NULL;
    int status = APP_DONE;
    if (part)
        sprintf(part, "%s.part", path);
    if (!part)
        status = APP_SYSTEM;
    else if (lstat(path, &st) != 0 && lstat(part, &st) != 0) {
        say("error", "models", "%s: there is no such model", path);
        status = APP_MODEL;
    } else if (!a->yes && isatty(0) && !agreed(path, st.st_size)) {
        say("info", "models", "%s stays", name);
        status = APP_SOME_FAILED;
    } else if (!remove_part(path) || !unlink_with(path, ".sha256") || !unlink_with(path, "")) {
        status = APP_SYSTEM;
    }
    free(part);
    free(path);
    return status;
}

static int run_remove(const cli_command *command, int argc, char **argv)
{
    arguments a = {0};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    char *name = strchr(argv[0], '/') ? strdup(argv[0]) : models_name_of(argv[0]); /* NAME or NAME.nemo, no path */
    if (name && models_name_valid(name))
        status = remove_model(name, &a);
    else
        status = cli_misuse(command, "'%s' is not the name of a model in the models folder", argv[0]);
    free(name);
    return status;
}

static int run_path(const cli_command *command, int argc, char **argv)
{
    int n_operands = 0, status = cli_parse(command, argc, argv, NULL, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    char *path = NULL;
    status = model_file_find(argv[0], &path);
    if (status == APP_DONE)
        printf("%s\n", path);
    free(path);
    return status;
}

const cli_command command_models_remove = {
    .name = "models remove",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Delete a model from the models folder",
    .examples = remove_examples,
    .n_examples = sizeof remove_examples / sizeof *remove_examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run_remove,
};

const cli_command command_models_path = {
    .name = "models path",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Print where a model's file is",
    .examples = path_examples,
    .n_examples = sizeof path_examples / sizeof *path_examples,
    .run = run_path,
};
