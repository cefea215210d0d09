/* SPDX-License-Identifier: MIT
 * The int8 kernels for arm64 with the dot product extension (SDOT). */
#define LANES       4
#define ROWS        8
#define TILE_VECS   2
#define FEW_SUMS    24
#define FEW_COLUMNS 24
#define BIAS        0
#define DOT_BY_LANE
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
    return (ivec)vdotq_s32((int32x4_t)acc, x, w);
}

/* i is a constant once the loop around is unrolled. */
INLINE ivec dot_by_lane(ivec acc, x_form x, ivec words, int i)
{
    switch (i) {
    case 0:
        return (ivec)vdotq_laneq_s32((int32x4_t)acc, x, (int8x16_t)words, 0);
    case 1:
        return (ivec)vdotq_laneq_s32((int32x4_t)acc, x, (int8x16_t)words, 1);
    case 2:
        return (ivec)vdotq_laneq_s32((int32x4_t)acc, x, (int8x16_t)words, 2);
    default:
        return (ivec)vdotq_laneq_s32((int32x4_t)acc, x, (int8x16_t)words, 3);
    }
}

#include "math/cpu/int8_set.h"

const csi_narrow_ops csi_int8_neondot = NARROW_OPS(neondot);
