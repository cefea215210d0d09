/* SPDX-License-Identifier: MIT */
#include "base/base.h"
#include "check.h"

static csi_env env;

static void utf8_round_trip_and_rejects(void)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c < 0xE000)
            continue;
        char text[4];
        uint32_t back = 0;
        int n = csi_utf8_encode(c, text);
        if (csi_utf8_decode(text, (size_t)n, &back) != n || back != c
            || csi_utf8_decode(text, (size_t)n - 1, &back) != 0) {
            CHECK_INT(back, c);
            return;
        }
    }
    uint32_t c;
    CHECK_INT(csi_utf8_decode("\xC0\x80", 2, &c), 0);
    CHECK_INT(csi_utf8_decode("\xED\xA0\x80", 3, &c), 0);
    CHECK_INT(csi_utf8_decode("\xF4\x90\x80\x80", 4, &c), 0);
    CHECK_INT(csi_utf8_decode("\x80", 1, &c), 0);
}

static void messages_are_cut_at_a_character(void)
{
    cs_error err;
    char text[600];
    for (int shift = 0; shift < 4; shift++) {
        memset(text, 'a', sizeof text);
        for (int i = shift; i + 4 < (int)sizeof text; i += 3)
            memcpy(text + i, "\xE2\x96\x81", 3);
        text[sizeof text - 1] = 0;
        CHECK_INT(csi_fail(&err, CS_EIO, 7, "%s", text), CS_EIO);
        uint32_t c;
        for (size_t i = 0, n = strlen(err.message); i < n;) {
            int width = csi_utf8_decode(err.message + i, n - i, &c);
            if (!CHECK(width > 0))
                return;
            i += (size_t)width;
        }
    }
    CHECK_INT(csi_fail(NULL, CS_EINVAL, 0, "nobody reads"), CS_EINVAL);
    char out[8];
    CHECK_STR(csi_printable(out, sizeof out,
                            "a\n\x80"
                            "bcdefgh",
                            10),
              "a??bcde");
}

static void buffer_grows_and_arena_is_aligned(void)
{
    csi_buf buf;
    csi_buf_init(&buf, &env);
    for (int i = 0; i < 1000; i++)
        csi_buf_printf(&buf, "%d,", i);
    CHECK(!buf.failed);
    CHECK_INT(buf.size, 10 * 2 + 90 * 3 + 900 * 4);
    CHECK_INT(strlen(buf.data), buf.size);
    csi_buf_finish(&buf);
    csi_arena arena;
    csi_arena_init(&arena, &env);
    for (size_t n = 0; n < 40000; n += 997) {
        char *memory = csi_arena_alloc(&arena, n);
        CHECK(memory && (uintptr_t)memory % 16 == 0);
        for (size_t i = 0; i < n; i++)
            if (memory[i] != 0) {
                CHECK(!"zeroed");
                break;
            }
        memset(memory, 1, n);
    }
    CHECK(csi_arena_array(&arena, SIZE_MAX / 2, 3) == NULL);
    CHECK_STR(csi_arena_printf(&arena, "%s-%d", "x", 5), "x-5");
    csi_arena_finish(&arena);
}

typedef struct sums {
    atomic_int hits[64];
    atomic_int workers_at_once[8];
    atomic_bool clash;
} sums;

static void slice(void *context, int index, int worker)
{
    sums *s = context;
    if (atomic_fetch_add(&s->workers_at_once[worker], 1) != 0)
        atomic_store(&s->clash, true);
    atomic_fetch_add(&s->hits[index], 1);
    atomic_fetch_sub(&s->workers_at_once[worker], 1);
}

static void pool_runs_every_slice_once(void)
{
    for (int threads = 1; threads <= 4; threads++) {
        csi_pool *pool = NULL;
        CHECK_INT(csi_pool_create(&env, threads, &pool, NULL), CS_OK);
        for (int round = 0; round < 500; round++) {
            sums s = {0};
            int n = round % 64;
            csi_pool_run(pool, round % 5, n, slice, &s);
            for (int i = 0; i < 64; i++)
                if (atomic_load(&s.hits[i]) != (i < n)) {
                    CHECK_INT(atomic_load(&s.hits[i]), i < n);
                    break;
                }
            CHECK(!atomic_load(&s.clash));
        }
        csi_pool_free(pool);
    }
}

static void files_report_what_is_wrong(void)
{
    csi_file file;
    cs_error err;
    CHECK_INT(csi_file_open(&env, "/nonexistent/x", &file, &err), CS_EIO);
    CHECK_STR(err.message, "/nonexistent/x: cannot open: No such file or directory");
    CHECK_INT(csi_file_open(&env, "/", &file, &err), CS_EIO);
    CHECK_STR(err.message, "/: is a directory, expected a file");
    CHECK_INT(csi_file_open(&env, "/dev/null", &file, &err), CS_OK);
    CHECK_INT(file.size, 0);
    csi_file_close(&env, &file);
    CHECK_INT(csi_file_open(&env, "/proc/self/status", &file, &err), CS_OK);
    CHECK(file.size > 10);
    csi_file_close(&env, &file);
}

static void cpu_paths(void)
{
    csi_cpu_path path;
    cs_error err;
    CHECK_INT(csi_cpu_choose(NULL, &path, &err), CS_OK);
    CHECK_INT(path, csi_cpu_best());
    CHECK_INT(csi_cpu_choose("c", &path, &err), CS_OK);
    CHECK_INT(csi_cpu_choose("mmx", &path, &err), CS_EINVAL);
    CHECK(csi_physical_cores() >= 1);
}

int main(void)
{
    csi_env_init(&env, NULL, NULL, NULL);
    RUN(utf8_round_trip_and_rejects);
    RUN(messages_are_cut_at_a_character);
    RUN(buffer_grows_and_arena_is_aligned);
    RUN(pool_runs_every_slice_once);
    RUN(files_report_what_is_wrong);
    RUN(cpu_paths);
    return check_done();
}
