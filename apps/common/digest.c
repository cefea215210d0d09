/* SPDX-License-Identifier: MIT
 * See digest.h. The hash is nettle's. */
#define _XOPEN_SOURCE 700
#include "common/digest.h"
#include "common/interrupt.h"
#include "common/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 18, LINE_BYTES = 600 };

bool digest_parse(const char *text, size_t n, char out[DIGEST_HEX])
{
    out[0] = 0;
    if (n != DIGEST_HEX - 1 || strspn(text, "0123456789abcdefABCDEF") < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        out[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    }
    out[n] = 0;
    return true;
}

static void finish(struct sha256_ctx *hash, char out[DIGEST_HEX])
{
    uint8_t sum[SHA256_DIGEST_SIZE];
    sha256_digest(hash, sizeof sum, sum);
    for (size_t i = 0; i < sizeof sum; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

void digest_text(const char *text, char out[DIGEST_HEX])
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, strlen(text), (const uint8_t *)text);
    finish(&hash, out);
}

bool digest_file(const char *path, char out[DIGEST_HEX])
{
    struct sha256_ctx hash;
    uint8_t *piece = malloc(PIECE_BYTES);
    int fd = piece ? open(path, O_RDONLY | O_CLOEXEC) : -1, reason = piece ? errno : ENOMEM;
    ssize_t n = -1;
    sha256_init(&hash);
    while (fd >= 0) {
        n = read(fd, piece, PIECE_BYTES);
        reason = errno;
        if (interrupt_wanted()) {
            n = -1;
            reason = ECANCELED;
        }
        if (n <= 0 && !(n < 0 && reason == EINTR))
            break;
        if (n > 0)
            sha256_update(&hash, (size_t)n, piece);
    }
    if (fd >= 0)
        close(fd);
    free(piece);
    finish(&hash, out);
    errno = reason;
    return fd >= 0 && n == 0;
}

bool digest_remember(const char *path, const char *hex)
{
    const char *slash = strrchr(path, '/');
    char line[LINE_BYTES], *beside = malloc(strlen(path) + sizeof ".sha256");
    outfile out;
    if (!beside)
        return false;
    sprintf(beside, "%s.sha256", path);
    snprintf(line, sizeof line, "%s  %.500s\n", hex, slash ? slash + 1 : path);
    bool done = outfile_open(&out, beside) && outfile_write(&out, line, strlen(line)) == 0 && outfile_commit(&out);
    int reason = errno;
    outfile_discard(&out);
    free(beside);
    errno = reason;
    return done;
}

bool digest_recall(const char *path, char out[DIGEST_HEX])
{
    char line[LINE_BYTES] = "", *beside = malloc(strlen(path) + sizeof ".sha256");
    if (!beside)
        return false;
    sprintf(beside, "%s.sha256", path);
    FILE *file = fopen(beside, "re");
    bool found = file && fgets(line, sizeof line, file) && digest_parse(line, strcspn(line, " \n"), out);
    if (file)
        fclose(file);
    free(beside);
    return found;
}
