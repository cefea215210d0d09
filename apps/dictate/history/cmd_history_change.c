/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak history copy|delete|clear`: into the clipboard, and forgetting. */
#define _XOPEN_SOURCE 700
#include "cmd_history.h"

#include "common/say.h"
#include "dictate/control/control.h"

#include <stdlib.h>
#include <unistd.h>

enum { COPY_WAIT_MS = 5000 };

static const cli_option db_options[] = {HISTORY_OPTION_DB};

static const cli_option clear_options[] = {
    {"yes", 'y', CLI_FLAG, HISTORY_AT(yes), NULL, 0, 0, NULL, NULL, "do not ask"},
    HISTORY_OPTION_DB,
};

static const cli_example copy_examples[] = {{"ctrlspeak history copy 12", "then paste it where you like"}};
static const cli_example delete_examples[] = {{"ctrlspeak history delete 12 15", "without a trace in the file"}};
static const cli_example clear_examples[] = {{"ctrlspeak history clear", "asks first"}};

/* A clipboard lives as long as its owner, so that the program that runs on has to hold it. */
static int run_copy(const cli_command *command, int argc, char **argv)
{
    char order[CONTROL_COMMAND], error[CONTROL_ERROR];
    int n_operands = 0, status = cli_parse(command, argc, argv, NULL, &n_operands);
    int64_t id;
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (!history_parse_id(argv[0], &id))
        return cli_misuse(command, "'%s' is no id; history list shows them", argv[0]);
    snprintf(order, sizeof order, "copy %lld", (long long)id);
    status = control_ask(order, COPY_WAIT_MS, NULL, NULL, error);
    if (status == APP_NOBODY)
        say("error", "history",
            "ctrlspeak dictate must be running, since it is what holds the clipboard; history show --text %lld prints "
            "it",
            (long long)id);
    else if (status != APP_DONE)
        say("error", "history", "%s", error);
    return status;
}

static int run_delete(const cli_command *command, int argc, char **argv)
{
    history_arguments a = {0};
    char error[HISTORY_ERROR];
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    int64_t *ids = malloc((size_t)n_operands * sizeof *ids);
    if (!ids)
        return history_cli_fail("out of memory");
    for (int i = 0; i < n_operands && status == APP_DONE; i++)
        if (!history_parse_id(argv[i], &ids[i]))
            status = cli_misuse(command, "'%s' is no id; history list shows them", argv[i]);
    history *h = NULL;
    if (status == APP_DONE)
        status = history_cli_open(&a, true, &h);
    if (status == APP_DONE && !h)
        status = APP_INPUT;
    int64_t n = h ? history_delete(h, ids, (size_t)n_operands, error) : 0;
    if (n < 0) {
        status = history_cli_fail(error);
    } else if (h && n < n_operands) {
        say("error", "history", "%lld of %d deleted; there are no others of these ids", (long long)n, n_operands);
        status = n ? APP_SOME_FAILED : APP_INPUT;
    }
    history_close(h);
    free(ids);
    return status;
}

static bool agreed(int64_t n_entries)
{
    char answer[16] = "";
    fprintf(stderr, "Delete all dictations (%lld) for ever? [y/N] ", (long long)n_entries);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int run_clear(const cli_command *command, int argc, char **argv)
{
    history_arguments a = {0};
    char error[HISTORY_ERROR];
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (!a.yes && !isatty(0))
        return cli_misuse(command, "standard input is no terminal where it could be asked; --yes does not ask");
    history *h = NULL;
    status = history_cli_open(&a, true, &h);
    int64_t n = h ? history_number(h, "SELECT count(*) FROM entry", error) : 0;
    if (n > 0 && !a.yes && !agreed(n)) {
        say("info", "history", "nothing was deleted");
        status = APP_SOME_FAILED;
    } else if (n > 0) {
        n = history_clear(h, error);
    }
    if (n < 0)
        status = history_cli_fail(error);
    history_close(h);
    return status;
}

const cli_command command_history_copy = {
    .name = "history copy",
    .operands = "ID",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Put one dictation into the clipboard, by the running ctrlspeak dictate",
    .examples = copy_examples,
    .n_examples = HISTORY_COUNT(copy_examples),
    .run = run_copy,
};

const cli_command command_history_delete = {
    .name = "history delete",
    .operands = "ID...",
    .min_operands = 1,
    .max_operands = 100000,
    .summary = "Forget dictations, without traces in the file",
    .examples = delete_examples,
    .n_examples = HISTORY_COUNT(delete_examples),
    .options = db_options,
    .n_options = HISTORY_COUNT(db_options),
    .run = run_delete,
};

const cli_command command_history_clear = {
    .name = "history clear",
    .operands = "",
    .summary = "Forget all dictations",
    .examples = clear_examples,
    .n_examples = HISTORY_COUNT(clear_examples),
    .options = clear_options,
    .n_options = HISTORY_COUNT(clear_options),
    .run = run_clear,
};
