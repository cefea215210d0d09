/* SPDX-License-Identifier: MIT
 *
 * The daemon's side of the control socket; see control.h. Nothing here waits: descriptors do not block, a client that sends too much
 * or does not read is dropped. */
#define _GNU_SOURCE
#include "common/outfile.h"
#include "dictate/control/control_place.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLIENTS_MAX = 32, UNREAD_MAX = 256 << 10 };

struct control_client {
    control *owner;
    int fd;
    char command[CONTROL_COMMAND];
    size_t n_command;
    bool asked, ending;
    char *unread; /* what the socket did not take yet */
    size_t n_unread;
};

struct control {
    control_sink sink;
    int lock_fd, listen_fd;
    struct sockaddr_un address;
    control_client *clients[CLIENTS_MAX];
    size_t n_clients;
};

/* The folder must be ours alone: else anyone could have put a socket there. */
static bool private_folder(const char *socket_path, char error[CONTROL_ERROR])
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    struct stat st;
    snprintf(folder, sizeof folder, "%s", socket_path);
    *strrchr(folder, '/') = 0;
    if (!outfile_make_folders(folder) || stat(folder, &st) != 0) {
        snprintf(error, CONTROL_ERROR, "%s: cannot make this folder: %s", folder, strerror(errno));
        return false;
    }
    if (st.st_uid != getuid() || ((st.st_mode & 077) && chmod(folder, 0700) != 0)) {
        snprintf(error, CONTROL_ERROR, "%s: belongs to another user, expected a folder of one's own", folder);
        return false;
    }
    return true;
}

static control_claim claim(control *c, const char *lock_path, char error[CONTROL_ERROR])
{
    char pid[24] = "";
    c->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->lock_fd < 0) {
        snprintf(error, CONTROL_ERROR, "%s: cannot open: %s", lock_path, strerror(errno));
        return CONTROL_FAILED;
    }
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = pread(c->lock_fd, pid, sizeof pid - 1, 0);
        pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
        snprintf(error, CONTROL_ERROR, "dictation runs already (process %s)", pid[0] ? pid : "unknown");
        return CONTROL_OTHER;
    }
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(c->lock_fd, 0) != 0 || pwrite(c->lock_fd, pid, (size_t)n, 0) != n)
        return CONTROL_OURS; /* the lock counts, the number is a courtesy */
    return CONTROL_OURS;
}

control_claim control_open(const control_sink *sink, control **out, char error[CONTROL_ERROR])
{
    char *lock_path = NULL;
    control *c = calloc(1, sizeof *c);
    control_claim claimed = CONTROL_FAILED;
    *out = NULL;
    error[0] = 0;
    if (!c) {
        snprintf(error, CONTROL_ERROR, "out of memory");
        return CONTROL_FAILED;
    }
    c->sink = *sink;
    c->lock_fd = c->listen_fd = -1;
    if (!control_address(&c->address, &lock_path, error) || !private_folder(c->address.sun_path, error))
        goto done;
    claimed = claim(c, lock_path, error);
    if (claimed != CONTROL_OURS)
        goto done;
    unlink(c->address.sun_path); /* of one that died: the lock says that it is nobody's */
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->listen_fd < 0 || bind(c->listen_fd, (const struct sockaddr *)&c->address, sizeof c->address) != 0
        || chmod(c->address.sun_path, 0600) != 0 || listen(c->listen_fd, CLIENTS_MAX) != 0) {
        snprintf(error, CONTROL_ERROR, "%s: cannot listen: %s", c->address.sun_path, strerror(errno));
        claimed = CONTROL_FAILED;
        goto done;
    }
    *out = c;
    c = NULL;
done:
    free(lock_path);
    if (c) {
        if (c->lock_fd >= 0)
            close(c->lock_fd);
        if (c->listen_fd >= 0)
            close(c->listen_fd);
        free(c);
    }
    return claimed;
}

static void drop(control_client *client)
{
    control *c = client->owner;
    for (size_t i = 0; i < c->n_clients; i++)
        if (c->clients[i] == client) {
            c->clients[i] = c->clients[--c->n_clients];
            break;
        }
    if (client->asked && !client->ending)
        c->sink.gone(c->sink.user, client);
    close(client->fd);
    free(client->unread);
    free(client);
}

static void accept_all(control *c)
{
    int fd;
    while (c->n_clients < CLIENTS_MAX && (fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct ucred peer;
        socklen_t n = sizeof peer;
        control_client *client = NULL;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && (peer.uid == getuid() || peer.uid == 0))
            client = calloc(1, sizeof *client);
        if (!client) {
            close(fd);
            continue;
        }
        client->owner = c;
        client->fd = fd;
        c->clients[c->n_clients++] = client;
    }
}

/* False: the client is gone. */
static bool read_command(control_client *client)
{
    control *c = client->owner;
    char waste[64];
    bool done = client->asked;
    ssize_t n = read(client->fd, done ? waste : client->command + client->n_command,
                     done ? sizeof waste : sizeof client->command - 1 - client->n_command);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    if (done)
        return true; /* one command a conversation; what follows it is nobody's */
    client->n_command += (size_t)n;
    char *end = memchr(client->command, '\n', client->n_command);
    if (!end)
        return client->n_command < sizeof client->command - 1;
    *end = 0;
    if (strlen(client->command) != (size_t)(end - client->command))
        return false; /* a 0 byte: no command of ours */
    client->asked = true;
    c->sink.command(c->sink.user, client, client->command);
    return true;
}

static bool flush(control_client *client)
{
    while (client->n_unread) {
        ssize_t n = send(client->fd, client->unread, client->n_unread, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        client->n_unread -= (size_t)n;
        memmove(client->unread, client->unread + n, client->n_unread);
    }
    return !client->ending;
}

void control_line(control_client *client, const char *line)
{
    size_t n = strlen(line);
    char *grown = client->n_unread + n + 1 <= UNREAD_MAX ? realloc(client->unread, client->n_unread + n + 1) : NULL;
    if (!grown) {
        shutdown(client->fd, SHUT_RDWR); /* reads nothing: seen as gone at the next turn */
        return;
    }
    client->unread = grown;
    memcpy(grown + client->n_unread, line, n);
    for (size_t i = 0; i < n; i++)
        if (grown[client->n_unread + i] == '\n')
            grown[client->n_unread + i] = ' ';
    grown[client->n_unread + n] = '\n';
    client->n_unread += n + 1;
}

void control_end(control_client *client, int status, const char *sentence)
{
    char line[CONTROL_ERROR + 16];
    snprintf(line, sizeof line, "=%d%s%s", status, sentence && sentence[0] ? " " : "", sentence ? sentence : "");
    control_line(client, line);
    client->ending = true;
}

size_t control_poll(const control *c, struct pollfd *fds, size_t n)
{
    size_t used = 0;
    if (n)
        fds[used++] = (struct pollfd){.fd = c->listen_fd, .events = c->n_clients < CLIENTS_MAX ? POLLIN : 0};
    for (size_t i = 0; i < c->n_clients && used < n; i++)
        fds[used++] = (struct pollfd){.fd = c->clients[i]->fd,
                                      .events = (short)(POLLIN | (c->clients[i]->n_unread ? POLLOUT : 0))};
    return used;
}

void control_serve(control *c)
{
    accept_all(c);
    for (size_t i = c->n_clients; i-- > 0;) {
        control_client *client = c->clients[i];
        bool there = client->ending || read_command(client);
        if (!there || !flush(client))
            drop(client);
    }
}

void control_close(control *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_clients; i++)
        flush(c->clients[i]);
    while (c->n_clients) {
        c->clients[0]->ending = true;
        drop(c->clients[0]);
    }
    unlink(c->address.sun_path);
    close(c->listen_fd);
    close(c->lock_fd);
    free(c);
}
