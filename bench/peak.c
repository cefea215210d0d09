/* SPDX-License-Identifier: MIT
 *
 * peak THREADS FRAMES [SECONDS]: how fast this machine multiplies in f32, bf16 and int8, as one line of JSON, in 10^9
 * multiplications and additions a second:
 *
 *   registers        a loop of multiply-adds on registers alone: what the arithmetic units can do
 *   registers_bf16   the same with sums of two products of bf16 (vdpbf16ps); 0 where the CPU has none
 *   registers_int8   the same with sums of four products of bytes (vpdpbusd); 0 where the CPU has none
 *   product          oneDNN's product FRAMES x 1024 x 4096 with packed weights, each call with weights of its own
 *                    out of a set too large for the cache: what a very good library makes of it
 *   product_bf16     the same of bf16 by bf16, results f32; 0 where oneDNN has none for the CPU
 *   product_int8     the same of unsigned by signed bytes, sums in 32 bits
 *
 * The encoder's share of the peak is measured against the best product figure that a run of bench/peers.py saw.
 * DNNL_MAX_CPU_ISA in the environment holds oneDNN to fewer instructions. Each figure is the best slice of about
 * SECONDS / 20 seconds, since other work on the machine only ever lowers it.
 *
 *   cc -O3 -march=native -fopenmp -o peak bench/peak.c -ldnnl        (libdnnl-dev) */
#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INNER = 1024, OUTER = 4096, WEIGHT_SETS = 12, ACCUMULATORS = 24 };

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
typedef float vec __attribute__((vector_size(LANES * 4)));

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success) {
        fprintf(stderr, "peak: %s: oneDNN status %d\n", what, (int)status);
        exit(1);
    }
}

/* The empty assembly keeps every accumulator in a register and the loop from being folded. */
static float spin_registers(long n_rounds)
{
    vec sum[ACCUMULATORS], factor, addend;
    memset(sum, 0, sizeof sum);
    for (int i = 0; i < LANES; i++) {
        factor[i] = 0.999f;
        addend[i] = 0.001f;
    }
    for (long round = 0; round < n_rounds; round++) {
#pragma GCC unroll 24
        for (int i = 0; i < ACCUMULATORS; i++)
            sum[i] = sum[i] * factor + addend;
        __asm__ volatile("" : "+x"(factor), "+x"(addend));
    }
    float total = 0;
    for (int i = 0; i < ACCUMULATORS; i++)
        total += sum[i][0];
    return total;
}

/* Twelve sums, enough for two such instructions at a time; assembly, since GCC spills them otherwise. */
static float spin_registers_int8(long n_rounds)
{
    for (long round = 0; round < n_rounds; round++) {
#if defined(__AVX512VNNI__)
#define DOT(i) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #i "\n\t"
#elif defined(__AVXVNNI__)
#define DOT(i) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #i "\n\t"
#endif
#if defined(DOT)
        __asm__ volatile(DOT(0) DOT(1) DOT(2) DOT(3) DOT(4) DOT(5) DOT(6) DOT(7) DOT(8) DOT(9) DOT(10) DOT(11)::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                               "xmm11");
#endif
    }
    return 0;
}

static float spin_registers_bf16(long n_rounds)
{
    for (long round = 0; round < n_rounds; round++) {
#if defined(__AVX512BF16__)
#undef DOT
#define DOT(i) "vdpbf16ps %%zmm14, %%zmm15, %%zmm" #i "\n\t"
        __asm__ volatile(DOT(0) DOT(1) DOT(2) DOT(3) DOT(4) DOT(5) DOT(6) DOT(7) DOT(8) DOT(9) DOT(10) DOT(11)::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                               "xmm11");
#endif
    }
    return 0;
}

#if defined(__AVX512BF16__)
enum { BF16_OPERATIONS = 2 * 32 * 12 }; /* of a round */
#else
enum { BF16_OPERATIONS = 0 };
#endif

#if defined(__AVX512VNNI__)
enum { INT8_OPERATIONS = 2 * 64 * 12 }; /* of a round */
#elif defined(__AVXVNNI__)
enum { INT8_OPERATIONS = 2 * 32 * 12 };
#else
enum { INT8_OPERATIONS = 0 };
#endif

static double measure_registers(float (*spin)(long), double operations, int n_threads, double seconds)
{
    const long n_rounds = 2000000;
    double best = 0, until = now_seconds() + seconds;
    volatile float sink = 0;
    while (now_seconds() < until) {
        double started = now_seconds();
#pragma omp parallel num_threads(n_threads)
        {
            float total = spin(n_rounds);
#pragma omp critical
            sink += total;
        }
        double rate = 1e-9 * operations * (double)n_rounds * n_threads / (now_seconds() - started);
        if (rate > best)
            best = rate;
    }
    return best;
}

static dnnl_memory_t make_memory(const dnnl_memory_desc_t *description, dnnl_engine_t engine)
{
    dnnl_memory_t memory;
    must(dnnl_memory_create(&memory, description, engine, DNNL_MEMORY_ALLOCATE), "memory");
    void *data;
    must(dnnl_memory_map_data(memory, &data), "map");
    size_t size = dnnl_memory_desc_get_size(description);
    if (description->data_type == dnnl_f32)
        for (size_t i = 0; i < size / sizeof(float); i++)
            ((float *)data)[i] = 0.001f * (float)(i % 911);
    else
        memset(data, 0x3c, size); /* 0.0115 in bf16, 60 in bytes */
    must(dnnl_memory_unmap_data(memory, data), "unmap");
    return memory;
}

/* Types of the two factors and of the result. 0: oneDNN has no such product here. */
static double measure_product(int n_frames, dnnl_data_type_t left, dnnl_data_type_t right, dnnl_data_type_t sum,
                              double seconds)
{
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    must(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");

    dnnl_memory_desc_t a, b, c;
    must(dnnl_memory_desc_init_by_tag(&a, 2, (dnnl_dims_t){n_frames, INNER}, left, dnnl_ab), "a");
    must(dnnl_memory_desc_init_by_tag(&b, 2, (dnnl_dims_t){INNER, OUTER}, right, dnnl_format_tag_any), "b");
    must(dnnl_memory_desc_init_by_tag(&c, 2, (dnnl_dims_t){n_frames, OUTER}, sum, dnnl_ab), "c");
    dnnl_matmul_desc_t description;
    must(dnnl_matmul_desc_init(&description, &a, &b, NULL, &c), "matmul");
    dnnl_primitive_desc_t chosen;
    dnnl_status_t status = dnnl_primitive_desc_create(&chosen, &description, NULL, engine, NULL);
    if (status == dnnl_unimplemented) {
        dnnl_stream_destroy(stream);
        dnnl_engine_destroy(engine);
        return 0;
    }
    must(status, "matmul choice");
    dnnl_primitive_t product;
    must(dnnl_primitive_create(&product, chosen), "matmul primitive");

    const dnnl_memory_desc_t *packed = dnnl_primitive_desc_query_md(chosen, dnnl_query_weights_md, 0);
    dnnl_memory_t source = make_memory(&a, engine), target = make_memory(&c, engine), weights[WEIGHT_SETS];
    for (int i = 0; i < WEIGHT_SETS; i++)
        weights[i] = make_memory(packed, engine);

    double best = 0, until = now_seconds() + seconds;
    while (now_seconds() < until) {
        double started = now_seconds();
        for (int i = 0; i < WEIGHT_SETS; i++) {
            dnnl_exec_arg_t arguments[] = {
                {DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, weights[i]}, {DNNL_ARG_DST, target}};
            must(dnnl_primitive_execute(product, stream, 3, arguments), "execute");
        }
        must(dnnl_stream_wait(stream), "wait");
        double rate = 2e-9 * n_frames * INNER * OUTER * WEIGHT_SETS / (now_seconds() - started);
        if (rate > best)
            best = rate;
    }

    for (int i = 0; i < WEIGHT_SETS; i++)
        dnnl_memory_destroy(weights[i]);
    dnnl_memory_destroy(source);
    dnnl_memory_destroy(target);
    dnnl_primitive_destroy(product);
    dnnl_primitive_desc_destroy(chosen);
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
    return best;
}

int main(int argc, char **argv)
{
    int n_threads = argc > 1 ? atoi(argv[1]) : 0, n_frames = argc > 2 ? atoi(argv[2]) : 0;
    double seconds = argc > 3 ? atof(argv[3]) : 2;
    if (n_threads < 1 || n_frames < 1 || !(seconds > 0)) {
        fprintf(stderr, "usage: peak THREADS FRAMES [SECONDS]\n");
        return 2;
    }
    omp_set_num_threads(n_threads);
    const dnnl_version_t *version = dnnl_version();
    double share = seconds / 6;
    double registers = measure_registers(spin_registers, 2.0 * LANES * ACCUMULATORS, n_threads, share);
    double registers_int8 = measure_registers(spin_registers_int8, INT8_OPERATIONS, n_threads, share);
    double registers_bf16 = measure_registers(spin_registers_bf16, BF16_OPERATIONS, n_threads, share);
    double product = measure_product(n_frames, dnnl_f32, dnnl_f32, dnnl_f32, share);
    double product_bf16 = measure_product(n_frames, dnnl_bf16, dnnl_bf16, dnnl_f32, share);
    double product_int8 = measure_product(n_frames, dnnl_u8, dnnl_s8, dnnl_s32, share);
    printf("{\"threads\": %d, \"frames\": %d, \"registers\": %.1f, \"registers_bf16\": %.1f, \"registers_int8\": %.1f, "
           "\"product\": %.1f, \"product_bf16\": %.1f, \"product_int8\": %.1f, \"onednn\": \"%d.%d.%d\"}\n",
           n_threads, n_frames, registers, registers_bf16, registers_int8, product, product_bf16, product_int8,
           version->major, version->minor, version->patch);
    return 0;
}
