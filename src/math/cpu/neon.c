/* SPDX-License-Identifier: MIT
 * The kernels of vector.h for the "neon" path; compiled with this path's flags alone. */
#define LANES 4
#define ROWS  8
#include "vector.h"

const csi_ops csi_ops_neon = OPS(CSI_CPU_NEON, neon, neon);
const csi_ops csi_ops_neondot = OPS(CSI_CPU_NEON, neondot, neon);
