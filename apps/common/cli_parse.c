/* SPDX-License-Identifier: MIT
 * Parsing by table: --name=value, --name value, -n value, -nvalue, --no-name, `--` ends options, options and operands
 * in any order. Unknown names get the nearest one suggested. */
#include "common/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_misuse(const cli_command *command, const char *format, ...)
{
    char text[600], line[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int n = snprintf(line, sizeof line, "ctrlspeak%s%s: %s\nTry 'ctrlspeak%s%s --help'.\n", command ? " " : "",
                     command ? command->name : "", text, command ? " " : "", command ? command->name : "");
    if (n > (int)sizeof line - 1)
        n = (int)sizeof line - 1;
    if (write(2, line, (size_t)n) < 0)
        return APP_USAGE; /* nobody listens; the status still tells */
    return APP_USAGE;
}

/* Edits from one word to the other: insert, drop, change. Words longer than the table are never near. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1], n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}

const char *cli_nearest(const char *word, const char *const *entries, size_t n_entries)
{
    const char *best = NULL;
    size_t best_edits = strlen(word) / 3 + 2; /* further away is no likeness */
    for (size_t i = 0; i < n_entries; i++) {
        bool begins = strlen(word) >= 3 && strncmp(entries[i], word, strlen(word)) == 0;
        size_t edits = begins ? 1 : distance(word, entries[i]);
        if (edits < best_edits) {
            best = entries[i];
            best_edits = edits;
        }
    }
    return best;
}

const char *cli_choice(const char *choices, int i, size_t *n)
{
    for (; *choices; i--) {
        *n = strcspn(choices, "|");
        if (i == 0)
            return choices;
        choices += *n + (choices[*n] == '|');
    }
    *n = 0;
    return choices;
}

static int unknown_option(const cli_command *command, const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < command->n_options && n < 63; i++)
        names[n++] = command->options[i].name;
    names[n++] = "help";
    const char *near = cli_nearest(name, names, n);
    return near ? cli_misuse(command, "unknown option --%s; did you mean --%s?", name, near)
                : cli_misuse(command, "unknown option --%s", name);
}

/* label is "--threads" or "CS_THREADS". */
static int set_int(const cli_command *command, const cli_option *option, const char *label, const char *text,
                   int32_t *value)
{
    char *end;
    long number = strtol(text, &end, 10);
    bool digits = text[0] && strspn(text, "-0123456789") == strlen(text);
    if (!digits || *end || number < option->low || number > option->high)
        return cli_misuse(command, "%s is '%s', expected a whole number from %d to %d", label, text, option->low,
                          option->high);
    *value = (int32_t)number;
    return APP_DONE;
}

static int set_number(const cli_command *command, const cli_option *option, const char *label, const char *text,
                      double *value)
{
    char *end;
    double number = strtod(text, &end);
    bool plain = text[0] && strspn(text, "-+.eE0123456789") == strlen(text);
    if (!plain || *end || !(number >= option->low && number <= option->high))
        return cli_misuse(command, "%s is '%s', expected a number from %d to %d", label, text, option->low,
                          option->high);
    *value = number;
    return APP_DONE;
}

static int set_choice(const cli_command *command, const cli_option *option, const char *label, const char *text,
                      int32_t *value)
{
    size_t n;
    const char *choice;
    for (int i = 0; choice = cli_choice(option->argument, i, &n), n > 0; i++) {
        if (strlen(text) == n && memcmp(text, choice, n) == 0) {
            *value = i;
            return APP_DONE;
        }
    }
    return cli_misuse(command, "%s is '%s', expected one of %s", label, text, option->argument);
}

static int set_value(const cli_command *command, const cli_option *option, const char *label, const char *text,
                     void *values)
{
    char *place = (char *)values + option->offset;
    switch (option->kind) {
    case CLI_INT:
        return set_int(command, option, label, text, (int32_t *)place);
    case CLI_NUMBER:
        return set_number(command, option, label, text, (double *)place);
    case CLI_CHOICE:
        return set_choice(command, option, label, text, (int32_t *)place);
    case CLI_FLAG:
        *(int32_t *)place = 1;
        return APP_DONE;
    case CLI_SWITCH: /* a variable says which; --x has no text */
        if (text[0] && strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
            return cli_misuse(command, "%s is '%s', expected on or off", label, text);
        *(int32_t *)place = strcmp(text, "off") != 0;
        return APP_DONE;
    default:
        if (!text[0])
            return cli_misuse(command, "%s needs a value, '' is none", label);
        *(const char **)place = text;
        return APP_DONE;
    }
}

static bool takes_value(const cli_option *option)
{
    return option->kind != CLI_FLAG && option->kind != CLI_SWITCH;
}

static const cli_option *find_option(const cli_command *command, const char *name, size_t n_name)
{
    for (size_t i = 0; i < command->n_options; i++)
        if (strlen(command->options[i].name) == n_name && memcmp(command->options[i].name, name, n_name) == 0)
            return &command->options[i];
    return NULL;
}

/* argv[*at] starts with "--" and has a name. */
static int parse_long(const cli_command *command, int argc, char **argv, int *at, void *values)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '=');
    size_t n_name = equals ? (size_t)(equals - name) : strlen(name);
    const cli_option *option = find_option(command, name, n_name);
    char label[64];
    snprintf(label, sizeof label, "--%.*s", (int)(n_name < 60 ? n_name : 60), name);
    if (!option && n_name > 3 && strncmp(name, "no-", 3) == 0) {
        option = find_option(command, name + 3, n_name - 3);
        if (option && option->kind == CLI_SWITCH && !equals) {
            *(int32_t *)((char *)values + option->offset) = 0;
            return APP_DONE;
        }
        option = NULL;
    }
    if (!option)
        return unknown_option(command, label + 2);
    if (!takes_value(option))
        return equals ? cli_misuse(command, "%s takes no value", label) : set_value(command, option, label, "", values);
    if (equals)
        return set_value(command, option, label, equals + 1, values);
    if (*at + 1 >= argc)
        return cli_misuse(command, "%s needs a value: %s", label, option->argument);
    return set_value(command, option, label, argv[++*at], values);
}

static int parse_short(const cli_command *command, int argc, char **argv, int *at, void *values)
{
    const char *text = argv[*at];
    char label[3] = {'-', text[1], 0};
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *option = &command->options[i];
        if (option->letter != text[1])
            continue;
        if (!takes_value(option))
            return text[2] ? cli_misuse(command, "%s takes no value", label)
                           : set_value(command, option, label, "", values);
        if (text[2])
            return set_value(command, option, label, text + 2, values);
        if (*at + 1 >= argc)
            return cli_misuse(command, "%s needs a value: %s", label, option->argument);
        return set_value(command, option, label, argv[++*at], values);
    }
    return cli_misuse(command, "unknown option %.10s", text);
}

int cli_parse(const cli_command *command, int argc, char **argv, void *values, int *n_operands)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            cli_help(stdout, command);
            return -1;
        }
    }
    for (size_t i = 0; i < command->n_options; i++) {
        const char *variable = command->options[i].variable, *text = variable ? getenv(variable) : NULL;
        int status = text && *text ? set_value(command, &command->options[i], variable, text, values) : APP_DONE;
        if (status != APP_DONE)
            return status;
    }
    int n = 0;
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        int status = APP_DONE;
        if (ended || argv[i][0] != '-' || !argv[i][1])
            argv[n++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            ended = true;
        else if (argv[i][1] == '-')
            status = parse_long(command, argc, argv, &i, values);
        else
            status = parse_short(command, argc, argv, &i, values);
        if (status != APP_DONE)
            return status;
    }
    *n_operands = n;
    if (n < command->min_operands)
        return cli_misuse(command, "expected %s", command->operands);
    if (n > command->max_operands)
        return cli_misuse(command, "unexpected '%s'", argv[command->max_operands]);
    return APP_DONE;
}
