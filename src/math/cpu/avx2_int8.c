/* SPDX-License-Identifier: MIT
 *
 * The int8 kernels for AVX2 without AVX-VNNI. vpmaddubsw multiplies unsigned by signed bytes and adds
 * pairs in 16 bits with saturation: |x| times w with the sign of x is at most 2 * 128 * 127, which fits. */
#define LANES       8
#define ROWS        4
#define TILE_VECS   2
#define FEW_SUMS    8
#define FEW_COLUMNS 24
#define BIAS        0
#include "math/cpu/lanes.h"

#include <immintrin.h>

typedef struct x_form {
    __m256i signs, magnitude;
} x_form;
typedef __m256i w_form;

INLINE x_form form_x(ivec x)
{
    return (x_form){(__m256i)x, _mm256_abs_epi8((__m256i)x)};
}

INLINE w_form form_w(ivec w)
{
    return (__m256i)w;
}

INLINE ivec dot(ivec acc, x_form x, w_form w)
{
    __m256i pairs = _mm256_maddubs_epi16(x.magnitude, _mm256_sign_epi8(w, x.signs));
    return acc + (ivec)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

#include "math/cpu/int8_set.h"

const csi_narrow_ops csi_int8_avx2 = NARROW_OPS(avx2);
