/* SPDX-License-Identifier: MIT
 * How long each stage of the last dictations took, on the monotonic clock from the key event on. */
#ifndef DICTATE_LATENCY_H
#define DICTATE_LATENCY_H

#include <stdint.h>

#define LATENCY_STAGES(X)                                                              \
    X(STAGE_ARM, "arm", "second tap to armed")                                         \
    X(STAGE_FIRST, "first_buffer", "armed to the first sound")                         \
    X(STAGE_LAST, "last_sample", "stop to the last sample")                            \
    X(STAGE_DECODE, "decode", "last sample to the text")                               \
    X(STAGE_RECEIPT, "receipt", "text to the receipt, waiting for modifiers included") \
    X(STAGE_TOTAL, "total", "stop to the receipt")

typedef enum latency_stage {
#define LATENCY_STAGE_ENUM(name, key, meaning) name,
    LATENCY_STAGES(LATENCY_STAGE_ENUM)
#undef LATENCY_STAGE_ENUM
        N_LATENCY_STAGES
} latency_stage;

enum { LATENCY_KEPT = 256 };

typedef struct latency {
    float ms[N_LATENCY_STAGES][LATENCY_KEPT];
    int64_t n[N_LATENCY_STAGES];
} latency;

void latency_add(latency *l, latency_stage stage, int64_t from_us, int64_t to_us); /* nothing when one of them is 0 */
/* part 0.5, 0.95; 0 when there is none yet. */
double latency_part(const latency *l, latency_stage stage, double part);
const char *latency_key(latency_stage stage);
const char *latency_meaning(latency_stage stage);

#endif
