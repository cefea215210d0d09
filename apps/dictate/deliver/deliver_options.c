/* SPDX-License-Identifier: MIT
 *
 * How delivery is asked for: defaults and the text form of a way. */
#include "deliver_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void deliver_options_init(deliver_options *options)
{
    *options =
        (deliver_options){.receipt_ms = 1000, .quiet_ms = 200, .modifier_ms = 750, .save_bytes = INT64_C(64) << 20};
}

bool deliver_parse(const char *text, deliver_options *options, char error[DELIVER_ERROR])
{
    static const struct {
        const char *name;
        deliver_way way;
        const char *wants; /* what has to stand behind the colon */
    } ways[] = {
        {"paste", DELIVER_PASTE, NULL},
        {"type", DELIVER_TYPE, NULL},
        {"stdout", DELIVER_STDOUT, NULL},
        {"clipboard", DELIVER_CLIPBOARD, NULL},
        {"none", DELIVER_NONE, NULL},
        {"file", DELIVER_FILE, "a path, as in file:notes.txt"},
        {"command", DELIVER_COMMAND, "a program, as in command:notify-send Dictated"},
    };
    size_t n_name = strcspn(text, ":");
    const char *argument = text[n_name] ? text + n_name + 1 : NULL;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strlen(ways[i].name) != n_name || strncmp(ways[i].name, text, n_name) != 0)
            continue;
        if (!ways[i].wants && argument) {
            snprintf(error, DELIVER_ERROR, "Delivery \"%.100s\": nothing is expected after \"%s\".", text,
                     ways[i].name);
            return false;
        }
        if (ways[i].wants && (!argument || argument[strspn(argument, " \t")] == '\0')) {
            snprintf(error, DELIVER_ERROR, "Delivery \"%.100s\" lacks %s.", text, ways[i].wants);
            return false;
        }
        if (ways[i].way == DELIVER_COMMAND) {
            char **words = deliver_split(argument, error);
            if (!words)
                return false;
            free(words);
        }
        options->way = ways[i].way;
        options->argument = argument;
        return true;
    }
    snprintf(error, DELIVER_ERROR,
             "Delivery \"%.100s\" is unknown; there are paste, type, clipboard, stdout, none, file:PATH and "
             "command:PROGRAM.",
             text);
    return false;
}

char **deliver_split(const char *line, char error[DELIVER_ERROR])
{
    /* No more words than every other character, and no more text than the line: one block for both. */
    size_t n_line = strlen(line), n_slots = n_line / 2 + 2, n_words = 0;
    char **words = malloc(n_slots * sizeof *words + n_line + 1);
    if (!words) {
        snprintf(error, DELIVER_ERROR, "Out of memory for the command of the delivery.");
        return NULL;
    }
    char *out = (char *)(words + n_slots);
    const char *at = line;
    while (*(at += strspn(at, " \t\n"))) {
        char quote = '\0';
        words[n_words++] = out;
        for (; *at && (quote || !strchr(" \t\n", *at)); at++) {
            if (quote && *at == quote)
                quote = '\0';
            else if (!quote && (*at == '\'' || *at == '"'))
                quote = *at;
            else if (*at == '\\' && quote != '\'' && at[1])
                *out++ = *++at;
            else
                *out++ = *at;
        }
        if (quote) {
            snprintf(error, DELIVER_ERROR, "The command \"%.200s\" opens a quote (%c) that is not closed.", line,
                     quote);
            free(words);
            return NULL;
        }
        /* The blank or the end that follows pays for this byte, but for the last word the block has one more. */
        *out++ = '\0';
    }
    words[n_words] = NULL;
    if (n_words == 0 || words[0][0] == '\0') {
        snprintf(error, DELIVER_ERROR, "The command \"%.200s\" names no program.", line);
        free(words);
        return NULL;
    }
    return words;
}
