/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak history list|search|show|stats`: what reads and changes nothing. */
#include "cmd_history.h"

#include "common/byte_bar.h"
#include "common/progress.h"
#include "common/say.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT_STANDARD = 50, LIMIT_MOST = 1000000000, TEXT_LEAST = 20 };

static const cli_option list_options[] = {
    {"limit", 'n', CLI_INT, HISTORY_AT(limit), "N", 0, LIMIT_MOST, "50", NULL, "at most so many; 0: all"},
    HISTORY_OPTION_JSON,
    HISTORY_OPTION_DB,
};

static const cli_option show_options[] = {
    {"text", 0, CLI_FLAG, HISTORY_AT(text), NULL, 0, 0, NULL, NULL, "the text alone"},
    HISTORY_OPTION_JSON,
    HISTORY_OPTION_DB,
};

static const cli_option stats_options[] = {HISTORY_OPTION_JSON, HISTORY_OPTION_DB};

static const cli_example list_examples[] = {{"ctrlspeak history list -n 5", "the last five, the newest first"}};
static const cli_example search_examples[] = {
    {"ctrlspeak history search quarterly report", "both words, in any order"},
    {"ctrlspeak history search '\"quarterly report\" budg*'", "a phrase, and a word that begins so"},
};
static const cli_example show_examples[] = {{"ctrlspeak history show --text 12", "one text, for a pipe"}};
static const cli_example stats_examples[] = {{"ctrlspeak history stats", "how much, how fast"}};

static const cli_section search_sections[] = {
    {"Query",
     "  Words must all occur; case and accents do not count. \"...\" is a phrase, word* a beginning. Everything\n"
     "  else is taken as it stands, so that no query can be wrong.\n"},
};

static bool print_line(void *user, const history_entry *entry)
{
    history_printer *p = user;
    char when[HISTORY_TIME_TEXT];
    size_t begin = p->text.size;
    textbuf_printf(&p->text, "%5lld  %.16s  %6.1f s  ", (long long)entry->id, history_local_time(when, entry->time_ms),
                   entry->speech_seconds);
    int32_t left = p->columns ? p->columns - (int32_t)(p->text.size - begin) : 0;
    history_one_line(&p->text, entry->text, p->columns && left < TEXT_LEAST ? TEXT_LEAST : left);
    textbuf_append(&p->text, "\n", 1);
    p->n++;
    return history_print_flush(p);
}

static bool print_json(void *user, const history_entry *entry)
{
    history_printer *p = user;
    textbuf_printf(&p->text, "%s\n", p->n++ ? "," : "");
    history_json(&p->text, entry, 4);
    return history_print_flush(p);
}

/* All operands are one query. NULL: out of memory. */
static char *join(char **words, int n)
{
    textbuf text = {0};
    textbuf_append(&text, "", 0);
    for (int i = 0; i < n; i++)
        textbuf_printf(&text, "%s", i ? " " : ""), textbuf_append(&text, words[i], strlen(words[i]));
    if (text.failed)
        textbuf_free(&text);
    return text.data;
}

static int run_list(const cli_command *command, int argc, char **argv)
{
    history_arguments a = {.limit = LIMIT_STANDARD};
    char error[HISTORY_ERROR];
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    history *h = NULL;
    history_printer p;
    status = history_cli_open(&a, true, &h);
    if (status != APP_DONE)
        return status;
    char *query = join(argv, n_operands);
    if (!query || !history_print_begin(&p, NULL)) {
        status = query ? APP_SYSTEM : history_cli_fail("out of memory");
    } else {
        if (a.json)
            textbuf_printf(&p.text, "{\n  \"version\": 1,\n  \"entries\": [");
        int64_t n = h ? history_each(h, query, a.limit, 0, a.json ? print_json : print_line, &p, error) : 0;
        if (a.json)
            textbuf_printf(&p.text, "%s]\n}\n", p.n ? "\n  " : "");
        status = history_print_end(&p);
        if (n < 0)
            status = history_cli_fail(error);
    }
    free(query);
    history_close(h);
    return status;
}

/* ------------------------------------------------------------------ show */

static bool print_whole(void *user, const history_entry *entry)
{
    history_printer *p = user;
    char when[HISTORY_TIME_TEXT];
    if (p->format == 1) {
        history_json(&p->text, entry, 0);
    } else {
        if (p->format == 0) {
            textbuf_printf(&p->text, "id        %lld\ntime      %s\nspeech    %.1f s\n", (long long)entry->id,
                           history_local_time(when, entry->time_ms), entry->speech_seconds);
            if (entry->latency_ms >= 0)
                textbuf_printf(&p->text, "latency   %.0f ms\n", entry->latency_ms);
            const char *const pairs[][2] = {{"model     ", entry->model},
                                            {"language  ", entry->language},
                                            {"target    ", entry->target},
                                            {"source    ", entry->source}};
            for (size_t i = 0; i < HISTORY_COUNT(pairs); i++) {
                if (!pairs[i][1][0])
                    continue;
                textbuf_printf(&p->text, "%s", pairs[i][0]);
                history_one_line(&p->text, pairs[i][1], 0);
                textbuf_append(&p->text, "\n", 1);
            }
            textbuf_printf(&p->text, "delivered %s\n\n", entry->delivered ? "yes" : "no");
        }
        history_clean(&p->text, entry->text, strlen(entry->text));
    }
    textbuf_append(&p->text, "\n", 1);
    return true;
}

static int run_show(const cli_command *command, int argc, char **argv)
{
    history_arguments a = {0};
    char error[HISTORY_ERROR];
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    int64_t id;
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (!history_parse_id(argv[0], &id))
        return cli_misuse(command, "'%s' is no id; history list shows them", argv[0]);
    history *h = NULL;
    history_printer p;
    status = history_cli_open(&a, true, &h);
    if (status == APP_DONE && !h)
        return APP_INPUT;
    if (status != APP_DONE || !history_print_begin(&p, NULL))
        return status != APP_DONE ? status : (history_close(h), APP_SYSTEM);
    p.format = a.json ? 1 : a.text ? 2 : 0;
    bool found = history_get(h, id, print_whole, &p, error);
    status = history_print_end(&p);
    if (!found) {
        history_cli_fail(error);
        status = APP_INPUT;
    }
    history_close(h);
    return status;
}

/* ----------------------------------------------------------------- stats */

static void stats_lines(textbuf *out, const history_stats *s)
{
    char first[HISTORY_TIME_TEXT], last[HISTORY_TIME_TEXT], clock[PROGRESS_CLOCK], bytes[BYTE_TEXT];
    textbuf_printf(out, "entries    %lld\n", (long long)s->n_entries);
    textbuf_printf(out, "words      %lld\n", (long long)s->n_words);
    textbuf_printf(out, "speech     %s\n", progress_clock(clock, s->speech_seconds));
    if (s->speech_seconds >= 1)
        textbuf_printf(out, "pace       %.0f words a minute\n", (double)s->n_words / s->speech_seconds * 60);
    textbuf_printf(out, "delivered  %lld\n", (long long)s->n_delivered);
    if (s->latency_p95_ms > 0)
        textbuf_printf(out, "latency    %.0f ms (half of them), %.0f ms (95 of 100)\n", s->latency_p50_ms,
                       s->latency_p95_ms);
    if (s->n_entries)
        textbuf_printf(out, "from       %s\nto         %s\n", history_local_time(first, s->first_ms),
                       history_local_time(last, s->last_ms));
    textbuf_printf(out, "file       %s\n", byte_text(bytes, s->file_bytes));
}

static void stats_json(textbuf *out, const history_stats *s)
{
    char first[HISTORY_TIME_TEXT], last[HISTORY_TIME_TEXT];
    textbuf_printf(out,
                   "{\"version\": 1, \"entries\": %lld, \"words\": %lld, \"speech_seconds\": %.3f, \"delivered\": %lld",
                   (long long)s->n_entries, (long long)s->n_words, s->speech_seconds, (long long)s->n_delivered);
    textbuf_printf(out, ", \"latency_p50_ms\": %.1f, \"latency_p95_ms\": %.1f, \"bytes\": %lld", s->latency_p50_ms,
                   s->latency_p95_ms, (long long)s->file_bytes);
    if (s->n_entries)
        textbuf_printf(out, ", \"first\": \"%s\", \"last\": \"%s\"}\n", history_utc_time(first, s->first_ms),
                       history_utc_time(last, s->last_ms));
    else
        textbuf_printf(out, ", \"first\": null, \"last\": null}\n");
}

static int run_stats(const cli_command *command, int argc, char **argv)
{
    history_arguments a = {0};
    char error[HISTORY_ERROR];
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    history *h = NULL;
    history_printer p;
    history_stats stats = {0};
    status = history_cli_open(&a, true, &h);
    if (status != APP_DONE)
        return status;
    if (h && !history_get_stats(h, &stats, error))
        status = history_cli_fail(error);
    else if (!history_print_begin(&p, NULL))
        status = APP_SYSTEM;
    else {
        (a.json ? stats_json : stats_lines)(&p.text, &stats);
        status = history_print_end(&p);
    }
    history_close(h);
    return status;
}

const cli_command command_history_list = {
    .name = "history list",
    .operands = "",
    .summary = "List what was dictated, the newest first",
    .examples = list_examples,
    .n_examples = HISTORY_COUNT(list_examples),
    .options = list_options,
    .n_options = HISTORY_COUNT(list_options),
    .run = run_list,
};

const cli_command command_history_search = {
    .name = "history search",
    .operands = "WORD...",
    .min_operands = 1,
    .max_operands = 1000,
    .summary = "Find words in what was dictated",
    .examples = search_examples,
    .n_examples = HISTORY_COUNT(search_examples),
    .options = list_options,
    .n_options = HISTORY_COUNT(list_options),
    .sections = search_sections,
    .n_sections = HISTORY_COUNT(search_sections),
    .run = run_list,
};

const cli_command command_history_show = {
    .name = "history show",
    .operands = "ID",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Show one dictation whole",
    .examples = show_examples,
    .n_examples = HISTORY_COUNT(show_examples),
    .options = show_options,
    .n_options = HISTORY_COUNT(show_options),
    .run = run_show,
};

const cli_command command_history_stats = {
    .name = "history stats",
    .operands = "",
    .summary = "Tell how much was dictated, and how fast it was",
    .examples = stats_examples,
    .n_examples = HISTORY_COUNT(stats_examples),
    .options = stats_options,
    .n_options = HISTORY_COUNT(stats_options),
    .run = run_stats,
};
