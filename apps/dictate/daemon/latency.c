/* SPDX-License-Identifier: MIT
 * See latency.h. */
#include "dictate/daemon/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *key, *meaning;
} stages[] = {
#define LATENCY_STAGE_ROW(name, key, meaning) {key, meaning},
    LATENCY_STAGES(LATENCY_STAGE_ROW)
#undef LATENCY_STAGE_ROW
};

void latency_add(latency *l, latency_stage stage, int64_t from_us, int64_t to_us)
{
    if (from_us && to_us)
        l->ms[stage][l->n[stage]++ % LATENCY_KEPT] = to_us > from_us ? (float)(to_us - from_us) / 1000 : 0;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double latency_part(const latency *l, latency_stage stage, double part)
{
    float sorted[LATENCY_KEPT];
    size_t n = (size_t)(l->n[stage] < LATENCY_KEPT ? l->n[stage] : LATENCY_KEPT);
    if (n == 0)
        return 0;
    memcpy(sorted, l->ms[stage], n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_size);
    size_t at = (size_t)ceil(part * (double)n); /* the nearest rank */
    return (double)sorted[at ? at - 1 : 0];
}

const char *latency_key(latency_stage stage)
{
    return stages[stage].key;
}

const char *latency_meaning(latency_stage stage)
{
    return stages[stage].meaning;
}
