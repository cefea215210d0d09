/* SPDX-License-Identifier: MIT
 *
 * Reads a SentencePiece `.model`: a protobuf (proto2 wire format) of pieces, trainer and normaliser settings.
 *
 * ModelProto: 1 pieces (repeated), 2 trainer_spec, 3 normalizer_spec, 5 denormalizer_spec. As protobuf does, fields that
 * are unknown, or known with another wire type, are skipped; a message that comes twice is merged, the later value
 * wins. Groups, which SentencePiece never used, are refused.
 *
 * What must be true of a model is what the sentencepiece package checks when it loads one: no empty piece, none with a
 * NUL, none of 8000 bytes or more, none twice; exactly one piece of type UNKNOWN; byte pieces only with byte_fallback and
 * then all 256. On top of that a piece must be UTF-8 (Python could not show it otherwise) and its score a number.
 */
#include "text/text_inside.h"

#include <float.h>
#include <math.h>

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { MAX_PIECE_BYTES = 8000 };

typedef struct message {
    const uint8_t *at, *end;
} message;

typedef struct field {
    uint32_t number;
    unsigned wire;
    uint64_t value; /* varint and fixed */
    message bytes;  /* WIRE_BYTES */
} field;

typedef struct reader {
    csi_arena *arena;
    const uint8_t *start;
    const char *name;
    csi_spm *spm;
    message charsmap, unk_surface;
    cs_error *err;
} reader;

static cs_err broken(const reader *r, const uint8_t *at, const char *what)
{
    int64_t where = at - r->start;
    return csi_fail(r->err, CS_EMODEL, where, "%s: not a SentencePiece model: %s at byte %lld", r->name, what,
                    (long long)where);
}

static bool read_varint(message *m, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70 && m->at < m->end; shift += 7) {
        uint8_t byte = *m->at++;
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool read_fixed(message *m, size_t n_bytes, uint64_t *value)
{
    if ((size_t)(m->end - m->at) < n_bytes)
        return false;
    *value = 0;
    for (size_t i = 0; i < n_bytes; i++)
        *value |= (uint64_t)m->at[i] << (8 * i);
    m->at += n_bytes;
    return true;
}

/* The next field of m, which is not at its end. */
static cs_err read_field(const reader *r, message *m, field *f)
{
    const uint8_t *start = m->at;
    uint64_t key, n_bytes;
    if (!read_varint(m, &key) || key >> 3 == 0 || key >> 3 > 0x1FFFFFFF)
        return broken(r, start, "a bad field number");
    f->number = (uint32_t)(key >> 3);
    f->wire = (unsigned)(key & 7);
    bool whole;
    switch (f->wire) {
    case WIRE_VARINT:
        whole = read_varint(m, &f->value);
        break;
    case WIRE_64:
        whole = read_fixed(m, 8, &f->value);
        break;
    case WIRE_32:
        whole = read_fixed(m, 4, &f->value);
        break;
    case WIRE_BYTES:
        whole = read_varint(m, &n_bytes) && n_bytes <= (uint64_t)(m->end - m->at);
        if (whole) {
            f->bytes = (message){m->at, m->at + n_bytes};
            m->at += n_bytes;
        }
        break;
    default:
        return broken(r, start, "a field of a wire type that is not used");
    }
    return whole ? CS_OK : broken(r, start, "a field that is cut off");
}

static cs_err read_piece(const reader *r, message m, csi_piece *piece)
{
    piece->type = CSI_PIECE_NORMAL;
    while (m.at < m.end) {
        field f;
        cs_err code = read_field(r, &m, &f);
        if (code)
            return code;
        if (f.number == 1 && f.wire == WIRE_BYTES) {
            if (f.bytes.end - f.bytes.at >= MAX_PIECE_BYTES)
                return broken(r, f.bytes.at, "a piece that is too long");
            piece->n_bytes = (uint32_t)(f.bytes.end - f.bytes.at);
            piece->text = (const char *)f.bytes.at;
        } else if (f.number == 2 && f.wire == WIRE_32) {
            uint32_t bits = (uint32_t)f.value;
            memcpy(&piece->score, &bits, sizeof bits);
        } else if (f.number == 3 && f.wire == WIRE_VARINT && f.value >= CSI_PIECE_NORMAL && f.value <= CSI_PIECE_BYTE) {
            piece->type = (uint8_t)f.value;
        }
    }
    return CS_OK;
}

static cs_err read_trainer(reader *r, message m)
{
    csi_spm *spm = r->spm;
    while (m.at < m.end) {
        field f;
        cs_err code = read_field(r, &m, &f);
        if (code)
            return code;
        if (f.wire == WIRE_VARINT && f.number == 3 && f.value >= CSI_SPM_UNIGRAM && f.value <= CSI_SPM_CHAR)
            spm->type = (csi_spm_type)f.value;
        else if (f.wire == WIRE_VARINT && f.number == 24)
            spm->whitespace_as_suffix = f.value != 0;
        else if (f.wire == WIRE_VARINT && f.number == 35)
            spm->byte_fallback = f.value != 0;
        else if (f.wire == WIRE_BYTES && f.number == 44)
            r->unk_surface = f.bytes;
    }
    return CS_OK;
}

static cs_err read_normalizer(reader *r, message m, csi_normalizer *normalizer, message *charsmap)
{
    while (m.at < m.end) {
        field f;
        cs_err code = read_field(r, &m, &f);
        if (code)
            return code;
        if (f.number == 2 && f.wire == WIRE_BYTES)
            *charsmap = f.bytes;
        else if (f.number == 3 && f.wire == WIRE_VARINT)
            normalizer->add_dummy_prefix = f.value != 0;
        else if (f.number == 4 && f.wire == WIRE_VARINT)
            normalizer->remove_extra_whitespaces = f.value != 0;
        else if (f.number == 5 && f.wire == WIRE_VARINT)
            normalizer->escape_whitespaces = f.value != 0;
    }
    return CS_OK;
}

static bool is_utf8(const uint8_t *bytes, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        int n = csi_utf8_decode(bytes + at, n_bytes - at, &c);
        if (n == 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* uint32 size of the double array, the array, then the replacements. */
static cs_err take_charsmap(const reader *r, message blob, csi_normalizer *normalizer)
{
    size_t n_bytes = (size_t)(blob.end - blob.at);
    if (n_bytes == 0)
        return CS_OK;
    uint64_t n_trie;
    message m = blob;
    if (!read_fixed(&m, 4, &n_trie) || n_trie >= n_bytes - 4 || n_trie % 4 != 0)
        return broken(r, blob.at, "a normalisation table of impossible size");
    size_t n_replacements = (size_t)(m.end - m.at) - (size_t)n_trie;
    if (!is_utf8(m.at + n_trie, n_replacements))
        return broken(r, m.at + n_trie, "a normalisation table whose texts are not UTF-8");
    uint8_t *units = csi_arena_alloc(r->arena, (size_t)n_trie);
    char *replacements = csi_arena_text(r->arena, (const char *)m.at + n_trie, n_replacements);
    if (!units || !replacements)
        return csi_fail_memory(r->err, n_bytes, "a tokenizer's normalisation table");
    memcpy(units, m.at, (size_t)n_trie);
    normalizer->units = units;
    normalizer->n_units = (size_t)n_trie / 4;
    normalizer->replacements = replacements;
    normalizer->n_replacements = n_replacements;
    return CS_OK;
}

static cs_err read_messages(reader *r, message m)
{
    csi_spm *spm = r->spm;
    message denormal = {0};
    int32_t id = 0;
    while (m.at < m.end) {
        field f;
        cs_err code = read_field(r, &m, &f);
        if (!code && f.wire == WIRE_BYTES) {
            if (f.number == 1)
                code = read_piece(r, f.bytes, &spm->pieces[id++]);
            else if (f.number == 2)
                code = read_trainer(r, f.bytes);
            else if (f.number == 3)
                code = read_normalizer(r, f.bytes, &spm->normalizer, &r->charsmap);
            else if (f.number == 5)
                code = read_normalizer(r, f.bytes, &spm->denormalizer, &denormal);
        }
        if (code)
            return code;
    }
    spm->normalizer.whitespace_as_suffix = spm->whitespace_as_suffix;
    spm->has_denormalizer = denormal.at < denormal.end;
    cs_err code = take_charsmap(r, r->charsmap, &spm->normalizer);
    return code ? code : take_charsmap(r, denormal, &spm->denormalizer);
}

static cs_err count_pieces(const reader *r, message m)
{
    while (m.at < m.end) {
        field f;
        cs_err code = read_field(r, &m, &f);
        if (code)
            return code;
        if (f.number == 1 && f.wire == WIRE_BYTES) {
            if (r->spm->n_pieces == INT32_MAX - 1)
                return broken(r, m.at, "too many pieces");
            r->spm->n_pieces++;
        }
    }
    return CS_OK;
}

static cs_err bad_piece(const reader *r, int32_t id, const char *what)
{
    char shown[64];
    const csi_piece *piece = &r->spm->pieces[id];
    return csi_fail(r->err, CS_EMODEL, id, "%s: bad SentencePiece model: piece %d (\"%s\") %s", r->name, (int)id,
                    csi_printable(shown, sizeof shown, piece->text ? piece->text : "", piece->n_bytes), what);
}

/* "<0x1F>", hexadecimal digits in capitals. */
static int byte_of_piece(const csi_piece *piece)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *t = piece->text;
    if (piece->n_bytes != 6 || memcmp(t, "<0x", 3) != 0 || t[5] != '>')
        return -1;
    const char *high = strchr(digits, t[3]), *low = strchr(digits, t[4]);
    return high && low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

static cs_err check_byte_pieces(const reader *r)
{
    csi_spm *spm = r->spm;
    int n_found = 0;
    for (int i = 0; i < 256; i++)
        spm->byte_ids[i] = -1;
    for (int32_t id = 0; id < spm->n_pieces; id++) {
        csi_piece *piece = &spm->pieces[id];
        if (piece->type != CSI_PIECE_BYTE)
            continue;
        int byte = byte_of_piece(piece);
        if (!spm->byte_fallback)
            return bad_piece(r, id, "is a byte piece, although byte_fallback is off");
        if (byte < 0)
            return bad_piece(r, id, "is called a byte piece, expected <0x00> to <0xFF>");
        piece->byte = (uint8_t)byte;
        spm->byte_ids[byte] = id;
        n_found++; /* each once: no piece comes twice */
    }
    if (spm->byte_fallback && n_found != 256)
        return csi_fail(r->err, CS_EMODEL, -1,
                        "%s: bad SentencePiece model: byte_fallback is on with %d byte pieces, expected 256", r->name,
                        n_found);
    return CS_OK;
}

static cs_err check_pieces(const reader *r)
{
    csi_spm *spm = r->spm;
    spm->unk_id = -1;
    spm->min_score = FLT_MAX;
    spm->max_score = FLT_MIN; /* as SentencePiece starts: the smallest positive number, so that this is what stays */
    for (int32_t id = 0; id < spm->n_pieces; id++) {
        csi_piece *piece = &spm->pieces[id];
        if (piece->n_bytes == 0)
            return bad_piece(r, id, "is empty");
        if (!is_utf8((const uint8_t *)piece->text, piece->n_bytes) || memchr(piece->text, 0, piece->n_bytes))
            return bad_piece(r, id, "is not UTF-8 text");
        if (isnan(piece->score))
            return bad_piece(r, id, "has a score that is not a number");
        if (piece->type == CSI_PIECE_UNKNOWN && spm->unk_id >= 0)
            return bad_piece(r, id, "is a second unknown piece");
        if (piece->type == CSI_PIECE_UNKNOWN)
            spm->unk_id = id;
        if (piece->type == CSI_PIECE_NORMAL) {
            spm->min_score = CSI_MIN(spm->min_score, piece->score);
            spm->max_score = CSI_MAX(spm->max_score, piece->score);
        }
        spm->has_unused = spm->has_unused || piece->type == CSI_PIECE_UNUSED;
    }
    if (spm->unk_id < 0)
        return csi_fail(r->err, CS_EMODEL, -1,
                        "%s: bad SentencePiece model: none of its %d pieces is of type unknown, expected one", r->name,
                        (int)spm->n_pieces);
    return check_byte_pieces(r);
}

/* Piece texts point into the caller's bytes: copy them into one block, each with a NUL. */
static bool copy_texts(const reader *r)
{
    csi_spm *spm = r->spm;
    size_t total = 0;
    for (int32_t id = 0; id < spm->n_pieces; id++)
        total += (size_t)spm->pieces[id].n_bytes + 1;
    char *block = csi_arena_alloc(r->arena, total);
    if (!block)
        return false;
    for (int32_t id = 0; id < spm->n_pieces; id++) {
        csi_piece *piece = &spm->pieces[id];
        memcpy(block, piece->text, piece->n_bytes);
        piece->text = block;
        block += (size_t)piece->n_bytes + 1;
    }
    return true;
}

/* Where U+2581 stands only at the front of pieces, words can be merged one by one: spm_bpe.c. */
static bool finds_inner_space(const csi_spm *spm)
{
    for (int32_t id = 0; id < spm->n_pieces; id++) {
        const csi_piece *piece = &spm->pieces[id];
        if (piece->type == CSI_PIECE_NORMAL && strstr(piece->text + 1, CSI_SPACE_MARK))
            return true;
    }
    return false;
}

static cs_err build_tables(const reader *r)
{
    csi_spm *spm = r->spm;
    int32_t duplicate;
    const unsigned found = 1u << CSI_PIECE_NORMAL | 1u << CSI_PIECE_USER | 1u << CSI_PIECE_UNUSED;
    if (!csi_piece_map_build(r->arena, &spm->map, spm->pieces, spm->n_pieces, &duplicate)
        || !csi_trie_build(r->arena, &spm->user_trie, spm->pieces, spm->n_pieces, 1u << CSI_PIECE_USER)
        || (spm->type == CSI_SPM_UNIGRAM
            && !csi_trie_build(r->arena, &spm->all_trie, spm->pieces, spm->n_pieces, found)))
        return csi_fail_memory(r->err, (size_t)spm->n_pieces * sizeof(uint32_t), "a tokenizer's piece table");
    if (duplicate >= 0)
        return bad_piece(r, duplicate, "comes twice");
    spm->normalizer.user_pieces = &spm->user_trie;
    spm->inner_space = finds_inner_space(spm);
    size_t n_surface = (size_t)(r->unk_surface.end - r->unk_surface.at);
    if (!is_utf8(r->unk_surface.at, n_surface))
        return broken(r, r->unk_surface.at, "an unk_surface that is not UTF-8");
    spm->unk_surface = r->unk_surface.at ? csi_arena_text(r->arena, (const char *)r->unk_surface.at, n_surface)
                                         : " \xe2\x81\x87 "; /* U+2047 between spaces */
    return spm->unk_surface ? CS_OK : csi_fail_memory(r->err, n_surface, "a tokenizer");
}

cs_err csi_spm_read(csi_arena *arena, const char *name, const void *data, size_t size, csi_spm *spm, cs_error *err)
{
    reader r = {.arena = arena, .start = data, .name = name, .spm = spm, .err = err};
    *spm = (csi_spm){.type = CSI_SPM_UNIGRAM};
    spm->normalizer = (csi_normalizer){.add_dummy_prefix = true, .remove_extra_whitespaces = true};
    spm->normalizer.escape_whitespaces = true;
    spm->denormalizer = spm->normalizer;
    if (size == 0)
        return csi_fail(err, CS_EMODEL, 0, "%s: not a SentencePiece model: the file is empty", name);
    message all = {data, (const uint8_t *)data + size};
    cs_err code = count_pieces(&r, all);
    if (code)
        return code;
    if (spm->n_pieces == 0)
        return csi_fail(err, CS_EMODEL, 0, "%s: not a SentencePiece model: no pieces in it", name);
    spm->pieces = csi_arena_array(arena, (size_t)spm->n_pieces, sizeof *spm->pieces);
    if (!spm->pieces)
        return csi_fail_memory(err, (size_t)spm->n_pieces * sizeof *spm->pieces, "a tokenizer's pieces");
    code = read_messages(&r, all);
    if (!code)
        code = check_pieces(&r);
    if (!code && !copy_texts(&r))
        code = csi_fail_memory(err, size, "a tokenizer's pieces");
    return code ? code : build_tables(&r);
}
