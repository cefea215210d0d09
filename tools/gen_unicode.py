#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes src/text/unicode_tables.c: the character ranges that text handling asks for, from Python's own database,
because NeMo asks the same database (unicodedata.category, str.isspace) at run time.

    python3.11 tools/gen_unicode.py | clang-format --assume-filename=x.c > src/text/unicode_tables.c

Python 3.11 (Unicode 14) is the version that the reference runs on."""
import unicodedata


def ranges(holds):
    found = []
    for c in range(0x110000):
        if holds(chr(c)):
            if found and found[-1][1] == c - 1:
                found[-1][1] = c
            else:
                found.append([c, c])
    return found


def wide(c):
    """Scripts written without spaces: Han, kana, bopomofo, and the full-width forms that go with them."""
    return unicodedata.east_asian_width(c) in "WF" and not 0xAC00 <= ord(c) <= 0xD7A3 and unicodedata.category(c)[0] in "LP" \
        and not 0x1100 <= ord(c) <= 0x11FF and not 0xA960 <= ord(c) <= 0xA97F


TABLES = [
    ("punctuation", "General category P.", lambda c: unicodedata.category(c)[0] == "P"),
    ("space", r"What str.isspace() and the \s of Python's re call white space.", str.isspace),
    ("mark", "General category M: marks that belong to the character before them.", lambda c: unicodedata.category(c)[0] == "M"),
    ("opening", "General categories Ps and Pi: opening brackets and quotes.", lambda c: unicodedata.category(c) in ("Ps", "Pi")),
    ("digit", r"General category Nd, what the \d of Python's re takes: runs of ten from a zero on.", lambda c: unicodedata.category(c) == "Nd"),
    ("wide", "Letters and punctuation of scripts written without spaces (Han, kana, bopomofo, Yi; not Hangul).", wide),
]


def main():
    print("/* SPDX-License-Identifier: MIT\n * Character classes as sorted ranges. Made by tools/gen_unicode.py from Unicode",
          unicodedata.unidata_version + "; do not edit. */\n#include \"text/text_inside.h\"\n")
    for name, comment, holds in TABLES:
        found = ranges(holds)
        print(f"/* {comment} */\nstatic const csi_range {name}_ranges[{len(found)}] = {{")
        line = "   "
        for low, high in found:
            item = f" {{0x{low:X}, 0x{high:X}}},"
            if len(line) + len(item) > 118:
                print(line)
                line = "   "
            line += item
        print(line + "\n};\n")
    print("""static const csi_range *find(const csi_range *ranges, size_t n, uint32_t c)
{
    size_t low = 0, high = n; /* the first range that does not end before c */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && ranges[low].first <= c ? &ranges[low] : NULL;
}
""")
    assert all(unicodedata.decimal(chr(c)) == (c - low) % 10 for low, high in ranges(TABLES[-2][2]) for c in range(low, high + 1))
    blocks = [f"""bool csi_is_{name}_char(uint32_t c)
{{
    return find({name}_ranges, CSI_COUNT({name}_ranges), c) != NULL;
}}""" for name, _, _ in TABLES if name != "digit"]
    blocks.append("""int csi_digit_of_char(uint32_t c)
{
    const csi_range *range = find(digit_ranges, CSI_COUNT(digit_ranges), c);
    return range ? (int)((c - range->first) % 10) : -1;
}""")
    print("\n\n".join(blocks))


main()
