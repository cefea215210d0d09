/* SPDX-License-Identifier: MIT
 *
 * Inside src/text: what its files share.
 *
 *   csi_piece, csi_spm   a SentencePiece model as read (spm_model.c), with its look-ups (spm_table.c)
 *   csi_tokenizer        one of three kinds over the same array of pieces (tokenizer.c)
 *   csi_offsets, ...     token times, words and segments on their way into a cs_result (compose.c, words.c, segments.c)
 *   csi_writer           output through a sink, in pieces, always UTF-8 (writer.c)
 *
 * Everything below a csi_tokenizer is immutable after open: decoding, encoding and composing may run from any number of
 * threads; what they need to write lives in the call.
 */
#ifndef CSI_TEXT_INSIDE_H
#define CSI_TEXT_INSIDE_H

#include "text/text.h"

/* U+2581, which SentencePiece writes for a space. */
#define CSI_SPACE_MARK       "\xe2\x96\x81"
#define CSI_SPACE_MARK_BYTES 3

static inline bool csi_is_space_mark(const char *text, size_t n_bytes)
{
    return n_bytes >= CSI_SPACE_MARK_BYTES && memcmp(text, CSI_SPACE_MARK, CSI_SPACE_MARK_BYTES) == 0;
}

/* ------------------------------------------------------------- characters */

typedef struct csi_range {
    uint32_t first, last;
} csi_range;

bool csi_is_punctuation_char(uint32_t c); /* category P */
bool csi_is_space_char(uint32_t c);       /* Python's str.isspace() */
bool csi_is_mark_char(uint32_t c);        /* category M */
bool csi_is_opening_char(uint32_t c);     /* Ps, Pi */
bool csi_is_wide_char(uint32_t c);        /* letter or punctuation of a script without spaces */
int csi_digit_of_char(uint32_t c);        /* 0 .. 9 of category Nd, else -1 */

/* Length of the character at text, 1 where the bytes are not UTF-8 (*c is then U+FFFD). n_bytes > 0. */
static inline size_t csi_next_char(const char *text, size_t n_bytes, uint32_t *c)
{
    int n = csi_utf8_decode(text, n_bytes, c);
    if (n == 0) {
        *c = 0xFFFD;
        return 1;
    }
    return (size_t)n;
}

/* ------------------------------------------------------------------ pieces */

typedef struct csi_piece {
    const char *text; /* UTF-8 with a NUL after it */
    uint32_t n_bytes;
    float score;
    uint8_t type; /* csi_piece_type */
    uint8_t byte; /* of a BYTE piece */
} csi_piece;

/* Pieces that text is never cut into: what reads "<s>" is not the control piece of that name. */
static inline bool csi_is_reserved(unsigned type)
{
    return type == CSI_PIECE_CONTROL || type == CSI_PIECE_UNKNOWN || type == CSI_PIECE_BYTE;
}

/* Piece text to id: open addressing, linear probing. slots hold id + 1; 0 is free. */
typedef struct csi_piece_map {
    uint32_t *slots;
    size_t mask;
} csi_piece_map;

/* Prefix look-up: a trie whose edges sit in one hash table. Node 0 is the root. */
typedef struct csi_trie_edge {
    uint32_t node, child; /* child 0: free slot */
    uint8_t byte;
} csi_trie_edge;

typedef struct csi_trie {
    csi_trie_edge *edges;
    int32_t *values; /* per node: piece id, or -1 */
    size_t mask;     /* 0: empty trie */
} csi_trie;

bool csi_piece_map_build(csi_arena *arena, csi_piece_map *map, const csi_piece *pieces, int32_t n_pieces,
                         int32_t *duplicate);
/* Id, or -1. */
int32_t csi_piece_map_find(const csi_piece_map *map, const csi_piece *pieces, const char *text, size_t n_bytes);

/* types: bits (1u << csi_piece_type) of the pieces to take in. */
bool csi_trie_build(csi_arena *arena, csi_trie *trie, const csi_piece *pieces, int32_t n_pieces, unsigned types);
/* One edge; 0 when there is none. */
uint32_t csi_trie_step(const csi_trie *trie, uint32_t node, uint8_t byte);
/* Bytes of the longest entry at the start of text, 0 when none. */
size_t csi_trie_longest(const csi_trie *trie, const char *text, size_t n_bytes);

/* --------------------------------------------------------- SentencePiece */

typedef struct csi_normalizer {
    const uint8_t *units; /* double array: n_units little-endian uint32 */
    size_t n_units;
    const char *replacements; /* NUL-terminated strings one after the other */
    size_t n_replacements;    /* bytes, without the NUL that is always after them */
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
    bool whitespace_as_suffix;
    const csi_trie *user_pieces; /* passed unchanged; may be NULL */
} csi_normalizer;

typedef enum csi_spm_type { CSI_SPM_UNIGRAM = 1, CSI_SPM_BPE = 2, CSI_SPM_WORD = 3, CSI_SPM_CHAR = 4 } csi_spm_type;

typedef struct csi_spm {
    csi_piece *pieces;
    int32_t n_pieces;
    int32_t unk_id;
    int32_t byte_ids[256]; /* valid when byte_fallback */
    csi_spm_type type;
    bool byte_fallback, whitespace_as_suffix;
    bool has_unused;
    bool inner_space; /* some piece that merging can make holds U+2581 behind its first character */
    float min_score, max_score;
    const char *unk_surface;
    csi_piece_map map;
    csi_trie user_trie; /* USER pieces: atoms */
    csi_trie all_trie;  /* unigram only: NORMAL, USER, UNUSED */
    csi_normalizer normalizer;
    csi_normalizer denormalizer;
    bool has_denormalizer;
} csi_spm;

/* Read the protobuf; all memory from the arena. */
cs_err csi_spm_read(csi_arena *arena, const char *name, const void *data, size_t size, csi_spm *spm, cs_error *err);
void csi_spm_decode(const csi_spm *spm, const int32_t *ids, size_t n_ids, csi_buf *out);
cs_err csi_spm_encode(const csi_env *env, const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *ids,
                      cs_error *err);

/* Appends to out. */
void csi_normalize(const csi_normalizer *normalizer, const char *text, size_t n_bytes, csi_buf *out);

/* A cut: n_bytes of the normalised text and the id found for them. Cuts are appended to a csi_buf in order. */
typedef struct csi_cut {
    uint32_t n_bytes;
    int32_t id;
} csi_cut;

/* Both return false when out of memory. */
bool csi_bpe_cut(const csi_env *env, const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *cuts);
bool csi_unigram_cut(const csi_env *env, const csi_spm *spm, const char *text, size_t n_bytes, csi_buf *cuts);

/* Bytes of the next symbol: a user piece (*atom is true) or one character. n_bytes > 0. */
size_t csi_spm_symbol(const csi_spm *spm, const char *text, size_t n_bytes, bool *atom);
/* Id of text, the unknown piece's if there is none. */
int32_t csi_spm_find(const csi_spm *spm, const char *text, size_t n_bytes);

/* --------------------------------------------------------------- tokenizer */

typedef enum csi_tokenizer_kind { CSI_TOKENIZER_SPM, CSI_TOKENIZER_AGGREGATE, CSI_TOKENIZER_LABELS } csi_tokenizer_kind;

/* How NeMo groups tokens into words (define_spe_tokenizer_type). */
typedef enum csi_word_rule { CSI_WORDS_BPE, CSI_WORDS_WPE, CSI_WORDS_CHAR } csi_word_rule;

struct csi_tokenizer {
    const csi_env *env;
    csi_arena arena;
    csi_tokenizer_kind kind;
    csi_word_rule word_rule;
    csi_piece *pieces; /* n_pieces */
    int32_t n_pieces;
    csi_spm spm; /* kind SPM */
    csi_tokenizer **parts;
    int32_t *first_ids; /* n_parts + 1 */
    const char **languages;
    size_t n_parts;
    uint32_t *punctuation; /* n_punctuation, ascending */
    size_t n_punctuation;
};

/* Which part of an aggregate an id belongs to; 0 for ids out of range. */
size_t csi_tokenizer_part(const csi_tokenizer *tokenizer, int32_t id);
/* Fill tokenizer's punctuation and word rule from its pieces. */
bool csi_punctuation_find(csi_tokenizer *tokenizer);

/* ------------------------------------------------------------ composition */

/* One token's interval, in encoder frames. */
typedef struct csi_offset {
    int64_t start, end;
} csi_offset;

/* Tokens as the word rules see them. text_at has n + 1 entries into texts. */
typedef struct csi_token_view {
    const csi_compose *options;
    const csi_emission *emissions;
    size_t n;
    const csi_offset *offsets;
    const char *texts;
    const size_t *text_at;
    const uint32_t *punctuation; /* per token: the supported punctuation character that its whole text is, or 0 */
} csi_token_view;

/* Words [first, end) joined with single spaces; NULL when out of memory. */
const char *csi_words_join(csi_arena *arena, const cs_word *words, int32_t first, int32_t end);

/* In NeMo's order of multiplication. */
static inline double csi_seconds_of(const csi_compose *options, int64_t frame)
{
    return (double)frame * options->frame_stride_seconds * (double)options->subsampling_factor;
}

/* Words from tokens; *words is from the arena. False when out of memory. */
bool csi_words_build(csi_arena *arena, const csi_token_view *view, cs_word **words, int32_t *n_words);
/* Confidence of each word; decoded and tightened text are NeMo's two candidates for what it counts words in. */
void csi_words_confidence(const csi_token_view *view, const csi_buf *decoded, const csi_buf *tightened, cs_word *words,
                          int32_t n_words);
bool csi_segments_build(csi_arena *arena, const csi_compose *options, const cs_word *words, int32_t n_words,
                        cs_segment **segments, int32_t *n_segments);

/* ------------------------------------------------------------------ output */

typedef struct csi_writer {
    cs_sink sink;
    void *sink_user;
    size_t n_bytes;
    bool stopped; /* the sink returned non-zero */
    char bytes[4096];
} csi_writer;

void csi_writer_init(csi_writer *writer, cs_sink sink, void *sink_user);
/* Push out what is held back. */
void csi_writer_flush(csi_writer *writer);
void csi_write_raw(csi_writer *writer, const char *bytes, size_t n_bytes);
void csi_write_ascii(csi_writer *writer, const char *text);
/* Text as UTF-8, each byte that is not becomes U+FFFD. one_line: white space becomes a space, other controls go. */
void csi_write_text(csi_writer *writer, const char *text, size_t n_bytes, bool one_line);
void csi_write_int(csi_writer *writer, int64_t value);
/* Exactly digits digits, zeros in front. */
void csi_write_digits(csi_writer *writer, uint64_t value, int digits);
/* Seconds with at most three decimals ("1.28"), or exactly three if fixed; 'null' where not finite. */
void csi_write_seconds(csi_writer *writer, double seconds, bool fixed);
/* Up to six significant digits ("0.987654", "1e-07"); `absent` where not finite. Whatever the locale. */
void csi_write_number(csi_writer *writer, double value, const char *absent);
/* A JSON string with its quotes. text may be NULL: "". */
void csi_write_json_string(csi_writer *writer, const char *text);

/* Seconds to milliseconds, rounded; 0 for what is negative or not a number, at most a hundred thousand hours. */
int64_t csi_milliseconds(double seconds);

void csi_write_json(csi_writer *writer, const cs_result *result, const cs_write_options *options, bool one_line);
/* SRT or VTT. False when out of memory. */
bool csi_write_subtitles(const csi_env *env, csi_writer *writer, const cs_result *result,
                         const cs_write_options *options, bool vtt);

#endif
