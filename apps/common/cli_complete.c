/* SPDX-License-Identifier: MIT
 * Completion scripts for bash, zsh and fish, from the tables. Commands of two words ("models info") complete one word
 * after the other; those with the same first word stand together in the table. */
#include "common/cli.h"

#include <string.h>

static void write_spaced(FILE *out, const char *choices)
{
    for (; choices && *choices; choices++)
        fputc(*choices == '|' ? ' ' : *choices, out);
}

/* The first (part 0) or second word of a command's name; NULL when it has no second. */
static const char *word_of(const cli_command *command, int part, char *out, size_t size)
{
    const char *space = strchr(command->name, ' ');
    if (part == 1)
        return space ? space + 1 : NULL;
    snprintf(out, size, "%.*s", (int)(space ? space - command->name : (long)strlen(command->name)), command->name);
    return out;
}

/* Is it the first of the table with its first word? */
static bool begins_group(const cli_program *program, size_t i)
{
    char mine[40], before[40];
    if (i == 0)
        return true;
    word_of(program->commands[i], 0, mine, sizeof mine);
    word_of(program->commands[i - 1], 0, before, sizeof before);
    return strcmp(mine, before) != 0;
}

/* The second words of the group that begins with the i-th. */
static void write_seconds(FILE *out, const cli_program *program, size_t i)
{
    char first[40];
    for (size_t k = i; k < program->n_commands && (k == i || !begins_group(program, k)); k++)
        fprintf(out, "%s%s", k == i ? "" : " ", word_of(program->commands[k], 1, first, sizeof first));
}

static bool takes_files(const cli_option *option)
{
    return option->kind == CLI_FILE || option->kind == CLI_DIRECTORY;
}

/* Completed file names may hold blanks and newlines are rare: compgen output is read line by line. */
void cli_complete_bash(FILE *out, const cli_program *program)
{
    char first[40];
    fprintf(
        out,
        "# bash completion for %s\n_%s() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    local words= command=${COMP_WORDS[1]:-}\n    COMPREPLY=()\n"
        "    if [[ $COMP_CWORD == 1 ]]; then\n        mapfile -t COMPREPLY < <(compgen -W '--help --version",
        program->name, program->name);
    for (size_t i = 0; i < program->n_commands; i++)
        if (begins_group(program, i))
            fprintf(out, " %s", word_of(program->commands[i], 0, first, sizeof first));
    fprintf(out, "' -- \"$cur\")\n        return\n    fi\n    case $command in\n");
    for (size_t i = 0; i < program->n_commands; i++) {
        if (!begins_group(program, i) || !word_of(program->commands[i], 1, first, sizeof first))
            continue;
        fprintf(out,
                "    %s)\n        if [[ $COMP_CWORD == 2 ]]; then\n            mapfile -t COMPREPLY < <(compgen -W '",
                word_of(program->commands[i], 0, first, sizeof first));
        write_seconds(out, program, i);
        fprintf(
            out,
            "' -- \"$cur\")\n            return\n        fi\n        command+=\" ${COMP_WORDS[2]:-}\"\n        ;;\n");
    }
    fprintf(out, "    esac\n    case $command in\n");
    for (size_t i = 0; i < program->n_commands; i++) {
        const cli_command *command = program->commands[i];
        fprintf(out, "    '%s')\n        case $prev in\n", command->name);
        for (size_t k = 0; k < command->n_options; k++) {
            const cli_option *option = &command->options[k];
            if (option->kind == CLI_FLAG || option->kind == CLI_SWITCH)
                continue;
            fprintf(out, "        --%s", option->name);
            if (option->letter)
                fprintf(out, "|-%c", option->letter);
            fprintf(out, ")\n            ");
            if (option->kind == CLI_CHOICE) {
                fprintf(out, "mapfile -t COMPREPLY < <(compgen -W '");
                write_spaced(out, option->argument);
                fprintf(out, "' -- \"$cur\"); ");
            } else if (takes_files(option)) {
                fprintf(out, "mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\"); ",
                        option->kind == CLI_DIRECTORY ? 'd' : 'f');
            }
            fprintf(out, "return ;;\n");
        }
        fprintf(out, "        esac\n        [[ $cur == -* ]] && words='--help");
        for (size_t k = 0; k < command->n_options; k++)
            fprintf(out, " --%s", command->options[k].name);
        fprintf(out, "'\n");
        if (command->operand_choices) {
            fprintf(out, "        [[ $cur != -* ]] && words='");
            write_spaced(out, command->operand_choices);
            fprintf(out, "'\n");
        }
        fprintf(out, "        ;;\n");
    }
    fprintf(
        out,
        "    esac\n    if [[ -n $words ]]; then\n        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
        "    else\n        compopt -o filenames 2>/dev/null\n        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
        "    fi\n}\ncomplete -F _%s %s\n",
        program->name, program->name);
}

/* Inside a '...[...]' of zsh or a '...' of fish. */
static void write_quoted(FILE *out, const char *text, const char *escaped)
{
    for (; *text; text++) {
        if (*text == '\'')
            fprintf(out, "'\\''");
        else if (strchr(escaped, *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void write_zsh_option(FILE *out, const cli_option *option)
{
    bool valued = option->kind != CLI_FLAG && option->kind != CLI_SWITCH;
    const char letter[3] = {'-', option->letter, 0};
    for (int form = 0; form < 3; form++) { /* --name, -n, --no-name */
        if ((form == 1 && !option->letter) || (form == 2 && option->kind != CLI_SWITCH))
            continue;
        fprintf(out, "            '%s%s%s[",
                form == 1   ? letter
                : form == 2 ? "--no-"
                            : "--",
                form == 1 ? "" : option->name, valued && form == 0 ? "=" : "");
        write_quoted(out, option->help, "[]:\\");
        fprintf(out, "]");
        if (valued) {
            fprintf(out, ":%s:", option->name);
            if (option->kind == CLI_CHOICE) {
                fprintf(out, "(");
                write_spaced(out, option->argument);
                fprintf(out, ")");
            } else if (takes_files(option)) {
                fprintf(out, option->kind == CLI_DIRECTORY ? "_files -/" : "_files");
            }
        }
        fprintf(out, "' \\\n");
    }
}

void cli_complete_zsh(FILE *out, const cli_program *program)
{
    char first[40];
    fprintf(out, "#compdef %s\n_%s() {\n    local -a commands\n    commands=(\n", program->name, program->name);
    for (size_t i = 0; i < program->n_commands; i++) {
        if (!begins_group(program, i))
            continue;
        fprintf(out, "        '%s:", word_of(program->commands[i], 0, first, sizeof first));
        write_quoted(out, program->commands[i]->summary, ":\\");
        fprintf(out, "'\n");
    }
    fprintf(out, "    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
                 "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $command in\n");
    for (size_t i = 0; i < program->n_commands; i++) {
        if (!begins_group(program, i) || !word_of(program->commands[i], 1, first, sizeof first))
            continue;
        fprintf(out, "    %s)\n        if (( CURRENT == 2 )); then compadd ",
                word_of(program->commands[i], 0, first, sizeof first));
        write_seconds(out, program, i);
        fprintf(out, "; return; fi\n        command+=\" $words[2]\"\n        shift words\n        (( CURRENT-- ))\n    "
                     "    ;;\n");
    }
    fprintf(out, "    esac\n    case $command in\n");
    for (size_t i = 0; i < program->n_commands; i++) {
        const cli_command *command = program->commands[i];
        fprintf(out, "    '%s')\n", command->name);
        fprintf(out, "        _arguments \\\n");
        for (size_t k = 0; k < command->n_options; k++)
            write_zsh_option(out, &command->options[k]);
        fprintf(out, "            '--help[help]'");
        if (command->operand_choices) {
            fprintf(out, " \\\n            '1:what:(");
            write_spaced(out, command->operand_choices);
            fprintf(out, ")'");
        } else if (command->operands[0]) {
            fprintf(out, " \\\n            '*:file:_files'");
        }
        fprintf(out, "\n        ;;\n");
    }
    fprintf(out, "    esac\n}\nif [ \"$funcstack[1]\" = _%s ]; then _%s \"$@\"; else compdef _%s %s; fi\n",
            program->name, program->name, program->name, program->name);
}

void cli_complete_fish(FILE *out, const cli_program *program)
{
    char first[40], seen[140];
    fprintf(out,
            "# fish completion for %s\ncomplete -c %s -n __fish_use_subcommand -l version -d 'print the version'\n",
            program->name, program->name);
    for (size_t i = 0; i < program->n_commands; i++) {
        const cli_command *command = program->commands[i];
        const char *second = word_of(command, 1, first, sizeof first);
        word_of(command, 0, first, sizeof first);
        if (begins_group(program, i)) {
            fprintf(out, "complete -c %s -n __fish_use_subcommand -f -a %s -d '", program->name, first);
            write_quoted(out, command->summary, "\\");
            fprintf(out, "'\n");
        }
        if (begins_group(program, i) && second) {
            fprintf(out, "complete -c %s -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from ",
                    program->name, first);
            write_seconds(out, program, i);
            fprintf(out, "' -f -a '");
            write_seconds(out, program, i);
            fprintf(out, "'\n");
        }
        snprintf(seen, sizeof seen, "__fish_seen_subcommand_from %s%s%s", first,
                 second ? "; and __fish_seen_subcommand_from " : "", second ? second : "");
        if (command->operand_choices) {
            fprintf(out, "complete -c %s -n '%s' -f -a '", program->name, seen);
            write_spaced(out, command->operand_choices);
            fprintf(out, "'\n");
        }
        for (size_t k = 0; k < command->n_options; k++) {
            const cli_option *option = &command->options[k];
            fprintf(out, "complete -c %s -n '%s' -l %s", program->name, seen, option->name);
            if (option->letter)
                fprintf(out, " -s %c", option->letter);
            if (option->kind == CLI_CHOICE) {
                fprintf(out, " -x -a '");
                write_spaced(out, option->argument);
                fprintf(out, "'");
            } else if (takes_files(option)) {
                fprintf(out, " -r -F");
            } else if (option->kind == CLI_INT || option->kind == CLI_NUMBER || option->kind == CLI_TEXT) {
                fprintf(out, " -x");
            }
            fprintf(out, " -d '");
            write_quoted(out, option->help, "\\");
            fprintf(out, "'\n");
            if (option->kind == CLI_SWITCH)
                fprintf(out, "complete -c %s -n '%s' -l no-%s\n", program->name, seen, option->name);
        }
    }
}
