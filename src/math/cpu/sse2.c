/* SPDX-License-Identifier: MIT
 * The kernels of vector.h for the "sse2" path; compiled with this path's flags alone. */
#define LANES 4
#define ROWS  4
#include "vector.h"

const csi_ops csi_ops_sse2 = OPS(CSI_CPU_SSE2, sse2, sse2);
