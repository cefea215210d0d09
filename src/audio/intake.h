/* SPDX-License-Identifier: MIT
 *
 * Inside audio/: where decoders deliver. A decoder calls csi_intake_begin() once it knows rate and channels, then
 * csi_intake_push() for every block, and may leave a warning; the reader calls the rest.
 *
 * What is kept is only what was asked for: the wanted channels at the wanted rate, in blocks that grow with what was
 * really decoded. A header's word about lengths is never used to allocate.
 */
#ifndef CSI_INTAKE_H
#define CSI_INTAKE_H

#include "audio/audio.h"

enum {
    CSI_RATE_MAX = 768000,
    CSI_CHANNELS_MAX = 1024,
    CSI_PIECE_SAMPLES = 1 << 16 /* interleaved samples that decoders read at a time */
};

typedef struct csi_resampler csi_resampler;

typedef struct csi_intake {
    const csi_env *env;
    const char *name;         /* for messages */
    int32_t rate_hz, channel; /* wanted */
    bool begun;
    int32_t source_rate_hz, source_channels;
    int32_t n_channels; /* kept */
    uint64_t n_taken;   /* frames pushed, at the source's rate */
    uint64_t n_kept;    /* frames stored, at the wanted rate */
    size_t block_frames;
    struct csi_intake_block *first, *last;
    float *mixed, *resampled; /* (n_channels, MIXED_FRAMES): scratch */
    csi_resampler *resampler; /* NULL: the rates are the same */
    char warning[256];        /* "" or one sentence */
} csi_intake;

void csi_intake_init(csi_intake *intake, const csi_env *env, const char *name, const cs_audio_options *options);
void csi_intake_finish(csi_intake *intake);

/* CS_EAUDIO: rate or channels out of range, the wanted channel is not there. CS_EUNSUPPORTED: no resampler. */
cs_err csi_intake_begin(csi_intake *intake, int64_t rate_hz, int64_t n_channels, cs_error *err);
/* samples (n_frames, source_channels). CS_EAUDIO: a wanted sample is not finite, or the recording is too long. */
cs_err csi_intake_push(csi_intake *intake, const float *samples, size_t n_frames, cs_error *err);
/* Flush the resampler and move everything into rows (n_channels, *n_samples), one allocation. */
cs_err csi_intake_take(csi_intake *intake, float **rows, size_t *n_samples, cs_error *err);
/* The first warning stays. */
void csi_intake_warn(csi_intake *intake, const char *format, ...) CSI_PRINTF(2, 3);

/* ---------------------------------------------------------------- decoders */

/* Why a decoder did not take the bytes; "" when it did. */
typedef struct csi_refusal {
    char text[160];
} csi_refusal;

/* "s16le:16000:1". CS_EINVAL unless it is exactly that. */
cs_err csi_decode_raw(csi_intake *intake, const char *spec, const uint8_t *data, size_t size, cs_error *err);

/* CS_OK with refusal->text set: not a format that this decoder knows, nothing was delivered. */
cs_err csi_decode_sndfile(csi_intake *intake, const uint8_t *data, size_t size, csi_refusal *refusal, cs_error *err);
cs_err csi_decode_ffmpeg(csi_intake *intake, const uint8_t *data, size_t size, csi_refusal *refusal, cs_error *err);

/* --------------------------------------------------------------- resampler */

cs_err csi_resampler_create(const csi_env *env, const char *name, int32_t from_hz, int32_t to_hz, int32_t n_channels,
                            csi_resampler **resampler, cs_error *err);
void csi_resampler_free(csi_resampler *resampler);
/* in: a pointer to samples per channel, NULL to flush. out: the same, room for n_out. Sets how much was used and made. */
cs_err csi_resampler_run(csi_resampler *resampler, const float *const *in, size_t n_in, size_t *n_used,
                         float *const *out, size_t n_out, size_t *n_made, cs_error *err);

/* ------------------------------------------------------------------ broken */

/* True when the container says that more bytes follow than there are; *missing_bytes is how many, 0 when unknown. */
bool csi_audio_breaks_off(const uint8_t *data, size_t size, uint64_t *missing_bytes);
/* MPEG audio frames: bare, behind ID3v2 tags, or in WAV. */
bool csi_audio_is_mpeg(const uint8_t *data, size_t size);

#endif
