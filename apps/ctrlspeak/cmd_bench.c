/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak bench`: how fast a model runs here. Opens the model and transcribes the same audio N times; times are
 * medians with the smallest and largest beside them. Without a file the audio is made up: tones that change ten times a
 * second and noise, the same on every machine. What is said in it does not matter to the encoder's speed. */
#define _XOPEN_SOURCE 700
#include "common/interrupt.h"
#include "common/outfile.h"
#include "common/say.h"
#include "common/textbuf.h"
#include "model_file.h"
#include "task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct arguments {
    const char *model, *cpu;
    int32_t seconds, repeat, threads, precision, json;
} arguments;

#define AT(field) offsetof(arguments, field)

static const cli_option options[] = {
    {"model", 'm', CLI_FILE, AT(model), "FILE|NAME", 0, 0, "bundled", "CS_MODEL",
     "the model: a .nemo file, the name of one in the models folder (models list), or bundled"},
    {"seconds", 0, CLI_INT, AT(seconds), "S", 1, 36000, "11", NULL, "length of the made-up audio"},
    {"repeat", 0, CLI_INT, AT(repeat), "N", 1, 10000, "5", NULL, "how often"},
    {"threads", 't', CLI_INT, AT(threads), "N", 1, PROGRESS_WORKERS, "one per physical core", "CS_THREADS",
     "threads that compute"},
    {"precision", 0, CLI_CHOICE, AT(precision), "auto|f32", 0, 0, "auto", NULL, "arithmetic of the encoder"},
    {"cpu", 0, CLI_TEXT, AT(cpu), "PATH", 0, 0, "the best of this CPU", "CS_CPU",
     "highest instruction set to use: c, sse2, avx2, avx512, neon"},
    {"json", 0, CLI_FLAG, AT(json), NULL, 0, 0, NULL, NULL, "one JSON object instead of lines"},
};

static const cli_example examples[] = {
    {"ctrlspeak bench -m parakeet.nemo", "eleven seconds of made-up audio, five times"},
    {"ctrlspeak bench -m parakeet.nemo --repeat 20 --json talk.wav", "a recording, as JSON"},
};

typedef enum measure { LOAD, MEL, ENCODER, DECODE, TOTAL, N_MEASURES } measure;
static const char *const measure_names[N_MEASURES] = {"load_ms", "mel_ms", "encoder_ms", "decode_ms", "total_ms"};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The processor's name as the kernel tells it. */
static void cpu_name(char *out, size_t size)
{
    char line[512];
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, size, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    if (file)
        fclose(file);
}

static float *make_audio(int32_t rate_hz, int32_t seconds, size_t *n_samples)
{
    static const double pi = 3.14159265358979323846;
    *n_samples = (size_t)rate_hz * (size_t)seconds;
    float *samples = malloc(*n_samples * sizeof *samples);
    uint32_t noise = 1;
    double phase = 0, hz = 200;
    for (size_t i = 0; samples && i < *n_samples; i++) {
        noise = noise * 1664525u + 1013904223u;
        if (i % (size_t)(rate_hz / 10) == 0)
            hz = 120 + (noise >> 20);
        phase += 2 * pi * hz / rate_hz;
        samples[i] = (float)(0.2 * sin(phase) + 0.1 * sin(2.1 * phase) + 0.02 * ((double)(noise >> 8) / 8388608.0 - 1));
    }
    return samples;
}

/* The audio to hear: *audio for a file (to be freed), *made otherwise. */
static int get_audio(const arguments *a, const char *path, int32_t rate_hz, cs_audio **audio, float **made,
                     const float **samples, size_t *n_samples)
{
    if (path) {
        cs_audio_options read;
        cs_error err = {0};
        cs_audio_options_init(&read);
        read.rate_hz = rate_hz;
        if (cs_audio_read_file(path, &read, audio, &err) != CS_OK) {
            say("error", "audio", "%s", err.message);
            return APP_INPUT;
        }
        *samples = (*audio)->channels[0];
        *n_samples = (*audio)->n_samples;
        return APP_DONE;
    }
    *samples = *made = make_audio(rate_hz, a->seconds, n_samples);
    if (!*made)
        say("error", "system", "out of memory for %d seconds of audio", a->seconds);
    return *made ? APP_DONE : APP_SYSTEM;
}

static int on_progress(void *user, double done_seconds, double total_seconds)
{
    (void)user, (void)done_seconds, (void)total_seconds;
    return interrupt_wanted();
}

/* times (N_MEASURES, repeat). Leaves the last model open. */
static int measure_all(const arguments *a, const char *path, double *times, cs_model **model, double *audio_seconds)
{
    cs_audio *audio = NULL;
    float *made = NULL;
    const float *samples = NULL;
    size_t n_samples = 0, repeat = (size_t)a->repeat;
    cs_session *session = NULL;
    cs_error err = {0};
    int status = APP_DONE;
    for (size_t i = 0; status == APP_DONE && i < repeat; i++) {
        cs_model_close(*model);
        *model = NULL;
        double start = now_ms();
        status = model_file_open(a->model, (cs_precision)a->precision, a->threads, a->cpu, model);
        times[LOAD * repeat + i] = now_ms() - start;
        if (interrupt_wanted())
            status = interrupt_status();
    }
    int32_t rate_hz = status == APP_DONE && *model ? cs_model_get_info(*model)->sample_rate_hz : 0;
    if (status == APP_DONE)
        status = get_audio(a, path, rate_hz, &audio, &made, &samples, &n_samples);
    cs_err code = status == APP_DONE ? cs_session_create(*model, &session, &err) : CS_OK;
    cs_transcribe_options transcribe;
    cs_transcribe_options_init(&transcribe);
    transcribe.progress = on_progress;
    for (size_t i = 0; status == APP_DONE && code == CS_OK && i < repeat; i++) {
        cs_result *result = NULL;
        double start = now_ms();
        code = cs_session_transcribe(session, samples, n_samples, &transcribe, &result, &err);
        if (code != CS_OK)
            break;
        times[TOTAL * repeat + i] = now_ms() - start;
        times[MEL * repeat + i] = result->mel_ms;
        times[ENCODER * repeat + i] = result->encoder_ms;
        times[DECODE * repeat + i] = result->decode_ms;
        cs_result_free(result);
    }
    if (code == CS_ECANCELLED)
        status = interrupt_status();
    else if (code != CS_OK) {
        say("error", "bench", "%s", err.message);
        status = code == CS_ENOMEM || code == CS_ESYSTEM ? APP_SYSTEM : APP_INPUT;
    }
    *audio_seconds = rate_hz ? (double)n_samples / rate_hz : 0;
    cs_session_free(session);
    cs_audio_free(audio);
    free(made);
    return status;
}

static void report(textbuf *out, const arguments *a, const cs_model_info *info, double *times, double audio_seconds)
{
    char cpu[200];
    struct rusage usage;
    size_t repeat = (size_t)a->repeat;
    cpu_name(cpu, sizeof cpu);
    getrusage(RUSAGE_SELF, &usage);
    if (a->json) {
        textbuf_printf(out, "{\n  \"cpu\": ");
        textbuf_json(out, cpu);
        textbuf_printf(out, ",\n  \"cpu_path\": \"%s\",\n  \"precision\": \"%s\",\n  \"threads\": %d,\n",
                       info->cpu_path, info->precision, info->threads);
        textbuf_printf(out, "  \"audio_seconds\": %.3f,\n", audio_seconds);
    } else {
        textbuf_printf(out, "%-17s %s\n%-17s %s\n%-17s %s\n%-17s %d\n%-17s %.3f\n", "cpu", cpu, "cpu_path",
                       info->cpu_path, "precision", info->precision, "threads", info->threads, "audio_seconds",
                       audio_seconds);
    }
    double total_ms = 0;
    for (int m = 0; m < N_MEASURES; m++) {
        double *row = times + (size_t)m * repeat;
        qsort(row, repeat, sizeof *row, by_value);
        double median = (row[(repeat - 1) / 2] + row[repeat / 2]) / 2;
        if (m == TOTAL)
            total_ms = median;
        if (a->json)
            textbuf_printf(out, "  \"%s\": %.3f,\n  \"%s_min\": %.3f,\n  \"%s_max\": %.3f,\n", measure_names[m], median,
                           measure_names[m], row[0], measure_names[m], row[repeat - 1]);
        else
            textbuf_printf(out, "%-17s %.3f  (%.3f to %.3f)\n", measure_names[m], median, row[0], row[repeat - 1]);
    }
    double factor = total_ms > 0 ? audio_seconds * 1000 / total_ms : 0;
    long long peak_bytes = (long long)usage.ru_maxrss * 1024;
    if (a->json)
        textbuf_printf(out, "  \"real_time_factor\": %.3f,\n  \"peak_rss_bytes\": %lld\n}\n", factor, peak_bytes);
    else
        textbuf_printf(out, "%-17s %.3f\n%-17s %lld\n", "real_time_factor", factor, "peak_rss_bytes", peak_bytes);
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {.seconds = 11, .repeat = 5};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    char *model_path = NULL;
    status = model_file_find(a.model, &model_path);
    a.model = model_path;
    if (status != APP_DONE)
        return status;
    interrupt_install();
    cs_model *model = NULL;
    textbuf text = {0};
    double audio_seconds = 0, *times = calloc((size_t)a.repeat * N_MEASURES, sizeof *times);
    status = times ? measure_all(&a, n_operands ? argv[0] : NULL, times, &model, &audio_seconds) : APP_SYSTEM;
    if (status == APP_DONE) {
        outfile out;
        report(&text, &a, cs_model_get_info(model), times, audio_seconds);
        outfile_open(&out, NULL);
        if (text.failed || (outfile_write(&out, text.data, text.size) && !out.reader_gone)) {
            say("error", "output", "%s", text.failed ? "out of memory" : out.error);
            status = APP_SYSTEM;
        }
    }
    textbuf_free(&text);
    cs_model_close(model);
    free(times);
    free(model_path);
    return status;
}

const cli_command command_bench = {
    .name = "bench",
    .operands = "[FILE]",
    .max_operands = 1,
    .summary = "Measure how fast a model runs on this machine",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
