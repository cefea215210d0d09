/* SPDX-License-Identifier: MIT
 * LANES vectors of LANES floats, rows to columns, in registers. */
#ifndef CSI_TRANSPOSE_H
#define CSI_TRANSPOSE_H

#include "math/cpu/lanes.h"

#if LANES == 16
#define ZIP(a, b, i)                                                                                            \
    __builtin_shufflevector(a, b, i, i + 16, i + 1, i + 17, i + 4, i + 20, i + 5, i + 21, i + 8, i + 24, i + 9, \
                            i + 25, i + 12, i + 28, i + 13, i + 29)
#define ZIP2(a, b, i)                                                                                           \
    __builtin_shufflevector(a, b, i, i + 1, i + 16, i + 17, i + 4, i + 5, i + 20, i + 21, i + 8, i + 9, i + 24, \
                            i + 25, i + 12, i + 13, i + 28, i + 29)
#define QUADS(a, b, i)                                                                                          \
    __builtin_shufflevector(a, b, i, i + 1, i + 2, i + 3, i + 8, i + 9, i + 10, i + 11, i + 16, i + 17, i + 18, \
                            i + 19, i + 24, i + 25, i + 26, i + 27)
#elif LANES == 8
#define ZIP(a, b, i)   __builtin_shufflevector(a, b, i, i + 8, i + 1, i + 9, i + 4, i + 12, i + 5, i + 13)
#define ZIP2(a, b, i)  __builtin_shufflevector(a, b, i, i + 1, i + 8, i + 9, i + 4, i + 5, i + 12, i + 13)
#define QUADS(a, b, i) __builtin_shufflevector(a, b, i, i + 1, i + 2, i + 3, i + 8, i + 9, i + 10, i + 11)
#else
#define ZIP(a, b, i)  __builtin_shufflevector(a, b, i, i + 4, i + 1, i + 5)
#define ZIP2(a, b, i) __builtin_shufflevector(a, b, i, i + 1, i + 4, i + 5)
#endif

/* v[i] lane j to v[j] lane i: 4 x 4 within quarters of four vectors, then the quarters. Neither step crosses both. */
INLINE void transpose(vec v[LANES])
{
    vec t[LANES];
    UNROLL for (int i = 0; i < LANES; i += 4)
    {
        vec a = ZIP(v[i], v[i + 1], 0), b = ZIP(v[i], v[i + 1], 2), c = ZIP(v[i + 2], v[i + 3], 0),
            d = ZIP(v[i + 2], v[i + 3], 2);
        t[i] = ZIP2(a, c, 0);
        t[i + 1] = ZIP2(a, c, 2);
        t[i + 2] = ZIP2(b, d, 0);
        t[i + 3] = ZIP2(b, d, 2);
    }
    /* Now t[i + m], quarter q, holds column 4 q + m of rows i .. i + 3. */
#if LANES == 16
    UNROLL for (int m = 0; m < 4; m++)
    {
        vec a = QUADS(t[m], t[4 + m], 0), b = QUADS(t[m], t[4 + m], 4), c = QUADS(t[8 + m], t[12 + m], 0),
            d = QUADS(t[8 + m], t[12 + m], 4);
        v[m] = QUADS(a, c, 0);
        v[8 + m] = QUADS(a, c, 4);
        v[4 + m] = QUADS(b, d, 0);
        v[12 + m] = QUADS(b, d, 4);
    }
#elif LANES == 8
    UNROLL for (int m = 0; m < 4; m++)
    {
        v[m] = QUADS(t[m], t[4 + m], 0);
        v[4 + m] = QUADS(t[m], t[4 + m], 4);
    }
#else
    UNROLL for (int m = 0; m < 4; m++) v[m] = t[m];
#endif
}

#endif
