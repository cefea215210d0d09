/* SPDX-License-Identifier: MIT
 *
 * Layer 1, the door to text: tokenizers (ids to text and back), tokens to words and segments, writers.
 */
#ifndef CSI_TEXT_H
#define CSI_TEXT_H

#include "base/base.h"

/* -------------------------------------------------------------- tokenizers */

typedef struct csi_tokenizer csi_tokenizer;

typedef enum csi_piece_type {
    CSI_PIECE_NORMAL = 1,
    CSI_PIECE_UNKNOWN = 2,
    CSI_PIECE_CONTROL = 3,
    CSI_PIECE_USER = 4,
    CSI_PIECE_UNUSED = 5,
    CSI_PIECE_BYTE = 6
} csi_piece_type;

/* A SentencePiece `.model` (protobuf). data need not outlive the call; env must outlive the tokenizer. Foreign bytes:
 * CS_EMODEL in one sentence naming `name`. */
cs_err csi_tokenizer_open(const csi_env *env, const char *name, const void *data, size_t size,
                          csi_tokenizer **tokenizer, cs_error *err);

/* NeMo's AggregateTokenizer: n tokenizers with their language names; ids are offset by the sizes of those before.
 * On success takes over the tokenizers; languages are copied. */
cs_err csi_tokenizer_aggregate(const csi_env *env, csi_tokenizer *const *tokenizers, const char *const *languages,
                               size_t n, csi_tokenizer **tokenizer, cs_error *err);

/* A plain list of labels, one character or string each, as EncDecCTCModel has: text is their concatenation, words are
 * split at the label " ". Labels are copied. */
cs_err csi_tokenizer_labels(const csi_env *env, const char *const *labels, size_t n, csi_tokenizer **tokenizer,
                            cs_error *err);

void csi_tokenizer_free(csi_tokenizer *tokenizer);

int32_t csi_tokenizer_size(const csi_tokenizer *tokenizer);                  /* pieces, without blank */
const char *csi_tokenizer_piece(const csi_tokenizer *tokenizer, int32_t id); /* NULL out of range */
csi_piece_type csi_tokenizer_type(const csi_tokenizer *tokenizer, int32_t id);
/* Language of an id of an aggregate; "" otherwise. */
const char *csi_tokenizer_language(const csi_tokenizer *tokenizer, int32_t id);

/* Ids to text, appended to out, as NeMo's ids_to_text: the sentencepiece package's decode for a SentencePiece model, the join
 * with U+2581 as spaces for an aggregate. Without the removal of spaces before punctuation. Ids out of range are left out. */
void csi_tokenizer_decode(const csi_tokenizer *tokenizer, const int32_t *ids, size_t n_ids, csi_buf *out);

/* Text to ids as the sentencepiece package gives them (BPE and unigram, normalisation by the model's precompiled
 * charsmap, user-defined pieces, byte fallback). Appends int32_t to out. Aggregate and labels: CS_EUNSUPPORTED. */
cs_err csi_tokenizer_encode(const csi_tokenizer *tokenizer, const char *text, size_t n_bytes, csi_buf *out,
                            cs_error *err);

/* The part of an aggregate for a language ("en"; "en-US" where only that one is there, as NeMo's CanaryTokenizer), whose ids are
 * *first less than the aggregate's. NULL when there is none. Of other tokenizers: itself, *first 0. */
const csi_tokenizer *csi_tokenizer_part_of(const csi_tokenizer *tokenizer, const char *language, int32_t *first);
/* The piece that reads so; -1: none. Of an aggregate only the part named spl_tokens is asked. */
int32_t csi_tokenizer_find(const csi_tokenizer *tokenizer, const char *piece);

/* NeMo's supported punctuation (06 3.1): characters of Unicode category P in the vocabulary's own pieces. */
bool csi_tokenizer_is_punctuation(const csi_tokenizer *tokenizer, uint32_t character);

/* Delete one white-space character directly before each supported punctuation character (NeMo's regex). In place. */
void csi_text_tighten(const csi_tokenizer *tokenizer, csi_buf *text);

/* ----------------------------------------------------------------- prompts */

/* What a Canary decoder is told before it writes. canary: of canary-1b. canary2: of the flash models and canary-1b-v2. */
typedef enum csi_prompt_format { CSI_PROMPT_CANARY, CSI_PROMPT_CANARY2 } csi_prompt_format;

/* NULL and CS_CHOICE_DEFAULT: what the model has as its default. */
typedef struct csi_prompt_slots {
    const char *source, *target;        /* languages: "en" */
    const char *context;                /* canary2: text that went before; special tokens in it are refused */
    const char *emotion;                /* canary2: "<|emo:neutral|>" */
    cs_choice translate;                /* canary; by default yes where source and target differ */
    cs_choice punctuation;              /* and capitals */
    cs_choice itn, timestamps, diarize; /* canary2 */
} csi_prompt_slots;

typedef struct csi_prompt {
    const csi_tokenizer *tokenizer;
    csi_prompt_format format;
    csi_prompt_slots defaults; /* nothing in it is left to a default but translate */
    const char *const *languages;
    size_t n_languages;
} csi_prompt;

/* format is the config's prompt_format. Languages are those that the vocabulary has a token for and, in an aggregate, a part.
 * Memory from the arena; the tokenizer must outlive the prompt. CS_EUNSUPPORTED, CS_EMODEL, CS_ENOMEM. */
cs_err csi_prompt_open(csi_arena *arena, const csi_tokenizer *tokenizer, const char *format, csi_prompt *prompt,
                       cs_error *err);
/* One slot by NeMo's name and value (pnc: yes, <|nopnc|> ..., as in prompt_defaults), which must live as long as slots.
 * CS_EINVAL for what NeMo refuses, naming what there is. */
cs_err csi_prompt_set(csi_prompt_slots *slots, const char *name, const char *value, cs_error *err);
/* The model's own name for "en" or "<|en|>", which lives as long as the prompt; NULL: it has no such language. */
const char *csi_prompt_language(const csi_prompt *prompt, const char *name);
/* Appends the ids of the prompt to out. slots may be NULL. CS_EINVAL names what the model lacks and what it has. */
cs_err csi_prompt_ids(const csi_prompt *prompt, const csi_prompt_slots *slots, csi_buf *out, cs_error *err);
/* canary2: the beginning after which the decoder writes emotion and source language itself. CS_EINVAL otherwise. */
cs_err csi_prompt_beginning(const csi_prompt *prompt, csi_buf *out, cs_error *err);

/* Copy into the arena without any NUL inside. NULL: out of memory. */
char *csi_string(csi_arena *arena, const char *text, size_t n_bytes);
/* Python's strip(): where the text begins; *n_bytes is then what is left. */
const char *csi_strip(const char *text, size_t *n_bytes);

/* --------------------------------------------------------------- composing */

/* What a decoder found, one per emitted token. */
typedef struct csi_emission {
    int32_t id;
    int64_t frame;    /* CTC: first frame of its run */
    int32_t duration; /* TDT: raw; CTC: frames in its run; RNN-T: 1 */
    float logprob;
    float confidence;
} csi_emission;

typedef struct csi_compose {
    const csi_tokenizer *tokenizer;
    cs_head head;                /* decides the token offsets (07 section 2); AED: as they are, text as decoded */
    double frame_stride_seconds; /* window_stride */
    int32_t subsampling_factor;
    cs_aggregate aggregate; /* tokens to word */
    bool raw_spacing;       /* keep spaces before punctuation */
    bool natural_ctc_times;
    const char *separators; /* of segments, default ".?!" (each one character) */
    int64_t segment_gap;    /* frames; -1: none (NeMo's segment_gap_threshold) */
    const char *marks;      /* ASCII punctuation that joins the word before it; NULL: all of the vocabulary's */
} csi_compose;

/* Fill result's text, language, tokens, words and segments from emissions, exactly as NeMo's timestamp_utils and
 * confidence code do (spec 07), all memory from the arena. Other fields of result are left alone. CS_ENOMEM. */
cs_err csi_compose_result(csi_arena *arena, const csi_compose *options, const csi_emission *emissions,
                          size_t n_emissions, cs_result *result, cs_error *err);

/* ------------------------------------------------- times of encoder-decoders */

/* Text with words and segments whose times are not the decoder's frames. Words name no tokens. */
typedef struct csi_timed {
    const char *text;
    cs_word *words;
    cs_segment *segments;
    int32_t n_words, n_segments;
} csi_timed;

/* Text with time tokens, "<|3|>The<|5|> <|6|>harbour.<|9|>", as NeMo's process_aed_timestamp_outputs: what stands between a pair is a
 * word, numbers are frames. Without any pair: the stripped text and no words. CS_ENOMEM. */
cs_err csi_timed_read(csi_arena *arena, const csi_compose *options, const char *text, size_t n_bytes, csi_timed *timed,
                      cs_error *err);
/* The tokens between the time tokens of closed pairs: their places in tokens (n) to content (room for n, or NULL). Returns how many; *closed: so many
 * tokens until the last pair was closed. */
size_t csi_timed_content(const csi_tokenizer *tokenizer, const csi_emission *tokens, size_t n, int32_t *content,
                         size_t *closed);
/* Timed words get confidence and tokens from the words that the decoder's tokens make, matched by their text in order; those of which there is
 * none have NAN and no tokens. */
void csi_timed_link(const cs_word *words, int32_t n_words, csi_timed *timed);

/* A piece of one recording that was heard from start_seconds on. */
typedef struct csi_lap {
    csi_timed timed;
    double start_seconds;
} csi_lap;

/* Pieces that overlap: each word from the piece in which it lies farther from the edge. CS_ENOMEM. */
cs_err csi_timed_laps(csi_arena *arena, const csi_compose *options, const csi_lap *laps, size_t n,
                      double overlap_seconds, csi_timed *timed, cs_error *err);

/* Pieces of one recording, each of so many seconds and frames, one after the other. CS_ENOMEM. */
cs_err csi_timed_join(csi_arena *arena, const csi_timed *pieces, size_t n, double piece_seconds, int64_t piece_frames,
                      csi_timed *timed, cs_error *err);

/* A text on its way to an alignment with an aligner's scores. */
typedef struct csi_aligned {
    csi_emission *tokens; /* (n_tokens) ids; csi_ctc_align() fills frame and duration */
    size_t n_tokens;
    size_t n_whole; /* tokens of the text cut at once: with more of these than frames NeMo has no times */
    const csi_tokenizer *tokenizer;
    struct csi_aligned_part *words, *segments;
    size_t n_words, n_segments;
} csi_aligned;

/* Cut the text into segments, words and the aligner's tokens. whole: it is one word, spaces within, as NeMo aligns chunks. All memory
 * is from the arena; the tokenizer must outlive it. CS_ENOMEM, CS_EUNSUPPORTED. */
cs_err csi_aligned_begin(csi_arena *arena, const csi_tokenizer *tokenizer, const char *text, size_t n_bytes, bool whole,
                         csi_aligned *aligned, cs_error *err);
/* Words and segments from aligned tokens; the tokens' own frames are put right where they are punctuation. CS_ENOMEM. */
cs_err csi_aligned_times(csi_arena *arena, const csi_compose *options, csi_aligned *aligned, csi_timed *timed,
                         cs_error *err);

/* Where two chunks meet: so many of the ids merged so far stay, and of the new ones those from `from` on follow. */
typedef struct csi_seam {
    size_t kept, from;
} csi_seam;

/* Append the ids of the next chunk of one recording, less what both have heard, to merged (int32_t). seam may be NULL. Source: NeMo
 * nemo/collections/asr/parts/utils/chunking_utils.py, streaming_utils.py: lcs_alignment_merge_buffer. CS_ENOMEM. */
cs_err csi_merge_ids(csi_buf *merged, const int32_t *ids, size_t n_ids, int32_t subsampling_factor, csi_seam *seam,
                     cs_error *err);

typedef struct csi_chunk_tokens {
    const csi_emission *tokens; /* frames of the chunk */
    size_t n_tokens;
    int64_t n_frames;
} csi_chunk_tokens;

/* The chunks' tokens that make up the merged ids, with frames of the recording, never backwards: for csi_compose_result() with
 * head CTC, natural times and the marks ",.!?". CS_ENOMEM. */
cs_err csi_merge_times(csi_arena *arena, const csi_chunk_tokens *chunks, size_t n_chunks, int32_t subsampling_factor,
                       const int32_t *merged, size_t n_merged, csi_emission **tokens, size_t *n_tokens, cs_error *err);

/* ----------------------------------------------------------------- writers */

/* cs_result_write() with an allocator: the public call, whose struct has none, uses the C library's. */
cs_err csi_result_write(const csi_env *env, const cs_result *result, cs_format format, const cs_write_options *options,
                        cs_sink sink, void *sink_user, cs_error *err);

#endif
