/* SPDX-License-Identifier: MIT
 *
 * steps MODEL.nemo f32|bf16|int8 [THREADS [ROUNDS [TOKENS]]]: Canary's decoder alone, beside the memory's own rate, as a line of JSON.
 *
 *   cross_ms     keys and values of 138 states (11 s), once per utterance, and the projection before them where there is one
 *   prompt_ms    9 tokens in one pass
 *   step_ms      one token, the mean of TOKENS (40) of them
 *   mib          what such a step reads: dense layers in their kind, the head as step_ms's precision reads it, keys and values
 *   memory       10^9 bytes a second, reading 1 GB with the same threads
 *   of_floor     step_ms by the time that reading mib takes at that rate
 *
 * Rounds measure memory and decoder in turn; each figure is the best one's, since other work on the machine only ever slows,
 * but the medians of all rounds stand beside them. The states are made up: no number changes the time.
 *
 * Built by `ninja -C build bench/steps` (not by default). */
#include "golden/aed_net.h"
#include "reading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES = 138, PROMPT = 9, MOST_ROUNDS = 1000 };

typedef struct round_times {
    double cross, prompt, step, memory; /* ms; 10^9 bytes a second */
} round_times;

typedef struct bench {
    aed_net net;
    csi_aed_cache cache;
    csi_floats encoder, states, cross, kept, scores;
    void *block;
    int tokens;
} bench;

static double now_ms(void)
{
    return 1e-6 * (double)csi_now_ns();
}

static cs_err prepare(bench *b, cs_error *err)
{
    const csi_aed *aed = &b->net.aed;
    const csi_env *env = &b->net.model.env;
    const csi_aed_room room = {FRAMES, PROMPT + b->tokens, 1, PROMPT};
    void *unused;
    csi_floats *all[] = {&b->encoder, &b->states, &b->cross, &b->kept, &b->scores, &b->net.scratch};
    const size_t scratch = csi_aed_scratch(aed, FRAMES);
    const size_t sizes[] = {(size_t)(csi_panels(FRAMES) * CSI_PANEL * aed->d_model),
                            csi_aed_states_floats(aed, FRAMES),
                            csi_aed_cross_floats(aed, FRAMES),
                            csi_aed_cache_floats(aed, &room),
                            (size_t)aed->classes,
                            scratch * (size_t)b->net.run.max_threads};
    for (size_t i = 0; i < CSI_COUNT(all); i++) {
        *all[i] = (csi_floats){.env = env};
        cs_err code = csi_floats_reserve(all[i], sizes[i], "the bench", err);
        if (code)
            return code;
    }
    b->net.run.scratch = b->net.scratch.data;
    b->net.run.scratch_floats = scratch;
    b->block = csi_alloc_huge(env, READING_BYTES, &unused);
    if (!b->block)
        return csi_fail_memory(err, READING_BYTES, "the bench");
    memset(b->block, 1, READING_BYTES);
    for (size_t i = 0; i < b->encoder.n; i++)
        b->encoder.data[i] = sinf(0.7f * (float)(i % 9973));
    csi_aed_cache_init(aed, &room, b->kept.data, &b->cache);
    return CS_OK;
}

static round_times measure(bench *b)
{
    const csi_run *run = &b->net.run;
    const csi_aed *aed = &b->net.aed;
    int32_t ids[PROMPT] = {8, 5, 17, 23, 23, 6, 10, 12, 14};
    round_times t = {.memory = reading_rate(run->pool, run->max_threads, b->block)};
    double at[4] = {now_ms()};
    csi_aed_cross(run, aed, csi_aed_states(run, aed, b->encoder.data, 0, FRAMES, b->states.data), &b->cache,
                  b->cross.data);
    at[1] = now_ms();
    csi_aed_step(run, aed, &b->cache, 1, NULL, ids, PROMPT, 0, b->scores.data);
    at[2] = now_ms();
    for (int i = 0; i < b->tokens; i++) {
        ids[0] = (int32_t)run->ops->argmax(b->scores.data, aed->classes);
        csi_aed_step(run, aed, &b->cache, 1, NULL, ids, 1, PROMPT + i, b->scores.data);
    }
    at[3] = now_ms();
    t.cross = at[1] - at[0];
    t.prompt = at[2] - at[1];
    t.step = (at[3] - at[2]) / b->tokens;
    return t;
}

static double bytes_of(const csi_dense_weights *w, int64_t n_out, int64_t n_in)
{
    const csi_kind kind = csi_kind_of(w);
    return 4 * (double)n_out * (double)(kind == CSI_KIND_F32 ? n_in : csi_narrow_words(kind, n_in));
}

/* Of one step at the middle of the answer. */
static double step_bytes(const bench *b)
{
    const csi_aed *aed = &b->net.aed;
    const csi_aed_stack *s = &aed->decoder;
    const csi_dense_weights *w = &s->layers[0].in_w;
    const double layer = 6 * bytes_of(w, s->d, s->d) + bytes_of(w, s->inner, s->d) + bytes_of(w, s->d, s->inner);
    const double keys = 2.0 * (FRAMES + PROMPT + b->tokens / 2) * 4 * s->d, head = (double)aed->classes * s->d;
    return s->n_layers * (layer + keys) + (aed->screen.int8.w ? 1 : 4) * head;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Best (smallest, but of memory) and median of one figure over the rounds. */
static void figure(const char *name, const round_times *rounds, int n, size_t offset, double *best, double *median)
{
    double all[MOST_ROUNDS];
    for (int i = 0; i < n; i++)
        all[i] = *(const double *)(const void *)((const char *)&rounds[i] + offset);
    qsort(all, (size_t)n, sizeof *all, by_size);
    *best = offset == offsetof(round_times, memory) ? all[n - 1] : all[0];
    *median = all[n / 2];
    printf("\"%s\": %.4f, \"%s_median\": %.4f, ", name, *best, name, *median);
}

int main(int argc, char **argv)
{
    static bench b;
    static round_times rounds[MOST_ROUNDS];
    cs_error err = {0};
    const int threads = argc > 3 ? atoi(argv[3]) : csi_physical_cores(), n = argc > 4 ? atoi(argv[4]) : 20;
    const char *kind = argc > 2 ? argv[2] : "";
    const cs_precision precision = strcmp(kind, "int8") == 0   ? CS_PRECISION_INT8
                                   : strcmp(kind, "bf16") == 0 ? CS_PRECISION_BF16
                                                               : CS_PRECISION_F32;
    b.tokens = argc > 5 ? atoi(argv[5]) : 40;
    if (argc < 3 || (precision == CS_PRECISION_F32 && strcmp(kind, "f32") != 0) || threads < 1 || n < 1
        || n > MOST_ROUNDS || b.tokens < 1 || b.tokens > 400) {
        fputs("usage: steps MODEL.nemo f32|bf16|int8 [THREADS [ROUNDS [TOKENS]]]\n", stderr);
        return 2;
    }
    if (aed_net_open(&b.net, argv[1], precision, NULL, threads, &err) || prepare(&b, &err)) {
        fprintf(stderr, "steps: %s\n", err.message);
        return 1;
    }
    measure(&b); /* once for the pages */
    for (int i = 0; i < n; i++)
        rounds[i] = measure(&b);
    double best[4], median[4];
    printf("{\"precision\": \"%s\", \"threads\": %d, ", kind, threads);
    figure("cross_ms", rounds, n, offsetof(round_times, cross), &best[0], &median[0]);
    figure("prompt_ms", rounds, n, offsetof(round_times, prompt), &best[1], &median[1]);
    figure("step_ms", rounds, n, offsetof(round_times, step), &best[2], &median[2]);
    figure("memory", rounds, n, offsetof(round_times, memory), &best[3], &median[3]);
    const double gb = 1e-9 * step_bytes(&b);
    printf("\"mib\": %.2f, \"of_floor\": %.3f, \"of_floor_median\": %.3f}\n", gb * 1e9 / (1 << 20),
           best[2] / (1e3 * gb / best[3]), median[2] / (1e3 * gb / median[3]));
    return 0;
}
