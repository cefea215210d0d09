/* SPDX-License-Identifier: MIT
 * --help and the man page, from the tables: examples first, then options, then what each command has to say. */
#include "common/cli.h"

#include <string.h>

/* "-f, --format txt|json" */
static void write_usage(char *out, size_t size, const cli_option *option, const char *separator)
{
    bool valued = option->kind != CLI_FLAG && option->kind != CLI_SWITCH;
    char letter[8] = "";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(out, size, "%s--%s%s%s%s", letter, option->kind == CLI_SWITCH ? "[no-]" : "", option->name,
             valued ? separator : "", valued ? option->argument : "");
}

/* text in lines of at most 100 columns, each after the indent. */
static void write_wrapped(FILE *out, const char *text, int indent)
{
    enum { WIDTH = 100 };
    int column = 0;
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (column && column + 1 + n > WIDTH) {
            fprintf(out, "\n");
            column = 0;
        }
        if (!column)
            column = fprintf(out, "%*s%.*s", indent, "", n, text);
        else
            column += fprintf(out, " %.*s", n, text);
        text += n;
        text += strspn(text, " ");
    }
    fprintf(out, "\n");
}

static void describe(char *out, size_t size, const cli_option *option)
{
    char standard[160] = "", variable[80] = "";
    if (option->standard)
        snprintf(standard, sizeof standard, " [default: %s]", option->standard);
    if (option->variable)
        snprintf(variable, sizeof variable, " [environment: %s]", option->variable);
    snprintf(out, size, "%s%s%s", option->help, standard, variable);
}

static void write_exits(FILE *out)
{
#define EXIT_LINE(name, number, meaning) fprintf(out, "  %3d  %s\n", number, meaning);
    APP_EXITS(EXIT_LINE)
#undef EXIT_LINE
}

void cli_help(FILE *out, const cli_command *command)
{
    char usage[200], text[900];
    for (size_t i = 0; i < command->n_examples; i++) {
        if (i == 0)
            fprintf(out, "Examples:\n");
        fprintf(out, "  %s\n", command->examples[i].command);
        write_wrapped(out, command->examples[i].what, 6);
    }
    fprintf(out, "%sUsage: ctrlspeak %s%s%s%s\n\n%s.\n", command->n_examples ? "\n" : "", command->name,
            command->n_options ? " [options]" : "", command->operands[0] ? " " : "", command->operands,
            command->summary);
    if (command->n_options)
        fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < command->n_options; i++) {
        write_usage(usage, sizeof usage, &command->options[i], " ");
        describe(text, sizeof text, &command->options[i]);
        fprintf(out, "  %s\n", usage);
        write_wrapped(out, text, 6);
    }
    for (size_t i = 0; i < command->n_sections; i++)
        fprintf(out, "\n%s:\n%s", command->sections[i].title, command->sections[i].text);
    fprintf(out, "\nExit status:\n");
    write_exits(out);
}

void cli_program_help(FILE *out, const cli_program *program)
{
    size_t width = 0;
    fprintf(out, "Examples:\n");
    for (size_t i = 0; i < program->n_commands; i++)
        if (program->commands[i]->n_examples)
            fprintf(out, "  %s\n", program->commands[i]->examples[0].command);
    fprintf(out, "\nUsage: %s COMMAND [options] ...\n\n%s.\n\nCommands:\n", program->name, program->summary);
    for (size_t i = 0; i < program->n_commands; i++)
        width = strlen(program->commands[i]->name) > width ? strlen(program->commands[i]->name) : width;
    for (size_t i = 0; i < program->n_commands; i++)
        fprintf(out, "  %-*s  %s\n", (int)width, program->commands[i]->name, program->commands[i]->summary);
    fprintf(out, "\n'%s COMMAND --help' tells about a command; '%s --version' prints the version.\n\nExit status:\n",
            program->name, program->name);
    write_exits(out);
}

/* ---------------------------------------------------------------- man page */

/* A dash must not become a hyphen, a backslash nothing, a line's first dot or quote no request. */
static void write_roff(FILE *out, const char *text)
{
    for (bool first = true; *text; text++) {
        if (first && (*text == '.' || *text == '\''))
            fprintf(out, "\\&");
        if (*text == '-')
            fprintf(out, "\\-");
        else if (*text == '\\')
            fprintf(out, "\\e");
        else
            fputc(*text, out);
        first = *text == '\n';
    }
}

static void write_man_command(FILE *out, const cli_program *program, const cli_command *command)
{
    char usage[200], text[900];
    fprintf(out, ".SS \"%s %s%s%s\"\n", program->name, command->name, command->operands[0] ? " " : "",
            command->operands);
    write_roff(out, command->summary);
    fprintf(out, ".\n");
    for (size_t i = 0; i < command->n_options; i++) {
        write_usage(usage, sizeof usage, &command->options[i], " ");
        describe(text, sizeof text, &command->options[i]);
        fprintf(out, ".TP\n.B ");
        write_roff(out, usage);
        fprintf(out, "\n");
        write_roff(out, text);
        fprintf(out, "\n");
    }
    for (size_t i = 0; i < command->n_sections; i++) {
        fprintf(out, ".PP\n%s:\n.nf\n", command->sections[i].title);
        write_roff(out, command->sections[i].text);
        fprintf(out, ".fi\n");
    }
}

void cli_man_page(FILE *out, const cli_program *program)
{
    fprintf(out, ".TH CTRLSPEAK 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n%s \\- ", program->name, program->version,
            program->name);
    write_roff(out, program->summary);
    fprintf(out, "\n.SH SYNOPSIS\n");
    for (size_t i = 0; i < program->n_commands; i++)
        fprintf(out, "%s.B %s %s\n%s%s\n", i ? ".br\n" : "", program->name, program->commands[i]->name,
                program->commands[i]->n_options ? "[options] " : "", program->commands[i]->operands);
    fprintf(out, ".SH EXAMPLES\n");
    for (size_t i = 0; i < program->n_commands; i++) {
        for (size_t k = 0; k < program->commands[i]->n_examples; k++) {
            fprintf(out, ".TP\n.B ");
            write_roff(out, program->commands[i]->examples[k].command);
            fprintf(out, "\n");
            write_roff(out, program->commands[i]->examples[k].what);
            fprintf(out, "\n");
        }
    }
    fprintf(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < program->n_commands; i++)
        write_man_command(out, program, program->commands[i]);
    fprintf(out, ".SH EXIT STATUS\n");
#define EXIT_ENTRY(name, number, meaning) fprintf(out, ".TP\n.B %d\n%s\n", number, meaning);
    APP_EXITS(EXIT_ENTRY)
#undef EXIT_ENTRY
}
