/* SPDX-License-Identifier: MIT
 * See bench_stages.h. Stages stand in the order in which they were first told. */
#include "bench_stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool stages_alloc(bench_stages *s, size_t repeat)
{
    *s = (bench_stages){.ms = calloc(BENCH_STAGES * repeat, sizeof *s->ms), .repeat = repeat};
    return s->ms != NULL;
}

void stages_free(bench_stages *s)
{
    free(s->ms);
    s->ms = NULL;
}

void stages_add(void *user, const char *name, double ms)
{
    bench_stages *s = user;
    int i = 0;
    while (i < s->n && strcmp(s->names[i], name) != 0)
        i++;
    if (i == BENCH_STAGES)
        return;
    if (i == s->n)
        snprintf(s->names[s->n++], sizeof s->names[0], "%s", name);
    s->ms[(size_t)i * s->repeat + s->round] += ms;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void stages_report(textbuf *out, bench_stages *s, bool json, const char *indent)
{
    double medians[BENCH_STAGES], sum = 0;
    for (int i = 0; i < s->n; i++) {
        double *row = s->ms + (size_t)i * s->repeat;
        qsort(row, s->repeat, sizeof *row, by_value);
        medians[i] = (row[(s->repeat - 1) / 2] + row[s->repeat / 2]) / 2;
        sum += medians[i];
    }
    if (json)
        textbuf_printf(out, "%s\"stages\": {", indent);
    for (int i = 0; i < s->n; i++) {
        if (json)
            textbuf_printf(out, "%s\"%s\": %.3f", i ? ", " : "", s->names[i], medians[i]);
        else
            textbuf_printf(out, "  %-23s %10.3f ms %5.1f %%\n", s->names[i], medians[i],
                           sum > 0 ? 100 * medians[i] / sum : 0);
    }
    if (json)
        textbuf_printf(out, "},\n");
}
