/* SPDX-License-Identifier: MIT
 * The int8 kernels: narrow.h with exact sums of bytes. A set's file also defines BIAS: what its form_x adds to each x, 128
 * where the instruction wants it unsigned, else 0; sums then begin with what that comes to. */
#include "math/cpu/narrow_kernels.h"

#define ALONE_SUMS 4

typedef int32_t sum;
typedef ivec sums;

INLINE sums first_of(const csi_narrow *w, int64_t row)
{
    return (ivec){0} - (BIAS ? BIAS * w->sum[row] : 0);
}

INLINE sums first(const csi_narrow *w, int64_t row)
{
    return BIAS ? -BIAS * load_words(w->sum + row) : (ivec){0};
}

INLINE vec value(sums s, const csi_narrow *w, int64_t row, const float *x_scale)
{
    return __builtin_convertvector(s, vec) * (w->scale[row] * load(x_scale));
}

INLINE vec value_down(sums s, const csi_narrow *w, int64_t row, const float *x_scale)
{
    return __builtin_convertvector(s, vec) * (load(w->scale + row) * *x_scale);
}

#include "math/cpu/convert_int8.h"
#include "math/cpu/narrow.h"
