/* SPDX-License-Identifier: MIT
 * Rules and what was said. The first byte chooses options; each line but the last is a rule, a snippet if it begins with "!";
 * the last is said in one piece, and once more cut in two at its middle. What comes out is UTF-8, whatever went in. */
#include "common/utf8_text.h"
#include "dictate/voice/joining.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_RULES = 32 };

static void require_utf8(const textbuf *text)
{
    if (text->failed || (text->data && strlen(text->data) != text->size))
        abort();
    for (size_t at = 0, n; at < text->size; at += n)
        if (!(n = utf8_bytes(text->data + at)))
            abort();
}

static void say(const text_rules *rules, const char *text)
{
    textbuf out = {0};
    text_rules_apply(rules, text, &out);
    require_utf8(&out);
    textbuf_free(&out);
}

static void join(char *text, size_t n, bool hard_cut, double pause_seconds)
{
    textbuf joined = {0};
    char *half = text + n / 2, kept = *half;
    *half = 0;
    joining_add(&joined, text, 0, false);
    *half = kept;
    joining_add(&joined, half, pause_seconds, hard_cut);
    require_utf8(&joined);
    textbuf_free(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *replacements[MOST_RULES], *snippets[MOST_RULES];
    char error[TEXT_RULES_ERROR] = "";
    if (size < 1)
        return 0;
    uint8_t choice = data[0];
    char *bytes = malloc(size);
    if (!bytes)
        return 0;
    memcpy(bytes, data + 1, size - 1);
    bytes[size - 1] = 0;
    text_rules_options o = {.trailing_space = choice & 1,
                            .spoken_punctuation = choice >> 1 & 1,
                            .first_letter = (choice >> 2 & 3) % 3,
                            .replacements = replacements,
                            .snippets = snippets};
    char *line = bytes;
    for (char *end; (end = strchr(line, '\n')) && o.n_replacements < MOST_RULES && o.n_snippets < MOST_RULES;
         line = end + 1) {
        *end = 0;
        if (line[0] == '!')
            snippets[o.n_snippets++] = line + 1;
        else
            replacements[o.n_replacements++] = line;
    }
    text_rules *rules = text_rules_create(&o, error);
    if (!rules && (!error[0] || memchr(error, 0, sizeof error) == NULL))
        abort();
    if (rules)
        say(rules, line);
    text_rules_free(rules);
    join(line, strlen(line), choice >> 4 & 1, (choice >> 5) / 2.0);
    free(bytes);
    return 0;
}
