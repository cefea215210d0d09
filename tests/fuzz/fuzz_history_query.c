/* SPDX-License-Identifier: MIT
 * What a user types to search for must never be a syntax error; and what may stand for a time. */
#define _POSIX_C_SOURCE 200809L
#include "dictate/history/history_inside.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool nothing(void *user, const history_entry *entry)
{
    (void)user;
    (void)entry;
    return true;
}

/* In memory, made once. */
static history *prepared(void)
{
    static history h;
    static char path[] = "f", error[HISTORY_ERROR];
    const history_entry entry = {.text = "the quick brown fox, ab abc"};
    if (h.db)
        return &h;
    h.path = path;
    if (sqlite3_open(":memory:", &h.db) != SQLITE_OK || !history_migrate(&h, error)
        || history_add(&h, &entry, error) != 1)
        abort();
    return &h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[HISTORY_ERROR] = "", *typed = malloc(size + 1);
    int64_t ms;
    if (!typed)
        return 0;
    memcpy(typed, data, size);
    typed[size] = 0;
    if (history_each(prepared(), typed, 0, 0, nothing, NULL, error) < 0)
        abort();
    if (history_parse_time(typed, &ms) && ms < 0)
        abort();
    free(typed);
    return 0;
}
