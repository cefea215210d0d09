/* SPDX-License-Identifier: MIT
 * The op tables of the paths that this build has. */
#ifndef CSI_OP_TABLES_H
#define CSI_OP_TABLES_H

#include "math/ops.h"

extern const csi_ops csi_ops_c, csi_ops_sse2, csi_ops_avx2, csi_ops_avxvnni, csi_ops_avx512, csi_ops_avx512vnni,
    csi_ops_avx512bf16, csi_ops_neon, csi_ops_neondot;

#endif
