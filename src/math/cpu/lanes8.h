/* SPDX-License-Identifier: MIT
 * Bytes and 32-bit sums in vectors of LANES words, for the sets of int8 kernels: see vector8.h. */
#ifndef CSI_LANES8_H
#define CSI_LANES8_H

#include "math/cpu/lanes.h"

typedef int32_t uivec __attribute__((vector_size(4 * LANES), aligned(1), may_alias)); /* unaligned */

INLINE ivec load_bytes(const int8_t *x)
{
    return *(const uivec *)x;
}

INLINE void store_bytes(int8_t *x, ivec v)
{
    *(uivec *)x = v;
}

INLINE ivec load_sums(const int32_t *x)
{
    return *(const uivec *)x;
}

INLINE void store_sums(int32_t *x, ivec v)
{
    *(uivec *)x = v;
}

#endif
