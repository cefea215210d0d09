/* SPDX-License-Identifier: MIT
 *
 * See inputs.h. Folders are walked once each, told apart by device and inode, so that links in a circle end; sorted by
 * bytes, so that the order is the same everywhere. */
#define _XOPEN_SOURCE 700
#include "inputs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 64 };

static const char *const endings[] = {"wav", "wave", "w64", "rf64", "flac", "ogg", "oga", "opus", "mp3",  "m4a", "m4b",
                                      "mp4", "aac",  "aif", "aiff", "aifc", "caf", "au",  "snd",  "webm", "mkv", "mka",
                                      "mov", "wma",  "wv",  "amr",  "3gp",  "avi", "flv", "mpg",  "mpeg", "ape", "tta"};

/* ------------------------------------------------------------------ names */

/* Adds name (taken over); false and freed when it is there already or memory is out (*failed). */
static bool add_name(name_set *set, char *name, bool *failed)
{
    if (set->n_used * 2 >= set->n_slots) {
        name_set wider = {.n_slots = set->n_slots ? set->n_slots * 2 : 64};
        wider.slots = calloc(wider.n_slots, sizeof *wider.slots);
        *failed = !wider.slots;
        if (*failed) {
            free(name);
            return false;
        }
        for (size_t i = 0; i < set->n_slots; i++)
            if (set->slots[i])
                add_name(&wider, set->slots[i], failed);
        free(set->slots);
        *set = wider;
    }
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    size_t at = (size_t)hash & (set->n_slots - 1);
    for (; set->slots[at]; at = (at + 1) & (set->n_slots - 1)) {
        if (strcmp(set->slots[at], name) == 0) {
            free(name);
            return false;
        }
    }
    set->slots[at] = name;
    set->n_used++;
    return true;
}

void name_set_free(name_set *set)
{
    for (size_t i = 0; i < set->n_slots; i++)
        free(set->slots[i]);
    free(set->slots);
    *set = (name_set){0};
}

const char *inputs_output_name(name_set *set, const char *folder, const input *item, const char *tag,
                               const char *ending)
{
    const char *relative = strcmp(item->path, "-") == 0 ? "stdin" : item->relative;
    const char *slash = strrchr(relative, '/'), *base = slash ? slash + 1 : relative, *dot = strrchr(base, '.');
    size_t n_stem = dot && dot > base ? (size_t)(dot - relative) : strlen(relative);
    size_t size = strlen(folder) + strlen(relative) + strlen(tag) + strlen(ending) + 24;
    for (unsigned try = 0; try < UINT_MAX; try++) {
        char *name = malloc(size), count[16] = "";
        if (!name)
            return NULL;
        if (try > 1)
            snprintf(count, sizeof count, "-%u", try);
        snprintf(name, size, "%s/%.*s%s%s.%s", folder, (int)(try == 0 ? n_stem : strlen(relative)), relative, count,
                 tag, ending);
        bool failed = false;
        if (add_name(set, name, &failed))
            return name;
        if (failed)
            return NULL;
    }
    return NULL;
}

/* ----------------------------------------------------------------- expand */

static bool no_memory(inputs *list)
{
    snprintf(list->error, sizeof list->error, "out of memory for the list of files");
    return false;
}

static char *join(const char *folder, const char *name)
{
    size_t n = strlen(folder), size = n + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : n ? "/" : "", name);
    return path;
}

static bool add_input(inputs *list, const char *path, const char *relative)
{
    if (list->n_items == INT32_MAX)
        return no_memory(list);
    if ((size_t)list->n_items == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        input *items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            return no_memory(list);
        list->items = items;
        list->capacity = capacity;
    }
    input item = {strdup(path), strdup(relative)};
    if (!item.path || !item.relative) {
        free(item.path);
        free(item.relative);
        return no_memory(list);
    }
    list->items[list->n_items++] = item;
    return true;
}

static bool looks_like_audio(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The folder's entries without "." and hidden ones, sorted. NULL and errno on failure. */
static char **list_folder(const char *path, size_t *n_names)
{
    DIR *folder = opendir(path);
    char **names = calloc(1, sizeof *names);
    size_t n = 0, capacity = 1;
    bool complete = folder && names;
    for (struct dirent *entry; complete && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        if (n == capacity) {
            char **wider = realloc(names, capacity * 2 * sizeof *names);
            complete = wider != NULL;
            names = wider ? wider : names;
            capacity *= 2;
        }
        if (complete && (names[n] = strdup(entry->d_name)))
            n++;
        else
            complete = false;
    }
    int reason = errno;
    if (folder)
        closedir(folder);
    if (!complete) {
        for (size_t i = 0; names && i < n; i++)
            free(names[i]);
        free(names);
        errno = reason;
        return NULL;
    }
    qsort(names, n, sizeof *names, by_name);
    *n_names = n;
    return names;
}

static bool walk(inputs *list, name_set *seen, const char *path, const char *relative, int depth)
{
    struct stat st;
    char identity[48];
    bool failed = false;
    if (depth > DEPTH_MAX || stat(path, &st) != 0)
        return true;
    snprintf(identity, sizeof identity, "%llx:%llx", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    char *copy = strdup(identity);
    if (!copy || !add_name(seen, copy, &failed))
        return copy && !failed ? true : no_memory(list);
    size_t n_names = 0;
    char **names = list_folder(path, &n_names);
    if (!names) {
        snprintf(list->error, sizeof list->error, "%.300s: cannot read the folder: %s", path, strerror(errno));
        return false;
    }
    bool fine = true;
    for (size_t i = 0; i < n_names; i++) {
        char *below = fine ? join(path, names[i]) : NULL, *named = fine ? join(relative, names[i]) : NULL;
        if (fine && (!below || !named))
            fine = no_memory(list);
        else if (fine && stat(below, &st) == 0 && S_ISDIR(st.st_mode))
            fine = walk(list, seen, below, named, depth + 1);
        else if (fine && looks_like_audio(names[i]))
            fine = add_input(list, below, named);
        free(below);
        free(named);
        free(names[i]);
    }
    free(names);
    return fine;
}

bool inputs_expand(inputs *list, char **operands, int n_operands)
{
    *list = (inputs){.several = n_operands > 1};
    int n_stdin = 0;
    for (int i = 0; i < n_operands; i++) {
        struct stat st;
        if (strcmp(operands[i], "-") == 0 && ++n_stdin > 1) {
            snprintf(list->error, sizeof list->error, "standard input ('-') is given twice");
            return false;
        }
        if (strcmp(operands[i], "-") == 0 || stat(operands[i], &st) != 0 || !S_ISDIR(st.st_mode)) {
            const char *slash = strrchr(operands[i], '/');
            if (!add_input(list, operands[i], slash ? slash + 1 : operands[i]))
                return false;
            continue;
        }
        int32_t before = list->n_items;
        name_set seen = {0};
        bool fine = walk(list, &seen, operands[i], "", 0);
        name_set_free(&seen);
        list->several = true;
        if (fine && list->n_items == before) {
            snprintf(list->error, sizeof list->error, "%.300s: no audio files in this folder", operands[i]);
            fine = false;
        }
        if (!fine)
            return false;
    }
    return true;
}

void inputs_free(inputs *list)
{
    for (int32_t i = 0; i < list->n_items; i++) {
        free(list->items[i].path);
        free(list->items[i].relative);
    }
    free(list->items);
    list->items = NULL;
    list->n_items = 0;
}
