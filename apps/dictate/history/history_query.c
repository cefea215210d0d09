/* SPDX-License-Identifier: MIT
 *
 * What the user typed, as an FTS5 expression. FTS5 has a grammar in which much is an error; here every word becomes a
 * string in double quotes, in which nothing but the quote itself means anything, and strings side by side must all occur.
 * A string in which the tokenizer finds no word is left out by FTS5 itself. */
#define _XOPEN_SOURCE 700
#include "history_inside.h"

#include "common/utf8_text.h"

#include <string.h>

enum { TERMS_MAX = 100, TYPED_MAX = 10000 };

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Does it hold a letter or digit, as far as ASCII goes? Bytes beyond may be one. */
static bool is_wordy(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
            return true;
    }
    return false;
}

static void add_term(textbuf *out, const char *text, size_t n, bool prefix)
{
    textbuf_append(out, out->size ? " \"" : "\"", out->size ? 2 : 1);
    for (const char *end = text + n; text < end;) {
        size_t bytes = utf8_bytes(text);
        bool whole = bytes > 0 && bytes <= (size_t)(end - text);
        if (!whole)
            textbuf_append(out, " ", bytes = 1);
        else if (*text == '"')
            textbuf_append(out, "\"\"", 2);
        else
            textbuf_append(out, text, bytes);
        text += bytes;
    }
    textbuf_append(out, prefix ? "\"*" : "\"", prefix ? 2 : 1);
}

bool history_query(textbuf *out, const char *typed)
{
    const char *end = typed + strnlen(typed, TYPED_MAX);
    for (int n_terms = 0; typed < end && n_terms < TERMS_MAX;) {
        if (is_space(*typed)) {
            typed++;
            continue;
        }
        bool quoted = *typed == '"', prefix = false; /* a quote reaches to the next one, or to the end */
        const char *begin = quoted ? ++typed : typed;
        while (typed < end && *typed != '"' && (quoted || !is_space(*typed)))
            typed++;
        size_t n = (size_t)(typed - begin);
        typed += quoted && typed < end;
        if (quoted && typed < end && *typed == '*')
            prefix = true, typed++;
        else if (!quoted && begin[n - 1] == '*')
            prefix = true, n--;
        if (is_wordy(begin, n)) {
            add_term(out, begin, n, prefix);
            n_terms++;
        }
    }
    return !out->failed;
}
