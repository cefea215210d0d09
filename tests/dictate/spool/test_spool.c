/* SPDX-License-Identifier: MIT
 * Sound on disk: what is written is read, whatever happens in between. */
#define _GNU_SOURCE
#include "spool_kit.h"

#include <sys/resource.h>

static char folder[300], error[SPOOL_ERROR];

static void begin(void)
{
    char above[250];
    kit_make_folder(above, sizeof above);
    snprintf(folder, sizeof folder, "%s/spool", above);
    error[0] = 0;
}

static void end(void)
{
    kit_remove_folder(folder);
    *strrchr(folder, '/') = 0;
    kit_remove_folder(folder);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static spool *create(void)
{
    spool *s = spool_create(folder, &(spoken_as){0}, error);
    if (!s) {
        printf("# %s\n", error);
        abort();
    }
    return s;
}

/* The only item, or none with path NULL. Free it. */
static spool_item only_item(void)
{
    spool_item *items, item = {0};
    int32_t n = spool_list(folder, &items, error);
    if (CHECK_INT(n, 1)) {
        item = items[0];
        items[0].path = NULL;
    }
    spool_items_free(items, n);
    return item;
}

static int32_t n_listed(void)
{
    spool_item *items;
    int32_t n = spool_list(folder, &items, error);
    spool_items_free(items, n);
    return n;
}

static void written_is_read(void)
{
    begin();
    CHECK_INT(n_listed(), 0); /* no folder yet */
    spool *s = create();
    int64_t id = spool_id(s);
    CHECK(id > 0);
    CHECK(kit_write(s, 0, 50001, error));
    spool_close(s);
    spool_item item = only_item();
    CHECK_INT(item.n_samples, 50001);
    CHECK_INT(item.id, id);
    CHECK(item.started_ms > 1600000000000);
    CHECK_STR(item.reason, "recording");
    CHECK_INT(kit_read(item.path), 50001);
    free(item.path);
    end();
}

static void modes_are_private(void)
{
    begin();
    mode_t mask = umask(0);
    spool *s = create();
    CHECK_INT(mode_of(folder), 0700);
    CHECK_INT(mode_of(spool_path(s)), 0600);
    spool_remove(s);
    umask(0777); /* whatever the user's mask takes away is given back */
    s = create();
    umask(mask);
    CHECK_INT(mode_of(spool_path(s)), 0600);
    spool_remove(s);
    /* A folder that is there keeps its mode: it may be anybody's. */
    chmod(folder, 0750);
    s = create();
    CHECK_INT(mode_of(folder), 0750);
    spool_remove(s);
    end();
}

static void names_differ(void)
{
    begin();
    enum { N = 40 };
    spool *all[N];
    for (int i = 0; i < N; i++)
        all[i] = create();
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i; k++)
            CHECK(strcmp(spool_path(all[i]), spool_path(all[k])) != 0 && spool_id(all[i]) != spool_id(all[k]));
    for (int i = 0; i < N; i++)
        spool_close(all[i]);
    CHECK_INT(n_listed(), N);
    end();
}

static void what_is_recorded_now_is_not_listed(void)
{
    begin();
    spool *s = create();
    CHECK(kit_write(s, 0, 1000, error));
    CHECK_INT(n_listed(), 0);
    CHECK(!spool_forget(spool_path(s), error));
    CHECK(strstr(error, "being recorded") != NULL);
    CHECK(spool_set_reason(s, "cancelled"));
    CHECK_INT(spool_sweep(folder, INT64_MAX / 2, 0), 0);
    CHECK(kit_write(s, 1000, 1000, error));
    spool_close(s);
    spool_item item = only_item();
    CHECK_INT(kit_read(item.path), 2000);
    free(item.path);
    end();
}

static void reasons(void)
{
    static const char *const said[] = {"undelivered", "cancelled", "failed", "", "recording"};
    begin();
    spool *s = create();
    CHECK(kit_write(s, 0, 777, error));
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        CHECK(spool_set_reason(s, said[i]));
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[199] = 0;
    CHECK(spool_set_reason(s, longest));
    spool_close(s);
    spool_item item = only_item();
    CHECK_INT(strlen(item.reason), 63);
    CHECK_INT(kit_read(item.path), 777);
    free(item.path);
    end();
}

static void marks(void)
{
    begin();
    spool *s = create();
    CHECK(kit_write(s, 0, 777, error));
    CHECK(!spool_mark(spool_path(s), "failed", error)); /* it is open */
    CHECK(strstr(error, "recorded") != NULL);
    spool_close(s);
    spool_item item = only_item();
    int64_t id = item.id;
    CHECK(spool_mark(item.path, "failed", error));
    free(item.path);
    item = only_item();
    CHECK_STR(item.reason, "failed");
    CHECK_INT(item.id, id);
    CHECK_INT(kit_read(item.path), 777);
    int fd = open(item.path, O_WRONLY); /* damaged */
    CHECK(fd >= 0 && pwrite(fd, "????", 4, 20) == 4);
    close(fd);
    free(item.path);
    item = only_item();
    CHECK_STR(item.reason, "recording");
    CHECK(spool_mark(item.path, "failed", error));
    free(item.path);
    item = only_item();
    CHECK_STR(item.reason, "failed");
    CHECK_INT(kit_read(item.path), 777);
    free(item.path);
    CHECK(!spool_mark("/nowhere/at/all", "failed", error));
    end();
}

static void removed_is_gone_and_overwritten(void)
{
    begin();
    spool *s = create();
    CHECK(kit_write(s, 0, 100000, error));
    int fd = open(spool_path(s), O_RDONLY); /* what lies where the file was */
    spool_remove(s);
    CHECK_INT(kit_n_files(folder), 0);
    unsigned char bytes[4096];
    int64_t n_other = 0, n_all = 0;
    for (ssize_t n; (n = pread(fd, bytes, sizeof bytes, 128 + n_all)) > 0; n_all += n)
        for (ssize_t i = 0; i < n; i++)
            n_other += bytes[i] != 0;
    CHECK_INT(n_all, 200000);
    CHECK_INT(n_other, 0);
    close(fd);
    s = create();
    CHECK(kit_write(s, 0, 100, error));
    char path[400];
    snprintf(path, sizeof path, "%s", spool_path(s));
    spool_close(s);
    CHECK(spool_forget(path, error));
    CHECK_INT(kit_n_files(folder), 0);
    CHECK(!spool_forget(path, error));
    spool_remove(NULL);
    spool_close(NULL);
    end();
}

static void sweeping(void)
{
    static const char *const said[] = {"cancelled", "failed", "undelivered", "recording"};
    begin();
    for (int i = 0; i < 4; i++) {
        spool *s = create();
        CHECK(kit_write(s, 0, 100, error));
        CHECK(spool_set_reason(s, said[i]));
        spool_close(s);
    }
    spool_item *items;
    CHECK_INT(spool_list(folder, &items, error), 4);
    int64_t now = items[3].started_ms;
    spool_items_free(items, 4);
    CHECK_INT(spool_sweep(folder, now + 60000, 3600), 0);
    CHECK_INT(n_listed(), 4);
    CHECK_INT(spool_sweep(folder, now + 7200000, 3600), 3);
    CHECK_INT(n_listed(), 1); /* what never was text */
    CHECK_INT(spool_sweep("/nowhere/at/all", now, 0), 0);
    end();
}

static void samples_that_are_no_numbers(void)
{
    static const float pcm[] = {NAN, INFINITY, -INFINITY, 2, -2, 1, -1, 0.5F, 1e30F};
    begin();
    spool *s = create();
    CHECK(spool_write(s, pcm, 9, error));
    spool_close(s);
    spool_item item = only_item();
    size_t n;
    float *read = spool_read(item.path, &n, error);
    if (CHECK(read && n == 9)) {
        CHECK(read[0] == 0 && read[1] > 0.999F && read[2] == -1 && read[3] > 0.999F && read[4] == -1);
        CHECK(read[5] > 0.999F && read[6] == -1 && read[7] == 0.5F && read[8] > 0.999F);
    }
    free(read);
    free(item.path);
    end();
}

static void put_file(const char *name, const void *bytes, size_t n)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n)
        abort();
    fclose(f);
}

/* Files that are not ours are neither listed nor touched; links are not followed; a pipe does not stop us. */
static void foreign_files_are_left_alone(void)
{
    begin();
    spool *s = create();
    CHECK(kit_write(s, 0, 10, error));
    char real[400], path[400];
    snprintf(real, sizeof real, "%s/../elsewhere.cspool", folder);
    if (rename(spool_path(s), real) != 0)
        abort();
    spool_close(s);
    char zeros[1000] = {0};
    put_file("notes.txt", "hello", 5);
    put_file("song.cspool", "RIFF....", 8);
    put_file("zeros.cspool", zeros, sizeof zeros);
    put_file("empty.cspool", "", 0);
    put_file(".cspool", zeros, 200);
    snprintf(path, sizeof path, "%s/link.cspool", folder);
    CHECK_INT(symlink("../elsewhere.cspool", path), 0);
    CHECK(!spool_forget(path, error));
    size_t n;
    CHECK(!spool_read(path, &n, error) && n == 0);
    snprintf(path, sizeof path, "%s/pipe.cspool", folder);
    CHECK_INT(mkfifo(path, 0600), 0);
    CHECK(!spool_read(path, &n, error));
    CHECK(strstr(error, "no kept sound") != NULL);
    snprintf(path, sizeof path, "%s/folder.cspool", folder);
    CHECK_INT(mkdir(path, 0700), 0);
    CHECK(!spool_read(path, &n, error));
    CHECK_INT(n_listed(), 0);
    CHECK_INT(spool_sweep(folder, INT64_MAX / 2, 0), 0);
    CHECK_INT(kit_n_files(folder), 8);
    CHECK_INT(kit_read(real), 10);
    end();
}

/* One byte of the header at a time: the sound can be read as long as the file is known as ours. */
static void damaged_headers(void)
{
    begin();
    spool *s = create();
    CHECK(kit_write(s, 0, 500, error));
    CHECK(spool_set_reason(s, "cancelled"));
    char path[400];
    snprintf(path, sizeof path, "%s", spool_path(s));
    spool_close(s);
    int fd = open(path, O_RDWR);
    for (int at = 0; at < 128; at++) {
        unsigned char was, is;
        if (pread(fd, &was, 1, at) != 1)
            abort();
        is = was ^ 0x5A;
        if (pwrite(fd, &is, 1, at) != 1)
            abort();
        if (at < 8) {
            CHECK_INT(n_listed(), 0);
        } else {
            spool_item item = only_item();
            CHECK_INT(item.n_samples, 500);
            CHECK_STR(item.reason, at >= 104 ? "cancelled" : "recording");
            CHECK((item.id == 0) == (at < 36));
            CHECK(item.started_ms > 1600000000000);
            CHECK_INT(item.is_told, at >= 36 && at < 104);
            CHECK_INT(kit_read(item.path), 500);
            free(item.path);
        }
        if (pwrite(fd, &was, 1, at) != 1)
            abort();
    }
    /* every length: below a header it is not ours, then whole samples count */
    for (int size = 128 + 1000; size >= 0; size -= 7) {
        CHECK_INT(ftruncate(fd, size), 0);
        CHECK_INT(n_listed(), size >= 128);
        if (size >= 128)
            CHECK_INT(kit_read(path), (size - 128) / 2);
    }
    close(fd);
    end();
}

static void languages_stay_with_the_sound(void)
{
    static const spoken_as all[] = {
        {"", "", 0}, {"de", "", 1}, {"de", "en", 2}, {"", "fr", 0}, {"zh-Hans1", "zh-Hant1", 2}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        begin();
        spool *s = spool_create(folder, &all[i], error);
        CHECK(s && kit_write(s, 0, 500, error) && spool_set_reason(s, "cancelled"));
        spool_close(s);
        spool_item item = only_item();
        CHECK(spool_mark(item.path, "failed", error)); /* as after a start that could not make text of it */
        free(item.path);
        item = only_item();
        CHECK_STR(item.reason, "failed");
        CHECK(item.is_told);
        CHECK_STR(item.spoken.language, all[i].language);
        CHECK_STR(item.spoken.target, all[i].target);
        CHECK_INT(item.spoken.punctuation, all[i].punctuation);
        CHECK_INT(kit_read(item.path), 500);
        int fd = open(item.path, O_WRONLY); /* as programs without languages wrote it */
        CHECK(fd >= 0 && pwrite(fd, (char[24]){0}, 24, 104) == 24);
        close(fd);
        free(item.path);
        item = only_item();
        CHECK(!item.is_told && !spoken_is_said(&item.spoken));
        CHECK_STR(item.reason, "failed");
        CHECK_INT(kit_read(item.path), 500);
        free(item.path);
        end();
    }
}

static void a_length_that_nobody_spoke(void)
{
    begin();
    spool *s = create();
    char path[400];
    snprintf(path, sizeof path, "%s", spool_path(s));
    spool_close(s);
    CHECK_INT(truncate(path, (off_t)1 << 40), 0);
    size_t n;
    CHECK(!spool_read(path, &n, error) && n == 0);
    CHECK(strstr(error, "12 hours") != NULL);
    CHECK_INT(truncate(path, 128), 0);
    CHECK_INT(kit_read(path), 0);
    end();
}

/* The writer is killed at many moments: what it wrote is listed and right, and it is at least what it said it had written. */
static void a_writer_that_is_killed(void)
{
    begin();
    for (int round = 0; round < 40; round++) {
        int said[2];
        if (pipe(said) != 0)
            abort();
        pid_t child = fork();
        if (child == 0) {
            spool *s = spool_create(folder, &(spoken_as){0}, error);
            int64_t at = 0;
            close(said[0]);
            while (s && kit_write(s, at, KIT_CHUNK, error) && write(said[1], "x", 1) == 1)
                at += KIT_CHUNK;
            _exit(1);
        }
        close(said[1]);
        char marks[64];
        int64_t n_said = 0;
        for (ssize_t n; n_said < 3 + round * 11 && (n = read(said[0], marks, 1)) > 0;)
            n_said += n;
        CHECK(n_said > 0);
        CHECK_INT(n_listed(), 0);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        for (ssize_t n; (n = read(said[0], marks, sizeof marks)) > 0;)
            n_said += n;
        close(said[0]);
        spool_item item = only_item();
        CHECK(item.n_samples >= n_said * KIT_CHUNK && item.n_samples <= (n_said + 1) * KIT_CHUNK);
        CHECK_STR(item.reason, "recording");
        CHECK_INT(kit_read(item.path), item.n_samples);
        CHECK(item.path && spool_forget(item.path, error));
        free(item.path);
    }
    CHECK_INT(kit_n_files(folder), 0);
    end();
}

/* A limit on the file's size stands for a disk that is full: the file ends with the last whole call. */
static void a_file_that_cannot_grow(void)
{
    begin();
    spool *s = create();
    struct rlimit old, limit;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit = old;
    limit.rlim_cur = 128 + 2 * (10 * KIT_CHUNK + 33) + 1;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK(kit_write(s, 0, 10 * KIT_CHUNK, error));
    error[0] = 0;
    CHECK(!kit_write(s, 10 * KIT_CHUNK, KIT_CHUNK, error));
    CHECK(strstr(error, "memory alone") && strstr(error, spool_path(s)));
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
    char first[SPOOL_ERROR];
    memcpy(first, error, sizeof first);
    CHECK(!kit_write(s, 10 * KIT_CHUNK, KIT_CHUNK, error)); /* no hole in the middle, even if there is room again */
    CHECK_STR(error, first);
    CHECK(spool_set_reason(s, "undelivered"));
    spool_close(s);
    spool_item item = only_item();
    CHECK_STR(item.reason, "undelivered");
    CHECK_INT(item.n_samples, 10 * KIT_CHUNK);
    CHECK_INT(kit_read(item.path), 10 * KIT_CHUNK);
    free(item.path);
    end();
}

static void folders_that_cannot_be(void)
{
    begin();
    char path[400];
    kit_remove_folder(folder);
    spool_close(create());
    snprintf(path, sizeof path, "%s", folder);
    put_file("plain", "x", 1);
    snprintf(path, sizeof path, "%s/plain/below", folder);
    CHECK(!spool_create(path, &(spoken_as){0}, error));
    CHECK(strstr(error, "Not a directory") && strstr(error, path));
    snprintf(path, sizeof path, "%s/plain", folder);
    CHECK(!spool_create(path, &(spoken_as){0}, error));
    CHECK(!spool_create("", &(spoken_as){0}, error));
    CHECK(!spool_create("/proc/nowhere/spool", &(spoken_as){0}, error));
    spool_item *items;
    CHECK_INT(spool_list(path, &items, error), -1);
    CHECK(strstr(error, "Not a directory") != NULL);
    end();
}

static void remains_of_a_crash_are_swept(void)
{
    begin();
    spool_close(create());
    spool_item item = only_item();
    uint8_t bytes[128];
    FILE *f = fopen(item.path, "rb");
    CHECK(f && fread(bytes, 1, sizeof bytes, f) == sizeof bytes);
    if (f)
        fclose(f);
    put_file(".new-20260101T000000Z-0123456789abcdef.cspool", bytes, 50);
    spool *s = create();
    CHECK(kit_write(s, 0, 100, error));
    CHECK(spool_set_reason(s, "delivered")); /* as in the middle of spool_remove() */
    spool_close(s);
    CHECK_INT(n_listed(), 1);
    CHECK_INT(spool_sweep(folder, item.started_ms, 0), 0);
    CHECK_INT(kit_n_files(folder), 2); /* an unfinished file may be one that is being made */
    CHECK_INT(spool_sweep(folder, item.started_ms + 7200000, 0), 0);
    CHECK_INT(kit_n_files(folder), 1);
    free(item.path);
    end();
}

int main(void)
{
    RUN(written_is_read);
    RUN(modes_are_private);
    RUN(names_differ);
    RUN(what_is_recorded_now_is_not_listed);
    RUN(reasons);
    RUN(marks);
    RUN(removed_is_gone_and_overwritten);
    RUN(sweeping);
    RUN(samples_that_are_no_numbers);
    RUN(foreign_files_are_left_alone);
    RUN(damaged_headers);
    RUN(languages_stay_with_the_sound);
    RUN(a_length_that_nobody_spoke);
    RUN(a_writer_that_is_killed);
    RUN(a_file_that_cannot_grow);
    RUN(folders_that_cannot_be);
    RUN(remains_of_a_crash_are_swept);
    return check_done();
}
