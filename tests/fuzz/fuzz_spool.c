/* SPDX-License-Identifier: MIT
 * A kept sound's bytes, as a file in a folder: listed, read, swept, removed. */
#define _POSIX_C_SOURCE 200809L
#include "dictate/spool/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void remove_folder(void)
{
    rmdir(folder);
}

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128], error[SPOOL_ERROR] = "";
    spool_item *items;
    size_t n;
    if (!folder[0]) {
        strcpy(folder, "/tmp/fuzz-spool-XXXXXX");
        require(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    }
    snprintf(path, sizeof path, "%s/x.cspool", folder);
    FILE *f = fopen(path, "wb");
    require(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
    int32_t n_items = spool_list(folder, &items, error);
    require(n_items >= 0 && n_items <= 1);
    float *pcm = spool_read(path, &n, error);
    require((pcm == NULL) == (n == 0 && error[0]));
    require(n <= size / 2);
    for (size_t i = 0; i < n; i++)
        require(pcm[i] >= -1 && pcm[i] < 1);
    if (n_items)
        require(pcm && items[0].n_samples == (int64_t)n && items[0].started_ms >= 0 && items[0].id >= 0
                && memchr(items[0].reason, 0, sizeof items[0].reason) && items[0].spoken.punctuation >= 0
                && items[0].spoken.punctuation <= 2 && memchr(items[0].spoken.language, 0, SPOKEN_NAME)
                && memchr(items[0].spoken.target, 0, SPOKEN_NAME));
    free(pcm);
    spool_items_free(items, n_items);
    spool_sweep(folder, INT64_MAX, 0);
    spool_forget(path, error);
    unlink(path);
    return 0;
}
