/* SPDX-License-Identifier: MIT
 * The int8 kernels for SSE2: bytes of even and of odd places are widened to 16 bits, then pmaddwd. */
#define LANES       4
#define ROWS        4
#define TILE_VECS   2
#define FEW_SUMS    8
#define FEW_COLUMNS 24
#define BIAS        0
#include "math/cpu/lanes.h"

#include <emmintrin.h>

typedef struct wide {
    __m128i even, odd;
} x_form, w_form;

INLINE struct wide form_x(ivec x)
{
    return (struct wide){_mm_srai_epi16(_mm_slli_epi16((__m128i)x, 8), 8), _mm_srai_epi16((__m128i)x, 8)};
}

INLINE struct wide form_w(ivec w)
{
    return form_x(w);
}

INLINE ivec dot(ivec acc, x_form x, w_form w)
{
    return acc + (ivec)_mm_madd_epi16(x.even, w.even) + (ivec)_mm_madd_epi16(x.odd, w.odd);
}

#include "math/cpu/int8_set.h"

const csi_narrow_ops csi_int8_sse2 = NARROW_OPS(sse2);
