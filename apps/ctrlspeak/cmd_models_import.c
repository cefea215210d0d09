/* SPDX-License-Identifier: MIT
 * `ctrlspeak models import FILE [NAME]`: a model that came by other means into the models folder, checked as a fetched
 * one is. */
#define _XOPEN_SOURCE 700
#include "common/digest.h"
#include "common/interrupt.h"
#include "common/outfile.h"
#include "common/say.h"
#include "models_folder.h"
#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct arguments {
    const char *sha256;
    int32_t force, link;
} arguments;

#define AT(field) offsetof(arguments, field)

static const cli_option options[] = {
    {"link", 0, CLI_FLAG, AT(link), NULL, 0, 0, NULL, NULL,
     "a hard link instead of a copy: no second 2.5 GB on the same disk, but one file under two names"},
    {"force", 0, CLI_FLAG, AT(force), NULL, 0, 0, NULL, NULL,
     "replace a model that is there, and keep one that this version cannot run"},
    {"sha256", 0, CLI_TEXT, AT(sha256), "HEX", 0, 0, NULL, NULL, "the digest that the file must have"},
};

static const cli_example examples[] = {
    {"ctrlspeak models import parakeet-tdt-0.6b-v3.nemo", "from a stick, without a network"},
    {"ctrlspeak models import --link model.nemo my-model", "under a name of your own, without a copy"},
};

enum { PIECE_BYTES = 1 << 18 };

static int copy(const char *from, const char *to)
{
    outfile out;
    char *piece = malloc(PIECE_BYTES);
    int fd = piece ? open(from, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = -1;
    if (fd < 0 || !outfile_open(&out, to)) {
        say("error", "models", "%s", fd < 0 ? piece ? strerror(errno) : "out of memory" : out.error);
        if (fd >= 0)
            close(fd);
        free(piece);
        return APP_SYSTEM;
    }
    while (!interrupt_wanted() && (n = read(fd, piece, PIECE_BYTES)) > 0)
        if (outfile_write(&out, piece, (size_t)n))
            break;
    int reason = errno, status = APP_DONE;
    close(fd);
    free(piece);
    if (interrupt_wanted())
        status = interrupt_status();
    else if (n < 0) {
        say("error", "models", "%s: cannot read: %s", from, strerror(reason));
        status = APP_SYSTEM;
    } else if (n > 0 || !outfile_commit(&out)) {
        say("error", "models", "%s", out.error);
        status = APP_SYSTEM;
    }
    outfile_discard(&out);
    return status;
}

static int link_to(const char *from, const char *to, bool replace)
{
    if (replace && unlink(to) != 0 && errno != ENOENT) {
        say("error", "models", "%s: cannot remove: %s", to, strerror(errno));
        return APP_SYSTEM;
    }
    if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0)
        return APP_DONE;
    say("error", "models", "%s: cannot be linked to %s: %s; without --link it is copied", from, to, strerror(errno));
    return APP_SYSTEM;
}

/* The file as it is, before anything is copied. */
static int judge(const char *from, const arguments *a, char hex[DIGEST_HEX])
{
    char error[700], wanted[DIGEST_HEX];
    bool other_kind;
    if (!models_check(from, a->force, &other_kind, error, sizeof error)) {
        say("error", "model", "%s%s", error, other_kind ? "; --force keeps it" : "");
        return APP_MODEL;
    }
    if (!digest_file(from, hex)) {
        if (errno == ECANCELED)
            return interrupt_status();
        say("error", "models", "%s: cannot read: %s", from, strerror(errno));
        return APP_INPUT;
    }
    if (a->sha256 && digest_parse(a->sha256, strlen(a->sha256), wanted) && strcmp(wanted, hex) != 0) {
        say("error", "models", "%s: has the SHA-256 %s, expected %s", from, hex, wanted);
        return APP_MODEL;
    }
    return APP_DONE;
}

static int import(const char *from, const char *to, const arguments *a)
{
    char hex[DIGEST_HEX];
    struct stat source, target;
    bool there = stat(to, &target) == 0;
    if (there && !a->force) {
        say("error", "models", "%s is there already; --force replaces it", to);
        return APP_USAGE;
    }
    if (there && stat(from, &source) == 0 && source.st_dev == target.st_dev && source.st_ino == target.st_ino) {
        say("error", "models", "%s and %s are one file", from, to);
        return APP_USAGE;
    }
    int status = judge(from, a, hex);
    if (status == APP_DONE)
        status = models_make_folder();
    if (status == APP_DONE)
        status = a->link ? link_to(from, to, there) : copy(from, to);
    if (status != APP_DONE)
        return status;
    if (!digest_remember(to, hex))
        say("warning", "models", "%s.sha256: cannot write: %s", to, strerror(errno));
    printf("%s\n", to);
    return APP_DONE;
}

static int run(const cli_command *command, int argc, char **argv)
{
    arguments a = {0};
    char ignored[DIGEST_HEX];
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (a.sha256 && !digest_parse(a.sha256, strlen(a.sha256), ignored))
        return cli_misuse(command, "--sha256 is '%s', expected 64 hexadecimal digits", a.sha256);
    char *name = n_operands == 2 ? strdup(argv[1]) : models_name_of(argv[0]);
    if (name && !models_name_valid(name)) {
        status = cli_misuse(command, "'%s' cannot be a model's name, expected letters, digits and ._+-", name);
        free(name);
        return status;
    }
    char *path = name ? models_path(name) : NULL;
    interrupt_install();
    status = path ? import(argv[0], path, &a) : APP_SYSTEM;
    free(path);
    free(name);
    return status;
}

const cli_command command_models_import = {
    .name = "models import",
    .operands = "FILE [NAME]",
    .min_operands = 1,
    .max_operands = 2,
    .summary = "Put a file into the models folder",
    .examples = examples,
    .n_examples = sizeof examples / sizeof *examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
