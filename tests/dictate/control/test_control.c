/* SPDX-License-Identifier: MIT
 * The control socket from both sides: answers, one instance, junk, clients that go or do not read. */
#define _GNU_SOURCE
#include "check.h"
#include "common/cli.h"
#include "dictate/control/control_place.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/control-XXXXXX";
static control *server;
static atomic_int gone, stop;
static control_client *held;

static void on_command(void *user, control_client *client, const char *command)
{
    (void)user;
    if (strcmp(command, "two") == 0) {
        control_line(client, "first");
        control_line(client, "sec\nond");
        control_end(client, APP_DONE, NULL);
    } else if (strcmp(command, "refuse") == 0)
        control_end(client, APP_UNDELIVERED, "it was kept");
    else if (strcmp(command, "hold") == 0)
        held = client;
    else if (strcmp(command, "flood") == 0) {
        char line[1024];
        memset(line, 'x', sizeof line - 1);
        line[sizeof line - 1] = 0;
        for (int i = 0; i < 1000; i++)
            control_line(client, line);
        control_end(client, APP_DONE, NULL);
    } else
        control_end(client, APP_USAGE, command);
}

static void on_gone(void *user, control_client *client)
{
    (void)user;
    CHECK(client == held);
    gone++;
}

static void *serve(void *user)
{
    (void)user;
    while (!atomic_load(&stop)) {
        struct pollfd fds[40];
        size_t n = control_poll(server, fds, 40);
        poll(fds, (nfds_t)n, 20);
        control_serve(server);
    }
    return NULL;
}

static char lines[4096];

static bool keep(void *user, const char *line)
{
    (void)user;
    strncat(lines, line, sizeof lines - strlen(lines) - 2);
    strcat(lines, "|");
    return true;
}

static int ask(const char *command, char error[CONTROL_ERROR])
{
    lines[0] = 0;
    return control_ask(command, 5000, keep, NULL, error);
}

static void answers(void)
{
    char error[CONTROL_ERROR];
    CHECK_INT(ask("two", error), APP_DONE);
    CHECK_STR(lines, "first|sec ond|");
    CHECK_STR(error, "");
    CHECK_INT(ask("refuse", error), APP_UNDELIVERED);
    CHECK_STR(error, "it was kept");
    CHECK_INT(ask("what is that", error), APP_USAGE);
    CHECK_STR(error, "what is that");
    CHECK_INT(ask("a\nb", error), APP_SYSTEM);
}

static int raw_client(void)
{
    struct sockaddr_un address;
    char error[CONTROL_ERROR];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(control_address(&address, NULL, error));
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void wait_for_gone(int n)
{
    for (int i = 0; i < 250 && atomic_load(&gone) < n; i++)
        usleep(20000);
    CHECK_INT(atomic_load(&gone), n);
}

/* Does the server close the conversation? */
static bool is_dropped(int fd)
{
    char byte;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 5000) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

static void strange_clients(void)
{
    char error[CONTROL_ERROR], junk[2000];
    memset(junk, 'j', sizeof junk);
    int fd = raw_client();
    CHECK(send(fd, junk, sizeof junk, MSG_NOSIGNAL) == sizeof junk);
    CHECK(is_dropped(fd)); /* longer than any command */
    close(fd);
    fd = raw_client();
    CHECK(send(fd, "st\0rt\n", 6, MSG_NOSIGNAL) == 6);
    CHECK(is_dropped(fd));
    close(fd);
    fd = raw_client();
    CHECK(send(fd, "hold\n", 5, MSG_NOSIGNAL) == 5);
    usleep(100000);
    close(fd);
    wait_for_gone(1);
    int silent[8];
    for (int i = 0; i < 8; i++)
        silent[i] = raw_client(); /* they say nothing, and hold nobody up */
    fd = raw_client();
    CHECK(send(fd, "flood\n", 6, MSG_NOSIGNAL) == 6); /* reads nothing of a megabyte */
    usleep(50000);
    CHECK_INT(ask("two", error), APP_DONE);
    close(fd);
    for (int i = 0; i < 8; i++)
        close(silent[i]);
}

static void one_instance(void)
{
    char error[CONTROL_ERROR];
    control *second = NULL;
    struct sockaddr_un address;
    struct stat st;
    char *lock = NULL, pid[32];
    CHECK(control_open(&(control_sink){NULL, on_command, on_gone}, &second, error) == CONTROL_OTHER && !second);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    CHECK(strstr(error, pid) != NULL);
    CHECK(control_address(&address, &lock, error));
    CHECK(stat(address.sun_path, &st) == 0 && (st.st_mode & 0777) == 0600);
    *strrchr(address.sun_path, '/') = 0;
    CHECK(stat(address.sun_path, &st) == 0 && (st.st_mode & 0777) == 0700);
    free(lock);
}

/* One that was killed leaves its socket and its lock's file; the next takes them over. */
static void stale(void)
{
    char error[CONTROL_ERROR];
    pid_t child = fork();
    if (child == 0) {
        control *c;
        _exit(control_open(&(control_sink){NULL, on_command, on_gone}, &c, error) == CONTROL_OURS ? (raise(SIGKILL), 1)
                                                                                                  : 2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    CHECK_INT(control_ask("two", 1000, NULL, NULL, error), APP_NOBODY);
    CHECK(control_open(&(control_sink){NULL, on_command, on_gone}, &server, error) == CONTROL_OURS);
}

int main(void)
{
    pthread_t thread;
    char error[CONTROL_ERROR];
    if (!mkdtemp(folder))
        return 1;
    setenv("XDG_RUNTIME_DIR", folder, 1);
    CHECK_INT(control_ask("two", 1000, NULL, NULL, error), APP_NOBODY);
    RUN(stale);
    pthread_create(&thread, NULL, serve, NULL);
    RUN(answers);
    RUN(strange_clients);
    RUN(one_instance);
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
    control_close(server);
    return check_done();
}
