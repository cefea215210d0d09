/* SPDX-License-Identifier: MIT
 *
 * The common parts of programs: option tables (parsing, suggestions, what is made from them), ordered jobs, files that
 * are written whole or not at all, lists of inputs and the names of outputs. */
#define _XOPEN_SOURCE 700
#include "check.h"
#include "common/cli.h"
#include "common/jobs.h"
#include "common/outfile.h"
#include "common/progress.h"
#include "common/textbuf.h"
#include "inputs.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --------------------------------------------------------------- options */

typedef struct values {
    const char *model;
    int32_t threads, format, flag, bar;
} values;

static const cli_option options[] = {
    {"model", 'm', CLI_FILE, offsetof(values, model), "FILE", 0, 0, NULL, "CS_TEST_MODEL", "the model's file"},
    {"threads", 't', CLI_INT, offsetof(values, threads), "N", 1, 64, "4", "CS_TEST_THREADS", "how many"},
    {"format", 'f', CLI_CHOICE, offsetof(values, format), "txt|json|jsonl", 0, 0, "txt", NULL, "what [to] write: all"},
    {"flag", 0, CLI_FLAG, offsetof(values, flag), NULL, 0, 0, NULL, NULL, "a flag"},
    {"bar", 0, CLI_SWITCH, offsetof(values, bar), NULL, 0, 0, NULL, NULL, "a switch"},
};

static const cli_example examples[] = {{"ctrlspeak test -m x", "try"}};

static const cli_command command = {
    .name = "test",
    .operands = "FILE...",
    .min_operands = 1,
    .max_operands = 3,
    .summary = "Test",
    .examples = examples,
    .n_examples = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
};

/* Parses words up to NULL; what was said on stderr goes to said. */
static char said[2000];
static char *operands[16];

static int parse(values *v, int *n_operands, const char *const *words)
{
    int argc = 0, pipe_fds[2], kept = dup(2);
    char *argv[16];
    for (; words[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    *v = (values){.bar = -1, .threads = 4};
    *n_operands = 0;
    said[0] = 0;
    if (pipe(pipe_fds) != 0 || kept < 0)
        return -2;
    dup2(pipe_fds[1], 2);
    close(pipe_fds[1]);
    int status = cli_parse(&command, argc, argv, v, n_operands);
    dup2(kept, 2);
    close(kept);
    ssize_t n = read(pipe_fds[0], said, sizeof said - 1);
    said[n > 0 ? n : 0] = 0;
    close(pipe_fds[0]);
    memcpy(operands, argv, sizeof operands);
    return status;
}

#define PARSE(...) parse(&v, &n, (const char *const[]){__VA_ARGS__, NULL})

static void options_are_parsed(void)
{
    values v;
    int n;
    CHECK_INT(PARSE("--model=a b", "x", "--threads", "7", "-fjson", "--flag", "y", "--no-bar", "--", "-m"), APP_DONE);
    CHECK_STR(v.model, "a b");
    CHECK_INT(v.threads, 7);
    CHECK_INT(v.format, 1);
    CHECK_INT(v.flag, 1);
    CHECK_INT(v.bar, 0);
    CHECK_INT(n, 3);
    CHECK_STR(operands[0], "x");
    CHECK_STR(operands[2], "-m");
    CHECK_INT(PARSE("-", "--bar", "-t", "64"), APP_DONE);
    CHECK_STR(operands[0], "-");
    CHECK_INT(v.bar, 1);
    CHECK_INT(v.threads, 64);
    setenv("CS_TEST_THREADS", "9", 1);
    CHECK_INT(PARSE("x"), APP_DONE);
    CHECK_INT(v.threads, 9);
    CHECK_INT(PARSE("x", "-t2"), APP_DONE);
    CHECK_INT(v.threads, 2);
    setenv("CS_TEST_THREADS", "many", 1);
    CHECK_INT(PARSE("x"), APP_USAGE);
    CHECK(strstr(said, "CS_TEST_THREADS is 'many', expected a whole number from 1 to 64") != NULL);
    unsetenv("CS_TEST_THREADS");
}

static void misuse_is_two_lines(void)
{
    values v;
    int n;
    static const struct {
        const char *words[4];
        const char *expected;
    } cases[] = {
        {{"--modle", "x"}, "unknown option --modle; did you mean --model?"},
        {{"--thr=3"}, "unknown option --thr; did you mean --threads?"},
        {{"--hlep"}, "unknown option --hlep; did you mean --help?"},
        {{"--wholly-different"}, "unknown option --wholly-different\n"},
        {{"--no-model"}, "unknown option --no-model"},
        {{"--no-bar=1"}, "unknown option --no-bar"},
        {{"-x"}, "unknown option -x"},
        {{"x", "-t", "0"}, "-t is '0', expected a whole number from 1 to 64"},
        {{"x", "-t", "99999999999999999999"}, "expected a whole number from 1 to 64"},
        {{"x", "-t", " 3"}, "expected a whole number"},
        {{"x", "-t", "3x"}, "expected a whole number"},
        {{"x", "-t"}, "-t needs a value: N"},
        {{"x", "--model"}, "--model needs a value: FILE"},
        {{"x", "--model="}, "--model needs a value"},
        {{"x", "--flag=1"}, "--flag takes no value"},
        {{"x", "-f", "jso"}, "-f is 'jso', expected one of txt|json|jsonl"},
        {{"--flag"}, "expected FILE..."},
        {{"1", "2", "3", "4"}, "unexpected '4'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[5] = {0};
        memcpy(words, cases[i].words, sizeof cases[i].words);
        CHECK_INT(parse(&v, &n, words), APP_USAGE);
        int lines = 0;
        for (const char *c = said; *c; c++)
            lines += *c == '\n';
        CHECK_INT(lines, 2);
        if (!CHECK(strstr(said, cases[i].expected) != NULL))
            printf("# said: %s", said);
        CHECK(strstr(said, "Try 'ctrlspeak test --help'.") != NULL);
    }
}

static void tables_make_documents(void)
{
    static const cli_command *const commands[] = {&command};
    static const cli_program program = {"ctrlspeak", "1.2.3", "Summary", commands, 1};
    static void (*const writers[])(FILE *, const cli_program *) = {cli_man_page, cli_complete_bash, cli_complete_zsh,
                                                                   cli_complete_fish, cli_program_help};
    static const char *const expected[] = {"\\-\\-threads N", "--threads", "--threads=[how many]", "-l threads -s t",
                                           "ctrlspeak test"};
    for (size_t i = 0; i < 5; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        writers[i](out, &program);
        fclose(out);
        if (!CHECK(strstr(text, expected[i]) != NULL))
            printf("# %s\n", text);
        free(text);
    }
}

static void json_strings(void)
{
    textbuf buf = {0};
    textbuf_json(&buf, "a\"\\\n\x7f\xc3\xa9\xff\xe2\x82\xed\xa0\x80");
    CHECK_STR(buf.data, "\"a\\\"\\\\\\u000a\\u007f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "\xef\xbf\xbd\"");
    textbuf_free(&buf);
}

/* ------------------------------------------------------------------ jobs */

enum { COUNT_TOGETHER = 5 };

typedef struct count {
    int wanted; /* items at a time */
    atomic_int running, most, together;
    int32_t emitted;
    int ticks;
} count;

static void count_work(void *user, int32_t item, int worker, jobs_seat *seat)
{
    count *c = user;
    int32_t items[COUNT_TOGETHER] = {item};
    int n = 1;
    while (n < c->wanted && (items[n] = jobs_more(seat)) >= 0)
        n++;
    int together = atomic_load(&c->together);
    while (n > together && !atomic_compare_exchange_weak(&c->together, &together, n))
        continue;
    int running = atomic_fetch_add(&c->running, 1) + 1, most = atomic_load(&c->most);
    while (running > most && !atomic_compare_exchange_weak(&c->most, &most, running))
        continue;
    struct timespec pause = {0, (item * 7919 % 13) * 100000};
    nanosleep(&pause, NULL);
    atomic_fetch_sub(&c->running, 1);
    (void)worker;
    while (n-- > 0) /* the last first */
        jobs_end(seat, items[n], (void *)(uintptr_t)(items[n] + 1));
}

static void count_emit(void *user, int32_t item, void *outcome)
{
    count *c = user;
    CHECK_INT(item, c->emitted);
    CHECK_INT((uintptr_t)outcome, item + 1);
    c->emitted++;
}

static void count_tick(void *user)
{
    ((count *)user)->ticks++;
}

static void jobs_keep_order(void)
{
    for (int workers = 1; workers <= 8; workers *= 2) {
        count c = {.wanted = workers % 3 == 1 ? COUNT_TOGETHER : 1};
        jobs plan = {.n_items = 200,
                     .n_workers = workers,
                     .together = COUNT_TOGETHER,
                     .tick_ms = 1,
                     .user = &c,
                     .work = count_work,
                     .emit = count_emit,
                     .tick = count_tick};
        CHECK_INT(jobs_run(&plan), 0);
        CHECK_INT(c.emitted, 200);
        CHECK(atomic_load(&c.most) <= workers);
        CHECK_INT(atomic_load(&c.together), c.wanted);
    }
    count none = {0};
    jobs plan = {.n_items = 0, .n_workers = 2, .together = 1, .user = &none, .work = count_work, .emit = count_emit};
    CHECK_INT(jobs_run(&plan), 0);
    CHECK_INT(none.emitted, 0);
}

static void a_bar_that_is_off_does_nothing(void)
{
    progress bar, before;
    progress_begin(&bar, 0, 3);
    memcpy(&before, &bar, sizeof bar);
    progress_known(&bar, 5);
    progress_running(&bar, 2, 5);
    progress_done(&bar, 2, 5, 1);
    progress_draw(&bar);
    progress_clear(&bar);
    CHECK(memcmp(&before, &bar, sizeof bar) == 0);
}

/* ----------------------------------------------------------------- files */

static char folder[PATH_MAX];

static const char *path_of(const char *name)
{
    static char path[2][PATH_MAX + 256];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void put_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    if (!CHECK(file != NULL))
        return;
    fputs(text, file);
    fclose(file);
}

static const char *get_file(const char *name)
{
    static char text[200];
    FILE *file = fopen(path_of(name), "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[n] = 0;
    if (file)
        fclose(file);
    return file ? text : NULL;
}

static int count_files(const char *path)
{
    int n = 0;
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        n += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    if (dir)
        closedir(dir);
    return n;
}

static void outputs_are_whole_or_absent(void)
{
    outfile out;
    put_file("old", "old text");
    chmod(path_of("old"), 0640);
    CHECK(outfile_open(&out, path_of("old")));
    CHECK_INT(outfile_write(&out, "new", 3), 0);
    CHECK_STR(get_file("old"), "old text");
    outfile_discard(&out);
    CHECK_STR(get_file("old"), "old text");
    CHECK_INT(count_files(folder), 1);

    CHECK(symlink("old", path_of("link")) == 0);
    CHECK(outfile_open(&out, path_of("link")));
    CHECK_INT(outfile_write(&out, "new", 3), 0);
    CHECK(outfile_commit(&out));
    CHECK_STR(get_file("old"), "new");
    struct stat st;
    CHECK(lstat(path_of("link"), &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(stat(path_of("old"), &st) == 0 && (st.st_mode & 0777) == 0640);
    CHECK_INT(count_files(folder), 2);

    CHECK(!outfile_open(&out, path_of("missing/file")));
    CHECK(strstr(out.error, "cannot create: No such file") != NULL);
    CHECK(!outfile_open(&out, folder));
    CHECK(outfile_open(&out, "/dev/full"));
    CHECK(outfile_write(&out, "new", 3) != 0);
    CHECK_STR(out.error, "/dev/full: cannot write: No space left on device");
    CHECK(!outfile_commit(&out));
    unlink(path_of("old"));
    unlink(path_of("link"));
}

static void inputs_are_found(void)
{
    CHECK(outfile_make_folders(path_of("in/b/c")));
    CHECK(outfile_make_folders(path_of("in/b/c")));
    put_file("in/z.WAV", "");
    put_file("in/a.flac", "");
    put_file("in/notes.txt", "");
    put_file("in/.hidden.wav", "");
    put_file("in/b/c/deep.m4a", "");
    CHECK(symlink("../..", path_of("in/b/c/circle")) == 0);
    CHECK(symlink("..", path_of("in/b/up")) == 0);
    char in[PATH_MAX + 256], empty[PATH_MAX + 256];
    snprintf(in, sizeof in, "%s", path_of("in"));
    snprintf(empty, sizeof empty, "%s", path_of("empty"));
    CHECK(outfile_make_folders(empty));
    inputs list;
    char stdin_name[] = "-", other[] = "other/a.wav";
    char *words[] = {in, stdin_name, other};
    CHECK(inputs_expand(&list, words, 3));
    CHECK(list.several);
    if (CHECK_INT(list.n_items, 5)) {
        static const char *const names[] = {"a.flac", "b/c/deep.m4a", "z.WAV", "-", "a.wav"};
        static const char *const outs[] = {"o/a.txt", "o/b/c/deep.txt", "o/z.txt", "o/stdin.txt", "o/a.wav.txt"};
        name_set set = {0};
        for (int i = 0; i < 5; i++) {
            CHECK_STR(list.items[i].relative, names[i]);
            CHECK_STR(inputs_output_name(&set, "o", &list.items[i], "", "txt"), outs[i]);
        }
        CHECK_STR(inputs_output_name(&set, "o", &list.items[4], "", "txt"), "o/a.wav-2.txt");
        CHECK_STR(inputs_output_name(&set, "o", &list.items[4], ".ch1", "txt"), "o/a.ch1.txt");
        name_set_free(&set);
    }
    inputs_free(&list);
    words[0] = empty;
    CHECK(!inputs_expand(&list, words, 1));
    CHECK(strstr(list.error, "empty: no audio files in this folder") != NULL);
    inputs_free(&list);
    words[0] = words[1];
    CHECK(!inputs_expand(&list, words, 2));
    inputs_free(&list);
}

int main(void)
{
    snprintf(folder, sizeof folder, "%s/ctrlspeak-options-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
    if (!mkdtemp(folder))
        return check_skip_all("no place for temporary files");
    RUN(options_are_parsed);
    RUN(misuse_is_two_lines);
    RUN(tables_make_documents);
    RUN(json_strings);
    RUN(jobs_keep_order);
    RUN(a_bar_that_is_off_does_nothing);
    RUN(outputs_are_whole_or_absent);
    RUN(inputs_are_found);
    char remove_all[PATH_MAX + 16];
    snprintf(remove_all, sizeof remove_all, "rm -rf '%s'", folder);
    if (system(remove_all) != 0)
        printf("# %s stays behind\n", folder);
    return check_done();
}
