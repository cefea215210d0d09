/* SPDX-License-Identifier: MIT
 * UTF-8 in strings that end with 0. */
#ifndef APPS_UTF8_TEXT_H
#define APPS_UTF8_TEXT_H

#include <stddef.h>

/* Length of the character at text, 0 when there is none that is well-formed (surrogates and overlong forms are not). */
size_t utf8_bytes(const char *text);

#endif
