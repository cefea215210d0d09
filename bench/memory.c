/* SPDX-License-Identifier: MIT
 *
 * memory THREADS [SECONDS [MIB]]: how fast this machine reads memory, as one line of JSON, in 10^9 bytes a second:
 * {"threads": .., "mib": .., "read": ..}. Each thread adds up its share of a buffer far larger than the cache (1024 MiB
 * unless told), in whole registers, eight sums at a time. The figure is the best pass, since other work only lowers it.
 *
 *   cc -O3 -march=native -fopenmp -o memory bench/memory.c */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint64_t vec __attribute__((vector_size(64)));
enum { SUMS = 8 };

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t add_up(const vec *at, size_t n)
{
    vec sums[SUMS];
    memset(sums, 0, sizeof sums);
    for (size_t i = 0; i + SUMS <= n; i += SUMS)
        for (int k = 0; k < SUMS; k++)
            sums[k] += at[i + (size_t)k];
    uint64_t total = 0;
    for (int k = 0; k < SUMS; k++)
        total += sums[k][0] + sums[k][7];
    return total;
}

int main(int argc, char **argv)
{
    int n_threads = argc > 1 ? atoi(argv[1]) : 0, mib = argc > 3 ? atoi(argv[3]) : 1024;
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    if (n_threads < 1 || mib < 1 || !(seconds > 0)) {
        fprintf(stderr, "usage: memory THREADS [SECONDS [MIB]]\n");
        return 2;
    }
    size_t size = (size_t)mib << 20, n = size / sizeof(vec), share = n / (size_t)n_threads;
    vec *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        fprintf(stderr, "memory: no %d MiB\n", mib);
        return 1;
    }
    madvise(buffer, size, MADV_HUGEPAGE);
    memset(buffer, 1, size);
    double best = 0, until = now_seconds() + seconds;
    volatile uint64_t sink = 0;
    while (now_seconds() < until) {
        double started = now_seconds();
#pragma omp parallel num_threads(n_threads)
        {
            uint64_t total = add_up(buffer + share * (size_t)omp_get_thread_num(), share);
#pragma omp critical
            sink += total;
        }
        double rate = 1e-9 * (double)(share * (size_t)n_threads * sizeof(vec)) / (now_seconds() - started);
        if (rate > best)
            best = rate;
    }
    printf("{\"threads\": %d, \"mib\": %d, \"read\": %.2f}\n", n_threads, mib, best);
    return 0;
}
