/* SPDX-License-Identifier: MIT
 * The public header's small promises, asked of the shared library: version, error texts, the defaults that every
 * *_init() sets, and options structs of another size than today's. */
#include "ctrlspeak.h"
#include "check.h"

#include <limits.h>
#include <stddef.h>

static cs_model *model;

/* An options struct as a caller with a newer header would have it: more fields at the end. */
typedef struct newer_options {
    cs_transcribe_options known;
    int64_t later[4];
} newer_options;

static void version_and_errors(void)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", CS_VERSION_MAJOR, CS_VERSION_MINOR, CS_VERSION_PATCH);
    CHECK_STR(cs_version(), version);
#define CHECK_MEANING(name, number, meaning) \
    CHECK_INT(name, number);                 \
    CHECK_STR(cs_err_text(name), meaning);
    CS_ERRORS(CHECK_MEANING)
#undef CHECK_MEANING
    CHECK(cs_err_text((cs_err)-1000) != NULL);
    CHECK(cs_err_text((cs_err)1000) != NULL);
}

static void model_defaults(void)
{
    cs_model_options o;
    memset(&o, 0xA5, sizeof o);
    cs_model_options_init(&o);
    CHECK_INT(o.struct_size, sizeof o);
    CHECK_INT(o.precision, CS_PRECISION_AUTO);
    CHECK_INT(o.threads, 0);
    CHECK(!o.cpu_path && !o.allocator && !o.log && !o.log_user);
}

static void audio_defaults(void)
{
    cs_audio_options o;
    memset(&o, 0xA5, sizeof o);
    cs_audio_options_init(&o);
    CHECK_INT(o.struct_size, sizeof o);
    CHECK_INT(o.rate_hz, 16000);
    CHECK_INT(o.channel, CS_CHANNEL_AVERAGE);
    CHECK(!o.raw && !o.allocator);
}

static void transcribe_defaults(void)
{
    cs_transcribe_options o;
    memset(&o, 0xA5, sizeof o);
    cs_transcribe_options_init(&o);
    CHECK_INT(o.struct_size, sizeof o);
    CHECK_INT(o.head, CS_HEAD_AUTO);
    CHECK_INT(o.threads, 0);
    CHECK_INT(o.confidence, CS_CONFIDENCE_TSALLIS_EXP);
    CHECK_NEAR(o.confidence_alpha, 0.33, 1e-12);
    CHECK_INT(o.confidence_aggregate, CS_AGGREGATE_MIN);
    CHECK_INT(o.max_symbols, -1);
    CHECK_INT(o.att_left, INT32_MIN);
    CHECK_INT(o.att_right, INT32_MIN);
    CHECK_INT(o.raw_punctuation_spacing, 0);
    CHECK_INT(o.natural_ctc_times, 0);
    CHECK(!o.progress && !o.tensor && !o.stage);
}

static void write_defaults(void)
{
    cs_write_options o;
    memset(&o, 0xA5, sizeof o);
    cs_write_options_init(&o);
    CHECK_INT(o.struct_size, sizeof o);
    CHECK_STR(o.file, "");
    CHECK_INT(o.timestamps, CS_TIMESTAMPS_WORD);
    CHECK_INT(o.channel, 1);
    CHECK_INT(o.max_line_chars, 42);
    CHECK_INT(o.max_lines, 2);
}

static cs_err transcribe(const cs_transcribe_options *options, cs_error *err)
{
    static const float silence[1600];
    cs_result *result = NULL;
    cs_err code = cs_transcribe(model, silence, 1600, options, &result, err);
    CHECK((result != NULL) == (code == CS_OK));
    cs_result_free(result);
    return code;
}

/* A caller built against a shorter header: what lies behind its struct must not be read. */
static void older_caller(void)
{
    cs_error err = {0};
    cs_transcribe_options o;
    cs_transcribe_options_init(&o);
    o.struct_size = offsetof(cs_transcribe_options, confidence);
    memset((char *)&o + o.struct_size, 0xA5, sizeof o - o.struct_size);
    CHECK_INT(transcribe(&o, &err), CS_OK);
    CHECK_STR(err.message, "");

    cs_audio_options reading;
    cs_audio *audio = NULL;
    cs_audio_options_init(&reading);
    reading.struct_size = offsetof(cs_audio_options, channel);
    memset((char *)&reading + reading.struct_size, 0xA5, sizeof reading - reading.struct_size);
    CHECK_INT(cs_audio_read_file("tests/golden/data/audio/short.wav", &reading, &audio, &err), CS_OK);
    CHECK(audio && audio->n_channels == 1);
    cs_audio_free(audio);
}

static void newer_caller(void)
{
    cs_error err = {0};
    newer_options o = {0};
    cs_transcribe_options_init(&o.known);
    o.known.struct_size = sizeof o;
    CHECK_INT(transcribe(&o.known, &err), CS_OK);
    o.later[3] = 1; /* asks for something that this library does not have */
    CHECK_INT(transcribe(&o.known, &err), CS_EINVAL);
    CHECK(strstr(err.message, "cs_transcribe_options") != NULL);
}

static void forgotten_init(void)
{
    cs_error err = {0};
    const cs_transcribe_options transcribing = {0};
    CHECK_INT(transcribe(&transcribing, &err), CS_EINVAL);
    CHECK(strstr(err.message, "_init()") != NULL);

    const cs_model_options opening = {0};
    cs_model *opened = NULL;
    CHECK_INT(cs_model_open("tests/golden/data/tdt/model.nemo", &opening, &opened, &err), CS_EINVAL);
    CHECK(opened == NULL && strstr(err.message, "_init()") != NULL);

    const cs_audio_options reading = {0};
    cs_audio *audio = NULL;
    CHECK_INT(cs_audio_read_file("tests/golden/data/audio/short.wav", &reading, &audio, &err), CS_EINVAL);
    CHECK(audio == NULL && strstr(err.message, "_init()") != NULL);
}

static void nothing_is_freed_twice_or_needed(void)
{
    cs_model_close(NULL);
    cs_session_free(NULL);
    cs_session_cancel(NULL);
    cs_result_free(NULL);
    cs_audio_free(NULL);
    CHECK(cs_model_retain(NULL) == NULL);
    CHECK(cs_model_open(NULL, NULL, NULL, NULL) == CS_EINVAL);
}

int main(void)
{
    cs_error err = {0};
    RUN(version_and_errors);
    RUN(model_defaults);
    RUN(audio_defaults);
    RUN(transcribe_defaults);
    RUN(write_defaults);
    RUN(nothing_is_freed_twice_or_needed);
    if (cs_model_open("tests/golden/data/tdt/model.nemo", NULL, &model, &err) != CS_OK) {
        printf("# %s\nnot ok %d - the test model opens\n1..%d\n", err.message, check_n + 1, check_n + 1);
        return 1;
    }
    RUN(older_caller);
    RUN(newer_caller);
    RUN(forgotten_init);
    cs_model_close(model);
    return check_done();
}
