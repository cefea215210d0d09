/* SPDX-License-Identifier: MIT
 * UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include "base/base.h"

int csi_utf8_decode(const void *bytes, size_t n_bytes, uint32_t *character)
{
    const uint8_t *b = bytes;
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (n_bytes == 0)
        return 0;
    if (b[0] < 0x80) {
        *character = b[0];
        return 1;
    }
    int n = b[0] >= 0xF0 && b[0] < 0xF5 ? 4 : b[0] >= 0xE0 && b[0] < 0xF0 ? 3 : b[0] >= 0xC2 && b[0] < 0xE0 ? 2 : 0;
    if (n == 0 || n_bytes < (size_t)n)
        return 0;
    uint32_t value = b[0] & (0xFFu >> (n + 1));
    for (int i = 1; i < n; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (b[i] & 0x3Fu);
    }
    if (value < smallest[n] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 0;
    *character = value;
    return n;
}

int csi_utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (char)((0xF00 >> n & 0xFF) | c);
    return n;
}
