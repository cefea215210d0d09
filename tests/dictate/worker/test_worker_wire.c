/* SPDX-License-Identifier: MIT
 *
 * Messages of parent and child: what is written is read; a packet that is cut short, longer, or changed in any byte is
 * either refused or a message within its rules; descriptors come across and none is leaked. A child that is told nonsense
 * ends; a parent that is told nonsense starts another child (test_worker_kill.c has the deaths). */
#define _GNU_SOURCE
#include "check.h"
#include "dictate/worker/worker_wire.h"

#include <fcntl.h>
#include <math.h>
#include <sys/socket.h>
#include <unistd.h>

static const wire_message samples[] = {
    {.type = WIRE_LOAD, .request = 1, .number = 3, .strings = {"/a/b.nemo", "avx2", "2"}},
    {.type = WIRE_UNLOAD, .request = 2},
    {.type = WIRE_HEAR, .request = UINT64_MAX, .number = 9600000, .strings = {"de", "en", "0 1"}},
    {.type = WIRE_WARM, .request = 4},
    {.type = WIRE_CANCEL, .request = 5},
    {.type = WIRE_LIVE, .request = 6, .number = 2},
    {.type = WIRE_BEAT, .request = 7},
    {.type = WIRE_TEXT, .request = 8, .strings = {"gr\xc3\xbc\xc3\x9f dich"}},
    {.type = WIRE_DONE, .request = 9, .number = WIRE_FAILED, .ms = 12.5, .strings = {"why", "name", "de", ""}},
};
enum { N_SAMPLES = sizeof samples / sizeof *samples };

static void what_is_written_is_read(void)
{
    uint8_t bytes[WIRE_BYTES];
    for (int i = 0; i < N_SAMPLES; i++) {
        wire_message m;
        size_t n = wire_encode(&samples[i], bytes, sizeof bytes);
        CHECK(n > 0);
        CHECK(wire_decode(bytes, n, &m));
        CHECK_INT(m.type, samples[i].type);
        CHECK(m.request == samples[i].request);
        CHECK_INT(m.number, samples[i].number);
        CHECK_NEAR(m.ms, samples[i].ms, 0);
        for (int s = 0; s < WIRE_STRINGS; s++)
            CHECK_STR(m.strings[s], samples[i].strings[s]);
        CHECK_INT(wire_encode(&samples[i], bytes, n - 1), 0);
    }
}

static void layout_is_little_endian(void)
{
    static const uint8_t expected[] = {'C', 'S', 'W', '1', 6, 0, 0, 0, 0x02, 0x01, 0, 0, 0, 0, 0, 0, 2, 0,
                                       0,   0,   0,   0,   0, 0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0};
    uint8_t bytes[64];
    size_t n = wire_encode(&(wire_message){.type = WIRE_LIVE, .request = 0x0102, .number = 2}, bytes, sizeof bytes);
    CHECK_INT(n, sizeof expected);
    CHECK(memcmp(bytes, expected, sizeof expected) == 0);
}

/* The block is of exactly the packet's size, so that a sanitizer sees a read past its end. */
static int decode_copy(const uint8_t *bytes, size_t n)
{
    wire_message m;
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        return 0;
    memcpy(copy, bytes, n);
    int ok = wire_decode(copy, n, &m);
    if (ok)
        for (int s = 0; s < WIRE_STRINGS; s++)
            ok = ok && (!m.strings[s] || strlen(m.strings[s]) < n);
    free(copy);
    return ok;
}

static void changed_packets_are_refused(void)
{
    uint8_t bytes[WIRE_BYTES];
    for (int i = 0; i < N_SAMPLES; i++) {
        size_t n = wire_encode(&samples[i], bytes, sizeof bytes - 1);
        for (size_t cut = 0; cut < n; cut++)
            CHECK(!decode_copy(bytes, cut));
        bytes[n] = 0;
        CHECK(!decode_copy(bytes, n + 1));
        for (size_t at = 0; at < n; at++)
            for (int bit = 0; bit < 8; bit++) {
                bytes[at] ^= (uint8_t)(1 << bit);
                if (at < 4)
                    CHECK(!decode_copy(bytes, n));
                else
                    decode_copy(bytes, n); /* no bad read */
                bytes[at] ^= (uint8_t)(1 << bit);
            }
    }
}

static void values_out_of_range_are_refused(void)
{
    uint8_t bytes[256];
    wire_message m = {.type = WIRE_LIVE, .number = 3};
    CHECK_INT(wire_encode(&m, bytes, sizeof bytes), 0);
    m.number = -1;
    CHECK_INT(wire_encode(&m, bytes, sizeof bytes), 0);
    m = (wire_message){.type = WIRE_BEAT, .ms = (double)NAN};
    CHECK_INT(wire_encode(&m, bytes, sizeof bytes), 0);
    m = (wire_message){.type = WIRE_HEAR, .number = WIRE_SAMPLES + 1};
    CHECK_INT(wire_encode(&m, bytes, sizeof bytes), 0);
    m = (wire_message){.type = WIRE_NONE};
    CHECK_INT(wire_encode(&m, bytes, sizeof bytes), 0);
    m = (wire_message){.type = (wire_type)(WIRE_DONE + 1)};
    CHECK_INT(wire_encode(&m, bytes, sizeof bytes), 0);
    size_t n = wire_encode(&(wire_message){.type = WIRE_LIVE, .number = 2}, bytes, sizeof bytes);
    bytes[16] = 3;
    CHECK(!decode_copy(bytes, n));
    bytes[16] = 2;
    bytes[31] = 0xFF; /* -infinity and worse */
    bytes[30] = 0xF0;
    CHECK(!decode_copy(bytes, n));
}

static void descriptors_come_across(void)
{
    int ends[2], came = -1, some[2];
    uint8_t bytes[WIRE_BYTES];
    wire_message m;
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK(pipe2(some, O_CLOEXEC) == 0);
    CHECK(wire_receive(ends[1], bytes, &m, &came, 0) == WIRE_GOT_NOTHING);
    CHECK(wire_send(ends[0], &samples[2], some[1], 0));
    CHECK(wire_receive(ends[1], bytes, &m, &came, 1) == WIRE_GOT);
    CHECK_INT(m.number, 9600000);
    CHECK(came >= 0 && fcntl(came, F_GETFD) == FD_CLOEXEC);
    CHECK(write(came, "x", 1) == 1 && read(some[0], bytes, 1) == 1);
    close(came);
    CHECK(send(ends[0], "nonsense", 8, MSG_NOSIGNAL) == 8);
    CHECK(wire_receive(ends[1], bytes, &m, &came, 1) == WIRE_GOT_BAD);
    uint8_t *large = calloc(1, WIRE_BYTES + 1);
    CHECK(large && send(ends[0], large, WIRE_BYTES + 1, MSG_NOSIGNAL) == WIRE_BYTES + 1);
    free(large);
    CHECK(wire_receive(ends[1], bytes, &m, &came, 1) == WIRE_GOT_BAD);
    close(ends[0]);
    CHECK(wire_receive(ends[1], bytes, &m, &came, 1) == WIRE_GOT_END);
    CHECK(!wire_send(ends[1], &samples[1], -1, 1));
    close(ends[1]);
    close(some[0]);
    close(some[1]);
}

int main(void)
{
    RUN(what_is_written_is_read);
    RUN(layout_is_little_endian);
    RUN(changed_packets_are_refused);
    RUN(values_out_of_range_are_refused);
    RUN(descriptors_come_across);
    return check_done();
}
