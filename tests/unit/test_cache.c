/* SPDX-License-Identifier: MIT
 * The cache of packed weights: what is put is got, and nothing else is: whatever the file became, whoever it belongs to, however
 * its writer ended. */
#define _GNU_SOURCE
#include "check.h"
#include "engine/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 3 * (1 << 20) + 321 };

static char place[] = "/tmp/cs-cache-XXXXXX", folder[64], path[200];
static csi_env env;
static csi_cache cache;
static uint8_t *block;
static int told;

static void on_log(void *user, cs_log_level level, const char *part, const char *text)
{
    (void)user, (void)part, (void)text;
    told += level <= CS_LOG_INFO;
}

/* An empty place, and a cache in it of which nothing is there yet. */
static void begin(void)
{
    char name[2 * CSI_CACHE_KEY + 8], command[100];
    snprintf(command, sizeof command, "rm -rf '%s'/*", place);
    CHECK(system(command) == 0);
    snprintf(folder, sizeof folder, "%s/a/b", place);
    cache = (csi_cache){.env = &env,
                        .folder = folder,
                        .max_bytes = 1 << 30,
                        .min_bytes = 1,
                        .model = "talk\n\xff",
                        .precision = "int8"};
    for (size_t i = 0; i < sizeof cache.key; i++)
        cache.key[i] = (uint8_t)(i * 7 + 1);
    csi_cache_name(cache.key, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    told = 0;
}

static bool got(void)
{
    csi_cached found;
    bool hit = csi_cache_get(&cache, SIZE, &found);
    if (hit)
        CHECK(found.size == SIZE && memcmp(found.block, block, SIZE) == 0 && (uintptr_t)found.block % 64 == 0);
    else
        CHECK(!found.block);
    csi_cache_release(&found);
    return hit;
}

static void put(void)
{
    enum { SOME = SIZE / 3 };
    csi_draft draft;
    csi_cache_begin(&cache, SIZE, &draft);
    csi_cache_write(&draft, block + SOME, SIZE - SOME, SOME); /* in any order */
    csi_cache_write(&draft, block, SOME, 0);
    csi_cache_end(&draft, block);
}

static bool is_there(const char *name)
{
    struct stat st;
    return lstat(name, &st) == 0;
}

static int n_files(void)
{
    cs_cache_entry *entries = NULL;
    size_t n = 0;
    CHECK_INT(cs_cache_list(folder, &entries, &n, NULL), CS_OK);
    cs_cache_list_free(entries);
    return (int)n;
}

/* Temporaries and all. */
static int n_names(void)
{
    char command[100];
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *pipe = popen(command, "r");
    int n = -1;
    if (pipe && fscanf(pipe, "%d", &n) != 1)
        n = -1;
    if (pipe)
        pclose(pipe);
    return n;
}

static void change(off_t at, int by)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    CHECK(pread(fd, &byte, 1, at) == 1);
    byte = (uint8_t)(byte ^ by);
    CHECK(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

static void what_is_put_is_got(void)
{
    struct stat st;
    cs_cache_entry *entries = NULL;
    size_t n = 0;
    begin();
    CHECK(!got());
    CHECK_INT(told, 0);
    put();
    CHECK(got());
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_size == SIZE + (off_t)CSI_CACHE_BLOCK);
    CHECK(stat(folder, &st) == 0 && (st.st_mode & 07777) == 0700);
    CHECK_INT(n_names(), 1);
    CHECK_INT(cs_cache_list(folder, &entries, &n, NULL), CS_OK);
    if (CHECK_INT(n, 1)) {
        CHECK_STR(entries->model, "talk??"); /* as a terminal may see it */
        CHECK_STR(entries->precision, "int8");
        CHECK_STR(entries->file, strrchr(path, '/') + 1);
        CHECK_INT(entries->bytes, SIZE + (int64_t)CSI_CACHE_BLOCK);
    }
    cs_cache_list_free(entries);
    CHECK_INT(told, 0);
}

static void another_key_or_size_is_not_there(void)
{
    csi_cached found;
    begin();
    put();
    CHECK(!csi_cache_get(&cache, SIZE - 64, &found));
    CHECK(!is_there(path)); /* same key, another size: damaged */
    put();
    cache.key[31] ^= 1;
    CHECK(!got());
    cache.key[31] ^= 1;
    CHECK(got());
}

static void every_byte_of_the_header_counts(void)
{
    begin();
    for (size_t i = 0; i < sizeof(csi_cache_header); i++) {
        put();
        change((off_t)i, 1 << i % 8);
        csi_cached found;
        if (csi_cache_get(&cache, SIZE, &found)) {
            printf("# byte %zu of the header\n", i);
            CHECK(!"a changed header is refused");
        }
        csi_cache_release(&found);
        if (is_there(path)) {
            CHECK(!"and removed");
            break;
        }
    }
    put();
    CHECK(got());
}

static void what_is_dropped_leaves_no_trace(void)
{
    csi_draft draft;
    begin();
    csi_cache_begin(&cache, SIZE, &draft);
    CHECK_INT(n_names(), 1);
    csi_cache_write(&draft, block, SIZE / 2, 0);
    csi_cache_drop(&draft);
    CHECK_INT(n_names(), 0);
    csi_cache_write(&draft, block, SIZE / 2, 0); /* nothing any more */
    csi_cache_end(&draft, block);
    CHECK_INT(n_names(), 0);
    CHECK_INT(told, 0);
}

static void every_part_of_the_block_counts(void)
{
    static const off_t places[] = {0,       1,       63,         64,        4095,    4096, (1 << 20) - 1,
                                   1 << 20, 2000000, SIZE - 322, SIZE - 64, SIZE - 1};
    begin();
    for (size_t i = 0; i < CSI_COUNT(places); i++) {
        put();
        change((off_t)CSI_CACHE_BLOCK + places[i], 1 << i % 8);
        CHECK(!got());
        CHECK(!is_there(path));
    }
    CHECK(told == (int)CSI_COUNT(places));
}

/* Two flips of one bit in words of the same lane, which a plain product of sums would let pass. */
static void sums_differ(void)
{
    uint64_t words[64] = {0}, sums[1], plain = csi_cache_sum(words, sizeof words);
    for (int bit = 0; bit < 64; bit++) {
        for (int second = 8; second < 64; second += 8) {
            words[0] = words[second] = UINT64_C(1) << bit;
            CHECK(csi_cache_sum(words, sizeof words) != plain);
            words[0] = words[second] = 0;
        }
    }
    for (size_t n = 0; n < sizeof words; n++)
        CHECK(csi_cache_sum(words, n) != csi_cache_sum(words, n + 1)); /* zeros of another number */
    CHECK(csi_cache_sum_run(NULL, words, sizeof words, sums) != plain);
    CHECK(sums[0] == plain);
}

static void sums_do_not_depend_on_threads(void)
{
    csi_pool *pool = NULL;
    uint64_t sums[8];
    CHECK_INT(csi_cache_sums(SIZE), 4);
    uint64_t alone = csi_cache_sum_run(NULL, block, SIZE, sums);
    CHECK_INT(csi_pool_create(&env, 3, &pool, NULL), CS_OK);
    CHECK(csi_cache_sum_run(pool, block, SIZE, sums) == alone);
    csi_pool_free(pool);
}

static void a_file_cut_short_is_refused(void)
{
    static const off_t sizes[] = {0,
                                  1,
                                  100,
                                  sizeof(csi_cache_header),
                                  4096,
                                  (off_t)CSI_CACHE_BLOCK,
                                  1 << 22,
                                  SIZE + (off_t)CSI_CACHE_BLOCK - 1,
                                  SIZE + (off_t)CSI_CACHE_BLOCK + 1};
    begin();
    for (size_t i = 0; i < CSI_COUNT(sizes); i++) {
        put();
        CHECK(truncate(path, sizes[i]) == 0);
        CHECK(!got());
        CHECK(!is_there(path));
    }
}

static void a_link_is_not_followed(void)
{
    char other[100];
    begin();
    put();
    snprintf(other, sizeof other, "%s/other", place);
    CHECK(rename(path, other) == 0 && symlink(other, path) == 0);
    CHECK(!got());
    put();
    CHECK(got());
    struct stat st;
    CHECK(lstat(path, &st) == 0 && S_ISREG(st.st_mode));
    CHECK(is_there(other));
}

static void what_is_no_file_is_refused(void)
{
    begin();
    CHECK(csi_cache_make_folder(&cache));
    CHECK(mkdir(path, 0700) == 0);
    CHECK(!got());
    put(); /* cannot: a folder is in the way */
    CHECK(!got());
    CHECK_INT(n_names(), 1);
    CHECK(rmdir(path) == 0 && mkfifo(path, 0600) == 0);
    CHECK(!got());
    put();
    CHECK(got());
}

static void what_others_may_write_is_refused(void)
{
    begin();
    put();
    CHECK(chmod(path, 0620) == 0);
    CHECK(!got());
    put();
    CHECK(chmod(folder, 0770) == 0);
    cache.key[0]++;
    put();
    CHECK(!got());
    CHECK(chmod(folder, 0700) == 0);
    put();
    CHECK(got());
    if (geteuid() != 0) {
        printf("# not root: no file of another user to be had\n");
        return;
    }
    cache.key[0]--;
    put();
    CHECK(chown(path, 12345, -1) == 0);
    CHECK(!got());
    CHECK(chown(folder, 12345, -1) == 0);
    put();
    CHECK(!got());
}

static void a_folder_that_cannot_be_made_is_no_error(void)
{
    begin();
    snprintf(folder, sizeof folder, "%s/file/b", place);
    int fd = open(strcat(strcpy(path, place), "/file"), O_CREAT | O_WRONLY, 0600);
    close(fd);
    put();
    CHECK(!got());
    CHECK(told > 0);
    folder[0] = 0;
    put();
    CHECK(!got());
    cache.folder = NULL;
    put();
    CHECK(!got());
    cache.folder = "/proc/no/such";
    put();
    CHECK(!got());
    cs_cache_entry *entries;
    size_t n = 1;
    CHECK_INT(cs_cache_list("/proc/no/such", &entries, &n, NULL), CS_OK);
    CHECK_INT(n, 0);
}

/* A limit on a file's size is as a disk that fills up: the write stops in the middle. */
static void a_full_disk_leaves_nothing(void)
{
    struct rlimit limit, small;
    begin();
    CHECK(csi_cache_make_folder(&cache));
    getrlimit(RLIMIT_FSIZE, &limit);
    small = limit;
    for (rlim_t most = 0; most < SIZE + CSI_CACHE_BLOCK; most += 1000003) {
        small.rlim_cur = most;
        setrlimit(RLIMIT_FSIZE, &small);
        put();
        setrlimit(RLIMIT_FSIZE, &limit);
        CHECK_INT(n_names(), 0);
    }
    CHECK(told > 0);
    put();
    CHECK(got());
}

static void least_recently_used_goes_first(void)
{
    begin();
    cache.max_bytes = 2 * (SIZE + (int64_t)CSI_CACHE_BLOCK) + 100;
    for (uint8_t i = 0; i < 2; i++) {
        cache.key[0] = i;
        put();
        struct timespec times[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        char name[2 * CSI_CACHE_KEY + 8];
        csi_cache_name(cache.key, name);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
    }
    cache.key[0] = 0;
    CHECK(got()); /* used now: 1 is the older one */
    cache.key[0] = 2;
    put();
    CHECK(got());
    CHECK_INT(n_files(), 2);
    cache.key[0] = 1;
    CHECK(!got());
    cache.key[0] = 0;
    CHECK(got());
    put(); /* its own place is free again */
    CHECK_INT(n_files(), 2);
    cache.max_bytes = SIZE + (int64_t)CSI_CACHE_BLOCK - 1;
    cache.key[0] = 3;
    put(); /* fits in no way: what is there stays */
    CHECK_INT(n_files(), 2);
    cache.min_bytes = SIZE + 1;
    CHECK(!csi_cache_keeps(&cache, SIZE));
}

/* Two processes put and get the same; each finds a whole block or none. */
static void processes_at_once(void)
{
    enum { PROCESSES = 3, TIMES = 12 };
    pid_t pids[PROCESSES];
    begin();
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            bool right = true;
            for (int k = 0; k < TIMES; k++) {
                csi_cached found;
                put();
                if (csi_cache_get(&cache, SIZE, &found))
                    right = right && memcmp(found.block, block, SIZE) == 0;
                csi_cache_release(&found);
            }
            _exit(right ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        CHECK(waitpid(pids[i], &status, 0) == pids[i]);
        CHECK_INT(status, 0);
    }
    CHECK(got());
    CHECK_INT(n_names(), 1);
    CHECK_INT(told, 0);
}

/* Killed at any moment: no half file under the name, and what is left is cleaned by the next one. */
static void a_killed_writer_leaves_nothing_for_long(void)
{
    begin();
    CHECK(csi_cache_make_folder(&cache));
    for (int i = 0; i < 20; i++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            for (;;) {
                put();
                unlink(path);
            }
        while (n_names() == 0 && kill(pid, 0) == 0)
            ;
        CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
        if (is_there(path))
            CHECK(got());
        unlink(path);
        CHECK_INT(n_files(), 0);
        CHECK_INT(n_names(), 0);
    }
}

static void a_living_writer_keeps_its_temporary(void)
{
    char temporary[240];
    begin();
    put();
    snprintf(temporary, sizeof temporary, "%s.1-2-3.tmp", path);
    int fd = open(temporary, O_CREAT | O_WRONLY, 0600);
    CHECK(flock(fd, LOCK_EX) == 0);
    CHECK_INT(n_files(), 1);
    CHECK(is_there(temporary));
    close(fd);
    CHECK_INT(n_files(), 1);
    CHECK(!is_there(temporary));
}

static void only_our_files_are_removed(void)
{
    char other[200];
    begin();
    put();
    snprintf(other, sizeof other, "%s/other", folder);
    close(open(other, O_CREAT | O_WRONLY, 0600));
    CHECK_INT(n_files(), 1);
    CHECK_INT(cs_cache_remove(folder, "other", NULL), CS_EINVAL);
    CHECK_INT(cs_cache_remove(folder, "../other", NULL), CS_EINVAL);
    CHECK_INT(cs_cache_remove(folder, strrchr(path, '/') + 1, NULL), CS_OK);
    CHECK(is_there(other));
    CHECK_INT(n_files(), 0);
    CHECK_INT(cs_cache_list(NULL, NULL, NULL, NULL), CS_EINVAL);
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    csi_env_init(&env, NULL, on_log, NULL);
    block = malloc(SIZE);
    if (!block || !mkdtemp(place))
        return 2;
    for (uint32_t i = 0, x = 1; i < SIZE; i++)
        block[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
    RUN(what_is_put_is_got);
    RUN(what_is_dropped_leaves_no_trace);
    RUN(another_key_or_size_is_not_there);
    RUN(every_byte_of_the_header_counts);
    RUN(every_part_of_the_block_counts);
    RUN(sums_differ);
    RUN(sums_do_not_depend_on_threads);
    RUN(a_file_cut_short_is_refused);
    RUN(a_link_is_not_followed);
    RUN(what_is_no_file_is_refused);
    RUN(what_others_may_write_is_refused);
    RUN(a_folder_that_cannot_be_made_is_no_error);
    RUN(a_full_disk_leaves_nothing);
    RUN(least_recently_used_goes_first);
    RUN(processes_at_once);
    RUN(a_killed_writer_leaves_nothing_for_long);
    RUN(a_living_writer_keeps_its_temporary);
    RUN(only_our_files_are_removed);
    free(block);
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", place);
    return system(command) != 0 || check_done();
}
