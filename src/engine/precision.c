/* SPDX-License-Identifier: MIT
 *
 * CS_PRECISION_AUTO: f32 where the dense layers are small (nothing to gain: the whole model stays in the caches or nearly so,
 * and the reference costs nothing), else int8 where this CPU's int8 is faster than its f32. */
#include "engine/engine.h"

enum { SMALL_MB = 64 };

/* What a path's int8 rests on; NULL where it was measured slower than f32 (plain C: half as fast), or was not measured (neon without a
 * dot product). Without one it is 1.5 (sse2) to 3 times (avx2) as fast. */
static const char *fast_int8(csi_cpu_path path)
{
    switch (path) {
    case CSI_CPU_AVX512:
        return csi_cpu_has_dot(path) ? "avx512 with VNNI" : "avx512";
    case CSI_CPU_AVX2:
        return csi_cpu_has_dot(path) ? "avx2 with AVX-VNNI" : "avx2";
    case CSI_CPU_NEON:
        return csi_cpu_has_dot(path) ? "neon with SDOT" : NULL;
    case CSI_CPU_SSE2:
        return "sse2";
    case CSI_CPU_C:
        break;
    }
    return NULL;
}

cs_err csi_precision_choose(cs_model *model, const csi_loader *loader, cs_precision wanted)
{
    const csi_cpu_path path = model->ops->path;
    const char *why = fast_int8(path);
    int64_t bytes = 0;
    for (const csi_weights_used *u = loader->used; u; u = u->next)
        bytes += u->dense ? u->n * (int64_t)sizeof(float) : 0;
    model->precision = wanted;
    model->info.precision_reason = "asked for";
    if (wanted != CS_PRECISION_AUTO)
        return CS_OK;
    const bool small = bytes < (int64_t)SMALL_MB << 20;
    model->precision = small || !why ? CS_PRECISION_F32 : CS_PRECISION_INT8;
    if (small)
        model->info.precision_reason = csi_arena_printf(&model->arena, "auto: dense layers under %d MB", (int)SMALL_MB);
    else if (why)
        model->info.precision_reason = csi_arena_printf(&model->arena, "auto: %s", why);
    else
        model->info.precision_reason = csi_arena_printf(&model->arena, "auto: f32 is faster on %s", csi_cpu_name(path));
    return model->info.precision_reason ? CS_OK : csi_fail_memory(loader->err, 64, "the reason for the precision");
}
