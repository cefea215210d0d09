/* SPDX-License-Identifier: MIT
 * See textbuf.h. */
#include "common/textbuf.h"
#include "common/utf8_text.h"

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

void textbuf_json(textbuf *buf, const char *text)
{
    textbuf_append(buf, "\"", 1);
    while (*text) {
        size_t n = utf8_bytes(text);
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
