/* SPDX-License-Identifier: MIT
 *
 * Which part of what the microphone heard is speech, and how it is cut for decoding. Pure: samples in, spans out; no
 * clock, no thread. All positions are samples at 16 kHz from the first one pushed.
 *
 * Energy with an adaptive noise floor and hysteresis; 450 ms before and after speech are kept; a segment ends after
 * pause_ms of silence. Short words are padded, never dropped. */
#ifndef DICTATE_VOICE_H
#define DICTATE_VOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VOICE_RATE_HZ = 16000 };

typedef struct voice voice;

typedef struct voice_options {
    int32_t pre_ms;           /* kept before speech, 450 */
    int32_t post_ms;          /* kept after it, 450 */
    int32_t onset_ms;         /* this much above the threshold makes speech, 60 */
    int32_t pause_ms;         /* silence that ends a segment, 1000 */
    int32_t longest_ms;       /* a segment is cut at its quietest place before it gets longer, 30000 */
    double open_db, close_db; /* above the noise floor: speech begins, 6; speech ends, 4 */
    double floor_db;          /* never call anything below this speech, dBFS, -70 */
} voice_options;

/* A stretch to decode: [first, first + n) of the samples pushed. Segments never overlap, and every sample that was
 * called speech lies in exactly one. */
typedef struct voice_segment {
    int64_t first, n;
    int64_t speech_first, speech_n; /* without the padding */
    bool hard_cut;                  /* ended by longest_ms, not by a pause: the next goes on in mid-speech */
} voice_segment;

void voice_options_init(voice_options *options);
voice *voice_create(const voice_options *options); /* NULL: out of memory */
void voice_free(voice *v);
/* Start over: the first sample is 0 again; the noise floor is kept. */
void voice_reset(voice *v);
/* These samples belong to a cue of our own: call it before they are pushed. They begin no speech unless they are loud for
 * longer than a cue and its echo can be (200 ms), and are left out of the pre-roll when quiet parts them from the word after
 * them. A word that goes on after them, or was there before, is kept whole, cue included. */
void voice_mask(voice *v, int64_t first, int64_t n);
void voice_push(voice *v, const float *pcm, size_t n);
/* Nothing more comes: close the last segment. */
void voice_finish(voice *v);
/* The next finished segment; false: none yet. */
bool voice_next(voice *v, voice_segment *segment);
/* For a level bar: 0..1 of the last 50 ms, smoothed; and is it speech now? */
float voice_level(const voice *v);
bool voice_speaking(const voice *v);
/* Seconds of speech in [first, first + n), as far as it is remembered: about the longest segment back from now. */
double voice_speech_between(const voice *v, int64_t first, int64_t n);
/* Seconds of speech so far; the last sample of speech so far (0: none). */
double voice_speech_seconds(const voice *v);
int64_t voice_last_speech(const voice *v);

/* Copy a segment for the decoder: VOICE_LEAD_MS of silence in front, VOICE_TAIL_MS behind, and at least VOICE_SHORTEST_MS in
 * all, as Parakeet wants it. out has room for voice_padded(n) samples; returns how many were written, of which the segment's
 * first is at VOICE_LEAD_MS. */
enum { VOICE_LEAD_MS = 100, VOICE_TAIL_MS = 500, VOICE_SHORTEST_MS = 1250 };
size_t voice_padded(size_t n);
size_t voice_pad(const float *pcm, size_t n, float *out);

#endif
