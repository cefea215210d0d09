/* SPDX-License-Identifier: MIT
 * sd_notify's protocol, against a socket of the test. */
#define _GNU_SOURCE
#include "check.h"

#include "dictate/feedback/feedback.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char got[200];

/* Bound to a name as NOTIFY_SOCKET writes it. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(bind(fd, (const struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/')))
          == 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static const char *received(int fd)
{
    ssize_t n = recv(fd, got, sizeof got - 1, 0);
    got[n > 0 ? n : 0] = 0;
    return got;
}

static void check_socket(const char *name)
{
    int fd = listen_at(name);
    feedback_systemd("READY=1");
    feedback_systemd("STATUS=recording");
    CHECK_STR(received(fd), "READY=1");
    CHECK_STR(received(fd), "STATUS=recording");
    CHECK_STR(received(fd), "");
    close(fd);
}

static void a_path_gets_it(void)
{
    char folder[] = "/tmp/ctrlspeak-notify-XXXXXX", name[60];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(name, sizeof name, "%s/socket", folder);
    check_socket(name);
    feedback_systemd("READY=1"); /* nobody listens any more */
    unlink(name);
    rmdir(folder);
}

static void an_abstract_name_gets_it(void)
{
    char name[60];
    snprintf(name, sizeof name, "@ctrlspeak-test-%ld", (long)getpid());
    check_socket(name);
}

static void nonsense_is_nothing(void)
{
    char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = 0;
    const char *const names[] = {"", "/", "@", "relative", longest, "vsock:2:1", "/nowhere/socket"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        feedback_systemd("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
    feedback_systemd("READY=1");
    CHECK(1);
}

/* A socket that is full does not stop us for good, and the answer that fits later is not lost. */
static void a_full_socket_is_given_up(void)
{
    char name[60];
    snprintf(name, sizeof name, "@ctrlspeak-full-%ld", (long)getpid());
    int fd = listen_at(name), n = 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    while (sendto(from, "x", 1, 0, (const struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)))
           == 1)
        n++;
    CHECK(n > 0);
    feedback_systemd("READY=1");
    for (; n > 0; n--)
        CHECK_STR(received(fd), "x");
    feedback_systemd("STOPPING=1");
    CHECK_STR(received(fd), "STOPPING=1");
    close(from);
    close(fd);
}

int main(void)
{
    RUN(a_path_gets_it);
    RUN(an_abstract_name_gets_it);
    RUN(nonsense_is_nothing);
    RUN(a_full_socket_is_given_up);
    return check_done();
}
