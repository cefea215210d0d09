/* SPDX-License-Identifier: MIT
 *
 * NeMo's "supported punctuation": every character of category P in a piece that is not special. Special are pieces in
 * brackets, in angle brackets, starting with "##" or U+2581, and those of white space alone. The patterns are Python's:
 * its dot stops at a newline and its dollar also matches before a final one, which is kept here.
 *
 * Source: nemo/collections/asr/parts/utils/tokenizer_utils.py: extract_punctuation_from_vocab, define_spe_tokenizer_type
 */
#include "text/text_inside.h"

static bool enclosed(const char *text, size_t n_bytes, char first, char last)
{
    if (n_bytes > 0 && text[n_bytes - 1] == '\n')
        n_bytes--;
    return n_bytes >= 2 && text[0] == first && text[n_bytes - 1] == last && !memchr(text, '\n', n_bytes);
}

static bool all_space(const char *text, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        at += csi_next_char(text + at, n_bytes - at, &c);
        if (!csi_is_space_char(c))
            return false;
    }
    return true;
}

static bool is_special(const csi_piece *piece)
{
    return enclosed(piece->text, piece->n_bytes, '[', ']') || enclosed(piece->text, piece->n_bytes, '<', '>')
           || strncmp(piece->text, "##", 2) == 0 || csi_is_space_mark(piece->text, piece->n_bytes)
           || all_space(piece->text, piece->n_bytes);
}

/* Where c stands, or would stand, in the ascending set. */
static size_t place(const uint32_t *set, size_t n, uint32_t c)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (set[middle] < c)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

typedef struct char_set {
    uint32_t *chars;
    size_t n, capacity;
} char_set;

static bool insert(csi_arena *arena, char_set *set, uint32_t c)
{
    size_t at = place(set->chars, set->n, c);
    if (at < set->n && set->chars[at] == c)
        return true;
    if (set->n == set->capacity) { /* a few dozen in all: what is outgrown stays in the arena */
        size_t capacity = 2 * set->capacity + 32;
        uint32_t *chars = csi_arena_array(arena, capacity, sizeof *chars);
        if (!chars)
            return false;
        if (set->n)
            memcpy(chars, set->chars, set->n * sizeof *chars);
        set->chars = chars;
        set->capacity = capacity;
    }
    memmove(set->chars + at + 1, set->chars + at, (set->n - at) * sizeof *set->chars);
    set->chars[at] = c;
    set->n++;
    return true;
}

static bool has_punctuation(const csi_piece *piece)
{
    for (size_t at = 0; at < piece->n_bytes;) {
        uint32_t c;
        at += csi_next_char(piece->text + at, piece->n_bytes - at, &c);
        if (csi_is_punctuation_char(c))
            return true;
    }
    return false;
}

bool csi_punctuation_find(csi_tokenizer *tokenizer)
{
    char_set set = {0};
    tokenizer->word_rule = tokenizer->kind == CSI_TOKENIZER_LABELS ? CSI_WORDS_CHAR : CSI_WORDS_BPE;
    for (int32_t id = 0; id < tokenizer->n_pieces; id++) {
        const csi_piece *piece = &tokenizer->pieces[id];
        if (tokenizer->word_rule == CSI_WORDS_BPE && strncmp(piece->text, "##", 2) == 0)
            tokenizer->word_rule = CSI_WORDS_WPE;
        if (!has_punctuation(piece) || is_special(piece))
            continue;
        for (size_t at = 0; at < piece->n_bytes;) {
            uint32_t c;
            at += csi_next_char(piece->text + at, piece->n_bytes - at, &c);
            if (csi_is_punctuation_char(c) && !insert(&tokenizer->arena, &set, c))
                return false;
        }
    }
    tokenizer->punctuation = set.chars;
    tokenizer->n_punctuation = set.n;
    return true;
}

bool csi_tokenizer_is_punctuation(const csi_tokenizer *tokenizer, uint32_t character)
{
    size_t at = place(tokenizer->punctuation, tokenizer->n_punctuation, character);
    return at < tokenizer->n_punctuation && tokenizer->punctuation[at] == character;
}

void csi_text_tighten(const csi_tokenizer *tokenizer, csi_buf *text)
{
    size_t kept = 0, previous = 0; /* bytes of the character before, if it is white space */
    if (tokenizer->n_punctuation == 0 || text->failed)
        return;
    for (size_t at = 0; at < text->size;) {
        uint32_t c;
        size_t n = csi_next_char(text->data + at, text->size - at, &c);
        if (previous > 0 && csi_tokenizer_is_punctuation(tokenizer, c))
            kept -= previous;
        memmove(text->data + kept, text->data + at, n);
        kept += n;
        at += n;
        previous = csi_is_space_char(c) ? n : 0;
    }
    if (text->data) {
        text->size = kept;
        text->data[kept] = 0;
    }
}
