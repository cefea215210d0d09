/* SPDX-License-Identifier: MIT
 * The kernels of vector.h for the "avx512" path; compiled with this path's flags alone. */
#define LANES 16
#define ROWS  8
#define TABLE csi_ops_avx512
#define PATH  CSI_CPU_AVX512
#include "vector.h"
