/* SPDX-License-Identifier: MIT
 * The kernels of vector.h for the "avx2" path; compiled with this path's flags alone. */
#define LANES 8
#define ROWS  4
#include "vector.h"

const csi_ops csi_ops_avx2 = OPS(CSI_CPU_AVX2, avx2, avx2);
const csi_ops csi_ops_avxvnni = OPS(CSI_CPU_AVX2, avxvnni, avx2);
