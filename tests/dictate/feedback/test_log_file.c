/* SPDX-License-Identifier: MIT
 * The log: modes, lines, rotation, a full disk, several threads, spoken words, the journal. */
#define _GNU_SOURCE
#include "check.h"

#include "dictate/feedback/log_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "log-test-XXXXXX", path[64], old_path[64], text[2 * LOG_BYTES];

static const char *read_file(const char *name)
{
    int fd = open(name, O_RDONLY);
    size_t size = 0;
    ssize_t n;
    while (fd >= 0 && size < sizeof text - 1 && (n = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)n;
    if (fd >= 0)
        close(fd);
    text[size] = 0;
    return text;
}

static int n_lines(const char *of)
{
    int n = 0;
    for (; *of; of++)
        n += *of == '\n';
    return n;
}

static int mode_of(const char *name)
{
    struct stat st;
    return stat(name, &st) == 0 ? (int)(st.st_mode & 0777) : -1;
}

static void start(log_level level)
{
    char error[300];
    unlink(path);
    unlink(old_path);
    CHECK(log_open(path, level, false, error));
}

static void lines_have_time_level_part_and_text(void)
{
    long long ms = 0;
    char level[20], part[20], word[20], more[20];
    start(LOG_INFO);
    log_line(LOG_WARNING, "capture", "%s %d", "lost", 7);
    log_close();
    CHECK_INT(sscanf(read_file(path), "%lld %19s %19s %19s %19s", &ms, level, part, word, more), 5);
    CHECK(ms > 0);
    CHECK_STR(level, "warning");
    CHECK_STR(part, "capture");
    CHECK_STR(more, "7");
    CHECK_INT(n_lines(text), 1);
}

static void mode_is_0600_whatever_was_there(void)
{
    char error[300];
    mode_t mask = umask(0);
    start(LOG_INFO);
    CHECK_INT(mode_of(path), 0600);
    log_close();
    chmod(path, 0666);
    CHECK(log_open(path, LOG_INFO, false, error));
    CHECK_INT(mode_of(path), 0600);
    log_close();
    umask(mask);
}

static void the_users_own_folder_is_made_for_him_alone(void)
{
    char error[300], name[200], *state = realpath(folder, NULL);
    setenv("XDG_STATE_HOME", state, 1);
    unsetenv("JOURNAL_STREAM");
    CHECK(log_open(NULL, LOG_INFO, false, error));
    snprintf(name, sizeof name, "%s/ctrlspeak", folder);
    CHECK_INT(mode_of(name), 0700);
    CHECK(strncmp(log_path(), state, strlen(state)) == 0);
    CHECK_INT(mode_of(log_path()), 0600);
    unlink(log_path());
    log_close();
    CHECK_STR(log_path(), "");
    rmdir(name);
    free(state);
}

static void levels_above_the_chosen_one_are_left_out(void)
{
    start(LOG_WARNING);
    CHECK(log_wants(LOG_ERROR) && log_wants(LOG_WARNING) && !log_wants(LOG_INFO));
    log_set_level(LOG_INFO);
    CHECK(log_wants(LOG_INFO) && !log_wants(LOG_DEBUG));
    log_set_level(LOG_WARNING);
    log_line(LOG_INFO, "x", "not this");
    log_line(LOG_ERROR, "x", "but this");
    log_close();
    log_line(LOG_ERROR, "x", "and nothing when closed");
    CHECK(!strstr(read_file(path), "not this") && strstr(text, "but this") && !strstr(text, "closed"));
}

static void control_characters_never_arrive(void)
{
    start(LOG_INFO);
    log_line(LOG_INFO, "x", "%s",
             "a\nfake line\033]0;title\a\x7f\xc2\x9b"
             "31m\xe2\x80\xae\xff ok \xc3\xa4");
    log_close();
    CHECK_INT(n_lines(read_file(path)), 1);
    for (const char *c = text; *c; c++)
        CHECK((unsigned char)*c >= 0x20 || *c == '\n');
    CHECK(strstr(text, "a?fake line?]0;title???31m??"
                       " ok \xc3\xa4\n"));
}

static void long_lines_are_cut_at_a_whole_character(void)
{
    static char longest[9001];
    for (int i = 0; i < 4500; i++)
        memcpy(longest + 2 * i, "\xc3\xa4", 2);
    start(LOG_INFO);
    log_line(LOG_INFO, "x", "%s", longest);
    log_line(LOG_INFO, "x", "next");
    log_close();
    CHECK_INT(n_lines(read_file(path)), 2);
    CHECK(!strchr(text, '?')); /* half a character would have become one */
}

static void rotates_by_rename_and_keeps_one_old_file(void)
{
    static char filler[1001];
    struct stat st;
    memset(filler, 'x', 1000);
    start(LOG_INFO);
    for (int i = 0; i < 3 * (LOG_BYTES / 1000); i++) {
        log_line(LOG_INFO, "x", "%06d %s", i, filler);
        if (stat(path, &st) == 0 && st.st_size > LOG_BYTES)
            CHECK(!"grew beyond LOG_BYTES");
    }
    log_close();
    CHECK_INT(mode_of(path), 0600);
    CHECK_INT(mode_of(old_path), 0600);
    int last_of_old = 0, first_of_new = 0;
    const char *old = read_file(old_path);
    sscanf(strrchr(old, ' ') - 6, "%d", &last_of_old);
    sscanf(strstr(read_file(path), "info x ") + 7, "%d", &first_of_new);
    CHECK_INT(first_of_new, last_of_old + 1); /* no line lost between the two */
}

static void a_full_disk_drops_lines_and_says_so_later(void)
{
    struct rlimit was, limit;
    struct stat st;
    start(LOG_INFO);
    log_line(LOG_INFO, "x", "first");
    stat(path, &st);
    getrlimit(RLIMIT_FSIZE, &was);
    limit = was;
    limit.rlim_cur = (rlim_t)st.st_size + 10; /* the next line fits in part: it must not stay there in part */
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 5; i++)
        log_line(LOG_INFO, "x", "lost %d", i);
    setrlimit(RLIMIT_FSIZE, &was);
    log_line(LOG_INFO, "x", "last");
    log_close();
    CHECK_INT(n_lines(read_file(path)), 3);
    CHECK(!strstr(text, "lost") && strstr(text, "warning log 5 lines are missing here: "));
    CHECK(strstr(text, "first") && strstr(text, "last\n"));
}

static void *write_many(void *user)
{
    for (int i = 0; i < 500; i++)
        log_line(LOG_INFO, "x", "%s %d end", (const char *)user, i);
    return NULL;
}

static void threads_never_mix_their_lines(void)
{
    pthread_t threads[4];
    char name[4][16];
    start(LOG_INFO);
    for (int i = 0; i < 4; i++) {
        snprintf(name[i], sizeof name[i], "t%d", i);
        pthread_create(&threads[i], NULL, write_many, name[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    log_close();
    CHECK_INT(n_lines(read_file(path)), 2000);
    int whole = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        whole += strstr(line, " info x t") && strcmp(line + strlen(line) - 4, " end") == 0;
    CHECK_INT(whole, 2000);
}

/* Defect of the original: transcripts in the log, even with the history off. */
static void spoken_words_come_only_when_allowed(void)
{
    start(LOG_TRACE);
    log_text("worker", "secret words");
    log_allow_text(true);
    log_text("worker", "allowed words");
    log_allow_text(false);
    log_text("worker", "secret again");
    log_close();
    CHECK(!strstr(read_file(path), "secret") && strstr(text, "allowed words"));
}

static void what_is_no_file_is_refused_with_a_sentence(void)
{
    char error[300], fifo[80];
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    CHECK(!log_open(folder, LOG_INFO, false, error));
    CHECK(strstr(error, "cannot write the log ") && strstr(error, folder));
    CHECK_STR(log_path(), "");
    CHECK_INT(mkfifo(fifo, 0600), 0);
    CHECK(!log_open(fifo, LOG_INFO, false, error));
    unlink(fifo);
    CHECK(!log_open("/nowhere/at/all.log", LOG_INFO, false, error));
    CHECK(strstr(error, "/nowhere/at/all.log"));
    log_line(LOG_ERROR, "x", "goes nowhere, and does no harm");
    log_close();
}

/* Run in a child whose stderr is the pipe; what it wrote. */
static const char *child_says(bool journal, int n_times)
{
    int ends[2];
    struct stat st;
    char stream[64], error[300];
    if (pipe(ends) != 0)
        return "";
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        fstat(2, &st);
        snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
        setenv("JOURNAL_STREAM", journal ? stream : "1:1", 1);
        bool ok = log_open(journal ? NULL : path, LOG_INFO, !journal, error);
        for (int i = 0; i < n_times; i++)
            log_line(LOG_WARNING, "bus", "is away");
        _exit(ok && (log_path()[0] == 0) == journal ? 0 : 1);
    }
    close(ends[1]);
    int status = 1;
    waitpid(child, &status, 0); /* before the pipe is read: a line that blocks would never let it end */
    CHECK_INT(status, 0);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    close(ends[0]);
    return text;
}

static void under_systemd_the_journal_gets_it_with_its_prefix(void)
{
    child_says(true, 1);
    CHECK(strncmp(text, "<4>", 3) == 0 && strstr(text, " warning bus is away\n"));
    CHECK(strncmp(child_says(false, 1), "<", 1) != 0 && strstr(text, " warning bus is away\n"));
}

static void a_full_stderr_drops_lines_instead_of_waiting(void)
{
    CHECK(n_lines(child_says(true, 5000)) > 0);
}

int main(void)
{
    if (!mkdtemp(folder))
        return check_skip_all("no folder can be made here");
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(old_path, sizeof old_path, "%s/log.old", folder);
    RUN(lines_have_time_level_part_and_text);
    RUN(mode_is_0600_whatever_was_there);
    RUN(the_users_own_folder_is_made_for_him_alone);
    RUN(levels_above_the_chosen_one_are_left_out);
    RUN(control_characters_never_arrive);
    RUN(long_lines_are_cut_at_a_whole_character);
    RUN(rotates_by_rename_and_keeps_one_old_file);
    RUN(a_full_disk_drops_lines_and_says_so_later);
    RUN(threads_never_mix_their_lines);
    RUN(spoken_words_come_only_when_allowed);
    RUN(what_is_no_file_is_refused_with_a_sentence);
    RUN(under_systemd_the_journal_gets_it_with_its_prefix);
    RUN(a_full_stderr_drops_lines_instead_of_waiting);
    unlink(path);
    unlink(old_path);
    rmdir(folder);
    return check_done();
}
