/* SPDX-License-Identifier: MIT
 *
 * The normalisation that comes before cutting text into pieces.
 *
 * The model carries its character rules as a trie in double-array form (Darts-clone's layout) with the replacements
 * behind it. At each place: a user-defined piece passes as it is; else the longest rule is applied; else one character
 * is copied. Then SentencePiece's rules about white space: several spaces become one and those at the ends go
 * (remove_extra_whitespaces), one is put in front or behind (add_dummy_prefix), and all are written U+2581.
 *
 * One unit of the array: bit 31 set in a leaf, whose low 31 bits are the value; otherwise bits 0-7 label, bit 8
 * "has a leaf", bit 9 and bits 10-30 the offset, to be shifted by 8 where bit 9 is set. The array comes from a file, so
 * each step looks whether it stays inside; what comes out is UTF-8 whatever the array says.
 */
#include "text/text_inside.h"

static uint32_t unit_at(const csi_normalizer *normalizer, size_t i)
{
    const uint8_t *b = normalizer->units + 4 * i;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t unit_offset(uint32_t unit)
{
    return unit >> 10 << ((unit & 1u << 9) >> 6);
}

/* Bytes of the longest rule at text, 0 when none applies; *replacement is then where its text begins. */
static size_t longest_rule(const csi_normalizer *normalizer, const char *text, size_t n_bytes, const char **replacement)
{
    size_t longest = 0;
    if (normalizer->n_units == 0)
        return 0;
    size_t at = unit_offset(unit_at(normalizer, 0));
    for (size_t i = 0; i < n_bytes; i++) {
        at ^= (uint8_t)text[i];
        if (at >= normalizer->n_units)
            break;
        uint32_t unit = unit_at(normalizer, at);
        if ((unit & (1u << 31 | 0xFFu)) != (uint8_t)text[i])
            break;
        at ^= unit_offset(unit);
        if (!(unit >> 8 & 1))
            continue;
        if (at >= normalizer->n_units)
            break;
        uint32_t value = unit_at(normalizer, at) & 0x7FFFFFFFu;
        if (value >= normalizer->n_replacements || (normalizer->replacements[value] & 0xC0) == 0x80)
            break; /* outside, or inside a character: no table that a trainer wrote */
        longest = i + 1;
        *replacement = normalizer->replacements + value;
    }
    return longest;
}

/* What the start of text becomes, and how many bytes of it that took. n_bytes > 0. */
static size_t normalize_prefix(const csi_normalizer *normalizer, const char *text, size_t n_bytes, const char **out,
                               size_t *n_out)
{
    size_t n = normalizer->user_pieces ? csi_trie_longest(normalizer->user_pieces, text, n_bytes) : 0;
    *out = text;
    *n_out = n;
    if (n > 0)
        return n;
    n = longest_rule(normalizer, text, n_bytes, out);
    if (n > 0) {
        *n_out = strlen(*out);
        return n;
    }
    uint32_t c;
    n = (size_t)csi_utf8_decode(text, n_bytes, &c);
    *out = n ? text : "\xef\xbf\xbd";
    *n_out = n ? n : 3;
    return n ? n : 1;
}

static void append_escaped(csi_buf *out, const char *text, size_t n_bytes, const char *space)
{
    size_t from = 0;
    for (size_t i = 0; i < n_bytes; i++)
        if (text[i] == ' ') {
            csi_buf_append(out, text + from, i - from);
            csi_buf_text(out, space);
            from = i + 1;
        }
    csi_buf_append(out, text + from, n_bytes - from);
}

void csi_normalize(const csi_normalizer *normalizer, const char *text, size_t n_bytes, csi_buf *out)
{
    const char *space = normalizer->escape_whitespaces ? CSI_SPACE_MARK : " ";
    const size_t n_space = strlen(space), empty = out->size;
    const bool removes = normalizer->remove_extra_whitespaces;
    const char *piece;
    size_t n_piece, at = 0;
    while (removes && at < n_bytes) {
        size_t n = normalize_prefix(normalizer, text + at, n_bytes - at, &piece, &n_piece);
        if (n_piece != 1 || piece[0] != ' ')
            break;
        at += n;
    }
    if (at == n_bytes)
        return;
    if (normalizer->add_dummy_prefix && !normalizer->whitespace_as_suffix)
        csi_buf_append(out, space, n_space);
    bool after_space = removes;
    while (at < n_bytes) {
        at += normalize_prefix(normalizer, text + at, n_bytes - at, &piece, &n_piece);
        while (after_space && n_piece > 0 && piece[0] == ' ') {
            piece++;
            n_piece--;
        }
        append_escaped(out, piece, n_piece, space);
        if (n_piece > 0)
            after_space = removes && piece[n_piece - 1] == ' ';
    }
    while (removes && !out->failed && out->size >= empty + n_space
           && memcmp(out->data + out->size - n_space, space, n_space) == 0) {
        out->size -= n_space;
        out->data[out->size] = 0;
    }
    if (normalizer->add_dummy_prefix && normalizer->whitespace_as_suffix)
        csi_buf_append(out, space, n_space);
}
