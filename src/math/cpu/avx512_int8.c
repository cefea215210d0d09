/* SPDX-License-Identifier: MIT
 *
 * The int8 kernels for AVX-512 without VNNI. vpmaddubsw multiplies unsigned by signed bytes and adds pairs
 * in 16 bits with saturation: |x| times w with the sign of x is at most 2 * 128 * 127, which fits. */
#define LANES       16
#define ROWS        8
#define TILE_VECS   3
#define FEW_SUMS    16
#define FEW_COLUMNS 24
#define BIAS        0
#include "math/cpu/lanes.h"

#include <immintrin.h>

typedef struct x_form {
    __m512i magnitude;
    __mmask64 negative;
} x_form;
typedef struct w_form {
    __m512i w, negative;
} w_form;

INLINE x_form form_x(ivec x)
{
    return (x_form){_mm512_abs_epi8((__m512i)x), _mm512_movepi8_mask((__m512i)x)};
}

INLINE w_form form_w(ivec w)
{
    return (w_form){(__m512i)w, _mm512_sub_epi8(_mm512_setzero_si512(), (__m512i)w)};
}

INLINE ivec dot(ivec acc, x_form x, w_form w)
{
    __m512i turned = _mm512_mask_blend_epi8(x.negative, w.w, w.negative);
    __m512i pairs = _mm512_maddubs_epi16(x.magnitude, turned);
    return acc + (ivec)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}

#include "math/cpu/int8_set.h"

const csi_narrow_ops csi_int8_avx512 = NARROW_OPS(avx512);
