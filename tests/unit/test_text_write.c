/* SPDX-License-Identifier: MIT
 *
 * The writers: every format as docs/FORMAT.md shows it, numbers in a locale with decimal commas, hostile strings, and what must hold
 * of any subtitles (line lengths, order, no overlap, nothing lost). */
#include "text_data.h"

#include <locale.h>
#include <math.h>

static csi_env env;

typedef struct page {
    char bytes[1 << 18];
    size_t n_bytes;
    int stop_after; /* calls; -1: never */
} page;

static page out;

static int keep(void *user, const char *data, size_t size)
{
    page *p = user;
    if (p->stop_after == 0 || p->n_bytes + size >= sizeof p->bytes)
        return 1;
    p->stop_after -= p->stop_after > 0;
    memcpy(p->bytes + p->n_bytes, data, size);
    p->n_bytes += size;
    p->bytes[p->n_bytes] = 0;
    return 0;
}

static const char *written(const cs_result *result, cs_format format, const cs_write_options *options)
{
    cs_error err = {0};
    out.n_bytes = 0;
    out.bytes[0] = 0;
    out.stop_after = -1;
    if (!CHECK_INT(cs_result_write(result, format, options, keep, &out, &err), CS_OK))
        printf("# %s\n", err.message);
    return out.bytes;
}

static const cs_token tokens[] = {{7, "\xe2\x96\x81Hi", 4, 2, 0.32, 0.48, -0.125f, 0.875f},
                                  {9, "\"", 9, 0, 0.72, 0.72, -1e-7f, 1.0f}};
static const cs_word words[] = {{"Hi\"", 0.32, 0.48, 4, 6, 0.875f, 0, 2},
                                {"there.", 1.5, 2.0009, 19, 25, 0.333333343f, 2, 1}};
static const cs_segment segments[] = {{"Hi\" there.", 0.32, 2.0009, 4, 25, 0, 2}};
static const cs_result small = {.text = "Hi\" there.",
                                .model = "tiny",
                                .head = CS_HEAD_TDT,
                                .precision = CS_PRECISION_F32,
                                .language = "",
                                .duration_seconds = 11.0,
                                .tokens = tokens,
                                .n_tokens = 2,
                                .words = words,
                                .n_words = 2,
                                .segments = segments,
                                .n_segments = 1,
                                .has_times = 1};

static cs_write_options options_of(cs_timestamps timestamps)
{
    cs_write_options options;
    cs_write_options_init(&options);
    options.file = "a b.wav";
    options.timestamps = timestamps;
    return options;
}

static const char *const pretty =
    "{\n"
    "  \"version\": 1,\n"
    "  \"file\": \"a b.wav\",\n"
    "  \"model\": \"tiny\",\n"
    "  \"head\": \"tdt\",\n"
    "  \"precision\": \"f32\",\n"
    "  \"language\": null,\n"
    "  \"duration\": 11,\n"
    "  \"text\": \"Hi\\\" there.\",\n"
    "  \"segments\": [\n"
    "    {\"start\": 0.32, \"end\": 2.001, \"text\": \"Hi\\\" there.\"}\n"
    "  ],\n"
    "  \"words\": [\n"
    "    {\"word\": \"Hi\\\"\", \"start\": 0.32, \"end\": 0.48, \"confidence\": 0.875},\n"
    "    {\"word\": \"there.\", \"start\": 1.5, \"end\": 2.001, \"confidence\": 0.333333}\n"
    "  ],\n"
    "  \"tokens\": [\n"
    "    {\"id\": 7, \"piece\": \"\xe2\x96\x81Hi\", \"frame\": 4, \"duration\": 2, "
    "\"start\": 0.32, \"end\": 0.48, \"logprob\": -0.125, \"confidence\": 0.875},\n"
    "    {\"id\": 9, \"piece\": \"\\\"\", \"frame\": 9, \"duration\": 0, "
    "\"start\": 0.72, \"end\": 0.72, \"logprob\": -1e-7, \"confidence\": 1}\n"
    "  ]\n"
    "}\n";

static void json_has_its_keys_in_order(void)
{
    cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
    CHECK_STR(written(&small, CS_FORMAT_JSON, &options), pretty);
    options.timestamps = CS_TIMESTAMPS_SEGMENT;
    CHECK_STR(written(&small, CS_FORMAT_JSONL, &options),
              "{\"version\": 1, \"file\": \"a b.wav\", \"model\": \"tiny\", \"head\": \"tdt\", \"precision\": \"f32\", "
              "\"language\": null, \"duration\": 11, \"text\": \"Hi\\\" there.\", \"segments\": [{\"start\": 0.32, "
              "\"end\": 2.001, \"text\": \"Hi\\\" there.\"}], \"words\": [], \"tokens\": []}\n");
    options.timestamps = CS_TIMESTAMPS_NONE;
    cs_result german = small;
    german.language = "de";
    german.head = CS_HEAD_CTC;
    CHECK_STR(written(&german, CS_FORMAT_JSONL, &options),
              "{\"version\": 1, \"file\": \"a b.wav\", \"model\": \"tiny\", \"head\": \"ctc\", \"precision\": \"f32\", "
              "\"language\": \"de\", \"duration\": 11, \"text\": \"Hi\\\" there.\", \"segments\": [], \"words\": [], "
              "\"tokens\": []}\n");
}

/* An encoder-decoder's answer: no times, then a German one in two chunks that goes to and fro. */
static void what_an_encoder_decoder_adds(void)
{
    static const cs_token token = {7, "\xe2\x96\x81Hi", -1, 0, (double)NAN, (double)NAN, -0.125f, NAN};
    static const cs_word word = {"Hi", (double)NAN, (double)NAN, -1, -1, NAN, 0, 1};
    static const cs_segment segment = {"Hi", (double)NAN, (double)NAN, -1, -1, 0, 1};
    static const int32_t ids[] = {7, 9};
    static const cs_alternative alternatives[] = {{"Hi", -1.5, ids, 1}, {" \"Hi\"", -2.25, ids, 2}, {"", -3, NULL, 0}};
    cs_result r = {.text = "Hi",
                   .model = "canary",
                   .head = CS_HEAD_AED,
                   .precision = CS_PRECISION_F32,
                   .language = "en",
                   .target_language = "en",
                   .duration_seconds = 2,
                   .tokens = &token,
                   .n_tokens = 1,
                   .words = &word,
                   .n_words = 1,
                   .segments = &segment,
                   .n_segments = 1,
                   .n_chunks = 1};
    cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
    CHECK_STR(
        written(&r, CS_FORMAT_JSONL, &options),
        "{\"version\": 1, \"file\": \"a b.wav\", \"model\": \"canary\", \"head\": \"aed\", \"precision\": \"f32\", "
        "\"language\": \"en\", \"duration\": 2, \"text\": \"Hi\", "
        "\"segments\": [{\"start\": null, \"end\": null, \"text\": \"Hi\"}], "
        "\"words\": [{\"word\": \"Hi\", \"start\": null, \"end\": null, \"confidence\": null}], "
        "\"tokens\": [{\"id\": 7, \"piece\": \"\xe2\x96\x81Hi\", \"frame\": null, \"duration\": null, "
        "\"start\": null, \"end\": null, \"logprob\": -0.125, \"confidence\": null}], "
        "\"target_language\": null, \"chunks\": 1, \"looped\": false, \"alternatives\": []}\n");
    r = (cs_result){.head = CS_HEAD_AED,
                    .precision = CS_PRECISION_INT8,
                    .language = "",
                    .target_language = "de",
                    .n_chunks = 2,
                    .looped = 1,
                    .alternatives = alternatives,
                    .n_alternatives = 3};
    options.timestamps = CS_TIMESTAMPS_NONE;
    CHECK_STR(written(&r, CS_FORMAT_JSON, &options),
              "{\n"
              "  \"version\": 1,\n"
              "  \"file\": \"a b.wav\",\n"
              "  \"model\": \"\",\n"
              "  \"head\": \"aed\",\n"
              "  \"precision\": \"int8\",\n"
              "  \"language\": null,\n"
              "  \"duration\": 0,\n"
              "  \"text\": \"\",\n"
              "  \"segments\": [],\n"
              "  \"words\": [],\n"
              "  \"tokens\": [],\n"
              "  \"target_language\": \"de\",\n"
              "  \"chunks\": 2,\n"
              "  \"looped\": true,\n"
              "  \"alternatives\": [\n"
              "    {\"text\": \"Hi\", \"score\": -1.5, \"ids\": [7]},\n"
              "    {\"text\": \" \\\"Hi\\\"\", \"score\": -2.25, \"ids\": [7, 9]},\n"
              "    {\"text\": \"\", \"score\": -3, \"ids\": []}\n"
              "  ]\n"
              "}\n");
}

static void what_has_no_times_is_no_subtitle(void)
{
    cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
    cs_result r = small;
    r.has_times = 0;
    for (int format = CS_FORMAT_SRT; format <= CS_FORMAT_TSV; format++) {
        for (int timestamps = 0; timestamps <= CS_TIMESTAMPS_NONE; timestamps++) {
            cs_error err = {0};
            options.timestamps = (cs_timestamps)timestamps;
            out.n_bytes = 0;
            out.stop_after = -1;
            CHECK_INT(cs_result_write(&r, (cs_format)format, &options, keep, &out, &err), CS_EINVAL);
            CHECK(strstr(err.message, "the result of tiny has no times, which ") == err.message);
            CHECK_INT(out.n_bytes, 0);
        }
    }
    CHECK_STR(written(&r, CS_FORMAT_TXT, &options), "Hi\" there.\n");
    r.n_words = r.n_segments = 0; /* nothing was said */
    CHECK_STR(written(&r, CS_FORMAT_SRT, &options), "");
    CHECK_STR(written(&r, CS_FORMAT_VTT, &options), "WEBVTT\n");
    CHECK_STR(written(&r, CS_FORMAT_CTM, &options), "");
    CHECK_STR(written(&r, CS_FORMAT_TSV, &options), "start\tend\ttext\n");
}

static void plain_formats(void)
{
    cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
    CHECK_STR(written(&small, CS_FORMAT_TXT, &options), "Hi\" there.\n");
    CHECK_STR(written(&small, CS_FORMAT_CTM, &options),
              "a_b.wav 1 0.320 0.160 Hi\" 0.875\na_b.wav 1 1.500 0.501 there. 0.333333\n");
    CHECK_STR(written(&small, CS_FORMAT_TSV, &options), "start\tend\ttext\n320\t480\tHi\"\n1500\t2001\tthere.\n");
    options.timestamps = CS_TIMESTAMPS_SEGMENT;
    CHECK_STR(written(&small, CS_FORMAT_TSV, &options), "start\tend\ttext\n320\t2001\tHi\" there.\n");
    CHECK_STR(written(&small, CS_FORMAT_SRT, &options), "1\n00:00:00,320 --> 00:00:02,001\nHi\" there.\n");
    options.timestamps = CS_TIMESTAMPS_WORD;
    CHECK_STR(written(&small, CS_FORMAT_SRT, &options),
              "1\n00:00:00,320 --> 00:00:01,320\nHi\"\n\n2\n00:00:01,500 --> 00:00:02,500\nthere.\n");
    CHECK_STR(written(&small, CS_FORMAT_VTT, NULL),
              "WEBVTT\n\n00:00:00.320 --> 00:00:01.320\nHi\"\n\n00:00:01.500 --> 00:00:02.500\nthere.\n");
}

static void an_empty_result_is_a_valid_file(void)
{
    const cs_result empty = {.head = CS_HEAD_RNNT, .precision = CS_PRECISION_F32};
    CHECK_STR(written(&empty, CS_FORMAT_TXT, NULL), "\n");
    CHECK_STR(written(&empty, CS_FORMAT_SRT, NULL), "");
    CHECK_STR(written(&empty, CS_FORMAT_VTT, NULL), "WEBVTT\n");
    CHECK_STR(written(&empty, CS_FORMAT_CTM, NULL), "");
    CHECK_STR(written(&empty, CS_FORMAT_TSV, NULL), "start\tend\ttext\n");
    CHECK_STR(written(&empty, CS_FORMAT_JSONL, NULL),
              "{\"version\": 1, \"file\": \"\", \"model\": \"\", \"head\": \"rnnt\", \"precision\": \"f32\", "
              "\"language\": null, "
              "\"duration\": 0, \"text\": \"\", \"segments\": [], \"words\": [], \"tokens\": []}\n");
}

static void numbers_do_not_depend_on_the_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "fr_FR.utf8"};
    const char *chosen = NULL;
    for (size_t i = 0; i < CSI_COUNT(names) && !chosen; i++)
        chosen = setlocale(LC_ALL, names[i]);
    char probe[16];
    snprintf(probe, sizeof probe, "%.1f", 0.5);
    printf("# locale %s, printf gives %s\n", chosen ? chosen : "C (no other here)", probe);
    cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
    CHECK_STR(written(&small, CS_FORMAT_JSON, &options), pretty);
    setlocale(LC_ALL, "C");
}

static const char *number(double value)
{
    static char text[128];
    const cs_word one = {.text = "x", .confidence = (float)value};
    const cs_result r = {.words = &one, .n_words = 1};
    const char *found = strstr(written(&r, CS_FORMAT_JSONL, NULL), "confidence\": ");
    snprintf(text, sizeof text, "%s", found ? found + 13 : "");
    text[strcspn(text, "}")] = 0;
    return text;
}

static const char *seconds(double value)
{
    static char text[128];
    const cs_result r = {.duration_seconds = value};
    const char *found = strstr(written(&r, CS_FORMAT_JSONL, NULL), "duration\": ");
    snprintf(text, sizeof text, "%s", found ? found + 11 : "");
    text[strcspn(text, ",")] = 0;
    return text;
}

static void numbers_are_short_and_finite(void)
{
    CHECK_STR(number(0), "0");
    CHECK_STR(number(-0.0), "0");
    CHECK_STR(number(1), "1");
    CHECK_STR(number(0.1f), "0.1");
    CHECK_STR(number(0.01234567f), "0.0123457");
    CHECK_STR(number(0.00001f), "0.00001");
    CHECK_STR(number(1.5e-6f), "1.5e-6");
    CHECK_STR(number(-123.456f), "-123.456");
    CHECK_STR(number(120000), "120000");
    CHECK_STR(number(999999.9f), "1e6");
    CHECK_STR(number(3.4e38f), "3.4e38");
    CHECK_STR(number((double)NAN), "null");
    CHECK_STR(number((double)INFINITY), "null");
    CHECK_STR(number((double)-INFINITY), "null");
    CHECK_STR(seconds(0.0004), "0");
    CHECK_STR(seconds(0.0005), "0.001");
    CHECK_STR(seconds(59.9996), "60");
    CHECK_STR(seconds(-1.25), "-1.25");
    CHECK_STR(seconds(3600.08), "3600.08");
    CHECK_STR(seconds((double)NAN), "null");
    CHECK_STR(seconds(1e300), "360000000");
}

static bool is_utf8(const char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        uint32_t c;
        int width = csi_utf8_decode(text, n, &c);
        if (width == 0)
            return false;
        text += width;
        n -= (size_t)width;
    }
    return true;
}

static void hostile_strings_stay_inside_their_fields(void)
{
    static const char bad[] = "a\x01\n\t\xff\xed\xa0\x80\xf4\x90\x80\x80<b>&\xe2\x80\xa8\"\\\x7f z";
    const cs_word word = {bad, (double)NAN, -5, 0, 0, NAN, 0, 1};
    const cs_segment segment = {bad, 3, 1, 0, 0, 0, 1};
    const cs_token token = {-1, bad, -1, -1, (double)INFINITY, (double)-INFINITY, NAN, INFINITY};
    const cs_result r = {.text = bad,
                         .model = bad,
                         .language = bad,
                         .tokens = &token,
                         .n_tokens = 1,
                         .words = &word,
                         .n_words = 1,
                         .segments = &segment,
                         .n_segments = 1,
                         .has_times = 1};
    cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
    options.file = bad;
    for (int format = CS_FORMAT_TXT; format <= CS_FORMAT_TSV; format++) {
        for (int timestamps = 0; timestamps <= CS_TIMESTAMPS_NONE; timestamps++) {
            options.timestamps = (cs_timestamps)timestamps;
            CHECK(is_utf8(written(&r, (cs_format)format, &options)));
            if (format >= CS_FORMAT_JSON)
                CHECK(!strchr(out.bytes, 0x01) && !strchr(out.bytes, 0x7F));
            if (format == CS_FORMAT_JSON || format == CS_FORMAT_JSONL)
                CHECK(!strchr(out.bytes, '\t') && strstr(out.bytes, "a\\u0001\\n\\t\xef\xbf\xbd"));
            if (format == CS_FORMAT_VTT)
                CHECK(!strstr(out.bytes, "<b>") && strstr(out.bytes, "&lt;b&gt;&amp;"));
        }
    }
    options.timestamps = CS_TIMESTAMPS_WORD;
    const char *line = written(&r, CS_FORMAT_CTM, &options);
    int n_spaces = 0;
    for (; *line; line++)
        n_spaces += *line == ' ';
    CHECK_INT(n_spaces, 5);
}

static void wrong_options_and_stopping_sinks(void)
{
    cs_error err;
    cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
    CHECK_INT(cs_result_write(NULL, CS_FORMAT_TXT, NULL, keep, &out, &err), CS_EINVAL);
    CHECK_INT(cs_result_write(&small, CS_FORMAT_TXT, NULL, NULL, &out, &err), CS_EINVAL);
    CHECK_INT(cs_result_write(&small, (cs_format)99, NULL, keep, &out, &err), CS_EINVAL);
    options.max_line_chars = 0;
    CHECK_INT(cs_result_write(&small, CS_FORMAT_SRT, &options, keep, &out, &err), CS_EINVAL);
    options = options_of((cs_timestamps)7);
    CHECK_INT(cs_result_write(&small, CS_FORMAT_SRT, &options, keep, &out, &err), CS_EINVAL);
    options = options_of(CS_TIMESTAMPS_WORD);
    options.struct_size = 0;
    CHECK_INT(cs_result_write(&small, CS_FORMAT_SRT, &options, keep, &out, &err), CS_EINVAL);
    options.struct_size = offsetof(cs_write_options, timestamps); /* an older header's: what follows is not looked at */
    options.timestamps = (cs_timestamps)7;
    CHECK_INT(cs_result_write(&small, CS_FORMAT_SRT, &options, keep, &out, &err), CS_OK);
    out.stop_after = 0;
    CHECK_INT(cs_result_write(&small, CS_FORMAT_JSON, NULL, keep, &out, &err), CS_EIO);
    CHECK_INT(cs_result_write(&small, CS_FORMAT_JSON, NULL, keep, &out, NULL), CS_EIO);
}

/* --------------------------------------------------------------- subtitles */

enum { MAX_WORDS = 400 };

static cs_word many[MAX_WORDS];

/* Words one after the other, 0.3 s each, from a text cut at spaces; a word "|" is a pause of 2 s. */
static cs_result spoken(char *text)
{
    int32_t n = 0;
    double at = 0;
    for (char *word = strtok(text, " "); word && n < MAX_WORDS; word = strtok(NULL, " ")) {
        if (strcmp(word, "|") != 0)
            many[n++] = (cs_word){.text = word, .start_seconds = at, .end_seconds = at + 0.3};
        at += strcmp(word, "|") == 0 ? 2 : 0.3;
    }
    return (cs_result){.words = many, .n_words = n, .duration_seconds = at, .has_times = 1};
}

static const char *subtitled(const char *text, int32_t max_line_chars, int32_t max_lines)
{
    static char copy[8192];
    cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
    options.max_line_chars = max_line_chars;
    options.max_lines = max_lines;
    snprintf(copy, sizeof copy, "%s", text);
    cs_result r = spoken(copy);
    return written(&r, CS_FORMAT_SRT, &options);
}

static void cues_break_at_sentences_clauses_and_pauses(void)
{
    CHECK_STR(subtitled("One two. Three | four", 42, 2), "1\n00:00:00,000 --> 00:00:00,600\nOne two.\n\n"
                                                         "2\n00:00:00,600 --> 00:00:01,600\nThree\n\n"
                                                         "3\n00:00:02,900 --> 00:00:03,200\nfour\n");
    CHECK_STR(subtitled("He said \"stop.\" Then he left", 42, 2),
              "1\n00:00:00,000 --> 00:00:00,900\nHe said \"stop.\"\n\n"
              "2\n00:00:00,900 --> 00:00:01,800\nThen he left\n");
    CHECK_STR(subtitled("aaaa bbbb cccc, dddd eeee ffff gggg", 10, 2),
              "1\n00:00:00,000 --> 00:00:00,900\naaaa bbbb\ncccc,\n\n"
              "2\n00:00:00,900 --> 00:00:02,100\ndddd eeee\nffff gggg\n");
    CHECK_STR(subtitled("aa bb cc dd ee ff gg", 11, 2), "1\n00:00:00,000 --> 00:00:02,100\naa bb cc dd\nee ff gg\n");
    CHECK_STR(subtitled("aa bb cc dd ee ff gg hh ii", 11, 2),
              "1\n00:00:00,000 --> 00:00:01,500\naa bb cc\ndd ee\n\n2\n00:00:01,500 --> 00:00:02,700\nff gg hh ii\n");
}

static void long_words_and_scripts_without_spaces(void)
{
    CHECK_STR(subtitled("x abcdefghijkl y", 5, 2), "1\n00:00:00,000 --> 00:00:00,425\nx\nabcde\n\n"
                                                   "2\n00:00:00,425 --> 00:00:00,900\nfghij\nkl y\n");
    /* U+3002 ends a sentence, U+3001 never begins a line */
    CHECK_STR(
        subtitled("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x80\x81\xe6\x97\xa5\xe6\x9c\xac\xe3\x80\x82\xe6\x97\xa5", 3,
                  2),
        "1\n00:00:00,000 --> 00:00:00,150\n\xe6\x97\xa5\xe6\x9c\xac\n\xe8\xaa\x9e\xe3\x80\x81\n\n"
        "2\n00:00:00,150 --> 00:00:00,262\n\xe6\x97\xa5\xe6\x9c\xac\xe3\x80\x82\n\n"
        "3\n00:00:00,262 --> 00:00:00,300\n\xe6\x97\xa5\n");
}

static int64_t clock_ms(const char *text)
{
    int h, m, s, ms;
    return sscanf(text, "%d:%d:%d,%d", &h, &m, &s, &ms) == 4 ? ((h * 60 + m) * 60 + s) * 1000LL + ms : -1;
}

/* Reads what was written; checks order, numbers and line lengths; returns the text without any white space. */
static const char *reread(int32_t max_line_chars, int32_t max_lines)
{
    static char text[1 << 16];
    size_t n_text = 0;
    int64_t previous_end = 0;
    int number = 0, n_lines = 0, expect = 0; /* 0 number, 1 times, 2 text */
    for (char *line = out.bytes; *line;) {
        size_t n = strcspn(line, "\n"), width = 0;
        if (expect == 0) {
            CHECK_INT(atoi(line), ++number);
            expect = 1;
        } else if (expect == 1) {
            int64_t start = clock_ms(line), end = clock_ms(line + 17);
            CHECK(start >= previous_end && end > start);
            previous_end = end;
            n_lines = 0;
            expect = 2;
        } else if (n == 0) {
            expect = 0;
        } else {
            for (size_t i = 0; i < n; i++) {
                width += ((unsigned char)line[i] & 0xC0) != 0x80;
                if (line[i] != ' ')
                    text[n_text++] = line[i];
            }
            CHECK(width <= (size_t)max_line_chars);
            CHECK(++n_lines <= max_lines);
        }
        line += n + (line[n] == '\n');
    }
    CHECK_INT(expect, out.n_bytes > 0 ? 2 : 0);
    text[n_text] = 0;
    return text;
}

static void any_words_become_orderly_cues(void)
{
    static const char *const parts[] = {"a",
                                        "the",
                                        "and,",
                                        "stop.",
                                        "supercalifragilistic",
                                        "\xe6\x97\xa5",
                                        "\xe6\x9c\xac\xe3\x80\x82",
                                        "",
                                        " ",
                                        "why?",
                                        "\xc3\xa9t\xc3\xa9",
                                        "1,000.5",
                                        "\"so,\"",
                                        "\xe3\x80\x8c\xe6\x97\xa5\xe3\x80\x8d"};
    uint32_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        char all[8192] = "";
        cs_write_options options = options_of(CS_TIMESTAMPS_WORD);
        int32_t n = (int32_t)(seed >> 8) % 60;
        double at = 0;
        options.max_line_chars = 2 + round % 50;
        options.max_lines = 1 + round % 3;
        for (int32_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            const char *word = parts[(seed >> 10) % CSI_COUNT(parts)];
            double length = (double)((seed >> 20) % 5) * 0.08,
                   gap = (seed >> 24) % 16 == 0 ? 1.5 : -0.08 * ((seed >> 28) % 2);
            many[i] = (cs_word){.text = word, .start_seconds = at, .end_seconds = at + length};
            at = at + length + gap > 0 ? at + length + gap : 0;
            strcat(all, strcmp(word, " ") == 0 ? "" : word);
        }
        seed = seed * 1664525u + 1013904223u;
        const cs_result r = {.words = many, .n_words = n, .has_times = 1};
        written(&r, CS_FORMAT_SRT, &options);
        int wide = options.max_line_chars < 3 ? 3 : options.max_line_chars; /* a bracketed character may need three */
        if (!CHECK_STR(reread(wide, options.max_lines), all))
            break;
    }
}

int main(void)
{
    csi_env_init(&env, NULL, NULL, NULL);
    RUN(json_has_its_keys_in_order);
    RUN(what_an_encoder_decoder_adds);
    RUN(what_has_no_times_is_no_subtitle);
    RUN(plain_formats);
    RUN(an_empty_result_is_a_valid_file);
    RUN(numbers_do_not_depend_on_the_locale);
    RUN(numbers_are_short_and_finite);
    RUN(hostile_strings_stay_inside_their_fields);
    RUN(wrong_options_and_stopping_sinks);
    RUN(cues_break_at_sentences_clauses_and_pauses);
    RUN(long_words_and_scripts_without_spaces);
    RUN(any_words_become_orderly_cues);
    return check_done();
}
