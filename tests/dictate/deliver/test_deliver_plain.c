/* SPDX-License-Identifier: MIT
 *
 * The ways that need no display, the text form of a way, and the deliverer's queue. */
#define _GNU_SOURCE
#include "check.h"
#include "dictate/deliver/deliver.h"
#include "dictate/deliver/deliver_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX = 64 };
typedef struct log {
    pthread_mutex_t lock;
    pthread_cond_t more;
    deliver_outcome outcome[MAX];
    int n;
} log;

static void on_outcome(void *user, const deliver_outcome *outcome)
{
    log *l = user;
    pthread_mutex_lock(&l->lock);
    if (l->n < MAX)
        l->outcome[l->n++] = *outcome;
    pthread_cond_broadcast(&l->more);
    pthread_mutex_unlock(&l->lock);
}

static deliverer *create(log *l, const char *way)
{
    char error[DELIVER_ERROR] = "";
    deliver_options options;
    deliver_sink sink = {l, on_outcome, NULL, NULL};
    deliver_options_init(&options);
    *l = (log){.n = 0};
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->more, NULL);
    CHECK(deliver_parse(way, &options, error));
    deliverer *d = deliver_create(&options, &sink, error);
    CHECK_STR(error, "");
    return d;
}

/* Deliver one text and take its outcome. */
static deliver_outcome once(const char *way, const char *text)
{
    log l;
    deliverer *d = create(&l, way);
    CHECK(d && deliver_text(d, text) == 1);
    pthread_mutex_lock(&l.lock);
    while (l.n == 0)
        pthread_cond_wait(&l.more, &l.lock);
    pthread_mutex_unlock(&l.lock);
    deliver_free(d);
    CHECK_INT(l.n, 1);
    CHECK_INT(l.outcome[0].id, 1);
    if (l.outcome[0].delivered)
        CHECK(l.outcome[0].sent_us > 0 && l.outcome[0].receipt_us >= l.outcome[0].sent_us);
    else
        CHECK(l.outcome[0].why[0] && l.outcome[0].why[strlen(l.outcome[0].why) - 1] == '.');
    return l.outcome[0];
}

static const char *contents(const char *path)
{
    static char text[4096];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return text;
}

static void ways_are_parsed(void)
{
    static const struct {
        const char *text;
        deliver_way way;
        const char *argument;
    } good[] = {
        {"paste", DELIVER_PASTE, NULL},
        {"type", DELIVER_TYPE, NULL},
        {"clipboard", DELIVER_CLIPBOARD, NULL},
        {"stdout", DELIVER_STDOUT, NULL},
        {"none", DELIVER_NONE, NULL},
        {"file:/tmp/a:b", DELIVER_FILE, "/tmp/a:b"},
        {"command:tee -a 'my file'", DELIVER_COMMAND, "tee -a 'my file'"},
    };
    static const char *const bad[] = {
        "", "pasta", "paste:x", "file", "file:", "command: ", "Paste", "stdout:2", "command:'open", "command:''"};
    char error[DELIVER_ERROR];
    deliver_options options;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        deliver_options_init(&options);
        CHECK(deliver_parse(good[i].text, &options, error));
        CHECK_INT(options.way, good[i].way);
        CHECK_STR(options.argument, good[i].argument);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error[0] = '\0';
        deliver_options_init(&options);
        options.way = DELIVER_NONE;
        if (!CHECK(!deliver_parse(bad[i], &options, error)))
            printf("# \"%s\" was accepted\n", bad[i]);
        CHECK(error[0] != '\0');
        CHECK_INT(options.way, DELIVER_NONE);
    }
}

static void words_are_split(void)
{
    static const struct {
        const char *line, *words; /* each followed by | */
    } cases[] = {
        {"a", "a|"},         {"  a  b\tc ", "a|b|c|"},  {"a 'b c' \"d e\"", "a|b c|d e|"},
        {"a'b 'c", "ab c|"}, {"a\\ b \\\"", "a b|\"|"}, {"'a\\b' \"c\\\"d\"", "a\\b|c\"d|"},
        {"a '' b", "a||b|"}, {"$HOME *", "$HOME|*|"},   {"a\\", "a\\|"},
    };
    char error[DELIVER_ERROR], met[200];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char **words = deliver_split(cases[i].line, error);
        met[0] = '\0';
        for (size_t k = 0; words && words[k]; k++)
            snprintf(met + strlen(met), sizeof met - strlen(met), "%s|", words[k]);
        CHECK_STR(met, cases[i].words);
        free(words);
    }
}

static void file_gets_lines(void)
{
    char path[] = "/tmp/ctrlspeak-deliver-XXXXXX", way[100];
    int fd = mkstemp(path);
    CHECK(fd >= 0 && close(fd) == 0 && unlink(path) == 0);
    snprintf(way, sizeof way, "file:%s", path);
    mode_t before = umask(0);
    deliver_outcome outcome = once(way, "one ");
    umask(before);
    CHECK(outcome.delivered);
    CHECK_STR(outcome.target, path);
    struct stat info;
    CHECK(stat(path, &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    CHECK(once(way, "two\n").delivered);
    CHECK_STR(contents(path), "one \ntwo\n");
    chmod(path, 0644); /* one that is there keeps its mode */
    CHECK(once(way, "three").delivered);
    CHECK(stat(path, &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0644);
    unlink(path);
}

static void file_that_cannot_be_written(void)
{
    deliver_outcome outcome = once("file:/nowhere/at/all", "lost");
    CHECK(!outcome.delivered);
    CHECK_STR(outcome.why, "/nowhere/at/all: cannot be opened for appending: No such file or directory.");
    if (access("/dev/full", W_OK) == 0) {
        outcome = once("file:/dev/full", "lost");
        CHECK_STR(outcome.why, "/dev/full: No space left on device.");
    }
    char path[] = "/tmp/ctrlspeak-fifo-XXXXXX", way[100];
    CHECK(mkdtemp(path) != NULL);
    snprintf(way, sizeof way, "file:%s/pipe", path);
    CHECK(mkfifo(way + 5, 0600) == 0);
    CHECK(!once(way, "nobody reads").delivered); /* and it does not wait for somebody */
    unlink(way + 5);
    rmdir(path);
}

/* Runs a delivery with descriptor 1 as given. */
static deliver_outcome to_stdout(int fd, const char *text)
{
    fflush(stdout);
    int saved = dup(1), placeholder = open("/dev/null", O_RDONLY);
    dup2(fd >= 0 ? fd : placeholder, 1); /* what the program puts in the place of a closed one */
    close(placeholder);
    deliver_outcome outcome = once("stdout", text);
    dup2(saved, 1);
    close(saved);
    return outcome;
}

static void stdout_gets_a_line(void)
{
    int ends[2];
    char met[64];
    CHECK(pipe(ends) == 0);
    CHECK(to_stdout(ends[1], "Grüße ").delivered);
    CHECK(to_stdout(ends[1], "more\n").delivered);
    ssize_t n = read(ends[0], met, sizeof met - 1);
    met[n > 0 ? n : 0] = '\0';
    CHECK_STR(met, "Grüße \nmore\n");
    close(ends[0]); /* SIGPIPE must not end the program */
    deliver_outcome outcome = to_stdout(ends[1], "lost");
    CHECK(!outcome.delivered);
    CHECK_STR(outcome.why, "Standard output took 0 of 5 bytes: Broken pipe.");
    close(ends[1]);
    outcome = to_stdout(-1, "lost");
    CHECK_STR(outcome.why, "Standard output took 0 of 5 bytes: Bad file descriptor.");
}

static void command_gets_the_text(void)
{
    char path[] = "/tmp/ctrlspeak-command-XXXXXX", way[300];
    int fd = mkstemp(path);
    CHECK(fd >= 0 && close(fd) == 0);
    snprintf(way, sizeof way, "command:sh -c 'cat >%s'", path);
    deliver_outcome outcome = once(way, "as it is, Grüße");
    CHECK(outcome.delivered);
    CHECK_STR(outcome.target, "sh");
    CHECK_STR(contents(path), "as it is, Grüße");
    /* Three descriptors and no more, whatever is open here. */
    int extra = open("/dev/null", O_RDONLY);
    snprintf(way, sizeof way, "command:sh -c 'cat >/dev/null; cd /proc/self/fd; echo * >%s'", path);
    CHECK(once(way, "x").delivered);
    CHECK(strncmp(contents(path), "0 1 2", 5) == 0 && strlen(contents(path)) <= 8);
    close(extra);
    unlink(path);
    /* More text than a pipe holds, to one that does not read: only its status counts. */
    char *large = malloc(1000001);
    if (CHECK(large != NULL)) {
        memset(large, 'x', 1000000);
        large[1000000] = '\0';
        CHECK(once("command:true", large).delivered);
        CHECK(once("command:sh -c 'test $(wc -c) = 1000000'", large).delivered);
    }
    free(large);
}

static void command_that_fails(void)
{
    CHECK_STR(once("command:/no/such/program", "x").why,
              "/no/such/program: cannot be started: No such file or directory.");
    CHECK_STR(once("command:false", "x").why, "false: exit status 1.");
    CHECK_STR(once("command:sh -c 'echo it hurts >&2; echo more >&2; exit 3'", "x").why,
              "sh: exit status 3: it hurts.");
    CHECK_STR(once("command:sh -c 'kill -9 $$'", "x").why, "sh: ended by signal 9.");
    CHECK_STR(once("command:sleep 1000", "x").why, "sleep: not done after 10 seconds, and killed.");
}

static void texts_go_in_order(void)
{
    char path[] = "/tmp/ctrlspeak-order-XXXXXX", way[100], text[16];
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    snprintf(way, sizeof way, "file:%s", path);
    log l;
    deliverer *d = create(&l, way);
    for (int i = 1; i <= 50; i++) {
        snprintf(text, sizeof text, "%d", i);
        CHECK_INT(deliver_text(d, text), i);
    }
    pthread_mutex_lock(&l.lock);
    while (l.n < 50)
        pthread_cond_wait(&l.more, &l.lock);
    pthread_mutex_unlock(&l.lock);
    for (int i = 0; i < 50; i++)
        CHECK(l.outcome[i].id == i + 1 && l.outcome[i].delivered);
    CHECK(strncmp(contents(path), "1\n2\n3\n", 6) == 0);
    CHECK_INT(strlen(contents(path)), 9 * 2 + 41 * 3);
    deliver_free(d);
    close(fd);
    unlink(path);
    deliver_free(NULL);
}

/* What is queued when the program ends gets its outcome too, once. */
static void end_answers_for_all(void)
{
    log l;
    deliverer *d = create(&l, "command:sh -c 'sleep 0.2'");
    for (int i = 1; i <= 5; i++)
        CHECK_INT(deliver_text(d, "x"), i);
    deliver_free(d);
    CHECK_INT(l.n, 5);
    for (int i = 0; i < l.n; i++)
        CHECK(l.outcome[i].id == i + 1 && (l.outcome[i].delivered || l.outcome[i].why[0]));
}

static void none_is_delivered(void)
{
    CHECK(once("none", "nowhere").delivered);
}

int main(void)
{
    RUN(ways_are_parsed);
    RUN(words_are_split);
    RUN(file_gets_lines);
    RUN(file_that_cannot_be_written);
    RUN(stdout_gets_a_line);
    RUN(command_gets_the_text);
    RUN(command_that_fails);
    RUN(texts_go_in_order);
    RUN(end_answers_for_all);
    RUN(none_is_delivered);
    return check_done();
}
