/* SPDX-License-Identifier: MIT
 * A database file as the Python program's history: taken as a whole or not at all, and the entries can be shown. */
#define _POSIX_C_SOURCE 200809L
#include "common/utf8_text.h"
#include "dictate/history/history_inside.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *user, const history_entry *entry)
{
    (*(int64_t *)user)++;
    for (const char *text = entry->text; *text; text += utf8_bytes(text))
        if (utf8_bytes(text) == 0 || ((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t'))
            abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[HISTORY_ERROR] = "", path[] = "f";
    history h = {.path = path};
    sqlite3 *source = NULL;
    history_imported counts = {0};
    int64_t n_seen = 0;
    unsigned char *image = sqlite3_malloc64(size + 1);
    if (!image || sqlite3_open(":memory:", &h.db) != SQLITE_OK || !history_migrate(&h, error)
        || sqlite3_open(":memory:", &source) != SQLITE_OK)
        abort();
    memcpy(image, data, size);
    sqlite3_deserialize(source, "main", image, (sqlite3_int64)size, (sqlite3_int64)size,
                        SQLITE_DESERIALIZE_READONLY | SQLITE_DESERIALIZE_FREEONCLOSE);
    bool done = history_import_from(&h, source, "f", &counts, error);
    if (history_each(&h, NULL, 0, 0, look, &n_seen, error) != n_seen || n_seen != (done ? counts.n_taken : 0))
        abort();
    sqlite3_close(source);
    sqlite3_close(h.db);
    return 0;
}
