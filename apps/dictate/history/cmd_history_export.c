/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak history export|import`: out as text, JSON or CSV, the oldest first; in from the Python program of this name. */
#define _XOPEN_SOURCE 700
#include "cmd_history.h"

#include "common/paths.h"
#include "common/say.h"

#include <stdlib.h>
#include <string.h>

typedef enum export_format { EXPORT_TXT, EXPORT_JSON, EXPORT_CSV } export_format;

static const cli_option export_options[] = {
    {"format", 'f', CLI_CHOICE, HISTORY_AT(format), "txt|json|csv", 0, 0, "txt", NULL, "what to write"},
    {"output", 'o', CLI_FILE, HISTORY_AT(output), "FILE", 0, 0, "standard output", NULL,
     "written whole or not at all, for the user alone"},
    HISTORY_OPTION_DB,
};

static const cli_option import_options[] = {HISTORY_OPTION_DB};

static const cli_example export_examples[] = {
    {"ctrlspeak history export -f csv -o dictations.csv", "for a spreadsheet"}};
static const cli_example import_examples[] = {{"ctrlspeak history import", "from ~/.ctrlspeak/history.db"}};

static const cli_section export_sections[] = {
    {"Formats", "  txt   a line with the local time, the text, an empty line\n"
                "  json  version 1; entries: id, time (UTC), text, model, language, target, source, speech_seconds,\n"
                "        latency_ms, delivered\n"
                "  csv   the same columns, with a header; RFC 4180\n"},
};

static void write_field(textbuf *out, const char *text)
{
    textbuf_append(out, ",\"", 2);
    for (; *text; text++) {
        textbuf_append(out, text, 1);
        if (*text == '"')
            textbuf_append(out, text, 1);
    }
    textbuf_append(out, "\"", 1);
}

static void write_csv(textbuf *out, const history_entry *entry)
{
    const char *const texts[] = {entry->text, entry->model, entry->language, entry->target, entry->source};
    char when[HISTORY_TIME_TEXT];
    textbuf_printf(out, "%lld,%s", (long long)entry->id, history_utc_time(when, entry->time_ms));
    for (size_t i = 0; i < HISTORY_COUNT(texts); i++)
        write_field(out, texts[i]);
    textbuf_printf(out, ",%.3f,", entry->speech_seconds);
    if (entry->latency_ms >= 0)
        textbuf_printf(out, "%.1f", entry->latency_ms);
    textbuf_printf(out, ",%d\r\n", entry->delivered);
}

static bool export_entry(void *user, const history_entry *entry)
{
    history_printer *p = user;
    char when[HISTORY_TIME_TEXT];
    if (p->format == EXPORT_JSON) {
        textbuf_printf(&p->text, "%s\n", p->n ? "," : "");
        history_json(&p->text, entry, 4);
    } else if (p->format == EXPORT_CSV) {
        write_csv(&p->text, entry);
    } else {
        textbuf_printf(&p->text, "%s\n", history_local_time(when, entry->time_ms));
        history_clean(&p->text, entry->text, strlen(entry->text));
        textbuf_append(&p->text, "\n\n", 2);
    }
    p->n++;
    return history_print_flush(p);
}

static int run_export(const cli_command *command, int argc, char **argv)
{
    history_arguments a = {0};
    char error[HISTORY_ERROR];
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    history *h = NULL;
    history_printer p;
    status = history_cli_open(&a, true, &h);
    if (status != APP_DONE)
        return status;
    if (!history_print_begin(&p, a.output)) {
        history_close(h);
        return APP_SYSTEM;
    }
    p.format = a.format;
    if (a.format == EXPORT_JSON)
        textbuf_printf(&p.text, "{\n  \"version\": 1,\n  \"entries\": [");
    else if (a.format == EXPORT_CSV)
        textbuf_printf(&p.text, "id,time,text,model,language,target,source,speech_seconds,latency_ms,delivered\r\n");
    int64_t n = h ? history_select(h, NULL, HISTORY_OLDEST, 0, 0, export_entry, &p, error) : 0;
    if (a.format == EXPORT_JSON)
        textbuf_printf(&p.text, "%s]\n}\n", p.n ? "\n  " : "");
    if (n < 0) { /* half an export is none */
        status = history_cli_fail(error);
        outfile_discard(&p.out);
        textbuf_free(&p.text);
    } else {
        status = history_print_end(&p);
    }
    history_close(h);
    return status;
}

static int run_import(const cli_command *command, int argc, char **argv)
{
    history_arguments a = {0};
    char error[HISTORY_ERROR];
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    char *home = paths_home(), *path = n_operands ? strdup(argv[0]) : NULL;
    if (!n_operands && home)
        path = paths_join(home, ".ctrlspeak/history.db", "");
    free(home);
    if (!path)
        return history_cli_fail("there is no home folder to import from; name the file");
    history *h = NULL;
    history_imported counts;
    status = history_cli_open(&a, false, &h);
    if (status == APP_DONE && !history_import_counted(h, path, &counts, error)) {
        history_cli_fail(error);
        status = APP_INPUT;
    } else if (status == APP_DONE) {
        printf("%lld imported, %lld were there already, %lld cannot be used (no text, no time, or too long)\n",
               (long long)counts.n_taken, (long long)counts.n_known, (long long)counts.n_unusable);
    }
    history_close(h);
    free(path);
    return status;
}

const cli_command command_history_export = {
    .name = "history export",
    .operands = "",
    .summary = "Write all dictations as text, JSON or CSV",
    .examples = export_examples,
    .n_examples = HISTORY_COUNT(export_examples),
    .options = export_options,
    .n_options = HISTORY_COUNT(export_options),
    .sections = export_sections,
    .n_sections = HISTORY_COUNT(export_sections),
    .run = run_export,
};

const cli_command command_history_import = {
    .name = "history import",
    .operands = "[FILE]",
    .max_operands = 1,
    .summary = "Take over the history of the Python program of this name",
    .examples = import_examples,
    .n_examples = HISTORY_COUNT(import_examples),
    .options = import_options,
    .n_options = HISTORY_COUNT(import_options),
    .run = run_import,
};
