/* SPDX-License-Identifier: MIT
 *
 * Ids to text, as the sentencepiece package decodes.
 *
 *   CONTROL   nothing
 *   UNKNOWN   the model's unk_surface, " \u2047 " unless it says otherwise
 *   BYTE      bytes are gathered over a run and come out as UTF-8; each byte that fits nothing is U+FFFD
 *   the rest  their text with U+2581 as a space
 *
 * The space that encoding put in front (the dummy prefix) is taken off again: while the output is empty, one U+2581 at the
 * start of a piece is dropped. With remove_extra_whitespaces this repeats for as long as the output stays empty;
 * with the dummy prefix alone it happens once. A piece that shows nothing but drops its mark counts as that once.
 */
#include "text/text_inside.h"

static void flush_bytes(csi_buf *out, const csi_buf *bytes)
{
    for (size_t i = 0; i < bytes->size;) {
        uint32_t c;
        int n = csi_utf8_decode(bytes->data + i, bytes->size - i, &c);
        if (n > 0)
            csi_buf_append(out, bytes->data + i, (size_t)n);
        else
            csi_buf_text(out, "\xef\xbf\xbd");
        i += n > 0 ? (size_t)n : 1;
    }
}

/* text with each U+2581 as a space. */
static void append_spaced(csi_buf *out, const char *text, size_t n_bytes)
{
    size_t from = 0;
    for (size_t i = 0; i + CSI_SPACE_MARK_BYTES <= n_bytes;) {
        if (!csi_is_space_mark(text + i, n_bytes - i)) {
            i++;
            continue;
        }
        csi_buf_append(out, text + from, i - from);
        csi_buf_append(out, " ", 1);
        i += CSI_SPACE_MARK_BYTES;
        from = i;
    }
    csi_buf_append(out, text + from, n_bytes - from);
}

static void decode_pieces(const csi_spm *spm, const int32_t *ids, size_t n_ids, csi_buf *out)
{
    const csi_normalizer *normalizer = &spm->normalizer;
    const bool strips = normalizer->add_dummy_prefix || normalizer->remove_extra_whitespaces;
    const size_t empty = out->size;
    bool at_start = true, dropped = false;
    csi_buf bytes;
    csi_buf_init(&bytes, out->env);
    for (size_t i = 0; i < n_ids; i++) {
        if (ids[i] < 0 || ids[i] >= spm->n_pieces)
            continue;
        const csi_piece *piece = &spm->pieces[ids[i]];
        if (piece->type == CSI_PIECE_BYTE) {
            csi_buf_append(&bytes, &piece->byte, 1);
            continue;
        }
        flush_bytes(out, &bytes);
        csi_buf_clear(&bytes);
        at_start = at_start && !dropped && out->size == empty;
        dropped = false;
        if (piece->type == CSI_PIECE_CONTROL)
            continue;
        if (piece->type == CSI_PIECE_UNKNOWN) {
            csi_buf_text(out, spm->unk_surface);
            continue;
        }
        const char *text = piece->text;
        size_t n_bytes = piece->n_bytes;
        if (at_start && strips && csi_is_space_mark(text, n_bytes)) {
            text += CSI_SPACE_MARK_BYTES;
            n_bytes -= CSI_SPACE_MARK_BYTES;
            dropped = !normalizer->remove_extra_whitespaces;
        }
        append_spaced(out, text, n_bytes);
    }
    flush_bytes(out, &bytes);
    out->failed = out->failed || bytes.failed;
    csi_buf_finish(&bytes);
}

void csi_spm_decode(const csi_spm *spm, const int32_t *ids, size_t n_ids, csi_buf *out)
{
    if (!spm->has_denormalizer) {
        decode_pieces(spm, ids, n_ids, out);
        return;
    }
    csi_buf text;
    csi_buf_init(&text, out->env);
    decode_pieces(spm, ids, n_ids, &text);
    if (!text.failed)
        csi_normalize(&spm->denormalizer, text.data ? text.data : "", text.size, out);
    out->failed = out->failed || text.failed;
    csi_buf_finish(&text);
}
