/* SPDX-License-Identifier: MIT
 *
 * Layer 1, the door to audio files. The public calls cs_audio_options_init(), cs_audio_read_file(),
 * cs_audio_read_memory() and cs_audio_free() are implemented here: see ctrlspeak.h.
 *
 * Samples flow in one direction and never wait as a whole in the file's own rate and channels: a decoder (raw.c,
 * sndfile.c, ffmpeg.c) pushes interleaved blocks into the intake (intake.c), which mixes, resamples (resample.c) and
 * stores them. Decoders are chosen by what the bytes are, never by the file's name (read.c). broken.c tells whether a
 * container promised more than the file holds.
 */
#ifndef CSI_AUDIO_H
#define CSI_AUDIO_H

#include "base/base.h"

/* For the engine: as cs_audio_read_file(), on an environment of the caller's (options->allocator is ignored). */
cs_err csi_audio_read(const csi_env *env, const char *path, const cs_audio_options *options, cs_audio **audio,
                      cs_error *err);

/* speech.c: false when nothing in these samples can be speech, by their energy. */
bool csi_audio_has_speech(const float *pcm, size_t n_samples, int32_t rate_hz);

#endif
