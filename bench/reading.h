/* SPDX-License-Identifier: MIT
 * How fast a pool's threads read memory, for programs that put their own figures beside that. */
#ifndef READING_H
#define READING_H

#include "base/base.h"

enum { READING_BYTES = 1 << 30, READING_SLICES = 64 };

typedef uint64_t reading_line __attribute__((vector_size(64)));

#if defined(__x86_64__) && defined(__GLIBC__)
__attribute__((target_clones("avx512f", "avx2", "default"))) /* narrow loads do not reach a core's rate */
#endif
static void
reading_slice(void *block, int slice, int worker)
{
    (void)worker;
    const size_t part = READING_BYTES / READING_SLICES;
    const reading_line *at = (const reading_line *)(const void *)((const char *)block + (size_t)slice * part);
    reading_line a[8];
    memset(a, 0, sizeof a);
    for (size_t i = 0; i < part / sizeof *at; i += 8)
        for (int k = 0; k < 8; k++)
            a[k] |= at[i + (size_t)k];
    for (int k = 1; k < 8; k++)
        a[0] |= a[k];
    __asm__ volatile("" ::"m"(a[0]));
}

/* 10^9 bytes a second, of one pass over a block of READING_BYTES that was written to. */
static inline double reading_rate(csi_pool *pool, int threads, void *block)
{
    uint64_t started = csi_now_ns();
    csi_pool_run(pool, threads, READING_SLICES, reading_slice, block);
    return READING_BYTES / (double)(csi_now_ns() - started);
}

#endif
