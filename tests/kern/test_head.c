/* SPDX-License-Identifier: MIT
 * Canary's head by its screen, in int8 and bf16, beside the same decoder with the whole head in f32: the best tokens and their order
 * are the same and their log-probabilities within 2e-3; a line has the same bits alone and among others, with one thread and three;
 * and something is saved. On every instruction set. (test-golden-aed's heads are too small for a screen.) */
#include "check.h"
#include "nn/nn.h"

#include <math.h>

enum { D = 64, INNER = 96, HEADS = 4, CLASSES = 4104, POSITIONS = 16, FRAMES = 5, LINES = 3, PROMPT = 4, STEPS = 6 };

static csi_env env;
static csi_arena arena;
static csi_pool *pool;
static uint64_t seed = 1;

static float *numbers(int64_t n, float amplitude, float mean)
{
    float *x = csi_arena_array(&arena, (size_t)(n + 15) / 16 * 16, sizeof *x);
    if (!x)
        abort();
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = mean + amplitude * ((float)(seed >> 40) / (float)(1 << 23) - 1);
    }
    return x;
}

static csi_dense_weights dense(csi_kind kind, int64_t n_out, int64_t n_in)
{
    const int64_t rows = csi_row_blocks(n_out) * CSI_ROW_BLOCK, words = csi_narrow_words(kind, n_in);
    csi_dense_weights w = {.narrow = {.kind = kind, .n_out = n_out, .n_in = n_in, .words = words}};
    float *memory = csi_arena_alloc(&arena, (size_t)(rows * (words + 2)) * sizeof *memory + 64);
    if (!memory)
        abort();
    memory += -((uintptr_t)memory / sizeof *memory) & 15; /* 64-byte aligned */
    w.narrow.w = (uint32_t *)(void *)memory;
    w.narrow.scale = memory + rows * words;
    w.narrow.sum = (int32_t *)(void *)(memory + rows * (words + 1));
    csi_narrow_pack(&w.narrow, numbers(n_out * n_in, sqrtf(1.0f / (float)n_in), 0), 0, n_out);
    return w;
}

static csi_aed_attention attention(csi_kind kind)
{
    return (csi_aed_attention){dense(kind, D, D),   dense(kind, D, D),   dense(kind, D, D),   dense(kind, D, D),
                               numbers(D, 0.1f, 0), numbers(D, 0.1f, 0), numbers(D, 0.1f, 0), numbers(D, 0.1f, 0)};
}

static csi_aed net_of(csi_kind kind)
{
    static csi_aed_layer layer;
    layer = (csi_aed_layer){.self = attention(kind),
                            .cross = attention(kind),
                            .in_w = dense(kind, INNER, D),
                            .out_w = dense(kind, D, INNER),
                            .in_b = numbers(INNER, 0.1f, 0),
                            .out_b = numbers(D, 0.1f, 0),
                            .norm_self_w = numbers(D, 0.1f, 1),
                            .norm_self_b = numbers(D, 0.1f, 0),
                            .norm_cross_w = numbers(D, 0.1f, 1),
                            .norm_cross_b = numbers(D, 0.1f, 0),
                            .norm_ff_w = numbers(D, 0.1f, 1),
                            .norm_ff_b = numbers(D, 0.1f, 0)};
    return (csi_aed){.d_model = D,
                     .d = D,
                     .classes = CLASSES,
                     .max_positions = POSITIONS,
                     .decoder = {.n_layers = 1,
                                 .d = D,
                                 .inner = INNER,
                                 .n_heads = HEADS,
                                 .head_width = D / HEADS,
                                 .pre_norm = true,
                                 .layers = &layer,
                                 .final_w = numbers(D, 0.1f, 1),
                                 .final_b = numbers(D, 0.1f, 0)},
                     .embed = numbers((int64_t)CLASSES * D, 1, 0), /* logits far apart, as trained ones are */
                     .head_b = numbers(CLASSES, 0.1f, 0),
                     .positions = numbers(POSITIONS * D, 1, 0),
                     .norm_w = numbers(D, 0.1f, 1),
                     .norm_b = numbers(D, 0.1f, 0)};
}

/* A prompt, then the tokens of `lines` lines step by step; of each step the first line's scores to out (1 + STEPS, CLASSES). */
static void hear(const csi_ops *ops, const csi_aed *aed, int threads, int32_t lines, float *out)
{
    const csi_aed_room room = {FRAMES, POSITIONS, LINES, PROMPT};
    csi_floats memory = {.env = &env}, cross = {.env = &env}, scratch = {.env = &env}, scores = {.env = &env};
    const size_t floats = (csi_aed_scratch(aed, FRAMES) + csi_ops_scratch(D / HEADS) + 15) / 16 * 16;
    static const int32_t prompt[PROMPT] = {7, 3, 11, 5}, parents[LINES] = {0};
    csi_aed_cache cache;
    seed = 99;
    const float *states = numbers(csi_panels(FRAMES) * CSI_PANEL * D, 1, 0);
    if (csi_floats_reserve(&memory, csi_aed_cache_floats(aed, &room), "", NULL)
        || csi_floats_reserve(&cross, csi_aed_cross_floats(aed, FRAMES), "", NULL)
        || csi_floats_reserve(&scratch, floats * (size_t)threads, "", NULL)
        || csi_floats_reserve(&scores, LINES * CLASSES, "", NULL))
        abort();
    const csi_run run = {ops, pool, threads, scratch.data, floats};
    for (size_t i = 0; i < memory.n; i++)
        memory.data[i] = (float)INFINITY; /* what is not written must not be read */
    csi_aed_cache_init(aed, &room, memory.data, &cache);
    csi_aed_cross(&run, aed, states, &cache, cross.data);
    csi_aed_step(&run, aed, &cache, 1, NULL, prompt, PROMPT, 0, out);
    for (int32_t i = 0; i < STEPS; i++) {
        const int32_t ids[LINES] = {100 + 13 * i, 2000 + i, 4103 - i};
        csi_aed_step(&run, aed, &cache, lines, i ? NULL : parents, ids, 1, PROMPT + i, scores.data);
        memcpy(out + (i + 1) * CLASSES, scores.data, CLASSES * sizeof *out);
    }
    csi_floats_finish(&memory);
    csi_floats_finish(&cross);
    csi_floats_finish(&scratch);
    csi_floats_finish(&scores);
}

/* The LINES best of whole and screened, and all that are not far from the best. */
static int near_whole(const csi_ops *ops, const float *whole, const float *screened)
{
    static float a[CLASSES], b[CLASSES];
    int far = 0;
    memcpy(a, whole, sizeof a);
    memcpy(b, screened, sizeof b);
    for (int i = 0; i < LINES; i++) {
        const int64_t best = ops->argmax(a, CLASSES);
        CHECK_INT(ops->argmax(b, CLASSES), best);
        a[best] = b[best] = -INFINITY;
    }
    const float least = whole[ops->argmax(whole, CLASSES)] - CSI_AED_MARGIN;
    for (int i = 0; i < CLASSES; i++) {
        const float gap = fabsf(whole[i] - screened[i]);
        CHECK(gap < (whole[i] >= least ? 2e-3f : 1));
        far += gap > 2e-3f;
    }
    return far;
}

static void screened_heads(void)
{
    enum { ALL = (1 + STEPS) * CLASSES };
    static const csi_kind kinds[] = {CSI_KIND_INT8, CSI_KIND_BF16};
    static float whole[ALL], screened[ALL], other[ALL];
    for (size_t k = 0; k < CSI_COUNT(kinds); k++) {
        void *block = NULL;
        csi_arena_init(&arena, &env);
        csi_aed aed = net_of(kinds[k]), bare = aed;
        CHECK(csi_aed_pack(&env, pool, &aed, &block) > 0 && aed.screen.int8.w);
        for (int path = CSI_CPU_C; path <= CSI_CPU_NEON; path++) {
            const csi_ops *tables[CSI_OPS_MOST];
            csi_cpu_path chosen;
            if (csi_cpu_choose(csi_cpu_name((csi_cpu_path)path), &chosen, NULL) != CS_OK)
                continue;
            const int n = csi_ops_list(chosen, tables);
            for (int t = 0; t < n; t++) {
                int far = 0;
                hear(tables[t], &bare, 1, 1, whole);
                hear(tables[t], &aed, 1, 1, screened);
                for (int i = 0; i <= STEPS; i++)
                    far += near_whole(tables[t], whole + i * CLASSES, screened + i * CLASSES);
                CHECK(far > CLASSES); /* most rows were not computed in f32 */
                hear(tables[t], &aed, 1, LINES, other);
                CHECK(memcmp(screened, other, sizeof other) == 0);
                hear(tables[t], &aed, 3, LINES, other);
                CHECK(memcmp(screened, other, sizeof other) == 0);
            }
        }
        csi_free(&env, block);
        csi_arena_finish(&arena);
    }
}

static void small_or_f32(void)
{
    csi_arena_init(&arena, &env);
    csi_aed aed = net_of(CSI_KIND_INT8);
    void *block = NULL;
    aed.classes = 4088;
    CHECK(csi_aed_pack(&env, pool, &aed, &block) == 0 && !aed.screen.int8.w && !block);
    aed.classes = CLASSES;
    aed.decoder.layers[0].in_w.narrow.w = NULL;
    CHECK(csi_aed_pack(&env, pool, &aed, &block) == 0 && !aed.screen.int8.w && !block);
    csi_arena_finish(&arena);
}

int main(void)
{
    cs_error err;
    csi_env_init(&env, NULL, NULL, NULL);
    if (csi_pool_create(&env, 3, &pool, &err) != CS_OK)
        abort();
    RUN(screened_heads);
    RUN(small_or_f32);
    csi_pool_free(pool);
    return check_done();
}
