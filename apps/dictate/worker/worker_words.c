/* SPDX-License-Identifier: MIT
 *
 * The words' times, which travel as lines of text beside the text: "START_MS END_MS WORD". They may come from a child, so a
 * line that is none, a time that runs backwards or a word that is not in the text from here on ends the list. */
#define _POSIX_C_SOURCE 200809L
#include "worker_engine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const long LONGEST_MS = 24L * 3600 * 1000;

/* One line; false: it is none. *word and *n_word: what stands after the times. */
static bool parse(const char *line, const char *line_end, worker_word *out, const char **word, size_t *n_word)
{
    char *end;
    long start_ms = strtol(line, &end, 10);
    if (end == line || *end != ' ')
        return false;
    const char *second = end + 1;
    long end_ms = strtol(second, &end, 10);
    if (end == second || *end != ' ' || end + 1 >= line_end || start_ms < 0 || end_ms < start_ms || end_ms > LONGEST_MS)
        return false;
    out->start_seconds = (float)start_ms / 1000;
    out->end_seconds = (float)end_ms / 1000;
    *word = end + 1;
    *n_word = (size_t)(line_end - end - 1);
    return true;
}

static const char *find(const char *text, const char *word, size_t n)
{
    for (; *text; text++)
        if (strncmp(text, word, n) == 0)
            return text;
    return NULL;
}

worker_word *engine_words(const char *text, const char *lines, int32_t *n_words)
{
    size_t n_lines = 0;
    *n_words = 0;
    for (const char *s = lines; s && *s; s++)
        n_lines += *s == '\n';
    if (n_lines == 0 || n_lines > INT_MAX || strlen(text) > INT_MAX)
        return NULL;
    worker_word *words = calloc(n_lines, sizeof *words);
    const char *from = text;
    float last = 0;
    for (const char *line = lines; words && *line;) {
        const char *line_end = strchr(line, '\n'), *word;
        worker_word w;
        size_t n;
        if (!line_end || !parse(line, line_end, &w, &word, &n) || w.start_seconds < last)
            break;
        const char *at = find(from, word, n);
        if (!at)
            break;
        w.at = (int32_t)(at - text);
        w.n = (int32_t)n;
        words[(*n_words)++] = w;
        from = at + n;
        last = w.start_seconds;
        line = line_end + 1;
    }
    return words;
}
