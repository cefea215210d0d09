/* SPDX-License-Identifier: MIT
 *
 * The int8 kernels of every instruction set, by name, and the one rule of rounding to int8.
 *
 * They are files of their own, for two reasons. A CPU path may have two sets: one for every CPU of the path and one for
 * those with an instruction for sums of four products of bytes (cpu/op_tables.c chooses). And where the f32 kernels
 * want multiply and add fused, these are compiled with -ffp-contract=off: sums of products are exact integers and the
 * float work around them is the same operations in the same order everywhere, so results are equal to the bit on all
 * paths. */
#ifndef CSI_INT8_KERNELS_H
#define CSI_INT8_KERNELS_H

#include "math/ops.h"

#define CSI_INT8_DECLARE(set)                                                                                          \
    void csi_linear_int8_##set(const csi_linear *l, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1);       \
    void csi_quantize_##set(const float *x, int64_t rows, int64_t pitch, int64_t columns, int8_t *q, float *scale);    \
    void csi_matvec_int8_##set(const csi_int8_weights *w, int64_t row0, int64_t row1, const int8_t *x8, float x_scale, \
                               const float *bias, float *y);

CSI_INT8_DECLARE(c)
CSI_INT8_DECLARE(sse2)
CSI_INT8_DECLARE(avx2)
CSI_INT8_DECLARE(avxvnni)
CSI_INT8_DECLARE(avx512)
CSI_INT8_DECLARE(avx512vnni)
CSI_INT8_DECLARE(neon)
CSI_INT8_DECLARE(neondot)

/* Members of an op table. */
#define CSI_INT8_OPS(set)                                                                       \
    .int8_kernels = #set, .linear_int8 = csi_linear_int8_##set, .quantize = csi_quantize_##set, \
    .matvec_int8 = csi_matvec_int8_##set

/* Columns whose largest magnitude is less count as zeros: 127 / max must stay finite. */
#define CSI_INT8_LEAST 1e-30f
/* 1.5 * 2^23. Added to |v| <= 127 it rounds v to an integer, ties to even, and leaves that in the lowest byte. */
#define CSI_INT8_SHIFT 12582912.0f

/* The bits of |x|: they are ordered as magnitudes are, infinity above all numbers and NaN above infinity. */
static inline int32_t csi_int8_magnitude(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & INT32_MAX;
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

static inline int8_t csi_int8_round(float x, float factor)
{
    float v = x * factor + CSI_INT8_SHIFT;
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return (int8_t)(bits & 255);
}

#endif
