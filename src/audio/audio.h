/* SPDX-License-Identifier: MIT
 *
 * Layer 1, the door to audio files. The public calls cs_audio_read_file(), cs_audio_read_memory() and
 * cs_audio_free() are implemented here: see ctrlspeak.h. Decoders are chosen by what the bytes are, never by the
 * file's name: raw.c (raw PCM), sndfile.c (libsndfile), ffmpeg.c (FFmpeg, when there at build time); mix.c averages or
 * picks channels; resample.c is libsoxr.
 */
#ifndef CSI_AUDIO_H
#define CSI_AUDIO_H

#include "base/base.h"

/* Interleaved samples as decoded, before mixing. */
typedef struct csi_pcm {
    float *samples; /* (n_frames, n_channels), from env */
    size_t n_frames;
    int32_t n_channels;
    int32_t rate_hz;
    char warning[256]; /* "" or one sentence */
} csi_pcm;

/* For the engine: as the public calls, on an environment of the caller's. */
cs_err csi_audio_read(const csi_env *env, const char *path, const cs_audio_options *options, cs_audio **audio,
                      cs_error *err);

#endif
