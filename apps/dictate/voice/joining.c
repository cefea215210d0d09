/* SPDX-License-Identifier: MIT
 *
 * Each segment is decoded alone, so that a model with punctuation begins it with a capital and ends it with a full stop,
 * whether or not the speaker did. What the pause tells is put right here: a capital after a short pause where the text before
 * did not end a sentence; and a full stop that the next segment contradicts, by going on in small letters, or because the cut
 * lies in the middle of flowing speech. Names and German nouns after such a seam lose their capital: the words alone do not
 * tell. */
#include "dictate/voice/joining.h"

#include "dictate/voice/text_case.h"

#include <string.h>

static void trim(const char **text, size_t *size)
{
    size_t at = 0;
    while (*size > 0 && (at = *size, text_is_space(text_previous(*text, &at))))
        *size = at;
    at = 0;
    for (size_t next = 0; next < *size && text_is_space(text_next(*text, *size, &next)); at = next)
        ;
    *text += at;
    *size -= at;
}

/* Does it end a sentence? Closing quotes and brackets are looked through. */
static bool ends_sentence(const textbuf *text)
{
    for (size_t at = text->size; at > 0;) {
        uint32_t c = text_previous(text->data, &at);
        if (text_is_final(c))
            return true;
        if (c != '"' && c != '\'' && c != 0x2019 && (!text_is_closing(c) || c == ',' || c == ';' || c == ':'))
            return false;
    }
    return false;
}

/* A full stop that is no part of "..." or "U.S." */
static bool ends_with_one_stop(const textbuf *text)
{
    size_t n = text->size;
    if (n < 2 || text->data[--n] != '.')
        return false;
    while (n > 0 && text->data[n - 1] != ' ' && text->data[n - 1] != '.')
        n--;
    return n == 0 || text->data[n - 1] == ' ';
}

static bool wants_space(const textbuf *text, const char *segment, size_t size)
{
    size_t end = text->size, start = 0;
    if (text->size == 0)
        return false;
    uint32_t before = text_previous(text->data, &end), after = text_next(segment, size, &start);
    if (text_is_space(before) || text_is_closing(after))
        return false;
    if (text_is_opening(before))
        return false;
    return !(text_is_cjk(before) && text_is_cjk(after));
}

static size_t word_size(const char *text, size_t size)
{
    size_t at = 0;
    for (size_t next = 0; next < size && !text_is_space(text_next(text, size, &next)); at = next)
        ;
    return at;
}

void joining_add(textbuf *text, const char *segment, double pause_seconds, bool hard_cut)
{
    size_t size = strlen(segment), first = 0;
    trim(&segment, &size);
    if (size == 0 || text->failed)
        return;
    bool soft = hard_cut || pause_seconds * 1000 < JOINING_SOFT_PAUSE_MS;
    bool flowing = hard_cut && pause_seconds * 1000 < JOINING_FLOWING_MS;
    bool small = text_is_lower(text_next(segment, size, &first));
    if (soft && (small || flowing) && ends_with_one_stop(text))
        text->data[--text->size] = 0;
    size_t word = word_size(segment, size);
    bool lower = text->size > 0 && soft && !ends_sentence(text) && !text_keeps_capital(segment, word);
    if (wants_space(text, segment, size))
        textbuf_append(text, " ", 1);
    text_put_first(text, segment, word, lower ? text_lower : text_same);
    text_put_first(text, segment + word, size - word, text_same);
}
