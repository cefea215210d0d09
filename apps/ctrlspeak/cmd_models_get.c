/* SPDX-License-Identifier: MIT
 *
 * `ctrlspeak models get NAME|URL`: fetch a model into the models folder. What came in is a model only when its length,
 * its digest (the user's, else the index's, else the one that the server stated) and its structure are right; until
 * then it is NAME.nemo.part. What broke off is gone on from; what is wrong is removed. */
#define _XOPEN_SOURCE 700
#include "common/byte_bar.h"
#include "common/fetch.h"
#include "common/interrupt.h"
#include "common/say.h"
#include "models_folder.h"
#include "models_index.h"
#include "task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef struct arguments {
    const char *base_url, *sha256, *ca_file;
    int32_t force, timeout_seconds, tries, wait_ms, progress;
} arguments;

#define AT(field) offsetof(arguments, field)

static const cli_option options[] = {
    {"base-url", 0, CLI_TEXT, AT(base_url), "URL", 0, 0, "https://huggingface.co", "CS_MODELS_URL",
     "a mirror with the same layout: URL/nvidia/NAME/resolve/main/NAME.nemo"},
    {"force", 0, CLI_FLAG, AT(force), NULL, 0, 0, NULL, NULL,
     "replace a model that is there, and keep one that this version cannot run"},
    {"sha256", 0, CLI_TEXT, AT(sha256), "HEX", 0, 0, NULL, NULL, "the digest that the file must have"},
    {"timeout", 0, CLI_INT, AT(timeout_seconds), "SECONDS", 1, 3600, "30", NULL, "how long a server may say nothing"},
    {"tries", 0, CLI_INT, AT(tries), "N", 1, 1000, "5", NULL, "tries in a row that bring nothing new, then give up"},
    {"retry-wait", 0, CLI_INT, AT(wait_ms), "MS", 0, 60000, "1000", NULL,
     "milliseconds before the second try; each further wait is twice as long"},
    {"ca-file", 0, CLI_FILE, AT(ca_file), "FILE", 0, 0, "the system's", "CURL_CA_BUNDLE",
     "certificates to trust, in PEM, for a mirror of your own"},
    {"progress", 0, CLI_SWITCH, AT(progress), NULL, 0, 0, "when stderr is a terminal", NULL, "a bar on stderr"},
};

static const cli_example examples[] = {
    {"ctrlspeak models get parakeet-tdt-0.6b-v3",
     "25 European languages, 2.5 GB; models list --available has the rest"},
    {"ctrlspeak models get https://example.org/my-model.nemo", "any .nemo file"},
};

static const cli_section sections[] = {
    {"Checks", "  Length, digest and structure. The digest is that of --sha256; without it the one that Hugging Face\n"
               "  states (x-linked-etag), which is as good as the connection: over https it is authenticated, over\n"
               "  http it finds damage but no forgery. It is remembered in NAME.nemo.sha256 for models verify.\n"
               "  A file that is wrong is removed. A redirect from https to http is refused.\n"},
    {"Interrupt", "  What is there stays as NAME.nemo.part; the same command goes on from there.\n"},
};

/* What to fetch, from where, and as what. */
typedef struct order {
    char *name, *url, *path;
    char sha256[DIGEST_HEX]; /* "" when none is known beforehand */
} order;

static int order_from_url(const cli_command *command, const char *url, order *o)
{
    if (strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0)
        return cli_misuse(command, "'%s' is neither https nor http", url);
    o->name = models_name_of(url);
    o->url = strdup(url);
    size_t n = strcspn(url, "?#");
    if (n < 5 || memcmp(url + n - 5, ".nemo", 5) != 0 || !o->name || !models_name_valid(o->name))
        return cli_misuse(command, "'%s' does not end in a model's file name, as NAME.nemo", url);
    return APP_DONE;
}

static int order_from_index(const char *name, const arguments *a, order *o)
{
    const models_entry *entry = models_index_find(name);
    if (!entry) {
        const char *near = models_index_nearest(name);
        say("error", "models", "no model '%s' is known; %s%s%s this shows all: ctrlspeak models list --available", name,
            near ? "did you mean '" : "", near ? near : "", near ? "'?" : "");
        return APP_MODEL;
    }
    if (entry->runs == MODELS_NO_FILE) {
        say("error", "models", "%s is not published as a .nemo file, and this version could not run it", name);
        return APP_MODEL;
    }
    if (entry->runs == MODELS_KEEPS && !a->force) {
        say("error", "models", "%s (%s) is a model that this version cannot run; --force fetches it nonetheless", name,
            entry->family);
        return APP_MODEL;
    }
    o->name = strdup(entry->name);
    o->url = models_index_url(entry, a->base_url);
    memcpy(o->sha256, entry->sha256, strlen(entry->sha256) + 1);
    return APP_DONE;
}

static int fill_order(const cli_command *command, const char *what, const arguments *a, order *o)
{
    int status = strstr(what, "://") ? order_from_url(command, what, o) : order_from_index(what, a, o);
    if (status == APP_DONE && a->sha256 && !digest_parse(a->sha256, strlen(a->sha256), o->sha256))
        status = cli_misuse(command, "--sha256 is '%s', expected 64 hexadecimal digits", a->sha256);
    if (status == APP_DONE && (!o->name || !o->url)) {
        say("error", "system", "out of memory");
        status = APP_SYSTEM;
    }
    if (status == APP_DONE && !(o->path = models_path(o->name)))
        status = APP_SYSTEM;
    return status;
}

/* All bytes are there: are they the right ones? hex is the digest of what came. */
static int judge(const order *o, const arguments *a, const fetch_part *part, const fetch_answer *answer,
                 char hex[DIGEST_HEX])
{
    const char *wanted = o->sha256[0] ? o->sha256 : answer->sha256;
    char error[700] = "";
    bool other_kind = false;
    if (!digest_file(part->path, hex)) {
        if (errno == ECANCELED)
            return interrupt_status();
        say("error", "models", "%s: cannot read: %s", part->path, strerror(errno));
        return APP_SYSTEM;
    }
    if (wanted[0] && strcmp(wanted, hex) != 0) {
        say("error", "models", "%s: what came has the SHA-256 %s, expected %s; it was removed", o->name, hex, wanted);
        return APP_MODEL;
    }
    if (models_check(part->path, a->force, &other_kind, error, sizeof error))
        return APP_DONE;
    say("error", "models", "%s: what came is no model for this version, and was removed: %s%s", o->name, error,
        other_kind ? "; --force keeps it" : "");
    return APP_MODEL;
}

static void tell(const order *o, const fetch_answer *answer, const char *hex, int64_t bytes)
{
    char size[BYTE_TEXT];
    const char *how = o->sha256[0]            ? "as expected"
                      : !answer->sha256[0]    ? "which nobody vouches for: the server states none"
                      : answer->authenticated ? "as the server stated over TLS"
                                              : "as the server stated, but not over TLS: nobody vouches for it";
    say("info", "models", "%s: %s, SHA-256 %s, %s", o->name, byte_text(size, bytes), hex, how);
}

static bool is_there(const order *o)
{
    struct stat st;
    return stat(o->path, &st) == 0;
}

static int fetch_ordered(const order *o, const arguments *a, fetch_part *part)
{
    const fetch_options how = {.ca_file = a->ca_file,
                               .stall_seconds = a->timeout_seconds,
                               .n_tries = a->tries,
                               .wait_ms = a->wait_ms,
                               .progress = a->progress};
    fetch_answer answer;
    char hex[DIGEST_HEX] = "";
    int status = fetch_file(&how, part, &answer);
    if (status != APP_DONE) {
        say("error", "fetch", "%s", answer.error);
        fetch_part_keep(part);
        return status;
    }
    int64_t bytes = part->bytes;
    status = judge(o, a, part, &answer, hex);
    if (status == APP_MODEL) {
        fetch_part_remove(part);
        return status;
    }
    if (status != APP_DONE) {
        fetch_part_keep(part);
        return status;
    }
    if (!fetch_part_commit(part)) {
        say("error", "models", "%s", part->error);
        return APP_SYSTEM;
    }
    if (!digest_remember(o->path, hex))
        say("warning", "models", "%s.sha256: cannot write: %s", o->path, strerror(errno));
    tell(o, &answer, hex, bytes);
    return APP_DONE;
}

static int get(const order *o, const arguments *a)
{
    fetch_part part;
    bool there = is_there(o) && !a->force;
    int status = there ? APP_DONE : models_make_folder();
    if (status != APP_DONE)
        return status;
    if (!there && !fetch_part_open(&part, o->path, o->url)) {
        say("error", "models", "%s", part.error);
        return APP_SYSTEM;
    }
    if (!there && is_there(o) && !a->force) { /* somebody else was faster */
        fetch_part_keep(&part);
        there = true;
    }
    if (there)
        say("info", "models", "%s is here already; --force fetches it again", o->name);
    else
        status = fetch_ordered(o, a, &part);
    if (status == APP_DONE)
        printf("%s\n", o->path);
    return status;
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {.timeout_seconds = 30, .tries = 5, .wait_ms = 1000, .progress = -1};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    order o = {0};
    interrupt_install();
    status = fill_order(command, argv[0], &a, &o);
    if (status == APP_DONE && !fetch_possible()) {
        fetch_answer answer;
        status = fetch_file(NULL, NULL, &answer);
        say("error", "fetch", "%s", answer.error);
    } else if (status == APP_DONE) {
        status = get(&o, &a);
    }
    free(o.name);
    free(o.url);
    free(o.path);
    return status;
}

#define CHOICE(name, file, family, megabytes, languages, licence, runs) name "|"

const cli_command command_models_get = {
    .name = "models get",
    .operands = "NAME|URL",
    .min_operands = 1,
    .max_operands = 1,
    .operand_choices = MODELS_INDEX(CHOICE),
    .summary = "Fetch a model and check it",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .sections = sections,
    .n_sections = sizeof sections / sizeof *sections,
    .run = run,
};
