/* SPDX-License-Identifier: MIT
 * The bf16 kernels for SSE2. */
#define LANES       4
#define ROWS        4
#define TILE_VECS   2
#define FEW_SUMS    8
#define FEW_COLUMNS 24
#include "math/cpu/lanes.h"

#include "math/cpu/bf16_widened.h"

const csi_narrow_ops csi_bf16_sse2 = NARROW_OPS(sse2);
