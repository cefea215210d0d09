/* SPDX-License-Identifier: MIT
 *
 * A text that an aligner's tokens give times to.
 *
 * White space counts as single spaces. Segments end behind . ? ! where a space follows, words at spaces; each word is cut into tokens by
 * itself. A segment takes as many of these tokens as it has when it is cut as a whole, as NeMo counts. The text of the unknown
 * piece is that piece.
 *
 * A token that is , . ! or ? has no length and lies at the end, to hundredths of a second, of the token before it in the word.
 * Where the word ended with it, so now does the word; and where the segment ended when the word did, the segment is set back too, even for
 * a mark within the word. Frames are seconds cut off, which rounding may make one less. All of this is NeMo's.
 *
 * Source: nemo/collections/asr/parts/utils/aligner_utils.py: get_utt_obj, add_t_start_end_to_utt_obj;
 *         nemo/collections/asr/parts/utils/timestamp_utils.py: get_forced_aligned_timestamps_with_external_model
 */
#include "text/text_inside.h"

#include <math.h>

/* A word, or a segment: tokens [first, first + n). */
struct csi_aligned_part {
    const char *text;
    size_t first, n;
    size_t first_word, n_words; /* of a segment */
};

typedef struct builder {
    csi_arena *arena;
    csi_aligned *a;
    const char *unknown; /* how the unknown piece reads; "" when it has no text */
    size_t n_unknown;
    int32_t unknown_id;
    csi_buf ids, words, segments; /* int32_t, csi_aligned_part, csi_aligned_part */
    cs_error *err;
} builder;

static const char *find_text(const char *text, size_t n_bytes, const char *what, size_t n_what)
{
    for (size_t i = 0; n_what > 0 && i + n_what <= n_bytes; i++)
        if (memcmp(text + i, what, n_what) == 0)
            return text + i;
    return NULL;
}

/* Append the tokens of text; the unknown piece's text is cut out first, and what is left stripped if strip. */
static cs_err encode(builder *b, const char *text, size_t n_bytes, bool strip, csi_buf *ids)
{
    const char *end = text + n_bytes;
    for (;;) {
        const char *found = find_text(text, (size_t)(end - text), b->unknown, b->n_unknown);
        size_t n = (size_t)((found ? found : end) - text);
        const char *part = strip ? csi_strip(text, &n) : text;
        cs_err code = n ? csi_tokenizer_encode(b->a->tokenizer, part, n, ids, b->err) : CS_OK;
        if (code || !found)
            return code;
        csi_buf_append(ids, &b->unknown_id, sizeof b->unknown_id);
        text = found + b->n_unknown;
    }
}

static size_t n_ids(const csi_buf *ids)
{
    return ids->size / sizeof(int32_t);
}

static cs_err add_word(builder *b, const char *text, size_t n_bytes)
{
    struct csi_aligned_part word = {.text = csi_string(b->arena, text, n_bytes), .first = n_ids(&b->ids)};
    if (!word.text)
        return csi_fail_memory(b->err, n_bytes, "a word");
    cs_err code = encode(b, text, n_bytes, false, &b->ids);
    word.n = n_ids(&b->ids) - word.first;
    csi_buf_append(&b->words, &word, sizeof word);
    return code;
}

/* first: of the segment's tokens. *n_tokens: how many it counts. */
static cs_err add_segment(builder *b, const char *text, size_t n_bytes, bool whole, size_t first, size_t *n_tokens)
{
    const char *end = text + n_bytes;
    struct csi_aligned_part segment = {.text = csi_string(b->arena, text, n_bytes),
                                       .first = first,
                                       .first_word = b->words.size / sizeof(struct csi_aligned_part)};
    csi_buf ids;
    if (!segment.text)
        return csi_fail_memory(b->err, n_bytes, "a segment");
    csi_buf_init(&ids, b->ids.env);
    cs_err code = encode(b, text, n_bytes, true, &ids);
    *n_tokens = segment.n = n_ids(&ids);
    if (!code && ids.failed)
        code = csi_fail_memory(b->err, ids.size, "a segment's tokens");
    csi_buf_finish(&ids);
    for (const char *word = text; !code && word <= end;) {
        const char *space = whole ? NULL : memchr(word, ' ', (size_t)(end - word));
        const char *behind = space ? space : end;
        code = add_word(b, word, (size_t)(behind - word));
        segment.n_words++;
        word = behind + 1;
    }
    csi_buf_append(&b->segments, &segment, sizeof segment);
    return code;
}

/* The line has single spaces, none at its ends. */
static cs_err add_segments(builder *b, const char *line, size_t n_bytes, bool whole)
{
    size_t from = 0, first = 0, n_tokens;
    for (size_t i = 0; !whole && i + 1 < n_bytes; i++)
        if ((line[i] == '.' || line[i] == '?' || line[i] == '!') && line[i + 1] == ' ') {
            cs_err code = add_segment(b, line + from, i + 1 - from, false, first, &n_tokens);
            if (code)
                return code;
            first += n_tokens;
            from = i + 2;
        }
    return add_segment(b, line + from, n_bytes - from, whole, first, &n_tokens);
}

/* Python's " ".join(text.split()), NULs left out, as UTF-8. */
static void squeeze(const char *text, size_t n_bytes, csi_buf *line)
{
    bool space = false;
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t c;
        n = csi_next_char(text + at, n_bytes - at, &c);
        if (c == 0 || csi_is_space_char(c)) {
            space = space || c != 0;
            continue;
        }
        if (space && line->size > 0)
            csi_buf_append(line, " ", 1);
        space = false;
        if (n == 1 && c == 0xFFFD) /* no UTF-8: the encoder would refuse it */
            csi_buf_text(line, "\xef\xbf\xbd");
        else
            csi_buf_append(line, text + at, n);
    }
}

static bool copy_parts(csi_arena *arena, const csi_buf *parts, struct csi_aligned_part **copy, size_t *n)
{
    *n = parts->size / sizeof **copy;
    *copy = parts->failed ? NULL : csi_arena_array(arena, *n, sizeof **copy);
    if (*copy && *n)
        memcpy(*copy, parts->data, parts->size);
    return *copy != NULL;
}

static cs_err copy_out(builder *b)
{
    csi_aligned *a = b->a;
    a->n_tokens = n_ids(&b->ids);
    a->tokens = b->ids.failed ? NULL : csi_arena_array(b->arena, a->n_tokens, sizeof *a->tokens);
    if (!a->tokens || !copy_parts(b->arena, &b->words, &a->words, &a->n_words)
        || !copy_parts(b->arena, &b->segments, &a->segments, &a->n_segments))
        return csi_fail_memory(b->err, b->ids.size, "the words of a text");
    for (size_t i = 0; i < a->n_tokens; i++)
        memcpy(&a->tokens[i].id, b->ids.data + i * sizeof(int32_t), sizeof(int32_t));
    return CS_OK;
}

static cs_err begin(builder *b, const csi_buf *line, csi_buf *unknown, bool whole)
{
    csi_tokenizer_decode(b->a->tokenizer, &b->unknown_id, 1, unknown);
    if (line->failed || unknown->failed)
        return csi_fail_memory(b->err, line->size, "a text");
    b->n_unknown = unknown->size;
    b->unknown = unknown->size ? csi_strip(unknown->data, &b->n_unknown) : "";
    if (line->size == 0)
        return copy_out(b);
    cs_err code = csi_tokenizer_encode(b->a->tokenizer, line->data, line->size, &b->ids, b->err);
    b->a->n_whole = n_ids(&b->ids);
    csi_buf_clear(&b->ids);
    code = code ? code : add_segments(b, line->data, line->size, whole);
    return code ? code : copy_out(b);
}

cs_err csi_aligned_begin(csi_arena *arena, const csi_tokenizer *tokenizer, const char *text, size_t n_bytes, bool whole,
                         csi_aligned *aligned, cs_error *err)
{
    const csi_env *env = arena->env;
    builder b = {.arena = arena, .a = aligned, .err = err};
    csi_buf line, unknown;
    *aligned = (csi_aligned){.tokenizer = tokenizer};
    b.unknown_id = tokenizer->kind == CSI_TOKENIZER_SPM ? tokenizer->spm.unk_id : 0;
    csi_buf_init(&line, env);
    csi_buf_init(&unknown, env);
    csi_buf_init(&b.ids, env);
    csi_buf_init(&b.words, env);
    csi_buf_init(&b.segments, env);
    squeeze(text, n_bytes, &line);
    cs_err code = begin(&b, &line, &unknown, whole);
    csi_buf_finish(&b.segments);
    csi_buf_finish(&b.words);
    csi_buf_finish(&b.ids);
    csi_buf_finish(&unknown);
    csi_buf_finish(&line);
    return code;
}

/* ------------------------------------------------------------------- times */

static double hundredths(double seconds)
{
    return rint(seconds * 100) / 100;
}

/* Seconds of the tokens, and how they become a part's. -1: NeMo finds no such token. */
typedef struct clock {
    const csi_aligned *a;
    double frame_seconds;
    double *starts, *ends; /* (n_tokens) */
} clock;

static int64_t frame_of(const clock *c, double seconds)
{
    return seconds < 0 ? -1 : (int64_t)(seconds / c->frame_seconds);
}

static int64_t last_frame(const clock *c, const struct csi_aligned_part *part)
{
    size_t last = part->first + part->n - 1; /* of the part before where there is none; SIZE_MAX at the very first */
    return last < c->a->n_tokens ? c->a->tokens[last].frame + c->a->tokens[last].duration : -1;
}

static double first_second(const clock *c, const struct csi_aligned_part *part)
{
    return part->first < c->a->n_tokens ? (double)c->a->tokens[part->first].frame * c->frame_seconds : -1;
}

static double last_second(const clock *c, const struct csi_aligned_part *part)
{
    int64_t frame = last_frame(c, part);
    return frame < 0 ? -1 : (double)frame * c->frame_seconds;
}

static bool is_mark(const clock *c, size_t token)
{
    const char *piece = csi_tokenizer_piece(c->a->tokenizer, c->a->tokens[token].id);
    return piece && piece[0] && !piece[1] && strchr(",.!?", piece[0]);
}

static void place_marks(const clock *c, const struct csi_aligned_part *part, bool ends_segment, cs_word *word,
                        cs_segment *segment)
{
    for (size_t i = part->first; i < part->first + part->n; i++) {
        if (!is_mark(c, i))
            continue;
        double end = hundredths(i > part->first ? c->ends[i - 1] : c->starts[i]);
        if (ends_segment) {
            segment->end_seconds = end;
            segment->end_frame = frame_of(c, end);
        }
        if (i + 1 == part->first + part->n) {
            word->end_seconds = end;
            word->end_frame = frame_of(c, end);
        }
        c->starts[i] = c->ends[i] = end;
    }
}

static void time_words(const clock *c, csi_timed *timed)
{
    for (size_t s = 0; s < c->a->n_segments; s++) {
        const struct csi_aligned_part *part = &c->a->segments[s];
        double start = first_second(c, part), end = last_second(c, part);
        cs_segment *segment = &timed->segments[s];
        *segment = (cs_segment){.text = part->text,
                                .start_seconds = hundredths(start),
                                .end_seconds = hundredths(end),
                                .start_frame = frame_of(c, start),
                                .end_frame = frame_of(c, end),
                                .first_word = (int32_t)part->first_word,
                                .n_words = (int32_t)part->n_words};
        for (size_t w = part->first_word; w < part->first_word + part->n_words; w++) {
            const struct csi_aligned_part *inner = &c->a->words[w];
            start = first_second(c, inner);
            end = last_second(c, inner);
            timed->words[w] = (cs_word){.text = inner->text,
                                        .start_seconds = hundredths(start),
                                        .end_seconds = hundredths(end),
                                        .start_frame = frame_of(c, start),
                                        .end_frame = frame_of(c, end)};
            place_marks(c, inner, last_frame(c, inner) == last_frame(c, part), &timed->words[w], segment);
        }
    }
}

cs_err csi_aligned_times(csi_arena *arena, const csi_compose *options, csi_aligned *a, csi_timed *timed, cs_error *err)
{
    clock c = {.a = a, .frame_seconds = options->frame_stride_seconds * (double)options->subsampling_factor};
    *timed = (csi_timed){.n_words = (int32_t)a->n_words, .n_segments = (int32_t)a->n_segments};
    c.starts = csi_arena_array(arena, a->n_tokens, sizeof *c.starts);
    c.ends = csi_arena_array(arena, a->n_tokens, sizeof *c.ends);
    timed->words = csi_arena_array(arena, a->n_words, sizeof *timed->words);
    timed->segments = csi_arena_array(arena, a->n_segments, sizeof *timed->segments);
    if (!c.starts || !c.ends || !timed->words || !timed->segments || a->n_words > INT32_MAX)
        return csi_fail_memory(err, a->n_tokens * sizeof *c.starts, "the times of words");
    for (size_t i = 0; i < a->n_tokens; i++) {
        c.starts[i] = (double)a->tokens[i].frame * c.frame_seconds;
        c.ends[i] = (double)(a->tokens[i].frame + a->tokens[i].duration) * c.frame_seconds;
    }
    time_words(&c, timed);
    timed->text = a->n_segments ? a->segments[0].text : ""; /* put together below where there are several */
    for (size_t i = 0; i < a->n_tokens; i++) {
        a->tokens[i].frame = frame_of(&c, c.starts[i]);
        a->tokens[i].duration = (int32_t)(frame_of(&c, c.ends[i]) - a->tokens[i].frame);
    }
    if (a->n_segments > 1)
        timed->text = csi_words_join(arena, timed->words, 0, timed->n_words);
    return timed->text ? CS_OK : csi_fail_memory(err, a->n_words, "a text");
}
