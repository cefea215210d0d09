/* SPDX-License-Identifier: MIT
 * Options structs: defaults, and taking what a caller built against an older or newer header. */
#include "engine/engine.h"

void cs_model_options_init(cs_model_options *options)
{
    *options = (cs_model_options){.struct_size = sizeof *options};
}

void cs_transcribe_options_init(cs_transcribe_options *options)
{
    *options = (cs_transcribe_options){
        .struct_size = sizeof *options,
        .confidence = CS_CONFIDENCE_TSALLIS_EXP,
        .confidence_alpha = 0.33,
        .confidence_aggregate = CS_AGGREGATE_MIN,
        .max_symbols = -1,
        .att_left = INT32_MIN,
        .att_chunk = INT32_MIN,
        .att_right = INT32_MIN,
    };
}

cs_err csi_options_copy(void *defaults, size_t size, const void *options, const char *what, cs_error *err)
{
    if (!options)
        return CS_OK;
    size_t given;
    memcpy(&given, options, sizeof given);
    if (given < sizeof given || given > 4096)
        return csi_fail(err, CS_EINVAL, -1, "%s: struct_size is %zu; fill the struct with its _init() function", what,
                        given);
    /* Fields that this library does not know yet may be there as long as they ask for nothing. */
    for (size_t i = size; i < given; i++)
        if (((const char *)options)[i] != 0)
            return csi_fail(err, CS_EINVAL, -1, "%s: an option of a newer library is set; this is %s", what,
                            cs_version());
    memcpy(defaults, options, CSI_MIN(size, given));
    return CS_OK;
}
