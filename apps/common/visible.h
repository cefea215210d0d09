/* SPDX-License-Identifier: MIT
 *
 * Text that comes from anywhere (device names, window titles, transcripts, files), read character by character and cleaned
 * of what a terminal, a log's reader or a bus must never be sent. */
#ifndef APPS_VISIBLE_H
#define APPS_VISIBLE_H

#include "common/utf8_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VISIBLE_REPLACEMENT = 0xFFFD };

/* The character at text and its bytes, 0 at the end. A byte that is part of no character is U+FFFD, one byte long. */
static inline size_t visible_next(const char *text, uint32_t *code)
{
    size_t n = utf8_bytes(text);
    const unsigned char *byte = (const unsigned char *)text;
    *code = VISIBLE_REPLACEMENT;
    if (n == 0)
        return 1;
    *code = n == 1 ? byte[0] : byte[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | (byte[i] & 0x3F);
    return *code == 0 ? 0 : n;
}

/* Controls (C0, DEL, C1), and what unseen changes the direction or place of the text around it. */
static inline bool visible_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C || code == 0x200E || code == 0x200F
           || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF
           || (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code < 0xE0080);
}

/* text into out (size at least 1), whole characters only, '?' in place of controls and of what is no UTF-8. Newline and
 * tab are controls unless keep_lines. The length. */
static inline size_t visible_clean(char *out, size_t size, const char *text, bool keep_lines)
{
    size_t length = 0, n;
    for (uint32_t code; (n = visible_next(text, &code)) > 0; text += n) {
        bool kept = keep_lines && (code == '\n' || code == '\t');
        bool bad = (code == VISIBLE_REPLACEMENT && n == 1) || (visible_is_control(code) && !kept);
        if (length + n >= size)
            break;
        for (size_t i = 0; i < (bad ? 1 : n); i++)
            out[length++] = bad ? '?' : text[i];
    }
    out[length] = 0;
    return length;
}

#endif
