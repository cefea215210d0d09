/* SPDX-License-Identifier: MIT
 *
 * Text with time tokens to words, and the joining of timed pieces.
 *
 * The pattern is NeMo's <\|(\d+)\|>(.*?)<\|(\d+)\|> over the stripped text, from the left: the first pair that no line break parts.
 * What is not between a pair is lost, and a closing token never opens the next pair. Numbers are taken as they stand, in any
 * script's digits, up to MOST_FRAME.
 *
 * Source: nemo/collections/asr/parts/utils/timestamp_utils.py: process_aed_timestamp_outputs;
 *         nemo/collections/asr/parts/utils/chunking_utils.py: merge_hypotheses_of_same_audio
 */
#include "text/text_inside.h"

#include <math.h>

static const int64_t MOST_FRAME = INT64_C(1000000000000);

/* Bytes of the time token at the start of text, 0 when there is none. */
static size_t read_time(const char *text, size_t n_bytes, int64_t *frame)
{
    size_t at = 2;
    if (n_bytes < 5 || text[0] != '<' || text[1] != '|')
        return 0;
    *frame = 0;
    while (at < n_bytes) {
        uint32_t c;
        size_t n = csi_next_char(text + at, n_bytes - at, &c);
        int digit = csi_digit_of_char(c);
        if (digit < 0)
            break;
        *frame = CSI_MIN(*frame * 10 + digit, MOST_FRAME);
        at += n;
    }
    return at > 2 && n_bytes - at >= 2 && text[at] == '|' && text[at + 1] == '>' ? at + 2 : 0;
}

typedef struct pair {
    size_t first, end; /* bytes between */
    size_t next;       /* behind the closing token */
    int64_t start_frame, end_frame;
} pair;

/* The next pair at or after *at; false when there is none. */
static bool find_pair(const char *text, size_t n_bytes, size_t at, pair *p)
{
    while (at < n_bytes) {
        size_t n = read_time(text + at, n_bytes - at, &p->start_frame);
        if (n == 0) {
            at++;
            continue;
        }
        p->first = at + n;
        for (at = p->first; at < n_bytes && text[at] != '\n'; at++) {
            n = read_time(text + at, n_bytes - at, &p->end_frame);
            if (n > 0) {
                p->end = at;
                p->next = at + n;
                return true;
            }
        }
    }
    return false;
}

/* Words of all pairs that are not blank; words NULL: only count the pairs. False when out of memory. */
static bool read_pairs(csi_arena *arena, const csi_compose *options, const char *text, size_t n_bytes, cs_word *words,
                       int32_t *n)
{
    pair p = {0};
    *n = 0;
    for (size_t at = 0; *n < INT32_MAX && find_pair(text, n_bytes, at, &p); at = p.next) {
        size_t n_content = p.end - p.first;
        const char *content = csi_strip(text + p.first, &n_content);
        if (!words) {
            ++*n;
            continue;
        }
        if (n_content == 0)
            continue;
        cs_word word = {.text = csi_string(arena, content, n_content),
                        .start_frame = p.start_frame,
                        .end_frame = p.end_frame,
                        .start_seconds = csi_seconds_of(options, p.start_frame),
                        .end_seconds = csi_seconds_of(options, p.end_frame)};
        if (!word.text)
            return false;
        if (word.text[0]) /* not NULs alone */
            words[(*n)++] = word;
    }
    return true;
}

cs_err csi_timed_read(csi_arena *arena, const csi_compose *options, const char *text, size_t n_bytes, csi_timed *timed,
                      cs_error *err)
{
    int32_t n_pairs;
    *timed = (csi_timed){0};
    text = csi_strip(text, &n_bytes);
    read_pairs(arena, options, text, n_bytes, NULL, &n_pairs);
    timed->words = csi_arena_array(arena, (size_t)n_pairs + 1, sizeof *timed->words);
    bool ok = timed->words && read_pairs(arena, options, text, n_bytes, timed->words, &timed->n_words)
              && csi_segments_build(arena, options, timed->words, timed->n_words, &timed->segments, &timed->n_segments);
    if (ok)
        timed->text =
            n_pairs ? csi_words_join(arena, timed->words, 0, timed->n_words) : csi_string(arena, text, n_bytes);
    if (!ok || !timed->text)
        return csi_fail_memory(err, n_bytes, "the words of a text");
    for (int32_t i = 0; i < timed->n_segments; i++) {
        cs_segment *segment = &timed->segments[i];
        segment->start_seconds = csi_seconds_of(options, segment->start_frame);
        segment->end_seconds = csi_seconds_of(options, segment->end_frame);
    }
    return CS_OK;
}

size_t csi_timed_content(const csi_tokenizer *tokenizer, const csi_emission *tokens, size_t n, int32_t *content,
                         size_t *closed)
{
    size_t n_content = 0, n_kept = 0; /* kept: what lies in pairs that are closed */
    bool is_open = false;
    *closed = 0;
    for (size_t i = 0; i < n; i++) {
        const char *piece = csi_tokenizer_piece(tokenizer, tokens[i].id);
        int64_t frame;
        size_t n_bytes = piece ? strlen(piece) : 0;
        if (n_bytes && read_time(piece, n_bytes, &frame) == n_bytes) {
            if (is_open) {
                n_kept = n_content;
                *closed = i + 1;
            }
            n_content = n_kept;
            is_open = !is_open;
        } else if (is_open) {
            if (content)
                content[n_content] = (int32_t)i;
            n_content++;
        }
    }
    return n_kept;
}

void csi_timed_link(const cs_word *words, int32_t n_words, csi_timed *timed)
{
    enum { LOOK_AHEAD = 16 }; /* what a pair of time tokens or an aligner makes of several words is passed over */
    int32_t next = 0;
    for (int32_t i = 0; i < timed->n_words; i++) {
        cs_word *word = &timed->words[i];
        const int32_t end = CSI_MIN(n_words, next + LOOK_AHEAD);
        int32_t at = next;
        while (at < end && strcmp(words[at].text, word->text) != 0)
            at++;
        word->confidence = at < end ? words[at].confidence : NAN;
        word->first_token = at < end ? words[at].first_token : 0;
        word->n_tokens = at < end ? words[at].n_tokens : 0;
        next = at < end ? at + 1 : next;
    }
}

/* -------------------------------------------------------------------- join */

static void append_times(const csi_timed *piece, double seconds, int64_t frames, csi_timed *to)
{
    for (int32_t i = 0; i < piece->n_words; i++) {
        cs_word *word = &to->words[to->n_words + i];
        *word = piece->words[i];
        word->start_seconds += seconds;
        word->end_seconds += seconds;
        word->start_frame += frames;
        word->end_frame += frames;
    }
    for (int32_t i = 0; i < piece->n_segments; i++) {
        cs_segment *segment = &to->segments[to->n_segments + i];
        *segment = piece->segments[i];
        segment->start_seconds += seconds;
        segment->end_seconds += seconds;
        segment->start_frame += frames;
        segment->end_frame += frames;
        segment->first_word += to->n_words;
    }
    to->n_words += piece->n_words;
    to->n_segments += piece->n_segments;
}

cs_err csi_timed_join(csi_arena *arena, const csi_timed *pieces, size_t n, double piece_seconds, int64_t piece_frames,
                      csi_timed *timed, cs_error *err)
{
    size_t n_words = 0, n_segments = 0;
    csi_buf text;
    csi_buf_init(&text, arena->env);
    *timed = (csi_timed){0};
    for (size_t i = 0; i < n; i++) {
        size_t n_bytes = strlen(pieces[i].text);
        const char *stripped = csi_strip(pieces[i].text, &n_bytes);
        n_words += (size_t)pieces[i].n_words;
        n_segments += (size_t)pieces[i].n_segments;
        if (n_bytes > 0 && text.size > 0)
            csi_buf_append(&text, " ", 1);
        csi_buf_append(&text, stripped, n_bytes);
    }
    timed->text = text.failed ? NULL : csi_string(arena, text.data, text.size);
    timed->words = csi_arena_array(arena, n_words, sizeof *timed->words);
    timed->segments = csi_arena_array(arena, n_segments, sizeof *timed->segments);
    csi_buf_finish(&text);
    if (!timed->text || !timed->words || !timed->segments || n_words > INT32_MAX)
        return csi_fail_memory(err, n_words * sizeof *timed->words, "the words of a recording");
    for (size_t i = 0; i < n; i++)
        append_times(&pieces[i], (double)i * piece_seconds, (int64_t)i * piece_frames, timed);
    return CS_OK;
}

/* -------------------------------------------------------------------- laps */

/* A word of piece k that neither the piece before nor the one after has better. */
static bool is_kept(const csi_lap *laps, size_t n, size_t k, double overlap_seconds, const cs_word *word)
{
    const double start = word->start_seconds + laps[k].start_seconds;
    return (k == 0 || start >= laps[k].start_seconds + overlap_seconds / 2)
           && (k + 1 == n || start < laps[k + 1].start_seconds + overlap_seconds / 2);
}

static cs_word later(const cs_word *word, double seconds, double frame_seconds)
{
    const int64_t frames = (int64_t)llrint(seconds / frame_seconds);
    cs_word moved = *word;
    moved.start_seconds += seconds;
    moved.end_seconds += seconds;
    moved.start_frame += frames;
    moved.end_frame += frames;
    return moved;
}

cs_err csi_timed_laps(csi_arena *arena, const csi_compose *options, const csi_lap *laps, size_t n,
                      double overlap_seconds, csi_timed *timed, cs_error *err)
{
    const double frame_seconds = options->frame_stride_seconds * (double)options->subsampling_factor;
    size_t n_words = 0;
    csi_buf text;
    *timed = (csi_timed){0};
    for (size_t k = 0; k < n; k++)
        n_words += (size_t)laps[k].timed.n_words;
    timed->words = n_words > INT32_MAX ? NULL : csi_arena_array(arena, n_words, sizeof *timed->words);
    if (!timed->words)
        return csi_fail_memory(err, n_words * sizeof *timed->words, "the words of a recording");
    csi_buf_init(&text, arena->env);
    for (size_t k = 0; k < n; k++) {
        const csi_timed *t = &laps[k].timed;
        if (t->n_words == 0 && t->text[0]) /* what has no times is not lost */
            csi_buf_printf(&text, "%s%s", text.size ? " " : "", t->text);
        for (int32_t i = 0; i < t->n_words; i++)
            if (is_kept(laps, n, k, overlap_seconds, &t->words[i])) {
                csi_buf_printf(&text, "%s%s", text.size ? " " : "", t->words[i].text);
                timed->words[timed->n_words++] = later(&t->words[i], laps[k].start_seconds, frame_seconds);
            }
    }
    timed->text = text.failed ? NULL : csi_string(arena, text.data ? text.data : "", text.size);
    csi_buf_finish(&text);
    if (!timed->text
        || !csi_segments_build(arena, options, timed->words, timed->n_words, &timed->segments, &timed->n_segments))
        return csi_fail_memory(err, n_words * sizeof *timed->words, "the words of a recording");
    for (int32_t i = 0; i < timed->n_segments; i++) {
        cs_segment *segment = &timed->segments[i];
        segment->start_seconds = timed->words[segment->first_word].start_seconds;
        segment->end_seconds = timed->words[segment->first_word + segment->n_words - 1].end_seconds;
    }
    return CS_OK;
}
