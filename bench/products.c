/* SPDX-License-Identifier: MIT
 *
 * products [THREADS [ROUNDS [PATH]]]: the products of our own kernels beside what the machine can do, as a table.
 *
 * For every kind (f32, bf16, int8), shape (outputs x inputs) and number of columns: weights read in 10^9 bytes a second and
 * as a share of `memory`, multiplications and additions in 10^9 a second and as a share of `registers`.
 *
 *   memory      reading 1 GB once with the same threads
 *   registers   a loop of the kind's instruction on registers alone
 *
 * Then self attention of 8 heads of 128 over some numbers of frames: its three products of frames x frames x 128.
 *
 * Each product has weights of its own, out of 1 GB, so that they come from memory as they do in an encoder. Rounds measure
 * everything in turn and the best of each counts, since other work on the machine only ever lowers it.
 *
 * Built by `ninja -C build bench/products` (not by default). x86-64 alone. */
#include "math/ops.h"
#include "reading.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES = READING_BYTES, MOST_COLUMNS = 400, ACCUMULATORS = 12, SPINS = 2000000 };
static const int64_t shapes[][2] = {{4096, 1024}, {1024, 4096}};
static const int64_t columns[] = {1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 26, 32, 40, 48, 150, 400};
static const char *const kind_names[CSI_KINDS] = {"f32", "int8", "bf16"};

static const int64_t frames[] = {13, 138, 400, 3750};
enum { N_SHAPES = CSI_COUNT(shapes), N_COLUMNS = CSI_COUNT(columns), N_FRAMES = CSI_COUNT(frames) };
enum { HEADS = 8, HEAD_WIDTH = 128, D = HEADS * HEAD_WIDTH };

typedef struct bench {
    csi_env env;
    csi_pool *pool;
    csi_run run;
    int threads;
    char *block; /* of weights of every kind */
    size_t at;   /* where the next weights are taken */
    float *x, *y, *scale;
    int32_t *sum;
    csi_narrow_panels narrow[CSI_KINDS];
    double memory, registers[CSI_KINDS], best[CSI_KINDS][N_SHAPES][N_COLUMNS],
        attention[2][N_FRAMES]; /* 10^9 a second; products: calls a second */
} bench;

static double now_seconds(void)
{
    return 1e-9 * (double)csi_now_ns();
}

static void keep_best(double *best, double met)
{
    *best = CSI_MAX(*best, met);
}

/* ------------------------------------------------------------------ the machine */

#define TWELVE(I)                                                                                             \
    I(0)                                                                                                      \
    "\n\t" I(1) "\n\t" I(2) "\n\t" I(3) "\n\t" I(4) "\n\t" I(5) "\n\t" I(6) "\n\t" I(7) "\n\t" I(8) "\n\t" I( \
        9) "\n\t" I(10) "\n\t" I(11)
#define SPIN(name, I)                                                                                              \
    static void name(void *context, int slice, int worker)                                                         \
    {                                                                                                              \
        (void)context, (void)slice, (void)worker;                                                                  \
        for (int i = 0; i < SPINS; i++)                                                                            \
            __asm__ volatile(TWELVE(I)::                                                                           \
                                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
                                   "xmm10", "xmm11");                                                              \
    }
#define FMA_512(i)  "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #i
#define BF16_512(i) "vdpbf16ps %%zmm14, %%zmm15, %%zmm" #i
#define INT8_512(i) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #i
#define FMA_256(i)  "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i
#define INT8_256(i) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #i
SPIN(spin_fma_512, FMA_512)
SPIN(spin_bf16_512, BF16_512)
SPIN(spin_int8_512, INT8_512)
SPIN(spin_fma_256, FMA_256)
SPIN(spin_int8_256, INT8_256)

/* operations: of one instruction. Two instructions stand in for one that a set lacks: f32's. */
static void measure_registers(bench *b, csi_kind kind)
{
    const csi_ops *ops = b->run.ops;
    const bool wide = ops->path == CSI_CPU_AVX512, dot = csi_cpu_has_dot(ops->path), bf16 = csi_cpu_has_bf16(ops->path);
    csi_slice_fn fn = wide ? spin_fma_512 : spin_fma_256;
    double operations = wide ? 32 : 16;
    if (kind == CSI_KIND_BF16 && bf16) {
        fn = spin_bf16_512;
        operations = 64;
    } else if (kind == CSI_KIND_INT8 && dot) {
        fn = wide ? spin_int8_512 : spin_int8_256;
        operations = wide ? 128 : 64;
    }
    double started = now_seconds();
    csi_pool_run(b->pool, b->threads, b->threads, fn, b);
    keep_best(&b->registers[kind], 1e-9 * operations * ACCUMULATORS * SPINS * b->threads / (now_seconds() - started));
}

/* ------------------------------------------------------------------- the products */

static size_t weight_bytes(csi_kind kind, const int64_t shape[2])
{
    return (size_t)shape[0] * (size_t)(kind == CSI_KIND_F32 ? shape[1] : csi_narrow_words(kind, shape[1])) * 4;
}

static void measure_product(bench *b, csi_kind kind, int s, int c)
{
    const int64_t *shape = shapes[s];
    const size_t bytes = weight_bytes(kind, shape);
    const int64_t words = csi_narrow_words(kind, shape[1]);
    int calls = (int)CSI_MAX(1, (int64_t)(BLOCK_BYTES / 8 / bytes) / CSI_MAX(1, columns[c] / 8));
    double started = now_seconds();
    for (int i = 0; i < calls; i++) {
        b->at = b->at + bytes > BLOCK_BYTES ? 0 : b->at;
        const void *w = b->block + b->at;
        b->at += bytes;
        const csi_narrow narrow = {kind, w, b->scale, b->sum, shape[0], shape[1], words};
        csi_linear l = csi_dense(w, b->scale, shape[0], shape[1], b->x, b->y, columns[c]);
        if (kind != CSI_KIND_F32) {
            l.narrow = &narrow;
            l.narrow_x = b->narrow[kind];
        }
        csi_linear_run(&b->run, &l, 1);
    }
    keep_best(&b->best[kind][s][c], calls / (now_seconds() - started));
}

/* Out of the block: its small numbers do for queries, keys, values and positions. */
static void measure_attention(bench *b, bool words, int f)
{
    const int64_t n = frames[f], panels = csi_panels(n), size = panels * D * CSI_PANEL;
    float *at = (float *)(void *)b->block;
    int32_t *first = (int32_t *)(void *)(at + 6 * size), *end = first + n;
    memset(first, 0, (size_t)n * sizeof *first);
    for (int64_t i = 0; i < n; i++)
        end[i] = (int32_t)n;
    csi_attention a = {.q = at,
                       .k = at + size,
                       .v = at + 2 * size,
                       .p = at + 3 * size,
                       .out = at + 5 * size,
                       .d = D,
                       .reach = panels,
                       .bias_u = at,
                       .bias_v = at,
                       .n_heads = HEADS,
                       .head_width = HEAD_WIDTH,
                       .n_queries = n,
                       .n_keys = n,
                       .first = first,
                       .end = end,
                       .scale = 0.088f};
    if (words) {
        a.k_words = (const uint32_t *)(const void *)a.k;
        a.v_words = (const uint32_t *)(const void *)a.v;
        a.p_words = (const uint32_t *)(const void *)a.p;
    }
    const int calls = (int)CSI_MAX(1, 400000 / (n * n));
    double started = now_seconds();
    for (int i = 0; i < calls; i++)
        csi_attention_run(&b->run, &a, 1);
    keep_best(&b->attention[words][f], 6e-9 * calls * (double)(n * n * D) / (now_seconds() - started));
}

static void report(const bench *b)
{
    printf("memory %.1f GB/s; registers", b->memory);
    for (int kind = 0; kind < CSI_KINDS; kind++)
        printf(" %s %.0f", kind_names[kind], b->registers[kind]);
    printf(" Gop/s; %d threads, path %s (%s, %s)\n", b->threads, csi_cpu_name(b->run.ops->path),
           b->run.ops->narrow[CSI_KIND_INT8]->name, b->run.ops->narrow[CSI_KIND_BF16]->name);
    printf("%-5s %-11s %7s %8s %7s %9s %10s\n", "kind", "shape", "columns", "GB/s", "memory", "Gop/s", "registers");
    for (int kind = 0; kind < CSI_KINDS; kind++)
        for (int s = 0; s < N_SHAPES; s++)
            for (int c = 0; c < N_COLUMNS; c++) {
                double rate = b->best[kind][s][c],
                       bytes = 1e-9 * rate * (double)weight_bytes((csi_kind)kind, shapes[s]);
                double operations = 2e-9 * rate * (double)(shapes[s][0] * shapes[s][1] * columns[c]);
                printf("%-5s %4lld x %-4lld %7lld %8.1f %6.0f%% %9.0f %9.0f%%\n", kind_names[kind],
                       (long long)shapes[s][0], (long long)shapes[s][1], (long long)columns[c], bytes,
                       100 * bytes / b->memory, operations, 100 * operations / b->registers[kind]);
            }
    for (int words = 0; words < 2; words++)
        for (int f = 0; f < N_FRAMES; f++) {
            const csi_kind kind = words ? CSI_KIND_BF16 : CSI_KIND_F32;
            const double rate = b->attention[words][f];
            printf("%-5s attention   %7lld %16s %9.0f %9.0f%%\n", kind_names[kind], (long long)frames[f], "", rate,
                   100 * rate / b->registers[kind]);
        }
}

static void *take(bench *b, size_t n, size_t size)
{
    void *p = csi_alloc_zero(&b->env, n * size);
    if (!p) {
        fputs("products: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static void prepare(bench *b)
{
    const size_t rows = 4096, lanes = (size_t)csi_panels(MOST_COLUMNS) * CSI_PANEL;
    void *all;
    b->block = csi_alloc_huge(&b->env, BLOCK_BYTES, &all);
    if (!b->block) {
        fputs("products: out of memory\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < BLOCK_BYTES / 4; i++) /* a small number in each kind */
        ((uint32_t *)(void *)b->block)[i] = 0x3C003C00 | (uint32_t)(i & 0x7F) * 0x00010001;
    b->x = take(b, rows * lanes, sizeof *b->x);
    b->y = take(b, rows * lanes, sizeof *b->y);
    b->scale = take(b, CSI_MAX(rows, lanes), sizeof *b->scale);
    b->sum = take(b, rows, sizeof *b->sum);
    for (int kind = CSI_KIND_INT8; kind < CSI_KINDS; kind++)
        b->narrow[kind] = (csi_narrow_panels){take(b, rows / 2 * lanes, sizeof(uint32_t)), b->scale};
    b->run = (csi_run){.pool = b->pool, .max_threads = b->threads, .scratch_floats = csi_ops_scratch(HEAD_WIDTH)};
    b->run.scratch = take(b, (size_t)b->threads * b->run.scratch_floats, sizeof(float));
}

int main(int argc, char **argv)
{
    static bench b;
    csi_cpu_path path;
    cs_error err = {0};
    b.threads = argc > 1 ? atoi(argv[1]) : csi_physical_cores();
    const int rounds = argc > 2 ? atoi(argv[2]) : 10;
    csi_env_init(&b.env, NULL, NULL, NULL);
    if (b.threads < 1 || rounds < 1 || csi_cpu_choose(argc > 3 ? argv[3] : NULL, &path, &err)
        || csi_pool_create(&b.env, b.threads, &b.pool, &err)) {
        fprintf(stderr, "products: %s\n", err.code ? err.message : "usage: products [THREADS [ROUNDS [PATH]]]");
        return 2;
    }
    prepare(&b);
    const csi_ops *tables[CSI_OPS_MOST];
    const int n = csi_ops_list(path, tables);
    b.run.ops = tables[argc > 4 ? CSI_MIN(atoi(argv[4]), n - 1) : n - 1];
    for (int round = 0; round < rounds; round++) {
        keep_best(&b.memory, reading_rate(b.pool, b.threads, b.block));
        for (int f = 0; f < N_FRAMES; f++) {
            measure_attention(&b, false, f);
            if (b.run.ops->narrow[CSI_KIND_BF16]->attention)
                measure_attention(&b, true, f);
        }
        for (int kind = 0; kind < CSI_KINDS; kind++) {
            measure_registers(&b, (csi_kind)kind);
            for (int s = 0; s < N_SHAPES; s++)
                for (int c = 0; c < N_COLUMNS; c++)
                    measure_product(&b, (csi_kind)kind, s, c);
        }
    }
    report(&b);
    return 0;
}
