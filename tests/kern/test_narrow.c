/* SPDX-License-Identifier: MIT
 * The narrow kernels. int8: every set that this CPU can run gives the bits of the plain C twin. bf16: it is near the
 * twin, and gives the same bits however the work is cut, whatever other columns there are. And the twins do what the door
 * says. Odd and real sizes, every epilogue, interleaved rows, columns of zeros, the largest values; whatever lies around an
 * output stays as it was. */
#include "check.h"
#include "math/ops.h"

#include <math.h>

static csi_env env;
static const csi_ops *plain, *tables[16];
static int n_tables;
static csi_kind kind; /* under test */
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

static int per_word(void)
{
    return kind == CSI_KIND_INT8 ? 4 : 2;
}

static float bf16_value(uint32_t bits)
{
    bits <<= 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Put a number into its word: a byte, or the upper half of a float. */
static void put(uint32_t *word, int64_t k, int8_t q)
{
    if (kind == CSI_KIND_INT8)
        *word |= (uint32_t)(uint8_t)q << (k % 4 * 8);
    else {
        float x = (float)q / 64;
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        *word |= bits >> 16 << (k % 2 * 16);
    }
}

static csi_narrow weights(int64_t n_out, int64_t n_in)
{
    const int64_t words = csi_narrow_words(kind, n_in), rows = csi_row_blocks(n_out) * CSI_ROW_BLOCK;
    uint32_t *w = take(rows * words, sizeof *w);
    int32_t *sum = take(rows, sizeof *sum);
    memset(w, 0, (size_t)(rows * words) * sizeof *w);
    memset(sum, 0, (size_t)rows * sizeof *sum);
    for (int64_t r = 0; r < n_out; r++)
        for (int64_t k = 0; k < n_in; k++) {
            int8_t q = r % 5 == 4 ? 127 : byte();
            put(&w[(r / CSI_ROW_BLOCK * words + k / per_word()) * CSI_ROW_BLOCK + r % CSI_ROW_BLOCK], k, q);
            sum[r] += q;
        }
    return (csi_narrow){kind, w, floats(rows, 0.001f), sum, n_out, n_in, words};
}

static void free_weights(const csi_narrow *w)
{
    csi_free(&env, (void *)(uintptr_t)w->w);
    csi_free(&env, (void *)(uintptr_t)w->scale);
    csi_free(&env, (void *)(uintptr_t)w->sum);
}

/* Column 0 holds nothing but the largest value, column 1 its negative, column 2 zeros. */
static csi_narrow_panels activations(int64_t n_in, int64_t columns)
{
    const int64_t words = csi_narrow_words(kind, n_in), panels = csi_panels(columns);
    csi_narrow_panels x = {take(panels * words * CSI_PANEL, sizeof *x.w), floats(panels * CSI_PANEL, 0.01f)};
    memset(x.w, 0, (size_t)(panels * words * CSI_PANEL) * sizeof *x.w);
    for (int64_t p = 0; p < panels; p++)
        for (int64_t k = 0; k < n_in; k++)
            for (int t = 0; t < CSI_PANEL; t++)
                put(&x.w[(p * words + k / per_word()) * CSI_PANEL + t], k,
                    t == 0   ? 127
                    : t == 1 ? -127
                    : t == 2 ? 0
                             : byte());
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
        printf("# %s differs: %s\n", ops->narrow[kind]->name, what);
    }
}

/* To the bit in int8; in bf16 to rounding of sums of n_in products. */
static void near(const float *met, const float *expected, int64_t n, int64_t n_in, const csi_ops *ops, const char *what)
{
    if (kind == CSI_KIND_INT8) {
        same(met, expected, (size_t)n * sizeof *met, ops, what);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(met[i] - expected[i]) <= 1e-6f * (float)(n_in + 8) * (1 + fabsf(expected[i])))) {
            check_bad++;
            printf("# %s: %g, plain C %g: %s\n", ops->narrow[kind]->name, (double)met[i], (double)expected[i], what);
            return;
        }
}

/* Rows [row0, row1) of a layer; `gap` rows of others between two of its rows. */
static void linear_case(int64_t n_out, int64_t n_in, int64_t columns, int64_t row0, int64_t row1, int64_t gap,
                        csi_epilogue epilogue, bool bias)
{
    char what[128];
    snprintf(what, sizeof what, "linear %d x %d, %d columns, epilogue %d", (int)n_out, (int)n_in, (int)columns,
             epilogue);
    const csi_narrow w = weights(n_out, n_in);
    const csi_narrow_panels x = activations(n_in, columns);
    const int64_t panels = csi_panels(columns), y_row = (1 + gap) * CSI_PANEL, y_panel = n_out * y_row + 16;
    const int64_t n = panels * y_panel;
    float *b = floats(n_out, 3), *begun = floats(n, 3), *expected = take(n, sizeof(float)),
          *met = take(n, sizeof(float)), *whole = take(n, sizeof(float));
    csi_linear l = {.bias = bias ? b : NULL,
                    .n_out = n_out,
                    .n_in = n_in,
                    .y = expected,
                    .y_panel = y_panel,
                    .y_row = y_row,
                    .columns = columns,
                    .epilogue = epilogue,
                    .scale = 0.5f,
                    .narrow = &w,
                    .narrow_x = x};
    memcpy(expected, begun, (size_t)n * sizeof *begun);
    plain->narrow[kind]->linear(&l, row0, row1, 0, panels);
    clear_past(expected, y_panel, y_row, n_out, columns);
    l.y = met;
    for (int i = 0; i < n_tables; i++)
        for (int cut = 0; cut < 2; cut++) { /* whole, and in slices */
            int64_t rows = cut ? CSI_ROW_BLOCK : row1, step = cut ? 2 : panels;
            memcpy(met, begun, (size_t)n * sizeof *begun);
            for (int64_t r = row0; r < row1; r += rows)
                for (int64_t p = 0; p < panels; p += step)
                    tables[i]->narrow[kind]->linear(&l, r, CSI_MIN(r + rows, row1), p, CSI_MIN(p + step, panels));
            clear_past(met, y_panel, y_row, n_out, columns);
            near(met, expected, n, n_in, tables[i], what);
            if (cut)
                same(met, whole, (size_t)n * sizeof *met, tables[i], what);
            else
                memcpy(whole, met, (size_t)n * sizeof *met);
        }
    csi_free(&env, whole);
    csi_free(&env, met);
    csi_free(&env, expected);
    csi_free(&env, begun);
    csi_free(&env, b);
    csi_free(&env, x.w);
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
            int64_t n_out = shapes[s][0], n_in = shapes[s][1], rows = columns[c] < 4 ? n_out : CSI_MIN(n_out, 16);
            linear_case(n_out, n_in, columns[c], 0, rows, 0, (csi_epilogue)((s + c) % 4), true);
            linear_case(n_out, n_in, columns[c], (n_out - 9) / CSI_ROW_BLOCK * CSI_ROW_BLOCK, n_out, 0, CSI_STORE,
                        false);
        }
}

/* A column's bits are the same whatever other columns there are. */
static void alone_and_together(void)
{
    enum { OUT = 90, IN = 333, COLUMNS = 100 };
    const csi_narrow w = weights(OUT, IN);
    const csi_narrow_panels x = activations(IN, COLUMNS);
    const int64_t n = csi_panels(COLUMNS) * OUT * CSI_PANEL;
    float *bias = floats(OUT, 1), *all = take(n, sizeof *all), *some = take(n, sizeof *some);
    for (int i = 0; i < n_tables; i++) {
        csi_linear l = csi_dense(NULL, bias, OUT, IN, NULL, all, COLUMNS);
        l.epilogue = CSI_SILU;
        l.narrow = &w;
        l.narrow_x = x;
        tables[i]->narrow[kind]->linear(&l, 0, OUT, 0, csi_panels(COLUMNS));
        l.y = some;
        for (l.columns = 1; l.columns <= 2 * CSI_PANEL; l.columns++) {
            tables[i]->narrow[kind]->linear(&l, 0, OUT, 0, csi_panels(l.columns));
            for (int64_t r = 0; r < OUT; r++)
                same(some + r * CSI_PANEL, all + r * CSI_PANEL, (size_t)CSI_MIN(l.columns, CSI_PANEL) * sizeof *some,
                     tables[i], "fewer columns");
        }
    }
    csi_free(&env, some);
    csi_free(&env, all);
    csi_free(&env, bias);
    csi_free(&env, x.w);
    csi_free(&env, x.scale);
    free_weights(&w);
}

/* The largest sums that n_in 8192 allows. */
static void largest_sums(void)
{
    enum { N = 8192, COLUMNS = 18 };
    const int64_t words = csi_narrow_words(CSI_KIND_INT8, N);
    float *f32 = take(2 * N, sizeof *f32), scale[CSI_ROW_BLOCK], x_scale[CSI_PANEL], y[2 * CSI_PANEL];
    int32_t sum[CSI_ROW_BLOCK];
    uint32_t *w8 = take(CSI_ROW_BLOCK * words, sizeof *w8), *x = take(CSI_PANEL * words, sizeof *x);
    for (int64_t i = 0; i < 2 * N; i++)
        f32[i] = i < N ? 127 : -127;
    for (int64_t i = 0; i < CSI_PANEL * words; i++)
        x[i] = i % 2 ? 0x7F7F7F7F : 0x81818181;
    for (int t = 0; t < CSI_PANEL; t++)
        x_scale[t] = 1;
    const csi_narrow w = {CSI_KIND_INT8, w8, scale, sum, 2, N, words};
    csi_narrow_pack(&w, f32, 0, 2);
    CHECK(scale[0] == 1 && scale[1] == 1 && sum[0] == 127 * N && sum[1] == -127 * N);
    for (int i = 0; i < n_tables; i++)
        for (int64_t columns = 2; columns <= COLUMNS; columns += COLUMNS - 2) {
            csi_linear l = csi_dense(NULL, NULL, 2, N, NULL, y, columns);
            l.narrow = &w;
            l.narrow_x = (csi_narrow_panels){x, x_scale};
            tables[i]->narrow[CSI_KIND_INT8]->linear(&l, 0, 2, 0, 1);
            for (int t = 0; t < columns; t++) {
                CHECK(y[t] == (t % 2 ? 127.f * 127 * N : -127.f * 127 * N));
                CHECK(y[CSI_PANEL + t] == -y[t]);
            }
        }
    csi_free(&env, w8);
    csi_free(&env, x);
    csi_free(&env, f32);
}

/* Products with a vector give the bits of a layer with one column. */
static void matvec(void)
{
    static const int64_t sizes[][2] = {{8198, 640}, {2560, 640}, {133, 4100}};
    for (int64_t i = 1; i <= 70 + (int64_t)CSI_COUNT(sizes); i++) {
        const int64_t n_out = i <= 70 ? (i * 37) % 70 + 1 : sizes[i - 71][0], n_in = i <= 70 ? i * 3 : sizes[i - 71][1];
        const csi_narrow w = weights(n_out, n_in);
        const csi_narrow_panels panel = activations(n_in, 4);
        uint32_t *x = take(w.words, sizeof *x);
        for (int64_t g = 0; g < w.words; g++)
            x[g] = panel.w[g * CSI_PANEL + 3];
        for (int64_t g = 0; g < w.words; g++)
            panel.w[g * CSI_PANEL] = x[g];
        panel.scale[0] = 0.013f;
        float *bias = floats(n_out, 1), *begun = floats(n_out, 1), *expected = take(n_out, sizeof *expected),
              *met = take(n_out, sizeof *met), *y = floats(n_out * CSI_PANEL, 1);
        const int64_t row0 = n_out / 7 / CSI_ROW_BLOCK * CSI_ROW_BLOCK,
                      row1 = n_out > 100 ? n_out / CSI_ROW_BLOCK * CSI_ROW_BLOCK - CSI_ROW_BLOCK : n_out;
        for (int t = 0; t < n_tables; t++)
            for (int with = 0; with < 2; with++) {
                memcpy(met, begun, (size_t)n_out * sizeof *met);
                memcpy(expected, begun, (size_t)n_out * sizeof *met);
                plain->narrow[kind]->matvec(&w, row0, row1, x, 0.013f, with ? bias : NULL, expected);
                tables[t]->narrow[kind]->matvec(&w, row0, row1, x, 0.013f, with ? bias : NULL, met);
                near(met, expected, n_out, n_in, tables[t], "matvec");
                csi_linear l = csi_dense(NULL, with ? bias : NULL, n_out, n_in, NULL, y, 1);
                l.narrow = &w;
                l.narrow_x = panel;
                tables[t]->narrow[kind]->linear(&l, row0, row1, 0, 1);
                for (int64_t r = row0; r < row1; r++)
                    CHECK(y[r * CSI_PANEL] == met[r]);
            }
        void *all[] = {x, bias, begun, expected, met, y, panel.w, panel.scale};
        for (size_t k = 0; k < CSI_COUNT(all); k++)
            csi_free(&env, all[k]);
        free_weights(&w);
    }
}

/* ---------------------------------------------------------------- conversions */

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
        row[5] = (257 + 2 * (float)(r % 128)) / 256; /* halfway between two bf16 */
    }
    return x;
}

/* The number that row r of column t became. */
static float converted(const uint32_t *words, int64_t r, int64_t t)
{
    uint32_t word = words[r / per_word() * CSI_PANEL + t];
    return kind == CSI_KIND_INT8 ? (float)(int8_t)(word >> (r % 4 * 8) & 255)
                                 : bf16_value(word >> (r % 2 * 16) & 0xFFFF);
}

/* x rounded to `bits` bits of mantissa, ties to even, by the C library. */
static float rounded(float x, int bits)
{
    int exponent;
    float mantissa = frexpf(x, &exponent);
    if (exponent < -125)
        return ldexpf(nearbyintf(ldexpf(x, 125 + bits)), -125 - bits); /* denormal: the step stays */
    return ldexpf(nearbyintf(ldexpf(mantissa, bits)), exponent - bits);
}

static void check_column(const float *x, int64_t rows, int64_t t, const uint32_t *words, float scale)
{
    float most = 0;
    for (int64_t r = 0; r < rows; r++)
        most = fmaxf(most, fabsf(x[r * CSI_PANEL + t]));
    most = most < 1e-30f ? 0 : most;
    if (kind == CSI_KIND_INT8)
        CHECK(scale == most / 127);
    for (int64_t r = 0; r < csi_narrow_words(kind, rows) * per_word(); r++) {
        float v = r < rows ? x[r * CSI_PANEL + t] : 0;
        float expected = kind == CSI_KIND_BF16 ? rounded(v, 8) : most > 0 ? nearbyintf(v * (127 / most)) : 0;
        CHECK(converted(words, r, t) == expected);
    }
}

static void convert(void)
{
    static const int64_t all_rows[] = {1, 2, 3, 4, 5, 7, 64, 255, 1024};
    for (size_t i = 0; i < CSI_COUNT(all_rows); i++)
        for (int64_t columns = 1; columns <= CSI_PANEL; columns += 1 + columns / 3) {
            const int64_t rows = all_rows[i], words = csi_narrow_words(kind, rows), n = words * CSI_PANEL;
            float *x = hard_panel(rows), expected_scale[CSI_PANEL + 1], scale[CSI_PANEL + 1];
            uint32_t *expected = take(n, sizeof *expected), *met = take(n + 1, sizeof *met);
            plain->narrow[kind]->convert(x, rows, columns, expected, expected_scale);
            for (int64_t t = 0; t < columns; t++)
                check_column(x, rows, t, expected, expected_scale[t]);
            for (int k = 0; k < n_tables; k++) {
                memset(met, 99, (size_t)(n + 1) * sizeof *met);
                memset(scale, 0, sizeof scale);
                scale[CSI_PANEL] = 99;
                tables[k]->narrow[kind]->convert(x, rows, columns, met, scale);
                CHECK(met[n] == 0x63636363 && scale[CSI_PANEL] == 99);
                if (kind == CSI_KIND_INT8)
                    same(scale, expected_scale, (size_t)columns * sizeof *scale, tables[k], "scales");
                for (int64_t t = columns; t < csi_strips(columns) * CSI_STRIP; t++)
                    CHECK(isfinite(scale[t]));
                for (int64_t t = csi_strips(columns) * CSI_STRIP; t < CSI_PANEL; t++) /* another strip's */
                    CHECK(scale[t] == 0 && met[(words - 1) * CSI_PANEL + t] == 0x63636363);
                for (int64_t g = 0; g < words; g++)
                    same(met + g * CSI_PANEL, expected + g * CSI_PANEL, (size_t)columns * sizeof *met, tables[k],
                         "convert");
            }
            csi_free(&env, expected);
            csi_free(&env, met);
            csi_free(&env, x);
        }
}

/* Numbers that are none must not pass unseen: int8's scale says it, bf16 keeps them. */
static void no_number(void)
{
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    float x[8 * CSI_PANEL], scale[CSI_PANEL];
    uint32_t words[4 * CSI_PANEL];
    for (size_t b = 0; b < CSI_COUNT(bad); b++)
        for (int t = 0; t < CSI_PANEL; t++) {
            for (int i = 0; i < 8 * CSI_PANEL; i++)
                x[i] = uniform();
            const int64_t row = (int64_t)b * 2 + 1;
            x[row * CSI_PANEL + t] = bad[b];
            for (int k = 0; k < n_tables; k++) {
                tables[k]->narrow[kind]->convert(x, 8, CSI_PANEL, words, scale);
                for (int i = 0; i < CSI_PANEL; i++)
                    if (kind == CSI_KIND_INT8)
                        CHECK(!isfinite(scale[i]) == (i == t));
                    else
                        CHECK(isnan(converted(words, row, i)) == (i == t && isnan(bad[b]))
                              && isfinite(converted(words, row, i)) == (i != t));
            }
            float s = csi_narrow_vector(kind, x, 8 * CSI_PANEL, words);
            if (kind == CSI_KIND_INT8)
                CHECK(!isfinite(s));
            else
                CHECK(!isfinite(
                    bf16_value(words[(row * CSI_PANEL + t) / 2] >> ((row * CSI_PANEL + t) % 2 * 16) & 0xFFFF)));
        }
}

/* Weights packed in two pieces: each output is its vector, the outputs past the last are zeros. */
static void pack(void)
{
    enum { OUT = 37, ROWS = 48 };
    for (int64_t n_in = 1; n_in < 140; n_in += 1 + n_in / 6) {
        const int64_t words = csi_narrow_words(kind, n_in);
        float *f32 = floats(OUT * n_in, 0.2f), scale[ROWS], vector_scale = 0;
        int32_t sum[ROWS];
        uint32_t *w = take(ROWS * words, sizeof *w), *q = take(words, sizeof *q);
        memset(f32 + 3 * n_in, 0, (size_t)n_in * sizeof *f32);
        memset(w, 99, (size_t)(ROWS * words) * sizeof *w);
        const csi_narrow narrow = {kind, w, scale, sum, OUT, n_in, words};
        csi_narrow_pack(&narrow, f32, 32, OUT);
        csi_narrow_pack(&narrow, f32, 0, 32);
        for (int64_t r = 0; r < ROWS; r++) {
            memset(q, 0, (size_t)words * sizeof *q);
            if (r < OUT)
                vector_scale = csi_narrow_vector(kind, f32 + r * n_in, n_in, q);
            int32_t total = 0;
            for (int64_t g = 0; g < words; g++) {
                CHECK(w[(r / CSI_ROW_BLOCK * words + g) * CSI_ROW_BLOCK + r % CSI_ROW_BLOCK] == q[g]);
                for (int shift = 0; shift < 32; shift += 8)
                    total += (int8_t)(q[g] >> shift & 255);
            }
            if (kind == CSI_KIND_INT8)
                CHECK(sum[r] == total && scale[r] == (r < OUT ? vector_scale : 0));
        }
        /* A vector is a panel's column. */
        float *column = floats(n_in * CSI_PANEL, 1), panel_scale[CSI_PANEL] = {0};
        uint32_t *panel = take(words * CSI_PANEL, sizeof *panel);
        for (int64_t k = 0; k < n_in; k++)
            column[k * CSI_PANEL] = f32[k];
        plain->narrow[kind]->convert(column, n_in, 1, panel, panel_scale);
        vector_scale = csi_narrow_vector(kind, f32, n_in, q);
        for (int64_t g = 0; g < words; g++)
            CHECK(q[g] == panel[g * CSI_PANEL]);
        CHECK(kind == CSI_KIND_BF16 ? vector_scale == 1 : vector_scale == panel_scale[0]);
        void *all[] = {f32, w, q, column, panel};
        for (size_t i = 0; i < CSI_COUNT(all); i++)
            csi_free(&env, all[i]);
    }
}

/* The whole way on the worker pool, an f32 layer beside a narrow one; the narrow result is near the f32 one. */
static void run_mixed(void)
{
    enum { OUT = 200, IN = 333, COLUMNS = 500, ROWS = 208 };
    const int64_t panels = csi_panels(COLUMNS), words = csi_narrow_words(kind, IN), n = panels * OUT * CSI_PANEL;
    float *w = floats(OUT * IN, 0.1f), *x = floats(panels * IN * CSI_PANEL, 1), *bias = floats(OUT, 1);
    uint32_t *packed = take(ROWS * words, sizeof *packed);
    float *scale = take(ROWS, sizeof *scale), *f32 = take(n, sizeof *f32), *y = take(n, sizeof *y),
          *keep = take(n, sizeof *y);
    int32_t *sum = take(ROWS, sizeof *sum);
    csi_narrow_panels narrow_x = {take(panels * words * CSI_PANEL, sizeof(uint32_t)),
                                  take(panels * CSI_PANEL, sizeof(float))};
    csi_pool *pool;
    CHECK_INT(csi_pool_create(&env, 3, &pool, NULL), CS_OK);
    csi_run run = {.pool = pool, .max_threads = 3, .scratch_floats = csi_ops_scratch(16)};
    run.scratch = take(3 * (int64_t)run.scratch_floats, sizeof *run.scratch);
    const csi_narrow narrow = {kind, packed, scale, sum, OUT, IN, words};
    csi_narrow_pack(&narrow, w, 0, OUT);
    for (int i = 0; i < n_tables; i++) {
        csi_linear layers[2] = {csi_dense(w, bias, OUT, IN, x, f32, COLUMNS),
                                csi_dense(NULL, bias, OUT, IN, NULL, y, COLUMNS)};
        layers[1].narrow = &narrow;
        layers[1].narrow_x = narrow_x;
        run.ops = tables[i];
        csi_convert_run(&run, kind, x, IN * CSI_PANEL, IN, COLUMNS, &narrow_x);
        csi_linear_run(&run, layers, 2);
        clear_past(f32, OUT * CSI_PANEL, CSI_PANEL, OUT, COLUMNS);
        clear_past(y, OUT * CSI_PANEL, CSI_PANEL, OUT, COLUMNS);
        double error = 0, size = 0;
        for (int64_t k = 0; k < n; k++) {
            error += pow((double)y[k] - f32[k], 2);
            size += pow((double)f32[k], 2);
        }
        CHECK(error < (kind == CSI_KIND_INT8 ? 1e-4 : 1e-5) * size);
        if (i == 0)
            memcpy(keep, y, (size_t)n * sizeof *y);
        near(y, keep, n, IN, tables[i], "run");
    }
    csi_pool_free(pool);
    void *all[] = {w, x, bias, packed, scale, f32, y, keep, sum, narrow_x.w, narrow_x.scale, run.scratch};
    for (size_t i = 0; i < CSI_COUNT(all); i++)
        csi_free(&env, all[i]);
}

int main(void)
{
    csi_env_init(&env, NULL, NULL, NULL);
    plain = csi_ops_for(CSI_CPU_C);
    for (int path = CSI_CPU_C; path <= CSI_CPU_NEON; path++) {
        csi_cpu_path chosen;
        if (csi_cpu_choose(csi_cpu_name((csi_cpu_path)path), &chosen, NULL) == CS_OK)
            n_tables += csi_ops_list(chosen, tables + n_tables);
    }
    RUN(largest_sums);
    for (kind = CSI_KIND_INT8; kind <= CSI_KIND_BF16; kind++) {
        printf("# %s kernels:", kind == CSI_KIND_INT8 ? "int8" : "bf16");
        for (int i = 0; i < n_tables; i++)
            printf(" %s", tables[i]->narrow[kind]->name);
        puts("");
        RUN(odd_sizes);
        RUN(every_number_of_columns);
        RUN(real_sizes);
        RUN(alone_and_together);
        RUN(matvec);
        RUN(convert);
        RUN(no_number);
        RUN(pack);
        RUN(run_mixed);
    }
    return check_done();
}
