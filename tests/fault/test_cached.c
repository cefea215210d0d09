/* SPDX-License-Identifier: MIT
 * A model out of the cache of packed weights is the model, to the bit; and it is not taken for another one, whatever was done to its
 * file. Works on copies. */
#define _XOPEN_SOURCE 700
#include "check.h"
#include "ctrlspeak.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

static const char *models[2], *audio_path;
static char place[] = "/tmp/cs-cached-XXXXXX", folder[64], copy[64], text[4000];

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static bytes read_all(const char *path)
{
    struct stat st;
    bytes b = {0};
    FILE *file = fopen(path, "rb");
    if (file && fstat(fileno(file), &st) == 0 && (b.data = malloc((size_t)st.st_size + 1)))
        b.size = fread(b.data, 1, (size_t)st.st_size, file);
    if (file)
        fclose(file);
    CHECK(b.size > 0);
    return b;
}

static void set_time(long seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds, .tv_nsec = 5}, {.tv_sec = seconds, .tv_nsec = 5}};
    CHECK(utimensat(AT_FDCWD, copy, times, 0) == 0);
}

/* To a new file under the copy's name, of one and the same time. */
static void write_copy(const bytes *b)
{
    unlink(copy);
    FILE *file = fopen(copy, "wb");
    CHECK(file && fwrite(b->data, 1, b->size, file) == b->size);
    if (file)
        fclose(file);
    set_time(1000000);
}

static void empty_the_cache(void)
{
    cs_cache_entry *entries = NULL;
    size_t n = 0;
    CHECK_INT(cs_cache_list(folder, &entries, &n, NULL), CS_OK);
    for (size_t i = 0; i < n; i++)
        CHECK_INT(cs_cache_remove(folder, entries[i].file, NULL), CS_OK);
    cs_cache_list_free(entries);
}

/* How the copy was opened; text: what it heard, with every token and score. */
static const char *open_copy(bool with_cache, cs_precision precision)
{
    static char opened[20];
    cs_model *model = NULL;
    cs_result *result = NULL;
    cs_error err = {0};
    cs_model_options options;
    cs_model_options_init(&options);
    options.precision = precision;
    options.threads = 2;
    options.cache_folder = with_cache ? folder : NULL;
    options.cache_min_bytes = 1;
    if (!CHECK_INT(cs_model_open(copy, &options, &model, &err), CS_OK)
        || !CHECK_INT(cs_transcribe_file(model, audio_path, NULL, NULL, &result, &err), CS_OK)) {
        printf("# %s\n", err.message);
        cs_model_close(model);
        return "";
    }
    snprintf(opened, sizeof opened, "%s", cs_model_get_info(model)->opened);
    int at = snprintf(text, sizeof text, "%s|%a|%lld", result->text, result->score,
                      (long long)cs_model_get_info(model)->weight_bytes);
    for (int32_t i = 0; i < result->n_tokens && at < (int)sizeof text; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "|%d %a %a", (int)result->tokens[i].id,
                       (double)result->tokens[i].logprob, (double)result->tokens[i].confidence);
    cs_result_free(result);
    cs_model_close(model);
    return opened;
}

static void same_to_the_bit(void)
{
    char plain[sizeof text];
    for (size_t i = 0; i < 2; i++) {
        bytes model = read_all(models[i]);
        empty_the_cache();
        write_copy(&model);
        CHECK_STR(open_copy(false, CS_PRECISION_INT8), "packed now");
        strcpy(plain, text);
        CHECK(strlen(plain) > 100);
        CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
        CHECK_STR(text, plain);
        CHECK_STR(open_copy(true, CS_PRECISION_INT8), "from the cache");
        CHECK_STR(text, plain);
        CHECK_STR(open_copy(true, CS_PRECISION_F32), "mapped");
        CHECK_STR(open_copy(true, CS_PRECISION_AUTO), "mapped"); /* small */
        free(model.data);
    }
}

static void another_time_is_another_model(void)
{
    bytes model = read_all(models[0]);
    empty_the_cache();
    write_copy(&model);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
    set_time(1000001);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
    set_time(1000000);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "from the cache");
    write_copy(&model); /* the same bytes in a new file of the same time */
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "from the cache");
    free(model.data);
}

/* The offset behind the n-th of a mark, 0: none. */
static size_t find(const bytes *b, const char *mark, size_t n)
{
    for (size_t i = 0; i + 60 < b->size; i++)
        if (memcmp(b->data + i, mark, 4) == 0 && n-- == 0)
            return i + 4;
    return 0;
}

/* A CRC-32 stands for the bytes of a tensor: with another one it is another model. */
static void another_checksum_is_another_model(void)
{
    bytes model = read_all(models[0]);
    empty_the_cache();
    write_copy(&model);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
    size_t entry = find(&model, "PK\1\2", 10);
    if (CHECK(entry > 0)) {
        model.data[entry + 12] ^= 1;
        write_copy(&model);
        CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
        model.data[entry + 12] ^= 1;
    }
    write_copy(&model);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "from the cache");
    free(model.data);
}

/* Without CRC-32s the file itself has to be the same, and untouched. */
static void without_checksums_the_inode_counts(void)
{
    bytes model = read_all(models[0]);
    empty_the_cache();
    size_t n = 0;
    for (size_t entry; (entry = find(&model, "PK\1\2", n)) > 0; n++)
        memset(model.data + entry + 12, 0, 4);
    CHECK(n > 20);
    write_copy(&model);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "from the cache");
    write_copy(&model);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
    free(model.data);
}

static void a_packed_archive_too(void)
{
    char plain[sizeof text];
    bytes model = read_all(models[0]);
    empty_the_cache();
    write_copy(&model);
    open_copy(false, CS_PRECISION_INT8);
    strcpy(plain, text);
    gzFile file = gzopen(copy, "wb1");
    CHECK(file && gzwrite(file, model.data, (unsigned)model.size) == (int)model.size);
    if (file)
        gzclose(file);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
    CHECK_STR(text, plain);
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "from the cache");
    CHECK_STR(text, plain);
    free(model.data);
}

static void a_damaged_cache_is_made_again(void)
{
    char plain[sizeof text], path[300];
    cs_cache_entry *entries = NULL;
    size_t n = 0;
    bytes model = read_all(models[0]);
    empty_the_cache();
    write_copy(&model);
    open_copy(true, CS_PRECISION_INT8);
    strcpy(plain, text);
    CHECK_INT(cs_cache_list(folder, &entries, &n, NULL), CS_OK);
    CHECK_INT(n, 1);
    snprintf(path, sizeof path, "%s/%s", folder, n ? entries[0].file : "");
    bytes kept = read_all(path);
    for (size_t at = (size_t)2 << 20; at < kept.size; at += kept.size / 64) {
        int fd = open(path, O_WRONLY);
        uint8_t wrong = kept.data[at] ^ 0x40;
        CHECK(pwrite(fd, &wrong, 1, (off_t)at) == 1);
        close(fd);
        CHECK_STR(open_copy(true, CS_PRECISION_INT8), "packed now");
        CHECK_STR(text, plain);
    }
    CHECK_STR(open_copy(true, CS_PRECISION_INT8), "from the cache");
    bytes again = read_all(path);
    CHECK(again.size == kept.size && memcmp(again.data, kept.data, kept.size) == 0); /* no byte depends on chance */
    free(again.data);
    free(kept.data);
    free(model.data);
    cs_cache_list_free(entries);
}

int main(int argc, char **argv)
{
    if (argc < 4 || !mkdtemp(place))
        return 2;
    models[0] = argv[1];
    models[1] = argv[2];
    audio_path = argv[3];
    snprintf(folder, sizeof folder, "%s/packed", place);
    snprintf(copy, sizeof copy, "%s/copy.nemo", place);
    RUN(same_to_the_bit);
    RUN(another_time_is_another_model);
    RUN(another_checksum_is_another_model);
    RUN(without_checksums_the_inode_counts);
    RUN(a_packed_archive_too);
    RUN(a_damaged_cache_is_made_again);
    empty_the_cache();
    unlink(copy);
    rmdir(folder);
    rmdir(place);
    return check_done();
}
