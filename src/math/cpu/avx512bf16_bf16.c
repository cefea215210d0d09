/* SPDX-License-Identifier: MIT
 * The bf16 kernels for AVX-512 with its bf16 extension: vdpbf16ps adds two products of bf16 to an f32 sum. */
#define LANES     16
#define ROWS      8
#define TILE_VECS 3
#define FEW_SUMS  24
#include "math/cpu/lanes.h"

#include <immintrin.h>

typedef ivec x_form, w_form;

INLINE x_form form_x(ivec x)
{
    return x;
}

INLINE w_form form_w(ivec w)
{
    return w;
}

INLINE vec dot(vec acc, x_form x, w_form w)
{
    return (vec)_mm512_dpbf16_ps((__m512)acc, (__m512bh)x, (__m512bh)w);
}

#include "math/cpu/bf16_set.h"

const csi_narrow_ops csi_bf16_avx512bf16 = NARROW_OPS(avx512bf16);
