/* SPDX-License-Identifier: MIT
 *
 * English names of marks. Names that are words of every day ("tab", "slash", "star") are left out or need "sign" or "key". */
#include "dictate/voice/text_rules_inside.h"

#include <string.h>

enum {
    SENTENCE = MARK_LEFT | MARK_CAPITAL | MARK_INSTEAD,
    CLAUSE = MARK_LEFT | MARK_INSTEAD,
    OPEN = MARK_RIGHT,
    CLOSE = MARK_LEFT,
    INSIDE = MARK_LEFT | MARK_RIGHT,
    BREAK = MARK_LEFT | MARK_RIGHT | MARK_NEWLINE
};

const text_mark text_marks[] = {
    {"comma", ",", CLAUSE},
    {"semicolon", ";", CLAUSE},
    {"semi colon", ";", CLAUSE},
    {"colon", ":", CLAUSE},
    {"period", ".", SENTENCE},
    {"full stop", ".", SENTENCE},
    {"question mark", "?", SENTENCE},
    {"exclamation mark", "!", SENTENCE},
    {"exclamation point", "!", SENTENCE},
    {"ellipsis", "...", CLAUSE},
    {"dot dot dot", "...", CLAUSE},
    {"dash", "-", MARK_INSTEAD},
    {"hyphen", "-", INSIDE | MARK_INSTEAD},
    {"apostrophe", "'", INSIDE | MARK_INSTEAD},
    {"open quote", "\"", OPEN},
    {"open quotes", "\"", OPEN},
    {"begin quote", "\"", OPEN},
    {"close quote", "\"", CLOSE},
    {"close quotes", "\"", CLOSE},
    {"end quote", "\"", CLOSE},
    {"unquote", "\"", CLOSE},
    {"open single quote", "'", OPEN},
    {"close single quote", "'", CLOSE},
    {"open parenthesis", "(", OPEN},
    {"open parentheses", "(", OPEN},
    {"open paren", "(", OPEN},
    {"left parenthesis", "(", OPEN},
    {"close parenthesis", ")", CLOSE},
    {"close parentheses", ")", CLOSE},
    {"close paren", ")", CLOSE},
    {"right parenthesis", ")", CLOSE},
    {"open bracket", "[", OPEN},
    {"open square bracket", "[", OPEN},
    {"left bracket", "[", OPEN},
    {"close bracket", "]", CLOSE},
    {"close square bracket", "]", CLOSE},
    {"right bracket", "]", CLOSE},
    {"open brace", "{", OPEN},
    {"open curly bracket", "{", OPEN},
    {"close brace", "}", CLOSE},
    {"close curly bracket", "}", CLOSE},
    {"less than sign", "<", 0},
    {"greater than sign", ">", 0},
    {"equals sign", "=", 0},
    {"equal sign", "=", 0},
    {"plus sign", "+", 0},
    {"minus sign", "-", OPEN},
    {"ampersand", "&", 0},
    {"at sign", "@", INSIDE},
    {"hash sign", "#", OPEN},
    {"number sign", "#", OPEN},
    {"dollar sign", "$", OPEN},
    {"percent sign", "%", CLOSE},
    {"asterisk", "*", INSIDE},
    {"underscore", "_", INSIDE},
    {"forward slash", "/", INSIDE},
    {"backslash", "\\", INSIDE},
    {"back slash", "\\", INSIDE},
    {"vertical bar", "|", 0},
    {"space bar", " ", INSIDE},
    {"tab key", "\t", INSIDE},
    {"new line", "\n", BREAK},
    {"newline", "\n", BREAK},
    {"new paragraph", "\n\n", BREAK | MARK_CAPITAL},
    {NULL, NULL, 0},
};

bool text_is_article(const char *folded, size_t size)
{
    static const char *const articles[] = {"a", "an", "the", "each", "every", "another", "my", "your", "our", "their"};
    for (size_t i = 0; i < sizeof articles / sizeof *articles; i++)
        if (strlen(articles[i]) == size && memcmp(articles[i], folded, size) == 0)
            return true;
    return false;
}
