/* SPDX-License-Identifier: MIT
 *
 * Everything that libsndfile does not know (m4a, mp4, webm, mkv, aac, wma ...) by FFmpeg's libraries.
 *
 *   - Bytes come from memory through a custom AVIO. Only the demuxers listed below are let in, and none of them can
 *     open anything else: io_open refuses, no protocol is allowed. Playlists, which name other files, are not listed.
 *   - One thread per file; the caller decodes many files at once instead.
 *   - Samples are converted here, by the same rule as everywhere: integers divided by 2^(bits-1).
 *   - FFmpeg writes its messages to stderr unless told otherwise, and the level is one setting for the whole process.
 *     A library that prints nothing has to set it to quiet. Programs that install a log callback of their own with
 *     av_log_set_callback() are not touched: levels bind only FFmpeg's own callback. */
#include "audio/intake.h"

#include <stdio.h>

#ifdef HAVE_FFMPEG

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>

static const char *const demuxers[] = {
    "aac",    "ac3",   "aiff",          "amr",
    "amrnb",  "amrwb", "ape",           "asf",
    "au",     "avi",   "caf",           "dsf",
    "dts",    "dtshd", "eac3",          "flac",
    "flv",    "loas",  "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2",
    "mp3",    "mpc",   "mpc8",          "mpeg",
    "mpegts", "nut",   "ogg",           "oma",
    "rm",     "tak",   "truehd",        "tta",
    "voc",    "w64",   "wav",           "wv",
    "xwma",
};

enum { IO_BYTES = 1 << 15, SILENCE_SECONDS_MAX = 10 };

typedef struct reader {
    const uint8_t *data;
    int64_t size, at;
} reader;

typedef struct decoder {
    csi_intake *intake;
    reader in;
    AVIOContext *io;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    float *piece; /* (CSI_PIECE_SAMPLES) */
    int stream;
    bool stopped; /* rate or channels changed */
} decoder;

static int read_bytes(void *user, uint8_t *out, int n_bytes)
{
    reader *in = user;
    int64_t n = CSI_MIN((int64_t)n_bytes, in->size - in->at);
    if (n <= 0)
        return AVERROR_EOF;
    memcpy(out, in->data + in->at, (size_t)n);
    in->at += n;
    return (int)n;
}

static int64_t seek(void *user, int64_t offset, int whence)
{
    reader *in = user;
    if (whence & AVSEEK_SIZE)
        return in->size;
    whence &= ~AVSEEK_FORCE;
    int64_t base = whence == SEEK_CUR ? in->at : whence == SEEK_END ? in->size : 0, to;
    if (__builtin_add_overflow(base, offset, &to) || to < 0 || to > in->size)
        return AVERROR(EINVAL);
    return in->at = to;
}

static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options)
{
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EACCES);
}

static cs_err refuse(csi_refusal *refusal, const char *what, int failure)
{
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    if (failure)
        av_strerror(failure, reason, sizeof reason);
    snprintf(refusal->text, sizeof refusal->text, "%s%s%s", what, failure ? ": " : "", reason);
    return CS_OK;
}

/* Open the container and the best audio stream's decoder; refusal->text tells why not. */
static cs_err open_stream(decoder *d, csi_refusal *refusal, cs_error *err)
{
    unsigned char *io_buffer = av_malloc(IO_BYTES);
    d->io = io_buffer ? avio_alloc_context(io_buffer, IO_BYTES, 0, &d->in, read_bytes, NULL, seek) : NULL;
    if (!d->io) {
        av_free(io_buffer);
        return csi_fail_memory(err, IO_BYTES, d->intake->name);
    }
    const AVInputFormat *kind = NULL;
    int failure = av_probe_input_buffer2(d->io, &kind, "", NULL, 0, 0);
    if (failure < 0 || !kind)
        return refuse(refusal, "unknown format", failure);
    bool listed = false;
    for (size_t i = 0; i < CSI_COUNT(demuxers); i++)
        listed |= strcmp(kind->name, demuxers[i]) == 0;
    if (!listed) {
        snprintf(refusal->text, sizeof refusal->text, "format %.40s holds no audio that is read here", kind->name);
        return CS_OK;
    }
    d->format = avformat_alloc_context();
    if (!d->format)
        return csi_fail_memory(err, sizeof *d->format, d->intake->name);
    d->format->pb = d->io;
    d->format->io_open = refuse_open;
    d->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    d->format->protocol_whitelist = av_strdup("none");
    failure = avformat_open_input(&d->format, NULL, kind, NULL);
    if (failure == 0)
        failure = avformat_find_stream_info(d->format, NULL);
    if (failure < 0)
        return refuse(refusal, kind->name, failure);
    const AVCodec *codec = NULL;
    d->stream = av_find_best_stream(d->format, AVMEDIA_TYPE_AUDIO, -1, -1, &codec, 0);
    if (d->stream < 0)
        return refuse(refusal, d->stream == AVERROR_DECODER_NOT_FOUND ? "no decoder for its audio" : "no audio stream",
                      0);
    for (unsigned i = 0; i < d->format->nb_streams; i++)
        d->format->streams[i]->discard = (int)i == d->stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    d->codec = avcodec_alloc_context3(codec);
    d->packet = av_packet_alloc();
    d->frame = av_frame_alloc();
    if (!d->codec || !d->packet || !d->frame)
        return csi_fail_memory(err, sizeof *d->codec, d->intake->name);
    failure = avcodec_parameters_to_context(d->codec, d->format->streams[d->stream]->codecpar);
    d->codec->thread_count = 1;
    d->codec->pkt_timebase = d->format->streams[d->stream]->time_base;
    if (failure == 0)
        failure = avcodec_open2(d->codec, codec, NULL);
    return failure < 0 ? refuse(refusal, codec->name, failure) : CS_OK;
}

static int count_channels(const AVFrame *frame)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 28, 100)
    return frame->ch_layout.nb_channels;
#else
    return frame->channels;
#endif
}

static float read_sample(enum AVSampleFormat packed, const uint8_t *bytes)
{
    switch (packed) {
    case AV_SAMPLE_FMT_U8:
        return (float)(bytes[0] - 128) / 128.0f;
    case AV_SAMPLE_FMT_S16:
        return (float)*(const int16_t *)bytes / 32768.0f;
    case AV_SAMPLE_FMT_S32:
        return (float)((double)*(const int32_t *)bytes / 2147483648.0);
    case AV_SAMPLE_FMT_S64:
        return (float)((double)*(const int64_t *)bytes / 9223372036854775808.0);
    case AV_SAMPLE_FMT_DBL:
        return (float)*(const double *)bytes;
    default:
        return *(const float *)bytes;
    }
}

static cs_err push_frame(decoder *d, cs_error *err)
{
    const AVFrame *frame = d->frame;
    csi_intake *intake = d->intake;
    int channels = count_channels(frame);
    cs_err code = CS_OK;
    if (!intake->begun)
        code = csi_intake_begin(intake, frame->sample_rate, channels, err);
    if (code != CS_OK)
        return code;
    if (frame->sample_rate != intake->source_rate_hz || channels != intake->source_channels) {
        d->stopped = true;
        csi_intake_warn(intake,
                        "%s: changes from %d Hz, %d channels to %d Hz, %d channels after %.2f s; only what came "
                        "before is used",
                        intake->name, intake->source_rate_hz, intake->source_channels, frame->sample_rate, channels,
                        (double)intake->n_taken / intake->source_rate_hz);
        return CS_OK;
    }
    enum AVSampleFormat format = (enum AVSampleFormat)frame->format, packed = av_get_packed_sample_fmt(format);
    int n_bytes = av_get_bytes_per_sample(format);
    if (n_bytes <= 0)
        return csi_fail(err, CS_EUNSUPPORTED, -1, "%s: FFmpeg gives samples of an unknown format", intake->name);
    bool planar = av_sample_fmt_is_planar(format) != 0;
    size_t stride = (size_t)channels, frames_a_piece = CSI_PIECE_SAMPLES / stride;
    for (size_t done = 0; code == CS_OK && done < (size_t)frame->nb_samples;) {
        size_t n = CSI_MIN(frames_a_piece, (size_t)frame->nb_samples - done);
        for (size_t c = 0; c < stride; c++) {
            const uint8_t *from = planar ? frame->extended_data[c] + done * (size_t)n_bytes
                                         : frame->extended_data[0] + (done * stride + c) * (size_t)n_bytes;
            size_t step = (size_t)n_bytes * (planar ? 1 : stride);
            for (size_t i = 0; i < n; i++)
                d->piece[i * stride + c] = read_sample(packed, from + i * step);
        }
        code = csi_intake_push(intake, d->piece, n, err);
        done += n;
    }
    return code;
}

/* A packet in the middle that cannot be decoded: silence as long as it would have been keeps later times right. */
static cs_err push_silence(decoder *d, int64_t duration, cs_error *err)
{
    csi_intake *intake = d->intake;
    if (!intake->begun || d->stopped)
        return CS_OK;
    csi_intake_warn(intake, "%s: damaged at %.2f s; silence stands for what could not be decoded", intake->name,
                    (double)intake->n_taken / intake->source_rate_hz);
    AVRational tick = {1, intake->source_rate_hz};
    int64_t n_left = duration > 0 ? av_rescale_q(duration, d->format->streams[d->stream]->time_base, tick) : 0;
    if (n_left <= 0 || n_left > (int64_t)SILENCE_SECONDS_MAX * intake->source_rate_hz)
        return CS_OK;
    memset(d->piece, 0, CSI_PIECE_SAMPLES * sizeof *d->piece);
    cs_err code = CS_OK;
    while (code == CS_OK && n_left > 0) {
        int64_t n = CSI_MIN(n_left, CSI_PIECE_SAMPLES / intake->source_channels);
        code = csi_intake_push(intake, d->piece, (size_t)n, err);
        n_left -= n;
    }
    return code;
}

/* packet NULL: flush. */
static cs_err decode_packet(decoder *d, const AVPacket *packet, cs_error *err)
{
    cs_err code = CS_OK;
    int failure = avcodec_send_packet(d->codec, packet);
    while (code == CS_OK && failure >= 0 && !d->stopped) {
        failure = avcodec_receive_frame(d->codec, d->frame);
        if (failure >= 0)
            code = push_frame(d, err);
    }
    av_frame_unref(d->frame);
    if (failure == AVERROR(ENOMEM))
        return csi_fail(err, CS_ENOMEM, -1, "%s: out of memory in FFmpeg", d->intake->name);
    if (code == CS_OK && failure < 0 && failure != AVERROR(EAGAIN) && failure != AVERROR_EOF)
        code = push_silence(d, packet ? packet->duration : 0, err);
    return code;
}

/* The file ended; did the container promise more? Durations that FFmpeg only guessed from a bit rate do not count. */
static void check_duration(decoder *d, int failure)
{
    csi_intake *intake = d->intake;
    const AVStream *stream = d->format->streams[d->stream];
    double got = (double)intake->n_taken / intake->source_rate_hz, expected = 0;
    if (d->format->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE) {
        if (stream->duration > 0)
            expected = (double)stream->duration * av_q2d(stream->time_base);
        else if (d->format->duration > 0 && d->format->nb_streams == 1)
            expected = (double)d->format->duration / AV_TIME_BASE;
    }
    char reason[AV_ERROR_MAX_STRING_SIZE] = "end of file";
    if (failure != AVERROR_EOF)
        av_strerror(failure, reason, sizeof reason);
    if (failure != AVERROR_EOF || (got < expected - 0.25 && got < expected * 0.99))
        csi_intake_warn(intake, "%s: breaks off after %.2f s (FFmpeg: %s); what was read before is used", intake->name,
                        got, reason);
}

static cs_err decode_all(decoder *d, cs_error *err)
{
    cs_err code = CS_OK;
    int failure = 0;
    while (code == CS_OK && !d->stopped) {
        failure = av_read_frame(d->format, d->packet);
        if (failure < 0)
            break;
        if (d->packet->stream_index == d->stream)
            code = decode_packet(d, d->packet, err);
        av_packet_unref(d->packet);
    }
    if (code == CS_OK && !d->stopped)
        code = decode_packet(d, NULL, err);
    if (code != CS_OK)
        return code;
    if (!d->intake->begun && failure == AVERROR_EOF && d->codec->sample_rate > 0
        && d->format->streams[d->stream]->duration == 0)
        return csi_intake_begin(d->intake, d->codec->sample_rate, 1, err);
    if (d->intake->n_taken == 0)
        return csi_fail(err, CS_EAUDIO, 0, "%s: nothing can be decoded, expected %s audio in %s (FFmpeg)",
                        d->intake->name, d->codec->codec->name, d->format->iformat->name);
    check_duration(d, failure);
    return CS_OK;
}

cs_err csi_decode_ffmpeg(csi_intake *intake, const uint8_t *data, size_t size, csi_refusal *refusal, cs_error *err)
{
    decoder d = {.intake = intake, .in = {.data = data, .size = (int64_t)size}};
    if (av_log_get_level() != AV_LOG_QUIET)
        av_log_set_level(AV_LOG_QUIET);
    cs_err code = CS_OK;
    d.piece = csi_alloc_array(intake->env, CSI_PIECE_SAMPLES, sizeof *d.piece);
    if (!d.piece)
        code = csi_fail_memory(err, CSI_PIECE_SAMPLES * sizeof *d.piece, intake->name);
    if (code == CS_OK)
        code = open_stream(&d, refusal, err);
    if (code == CS_OK && !refusal->text[0])
        code = decode_all(&d, err);
    av_frame_free(&d.frame);
    av_packet_free(&d.packet);
    avcodec_free_context(&d.codec);
    avformat_close_input(&d.format);
    if (d.io)
        av_freep(&d.io->buffer);
    avio_context_free(&d.io);
    csi_free(intake->env, d.piece);
    return code;
}

#else

cs_err csi_decode_ffmpeg(csi_intake *intake, const uint8_t *data, size_t size, csi_refusal *refusal, cs_error *err)
{
    (void)intake, (void)data, (void)size, (void)err;
    snprintf(refusal->text, sizeof refusal->text, "not in this build");
    return CS_OK;
}

#endif
