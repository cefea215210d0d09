/* SPDX-License-Identifier: MIT
 * The end of a dense layer in LANES columns or outputs, for every kind of weights. */
#ifndef CSI_EPILOGUE_H
#define CSI_EPILOGUE_H

#include "math/cpu/lanes.h"
#include "math/ops.h"

/* What of an epilogue needs the sums alone. */
INLINE vec activated(csi_epilogue f, vec s)
{
    return f == CSI_RELU ? vmax(s, splat(0)) : f == CSI_SILU ? vsilu(s) : s;
}

/* Sums of one output in LANES columns to their place. */
INLINE void finish_lanes(const csi_linear *l, vec s, float *out)
{
    store(out, l->epilogue == CSI_RESIDUAL ? load(out) + l->scale * s : activated(l->epilogue, s));
}

#endif
