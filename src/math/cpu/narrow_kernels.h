/* SPDX-License-Identifier: MIT
 *
 * The narrow kernels of every instruction set, by name, and the rules of rounding to int8 and bf16.
 *
 * They are files of their own, for two reasons. A CPU path may have several sets of a kind: one for every CPU of the path
 * and one for those with an instruction for sums of products of bytes, or of bf16 (cpu/op_tables.c chooses). And where the
 * f32 and bf16 kernels want multiply and add fused, those of int8 are compiled with -ffp-contract=off: sums of products
 * are exact integers and the float work around them is the same operations in the same order everywhere, so results are
 * equal to the bit on all paths. */
#ifndef CSI_NARROW_KERNELS_H
#define CSI_NARROW_KERNELS_H

#include "math/ops.h"

extern const csi_narrow_ops csi_int8_c, csi_int8_sse2, csi_int8_avx2, csi_int8_avxvnni, csi_int8_avx512,
    csi_int8_avx512vnni, csi_int8_neon, csi_int8_neondot;
extern const csi_narrow_ops csi_bf16_c, csi_bf16_sse2, csi_bf16_avx2, csi_bf16_avx512, csi_bf16_avx512bf16,
    csi_bf16_neon;

/* ------------------------------------------------------------------- int8 */

/* Columns whose largest magnitude is less count as zeros: 127 / max must stay finite. */
#define CSI_INT8_LEAST 1e-30f
/* 1.5 * 2^23. Added to |v| <= 127 it rounds v to an integer, ties to even, and leaves that in the lowest byte. */
#define CSI_INT8_SHIFT 12582912.0f

static inline uint32_t csi_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The bits of |x|: they are ordered as magnitudes are, infinity above all numbers and NaN above infinity. */
static inline int32_t csi_int8_magnitude(float x)
{
    return (int32_t)(csi_float_bits(x) & INT32_MAX);
}

/* From the largest magnitude of some numbers: what a step stands for, and what to multiply them with. A scale that is
 * not finite says that a number was not. */
static inline float csi_int8_scale(int32_t magnitude, float *factor)
{
    float max;
    memcpy(&max, &magnitude, sizeof max);
    bool zeros = max < CSI_INT8_LEAST;
    *factor = zeros ? 0 : 127 / max;
    return zeros ? 0 : max / 127;
}

static inline uint32_t csi_int8_round(float x, float factor)
{
    return csi_float_bits(x * factor + CSI_INT8_SHIFT) & 255;
}

/* ------------------------------------------------------------------- bf16 */

/* To nearest, ties to even; NaN stays NaN. */
static inline uint32_t csi_bf16_round(float x)
{
    uint32_t bits = csi_float_bits(x), up = bits + 0x7FFF + (bits >> 16 & 1);
    return ((bits & INT32_MAX) > 0x7F800000 ? bits | 0x400000 : up) >> 16;
}

static inline float csi_bf16_value(uint32_t half)
{
    uint32_t bits = half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
