/* SPDX-License-Identifier: MIT
 *
 * The file's layout (docs/FORMAT.md) as offsets, and what the writer and the reader share. */
#ifndef DICTATE_SPOOL_INSIDE_H
#define DICTATE_SPOOL_INSIDE_H

#include "dictate/spool/spool.h"

enum {
    SPOOL_RATE_HZ = 16000,
    SPOOL_VERSION = 1,
    SPOOL_MAGIC_AT = 0,
    SPOOL_VERSION_AT = 8,
    SPOOL_RATE_AT = 12,
    SPOOL_ID_AT = 16,
    SPOOL_STARTED_AT = 24,
    SPOOL_CRC_AT = 32, /* of what is before it */
    SPOOL_REASON_CRC_AT = 36,
    SPOOL_REASON_AT = 40,
    SPOOL_REASON_SIZE = 64,
    SPOOL_SPOKEN_CRC_AT = 104,
    SPOOL_PUNCTUATION_AT = 108,
    SPOOL_SPOKEN_AT = 109,
    SPOOL_SPOKEN_SIZE = 19,
    SPOOL_HEADER = 128
};

#define SPOOL_ENDING     ".cspool"
#define SPOOL_UNFINISHED ".new-"     /* the beginning of a file that has no header yet */
#define SPOOL_DELIVERED  "delivered" /* it is being removed */

typedef enum spool_kind { SPOOL_GOOD, SPOOL_DAMAGED, SPOOL_FOREIGN } spool_kind;

/* All but how it is to be heard, which is left as it is. */
void spool_header_write(uint8_t header[SPOOL_HEADER], int64_t id, int64_t started_ms, const char *reason);
void spool_spoken_write(uint8_t header[SPOOL_HEADER], const spoken_as *how);
/* The reason's checksum and the reason: SPOOL_REASON_SIZE + 4 bytes for SPOOL_REASON_CRC_AT. */
void spool_reason_write(uint8_t *bytes, const char *reason);
/* n bytes of the file's beginning. SPOOL_DAMAGED: ours, but only the samples can be used; id and started_ms are 0. A reason
 * that was torn is "recording", the one that keeps the sound. Languages that are damaged are not told. */
spool_kind spool_header_read(const uint8_t *header, size_t n, spool_item *item);

/* Whole, at this offset, whatever signals come. False: errno. */
bool spool_put(int fd, const void *bytes, size_t n, int64_t at);
/* Up to n bytes; -1: errno. */
int64_t spool_get(int fd, void *bytes, size_t n, int64_t at);
/* Mark as delivered and write zeros over all samples. */
void spool_overwrite(int fd);

#endif
