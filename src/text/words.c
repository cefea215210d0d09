/* SPDX-License-Identifier: MIT
 *
 * Tokens to words, and the confidence of words.
 *
 * The grouping is NeMo's, one token at a time, with the same states: a list of tokens being built, and the index of
 * the token whose start the word will get. A token opens a word when its text differs from its piece (it holds U+2581,
 * or is control, unknown or a byte); punctuation never opens one, it is glued to the word before. What looks odd is kept:
 * a lone U+2581 that punctuation follows is dropped from the word, but the word keeps the start of it; a piece whose text
 * is a single space counts as a delimiter; the first word always starts where the first token does.
 *
 * Confidence is grouped by another rule of NeMo's (a lone U+2581 makes no group, an unknown piece is a group of its
 * own). Where both rules find the same number of words the groups are taken one to one; else, where NeMo itself gives up
 * with an error, a word gets the aggregate over its own tokens.
 *
 * Source: nemo/collections/asr/parts/utils/timestamp_utils.py: get_words_offsets;
 *         nemo/collections/asr/parts/utils/asr_confidence_utils.py: ConfidenceMixin
 */
#include "text/text_inside.h"

typedef struct builder {
    const csi_token_view *view;
    int32_t *built; /* token indices of the word at work */
    int32_t *ids;   /* their ids, for decoding */
    size_t n_built;
    size_t previous; /* NeMo's previous_token_index */
    cs_word *words;
    size_t *word_at; /* where each word's text begins in texts; the last one runs to its end */
    size_t n_words;
    csi_buf texts;
} builder;

static const csi_piece *piece_of(const csi_token_view *view, size_t i)
{
    static const csi_piece none = {.text = ""};
    int32_t id = view->emissions[i].id;
    const csi_tokenizer *tokenizer = view->options->tokenizer;
    return id >= 0 && id < tokenizer->n_pieces ? &tokenizer->pieces[id] : &none;
}

static bool text_is(const csi_token_view *view, size_t i, const char *text)
{
    size_t n = view->text_at[i + 1] - view->text_at[i];
    return n == strlen(text) && memcmp(view->texts + view->text_at[i], text, n) == 0;
}

static bool piece_is(const csi_token_view *view, size_t i, const char *text)
{
    return strcmp(piece_of(view, i)->text, text) == 0;
}

static bool differs(const csi_token_view *view, size_t i)
{
    const csi_piece *piece = piece_of(view, i);
    size_t n = view->text_at[i + 1] - view->text_at[i];
    return n != piece->n_bytes || memcmp(view->texts + view->text_at[i], piece->text, n) != 0;
}

/* next: index of the next token that has a text other than the delimiter, or n. */
static bool starts_word(const csi_token_view *view, size_t i, size_t next)
{
    bool delimits = text_is(view, i, " ") && (next == view->n || !view->punctuation[next]);
    size_t n = view->text_at[i + 1] - view->text_at[i];
    switch (view->options->tokenizer->word_rule) {
    case CSI_WORDS_BPE:
        return differs(view, i) || delimits;
    case CSI_WORDS_WPE:
        return (n > 0 && (n < 2 || memcmp(view->texts + view->text_at[i], "##", 2) != 0)) || delimits;
    case CSI_WORDS_CHAR:
        break;
    }
    return delimits;
}

/* The built tokens become a word; last is the token whose end it gets. */
static void emit(builder *b, int64_t start_frame, size_t last)
{
    const csi_token_view *view = b->view;
    for (size_t i = 0; i < b->n_built; i++)
        b->ids[i] = view->emissions[b->built[i]].id;
    b->word_at[b->n_words] = b->texts.size;
    csi_tokenizer_decode(view->options->tokenizer, b->ids, b->n_built, &b->texts);
    /* NeMo has no words for an aggregate; the space in front would be all that sets them apart from other models' */
    if (view->options->tokenizer->kind == CSI_TOKENIZER_AGGREGATE && !b->texts.failed
        && b->texts.size > b->word_at[b->n_words] && b->texts.data[b->word_at[b->n_words]] == ' ') {
        size_t at = b->word_at[b->n_words];
        memmove(b->texts.data + at, b->texts.data + at + 1, b->texts.size - at);
        b->texts.size--;
    }
    b->words[b->n_words++] = (cs_word){.start_frame = start_frame,
                                       .end_frame = view->offsets[last].end,
                                       .first_token = (int32_t)b->previous,
                                       .n_tokens = (int32_t)(last - b->previous + 1)};
    b->n_built = 0;
}

/* Punctuation after a finished word. */
static void glue(builder *b, size_t i)
{
    const csi_token_view *view = b->view;
    cs_word *word = &b->words[b->n_words - 1];
    word->end_frame = view->offsets[i].end;
    word->n_tokens = (int32_t)i - word->first_token + 1;
    if (!b->texts.failed && b->texts.size > b->word_at[b->n_words - 1] && b->texts.data[b->texts.size - 1] == ' ')
        b->texts.size--;
    csi_buf_append(&b->texts, view->texts + view->text_at[i], view->text_at[i + 1] - view->text_at[i]);
}

static void take(builder *b, size_t i, size_t next)
{
    const csi_token_view *view = b->view;
    const bool punctuation = view->punctuation[i] != 0;
    if (!punctuation && starts_word(view, i, next)) {
        if (b->n_built > 0)
            emit(b, view->offsets[b->previous].start, i - 1);
        if (!text_is(view, i, " ")) {
            b->built[b->n_built++] = (int32_t)i;
            b->previous = i;
        }
    } else if (punctuation && b->n_built == 0 && b->n_words > 0) {
        glue(b, i);
    } else if (punctuation && b->n_built > 0) {
        size_t last = (size_t)b->built[b->n_built - 1];
        if (piece_is(view, last, " ") || piece_is(view, last, "_") || piece_is(view, last, CSI_SPACE_MARK))
            b->n_built--;
        b->built[b->n_built++] = (int32_t)i;
    } else {
        if (b->n_built == 0)
            b->previous = i;
        b->built[b->n_built++] = (int32_t)i;
    }
}

/* next[i]: see starts_word(). */
static void find_next(const csi_token_view *view, int32_t *next)
{
    size_t found = view->n;
    for (size_t i = view->n; i-- > 0;) {
        next[i] = (int32_t)found;
        if (view->text_at[i + 1] > view->text_at[i] && !text_is(view, i, " "))
            found = i;
    }
}

static void build(builder *b, const int32_t *next)
{
    const csi_token_view *view = b->view;
    for (size_t i = 0; i < view->n; i++)
        take(b, i, (size_t)next[i]);
    if (b->n_words > 0)
        b->words[0].start_frame = view->offsets[0].start;
    if (b->n_built > 0)
        emit(b, view->offsets[b->n_words > 0 ? b->previous : 0].start, view->n - 1);
}

bool csi_words_build(csi_arena *arena, const csi_token_view *view, cs_word **words, int32_t *n_words)
{
    const csi_env *env = arena->env;
    const size_t n = view->n;
    builder b = {.view = view};
    csi_buf_init(&b.texts, env);
    b.built = csi_alloc_array(env, n, sizeof *b.built);
    b.ids = csi_alloc_array(env, n, sizeof *b.ids);
    b.word_at = csi_alloc_array(env, n + 1, sizeof *b.word_at);
    b.words = csi_arena_array(arena, n, sizeof *b.words);
    int32_t *next = csi_alloc_array(env, n, sizeof *next);
    bool ok = b.built && b.ids && b.word_at && b.words && next;
    if (ok) {
        find_next(view, next);
        build(&b, next);
        ok = !b.texts.failed;
        b.word_at[b.n_words] = b.texts.size;
    }
    for (size_t i = 0; ok && i < b.n_words; i++) {
        const char *text = b.texts.data ? b.texts.data + b.word_at[i] : "";
        b.words[i].text = csi_string(arena, text, b.word_at[i + 1] - b.word_at[i]);
        ok = b.words[i].text != NULL;
    }
    *words = b.words;
    *n_words = (int32_t)b.n_words;
    csi_free(env, next);
    csi_free(env, b.word_at);
    csi_free(env, b.ids);
    csi_free(env, b.built);
    csi_buf_finish(&b.texts);
    return ok;
}

/* -------------------------------------------------------------- confidence */

static float aggregate(const csi_token_view *view, size_t first, size_t end)
{
    double value = view->emissions[first].confidence;
    for (size_t i = first + 1; i < end; i++) {
        double next = view->emissions[i].confidence;
        switch (view->options->aggregate) {
        case CS_AGGREGATE_MIN:
            value = next < value ? next : value;
            break;
        case CS_AGGREGATE_MAX:
            value = next > value ? next : value;
            break;
        case CS_AGGREGATE_PROD:
            value *= next;
            break;
        case CS_AGGREGATE_MEAN:
            value += next;
            break;
        }
    }
    return (float)(view->options->aggregate == CS_AGGREGATE_MEAN ? value / (double)(end - first) : value);
}

/* Group number *n_groups is [first, end): give it to its word, if there is one. */
static void group(const csi_token_view *view, size_t first, size_t end, cs_word *words, int32_t n_words,
                  int32_t *n_groups)
{
    if (words && *n_groups < n_words)
        words[*n_groups].confidence = aggregate(view, first, end);
    ++*n_groups;
}

/* words NULL: only count. */
static int32_t group_pieces(const csi_token_view *view, cs_word *words, int32_t n_words)
{
    size_t first = 0;
    int32_t n_groups = 0;
    bool after_unknown = false, after_mark = false;
    for (size_t i = 0; i < view->n; i++) {
        if ((differs(view, i) || after_unknown) && i > first) {
            if (!after_mark)
                group(view, first, i, words, n_words, &n_groups);
            first = i;
        }
        after_unknown = piece_is(view, i, "<unk>");
        after_mark = piece_is(view, i, CSI_SPACE_MARK);
    }
    if (view->n > 0 && !after_mark)
        group(view, first, view->n, words, n_words, &n_groups);
    return n_groups;
}

/* Character models: as many tokens as the word has characters, then one that is the space. -1: tokens run out. */
static int32_t group_characters(const csi_token_view *view, const csi_buf *text, cs_word *words, int32_t n_words)
{
    size_t first = 0, width = 0;
    int32_t n_groups = 0;
    for (size_t at = 0; at <= text->size;) {
        uint32_t c = ' ';
        at += at < text->size ? csi_next_char(text->data + at, text->size - at, &c) : 1;
        if (!csi_is_space_char(c)) {
            width++;
        } else if (width > 0) {
            if (first >= view->n)
                return -1;
            group(view, first, CSI_MIN(first + width, view->n), words, n_words, &n_groups);
            first += width + 1;
            width = 0;
        }
    }
    return n_groups;
}

static int32_t find_groups(const csi_token_view *view, const csi_buf *text, cs_word *words, int32_t n_words)
{
    return view->options->tokenizer->kind == CSI_TOKENIZER_LABELS ? group_characters(view, text, words, n_words)
                                                                  : group_pieces(view, words, n_words);
}

void csi_words_confidence(const csi_token_view *view, const csi_buf *decoded, const csi_buf *tightened, cs_word *words,
                          int32_t n_words)
{
    /* NeMo splits the text as decoded for CTC, but the tightened one for transducers. */
    const csi_buf *text = view->options->head == CS_HEAD_CTC ? decoded : tightened;
    if (find_groups(view, text, NULL, 0) == n_words) {
        find_groups(view, text, words, n_words);
        return;
    }
    for (int32_t i = 0; i < n_words; i++) {
        size_t first = (size_t)words[i].first_token;
        words[i].confidence = aggregate(view, first, first + (size_t)words[i].n_tokens);
    }
}
