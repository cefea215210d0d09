/* SPDX-License-Identifier: MIT
 *
 * From interleaved blocks at the file's rate to one row per wanted channel at the wanted rate.
 *
 * The output grows as a chain of blocks and is copied once at the end, each block being released as soon as it was
 * copied: three hours of 48 kHz stereo need the 690 MB of their 16 kHz mono, not the 4 GB of the file as floats.
 *
 * Averages are taken in double: exact for two channels, and no overflow for floats near the top of their range. A
 * sample that is not a number is caught here, before resampling would spread it over its neighbours.
 */
#include "audio/intake.h"

#include <math.h>
#include <stdio.h>

enum { MIXED_FRAMES = 4096, BLOCK_SAMPLES = 1 << 18 };

/* 2^30 samples: 18.6 hours of 16 kHz mono, 4 GiB. A header that lies about the rate (1 Hz) makes 16,000 samples of
 * every byte, so there must be an end. */
static const uint64_t kept_samples_max = (uint64_t)1 << 30;

struct csi_intake_block {
    struct csi_intake_block *next;
    size_t n_frames;
    float samples[]; /* (n_channels, block_frames) */
};

void csi_intake_init(csi_intake *intake, const csi_env *env, const char *name, const cs_audio_options *options)
{
    *intake = (csi_intake){.env = env, .name = name, .rate_hz = options->rate_hz, .channel = options->channel};
}

void csi_intake_finish(csi_intake *intake)
{
    while (intake->first) {
        struct csi_intake_block *next = intake->first->next;
        csi_free(intake->env, intake->first);
        intake->first = next;
    }
    csi_free(intake->env, intake->mixed);
    csi_free(intake->env, intake->resampled);
    csi_resampler_free(intake->resampler);
    intake->last = NULL;
    intake->mixed = intake->resampled = NULL;
    intake->resampler = NULL;
}

void csi_intake_warn(csi_intake *intake, const char *format, ...)
{
    if (intake->warning[0])
        return;
    cs_error text;
    va_list args;
    va_start(args, format);
    vsnprintf(text.message, sizeof text.message, format, args);
    va_end(args);
    csi_printable(intake->warning, sizeof intake->warning, text.message, strlen(text.message));
}

cs_err csi_intake_begin(csi_intake *intake, int64_t rate_hz, int64_t n_channels, cs_error *err)
{
    if (rate_hz < 1 || rate_hz > CSI_RATE_MAX)
        return csi_fail(err, CS_EAUDIO, -1, "%s: sample rate is %lld Hz, expected 1 to %d", intake->name,
                        (long long)rate_hz, CSI_RATE_MAX);
    if (n_channels < 1 || n_channels > CSI_CHANNELS_MAX)
        return csi_fail(err, CS_EAUDIO, -1, "%s: has %lld channels, expected 1 to %d", intake->name,
                        (long long)n_channels, CSI_CHANNELS_MAX);
    if (intake->channel >= n_channels)
        return csi_fail(err, CS_EAUDIO, -1, "%s: has no channel %d, it has %lld (the first is 0)", intake->name,
                        intake->channel, (long long)n_channels);
    intake->begun = true;
    intake->source_rate_hz = (int32_t)rate_hz;
    intake->source_channels = (int32_t)n_channels;
    intake->n_channels = intake->channel == CS_CHANNEL_EACH ? (int32_t)n_channels : 1;
    intake->block_frames = CSI_MAX((size_t)BLOCK_SAMPLES / (size_t)intake->n_channels, (size_t)1024);
    size_t scratch = (size_t)intake->n_channels * MIXED_FRAMES;
    intake->mixed = csi_alloc_array(intake->env, scratch, sizeof(float));
    if (!intake->mixed)
        return csi_fail_memory(err, scratch * sizeof(float), intake->name);
    if (intake->source_rate_hz == intake->rate_hz)
        return CS_OK;
    intake->resampled = csi_alloc_array(intake->env, scratch, sizeof(float));
    if (!intake->resampled)
        return csi_fail_memory(err, scratch * sizeof(float), intake->name);
    return csi_resampler_create(intake->env, intake->name, intake->source_rate_hz, intake->rate_hz, intake->n_channels,
                                &intake->resampler, err);
}

/* rows (n_channels, MIXED_FRAMES), of which n_frames count; NULL rows: silence. */
static cs_err store(csi_intake *intake, const float *rows, size_t n_frames, cs_error *err)
{
    size_t channels = (size_t)intake->n_channels;
    if ((intake->n_kept + n_frames) * channels > kept_samples_max)
        return csi_fail(err, CS_EAUDIO, -1, "%s: longer than %llu samples, the most that one recording may have",
                        intake->name, (unsigned long long)(kept_samples_max / channels));
    for (size_t done = 0; done < n_frames;) {
        struct csi_intake_block *block = intake->last;
        if (!block || block->n_frames == intake->block_frames) {
            size_t size_bytes = sizeof *block + channels * intake->block_frames * sizeof(float);
            block = csi_alloc(intake->env, size_bytes);
            if (!block)
                return csi_fail_memory(err, size_bytes, intake->name);
            block->next = NULL;
            block->n_frames = 0;
            if (intake->last)
                intake->last->next = block;
            else
                intake->first = block;
            intake->last = block;
        }
        size_t n = CSI_MIN(n_frames - done, intake->block_frames - block->n_frames);
        for (size_t c = 0; c < channels; c++) {
            float *to = block->samples + c * intake->block_frames + block->n_frames;
            if (rows)
                memcpy(to, rows + c * MIXED_FRAMES + done, n * sizeof(float));
            else
                memset(to, 0, n * sizeof(float));
        }
        block->n_frames += n;
        done += n;
    }
    intake->n_kept += n_frames;
    return CS_OK;
}

/* Run n_frames of mixed (NULL: flush) through the resampler into the store. */
static cs_err resample(csi_intake *intake, const float *mixed, size_t n_frames, cs_error *err)
{
    const float *in[CSI_CHANNELS_MAX];
    float *out[CSI_CHANNELS_MAX];
    size_t used = 0, n_used, n_made;
    for (int32_t c = 0; c < intake->n_channels; c++)
        out[c] = intake->resampled + (size_t)c * MIXED_FRAMES;
    do {
        for (int32_t c = 0; mixed && c < intake->n_channels; c++)
            in[c] = mixed + (size_t)c * MIXED_FRAMES + used;
        cs_err code = csi_resampler_run(intake->resampler, mixed ? in : NULL, n_frames - used, &n_used, out,
                                        MIXED_FRAMES, &n_made, err);
        if (code == CS_OK)
            code = store(intake, intake->resampled, n_made, err);
        if (code != CS_OK)
            return code;
        used += n_used;
    } while (used < n_frames || n_made == MIXED_FRAMES);
    return CS_OK;
}

/* samples (n_frames, source_channels) to mixed (n_channels, MIXED_FRAMES). Returns the first frame that holds no
 * finite number, or n_frames. */
static size_t mix(const csi_intake *intake, const float *samples, size_t n_frames)
{
    size_t stride = (size_t)intake->source_channels;
    for (int32_t c = 0; c < intake->n_channels; c++) {
        float *row = intake->mixed + (size_t)c * MIXED_FRAMES;
        const float *from = samples + (intake->channel == CS_CHANNEL_EACH ? c : CSI_MAX(intake->channel, 0));
        if (intake->channel != CS_CHANNEL_AVERAGE || stride == 1) {
            for (size_t i = 0; i < n_frames; i++)
                row[i] = from[i * stride];
            continue;
        }
        for (size_t i = 0; i < n_frames; i++) {
            double sum = 0;
            for (size_t k = 0; k < stride; k++)
                sum += samples[i * stride + k];
            row[i] = (float)(sum / (double)stride);
        }
    }
    size_t first = n_frames;
    for (int32_t c = 0; c < intake->n_channels; c++) {
        const float *row = intake->mixed + (size_t)c * MIXED_FRAMES;
        for (size_t i = 0; i < first; i++)
            if (!isfinite(row[i]))
                first = i;
    }
    return first;
}

cs_err csi_intake_push(csi_intake *intake, const float *samples, size_t n_frames, cs_error *err)
{
    while (n_frames) {
        size_t n = CSI_MIN(n_frames, (size_t)MIXED_FRAMES);
        size_t finite = mix(intake, samples, n);
        if (finite < n) {
            uint64_t where = intake->n_taken + finite;
            return csi_fail(err, CS_EAUDIO, (int64_t)where,
                            "%s: sample %llu (at %.3f s) is not a finite number, expected values around -1 to 1",
                            intake->name, (unsigned long long)where, (double)where / intake->source_rate_hz);
        }
        cs_err code =
            intake->resampler ? resample(intake, intake->mixed, n, err) : store(intake, intake->mixed, n, err);
        if (code != CS_OK)
            return code;
        intake->n_taken += n;
        samples += n * (size_t)intake->source_channels;
        n_frames -= n;
    }
    return CS_OK;
}

/* Exactly round(n * out / in) frames: the resampler's own count may be off by one. */
static cs_err settle_length(csi_intake *intake, cs_error *err)
{
    if (!intake->resampler)
        return CS_OK;
    cs_err code = intake->n_taken ? resample(intake, NULL, 0, err) : CS_OK;
    if (code != CS_OK)
        return code;
    uint64_t from = (uint64_t)intake->source_rate_hz, to = (uint64_t)intake->rate_hz;
    uint64_t n_wanted = intake->n_taken / from * to + (intake->n_taken % from * to + from / 2) / from;
    if (n_wanted > intake->n_kept)
        return store(intake, NULL, (size_t)(n_wanted - intake->n_kept), err);
    intake->n_kept = n_wanted;
    return CS_OK;
}

cs_err csi_intake_take(csi_intake *intake, float **rows, size_t *n_samples, cs_error *err)
{
    cs_err code = settle_length(intake, err);
    if (code != CS_OK)
        return code;
    size_t n = (size_t)intake->n_kept, channels = (size_t)intake->n_channels, size_bytes = n * channels * sizeof(float);
    float *samples = csi_alloc(intake->env, size_bytes);
    if (!samples)
        return csi_fail_memory(err, size_bytes, intake->name);
    for (size_t done = 0; intake->first;) {
        struct csi_intake_block *block = intake->first;
        size_t n_copied = CSI_MIN(block->n_frames, n - done);
        for (size_t c = 0; c < channels; c++)
            memcpy(samples + c * n + done, block->samples + c * intake->block_frames, n_copied * sizeof(float));
        done += n_copied;
        intake->first = block->next;
        csi_free(intake->env, block);
    }
    intake->last = NULL;
    *rows = samples;
    *n_samples = n;
    return CS_OK;
}
