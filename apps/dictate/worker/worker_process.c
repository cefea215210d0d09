/* SPDX-License-Identifier: MIT
 *
 * The model in a child: the parent's side of worker_wire.h behind the face of worker_engine.h.
 *
 * One call is one request: send it, then watch the socket and the wake descriptor until DONE. So the child has one job
 * at most, the samples stay with the caller until it is answered, and whatever breaks the conversation (the socket ends,
 * a packet makes no sense, nothing is said for too long) has one remedy: kill the child, collect it, say ENGINE_DIED.
 *
 * Only the worker's thread touches the socket. Samples go in a memory file: one copy for ten minutes of sound, and a
 * packet of 40 bytes. */
#define _GNU_SOURCE /* memfd_create, seals */
#include "common/textbuf.h"
#include "worker_engine.h"
#include "worker_spawn.h"
#include "worker_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Opening a model says nothing while it works, and a cold disk or a network can be slow. One pass over long audio is
 * slow too: its beats come once a layer, so that the patience grows with it. */
enum { LOAD_PATIENCE_SECONDS = 300, LONG_AUDIO_SHARE = 10, TEXT_MAX = 64 << 20 };

typedef struct child {
    engine base;
    char *program;
    int32_t hang_seconds;
    int wake_fd;
    uint64_t request;
    bool cancel_sent;
    uint8_t packet[WIRE_BYTES];
} child;

typedef struct answer {
    wire_message done; /* its strings lie in the packet */
    textbuf text, words;
} answer;

/* ------------------------------------------------------------------- life and death */

static void bury(engine *e)
{
    if (e->fd < 0)
        return;
    pid_t pid = atomic_exchange(&e->pid, 0); /* before it is collected: nobody shall be told a number that is free */
    close(e->fd);
    e->fd = -1;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    e->loaded = false;
    atomic_store(&e->live, 0);
}

static bool start(child *c, char error[WORKER_ERROR])
{
    pid_t pid;
    if (spawn_child(c->program, &c->base.fd, &pid, error, WORKER_ERROR))
        return false;
    atomic_store(&c->base.pid, pid);
    return true;
}

static bool is_there(child *c, char error[WORKER_ERROR])
{
    if (c->base.fd >= 0)
        return true;
    if (!start(c, error))
        return false;
    atomic_fetch_add(&c->base.restarts, 1);
    return true;
}

/* ------------------------------------------------------------------- one request */

/* What a child that has gone mad may send is bounded, too. */
static void gather(textbuf *text, const char *piece)
{
    if (text->size < TEXT_MAX)
        textbuf_append(text, piece, strlen(piece));
    else
        text->failed = true;
}

static void drop(answer *a)
{
    textbuf_free(&a->text);
    textbuf_free(&a->words);
}

/* All that the socket holds. false: the conversation is over. *done: so is the request. */
static bool listen_to(child *c, answer *a, int64_t *heard_ns, bool *done)
{
    for (;;) {
        wire_message m;
        int stray;
        wire_got got = wire_receive(c->base.fd, c->packet, &m, &stray, 0);
        if (stray >= 0)
            close(stray);
        if (got == WIRE_GOT_NOTHING)
            return true;
        if (got != WIRE_GOT || m.request != c->request)
            return false;
        *heard_ns = engine_clock_ns();
        switch (m.type) {
        case WIRE_LIVE:
            atomic_store(&c->base.live, (int)m.number);
            break;
        case WIRE_BEAT:
            break;
        case WIRE_TEXT:
            gather(&a->text, m.strings[0]);
            break;
        case WIRE_WORDS:
            gather(&a->words, m.strings[0]);
            break;
        case WIRE_DONE:
            a->done = m;
            *done = true;
            return true;
        default:
            return false;
        }
    }
}

/* Pass a wish to stop on, once. false: the worker is going away, or the child does not take it. */
static bool pass_wishes(child *c)
{
    if (atomic_load(&c->base.quit))
        return false;
    if (!atomic_load(&c->base.stop) || c->cancel_sent)
        return true;
    c->cancel_sent = true;
    return wire_send(c->base.fd, &(wire_message){.type = WIRE_CANCEL, .request = c->request}, -1, 0);
}

/* Nothing is in the socket's way: the child has read all that came before. */
static bool converse(child *c, wire_message *m, int descriptor, int64_t patience_seconds, answer *a)
{
    const int64_t patience_ns = patience_seconds * 1000000000;
    int64_t heard_ns = engine_clock_ns();
    bool done = false;
    c->cancel_sent = m->type == WIRE_LOAD || m->type == WIRE_UNLOAD; /* those run to their end */
    m->request = ++c->request;
    if (!wire_send(c->base.fd, m, descriptor, 0))
        return false;
    while (!done) {
        int64_t left_ms = (heard_ns + patience_ns - engine_clock_ns()) / 1000000;
        struct pollfd watched[] = {{.fd = c->base.fd, .events = POLLIN}, {.fd = c->wake_fd, .events = POLLIN}};
        if (left_ms <= 0 || !pass_wishes(c))
            return false;
        if (poll(watched, 2, left_ms > INT_MAX ? INT_MAX : (int)left_ms) < 0 && errno != EINTR)
            return false;
        uint64_t n_wakes;
        if (watched[1].revents && read(c->wake_fd, &n_wakes, sizeof n_wakes) < 0 && errno != EAGAIN)
            return false;
        if (watched[0].revents && !listen_to(c, a, &heard_ns, &done))
            return false;
    }
    return true;
}

static engine_end ask(child *c, wire_message *m, int descriptor, int64_t patience_seconds, answer *a,
                      char error[WORKER_ERROR])
{
    if (!is_there(c, error))
        return ENGINE_FAILED;
    if (!converse(c, m, descriptor, patience_seconds, a)) {
        bury(&c->base);
        return ENGINE_DIED;
    }
    if (a->done.number == WIRE_OK)
        return ENGINE_OK;
    snprintf(error, WORKER_ERROR, "%s", a->done.strings[0]);
    return a->done.number == WIRE_CANCELLED ? ENGINE_CANCELLED : ENGINE_FAILED;
}

/* ------------------------------------------------------------------- the engine's calls */

static engine_end load(engine *e, const char *path, char error[WORKER_ERROR])
{
    answer a = {0};
    char how[64];
    snprintf(how, sizeof how, "%d %d %d %d", (int)e->precision, (int)e->cache.on, (int)e->cache.limit_mb,
             (int)e->cache.least_mb);
    wire_message m = {.type = WIRE_LOAD, .number = e->threads, .strings = {path, e->cpu_path, how}};
    if (strlen(path) >= PATH_MAX) {
        snprintf(error, WORKER_ERROR, "%.80s...: the path has %zu bytes, expected fewer than %d", path, strlen(path),
                 PATH_MAX);
        return ENGINE_FAILED;
    }
    engine_end end = ask((child *)e, &m, -1, LOAD_PATIENCE_SECONDS, &a, error);
    if (end == ENGINE_OK) {
        e->loaded = true;
        snprintf(e->name, sizeof e->name, "%s", a.done.strings[1]);
        if (!facts_read(a.done.strings[2], &e->facts))
            e->facts = (worker_facts){0};
    }
    drop(&a);
    return end;
}

static void unload(engine *e)
{
    child *c = (child *)e;
    answer a = {0};
    char error[WORKER_ERROR];
    wire_message m = {.type = WIRE_UNLOAD};
    if (e->fd >= 0)
        ask(c, &m, -1, c->hang_seconds, &a, error);
    drop(&a);
    e->loaded = false;
}

/* A memory file of the samples, which nobody can change any more; -1 and a sentence. */
static int seal(const float *pcm, size_t n_samples, char error[WORKER_ERROR])
{
    const char *from = (const char *)pcm;
    size_t left = n_samples * sizeof *pcm;
    int fd = spawn_above_output(memfd_create("ctrlspeak-audio", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    while (fd >= 0 && left > 0) {
        ssize_t n = write(fd, from, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        from += n;
        left -= (size_t)n;
    }
    if (fd >= 0 && left == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    snprintf(error, WORKER_ERROR, "cannot hand %zu samples to the worker process: %s", n_samples, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static engine_end hear(engine *e, const float *pcm, size_t n_samples, const worker_ask *what, engine_heard *heard,
                       char error[WORKER_ERROR])
{
    child *c = (child *)e;
    answer a = {0};
    int64_t audio_seconds = (int64_t)(n_samples / ENGINE_RATE_HZ);
    char how[ASK_HOW];
    ask_write(what, how);
    wire_message m = {
        .type = WIRE_HEAR, .number = (int64_t)n_samples, .strings = {what->spoken.language, what->spoken.target, how}};
    int samples = n_samples ? seal(pcm, n_samples, error) : -1;
    if (n_samples && samples < 0)
        return ENGINE_FAILED;
    engine_end end = ask(c, &m, samples, c->hang_seconds + audio_seconds / LONG_AUDIO_SHARE, &a, error);
    if (samples >= 0)
        close(samples);
    if (end == ENGINE_OK) {
        gather(&a.text, ""); /* a text of no pieces is a text */
        heard->decode_ms = a.done.ms;
        snprintf(heard->warning, sizeof heard->warning, "%s", a.done.strings[0]);
        snprintf(heard->language, sizeof heard->language, "%s", a.done.strings[2]);
        snprintf(heard->target, sizeof heard->target, "%s", a.done.strings[3]);
        if (a.text.failed || a.words.failed) {
            snprintf(error, WORKER_ERROR, "out of memory for the text");
            end = ENGINE_FAILED;
        }
    }
    if (end == ENGINE_OK) {
        heard->text = a.text.data;
        heard->words = a.words.data;
    } else
        drop(&a);
    return end;
}

static engine_end warm(engine *e)
{
    child *c = (child *)e;
    answer a = {0};
    char error[WORKER_ERROR];
    wire_message m = {.type = WIRE_WARM};
    engine_end end = ask(c, &m, -1, c->hang_seconds, &a, error);
    drop(&a);
    return end;
}

static void destroy(engine *e)
{
    child *c = (child *)e;
    bury(e);
    free(c->program);
    free(c);
}

engine *engine_create_child(const char *program, int32_t hang_seconds, int wake_fd, char error[WORKER_ERROR])
{
    child *c = calloc(1, sizeof *c);
    char *copy = c ? strdup(program ? program : "/proc/self/exe") : NULL;
    if (!copy) {
        free(c);
        snprintf(error, WORKER_ERROR, "out of memory");
        return NULL;
    }
    c->program = copy;
    c->hang_seconds = hang_seconds > 0 ? hang_seconds : WORKER_HANG_SECONDS;
    c->wake_fd = wake_fd;
    c->base.load = load;
    c->base.unload = unload;
    c->base.hear = hear;
    c->base.warm = warm;
    c->base.bury = bury;
    c->base.free = destroy;
    c->base.fd = -1;
    atomic_init(&c->base.stop, false);
    atomic_init(&c->base.quit, false);
    atomic_init(&c->base.live, 0);
    atomic_init(&c->base.pid, 0);
    atomic_init(&c->base.restarts, 0);
    if (!start(c, error)) {
        destroy(&c->base);
        return NULL;
    }
    return &c->base;
}
