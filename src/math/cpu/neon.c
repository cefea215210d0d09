/* SPDX-License-Identifier: MIT
 * The kernels of vector.h for the "neon" path; compiled with this path's flags alone. */
#define LANES 4
#define ROWS  8
#define TABLE csi_ops_neon
#define PATH  CSI_CPU_NEON
#include "vector.h"
