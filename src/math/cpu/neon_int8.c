/* SPDX-License-Identifier: MIT
 * The int8 kernels for every arm64: products in 16 bits, of which two fit, added in pairs and then to 32
 * bits. */
#define LANES       4
#define ROWS        8
#define TILE_VECS   2
#define FEW_SUMS    16
#define FEW_COLUMNS 24
#define BIAS        0
#include "math/cpu/lanes.h"

#include <arm_neon.h>

typedef int8x16_t x_form, w_form;

INLINE x_form form_x(ivec x)
{
    return (int8x16_t)x;
}

INLINE w_form form_w(ivec w)
{
    return (int8x16_t)w;
}

INLINE ivec dot(ivec acc, x_form x, w_form w)
{
    int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(w)), high = vmull_high_s8(x, w);
    return (ivec)vpadalq_s16((int32x4_t)acc, vpaddq_s16(low, high));
}

#include "math/cpu/int8_set.h"

const csi_narrow_ops csi_int8_neon = NARROW_OPS(neon);
