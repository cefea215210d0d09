/* SPDX-License-Identifier: MIT
 *
 * ctrlspeak: NVIDIA's Parakeet and Canary speech models from C.
 *
 * A model is opened from the `.nemo` file as NVIDIA publishes it, shared by any number of threads, and asked for
 * text. Three levels, from simple to detailed:
 *
 *   one call    cs_transcribe_file(), cs_transcribe(): a file or a buffer in, a result out
 *   session     cs_session_create(): the same with buffers kept between calls, cancel from another thread, and many
 *               utterances at once
 *   parts       cs_audio_*(): decode and resample files; cs_result_write(): text, JSON, subtitles
 *
 * The smallest whole program:
 *
 *     #include <ctrlspeak.h>
 *     #include <stdio.h>
 *
 *     int main(int argc, char **argv)
 *     {
 *         cs_error err = {0};
 *         cs_model *model = NULL;
 *         cs_result *result = NULL;
 *         if (argc != 3)
 *             return 2;
 *         if (cs_model_open(argv[1], NULL, &model, &err) == CS_OK
 *             && cs_transcribe_file(model, argv[2], NULL, NULL, &result, &err) == CS_OK)
 *             printf("%s\n", result->text);
 *         else
 *             fprintf(stderr, "%s\n", err.message);
 *         cs_result_free(result);
 *         cs_model_close(model);
 *         return err.code != CS_OK;
 *     }
 *
 * Rules that hold for every call
 *   - Fallible calls return a cs_err: CS_OK or a negative code. A cs_error, the caller's memory and allowed to be
 *     NULL, receives the same code and one sentence that names what was met and what was expected.
 *   - On an error every out-parameter is NULL or untouched, and nothing is leaked.
 *   - Options structs are filled by their *_init() function and may be NULL for the defaults.
 *   - Every free and close accepts NULL.
 *   - The library prints nothing, never exits, starts no process, reads no environment variable and keeps no
 *     global state. It works with descriptors 0, 1 and 2 closed and writes to none of them.
 *   - Threads: a model may be used from any number of threads at once; a session, an audio and a result by one
 *     thread at a time.
 */
#ifndef CTRLSPEAK_H
#define CTRLSPEAK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define CS_API
#elif defined(__GNUC__)
#define CS_API __attribute__((visibility("default")))
#else
#define CS_API
#endif

/* ---------------------------------------------------------------- version */

#define CS_VERSION_MAJOR 0
#define CS_VERSION_MINOR 1
#define CS_VERSION_PATCH 0

/* The version of the library that is running, as "0.1.0". Owner: the library, for ever. */
CS_API const char *cs_version(void);

/* ---------------------------------------------------------------- errors */

/* Every code: name, number, meaning. */
#define CS_ERRORS(X)                                                                           \
    X(CS_OK, 0, "success")                                                                     \
    X(CS_EINVAL, -1, "invalid argument")                                                       \
    X(CS_ENOMEM, -2, "out of memory")                                                          \
    X(CS_EIO, -3, "cannot open, read or write")                                                \
    X(CS_EMODEL, -4, "model file damaged, inconsistent or not a model")                        \
    X(CS_EUNSUPPORTED, -5, "well-formed, but of a kind that is not supported")                 \
    X(CS_EAUDIO, -6, "audio damaged, empty of audio, or holding samples that are not numbers") \
    X(CS_ECANCELLED, -7, "cancelled by the caller")                                            \
    X(CS_ESYSTEM, -8, "the operating system refused a thread or another resource")

typedef enum cs_err {
#define CS_ERROR_ENUM(name, number, meaning) name = number,
    CS_ERRORS(CS_ERROR_ENUM)
#undef CS_ERROR_ENUM
} cs_err;

/* What went wrong, for people. Caller's memory; zero it or not, every failing call fills it. */
typedef struct cs_error {
    cs_err code;
    int64_t where;     /* byte, sample or index that the message speaks of; -1 when none */
    char message[480]; /* one UTF-8 sentence without a final newline */
} cs_error;

/* The meaning of a code as in CS_ERRORS. Owner: the library, for ever. Never NULL. */
CS_API const char *cs_err_text(cs_err code);

/* ---------------------------------------------------------------- hooks */

/* Memory for everything the library itself allocates.
 *
 * alloc    returns size bytes at a multiple of alignment (a power of two up to 64), or NULL; size is never 0
 * release  takes back what alloc gave; never called with NULL
 * Threads  called from any thread that uses the library, and from its workers
 * Note     libraries that it calls (YAML, audio decoding, resampling) use malloc themselves */
typedef struct cs_allocator {
    void *(*alloc)(void *user, size_t size, size_t alignment);
    void (*release)(void *user, void *memory);
    void *user;
} cs_allocator;

typedef enum cs_log_level { CS_LOG_ERROR, CS_LOG_WARNING, CS_LOG_INFO, CS_LOG_DEBUG } cs_log_level;

/* One event. part is a short lower-case word ("model", "audio"); text has no final newline; both die with the call.
 * Spoken words and audio are never passed. Called from any thread; must not call the library back. */
typedef void (*cs_log_fn)(void *user, cs_log_level level, const char *part, const char *text);

/* ---------------------------------------------------------------- model */

typedef struct cs_model cs_model;

typedef enum cs_precision {
    /* By size and CPU: f32 where all dense layers together are under 64 MB in f32, else int8 where this CPU's is faster (sse2,
     * avx2, avx512, neon with dot product), else f32. cs_model_info.precision and .precision_reason say what it became. */
    CS_PRECISION_AUTO = 0,
    CS_PRECISION_F32 = 1, /* the reference */
    /* Weights of dense layers in 8 bits with a scale per output, their inputs in 8 bits with a scale per frame, exact sums; the
     * sub-sampling, the layer that decides between tokens and all else as in f32. Little more than a quarter of the memory.
     * Made from the file's weights at every open, or kept in a cache: cs_model_options.cache_folder. */
    CS_PRECISION_INT8 = 2,
    /* Weights of the same layers, and their inputs, in bf16, the upper half of a float; sums in f32. Half the memory. Twice
     * the speed on CPUs that multiply bf16 (AVX-512 BF16), about that of f32 on others. Made or kept as int8 is. */
    CS_PRECISION_BF16 = 3
} cs_precision;

typedef enum cs_head {
    CS_HEAD_AUTO = 0, /* the transducer where the model has one, else CTC; Canary: its decoder */
    CS_HEAD_CTC = 1,
    CS_HEAD_RNNT = 2,
    CS_HEAD_TDT = 3,
    CS_HEAD_AED = 4 /* attention encoder-decoder: Canary */
} cs_head;

typedef struct cs_model_options {
    size_t struct_size;
    cs_precision precision; /* default CS_PRECISION_AUTO */
    int32_t threads;        /* of the model's pool, the caller's included; 0: one per physical core allowed; 1..256 */
    const char *cpu_path;   /* highest path to use: "c", "sse2", "avx2", "avx512", "neon"; NULL: the CPU's best */
    const cs_allocator *allocator; /* copied; NULL: the C library's */
    cs_log_fn log;                 /* NULL: silent */
    void *log_user;
    /* Where packed weights (int8) are kept, so that the next open of the model maps them: made when it is not there, must be the
     * user's own. NULL (default): nowhere. What is wrong with the folder or a file in it is logged, and the model opens as
     * without: never an error. docs/MODEL.md, "Packed weights". */
    const char *cache_folder;
    int64_t cache_max_bytes; /* of all files there, the least recently used go first; 0 (default): 8 GiB */
    int64_t cache_min_bytes; /* of packed weights that are kept; 0 (default): 32 MiB, less is packed as fast */
} cs_model_options;

CS_API void cs_model_options_init(cs_model_options *options);

/* Open a `.nemo` model.
 *
 * Shape    path: a NeMo archive, plain or gzip'd tar, of class EncDecCTCModel*, EncDecRNNT*Model,
 *          EncDecHybridRNNTCTC*Model or EncDecMultiTaskModel (Canary) with a FastConformer encoder
 * Errors   CS_EIO, CS_EMODEL (damaged, or config and tensors disagree), CS_EUNSUPPORTED (a model of another kind),
 *          CS_ENOMEM, CS_ESYSTEM, CS_EINVAL (options)
 * Owner    *model is yours: cs_model_close()
 * Cost     f32 weights are mapped, not copied; int8 and bf16 ones are mapped from the cache, or made here, on all threads,
 *          and their f32 pages given back (of a gzip'd file they stay); the files must not change while the model is open
 * Threads  any
 * Source   NeMo nemo/core/connectors/save_restore_connector.py */
CS_API cs_err cs_model_open(const char *path, const cs_model_options *options, cs_model **model, cs_error *err);

/* One more owner; returns model. Any thread. */
CS_API cs_model *cs_model_retain(cs_model *model);

/* One owner less; the last one frees. Sessions are owners of their model. Any thread. */
CS_API void cs_model_close(cs_model *model);

/* What a model is. Strings and the struct live as long as the model; new fields come at the end. */
typedef struct cs_model_info {
    const char *name;         /* file name without folder and ".nemo" */
    const char *family;       /* "ctc", "rnnt", "tdt", "rnnt_ctc", "tdt_ctc", "aed" */
    const char *nemo_class;   /* last part of the config's `target`: "EncDecRNNTBPEModel" */
    const char *nemo_version; /* as in the config; "" when absent */
    const char *precision;    /* "f32", "int8", "bf16" */
    const char *cpu_path;     /* "c", "sse2", "avx2", "avx512", "neon" */
    uint32_t heads;           /* bit (1u << cs_head) for each head that can be chosen */
    int32_t sample_rate_hz;
    int32_t n_mels;
    int32_t n_layers;
    int32_t d_model;
    int32_t n_heads;
    int32_t conv_kernel;
    int32_t subsampling_factor;
    double frame_seconds;      /* one encoder frame */
    int32_t vocab_size;        /* without blank */
    int32_t n_durations;       /* TDT; 0 otherwise */
    int32_t prediction_layers; /* LSTM layers; 0 for CTC */
    const char *attention;     /* "full", "local [128,128]", "chunked_limited [70,13]" ... */
    const char *const
        *languages; /* n_languages names from the tokenizers, Canary: for the prompt; none: the file does not tell */
    int32_t n_languages;
    int64_t n_parameters; /* elements of all weight tensors that are used */
    int64_t file_bytes;
    int64_t weight_bytes;             /* of weights that are read: mapped, converted, packed, in int8 or bf16 */
    int64_t session_bytes_per_minute; /* about, one minute in one pass, positions too */
    int32_t threads;
    const char *precision_reason; /* "asked for", or how CS_PRECISION_AUTO chose: "auto: avx512 with VNNI" */
    const char *opened;           /* the dense layers: "mapped" (f32), "packed now", "from the cache" */
    /* Where the times of words come from: "frames" of the encoder (Parakeet); Canary: "tokens" that its decoder writes, an
     * "aligner" in the same file, or "none". */
    const char *times;
    const char
        *prompt_format; /* Canary: "canary", "canary2"; "" otherwise. Which options of cs_transcribe_options it takes */
    int32_t
        decoder_layers; /* Canary's transformer decoder, its width, and most tokens of prompt and answer; 0 otherwise */
    int32_t decoder_d_model;
    int32_t max_positions;
} cs_model_info;

CS_API const cs_model_info *cs_model_get_info(const cs_model *model);

/* A tensor of the file, used or not. */
typedef struct cs_tensor_info {
    const char *name;
    const char *dtype; /* "f32", "f16", "bf16", "f64", "i64" ... */
    int32_t n_dims;
    int64_t dims[8];
} cs_tensor_info;

/* The index-th tensor in the order of the file; CS_EINVAL past the last. Strings live as long as the model. */
CS_API cs_err cs_model_get_tensor(const cs_model *model, size_t index, cs_tensor_info *info);

/* Text to token ids, as the model's SentencePiece would cut it; needed for phrases.
 *
 * Returns  CS_OK and *n_ids, the number of ids, of which at most capacity were written
 * Errors   CS_EINVAL (not UTF-8), CS_EUNSUPPORTED (aggregate tokenizer), CS_ENOMEM */
CS_API cs_err cs_model_encode_text(const cs_model *model, const char *text, int32_t *ids, size_t capacity,
                                   size_t *n_ids, cs_error *err);

/* ---------------------------------------------------------------- cache */

/* A file of packed weights in a cs_model_options.cache_folder. */
typedef struct cs_cache_entry {
    const char *file;              /* its name in the folder */
    const char *model, *precision; /* as cs_model_info.name and .precision; "" when damaged or of another version */
    int64_t bytes;
    int64_t used_seconds; /* when it was last opened or written, since 1970 */
} cs_cache_entry;

/* What the folder holds, the most recently used first; other files in it are not ours and not listed. What a writer that was
 * killed left is removed.
 *
 * Returns  CS_OK and *n_entries; a folder that is not there is empty
 * Errors   CS_EIO, CS_ENOMEM, CS_EINVAL
 * Owner    *entries is yours: cs_cache_list_free()
 * Threads  any */
CS_API cs_err cs_cache_list(const char *folder, cs_cache_entry **entries, size_t *n_entries, cs_error *err);
CS_API void cs_cache_list_free(cs_cache_entry *entries);
/* Remove one of them; models that are open keep what they mapped. CS_EIO, CS_EINVAL (no such name). */
CS_API cs_err cs_cache_remove(const char *folder, const char *file, cs_error *err);

/* ---------------------------------------------------------------- audio */

enum { CS_CHANNEL_AVERAGE = -1, CS_CHANNEL_EACH = -2 };

typedef struct cs_audio_options {
    size_t struct_size;
    int32_t rate_hz; /* rate wanted; default 16000 */
    int32_t channel; /* CS_CHANNEL_AVERAGE (default), CS_CHANNEL_EACH, or 0.. for one */
    const char *raw; /* NULL: a file of a known format; else "s16le:16000:1", that is format:rate:channels with
                              format one of s8 u8 s16le s16be s24le s24be s32le s32be f32le f32be f64le f64be */
    const cs_allocator *allocator; /* copied; NULL: the C library's */
} cs_audio_options;

CS_API void cs_audio_options_init(cs_audio_options *options);

/* Decoded audio. Free with cs_audio_free(); fields are for reading. */
typedef struct cs_audio {
    const float *const *channels; /* (n_channels, n_samples), in [-1, 1] for integer formats; floats as they are */
    int32_t n_channels;
    size_t n_samples;
    int32_t rate_hz;
    int32_t source_rate_hz;
    int32_t source_channels;
    const char *warning; /* NULL, or one sentence: the file broke off, what was read is here */
} cs_audio;

/* Decode, mix and resample a file, or bytes in memory (name is for messages).
 *
 * Errors   CS_EIO (cannot open), CS_EAUDIO (no audio in it, damaged from the start, no such channel),
 *          CS_EUNSUPPORTED (built without a decoder), CS_EINVAL (options), CS_ENOMEM
 * Source   integer PCM is divided by 2^(bits-1), as libsndfile and NeMo do; rate changes by libsoxr, high quality */
CS_API cs_err cs_audio_read_file(const char *path, const cs_audio_options *options, cs_audio **audio, cs_error *err);
CS_API cs_err cs_audio_read_memory(const char *name, const void *data, size_t size, const cs_audio_options *options,
                                   cs_audio **audio, cs_error *err);
CS_API void cs_audio_free(cs_audio *audio);

/* ---------------------------------------------------------------- transcribe */

typedef enum cs_confidence {
    CS_CONFIDENCE_MAX_PROB,
    CS_CONFIDENCE_GIBBS_LIN,
    CS_CONFIDENCE_GIBBS_EXP,
    CS_CONFIDENCE_TSALLIS_LIN,
    CS_CONFIDENCE_TSALLIS_EXP,
    CS_CONFIDENCE_RENYI_LIN,
    CS_CONFIDENCE_RENYI_EXP
} cs_confidence;

typedef enum cs_aggregate { CS_AGGREGATE_MIN, CS_AGGREGATE_MEAN, CS_AGGREGATE_MAX, CS_AGGREGATE_PROD } cs_aggregate;

typedef enum cs_choice { CS_CHOICE_DEFAULT, CS_CHOICE_NO, CS_CHOICE_YES } cs_choice;

/* How an encoder-decoder looks for its answer. */
typedef enum cs_search { CS_SEARCH_AUTO, CS_SEARCH_GREEDY, CS_SEARCH_BEAM } cs_search;

enum { CS_MOST_BEAMS = 32 };

typedef struct cs_transcribe_options {
    size_t struct_size;
    cs_head head;                      /* default CS_HEAD_AUTO; CS_EINVAL when the model has no such head */
    int32_t threads;                   /* of the model's pool for this call; 0 (default): all */
    cs_confidence confidence;          /* default CS_CONFIDENCE_TSALLIS_EXP */
    double confidence_alpha;           /* default 0.33; > 0 */
    cs_aggregate confidence_aggregate; /* frames to token, tokens to word; default CS_AGGREGATE_MIN */
    int32_t max_symbols;               /* tokens at one frame; -1 (default): as the model's config says; 0: no limit */
    /* Attention context in encoder frames, INT32_MIN (default): the config's first. [left, right] is free for full and local
     * attention (-1: no limit; NeMo's change_attention_model), as is [left, chunk, right] for chunked_limited_with_rc;
     * for chunked_limited it must be one of the config's pairs. With both sides limited the memory for long audio is, too. */
    int32_t att_left, att_chunk, att_right;
    int32_t raw_punctuation_spacing; /* 0 (default): no space before punctuation, as NeMo; 1: as the pieces say */
    /* 0 (default): CTC token times as NeMo gives them; 1: first to last frame of the token's own run. */
    int32_t natural_ctc_times;

    /* Progress, from the calling thread, at least once per encoder layer: audio seconds done of total, an estimate
     * that only grows. Return non-zero to stop: the call returns CS_ECANCELLED. Must not call the library back. */
    int (*progress)(void *user, double done_seconds, double total_seconds);
    void *progress_user;

    /* Stage tensors for people who port or debug models, from the calling thread: "mel" (n_mels, n_frames),
     * "subsampling" (frames, d_model), "layer_00".., "encoder" (frames, d_model), "ctc_logprobs" (frames, vocab + 1); of Canary
     * "states" (frames, decoder_d_model), and in every run of its decoder "embedding", "decoder_00".. (tokens, decoder_d_model) and
     * "scores" (lines, classes), log-probabilities of what follows.
     * data dies with the call. */
    void (*tensor)(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *data);
    void *tensor_user;

    /* Where the time goes, from the calling thread: a stage has ended that took so long. A name comes as often as the
     * stage is run, once or more a layer: add up what has the same name. Of utterances that are heard together it is the
     * time of all. "mel"; of the encoder "sub-sampling", "sub-sampling output", "positions" (when not kept), "norms",
     * "feed-forward", "queries, keys, values", "attention", "attention output", "convolution products", "depthwise
     * convolution"; "joint projection", "ctc head" or "states", "decode", "words" or "words and times". */
    void (*stage)(void *user, const char *name, double ms);
    void *stage_user;

    /* What follows speaks to encoder-decoders (Canary); with another model all but its default is CS_EINVAL, `timestamps`
     * apart: those models always give times. NULL, CS_CHOICE_DEFAULT: as the archive's prompt_defaults say, else as
     * NeMo's transcribe(). A language or a slot that the model lacks is CS_EINVAL and named with those that it has. */
    const char *language;        /* spoken: "en"; "auto": the decoder tells, where it can (prompt canary2) */
    const char *target_language; /* written; NULL: the spoken one where that is given */
    cs_choice punctuation;       /* and capitals */
    /* Words and segments with times. No by default: they change what some models write (cs_model_info.times). CS_EINVAL
     * where the model has none. */
    cs_choice timestamps;
    const char *context;    /* canary2: text that went before; special tokens in it are CS_EINVAL */
    const char *emotion;    /* canary2: "<|emo:neutral|>" */
    cs_choice itn, diarize; /* canary2: inverse text normalisation; speaker tokens */
    cs_choice translate;    /* canary: its task; by default yes where the languages differ */

    cs_search search;      /* default CS_SEARCH_AUTO: as the model's config says */
    int32_t beams;         /* of CS_SEARCH_BEAM, 1..CS_MOST_BEAMS; 0 (default): as the config says, at least n_best */
    int32_t n_best;        /* alternatives in the result, at most beams; 0 (default): none */
    double length_penalty; /* of CS_SEARCH_BEAM, -100..100; NAN (default): as the config says */
    int32_t max_generation_delta; /* most tokens, prompt included, over the encoder frames; -1: as many as the model has
                                   * positions; INT32_MIN (default): as the config says */
    /* An answer that goes round and round is cut after so many rounds (2..32) of the same 1 to 32 tokens, and 32 tokens at
     * least; cs_result.warning says so. Default 8; 0: never, as NeMo. */
    int32_t repeat_guard;
    /* Recordings of 40 s and more are heard in overlapping chunks of 30 to 40 s, by default and CS_CHOICE_YES. CS_CHOICE_NO: in
     * one pass, as NeMo does where the archive has no aligner; memory then grows with the length, and the answer ends at
     * cs_model_info.max_positions. */
    cs_choice chunking;

    /* Any model. CS_CHOICE_YES: where nothing can be speech nothing is written: recordings, and chunks of long ones, whose loudness stays
     * as it is (silence, hiss, hum) or below -60 dBFS are not decoded. Default: no, as NeMo. */
    cs_choice vad;
} cs_transcribe_options;

CS_API void cs_transcribe_options_init(cs_transcribe_options *options);

/* Times are seconds from the first sample; frames are encoder frames. Where cs_result.has_times is 0 seconds are NAN and frames
 * -1; the tokens of an encoder-decoder never have any, only its words and segments. */
typedef struct cs_token {
    int32_t id;
    const char *piece;                 /* as in the vocabulary, "\xe2\x96\x81the" */
    int64_t frame;                     /* frame at which it was emitted (CTC: first frame of its run) */
    int32_t duration;                  /* TDT: as the model said, may be 0; CTC: frames of its run; RNN-T: 1 */
    double start_seconds, end_seconds; /* NeMo's timestamp["char"] */
    float logprob;                     /* of this token, over the tokens and blank (durations apart) */
    float confidence;
} cs_token;

typedef struct cs_word {
    const char *text;
    double start_seconds, end_seconds;
    int64_t start_frame, end_frame;
    float confidence; /* NAN: no token is known to be the word's */
    int32_t first_token, n_tokens;
} cs_word;

typedef struct cs_segment {
    const char *text;
    double start_seconds, end_seconds;
    int64_t start_frame, end_frame;
    int32_t first_word, n_words;
} cs_segment;

/* One line of a beam search, in NeMo's order of its n-best list, which is not that of the scores. */
typedef struct cs_alternative {
    const char *text;
    double score; /* sum of its tokens' log-probabilities, not divided by the length penalty */
    const int32_t *ids;
    int32_t n_ids;
} cs_alternative;

/* One block of memory; strings inside live as long as it does; new fields come at the end. */
typedef struct cs_result {
    const char *text;
    const char *model; /* cs_model_info.name */
    cs_head head;      /* the one that was used */
    cs_precision precision;
    const char *language; /* "" when the model does not tell; Canary: the spoken one, asked for or told */
    double duration_seconds;
    double score; /* NeMo's Hypothesis.score, of an encoder-decoder the best line's sum: see MODEL.md */
    const cs_token *tokens;
    int32_t n_tokens;
    const cs_word *words;
    int32_t n_words;
    const cs_segment *segments;
    int32_t n_segments;
    int64_t n_frames;                     /* encoder frames */
    double mel_ms, encoder_ms, decode_ms; /* wall clock */
    int64_t
        n_steps; /* evaluations of a transducer's joint or Canary's decoder, of which decode_ms is made; 0 for CTC */
    int32_t has_times;                  /* words and segments have times */
    int32_t looped;                     /* cs_transcribe_options.repeat_guard acted */
    int32_t n_chunks;                   /* passes that the recording was heard in */
    const char *target_language;        /* Canary: the written one; else as language */
    const char *warning;                /* NULL, or what befell the answer, in one sentence */
    const cs_alternative *alternatives; /* n_best of them; none of a recording in several chunks */
    int32_t n_alternatives;
} cs_result;

/* Transcribe a buffer in one call.
 *
 * Shape    pcm (n_samples), mono, at cs_model_info.sample_rate_hz; any n_samples >= 0
 * Units    pcm in [-1, 1]
 * Returns  CS_OK with an empty text when there is nothing to hear
 * Errors   CS_EAUDIO: a sample is NaN or infinite, err->where is its index; CS_EUNSUPPORTED: the language "auto", and the
 *          decoder does not tell it; CS_ECANCELLED; CS_EINVAL; CS_ENOMEM
 * Owner    *result is yours: cs_result_free()
 * Threads  any; calls on one model run at once
 * Source   NeMo nemo/collections/asr/parts/mixins/transcription.py: TranscriptionMixin.transcribe, batch size 1,
 *          for a file (arrays under one second, which NeMo pads, are not padded here, but for Canary, whose files NeMo pads) */
CS_API cs_err cs_transcribe(cs_model *model, const float *pcm, size_t n_samples, const cs_transcribe_options *options,
                            cs_result **result, cs_error *err);

/* Transcribe a file in one call: cs_audio_read_file() at the model's rate, then cs_transcribe().
 * audio_options may be NULL; its rate_hz is ignored, and CS_CHANNEL_EACH is CS_EINVAL. */
CS_API cs_err cs_transcribe_file(cs_model *model, const char *path, const cs_audio_options *audio_options,
                                 const cs_transcribe_options *options, cs_result **result, cs_error *err);

CS_API void cs_result_free(cs_result *result);

/* ---------------------------------------------------------------- session */

typedef struct cs_session cs_session;

/* A session keeps its buffers between calls. It owns a share of the model. */
CS_API cs_err cs_session_create(cs_model *model, cs_session **session, cs_error *err);
CS_API void cs_session_free(cs_session *session);

/* As cs_transcribe(), on the session's buffers. One thread at a time. */
CS_API cs_err cs_session_transcribe(cs_session *session, const float *pcm, size_t n_samples,
                                    const cs_transcribe_options *options, cs_result **result, cs_error *err);

/* Many utterances in one call: short ones share one reading of the model's weights, which is what their time goes into.
 * Each result is to the bit what cs_session_transcribe() gives for that utterance alone, its clocks apart: those are
 * its share of its group's. The call makes the groups, of at most half a minute of sound, so memory does not grow with n.
 *
 * Shape    pcm (n) buffers, n_samples (n) their lengths, results (n), item_errors (n) or NULL; n = 0 is allowed
 * Returns  CS_OK when the call went to its end; results[i] is NULL where utterance i cannot be transcribed, and
 *          item_errors[i] says why: CS_EAUDIO (a sample is NaN or infinite), CS_EINVAL (too long), CS_EUNSUPPORTED (its
 *          language is not told); of the others
 *          item_errors[i].code is CS_OK
 * Errors   CS_ECANCELLED, CS_EINVAL (options), CS_ENOMEM: then every result is NULL
 * Owner    each results[i] is yours: cs_result_free()
 * Note     options.progress counts the seconds of all; options.tensor is called for one utterance after the other,
 *          longest first */
CS_API cs_err cs_session_transcribe_batch(cs_session *session, size_t n, const float *const *pcm,
                                          const size_t *n_samples, const cs_transcribe_options *options,
                                          cs_result **results, cs_error *item_errors, cs_error *err);

/* Stop the running call, or the next one if none runs, within one encoder layer: it returns CS_ECANCELLED.
 * The one session call that any thread, or a signal handler, may make. */
CS_API void cs_session_cancel(cs_session *session);

/* ---------------------------------------------------------------- write */

typedef enum cs_format {
    CS_FORMAT_TXT,
    CS_FORMAT_JSON,
    CS_FORMAT_JSONL,
    CS_FORMAT_SRT,
    CS_FORMAT_VTT,
    CS_FORMAT_CTM,
    CS_FORMAT_TSV
} cs_format;

typedef enum cs_timestamps { CS_TIMESTAMPS_WORD, CS_TIMESTAMPS_SEGMENT, CS_TIMESTAMPS_NONE } cs_timestamps;

typedef struct cs_write_options {
    size_t struct_size;
    const char *file; /* JSON key "file", CTM's recording name; "" by default */
    cs_timestamps
        timestamps;  /* default CS_TIMESTAMPS_WORD: with words and tokens; segment: segments alone; none: text alone */
    int32_t channel; /* CTM's channel, default 1 */
    int32_t max_line_chars; /* subtitles, default 42 */
    int32_t max_lines;      /* subtitles, default 2 */
} cs_write_options;

CS_API void cs_write_options_init(cs_write_options *options);

/* Receives the next piece of output; return non-zero to stop with CS_EIO. */
typedef int (*cs_sink)(void *user, const char *data, size_t size);

/* Write a result. JSON's layout is docs/FORMAT.md. Errors: CS_EIO (the sink stopped), CS_EINVAL (subtitles, CTM or TSV of a
 * result without times, too), CS_ENOMEM. */
CS_API cs_err cs_result_write(const cs_result *result, cs_format format, const cs_write_options *options, cs_sink sink,
                              void *sink_user, cs_error *err);

#ifdef __cplusplus
}
#endif
#endif
