/* SPDX-License-Identifier: MIT
 *
 * One recording: an open microphone and the thread that listens to it. From recording_open() on sound is kept in memory, at
 * most the pre-roll; from recording_begin() on everything counts: it goes to the spool, and the voice activity cuts it into
 * segments, which are announced by mail (MAIL_SEGMENT) as they end. MAIL_RECORDED comes once, when all is there. */
#ifndef DICTATE_RECORDING_H
#define DICTATE_RECORDING_H

#include "dictate/capture/cue.h"
#include "dictate/daemon/mailbox.h"
#include "dictate/spool/spool.h"
#include "dictate/voice/voice.h"

typedef struct recording recording;

typedef struct recording_options {
    int64_t id; /* in every mail */
    capture_system *system;
    const char *device;       /* NULL: the default source */
    const char *spool_folder; /* NULL: sound is kept in memory alone */
    voice_options voice;
    int32_t cue_volume;
    mailbox *box;
} recording_options;

/* NULL: out of memory or threads. */
recording *recording_open(const recording_options *options);
/* how: it is to be heard, for whoever finds it in the spool. */
void recording_begin(recording *r, int64_t time_us, const spoken_as *how);
/* A cue of another recording's can be heard then (CLOCK_MONOTONIC): it is no speech. Before recording_begin() or after it. */
void recording_mask(recording *r, int64_t from_us, int64_t to_us);
/* Nothing spoken after time_us is wanted. MAIL_RECORDED follows. */
void recording_finish(recording *r, int64_t time_us);
/* Stops at once and frees. The sound in the spool is removed, or stays for a later start or the user, with the reason. */
typedef enum recording_fate { RECORDING_FORGET, RECORDING_KEEP } recording_fate;
void recording_close(recording *r, recording_fate fate, const char *reason);

/* One that was kept, from its file: as a recording that has just ended; MAIL_SEGMENT and MAIL_RECORDED come at once. NULL: error. */
recording *recording_recover(const recording_options *options, const char *path, char error[SPOOL_ERROR]);

typedef struct recording_now {
    double seconds; /* since the beginning */
    float level;
    bool speech;
} recording_now;
recording_now recording_look(recording *r);

/* The i-th segment; false: not yet. */
bool recording_segment(recording *r, int32_t i, voice_segment *segment);
/* Seconds of speech in [first, first + n). */
double recording_speech_between(recording *r, int64_t first, int64_t n);
/* Samples [first, first + n) padded for the decoder, the caller's to free(). NULL: out of memory. */
float *recording_padded(recording *r, int64_t first, int64_t n, size_t *n_padded);

/* After MAIL_RECORDED: */
/* Lets go of the microphone's stream and of the thread; the sound stays. */
void recording_rest(recording *r);
double recording_speech_seconds(recording *r);
/* "" while all went well; else why the sound is not on disk. */
const char *recording_spool_trouble(recording *r);

#endif
