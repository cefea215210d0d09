/* SPDX-License-Identifier: MIT
 *
 * The JSON layout, version 1, described for people in docs/FORMAT.md: the same keys in the same order always; arrays that were not
 * asked for are there and empty. Pretty for a file of its own, one line for JSON Lines.
 */
#include "text/text_inside.h"

static const char *head_name(cs_head head)
{
    switch (head) {
    case CS_HEAD_CTC:
        return "ctc";
    case CS_HEAD_RNNT:
        return "rnnt";
    case CS_HEAD_TDT:
        return "tdt";
    case CS_HEAD_AED:
        return "aed";
    case CS_HEAD_AUTO:
        break;
    }
    return "auto";
}

static const char *precision_name(cs_precision precision)
{
    switch (precision) {
    case CS_PRECISION_F32:
        return "f32";
    case CS_PRECISION_INT8:
        return "int8";
    case CS_PRECISION_BF16:
        return "bf16";
    case CS_PRECISION_AUTO:
        break;
    }
    return "auto";
}

static void key(csi_writer *w, const char *name, bool first, bool one_line)
{
    csi_write_ascii(w, first ? "" : ",");
    csi_write_ascii(w, one_line ? (first ? "" : " ") : "\n  ");
    csi_write_ascii(w, "\"");
    csi_write_ascii(w, name);
    csi_write_ascii(w, "\": ");
}

/* Before each object of an array. */
static void item(csi_writer *w, int32_t i, bool one_line)
{
    csi_write_ascii(w, i > 0 ? "," : "");
    csi_write_ascii(w, one_line ? (i > 0 ? " " : "") : "\n    ");
}

static void end_array(csi_writer *w, int32_t n, bool one_line)
{
    csi_write_ascii(w, n > 0 && !one_line ? "\n  ]" : "]");
}

static void interval(csi_writer *w, double start_seconds, double end_seconds)
{
    csi_write_ascii(w, "\"start\": ");
    csi_write_seconds(w, start_seconds, false);
    csi_write_ascii(w, ", \"end\": ");
    csi_write_seconds(w, end_seconds, false);
}

static void segments(csi_writer *w, const cs_result *result, int32_t n, bool one_line)
{
    csi_write_ascii(w, "[");
    for (int32_t i = 0; i < n && !w->stopped; i++) {
        const cs_segment *segment = &result->segments[i];
        item(w, i, one_line);
        csi_write_ascii(w, "{");
        interval(w, segment->start_seconds, segment->end_seconds);
        csi_write_ascii(w, ", \"text\": ");
        csi_write_json_string(w, segment->text);
        csi_write_ascii(w, "}");
    }
    end_array(w, n, one_line);
}

static void words(csi_writer *w, const cs_result *result, int32_t n, bool one_line)
{
    csi_write_ascii(w, "[");
    for (int32_t i = 0; i < n && !w->stopped; i++) {
        const cs_word *word = &result->words[i];
        item(w, i, one_line);
        csi_write_ascii(w, "{\"word\": ");
        csi_write_json_string(w, word->text);
        csi_write_ascii(w, ", ");
        interval(w, word->start_seconds, word->end_seconds);
        csi_write_ascii(w, ", \"confidence\": ");
        csi_write_number(w, (double)word->confidence, "null");
        csi_write_ascii(w, "}");
    }
    end_array(w, n, one_line);
}

/* A number of encoder frames, of a token that has a place among them. */
static void frames(csi_writer *w, const cs_token *token, int64_t n)
{
    if (token->frame < 0)
        csi_write_ascii(w, "null");
    else
        csi_write_int(w, n);
}

static void tokens(csi_writer *w, const cs_result *result, int32_t n, bool one_line)
{
    csi_write_ascii(w, "[");
    for (int32_t i = 0; i < n && !w->stopped; i++) {
        const cs_token *token = &result->tokens[i];
        item(w, i, one_line);
        csi_write_ascii(w, "{\"id\": ");
        csi_write_int(w, token->id);
        csi_write_ascii(w, ", \"piece\": ");
        csi_write_json_string(w, token->piece);
        csi_write_ascii(w, ", \"frame\": ");
        frames(w, token, token->frame);
        csi_write_ascii(w, ", \"duration\": ");
        frames(w, token, token->duration);
        csi_write_ascii(w, ", ");
        interval(w, token->start_seconds, token->end_seconds);
        csi_write_ascii(w, ", \"logprob\": ");
        csi_write_number(w, (double)token->logprob, "null");
        csi_write_ascii(w, ", \"confidence\": ");
        csi_write_number(w, (double)token->confidence, "null");
        csi_write_ascii(w, "}");
    }
    end_array(w, n, one_line);
}

static void alternatives(csi_writer *w, const cs_result *result, bool one_line)
{
    csi_write_ascii(w, "[");
    for (int32_t i = 0; i < result->n_alternatives && !w->stopped; i++) {
        const cs_alternative *alternative = &result->alternatives[i];
        item(w, i, one_line);
        csi_write_ascii(w, "{\"text\": ");
        csi_write_json_string(w, alternative->text);
        csi_write_ascii(w, ", \"score\": ");
        csi_write_number(w, alternative->score, "null");
        csi_write_ascii(w, ", \"ids\": [");
        for (int32_t k = 0; k < alternative->n_ids && !w->stopped; k++) {
            csi_write_ascii(w, k > 0 ? ", " : "");
            csi_write_int(w, alternative->ids[k]);
        }
        csi_write_ascii(w, "]}");
    }
    end_array(w, result->n_alternatives, one_line);
}

/* A language, null for none. */
static void language(csi_writer *w, const char *name)
{
    if (name && name[0])
        csi_write_json_string(w, name);
    else
        csi_write_ascii(w, "null");
}

/* What only an encoder-decoder's answer has. */
static void decoder_keys(csi_writer *w, const cs_result *result, bool one_line)
{
    const char *spoken = result->language ? result->language : "", *written = result->target_language;
    key(w, "target_language", false, one_line);
    language(w, written && strcmp(written, spoken) != 0 ? written : NULL);
    key(w, "chunks", false, one_line);
    csi_write_int(w, result->n_chunks);
    key(w, "looped", false, one_line);
    csi_write_ascii(w, result->looped ? "true" : "false");
    key(w, "alternatives", false, one_line);
    alternatives(w, result, one_line);
}

void csi_write_json(csi_writer *w, const cs_result *result, const cs_write_options *options, bool one_line)
{
    const bool with_words = options->timestamps == CS_TIMESTAMPS_WORD;
    const bool with_segments = options->timestamps != CS_TIMESTAMPS_NONE;
    csi_write_ascii(w, "{");
    key(w, "version", true, one_line);
    csi_write_int(w, 1);
    key(w, "file", false, one_line);
    csi_write_json_string(w, options->file);
    key(w, "model", false, one_line);
    csi_write_json_string(w, result->model);
    key(w, "head", false, one_line);
    csi_write_json_string(w, head_name(result->head));
    key(w, "precision", false, one_line);
    csi_write_json_string(w, precision_name(result->precision));
    key(w, "language", false, one_line);
    language(w, result->language);
    key(w, "duration", false, one_line);
    csi_write_seconds(w, result->duration_seconds, false);
    key(w, "text", false, one_line);
    csi_write_json_string(w, result->text);
    key(w, "segments", false, one_line);
    segments(w, result, with_segments ? result->n_segments : 0, one_line);
    key(w, "words", false, one_line);
    words(w, result, with_words ? result->n_words : 0, one_line);
    key(w, "tokens", false, one_line);
    tokens(w, result, with_words ? result->n_tokens : 0, one_line);
    if (result->head == CS_HEAD_AED)
        decoder_keys(w, result, one_line);
    csi_write_ascii(w, one_line ? "}\n" : "\n}\n");
}
