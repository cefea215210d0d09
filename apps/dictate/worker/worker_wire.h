/* SPDX-License-Identifier: MIT
 *
 * What parent and child say to each other over a SOCK_SEQPACKET socketpair: one packet, one message, every number little
 * endian, whatever its type:
 *
 *     u32 magic  u32 type  u64 request  i64 number  f64 ms  u32 n_strings  n_strings x (u32 n_bytes, bytes, the last is 0)
 *
 * The parent asks one thing at a time and gives it the next request number; the child answers with that number: any of
 * LIVE, BEAT, TEXT and WORDS, then one DONE. CANCEL names the request that it stops and has no answer. Samples travel in a
 * sealed memory file whose descriptor comes with HEAR. A message that is not exactly so is refused whole. */
#ifndef WORKER_WIRE_H
#define WORKER_WIRE_H

#include <stddef.h>
#include <stdint.h>

/*         type, number of strings, lowest and highest number: what they mean */
#define WIRE_TYPES(X)                                                                             \
    X(WIRE_LOAD, 3, 0, 256)            /* path, cpu path or "", how; threads */                   \
    X(WIRE_UNLOAD, 0, 0, 0)            /* */                                                      \
    X(WIRE_HEAR, 3, 0, WIRE_SAMPLES)   /* ask; samples, in the descriptor; no descriptor for 0 */ \
    X(WIRE_WARM, 0, 0, 0)              /* */                                                      \
    X(WIRE_CANCEL, 0, 0, 0)            /* */                                                      \
    X(WIRE_LIVE, 0, 0, 2)              /* models open */                                          \
    X(WIRE_BEAT, 0, 0, 0)              /* still at it */                                          \
    X(WIRE_TEXT, 1, 0, 0)              /* the next piece of the text */                           \
    X(WIRE_WORDS, 1, 0, 0)             /* the next piece of the words' times */                   \
    X(WIRE_DONE, 4, 0, WIRE_CANCELLED) /* error or warning, name, told, written; how it ended; ms */

enum { WIRE_OK, WIRE_FAILED, WIRE_CANCELLED }; /* DONE's number */
/* LOAD's how: "PRECISION CACHE LIMIT_MB LEAST_MB", a cs_precision and a packed_use; what is missing is 0. HEAR's ask: language to
 * hear, language to write, and the rest as worker_ask.h has it. DONE of a LOAD tells what the model takes, as is told there, too; of a
 * HEAR the language that was spoken, and the one that was written. */
enum { WIRE_STRINGS = 4, WIRE_BYTES = 49152, WIRE_PIECE = 32768 };
#define WIRE_SAMPLES (INT64_C(1) << 36)
#define WIRE_MAGIC   UINT32_C(0x31575343) /* "CSW1" */

typedef enum wire_type {
    WIRE_NONE,
#define WIRE_TYPE_ENUM(name, n_strings, low, high) name,
    WIRE_TYPES(WIRE_TYPE_ENUM)
#undef WIRE_TYPE_ENUM
} wire_type;

typedef struct wire_message {
    wire_type type;
    uint64_t request;
    int64_t number;
    double ms;                         /* finite, not negative */
    const char *strings[WIRE_STRINGS]; /* NULL reads as "" when written; read: into the packet, or NULL past the last */
} wire_message;

/* Bytes written, or 0 when they are more than capacity or the message is none. */
size_t wire_encode(const wire_message *m, uint8_t *bytes, size_t capacity);
/* 1, or 0 for bytes that are no message. */
int wire_decode(const uint8_t *bytes, size_t n_bytes, wire_message *m);

typedef enum wire_got { WIRE_GOT, WIRE_GOT_NOTHING, WIRE_GOT_END, WIRE_GOT_BAD } wire_got;

/* One packet, with a descriptor unless it is -1. block: wait for room. 1 when it went out whole. */
int wire_send(int socket, const wire_message *m, int descriptor, int block);
/* One packet into bytes (WIRE_BYTES). *descriptor: one that came with it, yours to close, or -1. WIRE_GOT_END: the other
 * end is closed. */
wire_got wire_receive(int socket, uint8_t *bytes, wire_message *m, int *descriptor, int block);

#endif
