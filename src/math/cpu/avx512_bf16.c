/* SPDX-License-Identifier: MIT
 * The bf16 kernels for AVX-512 without its bf16 extension. */
#define LANES       16
#define ROWS        8
#define TILE_VECS   2
#define FEW_SUMS    16
#define FEW_COLUMNS 24
#include "math/cpu/lanes.h"

#include "math/cpu/bf16_widened.h"

const csi_narrow_ops csi_bf16_avx512 = NARROW_OPS(avx512);
