/* SPDX-License-Identifier: MIT
 * See text_case.h. The ranges are those of the Unicode Character Database in which a capital and its small letter lie a
 * fixed distance apart, or side by side. */
#include "dictate/voice/text_case.h"

#include "common/utf8_text.h"

uint32_t text_next(const char *text, size_t size, size_t *at)
{
    const unsigned char *t = (const unsigned char *)text + *at;
    size_t n = utf8_bytes(text + *at);
    if (n == 0 || n > size - *at) {
        *at += 1;
        return TEXT_REPLACEMENT;
    }
    uint32_t c = n == 1 ? t[0] : n == 2 ? t[0] & 0x1FU : n == 3 ? t[0] & 0x0FU : t[0] & 0x07U;
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (t[i] & 0x3FU);
    *at += n;
    return c;
}

uint32_t text_previous(const char *text, size_t *at)
{
    size_t start = *at;
    do
        start--;
    while (start > 0 && *at - start < 4 && ((unsigned char)text[start] & 0xC0) == 0x80);
    size_t end = start;
    uint32_t c = text_next(text, *at, &end);
    if (end != *at) { /* not one whole character: the last byte alone */
        start = *at - 1;
        c = TEXT_REPLACEMENT;
    }
    *at = start;
    return c;
}

void text_put(textbuf *out, uint32_t c)
{
    char bytes[4];
    size_t n = 0;
    if (c < 0x80) {
        bytes[n++] = (char)c;
    } else if (c < 0x800) {
        bytes[n++] = (char)(0xC0 | c >> 6);
        bytes[n++] = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        bytes[n++] = (char)(0xE0 | c >> 12);
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        bytes[n++] = (char)(0x80 | (c & 0x3F));
    } else {
        bytes[n++] = (char)(0xF0 | c >> 18);
        bytes[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        bytes[n++] = (char)(0x80 | (c & 0x3F));
    }
    textbuf_append(out, bytes, n);
}

/* Capitals from first to last whose small letter is distance further on; step 2: capital and small letter alternate. */
typedef struct case_range {
    uint32_t first, last;
    int32_t distance;
    int32_t step;
} case_range;

static const case_range ranges[] = {
    {'A', 'Z', 32, 1},     {0xC0, 0xD6, 32, 1},   {0xD8, 0xDE, 32, 1},    {0x100, 0x12E, 1, 2},
    {0x132, 0x136, 1, 2},  {0x139, 0x147, 1, 2},  {0x14A, 0x176, 1, 2},   {0x178, 0x178, -121, 1},
    {0x179, 0x17D, 1, 2},  {0x1CD, 0x1DB, 1, 2},  {0x1DE, 0x1EE, 1, 2},   {0x1F8, 0x21E, 1, 2},
    {0x222, 0x232, 1, 2},  {0x386, 0x386, 38, 1}, {0x388, 0x38A, 37, 1},  {0x38C, 0x38C, 64, 1},
    {0x38E, 0x38F, 63, 1}, {0x391, 0x3A1, 32, 1}, {0x3A3, 0x3AB, 32, 1},  {0x400, 0x40F, 80, 1},
    {0x410, 0x42F, 32, 1}, {0x460, 0x480, 1, 2},  {0x48A, 0x4BE, 1, 2},   {0x4C1, 0x4CD, 1, 2},
    {0x4D0, 0x52E, 1, 2},  {0x531, 0x556, 48, 1}, {0x1E00, 0x1E94, 1, 2}, {0x1EA0, 0x1EFE, 1, 2},
};
enum { N_RANGES = sizeof ranges / sizeof *ranges };

uint32_t text_lower(uint32_t c)
{
    for (int i = 0; i < N_RANGES; i++)
        if (c >= ranges[i].first && c <= ranges[i].last && (c - ranges[i].first) % (uint32_t)ranges[i].step == 0)
            return (uint32_t)((int32_t)c + ranges[i].distance);
    return c == 0x1E9E ? 0xDF : c;
}

uint32_t text_upper(uint32_t c)
{
    for (int i = 0; i < N_RANGES; i++) {
        uint32_t capital = (uint32_t)((int32_t)c - ranges[i].distance);
        if (capital >= ranges[i].first && capital <= ranges[i].last
            && (capital - ranges[i].first) % (uint32_t)ranges[i].step == 0)
            return capital;
    }
    return c == 0x3C2 ? 0x3A3 : c;
}

uint32_t text_same(uint32_t c)
{
    return c;
}

uint32_t text_fold(uint32_t c)
{
    c = text_lower(c);
    return c == 0x3C2 ? 0x3C3 : c == 0x2019 ? '\'' : c;
}

bool text_is_upper(uint32_t c)
{
    return text_lower(c) != c;
}

bool text_is_lower(uint32_t c)
{
    return text_upper(c) != c || c == 0xDF;
}

bool text_is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028
           || c == 0x2029 || c == 0x202F || c == 0x3000;
}

bool text_is_cjk(uint32_t c)
{
    return (c >= 0x2E80 && c <= 0x312F) || (c >= 0x31A0 && c <= 0x31FF) || (c >= 0x3300 && c <= 0x4DBF)
           || (c >= 0x4E00 && c <= 0xA4CF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE4F)
           || (c >= 0xFF01 && c <= 0xFF9F) || (c >= 0x20000 && c <= 0x3FFFD);
}

static bool is_one_of(uint32_t c, const uint32_t *list)
{
    while (*list && *list != c)
        list++;
    return *list != 0;
}

bool text_is_final(uint32_t c)
{
    static const uint32_t list[] = {'.',   '?',   '!',   0x2026, 0x3002, 0xFF01, 0xFF0E, 0xFF1F, 0xFF61, 0x61F,
                                    0x6D4, 0x964, 0x965, 0x203C, 0x2047, 0x2048, 0x2049, 0x589,  0};
    return is_one_of(c, list);
}

bool text_is_closing(uint32_t c)
{
    static const uint32_t list[] = {',',    ';',    ':',    ')',    ']',    '}',    '%',    0xBB,
                                    0x201D, 0x203A, 0x3001, 0x300D, 0x300F, 0x3011, 0x3009, 0x300B,
                                    0xFF0C, 0xFF1A, 0xFF1B, 0xFF09, 0xFF3D, 0x60C,  0x61B,  0};
    return text_is_final(c) || is_one_of(c, list);
}

bool text_is_opening(uint32_t c)
{
    static const uint32_t list[] = {'(',    '[',    '{',    0xAB,   0xBF,   0xA1,   0x201C, 0x2018, 0x201E, 0x201A,
                                    0x2039, 0x300C, 0x300E, 0x3010, 0x3008, 0x300A, 0xFF08, 0xFF3B, 0};
    return is_one_of(c, list);
}

/* The pronoun, alone or with 'm 'll 've 'd. */
static bool is_english_i(const char *word, size_t size)
{
    return size > 0 && word[0] == 'I' && (size == 1 || word[1] == '\'' || (size > 2 && (unsigned char)word[1] == 0xE2));
}

bool text_keeps_capital(const char *word, size_t size)
{
    size_t at = 0;
    bool first = true;
    if (is_english_i(word, size))
        return true;
    while (at < size) {
        uint32_t c = text_next(word, size, &at);
        bool letter = text_is_upper(c) || text_is_lower(c);
        if (!first && text_is_upper(c))
            return true;
        first = first && !letter;
    }
    return false;
}

void text_put_first(textbuf *out, const char *text, size_t size, uint32_t (*change)(uint32_t))
{
    size_t at = 0;
    bool done = false;
    while (at < size) {
        uint32_t c = text_next(text, size, &at);
        if (!done && (text_is_upper(c) || text_is_lower(c) || (c >= '0' && c <= '9'))) {
            c = change(c);
            done = true;
        }
        text_put(out, c);
    }
}
