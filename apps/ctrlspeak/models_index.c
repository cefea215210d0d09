/* SPDX-License-Identifier: MIT
 * See models_index.h. */
#include "models_index.h"
#include "common/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUB "https://huggingface.co"

static const models_entry entries[] = {
#define ENTRY(name, file, family, megabytes, languages, licence, runs) \
    {name, file, family, megabytes, languages, licence, runs, ""},
    MODELS_INDEX(ENTRY)
#undef ENTRY
};

const models_entry *models_index_at(size_t i)
{
    return i < sizeof entries / sizeof *entries ? &entries[i] : NULL;
}

const models_entry *models_index_find(const char *name)
{
    for (size_t i = 0; models_index_at(i); i++)
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    return NULL;
}

const char *models_index_nearest(const char *name)
{
    const char *names[sizeof entries / sizeof *entries];
    for (size_t i = 0; models_index_at(i); i++)
        names[i] = entries[i].name;
    return cli_nearest(name, names, sizeof entries / sizeof *entries);
}

char *models_index_url(const models_entry *entry, const char *base)
{
    base = base ? base : HUB;
    size_t n = strlen(base), size = n + strlen(entry->name) + strlen(entry->file) + 40;
    while (n && base[n - 1] == '/')
        n--;
    char *url = malloc(size);
    if (url)
        snprintf(url, size, "%.*s/nvidia/%s/resolve/main/%s.nemo", (int)n, base, entry->name, entry->file);
    return url;
}
