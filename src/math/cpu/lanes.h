/* SPDX-License-Identifier: MIT
 *
 * Vectors of LANES floats over GCC's vector extension: what the kernels of vector.h and narrow.h share. LANES is
 * defined by the file that a CPU path compiles. Whether a multiply and an add contract to one instruction is that
 * file's choice too: with -ffp-contract=off every function here gives the same bits whatever LANES is. */
#ifndef CSI_LANES_H
#define CSI_LANES_H

#include "base/base.h"

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));
typedef float uvec __attribute__((vector_size(4 * LANES), aligned(4), may_alias)); /* unaligned */

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE vec load(const float *x)
{
    return *(const uvec *)x;
}

INLINE void store(float *x, vec v)
{
    *(uvec *)x = v;
}

typedef int32_t uivec __attribute__((vector_size(4 * LANES), aligned(1), may_alias)); /* unaligned */

INLINE ivec load_words(const void *x)
{
    return *(const uivec *)x;
}

INLINE void store_words(void *x, ivec v)
{
    *(uivec *)x = v;
}

INLINE vec splat(float x)
{
    return x - (vec){0};
}

INLINE vec select(ivec mask, vec a, vec b)
{
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

INLINE vec vmax(vec a, vec b)
{
    return select(a > b, a, b);
}

INLINE vec vmin(vec a, vec b)
{
    return select(a < b, a, b);
}

/* e^x: x = n ln 2 + r, |r| <= ln2/2; Taylor to r^7 (error 5e-9), then the exponent is added. Below -87 gives about
 * 1e-38, above 88 about 2e38. */
INLINE vec vexp(vec x)
{
    x = vmin(vmax(x, splat(-87.0f)), splat(88.0f));
    const vec shift = splat(12582912.0f); /* 1.5 * 2^23: rounds to an integer */
    vec n = x * 1.44269504088896341f + shift;
    ivec exponent = (ivec)n << 23;
    n = n - shift;
    vec r = x - n * 0.693145751953125f; /* ln 2 in two parts, the first exact in 16 bits */
    r = r - n * 1.42860682030941723e-6f;
    vec p = splat(1.0f / 5040);
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return (vec)((ivec)p + exponent);
}

INLINE vec vsilu(vec x)
{
    return x / (1.0f + vexp(-x));
}

#endif
