/* SPDX-License-Identifier: MIT
 * A transducer decodes to the same tokens with a screen of its last layer as without: RNN-T and TDT, in one piece and in
 * several. In f32 probabilities, confidences and score are the same bits too; elsewhere they are near. */
#include "check.h"
#include "decode/decode.h"

#include <math.h>

enum { VOCAB = 1100, JOINT = 256, PRED = 48, FRAMES = 200 };

static csi_env env;
static csi_pool *pool;
static csi_arena arena;
static uint64_t seed = 3;

static float *floats(int64_t n, float amplitude)
{
    float *x = csi_arena_alloc(&arena, (size_t)n * sizeof *x);
    if (!x)
        abort();
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = amplitude * ((float)(seed >> 40) / (float)(1 << 23) - 1);
    }
    return x;
}

static csi_transducer transducer_of(int32_t n_durations)
{
    csi_transducer t = {.vocab = VOCAB, .pred = PRED, .joint = JOINT, .n_lstm = 1, .n_durations = n_durations};
    const int64_t rows = VOCAB + 1 + n_durations;
    for (int32_t d = 0; d < n_durations; d++)
        t.durations[d] = d;
    t.embed = floats((int64_t)(VOCAB + 1) * PRED, 1);
    t.w_ih[0].f32 = floats(4 * PRED * PRED, 0.3f);
    t.w_hh[0].f32 = floats(4 * PRED * PRED, 0.3f);
    t.b_ih[0] = floats(4 * PRED, 0.3f);
    t.b_hh[0] = floats(4 * PRED, 0.3f);
    t.pred_w.f32 = floats(JOINT * PRED, 0.6f);
    t.pred_b = floats(JOINT, 0.1f);
    t.out_w = floats(rows * JOINT, 0.2f);
    float *bias = floats(rows, 0.1f);
    bias[VOCAB] = 3.5f; /* about every other time the largest */
    t.out_b = bias;
    return t;
}

/* frames in pieces of `piece`; *blanks: steps that gave no token. */
static csi_emissions decode(const csi_transducer *t, const float *frames, int64_t piece, int threads, int64_t *blanks)
{
    const csi_run run = {.ops = csi_ops_for(csi_cpu_best()), .pool = pool, .max_threads = threads};
    const csi_confidence confidence = {CS_CONFIDENCE_TSALLIS_EXP, 0.33, CS_AGGREGATE_MIN};
    csi_emissions out = {.env = &env};
    csi_transducer_state state;
    float *memory = csi_alloc_zero(&env, csi_transducer_state_floats(t) * sizeof *memory);
    cs_error err;
    if (!memory)
        abort();
    csi_transducer_begin(t, &state, memory);
    for (int64_t at = 0; at < FRAMES; at += piece)
        CHECK_INT(csi_transducer_greedy(&run, t, &confidence, 3, &state, frames + at * JOINT,
                                        CSI_MIN(piece, FRAMES - at), NULL, NULL, &out, &err),
                  CS_OK);
    *blanks = state.n_steps - (int64_t)out.n;
    csi_free(&env, memory);
    return out;
}

static void check_same(const csi_emissions *a, const csi_emissions *b, bool bits)
{
    CHECK_INT(b->n, a->n);
    for (size_t i = 0; i < CSI_MIN(a->n, b->n); i++) {
        const csi_emission *x = &a->items[i], *y = &b->items[i];
        CHECK_INT(y->id, x->id);
        CHECK_INT(y->frame, x->frame);
        CHECK_INT(y->duration, x->duration);
        CHECK_NEAR(y->logprob, x->logprob, bits ? 0 : 0.01);
        CHECK_NEAR(y->confidence, x->confidence, bits ? 0 : 0.01);
    }
    CHECK_NEAR(b->score, a->score, bits ? 0 : 0.1);
}

static void check_family(int32_t n_durations)
{
    csi_transducer plain = transducer_of(n_durations);
    const float *frames = floats(FRAMES * JOINT, 1.5f);
    int64_t blanks;
    csi_emissions expected = decode(&plain, frames, FRAMES, 1, &blanks);
    CHECK(expected.n >= 20 && blanks >= 20);
    for (int f32 = 0; f32 < 2; f32++) {
        csi_transducer packed = plain;
        void *block;
        CHECK(csi_transducer_pack(&env, pool, f32, &packed, &block) > 0);
        CHECK_INT(packed.screen.int8.w != NULL, !f32 || n_durations == 0);
        for (int threads = 1; threads <= 2; threads++) {
            int64_t same;
            csi_emissions met = decode(&packed, frames, threads == 1 ? FRAMES : 7, threads, &same);
            check_same(&expected, &met, f32);
            CHECK_INT(same, blanks);
            csi_emissions_finish(&met);
        }
        csi_free(&env, block);
    }
    csi_emissions_finish(&expected);
}

static void rnnt(void)
{
    check_family(0);
}

static void tdt(void)
{
    check_family(5);
}

int main(void)
{
    cs_error err;
    csi_env_init(&env, NULL, NULL, NULL);
    csi_arena_init(&arena, &env);
    if (csi_pool_create(&env, 2, &pool, &err) != CS_OK)
        abort();
    RUN(rnnt);
    RUN(tdt);
    csi_pool_free(pool);
    csi_arena_finish(&arena);
    return check_done();
}
