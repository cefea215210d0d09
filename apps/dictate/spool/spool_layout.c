/* SPDX-License-Identifier: MIT
 *
 * The header as bytes, and reading and writing at an offset. The fixed part, the reason and the languages have a checksum each:
 * the reason is written again in place, and a crash in the middle of that must cost the reason alone; programs from before there
 * were languages left zeros, and look at nothing there. */
#define _POSIX_C_SOURCE 200809L
#include "ctrlspeak.h"
#include "dictate/spool/spool_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const uint8_t magic[8] = {0x89, 'c', 's', 'p', 'o', 'o', 'l', '\n'};

static void put_le(uint8_t *at, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get_le(const uint8_t *at, int n_bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < n_bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

static uint32_t checksum(const uint8_t *bytes, size_t n)
{
    return (uint32_t)crc32(crc32(0, NULL, 0), bytes, (uInt)n);
}

void spool_reason_write(uint8_t *bytes, const char *reason)
{
    memset(bytes + 4, 0, SPOOL_REASON_SIZE);
    memcpy(bytes + 4, reason, strnlen(reason, SPOOL_REASON_SIZE - 1));
    put_le(bytes, checksum(bytes + 4, SPOOL_REASON_SIZE), 4);
}

void spool_header_write(uint8_t header[SPOOL_HEADER], int64_t id, int64_t started_ms, const char *reason)
{
    memset(header, 0, SPOOL_SPOKEN_CRC_AT);
    memcpy(header + SPOOL_MAGIC_AT, magic, sizeof magic);
    put_le(header + SPOOL_VERSION_AT, SPOOL_VERSION, 4);
    put_le(header + SPOOL_RATE_AT, SPOOL_RATE_HZ, 4);
    put_le(header + SPOOL_ID_AT, (uint64_t)id, 8);
    put_le(header + SPOOL_STARTED_AT, (uint64_t)started_ms, 8);
    put_le(header + SPOOL_CRC_AT, checksum(header, SPOOL_CRC_AT), 4);
    spool_reason_write(header + SPOOL_REASON_CRC_AT, reason);
}

void spool_spoken_write(uint8_t header[SPOOL_HEADER], const spoken_as *how)
{
    char text[SPOKEN_TEXT];
    uint8_t *at = header + SPOOL_SPOKEN_AT;
    spoken_text(how, "", text);
    header[SPOOL_PUNCTUATION_AT] = (uint8_t)how->punctuation;
    memset(at, 0, SPOOL_SPOKEN_SIZE);
    memcpy(at, text, strnlen(text, SPOOL_SPOKEN_SIZE - 1));
    put_le(header + SPOOL_SPOKEN_CRC_AT, checksum(header + SPOOL_PUNCTUATION_AT, SPOOL_SPOKEN_SIZE + 1), 4);
}

/* False: nothing is said there that makes sense. */
static bool spoken_read(const uint8_t *header, spoken_as *how)
{
    const char *text = (const char *)header + SPOOL_SPOKEN_AT;
    *how = (spoken_as){0};
    if (get_le(header + SPOOL_SPOKEN_CRC_AT, 4) != checksum(header + SPOOL_PUNCTUATION_AT, SPOOL_SPOKEN_SIZE + 1)
        || header[SPOOL_PUNCTUATION_AT] > CS_CHOICE_YES || !memchr(text, 0, SPOOL_SPOKEN_SIZE)
        || (text[0] && !spoken_parse(text, how)))
        return false;
    how->punctuation = header[SPOOL_PUNCTUATION_AT];
    return true;
}

/* What a message may show: bytes that are no printable ASCII become "?". */
static void copy_reason(char *reason, const uint8_t *bytes)
{
    size_t i = 0;
    for (; i < SPOOL_REASON_SIZE - 1 && bytes[i]; i++)
        reason[i] = (char)(bytes[i] >= 0x20 && bytes[i] < 0x7F ? bytes[i] : '?');
    reason[i] = 0;
}

spool_kind spool_header_read(const uint8_t *header, size_t n, spool_item *item)
{
    item->id = item->started_ms = 0;
    item->is_told = false;
    item->spoken = (spoken_as){0};
    strcpy(item->reason, "recording"); /* what keeps the sound, unless the file says better */
    if (n < SPOOL_HEADER || memcmp(header + SPOOL_MAGIC_AT, magic, sizeof magic) != 0)
        return SPOOL_FOREIGN;
    if (get_le(header + SPOOL_CRC_AT, 4) != checksum(header, SPOOL_CRC_AT))
        return SPOOL_DAMAGED;
    if (get_le(header + SPOOL_VERSION_AT, 4) != SPOOL_VERSION || get_le(header + SPOOL_RATE_AT, 4) != SPOOL_RATE_HZ)
        return SPOOL_FOREIGN; /* of a later program */
    int64_t id = (int64_t)get_le(header + SPOOL_ID_AT, 8), started_ms = (int64_t)get_le(header + SPOOL_STARTED_AT, 8);
    if (id < 0 || started_ms < 0)
        return SPOOL_DAMAGED;
    item->id = id;
    item->started_ms = started_ms;
    item->is_told = spoken_read(header, &item->spoken);
    if (get_le(header + SPOOL_REASON_CRC_AT, 4) == checksum(header + SPOOL_REASON_AT, SPOOL_REASON_SIZE))
        copy_reason(item->reason, header + SPOOL_REASON_AT);
    return SPOOL_GOOD;
}

bool spool_put(int fd, const void *bytes, size_t n, int64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t part = pwrite(fd, (const char *)bytes + done, n - done, (off_t)at + (off_t)done);
        if (part == 0)
            errno = ENOSPC;
        if (part == 0 || (part < 0 && errno != EINTR))
            return false;
        done += part > 0 ? (size_t)part : 0;
    }
    return true;
}

int64_t spool_get(int fd, void *bytes, size_t n, int64_t at)
{
    size_t done = 0;
    while (done < n) {
        ssize_t part = pread(fd, (char *)bytes + done, n - done, (off_t)at + (off_t)done);
        if (part == 0)
            break;
        if (part < 0 && errno != EINTR)
            return -1;
        done += part > 0 ? (size_t)part : 0;
    }
    return (int64_t)done;
}

void spool_overwrite(int fd)
{
    static const uint8_t zeros[1 << 16];
    uint8_t reason[SPOOL_REASON_SIZE + 4];
    struct stat st;
    spool_reason_write(reason, SPOOL_DELIVERED);
    spool_put(fd, reason, sizeof reason, SPOOL_REASON_CRC_AT);
    if (fstat(fd, &st) != 0)
        return;
    for (int64_t at = SPOOL_HEADER; at < st.st_size; at += (int64_t)sizeof zeros) {
        int64_t left = st.st_size - at;
        if (!spool_put(fd, zeros, left < (int64_t)sizeof zeros ? (size_t)left : sizeof zeros, at))
            break;
    }
    fdatasync(fd);
}
