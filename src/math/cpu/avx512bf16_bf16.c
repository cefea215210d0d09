/* SPDX-License-Identifier: MIT
 * The bf16 kernels for AVX-512 with its bf16 extension: vdpbf16ps adds two products of bf16 to an f32 sum. */
#define LANES       16
#define ROWS        8
#define TILE_VECS   3
#define FEW_SUMS    28
#define FEW_COLUMNS 42
#include "math/cpu/lanes.h"

#include <immintrin.h>

typedef ivec x_form, w_form;

INLINE x_form form_x(ivec x)
{
    return x;
}

INLINE w_form form_w(ivec w)
{
    return w;
}

INLINE vec dot(vec acc, x_form x, w_form w)
{
    return (vec)_mm512_dpbf16_ps((__m512)acc, (__m512bh)x, (__m512bh)w);
}

#include "math/cpu/bf16_set.h"

/* --------------------------------------------------------------- attention */

typedef uint32_t att_word;
typedef ivec att_vec;
enum { ATT_PER_WORD = 2 };

INLINE att_vec att_load(const att_word *x)
{
    return load_words(x);
}

INLINE att_vec att_splat(att_word x)
{
    return splat_word(x);
}

INLINE vec att_add(vec acc, att_vec a, att_vec b)
{
    return dot(acc, a, b);
}

INLINE void att_store(att_word *at, const vec x[ATT_PER_WORD])
{
    const ivec turn = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const __m512i by_turns = (__m512i)(turn * 0x00010001 + (16 << 16)); /* low 0, high 0, low 1 ... */
    store_words(at, (ivec)_mm512_permutexvar_epi16(by_turns, (__m512i)_mm512_cvtne2ps_pbh((__m512)x[1], (__m512)x[0])));
}

#define ATT_K(a) (a)->k_words
#define ATT_V(a) (a)->v_words
#define ATT_P(a) (a)->p_words
#include "math/cpu/attention.h"

static void convert_values(const float *x, int64_t rows, int64_t columns, uint32_t *words)
{
    for (int64_t i = 0; i < rows * CSI_PANEL; i += LANES) {
        const int64_t there = CSI_MAX(0, CSI_MIN(columns - i % CSI_PANEL, LANES));
        const __m512 v = _mm512_maskz_loadu_ps((__mmask16)((1 << there) - 1), x + i);
        _mm256_storeu_si256((__m256i *)(void *)(words + i / 2), (__m256i)_mm512_cvtneps_pbh(v));
    }
}

const csi_narrow_ops csi_bf16_avx512bf16 = {NARROW_OPS_FIELDS(avx512bf16), .attention = attention,
                                            .convert_values = convert_values};
