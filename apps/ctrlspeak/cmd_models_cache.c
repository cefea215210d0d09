/* SPDX-License-Identifier: MIT
 * `ctrlspeak models cache`: the packed weights that are kept, where they are, and removing them. */
#define _XOPEN_SOURCE 700
#include "common/answer.h"
#include "common/byte_bar.h"
#include "common/packed.h"
#include "common/paths.h"
#include "common/say.h"
#include "common/textbuf.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct arguments {
    int32_t clear, path, json;
} arguments;

static const cli_option options[] = {
    {"clear", 0, CLI_FLAG, offsetof(arguments, clear), NULL, 0, 0, NULL, NULL,
     "remove them all; programs that run keep what they have open"},
    {"path", 0, CLI_FLAG, offsetof(arguments, path), NULL, 0, 0, NULL, NULL, "print the folder alone"},
    {"json", 0, CLI_FLAG, offsetof(arguments, json), NULL, 0, 0, NULL, NULL, "one JSON object instead of lines"},
};

static const cli_example examples[] = {
    {"ctrlspeak models cache", "model, precision, size, when it was used last"},
    {"ctrlspeak models cache --clear", "give the space back"},
};

static const cli_section sections[] = {
    {"Packed weights",
     "  Weights in int8 are made of the model's own when it is opened, which takes a second for a large model. They "
     "are\n"
     "  kept in $XDG_CACHE_HOME/ctrlspeak/packed, or ~/.cache/ctrlspeak/packed, and the next start maps them: one "
     "copy\n"
     "  for all programs that run. A file belongs to one state of one model file; it is looked at whole before it is\n"
     "  used, and made again when it is damaged. Nothing is lost with them.\n"},
    {"Bounds", "  CS_CACHE=off, --no-cache, or cache = off in the config file: nothing is kept or looked for.\n"
               "  CS_CACHE_LIMIT_MB, cache_limit_mb: of all files, 8192; the least recently used go first.\n"
               "  CS_CACHE_LEAST_MB, cache_least_mb: smaller ones are not kept, 32.\n"},
    {"JSON",
     "  folder, bytes (of all), files: file, model, precision (both \"\" when damaged or of another version), bytes,\n"
     "  used (UTC). With --clear: removed and bytes instead of files.\n"},
};

static void write_time(textbuf *out, int64_t seconds, bool json)
{
    char text[40] = "";
    struct tm parts;
    time_t when = (time_t)seconds;
    if (json ? gmtime_r(&when, &parts) : localtime_r(&when, &parts))
        strftime(text, sizeof text, json ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M", &parts);
    textbuf_printf(out, "%s", text);
}

static void write_entry(textbuf *out, const cs_cache_entry *entry, bool json, bool first)
{
    char size[BYTE_TEXT];
    if (!json) {
        textbuf_printf(out, "%-38s %-5s %9s  ", entry->model[0] ? entry->model : "(damaged, or another version's)",
                       entry->precision, byte_text(size, entry->bytes));
        write_time(out, entry->used_seconds, false);
        textbuf_printf(out, "\n");
        return;
    }
    textbuf_printf(out, "%s\n    {\"file\": ", first ? "" : ",");
    textbuf_json(out, entry->file);
    textbuf_printf(out, ", \"model\": ");
    textbuf_json(out, entry->model);
    textbuf_printf(out, ", \"precision\": ");
    textbuf_json(out, entry->precision);
    textbuf_printf(out, ", \"bytes\": %lld, \"used\": \"", (long long)entry->bytes);
    write_time(out, entry->used_seconds, true);
    textbuf_printf(out, "\"}");
}

static void write_list(textbuf *out, const char *folder, const cs_cache_entry *entries, size_t n, bool json)
{
    char size[BYTE_TEXT];
    int64_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += entries[i].bytes;
    if (json) {
        textbuf_printf(out, "{\n  \"folder\": ");
        textbuf_json(out, folder);
        textbuf_printf(out, ",\n  \"bytes\": %lld,\n  \"files\": [", (long long)total);
    }
    for (size_t i = 0; i < n; i++)
        write_entry(out, &entries[i], json, i == 0);
    if (json)
        textbuf_printf(out, n ? "\n  ]\n}\n" : "]\n}\n");
    else
        textbuf_printf(out, "%zu %s, %s, in %s\n", n, n == 1 ? "file" : "files", byte_text(size, total), folder);
}

static int clear(textbuf *out, const char *folder, const cs_cache_entry *entries, size_t n, bool json)
{
    char size[BYTE_TEXT];
    int64_t bytes = 0;
    size_t removed = 0;
    cs_error err = {0};
    for (size_t i = 0; i < n; i++) {
        if (cs_cache_remove(folder, entries[i].file, &err) != CS_OK) {
            say("error", "cache", "%s", err.message);
            continue;
        }
        bytes += entries[i].bytes;
        removed++;
    }
    if (json) {
        textbuf_printf(out, "{\n  \"folder\": ");
        textbuf_json(out, folder);
        textbuf_printf(out, ",\n  \"removed\": %zu,\n  \"bytes\": %lld\n}\n", removed, (long long)bytes);
    } else {
        textbuf_printf(out, "removed %zu %s, %s\n", removed, removed == 1 ? "file" : "files", byte_text(size, bytes));
    }
    return removed == n ? APP_DONE : APP_SYSTEM;
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {0};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (a.path && (a.clear || a.json))
        return cli_misuse(command, "--path stands alone");
    char *folder = packed_folder();
    if (!folder) {
        say("error", "cache", "neither XDG_CACHE_HOME nor HOME names a folder, expected one for packed weights");
        return APP_SYSTEM;
    }
    textbuf text = {0};
    cs_cache_entry *entries = NULL;
    size_t n = 0;
    cs_error err = {0};
    if (a.path)
        textbuf_printf(&text, "%s\n", folder);
    else if (cs_cache_list(folder, &entries, &n, &err) != CS_OK) {
        say("error", "cache", "%s", err.message);
        status = APP_SYSTEM;
    } else if (a.clear)
        status = clear(&text, folder, entries, n, a.json != 0);
    else
        write_list(&text, folder, entries, n, a.json != 0);
    int written = answer_write(&text);
    status = written != APP_DONE ? written : status;
    textbuf_free(&text);
    cs_cache_list_free(entries);
    free(folder);
    return status;
}

const cli_command command_models_cache = {
    .name = "models cache",
    .operands = "",
    .summary = "List or remove the packed weights that are kept",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .sections = sections,
    .n_sections = sizeof sections / sizeof *sections,
    .run = run,
};
