/* SPDX-License-Identifier: MIT
 * The kernels of vector.h for the "avx2" path; compiled with this path's flags alone. */
#define LANES 8
#define ROWS  4
#define TABLE csi_ops_avx2
#define PATH  CSI_CPU_AVX2
#include "vector.h"
