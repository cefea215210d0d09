/* SPDX-License-Identifier: MIT
 * Text that grows. After a failed allocation `failed` stays set and appends do nothing: test once at the end. */
#ifndef APPS_TEXTBUF_H
#define APPS_TEXTBUF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct textbuf {
    char *data; /* NULL while empty; else data[size] is 0 */
    size_t size, capacity;
    bool failed;
} textbuf;

void textbuf_append(textbuf *buf, const char *bytes, size_t n_bytes);
void textbuf_printf(textbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void textbuf_json(textbuf *buf, const char *text);
/* A cs_sink: user is the textbuf. */
int textbuf_sink(void *user, const char *bytes, size_t n_bytes);
void textbuf_free(textbuf *buf);

#endif
