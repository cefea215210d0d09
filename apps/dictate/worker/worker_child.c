/* SPDX-License-Identifier: MIT
 *
 * The child: reads requests from descriptor 3, does them with the model in this process, answers. One thread but for the
 * library's own: while it transcribes it looks at the socket from the progress callback, for CANCEL, and for the end of
 * the parent. It must never outlive the parent: it ends when the socket does, and the kernel kills it when the parent
 * dies while it opens a model and looks at nothing. */
#define _POSIX_C_SOURCE 200809L
#include "worker_engine.h"
#include "worker_spawn.h"
#include "worker_wire.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_NS = 2000000, BEAT_NS = 250000000 }; /* how often to look at the socket, and to say that all is well */

typedef struct server {
    engine *engine;
    uint64_t request;   /* the one being done */
    uint64_t cancelled; /* the last that CANCEL named */
    bool over;          /* the socket ended or makes no sense */
    int64_t looked_ns, beat_ns;
    uint8_t packet[WIRE_BYTES];
    uint8_t aside[WIRE_BYTES]; /* what comes while the request in packet is being done */
} server;

static void say_to_parent(server *s, wire_message m)
{
    m.request = s->request;
    if (!wire_send(SPAWN_SOCKET, &m, -1, 1))
        s->over = true;
}

static void tell_live(void *user, int n_models)
{
    say_to_parent(user, (wire_message){.type = WIRE_LIVE, .number = n_models});
}

static bool beat(void *user)
{
    server *s = user;
    int64_t now_ns = engine_clock_ns();
    if (now_ns - s->looked_ns >= LOOK_NS) {
        wire_message m;
        int stray;
        s->looked_ns = now_ns;
        wire_got got = wire_receive(SPAWN_SOCKET, s->aside, &m, &stray, 0);
        if (stray >= 0)
            close(stray);
        if (got == WIRE_GOT && m.type == WIRE_CANCEL)
            s->cancelled = m.request;
        else if (got != WIRE_GOT_NOTHING)
            s->over = true;
    }
    if (now_ns - s->beat_ns >= BEAT_NS) {
        s->beat_ns = now_ns;
        say_to_parent(s, (wire_message){.type = WIRE_BEAT});
    }
    return s->over || s->cancelled == s->request;
}

/* told, written: DONE's last two strings. */
static void done(server *s, engine_end end, const char *error, double ms, const char *told, const char *written)
{
    say_to_parent(s, (wire_message){.type = WIRE_DONE,
                                    .number = end == ENGINE_OK          ? WIRE_OK
                                              : end == ENGINE_CANCELLED ? WIRE_CANCELLED
                                                                        : WIRE_FAILED,
                                    .ms = ms,
                                    .strings = {error, s->engine->name, told, written}});
}

static void tell(server *s, wire_type type, const char *text)
{
    char piece[WIRE_PIECE + 1];
    for (size_t left = strlen(text); left > 0 && !s->over;) {
        size_t n = left < WIRE_PIECE ? left : WIRE_PIECE;
        memcpy(piece, text, n);
        piece[n] = 0;
        say_to_parent(s, (wire_message){.type = type, .strings = {piece}});
        text += n;
        left -= n;
    }
}

/* Samples that came as a descriptor; it must hold what the message says. */
static const float *map_samples(int descriptor, size_t n_samples)
{
    struct stat st;
    if (descriptor < 0 || fstat(descriptor, &st) != 0 || st.st_size < 0
        || (uint64_t)st.st_size < (uint64_t)n_samples * sizeof(float))
        return NULL;
    void *samples = mmap(NULL, n_samples * sizeof(float), PROT_READ, MAP_PRIVATE, descriptor, 0);
    return samples == MAP_FAILED ? NULL : samples;
}

static void hear(server *s, const wire_message *m, int descriptor)
{
    static const float nothing[1];
    char error[WORKER_ERROR] = "";
    engine_heard heard = {0};
    worker_ask ask;
    const size_t n_samples = (size_t)m->number;
    const float *pcm = n_samples ? map_samples(descriptor, n_samples) : nothing;
    engine_end end = ENGINE_FAILED;
    if (!s->engine->loaded)
        snprintf(error, sizeof error, "no model is open");
    else if (!ask_read(m->strings[0], m->strings[1], m->strings[2], &ask))
        snprintf(error, sizeof error, "what is asked of the job makes no sense");
    else if (!pcm)
        snprintf(error, sizeof error, "cannot map %zu samples", n_samples);
    else
        end = s->engine->hear(s->engine, pcm, n_samples, &ask, &heard, error);
    if (n_samples && pcm)
        munmap((void *)(uintptr_t)pcm, n_samples * sizeof(float));
    if (end == ENGINE_OK) {
        tell(s, WIRE_TEXT, heard.text);
        tell(s, WIRE_WORDS, heard.words ? heard.words : "");
    }
    free(heard.text);
    free(heard.words);
    done(s, end, end == ENGINE_OK ? heard.warning : error, heard.decode_ms, heard.language, heard.target);
}

/* LOAD's third string; what is missing is 0. The library refuses a precision that is none and bounds below zero. */
static void read_how(engine *e, const char *how)
{
    int numbers[4] = {0};
    sscanf(how, "%9d %9d %9d %9d", &numbers[0], &numbers[1], &numbers[2], &numbers[3]);
    e->precision = numbers[0];
    e->cache = (packed_use){numbers[1], numbers[2], numbers[3]};
}

static void serve(server *s, const wire_message *m, int descriptor)
{
    char error[WORKER_ERROR] = "", facts[FACTS_TEXT] = "";
    engine *e = s->engine;
    s->request = m->request;
    s->looked_ns = s->beat_ns = engine_clock_ns();
    switch (m->type) {
    case WIRE_LOAD:
        e->threads = (int32_t)m->number;
        e->cpu_path = m->strings[1][0] ? m->strings[1] : NULL;
        read_how(e, m->strings[2]);
        engine_end end = e->load(e, m->strings[0], error);
        e->cpu_path = NULL; /* it lies in the packet */
        facts_write(&e->facts, facts);
        done(s, end, error, 0, facts, "");
        break;
    case WIRE_UNLOAD:
        e->unload(e);
        done(s, ENGINE_OK, "", 0, "", "");
        break;
    case WIRE_HEAR:
        hear(s, m, descriptor);
        break;
    case WIRE_WARM:
        done(s, e->loaded ? e->warm(e) : ENGINE_FAILED, "", 0, "", "");
        break;
    case WIRE_CANCEL: /* of a request that was done before it was read */
        break;
    default:
        s->over = true;
    }
}

static bool is_idle(void)
{
    struct pollfd next = {.fd = SPAWN_SOCKET, .events = POLLIN};
    return poll(&next, 1, 0) == 0;
}

int worker_child_main(void)
{
    enum { DONE = 0, MISUSED = 2, NO_MEMORY = 5 };
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(SPAWN_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET)
        return MISUSED;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    server *s = calloc(1, sizeof *s);
    if (s)
        s->engine = engine_create_here(&(engine_hooks){.user = s, .beat = beat, .live = tell_live});
    if (!s || !s->engine) {
        free(s);
        return NO_MEMORY;
    }
    while (!s->over) {
        wire_message m;
        int descriptor;
        if (wire_receive(SPAWN_SOCKET, s->packet, &m, &descriptor, 1) != WIRE_GOT)
            break;
        serve(s, &m, descriptor);
        if (descriptor >= 0)
            close(descriptor);
        if (m.type == WIRE_HEAR && is_idle())
            engine_trim();
    }
    s->engine->free(s->engine);
    free(s);
    return DONE;
}
