/* SPDX-License-Identifier: MIT
 * Options structs: the defaults. */
#include "engine/engine.h"

#include <math.h>

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
        .length_penalty = NAN,
        .max_generation_delta = INT32_MIN,
        .repeat_guard = 8,
    };
}
