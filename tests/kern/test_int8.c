/* SPDX-License-Identifier: MIT
 * The int8 kernels: every set that this CPU can run gives the bits of the plain C twin, and that one does what the door
 * says. Odd and real sizes, every epilogue, interleaved rows, columns of zeros, the largest values; whatever lies
 * around an output stays as it was. */
#include "check.h"
#include "math/ops.h"

#include <math.h>

static csi_env env;
static const csi_ops *plain, *tables[16];
static int n_tables;
static uint64_t seed = 1;

static uint32_t draw(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

static float uniform(void)
{
    return (float)(draw() >> 8) / (float)(1 << 23) - 1;
}

static void *take(int64_t n, size_t size)
{
    void *p = csi_alloc_array(&env, (size_t)n, size);
    if (!p)
        abort();
    return p;
}

static float *floats(int64_t n, float amplitude)
{
    float *x = take(n, sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = amplitude * uniform();
    return x;
}

/* Bytes in -127..127, one in eight the largest. */
static int8_t byte(void)
{
    uint32_t r = draw();
    return (int8_t)(r % 8 == 0 ? (r & 8 ? 127 : -127) : (int)(r / 16 % 255) - 127);
}

static csi_int8_weights weights(int64_t n_out, int64_t n_in)
{
    int64_t pitch = csi_int8_pitch(n_in);
    int8_t *w = take(n_out * pitch, 1);
    int32_t *sum = take(n_out, sizeof *sum);
    for (int64_t r = 0; r < n_out; r++) {
        sum[r] = 0;
        for (int64_t k = 0; k < pitch; k++) {
            w[r * pitch + k] = k >= n_in ? 0 : r % 5 == 4 ? 127 : byte();
            sum[r] += w[r * pitch + k];
        }
    }
    float *scale = floats(n_out, 0.001f);
    return (csi_int8_weights){w, scale, sum, n_out, n_in, pitch};
}

static void free_weights(const csi_int8_weights *w)
{
    csi_free(&env, (void *)(uintptr_t)w->w);
    csi_free(&env, (void *)(uintptr_t)w->scale);
    csi_free(&env, (void *)(uintptr_t)w->sum);
}

/* Column 0 holds nothing but the largest value, column 1 its negative, column 2 zeros. */
static csi_int8_panels activations(int64_t n_in, int64_t columns)
{
    int64_t pitch = csi_int8_pitch(n_in), panels = csi_panels(columns);
    csi_int8_panels x = {take(panels * pitch * CSI_PANEL, 1), floats(panels * CSI_PANEL, 0.01f)};
    for (int64_t i = 0; i < panels * pitch * CSI_PANEL; i++) {
        int64_t t = i / CSI_INT8_GROUP % CSI_PANEL, c = i / (CSI_PANEL * CSI_INT8_GROUP) % (pitch / 4) * 4 + i % 4;
        x.q[i] = c >= n_in || t == 2 ? 0 : t == 0 ? 127 : t == 1 ? -127 : byte();
    }
    return x;
}

/* Lanes past the last column hold rubbish: make it the same rubbish. */
static void clear_past(float *y, int64_t y_panel, int64_t y_row, int64_t n_out, int64_t columns)
{
    int64_t last = csi_panels(columns) - 1;
    for (int64_t r = 0; r < n_out; r++)
        for (int64_t t = columns - last * CSI_PANEL; t < CSI_PANEL; t++)
            y[last * y_panel + r * y_row + t] = 0;
}

static void same(const void *met, const void *expected, size_t size, const csi_ops *ops, const char *what)
{
    if (memcmp(met, expected, size) != 0) {
        check_bad++;
        printf("# %s differs from plain C: %s\n", ops->int8_kernels, what);
    }
}

/* Rows [row0, row1) of a layer; `gap` rows of others between two of its rows. */
static void linear_case(int64_t n_out, int64_t n_in, int64_t columns, int64_t row0, int64_t row1, int64_t gap,
                        csi_epilogue epilogue, bool bias)
{
    char what[128];
    snprintf(what, sizeof what, "linear %d x %d, %d columns, epilogue %d", (int)n_out, (int)n_in, (int)columns,
             epilogue);
    const csi_int8_weights w = weights(n_out, n_in);
    const csi_int8_panels x = activations(n_in, columns);
    const int64_t panels = csi_panels(columns), y_row = (1 + gap) * CSI_PANEL, y_panel = n_out * y_row + 16;
    const int64_t n = panels * y_panel;
    float *b = floats(n_out, 3), *begun = floats(n, 3), *expected = take(n, sizeof(float)),
          *met = take(n, sizeof(float));
    csi_linear l = {.bias = bias ? b : NULL,
                    .n_out = n_out,
                    .n_in = n_in,
                    .y = expected,
                    .y_panel = y_panel,
                    .y_row = y_row,
                    .columns = columns,
                    .epilogue = epilogue,
                    .scale = 0.5f,
                    .int8 = &w,
                    .x8 = x};
    memcpy(expected, begun, (size_t)n * sizeof *begun);
    plain->linear_int8(&l, row0, row1, 0, panels);
    clear_past(expected, y_panel, y_row, n_out, columns);
    l.y = met;
    for (int i = 0; i < n_tables; i++)
        for (int cut = 0; cut < 2; cut++) { /* whole, and in slices */
            int64_t rows = cut ? 13 : row1, step = cut ? 2 : panels;
            memcpy(met, begun, (size_t)n * sizeof *begun);
            for (int64_t r = row0; r < row1; r += rows)
                for (int64_t p = 0; p < panels; p += step)
                    tables[i]->linear_int8(&l, r, CSI_MIN(r + rows, row1), p, CSI_MIN(p + step, panels));
            clear_past(met, y_panel, y_row, n_out, columns);
            same(met, expected, (size_t)n * sizeof *met, tables[i], what);
        }
    csi_free(&env, met);
    csi_free(&env, expected);
    csi_free(&env, begun);
    csi_free(&env, b);
    csi_free(&env, x.q);
    csi_free(&env, x.scale);
    free_weights(&w);
}

static void odd_sizes(void)
{
    for (int64_t i = 1; i <= 70; i++)
        for (int f = CSI_STORE; f <= CSI_RESIDUAL; f++) {
            int64_t n_out = (i * 37 + f * 11) % 70 + 1, columns = (i * 53 + f * 29) % 150 + 1;
            linear_case(n_out, i, columns, 0, n_out, i % 3, (csi_epilogue)f, i % 4 != 0);
        }
}

static void every_number_of_columns(void)
{
    for (int64_t columns = 1; columns <= 150; columns++)
        linear_case(17, 61 + columns % 16, columns, 0, 17, 0, (csi_epilogue)(columns % 4), true);
}

/* Whole layers where that is quick, else their first and last rows. */
static void real_sizes(void)
{
    static const int64_t shapes[][2] = {{1024, 4096}, {4096, 1024}, {640, 1024}, {8198, 640}, {9, 8192}};
    static const int64_t columns[] = {1, 3, 4, 5, 49, 150};
    for (size_t s = 0; s < CSI_COUNT(shapes); s++)
        for (size_t c = 0; c < CSI_COUNT(columns); c++) {
            int64_t n_out = shapes[s][0], n_in = shapes[s][1], rows = columns[c] < 4 ? n_out : CSI_MIN(n_out, 21);
            linear_case(n_out, n_in, columns[c], 0, rows, 0, (csi_epilogue)((s + c) % 4), true);
            linear_case(n_out, n_in, columns[c], n_out - 9, n_out, 0, CSI_STORE, false);
        }
}

/* The largest sums that n_in 8192 allows. */
static void largest_sums(void)
{
    enum { N = 8192, COLUMNS = 6 };
    int8_t *w8 = take(2 * N, 1), *q = take((int64_t)N * CSI_PANEL, 1);
    float scale[CSI_PANEL], y[2 * CSI_PANEL], w_scale[2] = {1, 1};
    int32_t sum[2] = {127 * N, -127 * N};
    for (int64_t i = 0; i < N; i++) {
        w8[i] = 127;
        w8[N + i] = -127;
    }
    for (int64_t i = 0; i < (int64_t)N * CSI_PANEL; i++)
        q[i] = i / 4 % 2 ? 127 : -127;
    for (int t = 0; t < CSI_PANEL; t++)
        scale[t] = 1;
    const csi_int8_weights w = {w8, w_scale, sum, 2, N, N};
    for (int i = 0; i < n_tables; i++)
        for (int64_t columns = 2; columns <= COLUMNS; columns += COLUMNS - 2) {
            csi_linear l = csi_dense(NULL, NULL, 2, N, NULL, y, columns);
            l.int8 = &w;
            l.x8 = (csi_int8_panels){q, scale};
            tables[i]->linear_int8(&l, 0, 2, 0, 1);
            for (int t = 0; t < columns; t++) {
                CHECK(y[t] == (t % 2 ? 127.f * 127 * N : -127.f * 127 * N));
                CHECK(y[CSI_PANEL + t] == -y[t]);
            }
        }
    csi_free(&env, w8);
    csi_free(&env, q);
}

static void matvec(void)
{
    static const int64_t sizes[][2] = {{8198, 640}, {2560, 640}, {133, 4100}};
    for (int64_t i = 1; i <= 70 + (int64_t)CSI_COUNT(sizes); i++) {
        int64_t n_out = i <= 70 ? (i * 37) % 70 + 1 : sizes[i - 71][0], n_in = i <= 70 ? i * 3 : sizes[i - 71][1];
        const csi_int8_weights w = weights(n_out, n_in);
        int8_t *x = take(w.pitch, 1);
        for (int64_t k = 0; k < w.pitch; k++)
            x[k] = k < n_in ? byte() : 0;
        float *bias = floats(n_out, 1), *expected = floats(n_out, 1), *met = take(n_out, sizeof *met);
        const int64_t row0 = n_out / 7, row1 = n_out - n_out / 5;
        for (int t = 0; t < n_tables; t++)
            for (int with = 0; with < 2; with++) {
                memcpy(met, expected, (size_t)n_out * sizeof *met);
                plain->matvec_int8(&w, row0, row1, x, 0.013f, with ? bias : NULL, expected);
                tables[t]->matvec_int8(&w, row0, row1, x, 0.013f, with ? bias : NULL, met);
                same(met, expected, (size_t)n_out * sizeof *met, tables[t], "matvec");
            }
        csi_free(&env, met);
        csi_free(&env, expected);
        csi_free(&env, bias);
        csi_free(&env, x);
        free_weights(&w);
    }
}

/* Halves between two steps (ties), a column of zeros, one of values too small to divide by, large and small ones. */
static float *hard_panel(int64_t rows)
{
    float *x = floats(rows * CSI_PANEL, 4);
    for (int64_t r = 0; r < rows; r++) {
        float *row = x + r * CSI_PANEL;
        row[0] = r ? (float)(r % 100) + 0.5f : -127;
        row[1] = r % 2 ? -0.0f : 0.0f;
        row[2] *= 1e-37f;
        row[3] *= 1e37f;
        row[4] *= 1e-29f;
    }
    return x;
}

static void quantize(void)
{
    static const int64_t all_rows[] = {1, 2, 3, 4, 5, 7, 64, 255, 1024};
    for (size_t i = 0; i < CSI_COUNT(all_rows); i++)
        for (int64_t columns = 1; columns <= CSI_PANEL; columns += 1 + columns / 3) {
            const int64_t rows = all_rows[i], pitch = csi_int8_pitch(rows), n = pitch * CSI_PANEL;
            float *x = hard_panel(rows), expected_scale[CSI_PANEL + 1], scale[CSI_PANEL + 1];
            int8_t *expected = take(n + 1, 1), *met = take(n + 1, 1);
            plain->quantize(x, rows, pitch, columns, expected, expected_scale);
            for (int64_t t = 0; t < columns; t++) {
                float most = 0;
                for (int64_t r = 0; r < rows; r++)
                    most = fmaxf(most, fabsf(x[r * CSI_PANEL + t]));
                most = most < 1e-30f ? 0 : most;
                CHECK(expected_scale[t] == most / 127);
                for (int64_t r = 0; r < pitch; r++)
                    CHECK_INT(expected[(r / 4 * CSI_PANEL + t) * 4 + r % 4],
                              r < rows && most > 0 ? nearbyintf(x[r * CSI_PANEL + t] * (127 / most)) : 0);
            }
            for (int k = 0; k < n_tables; k++) {
                memset(met, 99, (size_t)n + 1);
                scale[CSI_PANEL] = 99;
                tables[k]->quantize(x, rows, pitch, columns, met, scale);
                CHECK(met[n] == 99 && scale[CSI_PANEL] == 99);
                same(scale, expected_scale, (size_t)columns * sizeof *scale, tables[k], "scales");
                for (int64_t t = columns; t < CSI_PANEL; t++)
                    CHECK(isfinite(scale[t]));
                for (int64_t g = 0; g < pitch / 4; g++)
                    same(met + g * 4 * CSI_PANEL, expected + g * 4 * CSI_PANEL, (size_t)columns * 4, tables[k],
                         "quantize");
            }
            csi_free(&env, expected);
            csi_free(&env, met);
            csi_free(&env, x);
        }
}

/* Numbers that are none must not pass unseen: the scale says it. */
static void no_number(void)
{
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    float x[8 * CSI_PANEL], scale[CSI_PANEL];
    int8_t q[8 * CSI_PANEL];
    for (size_t b = 0; b < CSI_COUNT(bad); b++)
        for (int t = 0; t < CSI_PANEL; t++) {
            for (int i = 0; i < 8 * CSI_PANEL; i++)
                x[i] = uniform();
            x[(b * 2 + 1) * CSI_PANEL + (size_t)t] = bad[b];
            for (int k = 0; k < n_tables; k++) {
                tables[k]->quantize(x, 8, 8, CSI_PANEL, q, scale);
                for (int i = 0; i < CSI_PANEL; i++)
                    CHECK(!isfinite(scale[i]) == (i == t));
            }
            CHECK(!isfinite(csi_int8_vector(x, 8 * CSI_PANEL, 8 * CSI_PANEL, q)));
        }
}

static void pack(void)
{
    for (int64_t n_in = 1; n_in < 140; n_in += 1 + n_in / 6) {
        const int64_t n_out = 5, pitch = csi_int8_pitch(n_in);
        float *w = floats(n_out * n_in, 0.2f), scale[5], vector_scale;
        int8_t *w8 = take(n_out * pitch, 1), *q = take(pitch, 1);
        int32_t sum[5];
        memset(w + 3 * n_in, 0, (size_t)n_in * sizeof *w);
        csi_int8_pack(w, n_in, 2, 5, w8, scale, sum);
        csi_int8_pack(w, n_in, 0, 2, w8, scale, sum);
        for (int64_t r = 0; r < n_out; r++) {
            float most = 0;
            int32_t total = 0;
            for (int64_t k = 0; k < n_in; k++)
                most = fmaxf(most, fabsf(w[r * n_in + k]));
            CHECK(scale[r] == most / 127);
            for (int64_t k = 0; k < pitch; k++) {
                int step = k < n_in && most > 0 ? (int)nearbyintf(w[r * n_in + k] * (127 / most)) : 0;
                CHECK_INT(w8[r * pitch + k], step);
                total += step;
            }
            CHECK_INT(sum[r], total);
            vector_scale = csi_int8_vector(w + r * n_in, n_in, pitch, q);
            CHECK(vector_scale == scale[r] && memcmp(q, w8 + r * pitch, (size_t)pitch) == 0);
        }
        csi_free(&env, w8);
        csi_free(&env, q);
        csi_free(&env, w);
    }
}

/* The whole way on the worker pool, an f32 layer beside an int8 one; the int8 result is near the f32 one. */
static void run_mixed(void)
{
    enum { OUT = 200, IN = 333, COLUMNS = 500 };
    const int64_t panels = csi_panels(COLUMNS), pitch = csi_int8_pitch(IN), n = panels * OUT * CSI_PANEL;
    float *w = floats(OUT * IN, 0.1f), *x = floats(panels * IN * CSI_PANEL, 1), *bias = floats(OUT, 1);
    int8_t *w8 = take(OUT * pitch, 1);
    float *scale = take(OUT, sizeof *scale), *f32 = take(n, sizeof *f32), *y = take(n, sizeof *y),
          *keep = take(n, sizeof *y);
    int32_t *sum = take(OUT, sizeof *sum);
    csi_int8_panels x8 = {take(panels * pitch * CSI_PANEL, 1), take(panels * CSI_PANEL, sizeof(float))};
    csi_pool *pool;
    CHECK_INT(csi_pool_create(&env, 3, &pool, NULL), CS_OK);
    csi_run run = {.pool = pool, .max_threads = 3, .scratch_floats = csi_ops_scratch(16)};
    run.scratch = take(3 * (int64_t)run.scratch_floats, sizeof *run.scratch);
    csi_int8_pack(w, IN, 0, OUT, w8, scale, sum);
    const csi_int8_weights weights8 = {w8, scale, sum, OUT, IN, pitch};
    for (int i = 0; i < n_tables; i++) {
        csi_linear layers[2] = {csi_dense(w, bias, OUT, IN, x, f32, COLUMNS),
                                csi_dense(NULL, bias, OUT, IN, NULL, y, COLUMNS)};
        layers[1].int8 = &weights8;
        layers[1].x8 = x8;
        run.ops = tables[i];
        csi_quantize_run(&run, x, IN * CSI_PANEL, IN, COLUMNS, NULL, &x8);
        csi_linear_run(&run, layers, 2);
        clear_past(f32, OUT * CSI_PANEL, CSI_PANEL, OUT, COLUMNS);
        clear_past(y, OUT * CSI_PANEL, CSI_PANEL, OUT, COLUMNS);
        double error = 0, size = 0;
        for (int64_t k = 0; k < n; k++) {
            error += pow((double)y[k] - f32[k], 2);
            size += pow((double)f32[k], 2);
        }
        CHECK(error < 1e-4 * size);
        if (i == 0)
            memcpy(keep, y, (size_t)n * sizeof *y);
        same(y, keep, (size_t)n * sizeof *y, tables[i], "run");
    }
    csi_pool_free(pool);
    void *all[] = {w, x, bias, w8, scale, f32, y, keep, sum, x8.q, x8.scale, run.scratch};
    for (size_t i = 0; i < CSI_COUNT(all); i++)
        csi_free(&env, all[i]);
}

int main(void)
{
    csi_env_init(&env, NULL, NULL, NULL);
    plain = csi_ops_for(CSI_CPU_C);
    printf("# int8 kernels:");
    for (int path = CSI_CPU_C; path <= CSI_CPU_NEON; path++) {
        csi_cpu_path chosen;
        if (csi_cpu_choose(csi_cpu_name((csi_cpu_path)path), &chosen, NULL) == CS_OK)
            n_tables += csi_ops_list(chosen, tables + n_tables);
    }
    for (int i = 0; i < n_tables; i++)
        printf(" %s", tables[i]->int8_kernels);
    puts("");
    RUN(odd_sizes);
    RUN(every_number_of_columns);
    RUN(real_sizes);
    RUN(largest_sums);
    RUN(matvec);
    RUN(quantize);
    RUN(no_number);
    RUN(pack);
    RUN(run_mixed);
    return check_done();
}
