/* SPDX-License-Identifier: MIT
 *
 * The config file's text, line by line. Foreign bytes: a line is looked at only once it is known to be no longer than it
 * may be, to hold no control character and to be UTF-8. */
#define _XOPEN_SOURCE 700
#include "settings_inside.h"

#include "common/utf8_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static settings_next_line bad(const settings_reader *reader, char error[SETTINGS_ERROR], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static settings_next_line bad(const settings_reader *reader, char error[SETTINGS_ERROR], const char *format, ...)
{
    int n = snprintf(error, SETTINGS_ERROR, "%.240s:%d: ", reader->name, (int)reader->number);
    va_list args;
    va_start(args, format);
    vsnprintf(error + n, SETTINGS_ERROR - (size_t)n, format, args);
    va_end(args);
    return SETTINGS_BAD;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Lengths, bytes and characters of text[at..end). */
static bool check_bytes(const settings_reader *reader, size_t at, size_t end, char error[SETTINGS_ERROR])
{
    if (end - at > SETTINGS_LINE_MAX) {
        bad(reader, error, "the line has %zu bytes, expected at most %d", end - at, SETTINGS_LINE_MAX);
        return false;
    }
    for (size_t i = at; i < end;) {
        unsigned char c = (unsigned char)reader->text[i];
        size_t n = utf8_bytes(reader->text + i);
        if (n == 0)
            bad(reader, error, "byte 0x%02X in column %zu is not UTF-8", c, i - at + 1);
        else if (c == 0)
            bad(reader, error, "there is a NUL byte in column %zu, expected text", i - at + 1);
        else if ((c < 0x20 && c != '\t') || c == 0x7F)
            bad(reader, error, "there is a control character, 0x%02X, in column %zu", c, i - at + 1);
        else {
            i += n;
            continue;
        }
        return false;
    }
    return true;
}

/* Nothing but blanks and a comment from at to end? */
static bool is_rest(const char *text, size_t at, size_t end)
{
    while (at < end && is_blank(text[at]))
        at++;
    return at == end || text[at] == '#';
}

/* "..." at value_begin, where the quote stands. */
static settings_next_line read_quoted(settings_reader *reader, settings_line *line, size_t end, char *error)
{
    const char *text = reader->text;
    size_t i = line->value_begin + 1, n = 0;
    for (; i < end && text[i] != '"'; i++) {
        char c = text[i];
        if (c == '\\') {
            c = i + 1 < end ? text[++i] : 0;
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == '"' || c == '\\' ? c : 0;
            if (!c)
                return bad(reader, error, "unknown escape in a quoted value, expected \\n, \\t, \\\" or \\\\");
        }
        line->value[n++] = c;
    }
    line->value[n] = 0;
    if (i == end)
        return bad(reader, error, "a quoted value has no closing \"");
    line->value_end = i + 1;
    if (!is_rest(text, i + 1, end))
        return bad(reader, error, "there is more after the closing \" of a value");
    return SETTINGS_LINE;
}

/* Up to a # that follows a blank. */
static settings_next_line read_bare(settings_reader *reader, settings_line *line, size_t end)
{
    const char *text = reader->text;
    size_t i = line->value_begin;
    while (i < end && !(text[i] == '#' && (i == line->value_begin || is_blank(text[i - 1]))))
        i++;
    while (i > line->value_begin && is_blank(text[i - 1]))
        i--;
    line->value_end = i;
    memcpy(line->value, text + line->value_begin, i - line->value_begin);
    line->value[i - line->value_begin] = 0;
    return SETTINGS_LINE;
}

static settings_next_line read_pair(settings_reader *reader, settings_line *line, size_t at, size_t end, char *error)
{
    const char *text = reader->text, *equals = memchr(text + at, '=', end - at);
    size_t key_end = equals ? (size_t)(equals - text) : end;
    char key[SETTINGS_SECTION_MAX + sizeof line->key], hint[SETTINGS_HINT];
    if (!equals)
        return bad(reader, error, "expected KEY = VALUE or [SECTION], met '%.*s'", (int)(end - at < 60 ? end - at : 60),
                   text + at);
    line->kind = LINE_PAIR;
    while (key_end > at && is_blank(text[key_end - 1]))
        key_end--;
    if (key_end == at)
        return bad(reader, error, "expected a key before '='");
    snprintf(line->key, sizeof line->key, "%.*s", (int)(key_end - at < 70 ? key_end - at : 70), text + at);
    snprintf(key, sizeof key, "%s%s%s", reader->section, reader->section[0] ? "." : "", line->key);
    line->setting = key_end - at < 70 ? settings_index(key) : -1;
    if (line->setting < 0)
        return bad(reader, error, "unknown key '%s'%s", line->key, settings_hint(reader->section, line->key, hint));
    line->value_begin = (size_t)(equals - text) + 1;
    while (line->value_begin < end && is_blank(text[line->value_begin]))
        line->value_begin++;
    bool quoted = line->value_begin < end && text[line->value_begin] == '"';
    return quoted ? read_quoted(reader, line, end, error) : read_bare(reader, line, end);
}

static settings_next_line read_section(settings_reader *reader, size_t at, size_t end, char *error)
{
    const char *text = reader->text, *close = memchr(text + at, ']', end - at);
    char name[SETTINGS_SECTION_MAX], hint[SETTINGS_HINT];
    size_t name_end = close ? (size_t)(close - text) : end;
    if (!close || !is_rest(text, name_end + 1, end))
        return bad(reader, error, "expected [SECTION] and nothing after it");
    at++;
    while (at < name_end && is_blank(text[at]))
        at++;
    while (name_end > at && is_blank(text[name_end - 1]))
        name_end--;
    size_t n = name_end - at < sizeof name ? name_end - at : sizeof name - 1;
    memcpy(name, text + at, n);
    name[n] = 0;
    if (!settings_is_section(name))
        return bad(reader, error, "unknown section '%s'%s", name, settings_section_hint(name, hint));
    memcpy(reader->section, name, sizeof name);
    return SETTINGS_LINE;
}

settings_next_line settings_next(settings_reader *reader, settings_line *line, char error[SETTINGS_ERROR])
{
    static const char mark[] = "\xEF\xBB\xBF"; /* some editors begin a file with U+FEFF */
    if (reader->at == 0 && reader->size >= 3 && memcmp(reader->text, mark, 3) == 0)
        reader->at = 3;
    if (reader->at >= reader->size)
        return SETTINGS_END;
    const char *text = reader->text, *newline = memchr(text + reader->at, '\n', reader->size - reader->at);
    size_t end = newline ? (size_t)(newline - text) : reader->size, at = reader->at;
    line->begin = at;
    line->end = newline ? end + 1 : end;
    reader->number++;
    reader->at = line->end;
    if (end > at && text[end - 1] == '\r')
        end--;
    if (!check_bytes(reader, at, end, error))
        return SETTINGS_BAD;
    while (at < end && is_blank(text[at]))
        at++;
    line->kind = at == end ? LINE_BLANK : text[at] == '#' ? LINE_COMMENT : LINE_SECTION;
    if (line->kind != LINE_SECTION)
        return SETTINGS_LINE;
    return text[at] == '[' ? read_section(reader, at, end, error) : read_pair(reader, line, at, end, error);
}

void settings_quote(textbuf *out, const char *value)
{
    size_t n = strlen(value);
    bool bare = value[0] != '"' && value[0] != '#' && !strpbrk(value, "\n\t") && !strstr(value, " #")
                && !(n && (is_blank(value[0]) || is_blank(value[n - 1])));
    if (bare) {
        textbuf_append(out, value, n);
        return;
    }
    textbuf_append(out, "\"", 1);
    for (; *value; value++) {
        const char *escape = *value == '\n' ? "\\n" : *value == '\t' ? "\\t" : *value == '"' ? "\\\"" : NULL;
        escape = *value == '\\' ? "\\\\" : escape;
        textbuf_append(out, escape ? escape : value, escape ? 2 : 1);
    }
    textbuf_append(out, "\"", 1);
}

/* ------------------------------------------------------------------ file */

static bool read_all(int fd, textbuf *out)
{
    char piece[8192];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 && !out->failed;
        textbuf_append(out, piece, (size_t)n);
        if (out->size > SETTINGS_FILE_MAX)
            return true;
    }
}

bool settings_read_file(const char *path, bool absent_is_empty, textbuf *out, char error[SETTINGS_ERROR])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe without a writer must not hold us up */
    bool done = false;
    if (fd < 0 && absent_is_empty && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (fd < 0 || fstat(fd, &st) != 0)
        snprintf(error, SETTINGS_ERROR, "%.300s: cannot open: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        snprintf(error, SETTINGS_ERROR, "%.300s: is %s, expected a file", path,
                 S_ISDIR(st.st_mode) ? "a folder" : "no regular file");
    else if (!read_all(fd, out))
        snprintf(error, SETTINGS_ERROR, "%.300s: cannot read: %s", path,
                 out->failed ? "out of memory" : strerror(errno));
    else if (out->size > SETTINGS_FILE_MAX)
        snprintf(error, SETTINGS_ERROR, "%.300s: has more than %d bytes, expected a config file", path,
                 SETTINGS_FILE_MAX);
    else
        done = true;
    if (fd >= 0)
        close(fd);
    return done;
}
