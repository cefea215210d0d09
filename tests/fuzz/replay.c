/* SPDX-License-Identifier: MIT
 * Runs a fuzz target over the files named, and over every file of the folders named: the ordinary test run replays the
 * seeds and all past findings this way, with any compiler. TAP on stdout, one line an argument. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target gets a block of exactly the file's size, so that a sanitizer sees any read past its end. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
        data = malloc(size ? (size_t)size : 1);
    int ok = data && fread(data, 1, (size_t)size, file) == (size_t)size;
    if (ok)
        LLVMFuzzerTestOneInput(data, (size_t)size);
    else
        printf("# %s: cannot read: %s\n", path, strerror(errno));
    free(data);
    if (file)
        fclose(file);
    return ok;
}

/* Returns the number of files run, or -1. */
static long replay(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return replay_file(path) ? 1 : -1;
    long n_files = 0;
    int ok = 1;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        ok = replay_file(name);
        n_files++;
    }
    closedir(dir);
    return ok ? n_files : -1;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++) {
        long n_files = replay(argv[i]);
        printf("%sok %d - %s: %ld files\n", n_files > 0 ? "" : "not ", i, argv[i], n_files);
        failed |= n_files <= 0;
    }
    printf("1..%d\n", argc - 1);
    return failed;
}
