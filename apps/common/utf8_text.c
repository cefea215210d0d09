/* SPDX-License-Identifier: MIT
 * See utf8_text.h. Source: The Unicode Standard, table 3-7. A string's end is never passed: 0 continues no character. */
#include "common/utf8_text.h"

size_t utf8_bytes(const char *string)
{
    const unsigned char *text = (const unsigned char *)string;
    if (text[0] < 0x80)
        return 1;
    size_t n = text[0] >= 0xF0 && text[0] < 0xF5   ? 4
               : text[0] >= 0xE0 && text[0] < 0xF0 ? 3
               : text[0] >= 0xC2 && text[0] < 0xE0 ? 2
                                                   : 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    int overlong = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xF0 && text[1] < 0x90);
    int beyond = (text[0] == 0xED && text[1] >= 0xA0) || (text[0] == 0xF4 && text[1] >= 0x90);
    return n > 1 && (overlong || beyond) ? 0 : n;
}
