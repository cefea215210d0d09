/* SPDX-License-Identifier: MIT
 * The int8 kernels for AVX2 with AVX-VNNI: vpdpbusd adds four products of unsigned and signed bytes. */
#define LANES       8
#define ROWS        4
#define TILE_VECS   3
#define FEW_SUMS    12
#define FEW_COLUMNS 24
#define BIAS        128
#include "math/cpu/lanes.h"

#include <immintrin.h>

typedef ivec x_form, w_form;

/* From memory, so that the constant takes no register: a tile of 4 x 3 sums, 3 vectors of x and a word of weights fill
 * all 16. */
INLINE x_form form_x(ivec x)
{
    static const uint64_t bias[4]
        __attribute__((aligned(32))) = {0x8080808080808080, 0x8080808080808080, 0x8080808080808080, 0x8080808080808080};
    __asm__("vpxor %1, %0, %0" : "+x"(x) : "m"(bias));
    return x;
}

INLINE w_form form_w(ivec w)
{
    return w;
}

INLINE ivec dot(ivec acc, x_form x, w_form w)
{
    return (ivec)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)x, (__m256i)w);
}

#include "math/cpu/int8_set.h"

const csi_narrow_ops csi_int8_avxvnni = NARROW_OPS(avxvnni);
