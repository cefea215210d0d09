/* SPDX-License-Identifier: MIT
 *
 * Raw PCM, described by "format:rate:channels" and nothing else. Integers are divided by 2^(bits-1), u8 is centred at
 * 128 first; floats stay as they are. */
#include "audio/intake.h"

#include <stdio.h>

typedef struct raw_format {
    const char *name;
    uint8_t n_bytes;
    bool is_float, big, is_unsigned;
} raw_format;

static const raw_format formats[] = {
    {"s8", 1, false, false, false},    {"u8", 1, false, false, true},     {"s16le", 2, false, false, false},
    {"s16be", 2, false, true, false},  {"s24le", 3, false, false, false}, {"s24be", 3, false, true, false},
    {"s32le", 4, false, false, false}, {"s32be", 4, false, true, false},  {"f32le", 4, true, false, false},
    {"f32be", 4, true, true, false},   {"f64le", 8, true, false, false},  {"f64be", 8, true, true, false},
};

static const char formats_text[] = "s8 u8 s16le s16be s24le s24be s32le s32be f32le f32be f64le f64be";

/* Decimal digits alone, 1..max; moves *text behind them. 0: not that. */
static int32_t read_number(const char **text, int32_t max)
{
    int32_t value = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (*at - '0');
        if (value > max)
            return 0;
    }
    *text = at;
    return value;
}

static const raw_format *parse(const char *spec, int32_t *rate_hz, int32_t *n_channels)
{
    const char *colon = strchr(spec, ':');
    size_t n = colon ? (size_t)(colon - spec) : 0;
    for (size_t i = 0; colon && i < CSI_COUNT(formats); i++) {
        if (strlen(formats[i].name) != n || memcmp(formats[i].name, spec, n) != 0)
            continue;
        const char *at = colon + 1;
        *rate_hz = read_number(&at, CSI_RATE_MAX);
        if (*rate_hz == 0 || *at++ != ':')
            return NULL;
        *n_channels = read_number(&at, CSI_CHANNELS_MAX);
        return *n_channels > 0 && *at == 0 ? &formats[i] : NULL;
    }
    return NULL;
}

static float read_sample(const raw_format *format, const uint8_t *bytes)
{
    uint64_t bits = 0;
    for (int i = 0; i < format->n_bytes; i++)
        bits |= (uint64_t)bytes[format->big ? format->n_bytes - 1 - i : i] << (8 * i);
    if (format->is_float && format->n_bytes == 4) {
        uint32_t narrow = (uint32_t)bits;
        float value;
        memcpy(&value, &narrow, sizeof value);
        return value;
    }
    if (format->is_float) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return (float)value;
    }
    int64_t half = (int64_t)1 << (8 * format->n_bytes - 1), value = (int64_t)bits;
    if (format->is_unsigned || value >= half)
        value -= format->is_unsigned ? half : 2 * half;
    return (float)((double)value / (double)half);
}

cs_err csi_decode_raw(csi_intake *intake, const char *spec, const uint8_t *data, size_t size, cs_error *err)
{
    int32_t rate_hz, n_channels;
    const raw_format *format = parse(spec, &rate_hz, &n_channels);
    if (!format) {
        char shown[64];
        return csi_fail(err, CS_EINVAL, -1,
                        "raw audio \"%s\" is not format:rate:channels, as s16le:16000:1, with one format of %s, a rate "
                        "of 1 to %d and 1 to %d channels",
                        csi_printable(shown, sizeof shown, spec, strlen(spec)), formats_text, CSI_RATE_MAX,
                        CSI_CHANNELS_MAX);
    }
    cs_err code = csi_intake_begin(intake, rate_hz, n_channels, err);
    if (code != CS_OK)
        return code;
    size_t samples_a_piece = CSI_PIECE_SAMPLES / (size_t)n_channels * (size_t)n_channels;
    float *piece = csi_alloc_array(intake->env, samples_a_piece, sizeof(float));
    if (!piece)
        return csi_fail_memory(err, samples_a_piece * sizeof(float), intake->name);
    size_t frame_bytes = (size_t)format->n_bytes * (size_t)n_channels;
    size_t n_samples = size / frame_bytes * (size_t)n_channels;
    for (size_t done = 0; code == CS_OK && done < n_samples;) {
        size_t n = CSI_MIN(samples_a_piece, n_samples - done);
        for (size_t i = 0; i < n; i++)
            piece[i] = read_sample(format, data + (done + i) * format->n_bytes);
        code = csi_intake_push(intake, piece, n / (size_t)n_channels, err);
        done += n;
    }
    if (size % frame_bytes)
        csi_intake_warn(intake, "%s: the last %zu bytes are not a whole frame of %zu and were left out", intake->name,
                        size % frame_bytes, frame_bytes);
    csi_free(intake->env, piece);
    return code;
}
