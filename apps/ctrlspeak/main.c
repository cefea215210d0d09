/* SPDX-License-Identifier: MIT
 *
 * The program: finds the command and hands over. What the commands are and take is in their tables (common/cli.h);
 * this file adds the three that are about the tables themselves: help, completion, and --version. */
#define _XOPEN_SOURCE 700
#include "common/say.h"
#include "dictate/commands.h"
#include "dictate/worker/cmd_worker.h"
#include "task.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT(x)                      #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

static const cli_program program;

typedef struct help_arguments {
    int32_t man;
} help_arguments;

static const cli_option help_options[] = {
    {"man", 0, CLI_FLAG, offsetof(help_arguments, man), NULL, 0, 0, NULL, NULL, "print the man page, in roff"},
};

static const cli_example help_examples[] = {{"ctrlspeak help transcribe", "what a command takes"}};

static const cli_example completion_examples[] = {
    {"ctrlspeak completion bash > ~/.local/share/bash-completion/completions/ctrlspeak", "for the user's own shells"},
};

static const cli_command *find_command(int argc, char **argv, int *n_words)
{
    for (size_t i = 0; i < program.n_commands; i++) {
        const char *name = program.commands[i]->name, *space = strchr(name, ' ');
        size_t n_first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[0]) != n_first || memcmp(argv[0], name, n_first) != 0)
            continue;
        if (!space || (argc > 1 && strcmp(argv[1], space + 1) == 0)) {
            *n_words = space ? 2 : 1;
            return program.commands[i];
        }
    }
    return NULL;
}

/* What the program runs itself and no list shows. */
static const cli_command *hidden_command(const char *name)
{
#ifdef CTRLSPEAK_DICTATE
    if (strcmp(name, command_worker.name) == 0)
        return &command_worker;
#else
    (void)name;
#endif
    return NULL;
}

/* "models" alone, or with a second word that it does not have: every one that it has. */
static int half_a_command(const char *first, const char *second)
{
    char list[300] = "";
    for (size_t i = 0; i < program.n_commands; i++) {
        const char *name = program.commands[i]->name;
        size_t n = strlen(first), used = strlen(list);
        if (strncmp(name, first, n) == 0 && name[n] == ' ')
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", name + n + 1);
    }
    return list[0] ? cli_misuse(NULL, "'%s%s%s' is no command; after %s comes one of: %s", first, second ? " " : "",
                                second ? second : "", first, list)
                   : APP_DONE;
}

static int unknown_command(int argc, char **argv)
{
    enum { NAMES_MAX = 96 };
    const char *names[NAMES_MAX];
    size_t n = 0;
    struct stat st;
    if (half_a_command(argv[0], argc > 1 ? argv[1] : NULL) != APP_DONE)
        return APP_USAGE;
    for (size_t i = 0; i < program.n_commands && n < NAMES_MAX; i++)
        names[n++] = program.commands[i]->name;
    if (argv[0][0] == '-' && argv[0][1])
        return cli_misuse(NULL, "unknown option %s; options come after a command", argv[0]);
    if (stat(argv[0], &st) == 0)
        return cli_misuse(NULL, "'%s' is no command; did you mean 'transcribe %s'?", argv[0], argv[0]);
    const char *near = cli_nearest(argv[0], names, n);
    return near ? cli_misuse(NULL, "'%s' is no command; did you mean '%s'?", argv[0], near)
                : cli_misuse(NULL, "'%s' is no command", argv[0]);
}

/* What stdio still holds must arrive. A reader that went away ends it quietly. */
static int flush(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno == EPIPE)
        return status;
    say("error", "output", "standard output: cannot write: %s", strerror(errno));
    return APP_SYSTEM;
}

static int run_help(const cli_command *command, int argc, char **argv)
{
    help_arguments a = {0};
    int n_operands = 0, n_words = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (a.man) {
        cli_man_page(stdout, &program);
        return APP_DONE;
    }
    if (n_operands == 0) {
        cli_program_help(stdout, &program);
        return APP_DONE;
    }
    const cli_command *about = find_command(n_operands, argv, &n_words);
    if (!about)
        return unknown_command(n_operands, argv);
    cli_help(stdout, about);
    return APP_DONE;
}

static int run_completion(const cli_command *command, int argc, char **argv)
{
    int n_operands = 0, status = cli_parse(command, argc, argv, NULL, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (strcmp(argv[0], "bash") == 0)
        cli_complete_bash(stdout, &program);
    else if (strcmp(argv[0], "zsh") == 0)
        cli_complete_zsh(stdout, &program);
    else if (strcmp(argv[0], "fish") == 0)
        cli_complete_fish(stdout, &program);
    else
        return cli_misuse(command, "'%s' is no shell known here, expected bash, zsh or fish", argv[0]);
    return APP_DONE;
}

static const cli_command command_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .min_operands = 1,
    .max_operands = 1,
    .operand_choices = "bash|zsh|fish",
    .summary = "Print a completion script for a shell",
    .examples = completion_examples,
    .n_examples = sizeof completion_examples / sizeof *completion_examples,
    .run = run_completion,
};

static const cli_command command_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .max_operands = 2,
    .operand_choices = "transcribe|models|bench|completion" DICTATE_HELP,
    .summary = "Tell about a command",
    .examples = help_examples,
    .n_examples = sizeof help_examples / sizeof *help_examples,
    .options = help_options,
    .n_options = sizeof help_options / sizeof *help_options,
    .run = run_help,
};

static const cli_command *const commands[] = {
    &command_transcribe,    &command_models_list,   &command_models_get,  &command_models_import,
    &command_models_verify, &command_models_remove, &command_models_path, &command_models_info,
    &command_models_cache,  &command_bench,         &command_completion,  &command_help DICTATE_ENTRIES,
};

static const cli_program program = {
    .name = "ctrlspeak",
    .version = VERSION(CS_VERSION_MAJOR, CS_VERSION_MINOR, CS_VERSION_PATCH),
    .summary = "Speech to text with NVIDIA's Parakeet and Canary models",
    .commands = commands,
    .n_commands = sizeof commands / sizeof *commands,
};

int main(int argc, char **argv)
{
    say_hold_descriptors();
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2)
        return cli_misuse(NULL, "expected a command: transcribe, models list, bench, completion or help");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_program_help(stdout, &program);
        return flush(APP_DONE);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("ctrlspeak %s\n", cs_version());
        return flush(APP_DONE);
    }
    int n_words = 1;
    const cli_command *command = hidden_command(argv[1]);
    if (!command)
        command = find_command(argc - 1, argv + 1, &n_words);
    if (!command)
        return unknown_command(argc - 1, argv + 1);
    int status = command->run(command, argc - 1 - n_words, argv + 1 + n_words);
    return flush(status);
}
