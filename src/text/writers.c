/* SPDX-License-Identifier: MIT
 *
 * cs_result_write(): one result in one of the formats of docs/FORMAT.md. Text, CTM and TSV are here, JSON in json.c, SRT and VTT
 * in subtitles.c.
 */
#include "text/text_inside.h"

void cs_write_options_init(cs_write_options *options)
{
    *options = (cs_write_options){.struct_size = sizeof *options,
                                  .file = "",
                                  .timestamps = CS_TIMESTAMPS_WORD,
                                  .channel = 1,
                                  .max_line_chars = 42,
                                  .max_lines = 2};
}

static cs_err take_options(const cs_write_options *given, cs_write_options *options, cs_error *err)
{
    cs_write_options_init(options);
    cs_err code = csi_options_copy(options, sizeof *options, given, "cs_write_options", err);
    if (code)
        return code;
    if (!options->file)
        options->file = "";
    if ((unsigned)options->timestamps > CS_TIMESTAMPS_NONE)
        return csi_fail(err, CS_EINVAL, -1, "cs_write_options.timestamps is %d, expected one of CS_TIMESTAMPS_*",
                        (int)options->timestamps);
    if (options->max_line_chars < 1 || options->max_line_chars > 100000)
        return csi_fail(err, CS_EINVAL, -1, "cs_write_options.max_line_chars is %d, expected 1 to 100000",
                        (int)options->max_line_chars);
    if (options->max_lines < 1 || options->max_lines > 1000)
        return csi_fail(err, CS_EINVAL, -1, "cs_write_options.max_lines is %d, expected 1 to 1000",
                        (int)options->max_lines);
    return CS_OK;
}

/* One field of a CTM line: no white space inside, not empty. False, and nothing written, if it would be empty. */
static bool write_field(csi_writer *w, const char *text)
{
    size_t n = text ? strlen(text) : 0, first = n, end = 0;
    uint32_t c;
    for (size_t at = 0; at < n;) { /* [first, end): without the white space around it */
        size_t width = csi_next_char(text + at, n - at, &c);
        if (!csi_is_space_char(c)) {
            first = CSI_MIN(first, at);
            end = at + width;
        }
        at += width;
    }
    for (size_t at = first; at < end;) {
        size_t width = csi_next_char(text + at, end - at, &c);
        if (csi_is_space_char(c))
            csi_write_ascii(w, "_");
        else
            csi_write_text(w, text + at, width, true);
        at += width;
    }
    return end > 0;
}

static bool is_blank(const char *text)
{
    for (size_t n = text ? strlen(text) : 0; n > 0;) {
        uint32_t c;
        size_t width = csi_next_char(text, n, &c);
        if (!csi_is_space_char(c))
            return false;
        text += width;
        n -= width;
    }
    return true;
}

static void write_ctm(csi_writer *w, const cs_result *result, const cs_write_options *options)
{
    for (int32_t i = 0; i < result->n_words && !w->stopped; i++) {
        const cs_word *word = &result->words[i];
        if (is_blank(word->text))
            continue;
        int64_t start = csi_milliseconds(word->start_seconds), end = csi_milliseconds(word->end_seconds);
        if (!write_field(w, options->file))
            csi_write_ascii(w, "-");
        csi_write_ascii(w, " ");
        csi_write_int(w, options->channel);
        csi_write_ascii(w, " ");
        csi_write_seconds(w, (double)start / 1000.0, true);
        csi_write_ascii(w, " ");
        csi_write_seconds(w, (double)CSI_MAX(0, end - start) / 1000.0, true);
        csi_write_ascii(w, " ");
        write_field(w, word->text);
        csi_write_ascii(w, " ");
        csi_write_number(w, (double)word->confidence, "NA");
        csi_write_ascii(w, "\n");
    }
}

static void write_row(csi_writer *w, double start_seconds, double end_seconds, const char *text)
{
    csi_write_int(w, csi_milliseconds(start_seconds));
    csi_write_ascii(w, "\t");
    csi_write_int(w, csi_milliseconds(end_seconds));
    csi_write_ascii(w, "\t");
    csi_write_text(w, text ? text : "", text ? strlen(text) : 0, true);
    csi_write_ascii(w, "\n");
}

static void write_tsv(csi_writer *w, const cs_result *result, const cs_write_options *options)
{
    csi_write_ascii(w, "start\tend\ttext\n");
    if (options->timestamps == CS_TIMESTAMPS_WORD) {
        for (int32_t i = 0; i < result->n_words && !w->stopped; i++)
            write_row(w, result->words[i].start_seconds, result->words[i].end_seconds, result->words[i].text);
        return;
    }
    for (int32_t i = 0; i < result->n_segments && !w->stopped; i++)
        write_row(w, result->segments[i].start_seconds, result->segments[i].end_seconds, result->segments[i].text);
}

/* What is made of times, of a result that has none. */
static cs_err check_times(const cs_result *result, cs_format format, cs_error *err)
{
    static const char *const names[] = {"SRT", "VTT", "CTM", "TSV"};
    char shown[128];
    const char *model = result->model ? result->model : "";
    if (format < CS_FORMAT_SRT || format > CS_FORMAT_TSV || result->has_times)
        return CS_OK;
    if (result->n_words == 0 && result->n_segments == 0)
        return CS_OK;
    return csi_fail(err, CS_EINVAL, -1, "the result of %s has no times, which %s is made of, expected text or JSON",
                    csi_printable(shown, sizeof shown, model, strlen(model)), names[format - CS_FORMAT_SRT]);
}

cs_err csi_result_write(const csi_env *env, const cs_result *result, cs_format format, const cs_write_options *given,
                        cs_sink sink, void *sink_user, cs_error *err)
{
    cs_write_options options;
    csi_writer writer;
    bool enough_memory = true;
    if (!result || !sink)
        return csi_fail(err, CS_EINVAL, -1, "%s is NULL, expected one", result ? "sink" : "result");
    cs_err code = take_options(given, &options, err);
    code = code ? code : check_times(result, format, err);
    if (code)
        return code;
    csi_writer_init(&writer, sink, sink_user);
    switch (format) {
    case CS_FORMAT_TXT:
        csi_write_text(&writer, result->text ? result->text : "", result->text ? strlen(result->text) : 0, false);
        csi_write_ascii(&writer, "\n");
        break;
    case CS_FORMAT_JSON:
    case CS_FORMAT_JSONL:
        csi_write_json(&writer, result, &options, format == CS_FORMAT_JSONL);
        break;
    case CS_FORMAT_SRT:
    case CS_FORMAT_VTT:
        enough_memory = csi_write_subtitles(env, &writer, result, &options, format == CS_FORMAT_VTT);
        break;
    case CS_FORMAT_CTM:
        write_ctm(&writer, result, &options);
        break;
    case CS_FORMAT_TSV:
        write_tsv(&writer, result, &options);
        break;
    default:
        return csi_fail(err, CS_EINVAL, -1, "format is %d, expected one of CS_FORMAT_*", (int)format);
    }
    if (!enough_memory)
        return csi_fail_memory(err, (size_t)result->n_words, "subtitles");
    csi_writer_flush(&writer);
    return writer.stopped ? csi_fail(err, CS_EIO, -1, "writing the result was stopped: its receiver failed") : CS_OK;
}

cs_err cs_result_write(const cs_result *result, cs_format format, const cs_write_options *options, cs_sink sink,
                       void *sink_user, cs_error *err)
{
    csi_env env;
    csi_env_init(&env, NULL, NULL, NULL);
    return csi_result_write(&env, result, format, options, sink, sink_user, err);
}
