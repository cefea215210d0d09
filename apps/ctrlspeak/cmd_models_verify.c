/* SPDX-License-Identifier: MIT
 * `ctrlspeak models verify [NAME...]`: read whole files again and compare their digests with the remembered ones; open
 * each as a model. */
#include "common/digest.h"
#include "common/interrupt.h"
#include "common/say.h"
#include "model_file.h"
#include "models_folder.h"
#include "task.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const cli_example examples[] = {
    {"ctrlspeak models verify", "every model in the models folder"},
    {"ctrlspeak models verify parakeet-tdt-0.6b-v3", "this one"},
};

static int verify_file(const char *name, const char *path)
{
    char wanted[DIGEST_HEX], hex[DIGEST_HEX], error[700];
    bool other_kind, remembered = digest_recall(path, wanted);
    if (remembered && !digest_file(path, hex)) {
        if (errno == ECANCELED)
            return interrupt_status();
        say("error", "models", "%s: cannot read: %s", path, strerror(errno));
        return APP_MODEL;
    }
    if (remembered && strcmp(wanted, hex) != 0) {
        say("error", "models", "%s: has the SHA-256 %s, but %s is remembered", path, hex, wanted);
        return APP_MODEL;
    }
    if (!models_check(path, true, &other_kind, error, sizeof error)) {
        say("error", "model", "%s", error);
        return APP_MODEL;
    }
    printf("%s: structure%s right%s%s\n", name, remembered ? " and digest" : "",
           remembered ? "" : "; no digest is remembered", other_kind ? "; this version cannot run it" : "");
    return APP_DONE;
}

/* Sums up one status: a failed file is counted, anything else that is wrong ends it. */
static int count(int status, int *n_failed)
{
    *n_failed += status == APP_MODEL;
    return status == APP_MODEL ? APP_DONE : status;
}

static int verify_all(int *n, int *n_failed)
{
    models_file *files;
    size_t n_files;
    int status = models_files(&files, &n_files) ? APP_DONE : APP_SYSTEM;
    for (size_t i = 0; status == APP_DONE && i < n_files; i++) {
        if (files[i].state == MODELS_PARTIAL)
            continue;
        ++*n;
        status = count(verify_file(files[i].name, files[i].path), n_failed);
    }
    if (status != APP_SYSTEM)
        models_files_free(files, n_files);
    return status;
}

static int run(const cli_command *command, int argc, char **argv)
{
    int n_operands = 0, n_failed = 0, status = cli_parse(command, argc, argv, NULL, &n_operands), n = n_operands;
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    interrupt_install();
    for (int i = 0; status == APP_DONE && i < n_operands; i++) {
        char *path = NULL;
        status = model_file_find(argv[i], &path);
        if (status == APP_DONE)
            status = verify_file(argv[i], path);
        status = count(status, &n_failed);
        free(path);
    }
    if (n_operands == 0)
        status = verify_all(&n, &n_failed);
    if (status != APP_DONE || n_failed == 0)
        return status;
    return n_failed == n ? APP_MODEL : APP_SOME_FAILED;
}

const cli_command command_models_verify = {
    .name = "models verify",
    .operands = "[NAME...]",
    .max_operands = INT_MAX,
    .summary = "Check models against their remembered digests",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .run = run,
};
