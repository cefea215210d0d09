/* SPDX-License-Identifier: MIT
 * bf16 without an instruction for it: a word becomes two vectors of floats, multiplied and added in f32. */
typedef struct wide {
    vec low, high;
} x_form, w_form;

INLINE struct wide form_x(ivec x)
{
    return (struct wide){(vec)(x << 16), (vec)(x & (int32_t)0xFFFF0000)};
}

INLINE struct wide form_w(ivec w)
{
    return form_x(w);
}

INLINE vec dot(vec acc, x_form x, w_form w)
{
    acc = acc + x.low * w.low;
    return acc + x.high * w.high;
}

#include "math/cpu/bf16_set.h"
