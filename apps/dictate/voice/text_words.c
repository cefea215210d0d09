/* SPDX-License-Identifier: MIT
 *
 * A text as words with the marks around them. */
#include "dictate/voice/text_case.h"
#include "dictate/voice/text_rules_inside.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_edge(uint32_t c)
{
    return text_is_closing(c) || text_is_opening(c) || c == '"' || c == '\'' || c == 0x2019 || c == 0x201D || c == '-'
           || c == 0x2013 || c == 0x2014 || c == '<' || c == '>';
}

/* Copies [first, end) of text to .plain and its folded form to .folded. */
static void put_part(text_words *words, const char *text, size_t first, size_t end, text_part *plain, text_part *folded)
{
    *plain = (text_part){words->plain.size, 0};
    *folded = (text_part){words->folded.size, 0};
    while (first < end) {
        uint32_t c = text_next(text, end, &first);
        text_put(&words->plain, c);
        text_put(&words->folded, text_fold(c));
    }
    plain->size = words->plain.size - plain->first;
    folded->size = words->folded.size - folded->first;
}

static bool add_word(text_words *words, const char *text, size_t first, size_t end, int32_t n_newlines)
{
    if (words->n == words->capacity) {
        size_t capacity = words->capacity * 2 + 32;
        text_word *items = capacity < SIZE_MAX / sizeof *items ? realloc(words->items, capacity * sizeof *items) : NULL;
        if (!items)
            return false;
        words->items = items;
        words->capacity = capacity;
    }
    text_word *w = &words->items[words->n++];
    size_t core = first, core_end = end, at;
    while (core < end && (at = core, is_edge(text_next(text, end, &at))))
        core = at;
    while (core_end > core && (at = core_end, is_edge(text_previous(text, &at))))
        core_end = at;
    text_part pre, post;
    put_part(words, text, first, core, &w->pre, &pre);
    put_part(words, text, core, core_end, &w->core, &w->folded_core);
    put_part(words, text, core_end, end, &w->post, &post);
    w->folded = (text_part){pre.first, words->folded.size - pre.first};
    w->n_newlines = n_newlines;
    return !words->plain.failed && !words->folded.failed;
}

bool text_words_split(text_words *words, const char *text)
{
    size_t size = strlen(text), at = 0;
    *words = (text_words){0};
    while (at < size) {
        int32_t n_newlines = 0;
        size_t next = at, end;
        uint32_t c = ' ';
        while (next < size && (at = next, text_is_space(c = text_next(text, size, &next))))
            n_newlines += c == '\n';
        if (text_is_space(c))
            break;
        for (end = at; next = end, end < size && !text_is_space(text_next(text, size, &next)); end = next)
            ;
        if (!add_word(words, text, at, end, n_newlines))
            return false;
        at = end;
    }
    return true;
}

void text_words_finish(text_words *words)
{
    textbuf_free(&words->plain);
    textbuf_free(&words->folded);
    free(words->items);
    *words = (text_words){0};
}
