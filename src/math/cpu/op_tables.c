/* SPDX-License-Identifier: MIT
 * The op table of a path on this CPU. A path has one table for all CPUs that can run it, and on most further ones,
 * the same but for the narrow products, for those that have instructions for them. */
#include "math/cpu/op_tables.h"

int csi_ops_list(csi_cpu_path path, const csi_ops *tables[CSI_OPS_MOST])
{
    int n = 0;
    const bool dot = csi_cpu_has_dot(path);
    switch (path) {
#if defined(__x86_64__)
    case CSI_CPU_SSE2:
        tables[n++] = &csi_ops_sse2;
        break;
    case CSI_CPU_AVX2:
        tables[n++] = &csi_ops_avx2;
        if (dot)
            tables[n++] = &csi_ops_avxvnni;
        break;
    case CSI_CPU_AVX512:
        tables[n++] = &csi_ops_avx512;
        if (dot)
            tables[n++] = &csi_ops_avx512vnni;
        if (dot && csi_cpu_has_bf16(path))
            tables[n++] = &csi_ops_avx512bf16;
        break;
#elif defined(__aarch64__)
    case CSI_CPU_NEON:
        tables[n++] = &csi_ops_neon;
        if (dot)
            tables[n++] = &csi_ops_neondot;
        break;
#endif
    default:
        (void)dot;
        tables[n++] = &csi_ops_c;
    }
    return n;
}

const csi_ops *csi_ops_for(csi_cpu_path path)
{
    const csi_ops *tables[CSI_OPS_MOST];
    return tables[csi_ops_list(path, tables) - 1];
}
