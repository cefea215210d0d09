/* SPDX-License-Identifier: MIT
 *
 * The public calls: options, the choice of the decoder, the finished cs_audio. libsndfile is asked first, FFmpeg gets
 * what libsndfile refuses, and the sentence about a file that nobody knows says what each of them said.
 *
 * MPEG audio goes to FFmpeg alone: the decoder inside libsndfile writes warnings about damaged files to stderr and
 * cannot be told not to, so that it is used only where FFmpeg is not. So does Ogg that breaks off: libsndfile 1.2
 * loses memory when it gives up on one. */
#include "audio/intake.h"

#include <stdio.h>

/* The public part must be first: cs_audio_free() goes from it to the rest. */
typedef struct audio_block {
    cs_audio audio;
    csi_env env;
    float *samples; /* (n_channels, n_samples) */
    char warning[256];
    const float *rows[];
} audio_block;

void cs_audio_options_init(cs_audio_options *options)
{
    if (options)
        *options = (cs_audio_options){.struct_size = sizeof *options, .rate_hz = 16000, .channel = CS_CHANNEL_AVERAGE};
}

static cs_err check_options(const cs_audio_options *given, cs_audio_options *options, cs_error *err)
{
    cs_audio_options_init(options);
    cs_err code = csi_options_copy(options, sizeof *options, given, "cs_audio_options", err);
    if (code)
        return code;
    if (options->rate_hz < 1 || options->rate_hz > CSI_RATE_MAX)
        return csi_fail(err, CS_EINVAL, -1, "audio options ask for %d Hz, expected 1 to %d", options->rate_hz,
                        CSI_RATE_MAX);
    if (options->channel < CS_CHANNEL_EACH)
        return csi_fail(err, CS_EINVAL, -1,
                        "audio options ask for channel %d, expected 0 and up, average (%d) or each (%d)",
                        options->channel, CS_CHANNEL_AVERAGE, CS_CHANNEL_EACH);
    return CS_OK;
}

/* To tell "not audio" from "this build cannot": is it a container whose decoder was left out? */
static bool is_beyond_build(const uint8_t *data, size_t size)
{
#if !defined(HAVE_SNDFILE)
    (void)data, (void)size;
    return true;
#elif !defined(HAVE_FFMPEG)
    return size >= 12
           && (memcmp(data + 4, "ftyp", 4) == 0 || memcmp(data, "\x1A\x45\xDF\xA3", 4) == 0
               || memcmp(data, "\x30\x26\xB2\x75", 4) == 0 || memcmp(data, "FLV", 3) == 0
               || memcmp(data, "#!AMR", 5) == 0 || csi_audio_is_mpeg(data, size));
#else
    (void)data, (void)size;
    return false;
#endif
}

/* CS_OK and reasons "": decoded. CS_OK and reasons: nobody knows these bytes, and what each decoder said. */
static cs_err try_decoders(csi_intake *intake, const uint8_t *data, size_t size, char *reasons, size_t reasons_size,
                           cs_error *err)
{
    csi_refusal sndfile = {"not asked"}, ffmpeg = {""};
    reasons[0] = 0;
#ifdef HAVE_FFMPEG
    uint64_t missing;
    bool ask_sndfile = !csi_audio_is_mpeg(data, size)
                       && !(memcmp(data, "OggS", CSI_MIN(size, (size_t)4)) == 0
                            && (size < 12 || csi_audio_breaks_off(data, size, &missing)));
#else
    bool ask_sndfile = true;
#endif
    if (ask_sndfile) {
        sndfile.text[0] = 0;
        cs_err code = csi_decode_sndfile(intake, data, size, &sndfile, err);
        if (code != CS_OK || !sndfile.text[0])
            return code;
    }
    cs_err code = csi_decode_ffmpeg(intake, data, size, &ffmpeg, err);
    if (code == CS_OK && ffmpeg.text[0])
        snprintf(reasons, reasons_size, "libsndfile: %s; FFmpeg: %s", sndfile.text, ffmpeg.text);
    return code;
}

static cs_err decode_known(csi_intake *intake, const uint8_t *data, size_t size, cs_error *err)
{
    if (size == 0)
        return csi_fail(err, CS_EAUDIO, 0, "%s: is empty, expected an audio file", intake->name);
    char reasons[400];
    cs_err code = try_decoders(intake, data, size, reasons, sizeof reasons, err);
    if (code != CS_OK)
        return code;
    if (reasons[0]) {
        bool lacking = is_beyond_build(data, size);
        return csi_fail(err, lacking ? CS_EUNSUPPORTED : CS_EAUDIO, 0, "%s: %s (%s)", intake->name,
                        lacking ? "this build has no decoder for it" : "is not audio that can be read", reasons);
    }
    uint64_t missing;
    if (csi_audio_breaks_off(data, size, &missing)) {
        if (intake->n_taken == 0)
            return csi_fail(err, CS_EAUDIO, (int64_t)size, "%s: breaks off before its first sample, after %zu bytes",
                            intake->name, size);
        char amount[64] = "";
        if (missing)
            snprintf(amount, sizeof amount, ": at least %llu bytes are missing", (unsigned long long)missing);
        csi_intake_warn(intake, "%s: breaks off after %.2f s%s; what was read before is used", intake->name,
                        (double)intake->n_taken / intake->source_rate_hz, amount);
    }
    return CS_OK;
}

static cs_err make_audio(csi_intake *intake, cs_audio **audio, cs_error *err)
{
    size_t channels = (size_t)intake->n_channels;
    size_t size_bytes = sizeof(audio_block) + channels * sizeof(float *);
    audio_block *block = csi_alloc_zero(intake->env, size_bytes);
    if (!block)
        return csi_fail_memory(err, size_bytes, intake->name);
    cs_err code = csi_intake_take(intake, &block->samples, &block->audio.n_samples, err);
    if (code != CS_OK) {
        csi_free(intake->env, block);
        return code;
    }
    for (size_t c = 0; c < channels; c++)
        block->rows[c] = block->samples + c * block->audio.n_samples;
    csi_env_init(&block->env, &intake->env->allocator, NULL, NULL);
    memcpy(block->warning, intake->warning, sizeof block->warning);
    block->audio.channels = block->rows;
    block->audio.n_channels = intake->n_channels;
    block->audio.rate_hz = intake->rate_hz;
    block->audio.source_rate_hz = intake->source_rate_hz;
    block->audio.source_channels = intake->source_channels;
    block->audio.warning = block->warning[0] ? block->warning : NULL;
    *audio = &block->audio;
    return CS_OK;
}

static cs_err read_bytes(const csi_env *env, const char *name, const uint8_t *data, size_t size,
                         const cs_audio_options *options, cs_audio **audio, cs_error *err)
{
    csi_intake intake;
    csi_intake_init(&intake, env, name, options);
    cs_err code =
        options->raw ? csi_decode_raw(&intake, options->raw, data, size, err) : decode_known(&intake, data, size, err);
    if (code == CS_OK)
        code = make_audio(&intake, audio, err);
    if (code == CS_OK && intake.warning[0])
        csi_log(env, CS_LOG_WARNING, "audio", "%s", intake.warning);
    csi_intake_finish(&intake);
    return code;
}

cs_err csi_audio_read(const csi_env *env, const char *path, const cs_audio_options *options, cs_audio **audio,
                      cs_error *err)
{
    if (!path || !audio)
        return csi_fail(err, CS_EINVAL, -1, "reading audio needs a path and a place for the result");
    *audio = NULL;
    cs_audio_options checked;
    csi_file file;
    cs_err code = check_options(options, &checked, err);
    if (code == CS_OK)
        code = csi_file_open(env, path, &file, err);
    if (code != CS_OK)
        return code;
    code = read_bytes(env, path, file.data, file.size, &checked, audio, err);
    csi_file_close(env, &file);
    return code;
}

cs_err cs_audio_read_file(const char *path, const cs_audio_options *options, cs_audio **audio, cs_error *err)
{
    csi_env env;
    cs_audio_options checked;
    cs_err code = check_options(options, &checked, err);
    if (code)
        return code;
    csi_env_init(&env, checked.allocator, NULL, NULL);
    return csi_audio_read(&env, path, &checked, audio, err);
}

cs_err cs_audio_read_memory(const char *name, const void *data, size_t size, const cs_audio_options *options,
                            cs_audio **audio, cs_error *err)
{
    if (!audio || (!data && size))
        return csi_fail(err, CS_EINVAL, -1, "reading audio needs bytes and a place for the result");
    *audio = NULL;
    cs_audio_options checked;
    cs_err code = check_options(options, &checked, err);
    if (code != CS_OK)
        return code;
    csi_env env;
    csi_env_init(&env, checked.allocator, NULL, NULL);
    return read_bytes(&env, name ? name : "audio", data ? data : "", size, &checked, audio, err);
}

void cs_audio_free(cs_audio *audio)
{
    if (!audio)
        return;
    audio_block *block = (audio_block *)audio;
    csi_env env = block->env;
    csi_free(&env, block->samples);
    csi_free(&env, block);
}
