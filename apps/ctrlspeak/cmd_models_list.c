/* SPDX-License-Identifier: MIT
 * `ctrlspeak models list`: the bundled model and those in the models folder; --available: those that can be fetched by
 * name. */
#define _XOPEN_SOURCE 700
#include "common/answer.h"
#include "common/byte_bar.h"
#include "common/paths.h"
#include "common/textbuf.h"
#include "models_folder.h"
#include "models_index.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct arguments {
    int32_t json, available;
} arguments;

static const cli_option options[] = {
    {"available", 0, CLI_FLAG, offsetof(arguments, available), NULL, 0, 0, NULL, NULL,
     "also what models get knows by name"},
    {"json", 0, CLI_FLAG, offsetof(arguments, json), NULL, 0, 0, NULL, NULL, "one JSON object instead of lines"},
};

static const cli_example examples[] = {
    {"ctrlspeak models list", "the models that are here"},
    {"ctrlspeak models list --available", "and those that can be had"},
};

static const cli_section sections[] = {
    {"Folder",
     "  $XDG_DATA_HOME/ctrlspeak/models, or ~/.local/share/ctrlspeak/models. A file NAME.nemo that is put there\n"
     "  by other means is found too.\n"},
    {"States", "  bundled     comes with the program\n"
               "  verified    its digest is remembered, and the file has not changed since\n"
               "  unverified  no digest is remembered; models verify looks at its structure\n"
               "  changed     the file is younger than its remembered digest; models verify tells\n"
               "  partial     a fetch that broke off; the same models get goes on\n"},
    {"JSON", "  models: name, path, bytes, family, state. With --available also available: name, url, bytes_about (0:\n"
             "  not known), family, languages, licence (both \"\" or words), runs (yes, not yet, no file).\n"},
};

enum { SMALL_BYTES = 64 << 20 }; /* files that are opened to tell their family */

static const char *const state_names[] = {"unverified", "verified", "changed", "partial"};

/* From the index, or from the file when it is small enough to open for a list; "" when neither tells. */
static void find_family(char *out, size_t size, const char *name, const char *path, int64_t bytes)
{
    const models_entry *entry = models_index_find(name);
    cs_model *model = NULL;
    cs_model_options open;
    cs_model_options_init(&open);
    open.threads = 1;
    open.precision = CS_PRECISION_F32; /* nothing is packed for a look */
    snprintf(out, size, "%s", entry ? entry->family : "");
    if (!entry && bytes <= SMALL_BYTES && cs_model_open(path, &open, &model, NULL) == CS_OK)
        snprintf(out, size, "%s", cs_model_get_info(model)->family);
    cs_model_close(model);
}

static void write_pair(textbuf *out, const char *key, const char *value)
{
    textbuf_printf(out, ", \"%s\": ", key);
    textbuf_json(out, value);
}

static void write_file(textbuf *out, const models_file *file, const char *state, bool json, bool first)
{
    char family[80] = "", size[BYTE_TEXT];
    if (file->state != MODELS_PARTIAL)
        find_family(family, sizeof family, file->name, file->path, file->bytes);
    if (!json) {
        textbuf_printf(out, "%-38s %9s  %-10s  %s\n", file->name, byte_text(size, file->bytes), state, family);
        return;
    }
    textbuf_printf(out, "%s\n    {\"name\": ", first ? "" : ",");
    textbuf_json(out, file->name);
    write_pair(out, "path", file->path);
    textbuf_printf(out, ", \"bytes\": %lld", (long long)file->bytes);
    write_pair(out, "family", family);
    write_pair(out, "state", state);
    textbuf_printf(out, "}");
}

static bool write_here(textbuf *out, bool json)
{
    char bundled_name[] = PATHS_BUNDLED;
    models_file *files, bundled = {.name = bundled_name, .path = paths_bundled_model()};
    size_t n = 0;
    struct stat st;
    if (!models_files(&files, &n)) {
        free(bundled.path);
        return false;
    }
    textbuf_printf(out, json ? "{\n  \"models\": [" : "");
    bool with_bundled = bundled.path && stat(bundled.path, &st) == 0;
    if (with_bundled) {
        bundled.bytes = st.st_size;
        write_file(out, &bundled, "bundled", json, true);
    }
    for (size_t i = 0; i < n; i++)
        write_file(out, &files[i], state_names[files[i].state], json, i == 0 && !with_bundled);
    bool any = n || with_bundled;
    if (json)
        textbuf_printf(out, any ? "\n  ]" : "]");
    else if (!any)
        textbuf_printf(out, "none is here; models list --available shows what models get can fetch\n");
    models_files_free(files, n);
    free(bundled.path);
    return true;
}

static void write_available(textbuf *out, bool json)
{
    static const char *const run_names[] = {"yes", "not yet", "no file"};
    const models_entry *entry;
    textbuf_printf(out, json ? ",\n  \"available\": [" : "\nAvailable (size about; models get NAME):\n");
    for (size_t i = 0; (entry = models_index_at(i)); i++) {
        char size[BYTE_TEXT] = "?";
        int64_t bytes = (int64_t)entry->megabytes * 1000000;
        if (!json) {
            textbuf_printf(out, "%-38s %9s  %-7s  %s, %s%s%s\n", entry->name, bytes ? byte_text(size, bytes) : size,
                           entry->runs == MODELS_RUNS ? "" : run_names[entry->runs], entry->family, entry->languages,
                           entry->licence[0] ? ", " : "", entry->licence);
            continue;
        }
        char *url = entry->runs == MODELS_NO_FILE ? NULL : models_index_url(entry, NULL);
        textbuf_printf(out, "%s\n    {\"name\": ", i ? "," : "");
        textbuf_json(out, entry->name);
        write_pair(out, "url", url ? url : "");
        textbuf_printf(out, ", \"bytes_about\": %lld", (long long)bytes);
        write_pair(out, "family", entry->family);
        write_pair(out, "languages", entry->languages);
        write_pair(out, "licence", entry->licence);
        write_pair(out, "runs", run_names[entry->runs]);
        textbuf_printf(out, "}");
        free(url);
    }
    textbuf_printf(out,
                   json ? "\n  ]" : "\n\"not yet\": this version cannot run it; \"no file\": not published as .nemo\n");
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {0};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    textbuf text = {0};
    if (!write_here(&text, a.json))
        return textbuf_free(&text), APP_SYSTEM;
    if (a.available)
        write_available(&text, a.json);
    textbuf_printf(&text, a.json ? "\n}\n" : "");
    status = answer_write(&text);
    textbuf_free(&text);
    return status;
}

const cli_command command_models_list = {
    .name = "models list",
    .operands = "",
    .summary = "List the models that are here, or can be had",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .sections = sections,
    .n_sections = sizeof sections / sizeof *sections,
    .run = run,
};
