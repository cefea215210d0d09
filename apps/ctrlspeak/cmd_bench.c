/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak bench`: how fast a model runs here. Opens the model and transcribes the same audio N times; times are
 * medians with the smallest and largest beside them; a pass before them, which touches memory and projects the positions
 * for the first time, is not counted. Without a file the audio is made up: tones that change ten times a
 * second and noise, the same on every machine. What is said in it does not matter to the encoder's speed. */
#define _XOPEN_SOURCE 700
#include "bench_stages.h"
#include "common/answer.h"
#include "common/interrupt.h"
#include "common/say.h"
#include "common/textbuf.h"
#include "decoder_options.h"
#include "model_file.h"
#include "task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct arguments {
    const char *model, *cpu, *precision;
    int32_t seconds, repeat, warm, threads, profile, json;
    packed_use cache;
    decoder_use decoder;
    cs_transcribe_options transcribe;
} arguments;

#define AT(field) offsetof(arguments, field)

static const cli_option options[] = {
    {"model", 'm', CLI_FILE, AT(model), "FILE|NAME", 0, 0, "bundled", "CS_MODEL",
     "the model: a .nemo file, the name of one in the models folder (models list), or bundled"},
    {"seconds", 0, CLI_INT, AT(seconds), "S", 1, 36000, "11", NULL, "length of the made-up audio"},
    {"repeat", 0, CLI_INT, AT(repeat), "N", 1, 10000, "5", NULL, "how often"},
    {"warm", 0, CLI_INT, AT(warm), "N", 0, 100, "1", NULL, "passes before these, not counted"},
    {"threads", 't', CLI_INT, AT(threads), "N", 1, PROGRESS_WORKERS, "one per physical core", "CS_THREADS",
     "threads that compute"},
    {"precision", 0, CLI_TEXT, AT(precision), "auto|f32|int8|bf16|both", 0, 0, "auto", NULL,
     "arithmetic of the dense layers; several, as f32,bf16,int8, take turns and are compared; both is f32,int8"},
    {"cpu", 0, CLI_TEXT, AT(cpu), "PATH", 0, 0, "the best of this CPU", "CS_CPU",
     "highest instruction set to use: c, sse2, avx2, avx512, neon"},
    PACKED_OPTIONS(AT(cache)),
    DECODER_LANGUAGE_OPTIONS(AT(decoder)),
    DECODER_SEARCH_OPTIONS(AT(decoder)),
    {"profile", 0, CLI_FLAG, AT(profile), NULL, 0, 0, NULL, NULL, "where the time goes, stage by stage"},
    {"json", 0, CLI_FLAG, AT(json), NULL, 0, 0, NULL, NULL, "one JSON object instead of lines"},
};

static const cli_example examples[] = {
    {"ctrlspeak bench -m parakeet.nemo", "eleven seconds of made-up audio, five times"},
    {"ctrlspeak bench -m parakeet.nemo --repeat 20 --json talk.wav", "a recording, as JSON"},
    {"ctrlspeak bench -m parakeet.nemo --precision both", "f32 and int8 side by side"},
    {"ctrlspeak bench -m parakeet.nemo --profile", "and where the time goes"},
};

/* STEP: of DECODE, one evaluation of the joint or of Canary's decoder. */
typedef enum measure { LOAD, MEL, ENCODER, DECODE, STEP, TOTAL, N_MEASURES } measure;
static const char *const measure_names[N_MEASURES] = {"load_ms",   "mel_ms",  "encoder_ms",
                                                      "decode_ms", "step_ms", "total_ms"};

/* What is measured in one precision. */
enum { MAX_LANES = 4 };
typedef struct lane {
    cs_precision precision;
    cs_model *model;
    cs_session *session;
    double *times;      /* (N_MEASURES, repeat) */
    double open_ms;     /* of the first open: later ones may find what it left in the cache */
    const char *opened; /* how that was */
    int32_t n_cached;   /* opens from the cache, of all */
    int64_t n_steps;    /* of the decoder, 0: it has none */
    bench_stages stages;
} lane;

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

/* ------------------------------------------------------------------- precisions */

/* "f32", "f32,int8", "both": lanes to *n. */
static int choose_lanes(const arguments *a, const cli_command *command, lane lanes[MAX_LANES], int *n)
{
    static const char *const names[] = {"auto", "f32", "int8", "bf16"};
    const char *at = !a->precision ? "auto" : strcmp(a->precision, "both") == 0 ? "f32,int8" : a->precision;
    for (*n = 0; at; at = *at == ',' ? at + 1 : NULL) {
        size_t length = strcspn(at, ",");
        int found = 0, before = 0;
        while (found < MAX_LANES && (strlen(names[found]) != length || memcmp(names[found], at, length) != 0))
            found++;
        while (before < *n && lanes[before].precision != (cs_precision)found)
            before++;
        if (found == MAX_LANES || before < *n)
            return cli_misuse(command,
                              "--precision is '%s', expected auto, f32, int8, bf16, some of them as f32,int8, or both",
                              a->precision);
        lanes[(*n)++].precision = (cs_precision)found;
        at += length;
    }
    return APP_DONE;
}

static bool lane_alloc(lane *l, size_t repeat)
{
    l->times = calloc(repeat * N_MEASURES, sizeof *l->times);
    return stages_alloc(&l->stages, repeat) && l->times;
}

static void lane_free(lane *l)
{
    cs_session_free(l->session);
    cs_model_close(l->model);
    stages_free(&l->stages);
    free(l->times);
}

/* -------------------------------------------------------------------- measuring */

/* A cold start must not hide behind the median of warm ones. */
static void note_opening(lane *l, size_t round, double ms)
{
    static const char *const ways[] = {"mapped", "packed now", "from the cache"};
    size_t way = 0;
    while (way + 1 < sizeof ways / sizeof *ways && strcmp(ways[way], cs_model_get_info(l->model)->opened) != 0)
        way++;
    l->n_cached += way == 2;
    if (round == 0) {
        l->opened = ways[way];
        l->open_ms = ms;
    }
}

static void report_opening(textbuf *out, const lane *l, size_t repeat, bool json, const char *indent)
{
    if (json)
        textbuf_printf(out, "%s\"opened\": \"%s\",\n%s\"open_ms\": %.3f,\n%s\"opened_from_cache\": %d,\n", indent,
                       l->opened, indent, l->open_ms, indent, l->n_cached);
    else
        textbuf_printf(out, "%-17s %s\n%-17s %.3f  (the first of %zu; %d from the cache)\n", "opened", l->opened,
                       "open_ms", l->open_ms, repeat, l->n_cached);
}

static int open_lane(const arguments *a, lane *l, size_t round)
{
    cs_model_close(l->model);
    l->model = NULL;
    double start = now_ms();
    int status = model_file_open(a->model, l->precision, a->threads, a->cpu, &a->cache, &l->model);
    l->times[LOAD * (size_t)a->repeat + round] = now_ms() - start;
    if (status == APP_DONE)
        note_opening(l, round, l->times[LOAD * (size_t)a->repeat + round]);
    return status == APP_DONE && interrupt_wanted() ? interrupt_status() : status;
}

/* counted: not to warm up. */
static cs_err hear_lane(const arguments *a, lane *l, size_t round, bool counted, const float *samples, size_t n_samples,
                        cs_error *err)
{
    const size_t repeat = (size_t)a->repeat;
    cs_transcribe_options transcribe = a->transcribe;
    cs_result *result = NULL;
    transcribe.progress = on_progress;
    transcribe.stage = a->profile && counted ? stages_add : NULL;
    transcribe.stage_user = &l->stages;
    l->stages.round = round;
    cs_err code = l->session ? CS_OK : cs_session_create(l->model, &l->session, err);
    double start = now_ms();
    if (code == CS_OK)
        code = cs_session_transcribe(l->session, samples, n_samples, &transcribe, &result, err);
    if (code != CS_OK)
        return code;
    l->times[TOTAL * repeat + round] = now_ms() - start;
    l->times[MEL * repeat + round] = result->mel_ms;
    l->times[ENCODER * repeat + round] = result->encoder_ms;
    l->times[DECODE * repeat + round] = result->decode_ms;
    l->n_steps = result->n_steps;
    if (l->n_steps)
        l->times[STEP * repeat + round] = result->decode_ms / (double)l->n_steps;
    cs_result_free(result);
    return CS_OK;
}

/* Every round has each precision in turn, so that what else the machine does meets all alike. Leaves the models open. */
static int measure_all(const arguments *a, const char *path, lane *lanes, int n_lanes, double *audio_seconds)
{
    cs_audio *audio = NULL;
    float *made = NULL;
    const float *samples = NULL;
    size_t n_samples = 0, repeat = (size_t)a->repeat;
    cs_error err = {0};
    int status = APP_DONE;
    for (size_t i = 0; i < repeat; i++)
        for (int k = 0; status == APP_DONE && k < n_lanes; k++)
            status = open_lane(a, &lanes[k], i);
    int32_t rate_hz = status == APP_DONE ? cs_model_get_info(lanes[0].model)->sample_rate_hz : 0;
    if (status == APP_DONE)
        status = get_audio(a, path, rate_hz, &audio, &made, &samples, &n_samples);
    cs_err code = CS_OK;
    for (int32_t i = 0; status == APP_DONE && i < a->warm; i++)
        for (int k = 0; code == CS_OK && k < n_lanes; k++)
            code = hear_lane(a, &lanes[k], 0, false, samples, n_samples, &err);
    for (size_t i = 0; status == APP_DONE && i < repeat; i++)
        for (int k = 0; code == CS_OK && k < n_lanes; k++)
            code = hear_lane(a, &lanes[k], i, true, samples, n_samples, &err);
    if (code == CS_ECANCELLED)
        status = interrupt_status();
    else if (code != CS_OK) {
        say("error", "bench", "%s", err.message);
        status = code == CS_EINVAL ? APP_USAGE : code == CS_ENOMEM || code == CS_ESYSTEM ? APP_SYSTEM : APP_INPUT;
    }
    *audio_seconds = rate_hz ? (double)n_samples / rate_hz : 0;
    cs_audio_free(audio);
    free(made);
    return status;
}

/* -------------------------------------------------------------------- reporting */

/* Sorts row. */
static double median_of(double *row, size_t n)
{
    qsort(row, n, sizeof *row, by_value);
    return (row[(n - 1) / 2] + row[n / 2]) / 2;
}

/* How often a is of b, round by round: the median; 0 when there is no memory for it. */
static double ratio_of(const lane *a, const lane *b, measure m, size_t repeat)
{
    double *ratios = malloc(repeat * sizeof *ratios), ratio = 0;
    for (size_t i = 0; ratios && i < repeat; i++)
        ratios[i] = a->times[(size_t)m * repeat + i] / b->times[(size_t)m * repeat + i];
    if (ratios)
        ratio = median_of(ratios, repeat);
    free(ratios);
    return ratio;
}

/* Times of one precision; sorts them. indent: in front of each JSON key. */
static void report_lane(textbuf *out, lane *l, size_t repeat, double audio_seconds, bool json, const char *indent)
{
    if (l->stages.n > 0)
        stages_report(out, &l->stages, json, indent);
    double total_ms = 0;
    report_opening(out, l, repeat, json, indent);
    for (int m = 0; m < N_MEASURES; m++) {
        if (m == STEP && l->n_steps == 0)
            continue;
        double *row = l->times + (size_t)m * repeat, median = median_of(row, repeat);
        const char *name = measure_names[m];
        if (m == TOTAL)
            total_ms = median;
        if (json)
            textbuf_printf(out, "%s\"%s\": %.3f,\n%s\"%s_min\": %.3f,\n%s\"%s_max\": %.3f,\n", indent, name, median,
                           indent, name, row[0], indent, name, row[repeat - 1]);
        else
            textbuf_printf(out, "%-17s %.3f  (%.3f to %.3f)\n", name, median, row[0], row[repeat - 1]);
    }
    double factor = total_ms > 0 ? audio_seconds * 1000 / total_ms : 0;
    long long weight_bytes = (long long)cs_model_get_info(l->model)->weight_bytes;
    if (json)
        textbuf_printf(out, "%s\"decode_steps\": %lld,\n%s\"real_time_factor\": %.3f,\n%s\"weight_bytes\": %lld",
                       indent, (long long)l->n_steps, indent, factor, indent, weight_bytes);
    else
        textbuf_printf(out, "%-17s %lld\n%-17s %.3f\n%-17s %lld\n", "decode_steps", (long long)l->n_steps,
                       "real_time_factor", factor, "weight_bytes", weight_bytes);
}

/* The first precision against each other one. */
static void report_ratios(textbuf *out, const lane *lanes, int n_lanes, size_t repeat, bool json)
{
    const char *first = cs_model_get_info(lanes[0].model)->precision;
    textbuf_printf(out, json ? "  \"ratios\": [" : "");
    for (int k = 1; k < n_lanes; k++) {
        const char *other = cs_model_get_info(lanes[k].model)->precision;
        double encoder = ratio_of(&lanes[0], &lanes[k], ENCODER, repeat);
        double total = ratio_of(&lanes[0], &lanes[k], TOTAL, repeat);
        if (json)
            textbuf_printf(out, "%s{\"of\": \"%s\", \"by\": \"%s\", \"encoder\": %.3f, \"total\": %.3f}",
                           k > 1 ? ", " : "", first, other, encoder, total);
        else
            textbuf_printf(out, "%s / %-*s encoder %.3f, total %.3f\n", first, 14 - (int)strlen(first), other, encoder,
                           total);
    }
    textbuf_printf(out, json ? "],\n" : "");
}

static void report(textbuf *out, const arguments *a, lane *lanes, int n_lanes, double audio_seconds)
{
    char cpu[200];
    struct rusage usage;
    const size_t repeat = (size_t)a->repeat;
    const cs_model_info *info = cs_model_get_info(lanes[0].model);
    const bool json = a->json != 0, several = n_lanes > 1;
    cpu_name(cpu, sizeof cpu);
    getrusage(RUSAGE_SELF, &usage);
    if (json) {
        textbuf_printf(out, "{\n  \"cpu\": ");
        textbuf_json(out, cpu);
        textbuf_printf(out, ",\n  \"cpu_path\": \"%s\",\n  \"threads\": %d,\n  \"audio_seconds\": %.3f,\n",
                       info->cpu_path, info->threads, audio_seconds);
    } else {
        textbuf_printf(out, "%-17s %s\n%-17s %s\n%-17s %d\n%-17s %.3f\n", "cpu", cpu, "cpu_path", info->cpu_path,
                       "threads", info->threads, "audio_seconds", audio_seconds);
    }
    textbuf ratios = {0}; /* of rounds: before the times are sorted */
    if (several)
        report_ratios(&ratios, lanes, n_lanes, repeat, json);
    textbuf_printf(out, json && several ? "  \"runs\": [\n" : "");
    for (int k = 0; k < n_lanes; k++) {
        const cs_model_info *own = cs_model_get_info(lanes[k].model);
        const char *indent = several ? "      " : "  ";
        if (json)
            textbuf_printf(out, "%s%s\"precision\": \"%s\",\n%s\"precision_reason\": \"%s\",\n",
                           several ? "    {\n" : "", indent, own->precision, indent, own->precision_reason);
        else
            textbuf_printf(out, "%s%-17s %s (%s)\n", several ? "\n" : "", "precision", own->precision,
                           own->precision_reason);
        report_lane(out, &lanes[k], repeat, audio_seconds, json, indent);
        if (json)
            textbuf_printf(out, several ? "\n    }%s\n" : ",\n", k + 1 < n_lanes ? "," : "");
    }
    textbuf_printf(out, !several ? "" : json ? "  ],\n" : "\n");
    if (several)
        textbuf_append(out, ratios.data, ratios.size);
    out->failed = out->failed || ratios.failed;
    textbuf_free(&ratios);
    textbuf_printf(out, json ? "  \"peak_rss_bytes\": %lld\n}\n" : "peak_rss_bytes    %lld\n",
                   (long long)usage.ru_maxrss * 1024);
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {.seconds = 11, .repeat = 5, .warm = 1, .cache = PACKED_STANDARD, .decoder = DECODER_STANDARD};
    lane lanes[MAX_LANES] = {{0}};
    int n_operands = 0, n_lanes = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    cs_transcribe_options_init(&a.transcribe);
    status = choose_lanes(&a, command, lanes, &n_lanes);
    if (status == APP_DONE)
        status = decoder_options_fill(command, &a.decoder, &a.transcribe);
    if (status != APP_DONE)
        return status;
    char *model_path = NULL;
    status = model_file_find(a.model, &model_path);
    a.model = model_path;
    if (status != APP_DONE)
        return status;
    interrupt_install();
    textbuf text = {0};
    double audio_seconds = 0;
    for (int k = 0; status == APP_DONE && k < n_lanes; k++)
        if (!lane_alloc(&lanes[k], (size_t)a.repeat)) {
            say("error", "system", "out of memory for %d times", a.repeat);
            status = APP_SYSTEM;
        }
    if (status == APP_DONE)
        status = measure_all(&a, n_operands ? argv[0] : NULL, lanes, n_lanes, &audio_seconds);
    if (status == APP_DONE) {
        report(&text, &a, lanes, n_lanes, audio_seconds);
        status = answer_write(&text);
    }
    textbuf_free(&text);
    for (int k = 0; k < n_lanes; k++)
        lane_free(&lanes[k]);
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
