/* SPDX-License-Identifier: MIT
 * bench --profile: the time of each stage of a call, added up by name. */
#ifndef APPS_BENCH_STAGES_H
#define APPS_BENCH_STAGES_H

#include "common/textbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum { BENCH_STAGES = 24 };

/* Times of `repeat` calls; stages_free() it, also when stages_alloc() failed. */
typedef struct bench_stages {
    char names[BENCH_STAGES][40];
    int n;
    double *ms; /* (BENCH_STAGES, repeat) */
    size_t repeat, round;
} bench_stages;

bool stages_alloc(bench_stages *s, size_t repeat);
void stages_free(bench_stages *s);
/* cs_transcribe_options.stage: user is the bench_stages, whose round says which call it is. */
void stages_add(void *user, const char *name, double ms);
/* Each stage's median and its share of their sum. Sorts the times. indent: in front of JSON lines, which end with a comma. */
void stages_report(textbuf *out, bench_stages *s, bool json, const char *indent);

#endif
