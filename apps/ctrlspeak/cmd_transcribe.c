/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak transcribe`: its options, what they mean together, and the run. One model serves all workers; with several
 * inputs each worker has its own and the model's threads are shared out among them, so that no more threads than asked
 * for ever compute at once. */
#define _XOPEN_SOURCE 700
#include "task.h"
#include "common/interrupt.h"
#include "common/jobs.h"
#include "common/say.h"
#include "decoder_options.h"
#include "model_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct arguments {
    const char *model, *output, *output_folder, *channel, *raw, *confidence, *dump, *att_context, *cpu, *batch;
    int32_t format, timestamps, head, threads, jobs, precision, aggregate, max_symbols, progress, raw_spacing,
        natural_ctc_times, line_chars, lines, vad;
    packed_use cache;
    decoder_use decoder;
} arguments;

#define AT(field) offsetof(arguments, field)

static const cli_option options[] = {
    {"model", 'm', CLI_FILE, AT(model), "FILE|NAME", 0, 0, "bundled", "CS_MODEL",
     "the model: a .nemo file, the name of one in the models folder (models list), or bundled"},
    {"format", 'f', CLI_CHOICE, AT(format), "txt|json|jsonl|srt|vtt|ctm|tsv", 0, 0, "txt", NULL,
     "what to write; see Formats"},
    {"output", 'o', CLI_FILE, AT(output), "FILE", 0, 0, "standard output", NULL,
     "write everything to FILE, whole or not at all: a file that is there is replaced only when all is done"},
    {"output-dir", 0, CLI_DIRECTORY, AT(output_folder), "DIR", 0, 0, NULL, NULL,
     "write a file per input to DIR: talk.wav gives DIR/talk.txt; inputs found in a folder keep their place below it; "
     "a name that is taken becomes talk.wav.txt, talk.wav-2.txt"},
    {"timestamps", 0, CLI_CHOICE, AT(timestamps), "word|segment|none", 0, 0, "word", NULL,
     "how detailed: words, segments (sentences), or the text alone; Canary makes times only for a format that needs "
     "them or when asked here, and may then write other words"},
    DECODER_LANGUAGE_OPTIONS(AT(decoder)),
    DECODER_PROMPT_OPTIONS(AT(decoder)),
    {"channel", 'c', CLI_TEXT, AT(channel), "N|each|average", 0, 0, "average", NULL,
     "one channel, counted from 0; each channel by itself; or the average of all"},
    {"raw", 0, CLI_TEXT, AT(raw), "FORMAT:RATE:CHANNELS", 0, 0, NULL, NULL,
     "inputs are raw samples, as s16le:16000:1; formats: s8 u8 s16le s16be s24le s24be s32le s32be f32le f32be f64le "
     "f64be; with '-' among several inputs it speaks of '-' alone"},
    {"head", 0, CLI_CHOICE, AT(head), "auto|ctc|rnnt|tdt|aed", 0, 0, "auto", NULL,
     "which decoder of a model that has two; auto takes the transducer"},
    {"threads", 't', CLI_INT, AT(threads), "N", 1, PROGRESS_WORKERS, "one per physical core", "CS_THREADS",
     "threads that compute, all files together"},
    {"jobs", 'j', CLI_INT, AT(jobs), "N", 1, PROGRESS_WORKERS, "as many as threads", NULL,
     "files at once; each gets its share of the threads"},
    {"batch", 0, CLI_TEXT, AT(batch), "N|auto", 0, 0, "auto", NULL,
     "most short files that a job transcribes together, which is faster and gives the same results; 1: each by itself; "
     "auto: up to 16 files or half a minute of sound"},
    {"precision", 0, CLI_CHOICE, AT(precision), "auto|f32|int8|bf16", 0, 0, "auto", NULL,
     "arithmetic of the dense layers; bf16 and int8 are faster, take half and a quarter of the memory and may change a "
     "word; auto is int8 for large models where this CPU is faster in it, else f32"},
    {"cpu", 0, CLI_TEXT, AT(cpu), "PATH", 0, 0, "the best of this CPU", "CS_CPU",
     "highest instruction set to use: c, sse2, avx2, avx512, neon"},
    PACKED_OPTIONS(AT(cache)),
    {"confidence", 0, CLI_TEXT, AT(confidence), "MEASURE[:ALPHA]", 0, 0, "entropy-tsallis-exp:0.33", NULL,
     "max_prob or entropy-{gibbs,tsallis,renyi}-{lin,exp}"},
    {"confidence-aggregate", 0, CLI_CHOICE, AT(aggregate), "min|mean|max|prod", 0, 0, "min", NULL,
     "how frames make a token's and tokens a word's confidence"},
    {"max-symbols", 0, CLI_INT, AT(max_symbols), "N", 0, 1000000, "as the model says", NULL,
     "most tokens at one frame; 0: no limit"},
    DECODER_SEARCH_OPTIONS(AT(decoder)),
    {"n-best", 0, CLI_INT, AT(decoder.n_best), "N", 1, CS_MOST_BEAMS, NULL, NULL,
     "Canary: N lines of a search of at least N beams too, in json and jsonl; none of a recording heard in pieces"},
    {"att-context", 0, CLI_TEXT, AT(att_context), "LEFT,[CHUNK,]RIGHT", 0, 0, "the model's first", NULL,
     "attention context in encoder frames: any of models with full attention (128,128 bounds the memory of long "
     "recordings), else one that the model has"},
    {"raw-spacing", 0, CLI_FLAG, AT(raw_spacing), NULL, 0, 0, NULL, NULL,
     "keep the spaces before punctuation that the pieces ask for"},
    {"natural-ctc-times", 0, CLI_FLAG, AT(natural_ctc_times), NULL, 0, 0, NULL, NULL,
     "end a CTC token with its own last frame, not where the next begins"},
    {"vad", 0, CLI_FLAG, AT(vad), NULL, 0, 0, NULL, NULL,
     "write nothing for recordings, and pieces of long ones, in which nothing can be speech: silence, hiss, hum"},
    {"line-chars", 0, CLI_INT, AT(line_chars), "N", 1, 100000, "42", NULL, "longest line of a subtitle"},
    {"lines", 0, CLI_INT, AT(lines), "N", 1, 1000, "2", NULL, "lines of a subtitle"},
    {"dump", 0, CLI_DIRECTORY, AT(dump), "DIR", 0, 0, NULL, NULL,
     "write mel.npy, subsampling.npy, layer_00.npy ..., encoder.npy and tokens.json of one input to DIR; of a Canary "
     "also "
     "states.npy and, of its last step, decoder_00.npy ... and scores.npy"},
    {"progress", 0, CLI_SWITCH, AT(progress), NULL, 0, 0, "when stderr is a terminal", NULL,
     "a bar on stderr in audio seconds; TERM=dumb and NO_COLOR turn it off too"},
};

static const cli_example examples[] = {
    {"ctrlspeak transcribe -m parakeet.nemo talk.flac", "print the text of one recording"},
    {"ctrlspeak transcribe -f srt -o talk.srt talk.mp4", "subtitles (model from CS_MODEL)"},
    {"ctrlspeak transcribe -f jsonl -o all.jsonl recordings/", "every recording in a folder, one JSON object a line"},
    {"ctrlspeak transcribe -f vtt --output-dir out a.wav b.wav", "out/a.vtt and out/b.vtt"},
    {"ctrlspeak transcribe -m canary.nemo --language de --translate-to en talk.wav", "German speech in English"},
    {"arecord -f S16_LE -r 16000 -t raw | ctrlspeak transcribe --raw s16le:16000:1 -", "raw samples on standard input"},
};

static const cli_section sections[] = {
    {"Inputs", "  FILE  any recording that libsndfile or FFmpeg reads, told by its content, not its name\n"
               "  DIR   every file below it whose name ends like audio or video, sorted; hidden ones are left out\n"
               "  -     standard input\n"
               "  A recording that breaks off gives the text up to there and a warning. A failed input does not stop\n"
               "  the others; failures are listed at the end.\n"},
    {"Formats", "  txt    the text, one line an input; with several inputs 'FILE:<TAB>TEXT';\n"
                "         with --channel each 'channel N: TEXT'\n"
                "  json   one object; with several inputs, a folder, or --channel each, an array of objects\n"
                "  jsonl  one object a line, in input order; best for many inputs\n"
                "  srt    subtitles; several inputs or --channel each need --output-dir\n"
                "  vtt    as srt\n"
                "  ctm    one word a line: NAME CHANNEL START DURATION WORD CONFIDENCE; NAME is the file's without\n"
                "         folder and ending, CHANNEL counts from 1\n"
                "  tsv    start, end (milliseconds) and text; with several inputs a first column 'file'\n"
                "  With --channel each a result's file is 'talk.wav#0', 'talk.wav#1' (json, jsonl, tsv), and\n"
                "  --output-dir writes talk.ch0.txt, talk.ch1.txt.\n"},
    {"Interrupt", "  The first Ctrl-C writes what is complete and stops the rest; -o FILE is then not written, as it\n"
                  "  would not be whole. The second stops at once. A reader that closes the pipe ends it quietly.\n"},
};

/* "entropy-tsallis-exp:0.33" */
static int parse_confidence(const cli_command *command, const char *text, cs_transcribe_options *to)
{
    static const char *const names[] = {
        "max_prob",          "entropy-gibbs-lin", "entropy-gibbs-exp", "entropy-tsallis-lin", "entropy-tsallis-exp",
        "entropy-renyi-lin", "entropy-renyi-exp"};
    size_t n = strcspn(text, ":");
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        if (strlen(names[i]) != n || memcmp(names[i], text, n) != 0)
            continue;
        to->confidence = (cs_confidence)i;
        char *end = NULL;
        double alpha = text[n] ? strtod(text + n + 1, &end) : to->confidence_alpha;
        bool plain =
            !text[n]
            || (end > text + n + 1 && !*end && strspn(text + n + 1, "0123456789.eE+-") == strlen(text + n + 1));
        if (!plain || !(alpha > 0 && alpha <= 1e6))
            return cli_misuse(command, "--confidence has alpha '%s', expected a number above 0", text + n + 1);
        to->confidence_alpha = alpha;
        return APP_DONE;
    }
    return cli_misuse(command,
                      "--confidence is '%s', expected max_prob or entropy-{gibbs,tsallis,renyi}-{lin,exp}, and "
                      ":ALPHA if wanted",
                      text);
}

static int parse_channel(const cli_command *command, const char *text, int32_t *channel)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (strcmp(text, "each") == 0)
        *channel = CS_CHANNEL_EACH;
    else if (strcmp(text, "average") == 0)
        *channel = CS_CHANNEL_AVERAGE;
    else if (text[0] >= '0' && text[0] <= '9' && !*end && number <= INT32_MAX)
        *channel = (int32_t)number;
    else
        return cli_misuse(command, "--channel is '%s', expected a number from 0, each or average", text);
    return APP_DONE;
}

/* "70,13" or "70,7,13" */
static int parse_att_context(const cli_command *command, const char *text, cs_transcribe_options *to)
{
    long numbers[3] = {0};
    int n = 0;
    bool plain = strspn(text, "-0123456789,") == strlen(text);
    for (const char *at = text; plain && at; n++) {
        char *end = NULL;
        long number = strtol(at, &end, 10);
        plain = n < 3 && end > at && number >= -1 && number <= 1000000;
        if (plain)
            numbers[n] = number;
        at = plain && *end == ',' ? end + 1 : NULL;
    }
    if (!plain || n < 2)
        return cli_misuse(command, "--att-context is '%s', expected LEFT,RIGHT or LEFT,CHUNK,RIGHT, as 70,13", text);
    to->att_left = (int32_t)numbers[0];
    to->att_chunk = n == 3 ? (int32_t)numbers[1] : INT32_MIN;
    to->att_right = (int32_t)numbers[n - 1];
    return APP_DONE;
}

static int parse_batch(const cli_command *command, const char *text, int32_t *batch)
{
    char *end;
    long number = strtol(text, &end, 10);
    *batch = TASK_TOGETHER;
    if (strcmp(text, "auto") == 0)
        return APP_DONE;
    if (text[0] < '0' || text[0] > '9' || *end || number < 1 || number > TASK_TOGETHER)
        return cli_misuse(command, "--batch is '%s', expected a number from 1 to %d, or auto", text, TASK_TOGETHER);
    *batch = (int32_t)number;
    return APP_DONE;
}

static int fill_task(const cli_command *command, const arguments *a, task *t)
{
    int status = APP_DONE;
    cs_audio_options_init(&t->audio);
    cs_transcribe_options_init(&t->transcribe);
    cs_write_options_init(&t->write);
    t->format = (cs_format)a->format;
    t->write.timestamps = a->timestamps < 0 ? CS_TIMESTAMPS_WORD : (cs_timestamps)a->timestamps;
    t->write.max_line_chars = a->line_chars;
    t->write.max_lines = a->lines;
    t->audio.raw = a->raw;
    t->transcribe.head = (cs_head)a->head;
    t->transcribe.confidence_aggregate = (cs_aggregate)a->aggregate;
    t->transcribe.max_symbols = a->max_symbols;
    t->transcribe.raw_punctuation_spacing = a->raw_spacing;
    t->transcribe.natural_ctc_times = a->natural_ctc_times;
    t->transcribe.vad = a->vad ? CS_CHOICE_YES : CS_CHOICE_DEFAULT;
    t->output_folder = a->output_folder;
    t->dumping = a->dump != NULL;
    t->together = TASK_TOGETHER;
    if (a->batch)
        status = parse_batch(command, a->batch, &t->together);
    if (status == APP_DONE && a->confidence)
        status = parse_confidence(command, a->confidence, &t->transcribe);
    if (status == APP_DONE && a->channel)
        status = parse_channel(command, a->channel, &t->audio.channel);
    if (status == APP_DONE && a->att_context)
        status = parse_att_context(command, a->att_context, &t->transcribe);
    if (status == APP_DONE)
        status = decoder_options_fill(command, &a->decoder, &t->transcribe);
    if (status == APP_DONE && a->decoder.n_best && t->format != CS_FORMAT_JSON && t->format != CS_FORMAT_JSONL)
        status = cli_misuse(command, "--n-best needs --format json or jsonl: no other has a place for alternatives");
    if (status == APP_DONE && a->output && a->output_folder)
        status = cli_misuse(command, "--output and --output-dir exclude each other");
    return status;
}

/* -o onto one of the inputs would end with the recording lost. */
static bool is_input(const task *t, const char *path)
{
    struct stat out, in;
    if (!path || stat(path, &out) != 0 || !S_ISREG(out.st_mode))
        return false;
    for (int32_t i = 0; i < t->inputs.n_items; i++)
        if (stat(t->inputs.items[i].path, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return true;
    return false;
}

static int expand_inputs(const cli_command *command, const arguments *a, char **operands, int n_operands, task *t)
{
    if (!inputs_expand(&t->inputs, operands, n_operands)) {
        say("error", "input", "%s", t->inputs.error);
        return APP_INPUT;
    }
    bool each = t->audio.channel == CS_CHANNEL_EACH, one = t->inputs.n_items == 1 && !each;
    t->as_array = t->inputs.several || each;
    for (int32_t i = 0; a->raw && t->inputs.n_items > 1 && i < t->inputs.n_items; i++)
        t->raw_stdin_only |= strcmp(t->inputs.items[i].path, "-") == 0;
    if ((t->format == CS_FORMAT_SRT || t->format == CS_FORMAT_VTT) && !one && !a->output_folder)
        return cli_misuse(command, "subtitles of %s need --output-dir", each ? "each channel" : "several inputs");
    if (a->dump && !one)
        return cli_misuse(command, "--dump takes one input and one channel");
    if (is_input(t, a->output))
        return cli_misuse(command, "--output %s is one of the inputs", a->output);
    return APP_DONE;
}

/* Output first: what cannot be written should be known before the work is done. */
static int open_output(const arguments *a, task *t)
{
    if (a->output_folder && !outfile_make_folders(a->output_folder)) {
        say("error", "output", "%s: cannot make this folder: %s", a->output_folder, strerror(errno));
        return APP_SYSTEM;
    }
    if (!a->output_folder && !outfile_open(&t->out, a->output)) {
        say("error", "output", "%s", t->out.error);
        return APP_SYSTEM;
    }
    if (a->dump && !dump_begin(&t->dump, a->dump)) {
        say("error", "output", "%s", t->dump.error);
        return APP_SYSTEM;
    }
    return APP_DONE;
}

static void tick(void *user)
{
    progress_draw(&((task *)user)->bar);
}

/* An encoder-decoder is asked for times where they are wanted; other models give them always. */
static void ask_for_times(const arguments *a, task *t, const cs_model_info *info)
{
    bool needed = t->format >= CS_FORMAT_SRT, chosen = a->timestamps >= 0;
    if (strcmp(info->family, "aed") != 0 || (!needed && !chosen))
        return;
    t->transcribe.timestamps = needed || a->timestamps != CS_TIMESTAMPS_NONE ? CS_CHOICE_YES : CS_CHOICE_NO;
}

/* The options against the model, before anything is read: a language that it lacks must not cost an hour of decoding. */
static int check_options(task *t, const cs_model_info *info)
{
    cs_error err = {0};
    cs_err code = cs_session_create(t->model, &t->sessions[0], &err);
    if (code == CS_OK)
        code = cs_session_transcribe_batch(t->sessions[0], 0, NULL, NULL, &t->transcribe, NULL, NULL, &err);
    if (code == CS_OK)
        return APP_DONE;
    bool system = code == CS_ENOMEM || code == CS_ESYSTEM, named = strstr(err.message, info->name) == err.message;
    const char *message = err.message[0] ? err.message : cs_err_text(code);
    say("error", system ? "system" : "options", "%s%s%s", named ? "" : info->name, named ? "" : ": ", message);
    return system ? APP_SYSTEM : APP_USAGE;
}

static int work(const arguments *a, task *t)
{
    int status = model_file_open(t->model_path, (cs_precision)a->precision, a->threads, a->cpu, &a->cache, &t->model);
    if (status != APP_DONE)
        return status;
    const cs_model_info *info = cs_model_get_info(t->model);
    t->audio.rate_hz = info->sample_rate_hz;
    t->n_workers = a->jobs ? a->jobs : info->threads;
    if (t->n_workers > t->inputs.n_items)
        t->n_workers = t->inputs.n_items;
    if (t->n_workers > PROGRESS_WORKERS)
        t->n_workers = PROGRESS_WORKERS;
    t->transcribe.threads = info->threads / t->n_workers > 1 ? info->threads / t->n_workers : 1;
    ask_for_times(a, t, info);
    status = check_options(t, info);
    if (status != APP_DONE)
        return status;
    progress_begin(&t->bar, a->progress, t->inputs.n_items);
    jobs plan = {.n_items = t->inputs.n_items,
                 .n_workers = t->n_workers,
                 .together = t->together,
                 .tick_ms = t->bar.on ? PROGRESS_FRAME_MS : 0,
                 .user = t,
                 .work = hear_inputs,
                 .emit = deliver_outcome,
                 .tick = tick};
    int failure = jobs_run(&plan);
    if (failure) {
        say("error", "system", "no worker thread can be had: %s", strerror(failure));
        return APP_SYSTEM;
    }
    status = deliver_end(t);
    if (t->dump.error[0] && status == APP_DONE) {
        say("error", "output", "%s", t->dump.error);
        status = APP_SYSTEM;
    }
    return status;
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {.timestamps = -1,
                   .max_symbols = -1,
                   .progress = -1,
                   .line_chars = 42,
                   .lines = 2,
                   .cache = PACKED_STANDARD,
                   .decoder = DECODER_STANDARD};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    task *t = calloc(1, sizeof *t);
    if (!t) {
        say("error", "system", "out of memory");
        return APP_SYSTEM;
    }
    interrupt_install();
    status = fill_task(command, &a, t);
    if (status == APP_DONE)
        status = expand_inputs(command, &a, argv, n_operands, t);
    if (status == APP_DONE)
        status = model_file_find(a.model, &t->model_path);
    if (status == APP_DONE)
        status = open_output(&a, t);
    if (status == APP_DONE)
        status = work(&a, t);
    outfile_discard(&t->out);
    for (int i = 0; i < t->n_workers; i++)
        cs_session_free(t->sessions[i]);
    cs_model_close(t->model);
    free(t->model_path);
    inputs_free(&t->inputs);
    name_set_free(&t->names);
    textbuf_free(&t->failures);
    free(t);
    return status;
}

const cli_command command_transcribe = {
    .name = "transcribe",
    .operands = "FILE|DIR|-...",
    .min_operands = 1,
    .max_operands = INT_MAX,
    .summary = "Write down what is said in recordings",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .sections = sections,
    .n_sections = sizeof sections / sizeof *sections,
    .run = run,
};
