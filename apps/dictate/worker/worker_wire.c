/* SPDX-License-Identifier: MIT
 * Messages to bytes and back: see worker_wire.h. Every length is compared with the bytes left before it is used. */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include "worker_wire.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct rule {
    uint32_t n_strings;
    int64_t low, high;
} rule;

static const rule rules[] = {{0, 0, 0},
#define WIRE_TYPE_RULE(name, n_strings, low, high) {n_strings, low, high},
                             WIRE_TYPES(WIRE_TYPE_RULE)
#undef WIRE_TYPE_RULE
};

enum { N_TYPES = sizeof rules / sizeof *rules };

/* ------------------------------------------------------------------- bytes */

typedef struct writer {
    uint8_t *bytes;
    size_t n, capacity;
    bool full;
} writer;

typedef struct reader {
    const uint8_t *bytes;
    size_t left;
    bool broken;
} reader;

static void put(writer *w, uint64_t value, size_t n_bytes)
{
    if (w->full || w->capacity - w->n < n_bytes) {
        w->full = true;
        return;
    }
    for (size_t i = 0; i < n_bytes; i++)
        w->bytes[w->n++] = (uint8_t)(value >> (8 * i));
}

static void put_string(writer *w, const char *text)
{
    size_t n = strlen(text) + 1;
    put(w, n, 4);
    if (w->full || w->capacity - w->n < n) {
        w->full = true;
        return;
    }
    memcpy(w->bytes + w->n, text, n);
    w->n += n;
}

static uint64_t take(reader *r, size_t n_bytes)
{
    uint64_t value = 0;
    if (r->broken || r->left < n_bytes) {
        r->broken = true;
        return 0;
    }
    for (size_t i = 0; i < n_bytes; i++)
        value |= (uint64_t)r->bytes[i] << (8 * i);
    r->bytes += n_bytes;
    r->left -= n_bytes;
    return value;
}

static const char *take_string(reader *r)
{
    size_t n = (size_t)take(r, 4);
    const char *text = (const char *)r->bytes;
    if (r->broken || n == 0 || n > r->left || memchr(text, 0, n) != text + n - 1) {
        r->broken = true;
        return NULL;
    }
    r->bytes += n;
    r->left -= n;
    return text;
}

/* ------------------------------------------------------------------- messages */

static bool is_allowed(const wire_message *m)
{
    return (unsigned)m->type > WIRE_NONE && (unsigned)m->type < N_TYPES && m->number >= rules[m->type].low
           && m->number <= rules[m->type].high && isfinite(m->ms) && m->ms >= 0;
}

size_t wire_encode(const wire_message *m, uint8_t *bytes, size_t capacity)
{
    writer w = {.bytes = bytes, .capacity = capacity};
    uint64_t ms;
    if (!is_allowed(m))
        return 0;
    memcpy(&ms, &m->ms, sizeof ms);
    put(&w, WIRE_MAGIC, 4);
    put(&w, (uint64_t)m->type, 4);
    put(&w, m->request, 8);
    put(&w, (uint64_t)m->number, 8);
    put(&w, ms, 8);
    put(&w, rules[m->type].n_strings, 4);
    for (uint32_t i = 0; i < rules[m->type].n_strings; i++)
        put_string(&w, m->strings[i] ? m->strings[i] : "");
    return w.full ? 0 : w.n;
}

int wire_decode(const uint8_t *bytes, size_t n_bytes, wire_message *m)
{
    reader r = {.bytes = bytes, .left = n_bytes};
    uint64_t magic = take(&r, 4), type = take(&r, 4);
    *m = (wire_message){.request = take(&r, 8)};
    uint64_t number = take(&r, 8), ms = take(&r, 8), n_strings = take(&r, 4);
    if (r.broken || magic != WIRE_MAGIC || type >= N_TYPES || number > INT64_MAX)
        return 0;
    m->type = (wire_type)type;
    m->number = (int64_t)number;
    memcpy(&m->ms, &ms, sizeof m->ms);
    if (!is_allowed(m) || n_strings != rules[type].n_strings)
        return 0;
    for (uint32_t i = 0; i < n_strings; i++)
        m->strings[i] = take_string(&r);
    return !r.broken && r.left == 0;
}

/* ------------------------------------------------------------------- packets */

typedef union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
} control;

int wire_send(int socket, const wire_message *m, int descriptor, int block)
{
    uint8_t bytes[WIRE_BYTES];
    size_t n = wire_encode(m, bytes, sizeof bytes);
    struct iovec piece = {.iov_base = bytes, .iov_len = n};
    struct msghdr packet = {.msg_iov = &piece, .msg_iovlen = 1};
    control c;
    ssize_t sent;
    if (n == 0)
        return 0;
    if (descriptor >= 0) {
        memset(&c, 0, sizeof c);
        packet.msg_control = c.bytes;
        packet.msg_controllen = sizeof c.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    do
        sent = sendmsg(socket, &packet, MSG_NOSIGNAL | (block ? 0 : MSG_DONTWAIT));
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)n;
}

/* The room is for one descriptor, the kernel closes those that do not fit. */
static int passed(struct msghdr *packet)
{
    int descriptor = -1;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(packet); h; h = CMSG_NXTHDR(packet, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof(int)))
            memcpy(&descriptor, CMSG_DATA(h), sizeof descriptor);
    return descriptor;
}

wire_got wire_receive(int socket, uint8_t *bytes, wire_message *m, int *descriptor, int block)
{
    struct iovec piece = {.iov_base = bytes, .iov_len = WIRE_BYTES};
    control c;
    struct msghdr packet = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = c.bytes, .msg_controllen = sizeof c.bytes};
    ssize_t n;
    *descriptor = -1;
    do
        n = recvmsg(socket, &packet, MSG_CMSG_CLOEXEC | (block ? 0 : MSG_DONTWAIT));
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return WIRE_GOT_NOTHING;
    if (n <= 0)
        return WIRE_GOT_END;
    *descriptor = passed(&packet);
    if (!(packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && wire_decode(bytes, (size_t)n, m))
        return WIRE_GOT;
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
    return WIRE_GOT_BAD;
}
