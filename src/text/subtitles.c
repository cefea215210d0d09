/* SPDX-License-Identifier: MIT
 *
 * Words to cues, for SRT and VTT.
 *
 * Words are first turned into atoms, the smallest parts that a line break may not cut: a word, a character of a script
 * that is written without spaces (with the punctuation that clings to it), or a line's worth of a word longer than a line.
 * A sentence end or a pause always ends a cue. What is between two of these and does not fit into one cue is cut
 * after the last clause mark of a full cue, or where the cue is full; a short rest is avoided by cutting in the middle.
 * The lines of a cue are made as even as their number allows: the smallest width is looked for at which greedy filling
 * needs no more lines.
 *
 * Times are whole milliseconds. A cue begins with its first word and ends with its last; one shorter than a second is
 * prolonged up to a second, but never into the next cue. Cues never overlap and always last at least a millisecond.
 */
#include "text/text_inside.h"

enum { PAUSE_MS = 600, SHORTEST_MS = 1000 };

typedef enum break_strength { BREAK_NONE, BREAK_CLAUSE, BREAK_SENTENCE } break_strength;

typedef struct atom {
    const char *text;
    size_t n_bytes;
    int32_t width; /* visible characters */
    bool space_before;
    uint8_t strength; /* break_strength behind it */
    int64_t start_ms, end_ms;
    int64_t column; /* where it would begin if everything were one line */
} atom;

typedef struct cue {
    size_t first, end; /* atoms */
    int64_t start_ms, end_ms;
} cue;

typedef struct setter {
    csi_writer *writer;
    csi_buf atom_bytes;
    atom *atoms;
    size_t n_atoms;
    int32_t max_width, max_lines;
    bool vtt;
    int64_t n_cues;
    cue held; /* written when the next one's start is known */
    bool holds;
} setter;

/* ------------------------------------------------------------------- atoms */

static bool is_invisible(uint32_t c)
{
    return c < 0x20 || c == 0x7F || csi_is_space_char(c);
}

static bool is_one_of(uint32_t c, const uint32_t *list)
{
    while (*list && *list != c)
        list++;
    return c != 0 && *list == c;
}

/* . ? ! and their like in other scripts end sentences, , ; : and their like clauses; closing quotes are looked through. */
static break_strength strength_of(const char *text, size_t n_bytes)
{
    static const uint32_t sentence[] = {'.',    '?',    '!',    0x2026, 0x3002, 0xFF0E,
                                        0xFF1F, 0xFF01, 0x061F, 0x06D4, 0x0964, 0};
    static const uint32_t clause[] = {',', ';', ':', 0x2013, 0x2014, 0x3001, 0xFF0C, 0xFF1B, 0xFF1A, 0x060C, 0x061B, 0};
    static const uint32_t closing[] = {'"', '\'', ')', ']', 0x2019, 0x201D, 0xBB, 0x300D, 0x300F, 0xFF09, 0};
    uint32_t last = 0;
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        at += csi_next_char(text + at, n_bytes - at, &c);
        if (!is_one_of(c, closing))
            last = c;
    }
    return is_one_of(last, sentence) ? BREAK_SENTENCE : is_one_of(last, clause) ? BREAK_CLAUSE : BREAK_NONE;
}

/* May a line break stand between these two neighbours inside a word? */
static bool breaks_between(uint32_t a, uint32_t b)
{
    if (!csi_is_wide_char(a) && !csi_is_wide_char(b))
        return false;
    bool closing = csi_is_punctuation_char(b) && !csi_is_opening_char(b);
    return !closing && !csi_is_opening_char(a) && !csi_is_mark_char(b);
}

static void add_atom(setter *s, const char *text, size_t n_bytes, int32_t width, bool space_before, int64_t start_ms,
                     int64_t end_ms)
{
    atom added = {.text = text,
                  .n_bytes = n_bytes,
                  .width = width,
                  .space_before = space_before && s->n_atoms > 0,
                  .strength = (uint8_t)strength_of(text, n_bytes),
                  .start_ms = start_ms,
                  .end_ms = end_ms};
    csi_buf_append(&s->atom_bytes, &added, sizeof added);
    s->n_atoms++;
}

/* Visible characters of text, and how many bytes remain of it without what is invisible at its ends. */
static int32_t measure(const char **text, size_t *n_bytes)
{
    size_t first = *n_bytes, end = 0;
    int32_t width = 0;
    for (size_t at = 0; at < *n_bytes;) {
        uint32_t c;
        size_t n = csi_next_char(*text + at, *n_bytes - at, &c);
        if (!is_invisible(c)) {
            first = CSI_MIN(first, at);
            end = at + n;
        }
        at += n;
    }
    *text += first < end ? first : 0;
    *n_bytes = first < end ? end - first : 0;
    for (size_t at = 0; at < *n_bytes;) {
        uint32_t c;
        at += csi_next_char(*text + at, *n_bytes - at, &c);
        width += !csi_is_mark_char(c);
    }
    return *n_bytes > 0 ? CSI_MAX(width, 1) : 0;
}

static void add_word(setter *s, const char *text, size_t n_bytes, int64_t start_ms, int64_t end_ms)
{
    const int32_t whole = measure(&text, &n_bytes);
    size_t from = 0;
    int32_t width = 0, done = 0; /* visible characters in the atom at work, and before it */
    uint32_t previous = 0;
    end_ms = CSI_MAX(start_ms, end_ms);
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        size_t n = csi_next_char(text + at, n_bytes - at, &c);
        bool full = whole > s->max_width && width >= s->max_width && !csi_is_mark_char(c);
        if (at > from && (full || breaks_between(previous, c))) {
            add_atom(s, text + from, at - from, width, from == 0, start_ms + (end_ms - start_ms) * done / whole,
                     start_ms + (end_ms - start_ms) * (done + width) / whole);
            done += width;
            width = 0;
            from = at;
        }
        width += !csi_is_mark_char(c);
        previous = c;
        at += n;
    }
    if (n_bytes > 0)
        add_atom(s, text + from, n_bytes - from, width, from == 0, start_ms + (end_ms - start_ms) * done / whole,
                 end_ms);
}

/* Once all atoms are there: columns, and pauses as sentence ends. */
static bool finish_atoms(setter *s)
{
    int64_t column = 0;
    if (s->atom_bytes.failed)
        return false;
    s->atoms = (atom *)(void *)s->atom_bytes.data;
    for (size_t i = 0; i < s->n_atoms; i++) {
        atom *a = &s->atoms[i];
        column += a->space_before;
        a->column = column;
        column += a->width;
        if (i + 1 < s->n_atoms && s->atoms[i + 1].start_ms - a->end_ms >= PAUSE_MS)
            a->strength = BREAK_SENTENCE;
        /* a mark inside a word that was split ends nothing, unless the script has no spaces */
        if (i + 1 < s->n_atoms && !s->atoms[i + 1].space_before && a->strength == BREAK_SENTENCE
            && (a->text[a->n_bytes - 1] & 0x80) == 0)
            a->strength = BREAK_NONE;
    }
    return true;
}

/* ------------------------------------------------------------------- lines */

/* Characters from the start of atom first to the end of atom end - 1. */
static int64_t width_of(const setter *s, size_t first, size_t end)
{
    return s->atoms[end - 1].column + s->atoms[end - 1].width - s->atoms[first].column;
}

/* Where the line that begins at first must end. At least one atom. */
static size_t line_end(const setter *s, size_t first, size_t end, int64_t width)
{
    size_t at = first + 1;
    while (at < end && width_of(s, first, at + 1) <= width)
        at++;
    return at;
}

/* Lines that [first, end) takes at this width, counted up to limit + 1. */
static int64_t count_lines(const setter *s, size_t first, size_t end, int64_t width, int64_t limit)
{
    int64_t n = 0;
    for (; first < end && n <= limit; n++)
        first = line_end(s, first, end, width);
    return n;
}

/* The smallest width at which no more lines are needed than at the full one. */
static int64_t even_width(const setter *s, size_t first, size_t end)
{
    int64_t low = 1, high = s->max_width;
    int64_t n_lines = count_lines(s, first, end, high, INT64_MAX - 1);
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (count_lines(s, first, end, middle, n_lines) <= n_lines)
            high = middle;
        else
            low = middle + 1;
    }
    return high;
}

/* ----------------------------------------------------------------- writing */

static void write_time(const setter *s, int64_t ms)
{
    csi_write_digits(s->writer, (uint64_t)(ms / 3600000), 2);
    csi_write_ascii(s->writer, ":");
    csi_write_digits(s->writer, (uint64_t)(ms / 60000 % 60), 2);
    csi_write_ascii(s->writer, ":");
    csi_write_digits(s->writer, (uint64_t)(ms / 1000 % 60), 2);
    csi_write_ascii(s->writer, s->vtt ? "." : ",");
    csi_write_digits(s->writer, (uint64_t)(ms % 1000), 3);
}

static void write_atom(const setter *s, const atom *a)
{
    size_t from = 0;
    for (size_t at = 0; s->vtt && at < a->n_bytes; at++) {
        const char c = a->text[at];
        if (c != '&' && c != '<' && c != '>')
            continue;
        csi_write_text(s->writer, a->text + from, at - from, true);
        csi_write_ascii(s->writer, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
        from = at + 1;
    }
    csi_write_text(s->writer, a->text + from, a->n_bytes - from, true);
}

static void write_cue(setter *s, const cue *c, int64_t end_ms)
{
    s->n_cues++;
    csi_write_ascii(s->writer, s->vtt || s->n_cues > 1 ? "\n" : "");
    if (!s->vtt) {
        csi_write_int(s->writer, s->n_cues);
        csi_write_ascii(s->writer, "\n");
    }
    write_time(s, c->start_ms);
    csi_write_ascii(s->writer, " --> ");
    write_time(s, end_ms);
    csi_write_ascii(s->writer, "\n");
    const int64_t width = even_width(s, c->first, c->end);
    for (size_t first = c->first; first < c->end;) {
        size_t end = line_end(s, first, c->end, width);
        for (size_t i = first; i < end; i++) {
            csi_write_ascii(s->writer, i > first && s->atoms[i].space_before ? " " : "");
            write_atom(s, &s->atoms[i]);
        }
        csi_write_ascii(s->writer, "\n");
        first = end;
    }
}

/* The held cue goes out, now that it is known when the next begins. Returns when the next one may begin. */
static int64_t release(setter *s, int64_t next_start_ms)
{
    if (!s->holds)
        return next_start_ms;
    int64_t end_ms = CSI_MIN(CSI_MAX(s->held.end_ms, s->held.start_ms + SHORTEST_MS), next_start_ms);
    end_ms = CSI_MAX(end_ms, s->held.start_ms + 1);
    write_cue(s, &s->held, end_ms);
    return CSI_MAX(next_start_ms, end_ms);
}

static void add_cue(setter *s, size_t first, size_t end)
{
    int64_t start_ms = release(s, s->atoms[first].start_ms);
    s->held = (cue){first, end, start_ms, s->atoms[end - 1].end_ms};
    s->holds = true;
}

/* ----------------------------------------------------------------- cutting */

/* The end of the next cue of [first, end), which may all be too much for one. */
static size_t cut(const setter *s, size_t first, size_t end)
{
    size_t full = first, clause = 0;
    for (int32_t line = 0; line < s->max_lines && full < end; line++)
        full = line_end(s, full, end, s->max_width);
    if (full == end)
        return end;
    const int64_t filled = width_of(s, first, full), rest = width_of(s, full, end), whole = width_of(s, first, end);
    for (size_t i = first; i < full; i++)
        if (s->atoms[i].strength == BREAK_CLAUSE && 3 * width_of(s, first, i + 1) >= filled)
            clause = i + 1;
    if (clause)
        return clause;
    if (3 * rest >= filled)
        return full;
    size_t middle = first + 1;
    while (middle < full && 2 * width_of(s, first, middle) < whole)
        middle++;
    return middle;
}

static void set_words(setter *s, const cs_result *result)
{
    for (int32_t i = 0; i < result->n_words; i++) {
        const cs_word *word = &result->words[i];
        if (word->text)
            add_word(s, word->text, strlen(word->text), csi_milliseconds(word->start_seconds),
                     csi_milliseconds(word->end_seconds));
    }
    if (!finish_atoms(s))
        return;
    for (size_t first = 0; first < s->n_atoms && !s->writer->stopped;) {
        size_t end = first + 1;
        while (end < s->n_atoms && s->atoms[end - 1].strength != BREAK_SENTENCE)
            end++;
        while (first < end) {
            size_t next = cut(s, first, end);
            add_cue(s, first, next);
            first = next;
        }
    }
}

/* One cue per segment, of as many lines as it takes. */
static void set_segments(setter *s, const cs_result *result, csi_buf *ends)
{
    for (int32_t i = 0; i < result->n_segments; i++) {
        const cs_segment *segment = &result->segments[i];
        const char *text = segment->text ? segment->text : "";
        size_t n = strlen(text), from = 0;
        for (size_t at = 0; at <= n;) {
            uint32_t c = ' ';
            size_t width = at < n ? csi_next_char(text + at, n - at, &c) : 1;
            if (csi_is_space_char(c)) {
                add_word(s, text + from, at - from, csi_milliseconds(segment->start_seconds),
                         csi_milliseconds(segment->end_seconds));
                from = at + width;
            }
            at += width;
        }
        csi_buf_append(ends, &s->n_atoms, sizeof s->n_atoms);
    }
    if (ends->failed || !finish_atoms(s))
        return;
    size_t first = 0;
    for (size_t i = 0; i < ends->size; i += sizeof first) {
        size_t end;
        memcpy(&end, ends->data + i, sizeof end);
        if (end > first)
            add_cue(s, first, end);
        first = end;
    }
}

bool csi_write_subtitles(const csi_env *env, csi_writer *writer, const cs_result *result,
                         const cs_write_options *options, bool vtt)
{
    setter s = {.writer = writer, .max_width = options->max_line_chars, .max_lines = options->max_lines, .vtt = vtt};
    csi_buf ends;
    csi_buf_init(&s.atom_bytes, env);
    csi_buf_init(&ends, env);
    if (vtt)
        csi_write_ascii(writer, "WEBVTT\n");
    if (options->timestamps == CS_TIMESTAMPS_SEGMENT)
        set_segments(&s, result, &ends);
    else
        set_words(&s, result);
    /* the last cue may be prolonged to the end of the audio */
    if (s.holds)
        release(&s, CSI_MAX(s.held.end_ms, csi_milliseconds(result->duration_seconds)));
    bool ok = !s.atom_bytes.failed && !ends.failed;
    csi_buf_finish(&ends);
    csi_buf_finish(&s.atom_bytes);
    return ok;
}
