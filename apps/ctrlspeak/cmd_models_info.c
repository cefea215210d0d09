/* SPDX-License-Identifier: MIT
 * `ctrlspeak models info MODEL`: what a model file is, what it can do, the memory it will need; --tensors lists what is
 * in it. */
#include "common/textbuf.h"
#include "common/outfile.h"
#include "common/say.h"
#include "model_file.h"
#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
    const char *cpu;
    int32_t precision, json, tensors;
    packed_use cache;
} arguments;

static const cli_option options[] = {
    {"precision", 0, CLI_CHOICE, offsetof(arguments, precision), "auto|f32|int8|bf16", 0, 0, "auto", NULL,
     "open it so, and tell the memory for that"},
    {"cpu", 0, CLI_TEXT, offsetof(arguments, cpu), "PATH", 0, 0, "the best of this CPU", "CS_CPU",
     "highest instruction set to use: c, sse2, avx2, avx512, neon"},
    PACKED_OPTIONS(offsetof(arguments, cache)),
    {"json", 0, CLI_FLAG, offsetof(arguments, json), NULL, 0, 0, NULL, NULL, "one JSON object instead of lines"},
    {"tensors", 0, CLI_FLAG, offsetof(arguments, tensors), NULL, 0, 0, NULL, NULL,
     "list the tensors too: name, type, shape, in the order of the file"},
};

static const cli_example examples[] = {
    {"ctrlspeak models info parakeet.nemo", "family, sizes, heads, languages, memory"},
    {"ctrlspeak models info --tensors parakeet.nemo", "and every tensor in it"},
};

typedef enum field_kind { FIELD_TEXT, FIELD_INT32, FIELD_INT64, FIELD_SECONDS } field_kind;

/* One table for both layouts; JSON keys are the names. */
static const struct field {
    const char *name;
    field_kind kind;
    size_t offset;
    bool decoder; /* of encoder-decoders alone: a line for them, in JSON of all */
} fields[] = {
#define FIELD(name, kind)                                 \
    {                                                     \
#name, kind, offsetof(cs_model_info, name), false \
    }
#define DECODER_FIELD(name, kind)                        \
    {                                                    \
#name, kind, offsetof(cs_model_info, name), true \
    }
    FIELD(name, FIELD_TEXT),
    FIELD(family, FIELD_TEXT),
    FIELD(nemo_class, FIELD_TEXT),
    FIELD(nemo_version, FIELD_TEXT),
    FIELD(sample_rate_hz, FIELD_INT32),
    FIELD(n_mels, FIELD_INT32),
    FIELD(n_layers, FIELD_INT32),
    FIELD(d_model, FIELD_INT32),
    FIELD(n_heads, FIELD_INT32),
    FIELD(conv_kernel, FIELD_INT32),
    FIELD(subsampling_factor, FIELD_INT32),
    FIELD(frame_seconds, FIELD_SECONDS),
    FIELD(attention, FIELD_TEXT),
    FIELD(vocab_size, FIELD_INT32),
    FIELD(n_durations, FIELD_INT32),
    FIELD(prediction_layers, FIELD_INT32),
    DECODER_FIELD(decoder_layers, FIELD_INT32),
    DECODER_FIELD(decoder_d_model, FIELD_INT32),
    DECODER_FIELD(max_positions, FIELD_INT32),
    DECODER_FIELD(prompt_format, FIELD_TEXT),
    FIELD(times, FIELD_TEXT),
    FIELD(n_parameters, FIELD_INT64),
    FIELD(file_bytes, FIELD_INT64),
    FIELD(weight_bytes, FIELD_INT64),
    FIELD(session_bytes_per_minute, FIELD_INT64),
    FIELD(precision, FIELD_TEXT),
    FIELD(precision_reason, FIELD_TEXT),
    FIELD(opened, FIELD_TEXT),
    FIELD(cpu_path, FIELD_TEXT),
    FIELD(threads, FIELD_INT32),
#undef DECODER_FIELD
#undef FIELD
};

static void write_value(textbuf *out, const struct field *field, const cs_model_info *info, bool json)
{
    const char *place = (const char *)info + field->offset;
    if (field->kind == FIELD_INT32)
        textbuf_printf(out, "%d", *(const int32_t *)place);
    else if (field->kind == FIELD_INT64)
        textbuf_printf(out, "%lld", (long long)*(const int64_t *)place);
    else if (field->kind == FIELD_SECONDS)
        textbuf_printf(out, "%.6g", *(const double *)place);
    else if (json)
        textbuf_json(out, *(const char *const *)place);
    else
        textbuf_printf(out, "%s", *(const char *const *)place);
}

/* Names in quotes for JSON, bare otherwise. */
static void write_list(textbuf *out, const char *const *names, int32_t n, bool json)
{
    for (int32_t i = 0; i < n; i++) {
        textbuf_printf(out, "%s", i ? json ? ", " : " " : "");
        if (json)
            textbuf_json(out, names[i]);
        else
            textbuf_printf(out, "%s", names[i]);
    }
}

static void write_tensors(textbuf *out, const cs_model *model, bool json)
{
    cs_tensor_info tensor;
    for (size_t i = 0; cs_model_get_tensor(model, i, &tensor) == CS_OK; i++) {
        if (json) {
            textbuf_printf(out, "%s\n    {\"name\": ", i ? "," : "");
            textbuf_json(out, tensor.name);
            textbuf_printf(out, ", \"dtype\": \"%s\", \"shape\": [", tensor.dtype);
        } else {
            textbuf_append(out, tensor.name, strlen(tensor.name));
            textbuf_printf(out, "  %s  [", tensor.dtype);
        }
        for (int32_t d = 0; d < tensor.n_dims && d < 8; d++)
            textbuf_printf(out, "%s%lld", d ? ", " : "", (long long)tensor.dims[d]);
        textbuf_printf(out, json ? "]}" : "]\n");
    }
}

static void describe(textbuf *out, const cs_model *model, const arguments *a)
{
    static const char *const head_names[] = {"ctc", "rnnt", "tdt", "aed"};
    static const char *const tasks[] = {"transcribe", "translate"};
    const cs_model_info *info = cs_model_get_info(model);
    const char *heads[4], *gives[5];
    int32_t n_heads = 0, n_gives = 0;
    bool json = a->json != 0, decoder = info->heads & 1u << CS_HEAD_AED, timed = strcmp(info->times, "none") != 0;
    for (int head = CS_HEAD_CTC; head <= CS_HEAD_AED; head++)
        if (info->heads & 1u << head)
            heads[n_heads++] = head_names[head - CS_HEAD_CTC];
    gives[n_gives++] = "text";
    if (!decoder)
        gives[n_gives++] = "token_times";
    if (timed)
        gives[n_gives++] = "word_times";
    if (timed)
        gives[n_gives++] = "segment_times";
    gives[n_gives++] = "confidence";
    textbuf_printf(out, json ? "{\n" : "");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!json && fields[i].offset == offsetof(cs_model_info, precision)) {
            textbuf_printf(out, "%-25s %s (%s)\n", fields[i].name, info->precision, info->precision_reason);
            continue;
        }
        if (!json && fields[i].offset == offsetof(cs_model_info, precision_reason))
            continue;
        if (!json && fields[i].decoder && !decoder)
            continue;
        textbuf_printf(out, json ? "  \"%s\": " : "%-25s ", fields[i].name);
        write_value(out, &fields[i], info, json);
        textbuf_printf(out, json ? ",\n" : "\n");
    }
    textbuf_printf(out, json ? "  \"heads\": [" : "%-25s ", "heads");
    write_list(out, heads, n_heads, json);
    textbuf_printf(out, json ? "],\n  \"languages\": [" : "\n%-25s ", "languages");
    write_list(out, info->languages, info->n_languages, json);
    if (!json && info->n_languages == 0)
        textbuf_printf(out, "the file does not tell");
    textbuf_printf(out, json ? "],\n  \"tasks\": [" : "\n%-25s ", "tasks");
    write_list(out, tasks, decoder && info->n_languages > 1 ? 2 : 1, json);
    textbuf_printf(out, json ? "],\n  \"gives\": [" : "\n%-25s ", "gives");
    write_list(out, gives, n_gives, json);
    textbuf_printf(out, json ? "],\n  \"%s\": " : "\n%-25s ", "memory_bytes");
    /* The weights and one minute of audio in one pass; less than a minute takes less. */
    textbuf_printf(out, json ? "%lld" : "%lld\n", (long long)(info->weight_bytes + info->session_bytes_per_minute));
    if (a->tensors) {
        textbuf_printf(out, json ? ",\n  \"tensors\": [" : "\ntensors\n");
        write_tensors(out, model, json);
        textbuf_printf(out, json ? "\n  ]" : "");
    }
    textbuf_printf(out, json ? "\n}\n" : "");
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {.cache = PACKED_STANDARD};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    cs_model *model = NULL;
    char *path = NULL;
    status = model_file_find(argv[0], &path);
    if (status == APP_DONE)
        status = model_file_open(path, (cs_precision)a.precision, 0, a.cpu, &a.cache, &model);
    free(path);
    if (status != APP_DONE)
        return status;
    textbuf text = {0};
    outfile out;
    describe(&text, model, &a);
    cs_model_close(model);
    outfile_open(&out, NULL);
    if (text.failed) {
        say("error", "system", "out of memory");
        status = APP_SYSTEM;
    } else if (outfile_write(&out, text.data, text.size) && !out.reader_gone) {
        say("error", "output", "%s", out.error);
        status = APP_SYSTEM;
    }
    textbuf_free(&text);
    return status;
}

const cli_command command_models_info = {
    .name = "models info",
    .operands = "FILE|NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Tell what a model file is and what it can do",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
