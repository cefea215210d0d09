/* SPDX-License-Identifier: MIT
 *
 * Audio files: WAV built here byte by byte, compressed containers from tests/data/audio (half a second of a 440 Hz
 * tone each, made by make.sh there). Numbers, rates, channels, files that break off, headers that lie, allocations
 * that fail. */
#define _POSIX_C_SOURCE 200809L
#include "audio/audio.h"
#include "check.h"

#include <math.h>

static const bool has_sndfile =
#ifdef HAVE_SNDFILE
    true;
#else
    false;
#endif
static const bool has_ffmpeg =
#ifdef HAVE_FFMPEG
    true;
#else
    false;
#endif
static const bool has_soxr =
#ifdef HAVE_SOXR
    true;
#else
    false;
#endif

/* -------------------------------------------------------------- building */

static uint8_t wav[1 << 20];
static size_t wav_size;

static void put(const void *bytes, size_t n)
{
    memcpy(wav + wav_size, bytes, n);
    wav_size += n;
}

static void put_le(uint32_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        put(&byte, 1);
    }
}

/* tag 1: PCM, 3: float, 7: mu-law, 0xFFFE: extensible around PCM. */
static void make_wav(int tag, int bits, uint32_t rate, int channels, const void *data, size_t n_bytes)
{
    bool extensible = tag == 0xFFFE;
    wav_size = 0;
    put("RIFF", 4);
    put_le((uint32_t)(n_bytes + (extensible ? 60 : 36)), 4);
    put("WAVEfmt ", 8);
    put_le(extensible ? 40 : 16, 4);
    put_le((uint32_t)tag, 2);
    put_le((uint32_t)channels, 2);
    put_le(rate, 4);
    put_le(rate * (uint32_t)(channels * bits / 8), 4);
    put_le((uint32_t)(channels * bits / 8), 2);
    put_le((uint32_t)bits, 2);
    if (extensible) {
        put_le(22, 2);
        put_le((uint32_t)bits, 2);
        put_le(channels == 1 ? 4 : 3, 4);
        put("\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", 16);
    }
    put("data", 4);
    put_le((uint32_t)n_bytes, 4);
    put(data, n_bytes);
}

static cs_audio *read_with(const void *data, size_t size, const char *raw, int rate, int channel, cs_err expected,
                           cs_error *err)
{
    cs_audio_options options;
    cs_audio_options_init(&options);
    options.raw = raw;
    options.rate_hz = rate;
    options.channel = channel;
    cs_audio *audio = NULL;
    cs_error own = {0};
    err = err ? err : &own;
    cs_err code = cs_audio_read_memory("clip", data, size, &options, &audio, err);
    if (code != expected)
        printf("# code %d, expected %d: %s\n", code, expected, err->message);
    CHECK_INT(code, expected);
    CHECK_INT(audio != NULL, expected == CS_OK);
    return audio;
}

static cs_audio *read_wav(int rate, int channel)
{
    return read_with(wav, wav_size, NULL, rate, channel, CS_OK, NULL);
}

static uint8_t *read_whole(const char *name, size_t *size)
{
    char path[256];
    snprintf(path, sizeof path, "tests/data/audio/%s", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    uint8_t *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

/* Amplitude of the hz tone in the middle half of the row. */
static double tone_level(const float *row, size_t n, double rate_hz, double hz)
{
    double re = 0, im = 0;
    size_t from = n / 4, to = n - n / 4;
    for (size_t i = from; i < to; i++) {
        re += row[i] * cos(6.283185307179586 * hz * (double)i / rate_hz);
        im += row[i] * sin(6.283185307179586 * hz * (double)i / rate_hz);
    }
    return to > from ? 2 * sqrt(re * re + im * im) / (double)(to - from) : 0;
}

/* ----------------------------------------------------------------- tests */

static void integers_are_divided(void)
{
    const int16_t s16[] = {0, 1, -1, 32767, -32768, 16384};
    make_wav(1, 16, 16000, 1, s16, sizeof s16);
    cs_audio *audio = read_wav(16000, CS_CHANNEL_AVERAGE);
    if (audio && CHECK_INT(audio->n_samples, 6))
        for (int i = 0; i < 6; i++)
            CHECK_NEAR(audio->channels[0][i], s16[i] / 32768.0, 0);
    CHECK(audio && !audio->warning);
    cs_audio_free(audio);

    make_wav(1, 24, 16000, 1, "\x00\x00\x40\xff\xff\xff\x00\x00\x80", 9);
    audio = read_wav(16000, CS_CHANNEL_AVERAGE);
    if (audio && CHECK_INT(audio->n_samples, 3)) {
        CHECK_NEAR(audio->channels[0][0], 0.5, 0);
        CHECK_NEAR(audio->channels[0][1], -1.0 / 8388608, 0);
        CHECK_NEAR(audio->channels[0][2], -1, 0);
    }
    cs_audio_free(audio);

    make_wav(1, 8, 16000, 1, "\x00\x80\xff\xc0", 4);
    audio = read_wav(16000, CS_CHANNEL_AVERAGE);
    if (audio && CHECK_INT(audio->n_samples, 4)) {
        CHECK_NEAR(audio->channels[0][0], -1, 0);
        CHECK_NEAR(audio->channels[0][1], 0, 0);
        CHECK_NEAR(audio->channels[0][2], 127 / 128.0, 0);
        CHECK_NEAR(audio->channels[0][3], 0.5, 0);
    }
    cs_audio_free(audio);

    make_wav(7, 8, 8000, 1, "\xff\x7f\x00\x80", 4);
    audio = read_wav(8000, CS_CHANNEL_AVERAGE);
    if (audio && CHECK_INT(audio->n_samples, 4)) {
        CHECK_NEAR(audio->channels[0][0], 0, 0);
        CHECK_NEAR(audio->channels[0][2], -32124 / 32768.0, 0);
        CHECK_NEAR(audio->channels[0][3], 32124 / 32768.0, 0);
    }
    cs_audio_free(audio);

    make_wav(0xFFFE, 16, 16000, 2, s16, sizeof s16);
    audio = read_wav(16000, 1);
    if (audio && CHECK_INT(audio->n_samples, 3)) {
        CHECK_INT(audio->source_channels, 2);
        CHECK_NEAR(audio->channels[0][1], 32767 / 32768.0, 0);
    }
    cs_audio_free(audio);
}

static void floats_stay(void)
{
    const float loud[] = {0.1f, -2.5f, 1e30f, 0};
    make_wav(3, 32, 16000, 1, loud, sizeof loud);
    cs_audio *audio = read_wav(16000, CS_CHANNEL_AVERAGE);
    if (audio && CHECK_INT(audio->n_samples, 4))
        CHECK(memcmp(audio->channels[0], loud, sizeof loud) == 0);
    cs_audio_free(audio);

    cs_error err = {0};
    const float bad[] = {0, 0, 0, NAN, 0, INFINITY};
    make_wav(3, 32, 16000, 1, bad, sizeof bad);
    read_with(wav, wav_size, NULL, 16000, CS_CHANNEL_AVERAGE, CS_EAUDIO, &err);
    CHECK_INT(err.where, 3);
    CHECK(strstr(err.message, "sample 3 ") != NULL);
    /* Another rate would spread it; the other channel is not looked at. */
    make_wav(3, 32, 44100, 2, bad, sizeof bad);
    read_with(wav, wav_size, NULL, 16000, CS_CHANNEL_AVERAGE, CS_EAUDIO, &err);
    CHECK_INT(err.where, 1);
    cs_audio_free(read_with(wav, wav_size, NULL, 16000, 0, CS_OK, NULL));
}

static void channels_are_chosen(void)
{
    const int16_t three[] = {3000, 6000, -3000, 300, 600, 900};
    make_wav(1, 16, 16000, 3, three, sizeof three);
    cs_audio *audio = read_wav(16000, CS_CHANNEL_AVERAGE);
    if (audio && CHECK_INT(audio->n_samples, 2)) {
        CHECK_NEAR(audio->channels[0][0], 2000 / 32768.0, 1e-9);
        CHECK_NEAR(audio->channels[0][1], 600 / 32768.0, 1e-9);
    }
    cs_audio_free(audio);
    audio = read_wav(16000, CS_CHANNEL_EACH);
    if (audio && CHECK_INT(audio->n_channels, 3))
        for (int c = 0; c < 3; c++) {
            CHECK_NEAR(audio->channels[c][0], three[c] / 32768.0, 0);
            CHECK_NEAR(audio->channels[c][1], three[3 + c] / 32768.0, 0);
        }
    cs_audio_free(audio);
    cs_error err = {0};
    read_with(wav, wav_size, NULL, 16000, 3, CS_EAUDIO, &err);
    CHECK_STR(err.message, "clip: has no channel 3, it has 3 (the first is 0)");
}

static void broken_wavs(void)
{
    static int16_t second[16000];
    cs_error err = {0};
    for (int i = 0; i < 16000; i++)
        second[i] = (int16_t)(i % 100 * 100);
    make_wav(1, 16, 16000, 1, second, sizeof second);
    for (size_t size = 0; size < wav_size; size += size < 60 ? 1 : 1009) {
        cs_audio *audio = NULL;
        cs_err code = cs_audio_read_memory("cut.wav", wav, size, NULL, &audio, &err);
        CHECK(code == CS_OK || code == CS_EAUDIO);
        CHECK(code != CS_OK || (audio->warning && audio->n_samples == (size - 44) / 2));
        if (code == CS_OK && !audio->warning)
            CHECK(code == CS_OK || strncmp(err.message, "cut.wav: ", 9) == 0);
        CHECK(code == CS_OK || size < 46);
        cs_audio_free(audio);
    }
    /* The header promises 2 GB. */
    memcpy(wav + 40, "\x00\x00\x00\x70", 4);
    cs_audio *audio = read_wav(16000, CS_CHANNEL_AVERAGE);
    CHECK(audio && audio->n_samples == 16000 && audio->warning);
    cs_audio_free(audio);
    /* A writer to a pipe did not know the size: nothing is missing. */
    memcpy(wav + 40, "\xff\xff\xff\xff", 4);
    audio = read_wav(16000, CS_CHANNEL_AVERAGE);
    CHECK(audio && audio->n_samples == 16000 && !audio->warning);
    cs_audio_free(audio);

    make_wav(1, 16, 16000, 1, second, 0);
    audio = read_wav(16000, CS_CHANNEL_AVERAGE);
    CHECK(audio && audio->n_samples == 0);
    cs_audio_free(audio);

    read_with("", 0, NULL, 16000, CS_CHANNEL_AVERAGE, CS_EAUDIO, &err);
    CHECK_STR(err.message, "clip: is empty, expected an audio file");
    read_with("Dear diary, today was a day like any other.", 43, NULL, 16000, -1, CS_EAUDIO, &err);
    CHECK(strstr(err.message, "clip: is not audio that can be read (libsndfile: ") != NULL);
}

static void long_file_at_odd_rates(void)
{
    static int16_t tone[200000];
    static const int rates[] = {1, 7, 8000, 11025, 22050, 44100, 48000, 96000, 192000, 768000};
    for (size_t i = 0; i < CSI_COUNT(rates); i++) {
        size_t n = rates[i] < 100 ? 3 : 100000;
        for (size_t k = 0; k < n; k++)
            tone[k] = (int16_t)lrint(16384 * sin(6.283185307179586 * 440 * (double)k / rates[i]));
        make_wav(1, 16, (uint32_t)rates[i], 1, tone, n * 2);
        cs_audio *audio = read_wav(16000, CS_CHANNEL_AVERAGE);
        if (!audio)
            continue;
        CHECK_INT(audio->n_samples, (n * 16000 + (size_t)rates[i] / 2) / (size_t)rates[i]);
        CHECK_INT(audio->source_rate_hz, rates[i]);
        if (rates[i] >= 8000)
            CHECK_NEAR(tone_level(audio->channels[0], audio->n_samples, 16000, 440), 0.5, 1e-3);
        cs_audio_free(audio);
    }
    /* 6 kHz passes, 10 kHz would fold to 6 kHz and must not. */
    for (int hz = 6000; hz <= 10000; hz += 4000) {
        for (size_t k = 0; k < 200000; k++)
            tone[k] = (int16_t)lrint(16384 * sin(6.283185307179586 * hz * (double)k / 48000));
        make_wav(1, 16, 48000, 1, tone, sizeof tone);
        cs_audio *audio = read_wav(16000, CS_CHANNEL_AVERAGE);
        if (audio)
            CHECK_NEAR(tone_level(audio->channels[0], audio->n_samples, 16000, 6000), hz == 6000 ? 0.5 : 0, 1e-4);
        cs_audio_free(audio);
    }
}

static void raw_pcm(void)
{
    static const struct {
        const char *format;
        const char bytes[9];
        size_t n_bytes;
        double value;
    } cases[] = {
        {"s8:8000:1", "\xc0", 1, -0.5},
        {"u8:8000:1", "\xc0", 1, 0.5},
        {"s16le:8000:1", "\x00\xc0", 2, -0.5},
        {"s16be:8000:1", "\xc0\x00", 2, -0.5},
        {"s24le:8000:1", "\x00\x00\x40", 3, 0.5},
        {"s24be:8000:1", "\x80\x00\x00", 3, -1},
        {"s32le:8000:1", "\x00\x00\x00\x80", 4, -1},
        {"s32be:8000:1", "\x40\x00\x00\x00", 4, 0.5},
        {"f32le:8000:1", "\x00\x00\x40\x40", 4, 3},
        {"f32be:8000:1", "\x40\x40\x00\x00", 4, 3},
        {"f64le:8000:1", "\x00\x00\x00\x00\x00\x00\x08\x40", 8, 3},
        {"f64be:8000:1", "\x40\x08\x00\x00\x00\x00\x00\x00", 8, 3},
    };
    for (size_t i = 0; i < CSI_COUNT(cases); i++) {
        cs_audio *audio = read_with(cases[i].bytes, cases[i].n_bytes, cases[i].format, 8000, -1, CS_OK, NULL);
        if (audio && CHECK_INT(audio->n_samples, 1))
            CHECK_NEAR(audio->channels[0][0], cases[i].value, 0);
        cs_audio_free(audio);
    }
    static const char *const wrong[] = {"",
                                        "s16le",
                                        "s16le:16000",
                                        "s16le:16000:",
                                        "s16le::1",
                                        "s16:16000:1",
                                        "s16le:16000:1:",
                                        "s16le:16000:1 ",
                                        " s16le:16000:1",
                                        "s16le:-1:1",
                                        "s16le:0:1",
                                        "s16le:16000:0",
                                        "s16le:+1:1",
                                        "s16le:768001:1",
                                        "s16le:16000:1025",
                                        "S16LE:16000:1",
                                        "s16le:99999999999999999999:1",
                                        ":16000:1"};
    cs_error err = {0};
    for (size_t i = 0; i < CSI_COUNT(wrong); i++)
        read_with("\0\0", 2, wrong[i], 8000, -1, CS_EINVAL, &err);
    CHECK(strstr(err.message, "format:rate:channels") != NULL);
    cs_audio *audio = read_with("\0\1\2\3\4\5\6", 7, "s16le:8000:2", 8000, -1, CS_OK, NULL);
    CHECK(audio && audio->n_samples == 1 && audio->warning);
    if (audio)
        CHECK_STR(audio->warning, "clip: the last 3 bytes are not a whole frame of 4 and were left out");
    cs_audio_free(audio);
    audio = read_with("", 0, "s16le:8000:1", 8000, -1, CS_OK, NULL);
    CHECK(audio && audio->n_samples == 0 && !audio->warning);
    cs_audio_free(audio);
}

static void misuse(void)
{
    cs_audio *audio = (cs_audio *)1;
    cs_error err = {0};
    cs_audio_options options = {0};
    CHECK_INT(cs_audio_read_memory("x", "", 0, &options, &audio, &err), CS_EINVAL);
    CHECK(audio == NULL);
    CHECK_INT(cs_audio_read_file(NULL, NULL, &audio, &err), CS_EINVAL);
    CHECK_INT(cs_audio_read_file("/nonexistent/x.wav", NULL, &audio, &err), CS_EIO);
    CHECK_INT(cs_audio_read_file("/", NULL, &audio, NULL), CS_EIO);
    cs_audio_options_init(&options);
    options.rate_hz = 0;
    CHECK_INT(cs_audio_read_memory("x", "", 0, &options, &audio, &err), CS_EINVAL);
    options.rate_hz = 16000;
    options.channel = -3;
    CHECK_INT(cs_audio_read_memory("x", "", 0, &options, &audio, &err), CS_EINVAL);
    cs_audio_free(NULL);
}

/* Every container: whole it has the tone; cut at many places it has less and a warning, or an error, never more. */
static void container(const char *name, double level)
{
    size_t size = 0;
    uint8_t *bytes = read_whole(name, &size);
    if (!CHECK(bytes != NULL))
        return;
    cs_audio *audio = read_with(bytes, size, NULL, 16000, -1, CS_OK, NULL);
    size_t whole = audio ? audio->n_samples : 0;
    if (audio) {
        printf("# %s: %d Hz, %d channels, %zu samples at 16 kHz\n", name, audio->source_rate_hz, audio->source_channels,
               whole);
        CHECK_NEAR((double)whole, 8000, 1300);
        CHECK_NEAR(tone_level(audio->channels[0], whole, 16000, 440), level, level * 0.2);
        CHECK_STR(audio->warning, NULL);
    }
    cs_audio_free(audio);
    size_t n_warned = 0, n_refused = 0, n_silent = 0;
    for (size_t cut = 0; cut < size; cut += 1 + size / 97) {
        cs_error err = {0};
        audio = NULL;
        cs_err code = cs_audio_read_memory(name, bytes, cut, NULL, &audio, &err);
        CHECK(code == CS_OK || code == CS_EAUDIO || (code == CS_EUNSUPPORTED && !has_sndfile));
        n_refused += code != CS_OK;
        n_warned += code == CS_OK && audio->warning;
        n_silent += code == CS_OK && !audio->warning;
        CHECK(code != CS_OK || audio->n_samples <= whole + 16);
        cs_audio_free(audio);
    }
    printf("# %s: %zu cuts warned, %zu refused, %zu without a word\n", name, n_warned, n_refused, n_silent);
    CHECK(n_silent <= 2);
    free(bytes);
}

static void sndfile_containers(void)
{
    container("tone.flac", 0.125);
    container("tone.ogg", 0.125);
    container("tone.opus", 0.125);
    container("tone.aiff", 0.125);
    container("tone.caf", 0.125);
    container("tone.au", 0.125);
}

static void ffmpeg_containers(void)
{
    container("tone.mp3", 0.125);
    container("tone-xing.mp3", 0.0884);
    container("tone.m4a", 0.125);
    container("tone.mp4", 0.0884);
    container("tone.webm", 0.125);
    container("tone.mkv", 0.125);
    container("tone.aac", 0.125);
}

/* A playlist names other files; opening them would be somebody else's choice. */
static void playlists_are_refused(void)
{
    cs_error err = {0};
    const char *list = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ntests/data/audio/tone.aac\n#EXT-X-ENDLIST\n";
    read_with(list, strlen(list), NULL, 16000, -1, CS_EAUDIO, &err);
    list = "ffconcat version 1.0\nfile tests/data/audio/tone.aac\n";
    read_with(list, strlen(list), NULL, 16000, -1, CS_EAUDIO, &err);
}

/* ------------------------------------------------------------ allocation */

typedef struct failing {
    int countdown; /* fails when it reaches 0 */
    int live;
} failing;

static void *failing_alloc(void *user, size_t size, size_t alignment)
{
    failing *f = user;
    void *memory = NULL;
    if (f->countdown-- == 0 || posix_memalign(&memory, alignment < 8 ? 8 : alignment, size) != 0)
        return NULL;
    f->live++;
    return memory;
}

static void failing_release(void *user, void *memory)
{
    ((failing *)user)->live--;
    free(memory);
}

static void fail_each_allocation(const void *data, size_t size, const char *raw)
{
    failing state = {0};
    cs_allocator allocator = {failing_alloc, failing_release, &state};
    cs_audio_options options;
    cs_audio_options_init(&options);
    options.allocator = &allocator;
    options.channel = CS_CHANNEL_EACH;
    options.raw = raw;
    for (int n = 0; n < 1000; n++) {
        cs_audio *audio = NULL;
        cs_error err = {0};
        state = (failing){.countdown = n};
        cs_err code = cs_audio_read_memory("clip", data, size, &options, &audio, &err);
        cs_audio_free(audio);
        CHECK_INT(state.live, 0);
        if (code == CS_OK) {
            printf("# %d allocations\n", n);
            CHECK(n > 2);
            return;
        }
        CHECK_INT(code, CS_ENOMEM);
        CHECK(err.message[0] != 0);
    }
    CHECK(!"never succeeded");
}

static void allocations_fail(void)
{
    static char silence[300000];
    fail_each_allocation(silence, sizeof silence, "u8:16000:1");
    if (has_soxr)
        fail_each_allocation(silence, sizeof silence, "s16le:22050:2");
    static const char *const files[] = {"tone.flac", "tone.m4a"};
    for (int i = 0; i < 2; i++) {
        size_t size = 0;
        uint8_t *bytes = (i == 0 ? has_sndfile : has_ffmpeg) ? read_whole(files[i], &size) : NULL;
        if (bytes)
            fail_each_allocation(bytes, size, NULL);
        free(bytes);
    }
}

/* Half a second of nothing, then of something with this amplitude and cycles a second (0: noise), then nothing; hum goes all along. */
static bool is_speech(double amplitude, double hz, double seconds, double hum)
{
    enum { RATE = 16000 };
    static float pcm[2 * RATE];
    uint32_t noise = 1;
    for (size_t i = 0; i < CSI_COUNT(pcm); i++) {
        const double t = (double)i / RATE, on = t >= 0.5 && t < 0.5 + seconds ? amplitude : 0;
        noise = noise * 1664525u + 1013904223u;
        const double white = (double)(noise >> 8) / 8388608.0 - 1;
        pcm[i] = (float)(on * (hz > 0 ? sin(6.283185307 * hz * t) : white) + hum * white);
    }
    return csi_audio_has_speech(pcm, CSI_COUNT(pcm), RATE);
}

static void speech_comes_and_goes(void)
{
    CHECK(is_speech(0.1, 200, 0.3, 0));
    CHECK(is_speech(0.1, 200, 0.3, 0.01));
    CHECK(is_speech(0.1, 0, 0.3, 0.001));
    CHECK(is_speech(0.01, 200, 1.2, 0));
    CHECK(!is_speech(0, 200, 1, 0));      /* digital silence */
    CHECK(!is_speech(0, 200, 1, 0.1));    /* hiss */
    CHECK(!is_speech(0.1, 200, 0.03, 0)); /* a click */
    CHECK(!is_speech(0.0005, 200, 1, 0)); /* too quiet */
    CHECK(!is_speech(0.01, 200, 0.5, 0.02));
    const float none[1] = {0};
    CHECK(!csi_audio_has_speech(none, 0, 16000) && !csi_audio_has_speech(none, 1, 16000));
}

int main(void)
{
    if (has_sndfile && has_soxr) {
        RUN(integers_are_divided);
        RUN(floats_stay);
        RUN(channels_are_chosen);
        RUN(broken_wavs);
        RUN(long_file_at_odd_rates);
        RUN(sndfile_containers);
    }
    if (has_ffmpeg && has_soxr) {
        RUN(ffmpeg_containers);
        if (has_sndfile)
            RUN(playlists_are_refused);
    }
    RUN(raw_pcm);
    RUN(misuse);
    RUN(allocations_fail);
    RUN(speech_comes_and_goes);
    return check_done();
}
