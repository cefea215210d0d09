/* SPDX-License-Identifier: MIT
 *
 * One walk over the words: at each the rule that takes the most words is applied, the user's own before the spoken marks, and
 * what it writes is never looked at again. Spacing and capitals are the writer's state, below.
 *
 * Models with punctuation write their own marks around a spoken one ("Hello, comma, world."). Those go: the spoken one is
 * what was wanted. The word after it loses a capital that it had only because of them. */
#include "dictate/voice/joining.h"
#include "dictate/voice/text_case.h"
#include "dictate/voice/text_rules_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum rule_kind { RULE_REPLACEMENT, RULE_SNIPPET, RULE_MARK } rule_kind;

typedef struct rule {
    rule_kind kind;
    bool whole;   /* only when it is all that was said */
    char *spoken; /* folded, words with one space between */
    size_t n_words;
    char *written;
    int flags; /* RULE_MARK */
} rule;

struct text_rules {
    bool trailing_space, spoken_punctuation;
    enum text_first_letter first_letter;
    rule *rules; /* of equal length the earlier one wins */
    size_t n_rules, capacity;
};

/* ---------------------------------------------------------------- making */

/* Takes written. False: out of memory. */
static bool add_rule(text_rules *r, rule_kind kind, bool whole, const char *before, const char *spoken,
                     size_t spoken_size, char *written, int flags)
{
    textbuf folded = {0};
    size_t n_words = 0;
    bool gap = true;
    textbuf_append(&folded, before, strlen(before));
    n_words = folded.size > 0;
    for (size_t at = 0; at < spoken_size;) {
        uint32_t c = text_next(spoken, spoken_size, &at);
        if (!text_is_space(c)) {
            if (gap && folded.size)
                textbuf_append(&folded, " ", 1);
            n_words += gap;
            text_put(&folded, text_fold(c));
        }
        gap = text_is_space(c);
    }
    if (r->n_rules == r->capacity) {
        size_t capacity = r->capacity * 2 + 64;
        rule *rules = realloc(r->rules, capacity * sizeof *rules);
        if (rules) {
            r->rules = rules;
            r->capacity = capacity;
        }
    }
    if (!written || folded.failed || !folded.data || r->n_rules == r->capacity) {
        free(written);
        textbuf_free(&folded);
        return false;
    }
    r->rules[r->n_rules++] = (rule){kind, whole, folded.data, n_words, written, flags};
    return true;
}

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *made = malloc(size);
    return made ? memcpy(made, text, size) : NULL;
}

/* \n, \t and \\; NULL: *wrong, or out of memory. */
static char *unescaped(const char *text, bool *wrong)
{
    char *made = malloc(strlen(text) + 1), *out = made;
    *wrong = false;
    for (; made && *text; text++) {
        if (*text != '\\') {
            *out++ = *text;
            continue;
        }
        text++;
        if (*text != 'n' && *text != 't' && *text != '\\') {
            *wrong = true;
            free(made);
            return NULL;
        }
        *out++ = *text == 'n' ? '\n' : *text == 't' ? '\t' : '\\';
    }
    if (made)
        *out = 0;
    return made;
}

static bool is_utf8(const char *text)
{
    for (size_t at = 0, start, size = strlen(text); at < size;) {
        start = at;
        if (text_next(text, size, &at) == TEXT_REPLACEMENT && at - start == 1)
            return false;
    }
    return true;
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t at = 0; at < size;)
        if (!text_is_space(text_next(text, size, &at)))
            return false;
    return true;
}

/* How many bytes of it a message shows: whole characters. */
static int shown(const char *text)
{
    size_t n = strlen(text);
    if (n > 80)
        for (n = 80; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
            n--;
    return (int)n;
}

/* One "spoken=written". False: error, which stays empty when memory ran out. */
static bool add_pair(text_rules *r, rule_kind kind, const char *pair, int32_t index, char error[TEXT_RULES_ERROR])
{
    const char *what = kind == RULE_SNIPPET ? "snippet" : "replacement", *equals = strchr(pair, '=');
    bool wrong = false;
    if (!is_utf8(pair)) {
        snprintf(error, TEXT_RULES_ERROR, "%s number %d is not UTF-8", what, (int)index + 1);
        return false;
    }
    if (!equals || is_blank(pair, (size_t)(equals - pair))) {
        snprintf(error, TEXT_RULES_ERROR, "the %s \"%.*s\" has %s; expected \"%s\"", what, shown(pair), pair,
                 equals ? "nothing before its \"=\"" : "no \"=\"",
                 kind == RULE_SNIPPET ? "name=text" : "heard=written");
        return false;
    }
    size_t spoken_size = (size_t)(equals - pair);
    if (kind == RULE_REPLACEMENT)
        return add_rule(r, kind, false, "", pair, spoken_size, copy(equals + 1), 0);
    char *text = unescaped(equals + 1, &wrong);
    if (wrong)
        snprintf(error, TEXT_RULES_ERROR, "the snippet \"%.*s\" has a \"\\\" that is none of \\n, \\t and \\\\",
                 shown(pair), pair);
    if (!text)
        return false;
    char *again = copy(text);
    if (!add_rule(r, kind, false, "insert", pair, spoken_size, text, 0)) {
        free(again);
        return false;
    }
    return add_rule(r, kind, true, "", pair, spoken_size, again, 0);
}

text_rules *text_rules_create(const text_rules_options *options, char error[TEXT_RULES_ERROR])
{
    text_rules *r = calloc(1, sizeof *r);
    bool ok = r != NULL;
    error[0] = 0;
    if (ok) {
        r->trailing_space = options->trailing_space;
        r->spoken_punctuation = options->spoken_punctuation;
        r->first_letter = options->first_letter;
    }
    /* The later of two for the same words is the user's last word. */
    for (int32_t i = options->n_replacements; ok && i-- > 0;)
        ok = add_pair(r, RULE_REPLACEMENT, options->replacements[i], i, error);
    for (int32_t i = options->n_snippets; ok && i-- > 0;)
        ok = add_pair(r, RULE_SNIPPET, options->snippets[i], i, error);
    for (const text_mark *m = text_marks; ok && options->spoken_punctuation && m->spoken; m++)
        ok = add_rule(r, RULE_MARK, false, "", m->spoken, strlen(m->spoken), copy(m->written), m->flags);
    if (ok)
        return r;
    if (!error[0])
        snprintf(error, TEXT_RULES_ERROR, "out of memory for the text rules");
    text_rules_free(r);
    return NULL;
}

void text_rules_free(text_rules *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_rules; i++) {
        free(r->rules[i].spoken);
        free(r->rules[i].written);
    }
    free(r->rules);
    free(r);
}

/* ---------------------------------------------------------------- matching */

static bool same(const text_words *words, text_part part, const char *text, size_t size)
{
    return part.size == size && size && memcmp(words->folded.data + part.first, text, size) == 0;
}

/* Do the words from `at` on say it? Marks are allowed before the first and after the last alone. */
static bool matches(const rule *r, const text_words *words, size_t at)
{
    if (words->n - at < r->n_words || (r->whole && (at > 0 || words->n != r->n_words)))
        return false;
    const char *spoken = r->spoken;
    for (size_t k = 0; k < r->n_words; k++) {
        const text_word *w = &words->items[at + k];
        size_t size = strcspn(spoken, " ");
        bool apart = (k > 0 && (w->pre.size || w->n_newlines)) || (k + 1 < r->n_words && w->post.size);
        if (!same(words, w->folded, spoken, size) && (apart || !same(words, w->folded_core, spoken, size)))
            return false;
        spoken += size + (spoken[size] == ' ');
    }
    return true;
}

static const rule *best_rule(const text_rules *r, const text_words *words, size_t at, bool marks)
{
    const rule *best = NULL;
    for (size_t i = 0; i < r->n_rules; i++) {
        const rule *candidate = &r->rules[i];
        if ((!best || candidate->n_words > best->n_words) && (marks || candidate->kind != RULE_MARK)
            && matches(candidate, words, at))
            best = candidate;
    }
    return best;
}

/* ---------------------------------------------------------------- writing */

typedef struct writer {
    const text_words *words;
    textbuf *out;
    size_t start;          /* of this dictation in out */
    bool glue;             /* no space before what comes next */
    bool capital, small;   /* the next word's first letter */
    size_t marks, n_marks; /* the model's own marks at the end of out */
} writer;

static void put_space(writer *w)
{
    if (!w->glue && w->out->size > w->start)
        textbuf_append(w->out, " ", 1);
    w->glue = false;
}

static void put_part(writer *w, text_part part)
{
    textbuf_append(w->out, w->words->plain.data + part.first, part.size);
}

static void put_newlines(writer *w, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        textbuf_append(w->out, "\n", 1);
    w->glue = w->glue || n > 0;
}

static void put_marks(writer *w, text_part part)
{
    w->marks = w->out->size;
    w->n_marks = part.size;
    put_part(w, part);
}

static void put_plain(writer *w, const text_word *word)
{
    const char *core = w->words->plain.data + word->core.first;
    put_newlines(w, word->n_newlines);
    put_space(w);
    put_part(w, word->pre);
    bool small = w->small && !text_keeps_capital(core, word->core.size);
    text_put_first(w->out, core, word->core.size, w->capital ? text_upper : small ? text_lower : text_same);
    if (word->core.size)
        w->capital = w->small = false;
    put_marks(w, word->post);
}

/* The model's marks that a spoken one replaces; quotes and brackets stay. */
static bool is_replaced(char c)
{
    return c == ',' || c == '.' || c == ';' || c == ':' || c == '?' || c == '!';
}

static void put_other_marks(writer *w, text_part part, bool *final)
{
    for (size_t i = 0; i < part.size; i++) {
        char c = w->words->plain.data[part.first + i];
        if (!is_replaced(c))
            textbuf_append(w->out, &c, 1);
        *final |= c == '.' || c == '?' || c == '!';
    }
}

static void drop_marks(writer *w)
{
    while (w->n_marks > 0 && !w->out->failed && w->out->size == w->marks + w->n_marks
           && is_replaced(w->out->data[w->out->size - 1])) {
        w->out->data[--w->out->size] = 0;
        w->n_marks--;
    }
}

static void put_mark(writer *w, const rule *r, const text_word *first, const text_word *last)
{
    bool final = false;
    put_newlines(w, first->n_newlines);
    if (r->flags & MARK_INSTEAD)
        drop_marks(w);
    while (r->flags & MARK_NEWLINE && !w->out->failed && w->out->size > w->start
           && w->out->data[w->out->size - 1] == ' ')
        w->out->data[--w->out->size] = 0;
    if (!(r->flags & MARK_LEFT))
        put_space(w);
    put_other_marks(w, first->pre, &final);
    textbuf_append(w->out, r->written, strlen(r->written));
    final = false;
    put_other_marks(w, last->post, &final);
    w->glue = (r->flags & MARK_RIGHT) != 0;
    w->capital = w->capital || r->flags & MARK_CAPITAL;
    w->small = !w->capital && (w->small || (final && !(r->flags & MARK_NEWLINE)));
    w->n_marks = 0;
}

static bool has_capital(const char *text, size_t size)
{
    for (size_t at = 0; at < size;)
        if (text_is_upper(text_next(text, size, &at)))
            return true;
    return false;
}

/* Was the word a capitalised one, as at the start of a sentence? */
static bool began_sentence(const writer *w, const text_word *word)
{
    const char *core = w->words->plain.data + word->core.first;
    size_t at = 0;
    return word->core.size && text_is_upper(text_next(core, word->core.size, &at))
           && !text_keeps_capital(core, word->core.size);
}

static bool only_closing(const char *text)
{
    for (size_t at = 0, size = strlen(text); at < size;)
        if (!text_is_closing(text_next(text, size, &at)))
            return false;
    return true;
}

/* Nothing is written: a filler word goes with its marks, but a sentence keeps its end and the next word its capital. */
static void put_nothing(writer *w, const text_word *first, const text_word *last)
{
    bool final = false;
    for (size_t i = 0; i < last->post.size; i++)
        final |= strchr(".?!", w->words->plain.data[last->post.first + i]) != NULL;
    put_newlines(w, first->n_newlines);
    if (began_sentence(w, first))
        w->capital = true;
    else if (final && w->out->size > w->start && w->n_marks == 0)
        put_marks(w, last->post);
}

static void put_written(writer *w, const rule *r, const text_word *first, const text_word *last)
{
    size_t size = strlen(r->written), at = 0;
    if (size == 0) {
        put_nothing(w, first, last);
        return;
    }
    bool snippet = r->kind == RULE_SNIPPET;
    bool capital = !snippet && (w->capital || began_sentence(w, first)) && !has_capital(r->written, size);
    put_newlines(w, first->n_newlines);
    w->glue =
        w->glue || text_is_space(text_next(r->written, size, &at)) || (!first->pre.size && only_closing(r->written));
    put_space(w);
    bool whole = last->folded.size && first == last && same(w->words, first->folded, r->spoken, strlen(r->spoken));
    if (!whole)
        put_part(w, first->pre);
    text_put_first(w->out, r->written, size, capital ? text_upper : text_same);
    w->capital = w->small = false;
    if (!whole)
        put_marks(w, last->post);
    at = size;
    w->glue = (whole || !last->post.size) && text_is_space(text_previous(r->written, &at));
}

/* A snippet that is all that was said: exactly its text, whatever marks the model put around its name. */
static bool put_whole_snippet(writer *w, const text_rules *r)
{
    const rule *only = w->words->n ? best_rule(r, w->words, 0, false) : NULL;
    if (!only || only->kind != RULE_SNIPPET || only->n_words != w->words->n)
        return false;
    textbuf_append(w->out, only->written, strlen(only->written));
    return true;
}

static bool may_be_mark(const text_words *words, size_t at)
{
    const text_word *before = at ? &words->items[at - 1] : NULL;
    return !before || before->post.size
           || !text_is_article(words->folded.data + before->folded_core.first, before->folded_core.size);
}

static void put_words(writer *w, const text_rules *r)
{
    for (size_t i = 0; i < w->words->n;) {
        const text_word *word = &w->words->items[i];
        const rule *found = best_rule(r, w->words, i, may_be_mark(w->words, i));
        if (!found) {
            /* "literal comma" is the word. */
            const rule *named =
                r->spoken_punctuation && i + 1 < w->words->n && same(w->words, word->folded, "literal", 7)
                    ? best_rule(r, w->words, i + 1, true)
                    : NULL;
            bool literal = named && named->kind == RULE_MARK;
            size_t end = i + 1 + (literal ? named->n_words : 0);
            for (i += literal; i < end; i++)
                put_plain(w, &w->words->items[i]);
            continue;
        }
        const text_word *last = &w->words->items[i + found->n_words - 1];
        if (found->kind == RULE_MARK)
            put_mark(w, found, word, last);
        else
            put_written(w, found, word, last);
        i += found->n_words;
    }
}

void text_rules_apply(const text_rules *r, const char *text, textbuf *out)
{
    text_words words;
    writer w = {.words = &words,
                .out = out,
                .start = out->size,
                .capital = r->first_letter == TEXT_FIRST_UPPER,
                .small = r->first_letter == TEXT_FIRST_LOWER};
    if (!text_words_split(&words, text))
        out->failed = true;
    else if (!put_whole_snippet(&w, r))
        put_words(&w, r);
    if (r->trailing_space && !out->failed && out->size > w.start && !w.glue) {
        size_t at = out->size;
        uint32_t last = text_previous(out->data, &at);
        if (!text_is_space(last) && !text_is_cjk(last))
            textbuf_append(out, " ", 1);
    }
    text_words_finish(&words);
}
