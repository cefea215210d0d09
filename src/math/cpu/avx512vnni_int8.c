/* SPDX-License-Identifier: MIT
 * The int8 kernels for AVX-512 with VNNI: vpdpbusd adds four products of unsigned and signed bytes. */
#define LANES       16
#define ROWS        8
#define TILE_VECS   3
#define FEW_SUMS    28
#define FEW_COLUMNS 42
#define BIAS        128
#include "math/cpu/lanes.h"

#include <immintrin.h>

typedef ivec x_form, w_form;

/* The vector is kept from the compiler's sight, which would else turn the sign of a word before it is broadcast: three
 * instructions out of general registers in place of a load that broadcasts. */
INLINE x_form form_x(ivec x)
{
    __asm__("" : "+v"(x));
    return x ^ (int32_t)0x80808080;
}

INLINE w_form form_w(ivec w)
{
    return w;
}

INLINE ivec dot(ivec acc, x_form x, w_form w)
{
    return (ivec)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)x, (__m512i)w);
}

#include "math/cpu/int8_set.h"

const csi_narrow_ops csi_int8_avx512vnni = NARROW_OPS(avx512vnni);
