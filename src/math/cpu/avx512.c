/* SPDX-License-Identifier: MIT
 * The kernels of vector.h for the "avx512" path; compiled with this path's flags alone. */
#define LANES 16
#define ROWS  8
#include "vector.h"

const csi_ops csi_ops_avx512 = OPS(CSI_CPU_AVX512, avx512, avx512);
const csi_ops csi_ops_avx512vnni = OPS(CSI_CPU_AVX512, avx512vnni, avx512);
const csi_ops csi_ops_avx512bf16 = OPS(CSI_CPU_AVX512, avx512vnni, avx512bf16);
