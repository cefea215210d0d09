/* SPDX-License-Identifier: MIT
 * See textbuf.h. */
#include "common/textbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void textbuf_append(textbuf *buf, const char *bytes, size_t n_bytes)
{
    if (buf->failed)
        return;
    if (n_bytes >= buf->capacity - buf->size) {
        size_t capacity = buf->capacity + buf->capacity / 2 + n_bytes + 64;
        char *data = n_bytes < SIZE_MAX / 4 ? realloc(buf->data, capacity) : NULL;
        if (!data) {
            buf->failed = true;
            return;
        }
        buf->data = data;
        buf->capacity = capacity;
    }
    if (n_bytes)
        memcpy(buf->data + buf->size, bytes, n_bytes);
    buf->size += n_bytes;
    buf->data[buf->size] = 0;
}

void textbuf_printf(textbuf *buf, const char *format, ...)
{
    char piece[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    if (n >= 0)
        textbuf_append(buf, piece, (size_t)n < sizeof piece ? (size_t)n : sizeof piece - 1);
}

/* Length of the UTF-8 character at text, 0 when there is none. */
static size_t character_bytes(const unsigned char *text)
{
    if (text[0] < 0x80)
        return 1;
    size_t n = text[0] >= 0xF0 && text[0] < 0xF5   ? 4
               : text[0] >= 0xE0 && text[0] < 0xF0 ? 3
               : text[0] >= 0xC2 && text[0] < 0xE0 ? 2
                                                   : 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xF0 && text[1] < 0x90);
    bool beyond = (text[0] == 0xED && text[1] >= 0xA0) || (text[0] == 0xF4 && text[1] >= 0x90);
    return n > 1 && (overlong || beyond) ? 0 : n;
}

void textbuf_json(textbuf *buf, const char *text)
{
    textbuf_append(buf, "\"", 1);
    while (*text) {
        size_t n = character_bytes((const unsigned char *)text);
        if (n == 0)
            textbuf_append(buf, "\xEF\xBF\xBD", 3);
        else if (*text == '"' || *text == '\\')
            textbuf_printf(buf, "\\%c", *text);
        else if ((unsigned char)*text < 0x20 || *text == 0x7F)
            textbuf_printf(buf, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            textbuf_append(buf, text, n);
        text += n ? n : 1;
    }
    textbuf_append(buf, "\"", 1);
}

int textbuf_sink(void *user, const char *bytes, size_t n_bytes)
{
    textbuf *buf = user;
    textbuf_append(buf, bytes, n_bytes);
    return buf->failed;
}

void textbuf_free(textbuf *buf)
{
    free(buf->data);
    *buf = (textbuf){0};
}
